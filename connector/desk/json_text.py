"""Values as JSON text that is shown: records with exact decimals, dates and whole numbers of any length among them."""

from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from typing import Any

import orjson


def encode_json(value: Any, *, is_indented: bool = False, has_numbers: bool = False) -> bytes:
    """Return a value as JSON in UTF-8, without a line break at its end.

    Decimal becomes text with all of its digits (`"12.50"`), since readers turn JSON numbers into binary fractions;
    dates and times become ISO 8601.

    Args:
        value: JSON, Decimal, dates and times, nested.
        is_indented: Whether it is spread over lines for people.
        has_numbers: Whether Decimal becomes a number with the same digits (`12.50`), as it travels in a JSON payload.
    """
    convert = _to_json_number if has_numbers else _to_json
    try:
        return orjson.dumps(value, default=convert, option=orjson.OPT_INDENT_2 if is_indented else None)
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits, or half a surrogate pair: JSON can say both
        return json.dumps(value, default=_to_json, indent=2 if is_indented else None).encode()


def _to_json_number(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(f"{value:f}".encode("ascii"))
    return _to_json(value)


def _to_json(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value:f}"
        case date() | time():
            return value.isoformat()
    raise TypeError(f"a record holds a Python {type(value).__name__}, which JSON cannot say")
