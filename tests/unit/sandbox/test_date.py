"""Dates as PHP reads them; the expected values come from ``strtotime`` of PHP 8.2."""

from datetime import UTC, datetime

import pytest

from connector.sandbox.php.date import read_time

NOW = datetime(2026, 11, 22, 5, 52, 55, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-24", "2026-12-24 00:00:00"),
        (" 2026-12-24 ", "2026-12-24 00:00:00"),
        ("2026-2-31", "2026-03-03 00:00:00"),
        ("2026/12/24 10:30", "2026-12-24 10:30:00"),
        ("2026-12-24T10:30", "2026-12-24 10:30:00"),
        ("24.12.2026", "2026-12-24 00:00:00"),
        ("12/24/2026", "2026-12-24 00:00:00"),
        ("24-12-2026 10:30:15", "2026-12-24 10:30:15"),
        ("10:30", "2026-11-22 10:30:00"),
        ("10:30 pm", "2026-11-22 22:30:00"),
        ("12:05am", "2026-11-22 00:05:00"),
        ("24:00", "2026-11-23 00:00:00"),
        ("now", "2026-11-22 05:52:55"),
        ("today", "2026-11-22 00:00:00"),
        ("noon", "2026-11-22 12:00:00"),
        ("tomorrow 8:00", "2026-11-23 08:00:00"),
        ("", "1970-01-01 00:00:00"),
        ("2026-13-01", "1970-01-01 00:00:00"),
        ("2026-12-32", "1970-01-01 00:00:00"),
        ("25:00", "1970-01-01 00:00:00"),
        ("soon", "1970-01-01 00:00:00"),
    ],
)
def test_instants(text, instant):
    """A text with figures means an instant of now or of its own; one that means none is the beginning of 1970."""
    assert f"{read_time(text, NOW):%Y-%m-%d %H:%M:%S}" == instant
