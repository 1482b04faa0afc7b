"""What a database column makes of a value: cut to width, rounded to scale, compared without regard to case.

The shop talks to its database without strict mode, so hardly anything is refused: an array, a sum beyond 64 bits, and
in 3.0 the comparison of text beyond the BMP.
"""

import unicodedata
from dataclasses import dataclass
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
_BIGINT = range(-(2**63), 2**63)
_HIGHEST_BASIC = 0xFFFF


@dataclass(frozen=True, slots=True)
class Charset:
    """The UTF-8 in which a generation talks to its database, and how the database compares text.

    Args:
        is_wide: Whether characters beyond the BMP go through.
        is_mixed: Whether the tables could hold such characters when the shop cannot send them; there is no comparison
            for them then.
        is_literal: Whether each character is compared by itself, without case and accent; else by what it means, as
            ``²`` means 2.
    """

    is_wide: bool = False
    is_mixed: bool = False
    is_literal: bool = False

    def text(self, value: Any, width: int | None = None) -> str:
        """Return text as a column gives it back: cut to its width, what does not go through as ``????``.

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
        if not self.is_wide:
            shown = _replace_rare(shown, "????")
        if width is not None:
            return shown[:width]
        return shown if len(shown) * 4 <= TEXT_BYTES else shown.encode()[:TEXT_BYTES].decode("utf-8", "ignore")

    def fold(self, value: Any) -> str:
        """Return the form in which the database compares text: no case, no accents, no blanks at the end.

        Raises:
            PhpFatalError: The value is an array, or there is no comparison for it.
        """
        if self.is_mixed and isinstance(value, str) and not _is_basic(value):
            raise _build_error(1267, "HY000", _NO_COLLATION)
        shown = _replace_rare(self.text(value).rstrip(" "), "\ufffd")
        if shown.isascii():
            return shown.casefold()
        if self.is_literal:
            return "".join(_strip_accents(letter).upper()[:1] for letter in shown).lower()
        parts = unicodedata.normalize("NFKD", shown.casefold())
        return "".join(part for part in parts if not unicodedata.combining(part))


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


def add(name: str, value: int, more: int) -> int:
    """Return the sum of a column and a number.

    Args:
        name: The column.
        value: What it holds.
        more: The number.

    Raises:
        PhpFatalError: The sum has no place in 64 bits.
    """
    if value + more not in _BIGINT:
        raise _build_error(1690, "22003", f"BIGINT value is out of range in '{name} + {more}'")
    return value + more


def _build_error(number: int, state: str, message: str) -> PhpFatalError:
    warning = "database.query", f"mysqli::query(): ({state}/{number}): {message}"
    return PhpFatalError("Exception", f"Error: {message}<br/>Error No: {number}<br/>", "database.failed", warning)


def _is_basic(value: str) -> bool:
    return value.isascii() or all(ord(letter) <= _HIGHEST_BASIC for letter in value)


def _replace_rare(value: str, stand_in: str) -> str:
    """Put something in the place of every character beyond the BMP."""
    if _is_basic(value):
        return value
    return "".join(letter if ord(letter) <= _HIGHEST_BASIC else stand_in for letter in value)


def _strip_accents(letter: str) -> str:
    """Return a letter without the accents it is written with; an accent by itself stays."""
    parts = unicodedata.normalize("NFD", letter)
    return parts[0] if all(unicodedata.combining(accent) for accent in parts[1:]) else letter
