"""Giving a value a type, strictly, and the text form of every type.

Nothing here guesses. A conversion either gives exactly what was asked or raises `ConversionError`: `"12abc"` is no
integer, `"1,5"` is no decimal, and a date without a time zone is no instant.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

TypeName: TypeAlias = Literal[
    "text", "integer", "number", "decimal", "boolean", "date", "datetime", "list", "object", "any"
]
"""What a `type:` may be."""

TYPES: Final[dict[str, str]] = {
    "text": "text; numbers without exponent, booleans as true and false, dates in ISO 8601",
    "integer": "a whole number",
    "number": "a JSON number: whole where it has no fraction, else binary floating point",
    "decimal": "an exact decimal number, for money; digits after the point are kept",
    "boolean": "true or false; also from 1, 0, yes, no, on, off",
    "date": "a day, from YYYY-MM-DD or by `format`",
    "datetime": "an instant in UTC, from ISO 8601 or by `format`; `timezone` says where a time without offset was read",
    "list": "a list",
    "object": "an object",
    "any": "whatever the expression gives, null included",
}
"""The types a value can be given, each with what it means."""

_SHOWN_TEXT: Final = 40
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_COMMA: Final = re.compile(r"[+-]?[0-9]+(?:[.\s][0-9]{3})*,[0-9]+")
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_LONGEST_NUMBER: Final = 1000  # characters; Python's own limit for whole numbers is 4300 digits
_BOOLEANS: Final[dict[str, bool]] = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES: Final = frozenset("aAbBcdfHIjmMpSuGUVwWxXyYzZ%")


UNTOLD: Final = object()
"""In place of the value, where the problem is told without it."""


class ConversionError(ValueError):
    """A value is not what was asked for. Never leaves `transform`: who knows the step makes a TransformError of it.

    Attributes:
        problem: What is wrong, to follow the value: `is not a whole number`.
        value: What was found. Shown only where its field is not personal.
        cure: What to do about it, or None.
    """

    def __init__(self, problem: str, value: Any, *, cure: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.value = value
        self.cure = cure

    def describe(self, *, is_private: bool) -> str:
        """Return the whole sentence, with the value or, where it is private, with its kind only."""
        if self.value is UNTOLD:
            return self.problem
        return f"{show(self.value, is_private=is_private)} {self.problem}"


def show(value: Any, *, is_private: bool) -> str:
    """Return a value for a message: cut short, and by kind only where it is private or has parts."""
    match value:
        case None:
            return "null"
        case str() if is_private:
            return f"text of {len(value)} characters"
        case str():
            return f'"{value}"' if len(value) <= _SHOWN_TEXT else f'"{value[:_SHOWN_TEXT]}…"'
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return "a number" if is_private else str(value)
        case _:
            return name_type(value)


def name_type(value: Any) -> str:
    """Return what kind of value this is, with its article: `a list`."""
    for kind, name in _NAMES:
        if isinstance(value, kind):
            return name
    return "a function" if callable(value) else f"a {type(value).__name__}"


_NAMES: Final[tuple[tuple[Any, str], ...]] = (
    (type(None), "null"),
    (bool, "a boolean"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number"),
    (Decimal, "a decimal"),
    (dict, "an object"),
    (list | tuple, "a list"),
    (datetime, "a datetime"),
    (date, "a date"),
    (time, "a time"),
    (Iterator | range, "a sequence"),
)


def to_text(value: Any) -> str:
    """Return the text form of a single value.

    Text as it is; booleans as `true` and `false`; numbers without exponent, decimals with all their digits; dates and
    times in ISO 8601.

    Raises:
        ConversionError: Null, a list, an object, or a number that is not finite has no text form.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float or kind is Decimal:
        return _write_fraction(value)
    if isinstance(value, str | int):  # Markup and enumerations
        return str.__str__(value) if isinstance(value, str) else int.__repr__(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if value is None:
        raise ConversionError("has no text form", value, cure="write | default('') for an empty text")
    if isinstance(value, Iterator | range):
        raise ConversionError("has no text form", value, cure="write | join(', '), or | list with type: list")
    if isinstance(value, dict | list | tuple):
        raise ConversionError(
            "has no text form", value, cure="use copy, or give it a type: list or object, or write | json"
        )
    raise ConversionError("has no text form", value, cure="call it: now()" if callable(value) else None)


def _write_fraction(value: float | Decimal) -> str:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        raise ConversionError("is not a finite number", value)
    return format(exact, "f") if isinstance(value, Decimal) or "e" in repr(value) else repr(value)


def to_integer(value: Any) -> int:
    """Return a whole number from a whole number, a number without fraction, or digits.

    Raises:
        ConversionError: It is something else.
    """
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    raise ConversionError("is not a whole number", value, cure=_cure_number(value))


def to_decimal(value: Any) -> Decimal:
    """Return an exact decimal from a number or from digits with a decimal point.

    A binary fraction is taken as it is written (`0.1` is a tenth). Digits after the point are kept (`"12.50"`).

    Raises:
        ConversionError: It is something else; an exponent or a decimal comma is something else.
    """
    if isinstance(value, str):
        if len(value) <= _LONGEST_NUMBER and _DECIMAL.fullmatch(value):
            return Decimal(value)
    elif isinstance(value, Decimal):
        if value.is_finite():
            return value
    elif isinstance(value, float):
        exact = Decimal(repr(value))
        if exact.is_finite():
            return exact
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ConversionError("is not a decimal number", value, cure=_cure_number(value))


def to_number(value: Any) -> int | float:
    """Return a JSON number: whole where it is written without a fraction.

    Raises:
        ConversionError: It is no number.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _INTEGER.fullmatch(value):
        return int(value)
    try:
        exact = to_decimal(value)
    except ConversionError as error:
        raise ConversionError("is not a number", value, cure=error.cure) from None
    return int(exact) if isinstance(value, Decimal) and exact == exact.to_integral_value() else float(exact)


def to_boolean(value: Any) -> bool:
    """Return a boolean from a boolean, from 1 and 0, or from true, false, yes, no, on and off in any case.

    Raises:
        ConversionError: It is something else.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    if isinstance(value, int) and value in {0, 1}:
        return bool(value)
    raise ConversionError(
        "is neither true nor false", value, cure="accepted are true, false, yes, no, on, off, 1 and 0"
    )


def to_date(value: Any, pattern: str | None = None) -> date:
    """Return a day.

    Args:
        value: A date, a datetime (its day, in its own offset), or text: `YYYY-MM-DD`, or by the pattern.
        pattern: As of `strptime`.

    Raises:
        ConversionError: It is no date, or not written like that.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return datetime.strptime(value, pattern).date() if pattern else date.fromisoformat(value)  # noqa: DTZ007  # only the day is taken
        except ValueError:
            pass
    raise ConversionError(f"is not a date {_name_pattern(pattern, 'YYYY-MM-DD')}", value)


def to_datetime(value: Any, pattern: str | None = None, timezone: str | None = None) -> datetime:
    """Return an instant, aware and in UTC.

    Args:
        value: A datetime, a date (its midnight), or text: ISO 8601, or by the pattern.
        pattern: As of `strptime`; `timestamp` for seconds since 1970.
        timezone: Where the value was read, for one that carries no offset: `Europe/London`. In the hour that
            comes twice in autumn the earlier instant is meant.

    Raises:
        ConversionError: It is no date and time, or carries no offset while `timezone` is not given.
    """
    moment = _read_timestamp(value) if pattern == "timestamp" else _read_datetime(value, pattern)
    if moment is None:
        raise ConversionError(f"is not a date and time {_name_pattern(pattern, 'in ISO 8601')}", value)
    if moment.tzinfo is None:
        if timezone is None:
            raise ConversionError(
                "has no time zone", value, cure="say where it was read, such as timezone: Europe/London"
            )
        moment = moment.replace(tzinfo=find_timezone(timezone))
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ConversionError("is out of range", value) from None


def _read_timestamp(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(to_decimal(value)), UTC)
    except (ConversionError, OverflowError, OSError, ValueError):
        return None


def _read_datetime(value: Any, pattern: str | None) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value, pattern) if pattern else datetime.fromisoformat(value)  # noqa: DTZ007  # the offset is judged by the caller
    except ValueError:
        return None


def to_list(value: Any) -> list[Any]:
    """Return a list from a list.

    Raises:
        ConversionError: It is something else.
    """
    if isinstance(value, list):
        return value
    raise ConversionError("is not a list", value)


def to_object(value: Any) -> dict[str, Any]:
    """Return an object from an object.

    Raises:
        ConversionError: It is something else.
    """
    if isinstance(value, dict):
        return value
    raise ConversionError("is not an object", value)


def to_any(value: Any) -> Any:
    """Return a value as it is.

    Raises:
        ConversionError: It is no value: a function.
    """
    if callable(value):
        raise ConversionError("is not a value", value, cure="call it: now()")
    return value


_CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": to_text,
    "integer": to_integer,
    "number": to_number,
    "decimal": to_decimal,
    "boolean": to_boolean,
    "list": to_list,
    "object": to_object,
    "any": to_any,
}


def get_conversion(kind: str, pattern: str | None = None, timezone: str | None = None) -> Callable[[Any], Any]:
    """Return the function that gives a value this type and raises `ConversionError` where it cannot.

    Args:
        kind: One of `TYPES`.
        pattern: For dates, see `to_date` and `to_datetime`.
        timezone: For a datetime, see `to_datetime`.
    """
    if kind == "date":
        return functools.partial(to_date, pattern=pattern)
    if kind == "datetime":
        return functools.partial(to_datetime, pattern=pattern, timezone=timezone)
    return _CONVERSIONS[kind]


@functools.lru_cache(maxsize=256)
def find_timezone(name: str) -> zoneinfo.ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        ConversionError: There is none of that name on this machine.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ConversionError("is not a time zone", name, cure="write an IANA name such as Europe/London") from None


def check_pattern(pattern: str) -> str | None:
    """Return what is wrong with a `strptime` pattern, or None."""
    for found in _DIRECTIVE.finditer(pattern):
        if found[1] not in _DIRECTIVES:
            return f"%{found[1]} is no part of a date pattern" if found[1] else "a date pattern cannot end in %"
    return None


def _name_pattern(pattern: str | None, default: str) -> str:
    if pattern == "timestamp":
        return "in seconds since 1970"
    return f"written as {pattern}" if pattern else default


def _cure_number(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if not value.strip():
        return "write optional: true or a default where it may be empty"
    if value != value.strip():
        return "take the spaces away: | trim"
    if _COMMA.fullmatch(value):
        return "the decimal sign is a point: | replace('.', '') | replace(',', '.')"
    if _GROUPED.fullmatch(value):
        return "take the thousands separators away: | replace(',', '')"
    return None
