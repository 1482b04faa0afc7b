"""Payloads as people type them: `coupon=2222`, `option[226]=15`, `quantity:=2`, `--data '{"coupon": "2222"}'`."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector.cli.exits import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.record import Record

_ASSIGNMENT: Final = re.compile(
    r"(?P<name>[^=\[\]:]+)(?P<inner>(?:\[[^\[\]]*\])*)(?P<sign>:?=)(?P<value>.*)", re.DOTALL
)
_INNER: Final = re.compile(r"\[([^\[\]]*)\]")
_FORM: Final = "write name=text, name[inner]=text, or name:=json for a number, list or object"


def parse_payload(words: Iterable[str], payload: Record | None = None) -> Record:
    """Return the payload that assignments make.

    `option[226]=15` gives `{"option": {"226": "15"}}`; `[]` adds to a list, and names that count from 0 make one:
    `product[0][product_id]=40` gives `{"product": [{"product_id": "40"}]}`. Values are text; after `:=` they are JSON.

    Args:
        words: Such as `coupon=2222`.
        payload: What to start from; it is changed.

    Raises:
        ArgumentError: A word is no assignment, its JSON cannot be read, or it contradicts an earlier one.
    """
    result: Record = {} if payload is None else payload
    seen: set[tuple[str, ...]] = set()
    for word in words:
        keys, value = _parse_word(word)
        if keys in seen and keys[-1]:
            raise ArgumentError(f"{_format(keys)} is given twice")
        seen.add(keys)
        _put(result, keys, value, word)
    return {name: _fold_lists(value) for name, value in result.items()}


def parse_data(text: str | None) -> Record:
    """Return the JSON object that `--data` gives: in place, in a file after `@`, or on standard input for `-`.

    Raises:
        ArgumentError: The file cannot be read, or it is no JSON object.
    """
    if text is None:
        return {}
    content, source = _read_data(text)
    value = _parse_json(content, source)
    if not isinstance(value, dict):
        raise ArgumentError(f"{source} is no JSON object", cure='a payload is an object such as {"coupon": "2222"}')
    return value


def parse_step(text: str) -> tuple[str, Record]:
    """Return entity or route, and payload, of a step written as one text: `cart.add product_id=40 quantity=1`.

    Raises:
        ArgumentError: Its quotes do not match, it is empty, or an assignment cannot be read.
    """
    try:
        name, *words = shlex.split(text)
    except ValueError as error:
        if not text.strip():
            raise ArgumentError(
                "--before is empty", cure="write --before 'cart.add product_id=40 quantity=1'"
            ) from error
        raise ArgumentError(f"--before {text!r} cannot be read: {str(error).lower()}") from error
    return name, parse_payload(words)


def _parse_word(word: str) -> tuple[tuple[str, ...], Any]:
    match = _ASSIGNMENT.fullmatch(word)
    if match is None:
        raise ArgumentError(f"{word!r} is no field of a payload", cure=_FORM)
    keys = (match["name"], *_INNER.findall(match["inner"]))
    if match["sign"] == "=":
        return keys, match["value"]
    return keys, _parse_json(match["value"].encode(), f"{_format(keys)}:=")


def _put(target: Record, keys: tuple[str, ...], value: Any, word: str) -> None:
    here: Any = target
    for position, key in enumerate(keys):
        name = key or str(len(here))
        if position == len(keys) - 1:
            if isinstance(here.get(name), dict) and not isinstance(value, dict):
                raise ArgumentError(f"{word!r} contradicts an earlier field: {_format(keys)} has fields of its own")
            here[name] = value
            return
        below = here.setdefault(name, {})
        if isinstance(below, list):
            below = here[name] = {str(index): entry for index, entry in enumerate(below)}
        if not isinstance(below, dict):
            raise ArgumentError(f"{word!r} contradicts an earlier field: {_format(keys[: position + 1])} is a value")
        here = below


def _fold_lists(value: Any) -> Any:
    """Return a value in which mappings whose names count from 0 are lists."""
    if not isinstance(value, dict):
        return value
    children = {name: _fold_lists(child) for name, child in value.items()}
    if children and list(children) == [str(index) for index in range(len(children))]:
        return list(children.values())
    return children


def _format(keys: tuple[str, ...]) -> str:
    return keys[0] + "".join(f"[{key}]" for key in keys[1:])


def _read_data(text: str) -> tuple[bytes, str]:
    if text == "-":
        if sys.stdin is None:
            raise ArgumentError("standard input is closed", cure="send it a JSON object, from a file with <")
        return sys.stdin.buffer.read(), "standard input"
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape"), "--data"
    path = Path(text[1:])
    try:
        return path.read_bytes(), str(path)
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror or error}") from error


def _parse_json(content: bytes, source: str) -> Any:
    import orjson

    from connector.client.exact import load_json

    try:
        return load_json(content)
    except orjson.JSONDecodeError as error:
        raise ArgumentError(
            f"{source} is not JSON: {error.msg} at character {error.pos + 1}",
            cure="a text in JSON stands in double quotes" if error.pos == 0 else None,
        ) from error
