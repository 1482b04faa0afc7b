"""Cursors: what is compared with what, where a run begins, and how far it has come."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.place import Place
from connector.errors import SubscriberError
from connector.subscriber.cursor import CursorKind, CursorPlan, CursorRun, Position, rank, step_back
from connector.transform.path import compile_path

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def begin(stored: Any = None, *, start: Any = None, overlap: Any = 0, order: str = "any") -> CursorRun:
    """A run of a cursor at `$.at`."""
    path = compile_path("$.at", Place.detached("incoming.orders.state.cursor", "$.at"))
    return CursorPlan("incoming.orders.state", path, start, overlap, order == "ascending").begin(stored, now=NOW)


def see(run: CursorRun, *values: Any) -> CursorRun:
    """The run after records with these values."""
    run.take([{"at": value} for value in values])
    return run


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5, CursorKind.NUMBER),
        (-0.5, CursorKind.NUMBER),
        ("0012", CursorKind.NUMBER),
        ("12.50", CursorKind.NUMBER),
        ("20261122", CursorKind.NUMBER),
        ("2026-11-22", CursorKind.TIME),
        ("2026-11-22 10:00:00", CursorKind.TIME),
        ("2026-11-22T10:00:00.1234567Z", CursorKind.TIME),
        ("2026-11-22T10:00+01:00", CursorKind.TIME),
        ("2026-13-22", CursorKind.TEXT),
        ("0000-00-00 00:00:00", CursorKind.TEXT),
        ("WEB-1001", CursorKind.TEXT),
        ("5e3", CursorKind.TEXT),
        (" 5", CursorKind.TEXT),
    ],
)
def test_a_value_is_a_number_a_time_or_text(value: Any, kind: CursorKind):
    """What a value is can be told from the value alone."""
    ranked = rank(value)

    assert ranked is not None
    assert ranked[0] is kind


@pytest.mark.parametrize("value", [None, True, False, "", [], {}, float("nan"), float("inf"), 2**70, "caf\ud800"])
def test_some_values_can_be_no_cursor(value: Any):
    """Nothing, truths, lists, objects and what no database keeps are no cursor."""
    assert rank(value) is None


@given(st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30))
def test_numbers_compare_by_size_also_as_text(first: int, second: int):
    """However a number is written, its size counts, and not its characters."""
    ranked = [rank(str(value)) for value in (first, second)]

    assert (ranked[0][1] < ranked[1][1]) == (first < second)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-11-22", "2026-11-22 00:00:01"),
        ("2026-11-22T10:00:00+02:00", "2026-11-22T09:00:00+00:00"),
        ("2026-11-22 09:59:59", "2026-11-22T10:00:00Z"),
        ("2026-11-22T11:30:00+01:30", "2026-11-22 10:00:01"),
        ("9", "10"),
        (9.5, "10"),
        ("A10", "A9"),
    ],
)
def test_times_compare_as_instants_and_text_by_characters(earlier: Any, later: Any):
    """An offset counts, a time without one is UTC, and other text goes by its characters."""
    run = see(begin(), later, earlier)

    assert run.position(is_complete=True) == Position(later)


# --- overlap --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "overlap", "expected"),
    [
        ("2026-11-22 00:03:00", timedelta(minutes=5), "2026-11-21 23:58:00"),
        ("2026-11-22T00:03Z", timedelta(minutes=5), "2026-11-21T23:58Z"),
        ("2026-11-22", timedelta(minutes=5), "2026-11-21"),
        ("2026-11-22", timedelta(days=1), "2026-11-21"),
        ("2026-11-22T00:00:00.5+01:00", timedelta(milliseconds=700), "2026-11-21T23:59:59.8+01:00"),
        ("2026-11-22T00:00:00.123456789", timedelta(seconds=1), "2026-11-21T23:59:59.123456000"),
        ("2026-11-22T10", timedelta(minutes=30), "2026-11-22T09"),
        ("2026-11-22T100000", timedelta(minutes=30), "2026-11-22T093000"),
        (100, 10, 90),
        (0.5, 1, -0.5),
        ("100", 1, "99"),
        ("0100", 1, "0099"),
        ("12.50", 5, "7.50"),
        ("WEB-1", 0, "WEB-1"),
        ("0001-01-01", timedelta(days=1), "0001-01-01"),
    ],
)
def test_an_overlap_is_taken_off_in_the_same_written_form(value: Any, overlap: Any, expected: Any):
    """What goes to the remote system looks as its own values do; what is coarser is rounded down."""
    assert step_back(value, overlap) == expected


FORMS = st.builds(
    lambda gap, clock, zone: f"%Y-%m-%d{gap}{clock}{zone}",
    st.sampled_from(["T", " "]),
    st.sampled_from(["%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H%M%S"]),
    st.sampled_from(["", "Z", "+05:30", "-0800"]),
)


@given(
    st.datetimes(datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2100-01-01")),
    FORMS,
    st.timedeltas(timedelta(0), timedelta(days=1)),
)
def test_a_time_stepped_back_keeps_its_form(moment: datetime, form: str, overlap: timedelta):
    """For every way to write a time: the same shape, and no later than the overlap asks, by less than a minute."""
    written = moment.strftime(form)

    earlier = step_back(written, overlap)

    assert re.sub("[0-9]", "0", earlier) == re.sub("[0-9]", "0", written)
    wanted = datetime.fromisoformat(written) - overlap
    assert timedelta(0) <= wanted - datetime.fromisoformat(earlier) < timedelta(minutes=1)


@pytest.mark.parametrize(("value", "overlap"), [("WEB-1", 5), ("2026-11-22", 5), (5, timedelta(1)), (None, 5)])
def test_an_overlap_of_another_kind_cannot_be_taken_off(value: Any, overlap: Any):
    """Days cannot be taken from a number, and nothing from text."""
    with pytest.raises(TypeError):
        step_back(value, overlap)


# --- where a run begins ---------------------------------------------------------------------------------------------


def test_the_first_run_begins_at_the_start():
    """Before anything was read, the start is what is asked from, with nothing taken off."""
    assert begin(start="2026-01-01", overlap=timedelta(days=1)).values == {"cursor": "2026-01-01"}


def test_without_a_start_there_is_nothing_to_ask_from():
    """Then `state.cursor` is null."""
    assert begin().values == {"cursor": None}


def test_a_later_run_begins_the_overlap_behind_the_cursor():
    """The stretch behind the cursor is read again."""
    assert begin("2026-11-20 10:00:00", overlap=timedelta(minutes=5)).values == {"cursor": "2026-11-20 09:55:00"}


def test_a_run_never_begins_behind_the_start():
    """The overlap does not reach behind the start."""
    assert begin(3, start=1, overlap=10).values == {"cursor": 1}


def test_a_start_that_was_moved_ahead_passes_nothing_over():
    """A start later than the cursor is for the first run alone."""
    assert begin(3, start=100, overlap=1).values == {"cursor": 2}


def test_what_was_kept_must_be_a_cursor():
    """A state that a person set to a list is an error that says how to set it."""
    with pytest.raises(SubscriberError, match=r"accepted is text or a number; set it with connector state set"):
        begin([1])


def test_an_overlap_that_does_not_go_with_what_was_kept_is_an_error():
    """The kind of the values changed, so that a duration has nothing to be taken from."""
    with pytest.raises(SubscriberError, match=r"incoming\.orders\.state\.overlap: a duration cannot be taken"):
        begin(17, overlap=timedelta(minutes=5))


def test_an_overlap_that_does_not_go_with_the_first_value_is_an_error():
    """It is found before anything was kept with such a cursor."""
    with pytest.raises(SubscriberError, match="the number 5 cannot be taken from the cursor"):
        see(begin(overlap=5), "2026-11-20")


# --- how far it has come --------------------------------------------------------------------------------------------


def test_in_any_order_the_cursor_moves_at_the_end():
    """The highest value is pending until everything was read."""
    run = see(begin(5), 9, 7)

    assert run.position(is_complete=False) == Position(5, 9)
    assert run.position(is_complete=True) == Position(9)


def test_in_ascending_order_it_moves_to_the_value_below_the_last():
    """More records with the last value may follow, also on the far side of a limit."""
    run = see(begin(5, order="ascending"), 6, 7, 7)

    assert run.position(is_complete=False) == Position(6)
    assert run.position(is_complete=True) == Position(7)


def test_in_ascending_order_one_value_alone_moves_nothing():
    """All records so far have the same value, so that none of it is known to be whole."""
    run = see(begin(5, order="ascending"), 7, 7)

    assert run.position(is_complete=False) == Position(5)


def test_an_order_that_is_not_kept_is_told_and_takes_the_cursor_back():
    """From then on it moves at the end, and what it had moved in this run is undone."""
    run = see(begin(5, order="ascending"), 6, 8, 7)

    assert run.position(is_complete=False) == Position(5, 8)
    assert run.position(is_complete=True) == Position(8)
    assert run.complaints == [
        "order: ascending is not kept, the number 7 comes after the number 8; the cursor moves at the end of the run"
    ]


def test_the_cursor_never_goes_back():
    """A stretch that is read again has lower values; a run without records moves nothing."""
    assert see(begin(9), 3, 4).position(is_complete=True) == Position(9)
    assert begin(9).position(is_complete=True) == Position(9)


def test_values_behind_the_start_move_nothing():
    """A remote system that does not mind where it is asked from does not take the cursor behind the start."""
    assert see(begin(start=10), 3, 4).position(is_complete=True) is None


def test_nothing_seen_is_nothing_to_keep():
    """Without a value there is no position."""
    assert begin().position(is_complete=True) is None


@given(st.lists(st.integers(0, 50)), st.booleans(), st.none() | st.integers(0, 50), st.integers(0, 5))
def test_nothing_is_ever_passed_over(values: list[int], is_sorted: bool, stored: int | None, cut: int):
    """Whatever was cut off at the end has a value above the cursor, or the cursor did not move."""
    values = sorted(values) if is_sorted else values
    taken = values[: len(values) - cut]
    run = begin(stored, order="ascending" if is_sorted else "any")

    see(run, *taken)
    position = run.position(is_complete=taken == values)

    left = values[len(taken) :]
    moved = position.value if position is not None and position.value != stored else None
    assert moved is None or all(value > moved for value in left)
    if not left and taken:
        assert position.value == max([*taken, *([stored] if stored is not None else [])])


@pytest.mark.parametrize(
    ("stored", "values", "told"),
    [
        (5, [7, None, 6], "1 record has no usable cursor, the first has nothing"),
        (5, [True, [], 6, 7], "2 records have no usable cursor, the first has true"),
        (5, ["N/A", 7], 'the first has text "N/A" where the cursor is a number'),
        ("2026-01-01", ["0000-00-00", "2026-02-01"], 'has text "0000-00-00" where the cursor is a date or time'),
        ("2026-01-01", ["2062-01-01", "2026-02-01"], 'has text "2062-01-01", which lies in the future'),
    ],
)
def test_a_value_that_can_be_no_cursor_never_becomes_it(stored: Any, values: list[Any], told: str):
    """Such a record is passed over, and told once a run with the number of those like it."""
    run = see(begin(stored), *values)

    highest = max(
        value for value in values if type(value) is type(stored) and str(value)[0] in "267" and "62" not in str(value)
    )
    assert run.position(is_complete=True) == Position(highest)
    (complaint,) = run.complaints
    assert told in complaint


def test_a_record_without_the_field_is_told():
    """A path that leads nowhere is a complaint, and no error: the record is taken."""
    run = begin(5)

    run.take([{"id": 1}])

    assert run.complaints == ["1 record has no usable cursor, the first has none; taken all the same, and not counted"]


def test_a_text_that_looks_like_a_number_goes_with_texts():
    """Once the cursor is text, every text is."""
    assert see(begin("A9"), "A10", "7", "B1").position(is_complete=True) == Position("B1")


def test_a_time_of_tomorrow_is_a_cursor():
    """A time without an offset may be ahead of the clock by as much as time zones differ."""
    assert see(begin(), "2026-11-22 23:00:00").position(is_complete=True) == Position("2026-11-22 23:00:00")


def test_a_personal_value_is_not_shown():
    """Where the path leads to a personal field, complaints tell of it by its kind."""
    path = compile_path("$.email", Place.detached("state.cursor", "$.email"))
    run = CursorPlan("state", path, 5, 0, is_ascending=False).begin(None, now=NOW)

    run.take([{"email": "ann@example.com"}])

    assert "ann@example.com" not in run.complaints[0]
