"""What a template can use: filters, functions, and which of Jinja's own stay.

Jinja's filters stay where they do what they say in bounded time and never guess. `int`, `float`, `round`, `sum`,
`join`, `string` and `default` are ours under Jinja's names: `"12abc" | int` is an error and not 0, money is rounded
half up and added exactly, booleans read `true`, and `default` stands in for null as well as for a missing field.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import json
import re
import string
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import Undefined
from markupsafe import Markup

from connector.transform import conversion
from connector.transform.conversion import UNTOLD, ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_TEXT: Final = 10_000_000
"""Characters one template may write, and one operation may make."""

MAX_NUMBER_BITS: Final = 10_000
"""The largest whole number an operation may make, in bits."""

_KEPT: Final = (
    "abs", "count", "dictsort", "first", "groupby", "items", "last", "length", "list", "map", "max", "min", "reject",
    "rejectattr", "reverse", "select", "selectattr", "sort", "unique",
)  # fmt: skip
_NOT_DIGIT: Final = re.compile(r"[^0-9]+")
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")
_ROUNDING: Final = Context(prec=400, rounding=ROUND_HALF_UP)  # the longest number has 309 digits before the point
_WIDTH: Final = re.compile(r"%[^%a-zA-Z]*?(?:[0-9]{4,}|\*)")


def require_defined(value: Any) -> None:
    """Do nothing for a value; a missing field complains itself when it is used as text.

    Raises:
        UndefinedError: The value is a missing field.
    """
    if isinstance(value, Undefined):
        str(value)


def require_room(length: int) -> None:
    """Do nothing when a text or list of this length may be made.

    Raises:
        ConversionError: It is over `MAX_TEXT`.
    """
    if length > MAX_TEXT:
        raise ConversionError(f"is more than a template may make at once ({MAX_TEXT:,} characters)", length)


def write_text(value: Any) -> str:
    """Return the text form: `true` for a boolean, all digits of a decimal, ISO 8601 for a date."""
    if type(value) is str:
        return value
    require_defined(value)
    return conversion.to_text(value)


def use_default(value: Any, default: Any = "", boolean: bool = False) -> Any:
    """Return the value, or the default where the field is missing or null; with `true` also where it is empty."""
    if isinstance(value, Undefined) or value is None or (boolean and not value):
        return default
    return value


def require_value(value: Any, message: str) -> Any:
    """Return the value; fail with this message where it is missing, null or an empty text."""
    if isinstance(value, Undefined) or value is None or value == "":
        raise ConversionError(message, UNTOLD)
    return value


def read_integer(value: Any, default: Any = None) -> Any:
    """Return a whole number; the default, where one is given, for what is none (Jinja's `int`, but strict)."""
    return _read(conversion.to_integer, value, default)


def read_number(value: Any, default: Any = None) -> Any:
    """Return a JSON number; the default, where one is given, for what is none (Jinja's `float`, but strict)."""
    return _read(conversion.to_number, value, default)


def read_decimal(value: Any, default: Any = None) -> Any:
    """Return an exact decimal; the default, where one is given, for what is none."""
    return _read(conversion.to_decimal, value, default)


def read_boolean(value: Any, default: Any = None) -> Any:
    """Return true or false; the default, where one is given, for what is neither."""
    return _read(conversion.to_boolean, value, default)


def _read(convert: Callable[[Any], Any], value: Any, default: Any) -> Any:
    if default is None:
        require_defined(value)
    try:
        return convert(value)
    except ConversionError:
        if default is None:
            raise
        return default


def round_money(value: Any, digits: int = 2) -> Decimal:
    """Return an exact decimal with this many digits after the point, rounded half up: `"12.345" | money` is `12.35`."""
    require_defined(value)
    return _round(conversion.to_decimal(value), digits)


def round_number(value: Any, digits: int = 0) -> Any:
    """Return a number rounded half up; a decimal stays a decimal, a number a number."""
    require_defined(value)
    rounded = _round(conversion.to_decimal(value), digits)
    if isinstance(value, float):
        return float(rounded) if digits > 0 else int(rounded)
    return int(rounded) if isinstance(value, int) else rounded


def _round(exact: Decimal, digits: int) -> Decimal:
    if not isinstance(digits, int) or not -30 <= digits <= 30:
        raise ConversionError("is no number of digits between -30 and 30", digits)
    return exact.quantize(_find_unit(digits), context=_ROUNDING)


@functools.lru_cache(maxsize=64)
def _find_unit(digits: int) -> Decimal:
    return Decimal((0, (1,), -digits))


def add_up(values: Any, attribute: str | None = None, start: Any = 0) -> Any:
    """Return the sum, fractions as exact decimals; with `attribute`, of that field of each: `sum("price")`."""
    require_defined(values)
    total = start
    for value in values:
        if attribute is None:
            number = value
        elif isinstance(value, dict) and attribute in value:
            number = value[attribute]
        else:
            raise ConversionError(f'has no "{attribute}" to add up', value)
        if isinstance(number, str | bool) or number is None:
            raise ConversionError("cannot be added up", number, cure="give each a type first: | map('decimal') | sum")
        total += make_exact(number)
    return total


def make_exact(value: Any) -> Any:
    """Return a binary fraction as the decimal it is written as, anything else as it is.

    Arithmetic and comparison in templates work on these, so that `0.1 + 0.2 == 0.3` and money never drifts.
    """
    return Decimal(repr(value)) if type(value) is float else value


def join_texts(values: Any, separator: str = "", attribute: str | None = None) -> str:
    """Return the text forms of a list's entries with a separator between; with `attribute`, of that field of each."""
    require_defined(values)
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise ConversionError("is not a list", values)
    if attribute is not None:
        values = [value[attribute] for value in values]
    texts = [write_text(value) for value in values]
    require_room(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def replace_text(value: Any, old: str, new: str, count: int = -1) -> str:
    """Return the text with every `old` replaced by `new`, or the first `count`."""
    text = write_text(value)
    require_room(len(text) + text.count(old) * len(new))
    return text.replace(old, new, count)


def write_upper(value: Any) -> str:
    """Return a text in capitals."""
    return write_text(value).upper()


def write_lower(value: Any) -> str:
    """Return a text in small letters."""
    return write_text(value).lower()


def write_capitalized(value: Any) -> str:
    """Return a text in small letters with a capital at its beginning."""
    return write_text(value).capitalize()


def write_title(value: Any) -> str:
    """Return a text with a capital at the beginning of each word."""
    return string.capwords(write_text(value), " ")


def trim_text(value: Any, characters: str | None = None) -> str:
    """Return a text without spaces, or without these characters, at both ends."""
    return write_text(value).strip(characters)


def truncate_text(value: Any, length: int = 255, end: str = "…") -> str:
    """Return a text of at most this many characters, `end` included where it was cut."""
    text = write_text(value)
    return text if len(text) <= length else text[: max(length - len(end), 0)] + end


def escape_html(value: Any) -> str:
    """Return a text with `&`, `<`, `>` and quotes written as HTML entities."""
    import html  # noqa: PLC0415 - a millisecond of every start, for its table of entities

    return html.escape(write_text(value))


def unescape_html(value: Any) -> str:
    """Return a text with HTML entities read: `&amp;` is `&`."""
    import html  # noqa: PLC0415 - as above

    return html.unescape(write_text(value))


def strip_tags(value: Any) -> str:
    """Return the text of HTML: no tags, no comments, entities read, spaces as one."""
    return Markup(write_text(value)).striptags()  # noqa: S704  # nothing here is shown as HTML


def format_text(pattern: Any, *values: Any, **named: Any) -> str:
    """Return a printf pattern with values put in: `"%05d" | format(record.number)`."""
    text = write_text(pattern)
    check_format(text)
    return text % (named or values)


def check_format(pattern: str) -> None:
    """Do nothing for a printf pattern whose widths are under 1000.

    Raises:
        ConversionError: It would make a text of any size.
    """
    if _WIDTH.search(pattern):
        raise ConversionError("has a width of over 999", pattern)


def format_date(value: Any, pattern: str = "%Y-%m-%d") -> str:
    """Return a date or datetime written by a pattern: `now() | date("%d/%m/%Y")`. ISO 8601 text is read first."""
    require_defined(value)
    return _read_moment(value).strftime(pattern)


def _read_moment(value: Any) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise ConversionError("is not a date", value, cure="read it first: | to_date('%d/%m/%Y') or | to_datetime(…)")


def read_date(value: Any, pattern: str | None = None) -> date:
    """Return a day read from `YYYY-MM-DD`, or by a pattern: `record.day | to_date("%d/%m/%Y")`."""
    require_defined(value)
    return conversion.to_date(value, pattern)


def read_datetime(value: Any, pattern: str | None = None, timezone: str | None = None) -> datetime:
    """Return an instant in UTC, read from ISO 8601 or by a pattern; without an offset, it is read in `timezone`."""
    require_defined(value)
    return conversion.to_datetime(value, pattern, timezone)


def write_iso(value: Any) -> str:
    """Return a date, or a datetime to the second with its offset (`2026-11-22T09:30:00Z` in UTC)."""
    require_defined(value)
    moment = _read_moment(value)
    if not isinstance(moment, datetime):
        return moment.isoformat()
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def move_timezone(value: Any, name: str) -> datetime:
    """Return the same instant as clocks show it elsewhere: `now() | timezone("Europe/London") | date("%H:%M")`."""
    require_defined(value)
    return _require_instant(value).astimezone(conversion.find_timezone(name))


def shift_time(value: Any, **amounts: float) -> date:
    """Return a date or datetime moved by `weeks`, `days`, `hours`, `minutes`, `seconds`: `now() | shift(days=-1)`.

    Days are 24 hours of an instant, whatever clocks do meanwhile.
    """
    require_defined(value)
    unknown = amounts.keys() - {"weeks", "days", "hours", "minutes", "seconds"}
    if unknown:
        raise ConversionError(f"no time is shifted by {', '.join(sorted(unknown))}", UNTOLD, cure="write days=-1")
    return _read_moment(value) + timedelta(**{unit: float(amount) for unit, amount in amounts.items()})


def write_timestamp(value: Any) -> int:
    """Return an instant as whole seconds since 1970."""
    require_defined(value)
    return int(_require_instant(value).timestamp())


def _require_instant(value: Any) -> datetime:
    moment = _read_moment(value)
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment
    raise ConversionError("has no time zone", value, cure="read it with one: | to_datetime(timezone='Europe/London')")


def hash_sha256(value: Any) -> str:
    """Return the SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(write_text(value).encode()).hexdigest()


def hash_sha1(value: Any) -> str:
    """Return the SHA-1 of a text in UTF-8, as 40 hexadecimal digits. Not for secrets; some APIs ask for it."""
    return hashlib.sha1(write_text(value).encode(), usedforsecurity=False).hexdigest()


def hash_md5(value: Any) -> str:
    """Return the MD5 of a text in UTF-8, as 32 hexadecimal digits. Not for secrets; some APIs ask for it."""
    return hashlib.md5(write_text(value).encode(), usedforsecurity=False).hexdigest()


def sign_sha256(value: Any, key: Any) -> str:
    """Return the HMAC-SHA-256 of a text under a key, as 64 hexadecimal digits."""
    return hmac.new(write_text(key).encode(), write_text(value).encode(), hashlib.sha256).hexdigest()


def write_base64(value: Any) -> str:
    """Return a text in base64 of its UTF-8."""
    return base64.b64encode(write_text(value).encode()).decode()


def read_base64(value: Any) -> str:
    """Return the UTF-8 text that base64 holds."""
    try:
        return base64.b64decode(write_text(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ConversionError("is not base64 of a text", value) from None


def write_json(value: Any) -> str:
    """Return a value as JSON on one line, letters of all scripts as they are."""
    require_defined(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_write_json_leaf)


def _write_json_leaf(value: Any) -> Any:
    if isinstance(value, Decimal):
        number = float(value)
        # A number where JSON's readers get the same digits back, else text: never a rounded amount.
        return number if Decimal(repr(number)) == value else conversion.to_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if not isinstance(value, dict | str) and hasattr(value, "__iter__"):
        return list(value)
    raise ConversionError("cannot be written as JSON", value)


def read_json(value: Any) -> Any:
    """Return what a JSON text holds; numbers with a fraction as exact decimals."""
    try:
        return json.loads(write_text(value), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise ConversionError("is not JSON", value) from None


def write_urlencoded(value: Any) -> str:
    """Return a text, or a mapping's pairs, with what an address cannot hold percent-encoded."""
    require_defined(value)
    if isinstance(value, dict):
        return urlencode({name: write_text(part) for name, part in value.items()})
    return quote(write_text(value))


def write_slug(value: Any) -> str:
    """Return a text for an address: accents taken off, lower case, everything but letters and digits as one `-`."""
    plain = unicodedata.normalize("NFKD", write_text(value)).encode("ascii", "ignore").decode()
    return _NOT_SLUG.sub("-", plain.lower()).strip("-")


def keep_digits(value: Any) -> str:
    """Return the digits of a text and nothing else: `"+31 6 1234" | digits` is `3161234`."""
    return _NOT_DIGIT.sub("", write_text(value))


OWN_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "base64": write_base64,
    "boolean": read_boolean,
    "capitalize": write_capitalized,
    "d": use_default,
    "date": format_date,
    "decimal": read_decimal,
    "default": use_default,
    "digits": keep_digits,
    "escape": escape_html,
    "float": read_number,
    "format": format_text,
    "from_base64": read_base64,
    "from_json": read_json,
    "hmac_sha256": sign_sha256,
    "int": read_integer,
    "integer": read_integer,
    "iso": write_iso,
    "join": join_texts,
    "json": write_json,
    "lower": write_lower,
    "md5": hash_md5,
    "money": round_money,
    "number": read_number,
    "replace": replace_text,
    "required": require_value,
    "round": round_number,
    "sha1": hash_sha1,
    "sha256": hash_sha256,
    "shift": shift_time,
    "slug": write_slug,
    "string": write_text,
    "striptags": strip_tags,
    "sum": add_up,
    "timestamp": write_timestamp,
    "timezone": move_timezone,
    "to_date": read_date,
    "to_datetime": read_datetime,
    "title": write_title,
    "tojson": write_json,
    "trim": trim_text,
    "truncate": truncate_text,
    "unescape": unescape_html,
    "upper": write_upper,
    "urlencode": write_urlencoded,
}
"""The filters of this project, by the name templates use."""

FILTERS: Final[dict[str, Callable[..., Any]]] = {**{name: JINJA_FILTERS[name] for name in _KEPT}, **OWN_FILTERS}
"""Every filter a template can use."""


def limit_range(*bounds: int) -> range:
    """Return a range of at most 100,000 numbers."""
    numbers = range(*bounds)
    if len(numbers) > 100_000:
        raise ConversionError("is more numbers than a template may count (100,000)", len(numbers))
    return numbers


def read_system_clock() -> datetime:
    """Return this instant, aware and in UTC."""
    return datetime.now(UTC)


def is_iterable(values: Any) -> Iterable[Any]:
    """Return the values when they can be looped over.

    Raises:
        ConversionError: They are a single value, null or text.
    """
    require_defined(values)
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise ConversionError("cannot be looped over", values)
    return values  # type: ignore[no-any-return]
