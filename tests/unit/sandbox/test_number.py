"""Rounding and grouping of PHP 8.2; the expected values come from a PHP 8.2 interpreter."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.php.number import format_grouped, round_half_up


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.005, 1.01),
        (1.255, 1.26),
        (5.055, 5.06),
        (-1.005, -1.01),
        (0.285, 0.29),
        (1.4449999, 1.44),
        (0.0, 0.0),
        (1e16, 1e16),
    ],
)
def test_half_goes_up_as_written(value, expected):
    """A value that reads as a half is rounded away from zero although its double lies below it."""
    assert round_half_up(value, 2) == expected


@given(st.integers(-(10**9), 10**9))
def test_rounding_agrees_with_decimal(thousandths):
    """Amounts with three digits behind the point round as decimal numbers do."""
    value = Decimal(thousandths) / 1000

    rounded = round_half_up(float(value), 2)

    assert Decimal(repr(rounded)).quantize(Decimal("0.01")) == value.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1234567.891, "1,234,567.89"), (-28.2, "-28.20"), (-0.0, "0.00"), (-0.001, "0.00"), (1005.005, "1,005.01")],
)
def test_grouping(value, expected):
    """Thousands are grouped, and nothing is ever a negative zero."""
    assert format_grouped(value, 2) == expected
