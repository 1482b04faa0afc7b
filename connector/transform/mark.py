"""Marks: short texts that are equal where two values mean the same.

A mark is the SHA-256 of a value's canonical JSON. Marks are kept for years, so that text never changes. It is the same
for values that mean the same:

- The order of an object's keys does not count; that of a list does.
- Numbers count by what they are worth: `1`, `1.0` and the decimal `1.00` are one, as are the binary `0.1` and the
  decimal `0.1`. Text is text: `"1"` and `1` differ, and so do `"1.0"` and `"1.00"`.
- Booleans are no numbers, and null is not the same as a field that is not there.
- Dates and times count by their text in ISO 8601; instants are in UTC after a `cast`.

The form is our own (`{"price":125e-1}`), and not that of RFC 8785: numbers are binary fractions there, in which amounts
of more digits than they hold would be equal.
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from connector.transform.conversion import UNTOLD, ConversionError

_SHORT: Final = 10**18
"""Whole numbers below it are quick to write; far above, Python writes none."""


def make_mark(value: Any) -> str:
    """Return the mark of a value: `sha256:` and 64 hexadecimal digits.

    Raises:
        ConversionError: Part of it is no JSON: a number that is not finite, a key that is no text, nesting as deep as
            Python's own.
    """
    from hashlib import sha256  # noqa: PLC0415 - start-up: loads OpenSSL, for who has a step that needs it

    try:
        text = _write(value)
    except RecursionError:
        raise ConversionError("the record nests too deep to be compared", UNTOLD) from None
    return f"sha256:{sha256(text.encode('ascii')).hexdigest()}"


def _write(value: Any) -> str:
    """Return the canonical JSON of a value, in ASCII."""
    match value:
        case str():
            return encode_basestring_ascii(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return _write_worth(value)
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise ConversionError("an object with a key that is no text cannot be compared", UNTOLD)
            fields = [f"{encode_basestring_ascii(key)}:{_write(value[key])}" for key in sorted(value)]
            return f"{{{','.join(fields)}}}"
        case list() | tuple():
            return f"[{','.join(map(_write, value))}]"
        case date() | time():
            return f'"{value.isoformat()}"'
        case _:
            raise ConversionError("cannot be compared", value)


def _write_worth(value: float | Decimal) -> str:
    """Return what a number is worth, the same for all ways to write it: `125e-1` for 12.5 and 12.50, `1e2` for 100."""
    if isinstance(value, int) and -_SHORT < value < _SHORT:
        digits, exponent = str(value), 0
    else:
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not exact.is_finite():
            raise ConversionError("is not a finite number", value)
        sign, numerals, exponent = exact.as_tuple()  # type: ignore[assignment]  # finite: the exponent is a number
        digits = ("-" if sign else "") + "".join(map(str, numerals))
    stripped = digits.rstrip("0")
    return f"{stripped}e{exponent + len(digits) - len(stripped)}" if stripped not in {"", "-"} else "0"
