"""Values as they may be shown."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.desk.shown import show_value
from connector.redaction import Redactor


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"password": "abcd", "email": "a@b.c"}, {"password": "***", "email": "a@b.c"}),
        ({"api_key": {"id": 1, "text": "x", "none": None}}, {"api_key": {"id": "***", "text": "***", "none": None}}),
        ("the secret-value stands here", "the *** stands here"),
        ([Decimal("12.50"), date(2026, 1, 31), float("inf"), 2**80], ["12.50", "2026-01-31", None, 2**80]),
        ("half \ud800", "half ?"),
        (("a", 1.5, True, None), ["a", 1.5, True, None]),
    ],
)
def test_a_value_is_plain_json_without_secrets(value: Any, shown: Any):
    """Secrets are masked by name and by value, and what JSON cannot say is told as text."""
    assert show_value(value, Redactor(["secret-value"])) == shown


def test_what_nests_without_end_is_cut():
    """However deep a value nests, what is shown does not."""
    value: Any = "x"
    for _ in range(5_000):
        value = [value]

    shown = show_value(value, Redactor())

    assert "…" in str(shown)
