"""Formatted amounts, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.composite.money import parse_amount, read_amount

if TYPE_CHECKING:
    from decimal import Decimal


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$123.20", "123.20"),
        ("96.66€", "96.66"),
        ("£61.25", "61.25"),
        ("$-28.20", "-28.20"),
        ("-$28.20", "-28.20"),
        ("$3,010.00", "3010.00"),
        ("1.234,50€", "1234.50"),
        ("1 234,50 kr", "1234.50"),
        ("1\u00a0234,50\u00a0kr", "1234.50"),
        ("1'234.50 CHF", "1234.50"),
        ("1,234,567", "1234567"),
        ("¥12345", "12345"),
        ("0.00", "0.00"),
        ("12,5", "12.5"),
        ("1.2345", "1.2345"),
    ],
)
def test_an_amount_is_read_whatever_its_signs(text: str, amount: str):
    """Currency signs, separators of thousands and both decimal signs are understood."""
    assert str(parse_amount(text)) == amount


@pytest.mark.parametrize("text", ["", "free", "1.234", "1,234", "1.23.45"])
def test_what_can_be_read_in_two_ways_is_not_guessed(text: str):
    """`1,234` is a thousand in one language and one and a bit in another."""
    assert parse_amount(text) is None


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (101, "101"),
        (123.2, "123.2"),
        (228.16000000000003, "228.16"),
        (100.0, "100"),
        ("5.0000", "5.0000"),
        ("12.500", "12.500"),
        ("$5.00", None),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_numbers_lose_their_binary_noise(value: object, amount: str | None):
    """A float is taken at the four places a shop stores."""
    found = read_amount(value)

    assert (None if found is None else str(found)) == amount


@given(st.decimals(min_value=-10_000_000, max_value=10_000_000, places=2))
def test_what_opencart_formats_is_read_back(amount: Decimal):
    """Two places, a comma for thousands, the sign behind the currency: every amount comes back."""
    assert parse_amount(f"${amount:,.2f}") == amount
