"""Points in time for people and for programs."""

from __future__ import annotations

import time

import pytest

from connector.desk.moment import show_distance, show_local, to_iso

AT_MS = 1_795_370_591_042  # 2026-11-22 18:03:11.042 UTC


@pytest.fixture
def in_new_york(monkeypatch):
    """The clock on the wall is that of New York."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_people_see_the_clock_on_their_wall(in_new_york):
    """A moment is told in the time of the machine's zone, with milliseconds where they are asked for."""
    assert show_local(AT_MS) == "2026-11-22 13:03:11"
    assert show_local(AT_MS, is_fine=True) == "2026-11-22 13:03:11.042"


def test_programs_see_utc(in_new_york):
    """A moment is in UTC with its letter, and nothing stays nothing."""
    assert to_iso(AT_MS) == "2026-11-22T18:03:11.042Z"
    assert to_iso(None) is None


@pytest.mark.parametrize(
    ("distance_ms", "told"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (850, "850 ms"),
        (42_900, "42 s"),
        (185_000, "3 min 5 s"),
        (180_000, "3 min"),
        (7_800_000, "2 h 10 min"),
        (3 * 86_400_000 + 5 * 3_600_000, "3 d 5 h"),
    ],
)
def test_a_distance_has_two_units_at_most(distance_ms, told):
    """How far off something is, as people say it."""
    assert show_distance(distance_ms) == told
