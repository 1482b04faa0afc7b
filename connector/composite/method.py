"""Choosing a shipping or payment method out of what the shop offers, by code or by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.composite.money import read_amount
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

RULES: Final = ("cheapest", "first")
"""Words that may stand in place of a code."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method that a shop offers.

    Attributes:
        code: As the catalog's `code` fields take it, such as `flat.flat` or `cod`.
        title: The shop's words.
        cost: Before tax, in the shop's own currency; None where the shop names none, as for payment methods.
    """

    code: str
    title: str
    cost: Decimal | None = None


def list_shipping(answer: Any) -> list[Method]:
    """Return the methods in an answer of `shipping.methods`, in the shop's order.

    `{"flat": {"title": …, "quote": {"flat": {"code": "flat.flat", "title": …, "cost": "5.00"}}, "error": …}}`, with
    `name` for `title` from 4.0.2; an empty list stands for none, and a carrier with an error offers nothing.
    """
    return [
        Method(str(quote["code"]), _title(quote), read_amount(quote.get("cost")))
        for carrier in _entries(answer, "shipping_methods")
        for quote in _values(carrier.get("quote"))
        if "code" in quote and not carrier.get("error")
    ]


def list_payment(answer: Any) -> list[Method]:
    """Return the methods in an answer of `payment.methods`, in the shop's order.

    `{"cod": {"code": "cod", "title": …}}` up to 4.0.1, with `option` below it from 4.0.2.
    """
    methods: list[Method] = []
    for provider in _entries(answer, "payment_methods"):
        options = list(_values(provider.get("option"))) or [provider]
        methods.extend(Method(str(option["code"]), _title(option)) for option in options if "code" in option)
    return methods


def choose(offered: Sequence[Method], preferences: Iterable[str]) -> Method | None:
    """Return the first method that a preference names, or None where the shop offers none of them.

    A preference is a code (`flat.flat`), the first part of one (`flat`, which takes its first method), `cheapest`
    (lowest cost before tax, the earlier one of equals; nothing where a cost is not known) or `first`. Without
    preferences only a single offer is chosen.
    """
    wishes = list(preferences)
    if not wishes:
        return offered[0] if len(offered) == 1 else None
    for wish in wishes:
        found = _find(offered, wish)
        if found is not None:
            return found
    return None


def _find(offered: Sequence[Method], wish: str) -> Method | None:
    if not offered:
        return None
    if wish == "first":
        return offered[0]
    if wish == "cheapest":
        costs = [method.cost for method in offered]
        known = [cost for cost in costs if cost is not None]
        return offered[costs.index(min(known))] if len(known) == len(costs) else None
    exact = (method for method in offered if _same_code(method.code, wish))
    return next(exact, None) or next((method for method in offered if method.code.split(".")[0] == wish), None)


def _same_code(code: str, wish: str) -> bool:
    """Whether two codes are one: `cod.cod` and `cod` name the same payment method in different generations."""
    return code in {wish, f"{wish}.{wish}"} or wish == f"{code}.{code}"


def _entries(answer: Any, key: str) -> Iterator[Mapping[str, Any]]:
    yield from _values(answer.get(key) if isinstance(answer, dict) else None)


def _values(value: Any) -> Iterator[Mapping[str, Any]]:
    """Give the mappings in a PHP array, which is a list when empty and an object otherwise."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from (child for child in children if isinstance(child, dict))


def _title(method: Mapping[str, Any]) -> str:
    return str(method.get("title") or method.get("name") or method.get("code"))
