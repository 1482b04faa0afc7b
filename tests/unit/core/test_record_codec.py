"""Records kept as JSON, and read again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.record_codec import decode_record, decode_value, encode_record, encode_value

ZONES = (None, UTC, timezone(timedelta(hours=-3, minutes=-30)), ZoneInfo("Europe/London"), ZoneInfo("America/New_York"))
TEXTS = st.text(st.characters(), max_size=8)  # any code point, half a surrogate pair included
KEYS = TEXTS | st.sampled_from(["$", "$decimal", "$object", "$text", "a"])
MOMENTS = st.datetimes(timezones=st.sampled_from(ZONES), allow_imaginary=True) | st.builds(
    lambda minute, fold: datetime(2026, 10, 25, 1, minute, tzinfo=ZoneInfo("Europe/London"), fold=fold),
    st.integers(0, 59),
    st.integers(0, 1),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | st.decimals()
    | TEXTS
    | st.dates()
    | MOMENTS
    | st.times(timezones=st.sampled_from([None, UTC]))
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def show(value: Any) -> Any:
    """A value with all that tells it from others: types, digits, offsets, zones, the order of keys."""
    match value:
        case dict():
            return [(show(key), show(child)) for key, child in value.items()]
        case list():
            return list(map(show, value))
        case datetime():
            zone = getattr(value.tzinfo, "key", None)
            return ("datetime", value.replace(tzinfo=None).isoformat(), value.utcoffset(), zone)
        case time():
            return ("time", value.isoformat())
        case _:
            return (type(value).__name__, repr(value))


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_a_record_comes_back_as_it_was(record: dict[str, Any]):
    """Whatever a shaped record may hold comes back with its type, its digits and its zone."""
    content = encode_record(record)

    assert show(decode_record(content)) == show(record)


@given(VALUES)
def test_what_is_kept_is_json_in_utf_8(value: Any):
    """The text is JSON that every parser reads, so that it can be kept, searched and exported as text."""
    text = encode_value(value).decode("utf-8")

    assert json.loads(text, parse_constant=pytest.fail) is not ...
    assert show(decode_value(text)) == show(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("12.50"), b'{"$decimal":"12.50"}'),
        (date(2026, 1, 31), b'{"$date":"2026-01-31"}'),
        (datetime.fromisoformat("2026-01-31T13:30"), b'{"$datetime":"2026-01-31T13:30:00"}'),
        (
            datetime(2026, 7, 1, 13, tzinfo=ZoneInfo("Europe/London")),
            b'{"$datetime":"2026-07-01T13:00:00+01:00[Europe/London]"}',
        ),
        (time(13, 30), b'{"$time":"13:30:00"}'),
        (2**65, b'{"$integer":"36893488147419103232"}'),
        (float("inf"), b'{"$float":"inf"}'),
        ("caf\ud800", b'{"$text":"\\"caf\\\\ud800\\""}'),
        ({"$decimal": "12.50"}, b'{"$object":[["$decimal","12.50"]]}'),
        ({7: "seven"}, b'{"$object":[[7,"seven"]]}'),
        ({"$a": 1, "b": 2}, b'{"$a":1,"b":2}'),
        ({"total": None, "text": '{"$decimal": 1}'}, b'{"total":null,"text":"{\\"$decimal\\": 1}"}'),
    ],
)
def test_values_are_written_so_that_people_can_read_them(value: Any, written: bytes):
    """Each kind of value has its own form, and plain ones are plain JSON."""
    assert encode_value(value) == written
    assert show(decode_value(written)) == show(value)


def test_what_orjson_does_not_nest_is_kept_all_the_same():
    """A record nested deeper than orjson writes comes back whole."""
    record: dict[str, Any] = {"end": Decimal(1)}
    for _ in range(300):
        record = {"inner": record}

    assert decode_record(encode_record(record)) == record


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": {1, 2}}, "the record holds a Python set, which cannot be kept"),
        ({"a": timedelta(1), "b": 2**70}, "the record holds a Python timedelta, which cannot be kept"),
    ],
)
def test_what_no_record_may_hold_is_refused(value: Any, told: str):
    """A Python object is an error that names its type, and nothing is kept in its place."""
    with pytest.raises(TypeError, match=told):
        encode_record(value)


def test_a_record_without_an_end_is_refused():
    """A record that holds itself is an error."""
    record: dict[str, Any] = {}
    record["self"] = record

    with pytest.raises(TypeError, match="nests too deep"):
        encode_record(record)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'"text"', b'{"$colour":"red"}', b'{"$decimal":"red"}', b'{"$decimal":null}', b'{"a":']
)
def test_what_was_not_written_here_is_refused(content: bytes):
    """A text that no record was kept as is an error, and no record."""
    with pytest.raises(ValueError, match=r"."):
        decode_record(content)
