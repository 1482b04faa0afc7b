"""Casts, truth and comparison of PHP 8.2; the expected values come from a PHP 8.2 interpreter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.php.value import compare, contains, format_number, to_bool, to_float, to_int, to_key

VALUES = st.none() | st.booleans() | st.integers(-999, 999) | st.floats(-1e6, 1e6) | st.text(max_size=6)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12", 12),
        ("12abc", 12),
        (" \n12", 12),
        ("abc", 0),
        ("", 0),
        ("1.9", 1),
        ("1e3", 1000),
        (".5e1", 5),
        ("0x1A", 0),
        ("99999999999999999999", 2**63 - 1),
        ("-99999999999999999999", -(2**63)),
        ("1e20", 2**63 - 1),
        ("1e1000", 0),
        (None, 0),
        (True, 1),
        (2.9, 2),
        (1e30, 0),
        ({}, 0),
        ({0: "x"}, 1),
    ],
)
def test_integer_cast(value, expected):
    """A cast to a whole number reads text by the number it starts with."""
    assert to_int(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("1.5x", 1.5), ("1e2", 100.0), ("x", 0.0), (None, 0.0), (7, 7.0), ({1: 1}, 1.0)]
)
def test_float_cast(value, expected):
    """A cast to a float reads text by the number it starts with."""
    assert to_float(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", False), ("0", False), ("0.0", True), (" ", True), (0, False), (None, False), ({}, False)],
)
def test_truth(value, expected):
    """Only the empty text, the text 0, zero, null and the empty array are false."""
    assert to_bool(value) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("150", None, 1),
        (None, "500", -1),
        (None, 0, 0),
        ({0: 1}, "500", 1),
        ("abc", 5, 1),
        ("12abc", 200, -1),
        ("1 ", "1", 0),
        ("1e1", "10", 0),
        ("abc", "1000", 1),
        ("", "1", -1),
        ("25abc", "1000", 1),
        (150, None, 1),
        (1.5, "500", -1),
        ({}, None, 0),
    ],
)
def test_comparison(left, right, expected):
    """Numeric text compares as a number, other text as text, null by truth, and an array is the greatest."""
    assert compare(left, right) == expected


@given(VALUES, VALUES)
def test_comparison_turns_round(left, right):
    """Turning a comparison of two plain values round turns its result round."""
    assert compare(left, right) == -compare(right, left)


def test_loose_search():
    """A list of numbers as text is searched by number, but not by the number a text starts with."""
    found = [contains(["5", "1"], needle) for needle in ("1", "01", 1, "1.0", "1abc", None)]

    assert found == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("key", "expected"),
    [("7", 7), ("07", "07"), ("-3", -3), ("-0", "-0"), ("1.5", "1.5"), ("9" * 19, "9" * 19), (True, 1)],
)
def test_array_key(key, expected):
    """Text that a whole number would be written as becomes that number."""
    assert to_key(key) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1.0, "1"),
        (0.1 + 0.2, "0.3"),
        (1e15, "1.0E+15"),
        (1e-5, "1.0E-5"),
        (31.863369057778312, "31.863369057778"),
        (5, "5"),
    ],
)
def test_number_as_text(number, expected):
    """A float turns into text with 14 digits at most."""
    assert format_number(number) == expected
