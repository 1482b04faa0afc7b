"""Schedules: when something is due, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.check import check
from connector.config.place import Place
from connector.subscriber.options import ScheduleOptions
from connector.subscriber.schedule import Interval, Schedule, compile_schedule


def compiled(**written: Any) -> Schedule:
    """A schedule without faults."""
    place = Place.detached("incoming.orders.schedule", written)
    options = check(ScheduleOptions, place)
    assert options is not None, list(place.faults)
    schedule = compile_schedule(options, place)
    assert schedule is not None, list(place.faults)
    return schedule


def faults(**written: Any) -> list[str]:
    """What is wrong with a schedule."""
    place = Place.detached("schedule", written)
    options = check(ScheduleOptions, place)
    if options is not None:
        compile_schedule(options, place)
    return [f"{fault.where}: {fault.message}" + (f"; {fault.hint}" if fault.hint else "") for fault in place.faults]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def list_due(schedule: Schedule, after: str, until: str) -> list[str]:
    """Every due time between two instants, in UTC."""
    found = []
    due = schedule.timing.next_after(at(after))
    while due is not None and due <= at(until):
        found.append(f"{due:%Y-%m-%d %H:%M}")
        due = schedule.timing.next_after(due)
    return found


# --- cron and clocks ------------------------------------------------------------------------------------------------


def test_cron_is_read_on_the_clock_of_its_zone():
    """A time of day is an hour earlier in UTC while London has summer time."""
    nightly = compiled(cron="30 6 * * *", timezone="Europe/London")

    assert list_due(nightly, "2026-03-28", "2026-03-30") == ["2026-03-28 06:30", "2026-03-29 05:30"]


def test_cron_without_a_zone_is_utc():
    """No machine's own time zone has a say."""
    assert list_due(compiled(cron="0 12 * * *"), "2026-07-01", "2026-07-02") == ["2026-07-01 12:00"]


@pytest.mark.parametrize(
    ("zone", "cron", "day", "expected"),
    [
        # London: 01:00 to 02:00 is left out on 29 March, and comes twice on 25 October
        ("Europe/London", "30 1 * * *", "2026-03-29", "2026-03-29 01:00"),  # 02:00 in summer, the first there is
        ("Europe/London", "30 1 * * *", "2026-10-25", "2026-10-25 00:30"),  # 01:30 in summer, the first of the two
        # New York: 02:00 to 03:00 is left out on 8 March, and 01:00 to 02:00 comes twice on 1 November
        ("America/New_York", "30 2 * * *", "2026-03-08", "2026-03-08 07:00"),
        ("America/New_York", "30 1 * * *", "2026-11-01", "2026-11-01 05:30"),
    ],
)
def test_a_time_of_day_is_due_once_on_the_day_clocks_change(zone: str, cron: str, day: str, expected: str):
    """A time that is left out is due right after, one that comes twice the first time round."""
    nightly = compiled(cron=cron, timezone=zone)
    next_day = f"{at(day) + timedelta(days=1, hours=4):%Y-%m-%d %H:%M}"

    due = list_due(nightly, f"{day} 00:00", next_day)

    assert due[0] == expected
    assert len(due) == (2 if zone == "Europe/London" else 1)


def test_a_time_of_day_is_not_due_again_in_the_second_of_two_hours():
    """Asked in the hour that comes again, the next due time is that of the day after."""
    nightly = compiled(cron="30 1 * * *", timezone="Europe/London")

    assert nightly.timing.next_after(at("2026-10-25 01:10")) == at("2026-10-26 01:30")  # 01:10, the second time


@pytest.mark.parametrize(
    ("zone", "start", "end", "count"),
    [
        ("Europe/London", "2026-03-29 00:00", "2026-03-29 03:00", 12),
        ("Europe/London", "2026-10-25 00:00", "2026-10-25 03:00", 12),
        ("America/New_York", "2026-03-08 06:00", "2026-03-08 09:00", 12),
        ("America/New_York", "2026-11-01 04:00", "2026-11-01 08:00", 16),
    ],
)
def test_every_quarter_of_an_hour_goes_on_through_the_change(zone: str, start: str, end: str, count: int):
    """Whatever the clocks show, a quarter of an hour passes from one to the next."""
    due = list_due(compiled(cron="*/15 * * * *", timezone=zone), start, end)

    assert len(due) == count
    assert {at(later) - at(earlier) for earlier, later in pairwise(due)} == {timedelta(minutes=15)}


@given(
    st.sampled_from(["*/15 * * * *", "30 1 * * *", "0 2 * * *", "5 1-3 * * *", "0 0 1 * *", "17 */6 * * MON-FRI"]),
    st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2027-01-01"), timezones=st.just(UTC)),
)
def test_the_next_due_time_is_always_later(cron: str, zone: str, moment: datetime):
    """From any instant of a year, asking on from what was given never stands still, and passes nothing over."""
    timing = compiled(cron=cron, timezone=zone).timing

    first = timing.next_after(moment)
    assert first is not None
    second = timing.next_after(first)

    assert second is not None
    assert moment < first < second
    assert timing.next_after(first - timedelta(seconds=1)) == first


def test_a_schedule_without_a_next_time_is_over():
    """Beyond the years that are looked at, nothing is due."""
    assert compiled(cron="0 0 29 2 *").timing.next_after(at("9996-03-01 00:00")) is None


