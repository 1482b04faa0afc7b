"""Durations, rates and sizes as text."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.quantity import (
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("500ms", 0.5),
        ("2m", 120),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1.5s", 1.5),
        ("0.5h", 1800),
        ("0s", 0),
        (" 5s ", 5),
        ("1h 30m".replace(" ", ""), 5400),
        ("1d2h3m4s5ms", 93784.005),
    ],
)
def test_duration_is_read_by_its_units(text, seconds):
    """Numbers with units, from large to small, add up."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "10", "s", "-5s", "5 s", "5S", "30m1h", "1h1h", "5sec", "1e3s", "٣s", "9" * 40 + "d", "1.s", ".5s"]
)
def test_what_is_no_duration_gives_none(text):
    """No unit, another order, a sign, and what no duration can hold are no durations."""
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "per_second"),
    [("20/s", 20), ("600/min", 10), ("600/m", 10), ("100/h", 100 / 3600), ("1/day", 1 / 86400), ("0.5 / s", 0.5)],
)
def test_rate_is_read_per_second(text, per_second):
    """A number per unit of time becomes a number per second."""
    assert parse_rate(text) == per_second


@pytest.mark.parametrize("text", ["", "20", "/s", "20/", "20/x", "-1/s", "20s", "20/s/s", "1,5/s"])
def test_what_is_no_rate_gives_none(text):
    """A rate needs a number and a unit."""
    assert parse_rate(text) is None


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("512KiB", 524288),
        ("10MB", 10_000_000),
        ("1GiB", 1024**3),
        ("5B", 5),
        ("1.5KB", 1500),
        ("2 kB", 2000),
        ("0B", 0),
    ],
)
def test_size_is_read_in_bytes(text, size_bytes):
    """KB counts by 1000, KiB by 1024."""
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "10", "MB", "-1MB", "0.5B", "10Mb", "10M", "1TB"])
def test_what_is_no_size_gives_none(text):
    """A size needs a number and a unit, and is a whole number of bytes."""
    assert parse_size(text) is None


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(milliseconds=1500), "1s500ms"),
        (timedelta(microseconds=1), "0.001ms"),
        (timedelta(days=1, seconds=1, microseconds=1001), "1d1s1.001ms"),
    ],
)
def test_duration_is_written_in_its_units(duration, text):
    """A duration is written with the fewest units."""
    assert format_duration(duration) == text


@pytest.mark.parametrize(
    ("per_second", "text"), [(20.0, "20/s"), (100 / 3600, "100/h"), (0.5, "30/min"), (1e-9, "0.000000001/s")]
)
def test_rate_is_written_in_the_unit_that_makes_it_whole(per_second, text):
    """A rate is written as people wrote it."""
    assert format_rate(per_second) == text


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=10000)))
def test_duration_survives_writing_and_reading(duration):
    """What is written is read as the same duration, to the microsecond."""
    assert parse_duration(format_duration(duration)) == duration


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_rate_survives_writing_and_reading(per_second):
    """What is written is read as the same rate."""
    assert parse_rate(format_rate(per_second)) == per_second


@given(st.integers(min_value=0, max_value=10**15))
def test_size_survives_writing_and_reading(size_bytes):
    """What is written is read as the same number of bytes."""
    assert parse_size(format_size(size_bytes)) == size_bytes


@given(st.text(alphabet="0123456789.dhmsKMGiB/ "))
def test_no_text_breaks_the_readers(text):
    """Whatever the text, it is a quantity or it is none."""
    for parse in (parse_duration, parse_rate, parse_size):
        parse(text)
