"""The lists of shipping and payment methods, by the code that chooses one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def index_methods(listed: Any) -> dict[str, Mapping[str, Any]]:
    """Return the methods of a list by their code; empty for what is no list.

    Methods stand below their extension, under `quote` (shipping) or `option` (payment); up to 4.0.1 a payment
    extension is the method itself:

    ```
    {"flat": {"quote": {"flat": {"code": "flat.flat", "cost": "5.00"}}}}    gives flat.flat
    {"cod": {"option": {"cod": {"code": "cod.cod"}}}}                       gives cod.cod
    {"cod": {"code": "cod"}}                                                gives cod
    ```
    """
    found: dict[str, Mapping[str, Any]] = {}
    for group in _entries(listed):
        nested = group.get("quote", group.get("option"))
        for method in (group,) if nested is None else _entries(nested):
            if isinstance(method.get("code"), str):
                found[method["code"]] = method
    return found


def find_code(code: str, listed: Collection[str]) -> str | None:
    """Return the listed code that a code stands for, or None: `cod` and `cod.cod` are two ways to write one method."""
    head, point, tail = code.partition(".")
    other = head if point and head == tail else f"{code}.{code}"
    return next((each for each in (code, other) if each in listed), None)


def _entries(container: Any) -> list[Mapping[str, Any]]:
    values = container.values() if isinstance(container, Mapping) else ()
    return [value for value in values if isinstance(value, Mapping)]
