"""Amounts as a shop formats them, read back as exact numbers.

OpenCart's order API gives prices as text in the session's currency (`$123.20`, `96.66€`, `$-28.20`, `$3,010.00`), with
the signs of the shop's language. Columns of its database come as plain numbers with a point (`5.0000`), and newer
generations give binary floats as well (`228.16000000000003`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

_AMOUNT: Final = re.compile(r"-?\d[\d.,'\s\u00a0\u202f]*")
_PLAIN: Final = re.compile(r"-?\d+(?:\.\d+)?")
_FOUR_PLACES: Final = Decimal("0.0001")


def parse_amount(text: str) -> Decimal | None:
    """Return the number in a formatted amount, or None where there is none or it can be read in two ways.

    A comma or point that stands last and is followed by other than three digits is the decimal sign; one that is
    followed by exactly three is read as a thousands separator when the other sign, or the same one again, shows it is
    one. `1.234` alone is ambiguous, and None.

    Args:
        text: Such as `$1,234.50`, `1.234,50€` or `1 234,50 kr`.
    """
    match = _AMOUNT.search(text)
    if match is None:
        return None
    sign = "-" if "-" in text[: match.end()] else ""
    digits = re.sub(r"['\s\u00a0\u202f]", "", match[0].lstrip("-")).rstrip(".,")
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return Decimal(sign + digits)
    mark, fraction = digits[last], digits[last + 1 :]
    other = "," if mark == "." else "."
    if digits.count(mark) > 1:
        return Decimal(sign + digits.replace(mark, "").replace(other, "")) if len(fraction) == 3 else None
    if len(fraction) == 3 and other not in digits:
        return None
    whole = digits[:last].replace(other, "")
    return Decimal(f"{sign}{whole}.{fraction}")


def read_amount(value: Any) -> Decimal | None:
    """Return an amount that the shop calculates with: a number, or a plain number as text (`12.500` has three places).

    A float is rounded to the four places a shop stores. None for anything else.
    """
    match value:
        case bool() | None:
            return None
        case int():
            return Decimal(value)
        case float():
            return Decimal(repr(value)).quantize(_FOUR_PLACES).normalize() + 0
        case str() if _PLAIN.fullmatch(value.strip()):
            return Decimal(value.strip())
        case _:
            return None
