"""What a database column makes of a value: cut to width, rounded to scale, compared without regard to case.

The shop talks to its database in three-byte UTF-8 and without strict mode, so nothing here ever refuses; the one thing
that does not go into a column is an array.
"""

import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.text import decode_json, encode_json
from connector.sandbox.php.value import describe_type, format_number, to_float, to_int

TEXT_BYTES = 65_535
"""How much a ``TEXT`` column holds; what is longer is cut."""

_NO_COLLATION = (
    "Illegal mix of collations (utf8mb4_unicode_ci,IMPLICIT) and (utf8mb3_general_ci,COERCIBLE) for operation '='"
)
_INT_MAX = 2**31 - 1


def text(value: Any, width: int | None = None) -> str:
    """Return text as a column gives it back: cut to ``width`` characters, anything beyond the BMP as ``????``.

    Args:
        value: Text, a number or null (which becomes empty).
        width: Characters the column holds; None for a ``TEXT`` column, which holds 65,535 bytes.

    Raises:
        PhpFatalError: The value is an array.
    """
    if isinstance(value, dict):
        kind = describe_type(value)
        message = f"mysqli::real_escape_string(): Argument #1 ($string) must be of type string, {kind} given"
        raise PhpFatalError("TypeError", message, "database.escape")
    shown = "" if value is None else value if isinstance(value, str) else format_number(value)
    if not shown.isascii():
        shown = "".join("????" if ord(letter) > 0xFFFF else letter for letter in shown)
    if width is not None:
        return shown[:width]
    return shown if len(shown) * 3 <= TEXT_BYTES else shown.encode()[:TEXT_BYTES].decode("utf-8", "ignore")


def integer(value: Any) -> int:
    """Return a number as an ``INT`` column keeps it: cast, then held within 32 bits."""
    return max(-_INT_MAX - 1, min(_INT_MAX, to_int(value)))


def decimal(value: Any, places: int = 4) -> Decimal:
    """Return an amount as a ``DECIMAL`` column keeps it: at most 14 digits from PHP, then rounded half up.

    Args:
        value: A float, or text that holds one.
        places: Digits behind the point.
    """
    rounded = Decimal(format_number(to_float(value))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return rounded + 0  # a database has no negative zero


def json_text(value: Any) -> str:
    """Return a value as the JSON text a ``TEXT`` column keeps; cut, and so no longer JSON, when it is too long."""
    return encode_json(value)[:TEXT_BYTES]


def read_json(stored: str) -> Any:
    """Return what a JSON column held; None for text that was cut."""
    return decode_json(stored)


def is_basic(value: str) -> bool:
    """Say whether a text has no character outside the BMP; from 4.0 on the shop can compare those as well."""
    return value.isascii() or all(ord(letter) <= 0xFFFF for letter in value)


def fold(value: Any) -> str:
    """Return the form in which the database compares text: no case, no accents, no blanks at the end.

    Raises:
        PhpFatalError: The value is an array, or has a character outside the BMP, for which there is no comparison.
    """
    if isinstance(value, str) and not is_basic(value):
        warning = "database.query", f"mysqli::query(): (HY000/1267): {_NO_COLLATION}"
        raise PhpFatalError("Exception", f"Error: {_NO_COLLATION}", "database.failed", warning)
    shown = text(value).rstrip(" ").casefold()
    if shown.isascii():
        return shown
    parts = unicodedata.normalize("NFKD", shown)
    return "".join(part for part in parts if not unicodedata.combining(part))
