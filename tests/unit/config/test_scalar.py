"""What an unquoted YAML scalar means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.scalar import type_scalar

NUMBER_LIKE = st.text(alphabet="0123456789.-+eExX_", max_size=24)


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("0", 0), ("-3", -3), ("1.5", 1.5), ("-0.25", -0.25), ("3.0", 3.0), ("9223372036854775807", 2**63 - 1)],
)
def test_number_that_is_written_back_the_same_way_is_a_number(text, value):
    """A number in its one usual form is typed."""
    typed = type_scalar(text)

    assert (typed, type(typed)) == (value, type(value))


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("null", None), ("~", None), ("", None)])
def test_words_of_yaml_are_typed(text, value):
    """True, false, null, a tilde and nothing at all are what they say."""
    assert type_scalar(text) is value


@pytest.mark.parametrize(
    "text",
    [
        "007", "+31612345678", "1.50", "1e3", "1E3", "0x1F", "0o17", "1_000", "-0", ".5", "5.", "1,5", "12:30", "1.0.0",
        "NO", "no", "yes", "on", "Off", "True", "FALSE", "Null", "2024-01-01", ".inf", ".nan", "9223372036854775808",
        "12345678901234567890", "0.00001", "0.1000", "1 000", "٣", "1" * 5000,
    ],
)  # fmt: skip
def test_everything_else_stays_text(text):
    """Leading zeros, plus signs, trailing zeros, exponents, dates, other words and long digits are text."""
    assert type_scalar(text) == text


@given(st.text() | NUMBER_LIKE)
def test_a_typed_number_gives_back_exactly_what_was_written(text):
    """Turning a number into text again loses nothing, whatever was written."""
    typed = type_scalar(text)

    if typed is not None and not isinstance(typed, bool):
        assert str(typed) == text


@given(st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1))
def test_every_usual_whole_number_is_typed(number):
    """Whole numbers within 64 bits are numbers."""
    assert type_scalar(str(number)) == number
