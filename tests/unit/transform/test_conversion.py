"""Types are given strictly, and text forms lose nothing."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.transform import conversion
from connector.transform.conversion import ConversionError, get_conversion, to_text

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", "007", "007"),
        ("text", 5, "5"),
        ("text", True, "true"),
        ("text", Decimal("1E+3"), "1000"),
        ("text", Decimal("12.50"), "12.50"),
        ("text", 1.5, "1.5"),
        ("text", 1e-7, "0.0000001"),
        ("text", 1e22, "10000000000000000000000"),
        ("text", date(2026, 7, 1), "2026-07-01"),
        ("text", datetime(2026, 7, 1, 9, tzinfo=UTC), "2026-07-01T09:00:00+00:00"),
        ("integer", "007", 7),
        ("integer", "-3", -3),
        ("integer", "+3", 3),
        ("integer", 12.0, 12),
        ("integer", Decimal("12.00"), 12),
        ("decimal", "12.50", Decimal("12.50")),
        ("decimal", ".5", Decimal("0.5")),
        ("decimal", 0.1, Decimal("0.1")),
        ("decimal", 3, Decimal(3)),
        ("number", "5", 5),
        ("number", "5.5", 5.5),
        ("number", Decimal("5.0"), 5),
        ("number", Decimal("5.25"), 5.25),
        ("number", 2.5, 2.5),
        ("boolean", True, True),
        ("boolean", "true", True),
        ("boolean", "NO", False),
        ("boolean", "1", True),
        ("boolean", 0, False),
        ("date", "2026-07-01", date(2026, 7, 1)),
        ("date", datetime(2026, 7, 1, 23, tzinfo=EAST), date(2026, 7, 1)),
        ("datetime", "2026-07-01T09:00:00Z", datetime(2026, 7, 1, 9, tzinfo=UTC)),
        ("datetime", "2026-07-01T09:00:00+02:00", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        ("list", [1], [1]),
        ("object", {"a": 1}, {"a": 1}),
        ("any", None, None),
    ],
)
def test_value_gets_its_type(kind, value, expected):
    """Each type is given to what is written like it, exactly."""
    converted = get_conversion(kind)(value)

    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("integer", "12abc", '"12abc" is not a whole number'),
        ("integer", "1_000", '"1_000" is not a whole number'),
        ("integer", "\uff11\uff12", '"\uff11\uff12" is not a whole number'),
        ("integer", "12.5", '"12.5" is not a whole number'),
        ("integer", 12.5, "12.5 is not a whole number"),
        ("integer", True, "true is not a whole number"),
        ("integer", float("inf"), "inf is not a whole number"),
        ("integer", "9" * 5000, f'"{"9" * 40}…" is not a whole number'),
        ("decimal", "1e3", '"1e3" is not a decimal number'),
        ("decimal", "NaN", '"NaN" is not a decimal number'),
        ("decimal", None, "null is not a decimal number"),
        ("decimal", [1], "a list is not a decimal number"),
        ("number", "x", '"x" is not a number'),
        ("boolean", "ja", '"ja" is neither true nor false'),
        ("boolean", 2, "2 is neither true nor false"),
        ("date", "01/07/2026", '"01/07/2026" is not a date YYYY-MM-DD'),
        ("datetime", "yesterday", '"yesterday" is not a date and time in ISO 8601'),
        ("datetime", "2026-07-01T09:00:00", '"2026-07-01T09:00:00" has no time zone'),
        ("list", "a", '"a" is not a list'),
        ("object", [], "a list is not an object"),
        ("text", None, "null has no text form"),
        ("text", float("nan"), "nan is not a finite number"),
        ("text", {}, "an object has no text form"),
        ("any", len, "a function is not a value"),
    ],
)
def test_what_is_not_of_the_type_is_refused(kind, value, message):
    """Nothing is guessed: the error says what was found."""
    with pytest.raises(ConversionError) as caught:
        get_conversion(kind)(value)

    assert caught.value.describe(is_private=False) == message


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ("1,5", "the decimal sign is a point: | replace('.', '') | replace(',', '.')"),
        ("1.234,50", "the decimal sign is a point: | replace('.', '') | replace(',', '.')"),
        ("1,234.50", "take the thousands separators away: | replace(',', '')"),
        (" 5", "take the spaces away: | trim"),
        ("", "write optional: true or a default where it may be empty"),
        ("abc", None),
    ],
)
def test_number_that_is_written_otherwise_gets_a_cure(value, cure):
    """The usual other ways of writing a number are recognised, and refused with what to do."""
    with pytest.raises(ConversionError) as caught:
        conversion.to_decimal(value)

    assert caught.value.cure == cure


def test_private_value_is_told_by_its_kind():
    """A value of a personal field never stands in a message."""
    error = ConversionError("is not a whole number", "+31612345678")

    assert error.describe(is_private=True) == "text of 12 characters is not a whole number"


def test_datetime_is_read_by_a_pattern_in_its_time_zone():
    """A time without offset is what clocks showed there, summer time included."""
    convert = get_conversion("datetime", "%d/%m/%Y %H:%M", "Europe/London")

    assert convert("01/07/2026 09:30") == datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    assert convert("01/12/2026 09:30") == datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


def test_hour_that_comes_twice_is_the_earlier_one():
    """In the hour that is repeated in autumn, the earlier instant is meant."""
    convert = get_conversion("datetime", None, "Europe/Amsterdam")

    assert convert("2026-10-25T02:30:00") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_timestamp_counts_seconds():
    """The pattern `timestamp` reads seconds since 1970, as number or text."""
    convert = get_conversion("datetime", "timestamp")

    assert convert("1782894600") == convert(1782894600) == datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    with pytest.raises(ConversionError, match="seconds since 1970"):
        convert("1e99")


def test_instant_out_of_range_is_refused():
    """A time zone cannot move an instant out of the calendar."""
    with pytest.raises(ConversionError, match="out of range"):
        conversion.to_datetime("0001-01-01T00:00:00+10:00")


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [("%d/%m", None), ("%Q", "%Q is no part of a date pattern"), ("%", "a date pattern cannot end in %")],
)
def test_pattern_is_judged(pattern, problem):
    """A pattern is known to be good before a record comes."""
    assert conversion.check_pattern(pattern) == problem


@given(st.text())
def test_text_stays_text(text):
    """The text form of a text is that text, whatever it looks like."""
    assert to_text(text) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_decimal_survives_its_text_form(number):
    """A decimal written as text and read again is the same, digits after the point included."""
    again = conversion.to_decimal(to_text(number))

    assert again == number
    assert again.as_tuple().exponent == number.as_tuple().exponent


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_fraction_survives_its_text_form(number):
    """A binary fraction written as text has no exponent, and reads as the same number."""
    text = to_text(number)

    assert "e" not in text
    assert float(text) == number
