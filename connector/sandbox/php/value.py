"""Casts, truth and comparison as PHP 8.2 does them.

Source: the language reference, "Type juggling", "Numeric strings" and "Comparison operators", checked against a PHP
8.2 interpreter.
"""

import math
import re
from typing import Any, TypeAlias

PhpArray: TypeAlias = dict[int | str, Any]
"""A PHP array: ordered, its keys ``int`` or ``str``, never a decimal ``str`` that could be an ``int``."""

INT_MAX = 2**63 - 1
INT_MIN = -(2**63)

_BLANK = r"[ \t\n\r\v\f]*"
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NUMERIC = re.compile(rf"{_BLANK}({_NUMBER}){_BLANK}\Z", re.ASCII)
_PREFIX = re.compile(rf"{_BLANK}({_NUMBER})", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+\Z", re.ASCII)
_KEY = re.compile(r"(?:0|-?[1-9]\d{0,18})\Z", re.ASCII)


def to_key(key: object) -> int | str:
    """Return the key PHP files an array element under: decimal text becomes a number, everything else stays text."""
    if isinstance(key, bool):
        return int(key)
    if isinstance(key, int):
        return key
    if key is None:
        return ""
    text = str(key)
    if _KEY.match(text) and text != "-0" and INT_MIN <= int(text) <= INT_MAX:
        return int(text)
    return text


def parse_number(text: str) -> int | float | None:
    """Return the number a numeric string stands for, or None when the string is not numeric as a whole."""
    found = _NUMERIC.match(text)
    return _read_number(found.group(1)) if found else None


def parse_leading_number(text: str) -> int | float | None:
    """Return the number a string starts with (``"12abc"`` gives 12), or None when it starts with none."""
    found = _PREFIX.match(text)
    return _read_number(found.group(1)) if found else None


def _read_number(text: str) -> int | float:
    if _INTEGER.match(text):
        number = int(text)
        if INT_MIN <= number <= INT_MAX:
            return number
    return float(text)


def to_int(value: object) -> int:
    """Cast as ``(int)`` does: text by its leading number, an array by whether it holds anything.

    Text too large for 64 bits ends at the limit; a float too large, and an infinite one, gives 0.
    """
    if isinstance(value, str):
        number = parse_leading_number(value)
        if number is None:
            return 0
        if isinstance(number, float):
            return max(INT_MIN, min(INT_MAX, int(number))) if math.isfinite(number) else 0
        return number
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and INT_MIN <= value <= INT_MAX else 0
    if isinstance(value, int):
        return int(value)
    return int(to_bool(value))


def to_float(value: object) -> float:
    """Cast as ``(float)`` does: text by its leading number, an array by whether it holds anything."""
    if isinstance(value, str):
        found = _PREFIX.match(value)
        return float(found.group(1)) if found else 0.0
    if isinstance(value, int | float):
        return float(value)
    return float(to_bool(value))


def to_bool(value: object) -> bool:
    """Say whether PHP takes the value for true; ``""``, ``"0"``, zero, null and the empty array are false."""
    if isinstance(value, str):
        return value not in {"", "0"}
    return bool(value)


def describe_type(value: object) -> str:
    """Return the type's name as PHP writes it in its messages."""
    names = {bool: "bool", int: "int", float: "float", str: "string", dict: "array", list: "array"}
    return "null" if value is None else names.get(type(value), "object")


def compare(left: object, right: object) -> int:
    """Compare as ``<=>`` does and return -1, 0 or 1.

    Two numeric strings compare as numbers, two other strings byte by byte; a number and a string that is not numeric
    compare as text; null and booleans compare by truth, except null with a string, which counts as the empty string;
    an array is greater than anything that is not one.
    """
    if left is None and isinstance(right, str):
        return _order("", right)
    if right is None and isinstance(left, str):
        return _order(left, "")
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return _order(to_bool(left), to_bool(right))
    if isinstance(left, dict) or isinstance(right, dict):
        return _compare_arrays(left, right)
    if isinstance(left, str) and isinstance(right, str):
        numbers = parse_number(left), parse_number(right)
        return _order(left, right) if None in numbers else _order(*numbers)
    if isinstance(left, str):
        return -compare(right, left)
    if isinstance(right, str):
        number = parse_number(right)
        return _order(format_number(left), right) if number is None else _order(left, number)
    return _order(left, right)


def equals(left: object, right: object) -> bool:
    """Say whether ``==`` holds."""
    return compare(left, right) == 0


def contains(haystack: "list[str]", needle: object) -> bool:
    """Say whether ``in_array`` finds the needle, comparing loosely."""
    return any(equals(needle, straw) for straw in haystack)


def _compare_arrays(left: object, right: object) -> int:
    if not isinstance(left, dict):
        return -1
    if not isinstance(right, dict):
        return 1
    if len(left) != len(right):
        return _order(len(left), len(right))
    for key, value in left.items():
        if key not in right:
            return 1
        if order := compare(value, right[key]):
            return order
    return 0


def _order(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def format_number(number: object) -> str:
    """Return a number as PHP turns it into text: floats with up to 14 digits, ``1.0E+25`` for the very large."""
    if not isinstance(number, float):
        return str(number)
    if math.isnan(number):
        return "NAN"
    if math.isinf(number):
        return "INF" if number > 0 else "-INF"
    text = f"{number:.14G}"
    if "E" not in text:
        return text
    digits, exponent = text.split("E")
    return f"{digits if '.' in digits else digits + '.0'}E{exponent[0]}{exponent[1:].lstrip('0')}"


def is_list(array: PhpArray) -> bool:
    """Say whether the keys are 0, 1, 2, … in order, which is what decides between ``[]`` and ``{}`` in JSON."""
    return all(key == place for place, key in enumerate(array))
