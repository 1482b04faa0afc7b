"""Marks: equal where values mean the same, and the same in every version."""

import hashlib
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.transform.conversion import ConversionError
from connector.transform.mark import make_mark


@pytest.mark.parametrize(
    "values",
    [
        [{"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}],
        [1, 1.0, Decimal(1), Decimal("1.00"), Decimal("1E+0")],
        [100, 1e2, Decimal("1E+2"), Decimal("100.00")],
        [0, 0.0, -0.0, Decimal("-0.00"), Decimal("0E+7")],
        [-12.5, Decimal("-12.50")],
        [0.1, Decimal("0.10")],
        [10**18, 1e18, Decimal("1E+18")],
        [10**5000, Decimal("1E+5000")],
        [(1, 2), [1, 2]],
        [date(2026, 7, 1), "2026-07-01"],
    ],
)
def test_what_means_the_same_has_one_mark(values):
    """Neither the order of keys counts, nor how a number is written."""
    assert len({make_mark(value) for value in values}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [2, 1]),
        (1, "1"),
        ("1.0", "1.00"),
        (1, True),
        (0, False),
        ({"a": None}, {}),
        (None, "null"),
        ([], {}),
        (["a,b"], ["a", "b"]),
        ([[1], 2], [[1, 2]]),
        ({"a": {"b": 1}}, {"a": {}, "b": 1}),
        (1, 10),
        (-1, 1),
        (10**30, 10**30 + 1),
        (Decimal("0.1"), Decimal("0.10000000000000000001")),
        ("ü", "u"),
        ("\ud800", "\ud801"),
        (datetime(2026, 7, 1, tzinfo=UTC), date(2026, 7, 1)),
        (time(9), time(9, 1)),
    ],
    ids=repr,
)
def test_what_differs_has_another_mark(one, other):
    """Types, digits, nesting and letters count."""
    assert make_mark(one) != make_mark(other)


def test_mark_stays_for_good():
    """Marks are kept for years: another one for the same value would send every record once more."""
    value = {"sku": "Größe", "price": Decimal("12.50"), "stock": 30, "tags": ["a", None, True], "at": date(2026, 7, 1)}
    text = '{"at":"2026-07-01","price":125e-1,"sku":"Gr\\u00f6\\u00dfe","stock":3e1,"tags":["a",null,true]}'

    mark = make_mark(value)

    assert mark == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.mark.parametrize("value", [float("nan"), {"a": [float("inf")]}, Decimal("NaN"), {1: 2}, {1, 2}], ids=repr)
def test_what_is_no_json_has_no_mark(value):
    """Nothing is made up for what cannot be compared."""
    with pytest.raises(ConversionError):
        make_mark(value)


def test_nesting_beyond_all_measure_is_an_error():
    """A value that nests too deep for Python is told, and brings nothing down."""
    value = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(ConversionError, match="nests too deep"):
        make_mark(value)


NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
)


@given(NUMBERS, NUMBERS)
def test_numbers_are_compared_by_their_worth(one, other):
    """Two numbers have one mark where, written in decimal, they are equal, and only there."""
    exact = [Decimal(repr(value)) if isinstance(value, float) else Decimal(value) for value in (one, other)]

    assert (make_mark(one) == make_mark(other)) == (exact[0] == exact[1])