# --- intervals ------------------------------------------------------------------------------------------------------


def test_an_interval_is_counted_from_the_epoch():
    """Every machine finds the same times, whenever it began."""
    quarterly = compiled(every="15m")

    assert list_due(quarterly, "2026-11-22 09:07", "2026-11-22 09:45") == [
        "2026-11-22 09:15",
        "2026-11-22 09:30",
        "2026-11-22 09:45",
    ]


@given(
    st.integers(1, 200_000),
    st.datetimes(
        datetime.fromisoformat("1970-01-02"), timezones=st.just(UTC), max_value=datetime.fromisoformat("2100-01-01")
    ),
)
def test_an_interval_is_never_further_away_than_itself(seconds: int, moment: datetime):
    """The next due time is later than now by no more than the interval, and a multiple of it."""
    due = Interval(timedelta(seconds=seconds)).next_after(moment)

    assert timedelta(0) < due - moment <= timedelta(seconds=seconds)
    assert (due - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(seconds=seconds) == timedelta(0)


# --- what has passed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "after", "until", "expected"),
    [
        ({"every": "15m"}, "2026-11-22 09:00", "2026-11-22 09:14", None),
        ({"every": "15m"}, "2026-11-22 09:00", "2026-11-22 09:15", "2026-11-22 09:15"),
        ({"every": "15m"}, "2020-01-01 00:00", "2026-11-22 09:44", "2026-11-22 09:30"),
        ({"cron": "0 3 * * *"}, "2020-01-01 00:00", "2026-11-22 02:00", "2026-11-21 03:00"),
        ({"cron": "0 0 29 2 *"}, "2020-01-01 00:00", "2026-11-22 02:00", "2024-02-29 00:00"),
        ({"cron": "* * * * *"}, "2000-01-01 00:00", "2026-11-22 02:00", "2026-11-22 02:00"),
    ],
)
def test_the_last_of_the_times_that_passed_is_found(
    written: dict[str, str], after: str, until: str, expected: str | None
):
    """However long nobody asked, the latest due time is found, and quickly."""
    found = compiled(**written).last_between(at(after), at(until))

    assert found == (None if expected is None else at(expected))


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_the_last_time_is_the_end_of_the_list(start: int, length: int):
    """It is what walking through all of them ends with, the change of clocks included."""
    schedule = compiled(cron="20 */3 * * *", timezone="Europe/London")
    after = at("2026-10-20 00:00") + timedelta(minutes=start)
    until = after + timedelta(minutes=length)

    walked = None
    due = schedule.timing.next_after(after)
    while due is not None and due <= until:
        walked, due = due, schedule.timing.next_after(due)

    assert schedule.last_between(after, until) == walked


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({}, "schedule: found neither of cron and every, accepted is exactly one"),
        ({"cron": "* * * * *", "every": "5m"}, "schedule: found both of cron and every, accepted is exactly one"),
        ({"every": "5m", "timezone": "UTC"}, "schedule.timezone: timezone goes with cron"),
        ({"every": "1500ms"}, "schedule.every: found a part of a second, accepted are whole seconds, 1s or more"),
        ({"every": "0s"}, "schedule.every: found a part of a second"),
        ({"cron": "61 * * * *"}, 'schedule.cron: found "61" as the minute, accepted is 0 to 59'),
        ({"cron": "*5 * * * *"}, 'found "*5" as the minute, accepted is 0 to 59; did you mean "*/5"?'),
        ({"cron": "0 0 * JANUARY *"}, 'found "JANUARY" as the month, accepted is 1 to 12, or JAN to DEC'),
        ({"cron": "0 0 ? * *"}, 'found "?" as the day of the month, accepted is 1 to 31'),
        ({"cron": "0 22-4 * * *"}, "the first of a range is the lower one; write two ranges with a comma between"),
        ({"cron": "0 0 31 2 *"}, 'there is no such day: "0 0 31 2 *" never comes'),
        ({"cron": "@daily"}, 'found 1 field in "@daily", accepted are 5: minute, hour, day of the month, month'),
        ({"cron": "@daily"}, 'write it out: "0 0 * * *"'),
        ({"cron": "0 0 * * * *"}, "there are no seconds; for less than a minute write every: 10s"),
        ({"cron": "0 0 * * *", "timezone": "London"}, 'did you mean "Europe/London"?'),
        ({"cron": "0 0 * * *", "timezone": "Europe/Lodnon"}, 'did you mean "Europe/London"?'),
        ({"cron": "0 0 * * *", "timezone": "CEST"}, "an abbreviation has no rules for when clocks change"),
        ({"cron": "0 0 * * *", "timezone": "../etc"}, "accepted is the IANA name of a time zone"),
        ({"cron": "0 0 * * *", "missed": "first"}, 'schedule.missed: found text "first", accepted is one of all, last'),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_a_fault(written: dict[str, Any], told: str):
    """What is wrong is said in words for people, with what is accepted and what may have been meant."""
    (fault,) = faults(**written)

    assert told in fault


def test_every_field_that_is_wrong_is_told():
    """Two wrong fields and an unknown zone are three faults."""
    assert len(faults(cron="61 25 * * *", timezone="Mars")) == 3
