r"""Records as JSON that gives the same records back, for whatever keeps them.

What a shaped record may hold is more than JSON can say: exact decimals, dates, whole numbers of any length, text with
half a surrogate pair, numbers that are not finite. Each of these is written as an object with one key that begins
with `$`:

| Value | Written |
| --- | --- |
| `Decimal("12.50")` | `{"$decimal":"12.50"}` |
| `date(2026, 1, 31)` | `{"$date":"2026-01-31"}` |
| `datetime`, naive or aware | `{"$datetime":"2026-01-31T13:30:00+00:00[Europe/London]"}`, zone as in RFC 9557 |
| `time(13, 30)` | `{"$time":"13:30:00"}` |
| whole number beyond 64 bits | `{"$integer":"36893488147419103232"}` |
| `inf`, `-inf`, `nan` | `{"$float":"inf"}` |
| text that is no Unicode | `{"$text":"\"caf\\ud800\""}`, JSON text within the text |
| object that looks like one of these, or with keys that JSON cannot say | `{"$object":[[key,value],…]}` |

The order of keys is kept; tuples come back as lists. Reading a text without such an object takes no longer than
parsing it.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.record import Json, Record

_MARK: Final = "$"
_BEGINNING: Final = b'{"$'
"""How an object begins whose first key begins with `$`. In a JSON text it stands nowhere else: within a string, the
quotation mark would have a backslash before it."""

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_PLAIN: Final = frozenset({str, int, bool, type(None), Decimal, date, datetime, time})
"""What orjson writes whole, or hands to `_Tags`."""

_INT64: Final = range(-(2**63), 2**63)


def encode_record(record: Record) -> bytes:
    """Return a record as JSON in UTF-8 that `decode_record` reads as the same record.

    Raises:
        TypeError: It holds something that cannot be kept, such as a Python object, or nests too deep; the message says
            what.
    """
    return encode_value(record)


def decode_record(content: bytes | str) -> Record:
    """Return the record that `encode_record` wrote.

    Raises:
        ValueError: It is not what `encode_record` writes.
    """
    record = decode_value(content)
    if not isinstance(record, dict):
        raise ValueError("not a record: a JSON object is expected")  # noqa: TRY004 - the text is wrong, not its type
    return record


def encode_value(value: Json) -> bytes:
    """Return a value of a record as JSON in UTF-8 that `decode_value` reads as the same value.

    Raises:
        TypeError: As `encode_record`.
    """
    tags = _Tags()
    try:
        content = orjson.dumps(value, default=tags, option=_OPTIONS)
    except orjson.JSONEncodeError:  # a long number, half a surrogate pair, a key that is no text, more than 254 levels
        return _encode_slowly(value)
    # orjson writes null for what is not finite, without a word; and an object may be taken for one of ours.
    if (b"null" in content or content.count(_BEGINNING) != tags.count) and not _is_plain(value):
        return _encode_slowly(value)
    return content


def decode_value(content: bytes | str) -> Json:
    """Return the value that `encode_value` wrote.

    Raises:
        ValueError: It is not what `encode_value` writes.
    """
    if isinstance(content, str):
        content = content.encode()
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:  # nested deeper than orjson goes, or no JSON
        value = json.loads(content)
    if _BEGINNING not in content:
        return value
    try:
        return _restore(value)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError) as error:
        raise ValueError(f"not what a record is kept as: {error!r}") from error


class _Tags:
    """Makes the tags of one value, and counts them: where more objects look like tags, some are none."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, value: Any) -> Any:
        """Return what stands for a value that orjson has no word for."""
        self.count += 1
        return _tag_leaf(value)


def _encode_slowly(value: Json) -> bytes:
    try:
        tagged = _tag(value)
        try:
            return orjson.dumps(tagged)
        except orjson.JSONEncodeError:
            return json.dumps(tagged, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise TypeError("the record nests too deep to be kept") from None


def _is_plain(value: Any) -> bool:
    """Whether orjson has said all there is to say: no number that is not finite, no object that looks like a tag."""
    if isinstance(value, dict):
        if _looks_tagged(value):
            return False
        children: Any = value.values()
    elif isinstance(value, list | tuple):
        children = value
    else:
        return not isinstance(value, float) or math.isfinite(value)
    for child in children:
        kind = type(child)  # most are plain, and a look at the type takes a tenth of a call
        if kind not in _PLAIN and not (math.isfinite(child) if kind is float else _is_plain(child)):
            return False
    return True


def _tag(value: Any) -> Any:
    """Return a value as JSON can say it."""
    match value:
        case None | bool():
            return value
        case str():
            return value if _is_unicode(value) else {"$text": json.dumps(value)}
        case int():
            return int(value) if value in _INT64 else {"$integer": str(int(value))}
        case dict():
            if all(isinstance(key, str) and _is_unicode(key) for key in value) and not _looks_tagged(value):
                return {key: _tag(child) for key, child in value.items()}
            return {"$object": [[_tag(key), _tag(child)] for key, child in value.items()]}
        case list() | tuple():
            return [_tag(child) for child in value]
        case _:
            return _tag_leaf(value)


def _tag_leaf(value: Any) -> Any:
    """Return what stands for a value that JSON, or orjson, has no word for."""
    match value:
        case Decimal():
            return {"$decimal": str(value)}
        case datetime():
            return {"$datetime": _write_datetime(value)}
        case date():
            return {"$date": value.isoformat()}
        case time():
            return {"$time": value.isoformat()}
        case float():
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    raise TypeError(f"the record holds a Python {type(value).__name__}, which cannot be kept")


def _write_datetime(value: datetime) -> str:
    zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    return f"{value.isoformat()}[{zone}]" if zone else value.isoformat()


def _read_datetime(text: str) -> datetime:
    moment, _, zone = text.partition("[")
    value = datetime.fromisoformat(moment)
    if not zone:
        return value
    offset = value.utcoffset()
    local = value.replace(tzinfo=ZoneInfo(zone.removesuffix("]")))
    # A wall clock shows the same time twice where an hour is repeated or left out; the offset tells which is meant.
    return local if local.utcoffset() == offset else local.replace(fold=1)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _looks_tagged(value: dict[Any, Any]) -> bool:
    return len(value) == 1 and str(next(iter(value))).startswith(_MARK)


def _restore(value: Any) -> Any:
    if isinstance(value, dict):
        if _looks_tagged(value):
            ((tag, content),) = value.items()
            read = _READERS.get(tag)
            if read is None:
                raise ValueError(f"not what a record is kept as: there is no {tag}")
            return read(content)
        return {key: _restore(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_restore(child) for child in value]
    return value


def _restore_object(pairs: list[list[Any]]) -> dict[Any, Any]:
    return {_restore(key): _restore(child) for key, child in pairs}


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$decimal": Decimal,
    "$date": date.fromisoformat,
    "$datetime": _read_datetime,
    "$time": time.fromisoformat,
    "$integer": int,
    "$float": float,
    "$text": json.loads,
    "$object": _restore_object,
}
