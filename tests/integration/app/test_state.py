"""State, schedule and keys of a configuration: what is compiled at load, and what is refused there."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from connector.app.project import Project, load
from connector.errors import ConfigError
from connector.subscriber.cursor import CursorPlan
from connector.subscriber.walk import WalkPlan

if TYPE_CHECKING:
    from pathlib import Path

CURSOR = {"cursor": "$.modified_at", "start": "2026-01-01", "overlap": "5m"}


def check(
    *, state: Any = None, data: Any = None, incoming: Any = None, route: Any = None, subscriber: Any = None
) -> Project:
    """A route with a key, fed by an incoming with these keys."""
    entry = {
        "subscriber": {"client": "erp", "route": "rows", "effect": "read", "data": data or {}, **(subscriber or {})}
    }
    if state is not None:
        entry["state"] = state
    return load(
        {
            "clients": {"erp": {"connector": "http", "base_url": "https://erp.example.com/"}},
            "incoming": {"rows": {**entry, **(incoming or {})}},
            "outgoing": {"sink": {"publisher": {"client": "erp", "route": "sink"}}},
            "routes": {"r": {"incoming": "rows", "outgoing": "sink", "key": "{{ record.id }}", **(route or {})}},
        },
        environment={},
    )


def faults(**written: Any) -> list[str]:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        check(**written)
    return [str(fault).removeprefix("<python>: ") for fault in caught.value.faults]


def warnings(**written: Any) -> list[str]:
    """What is most likely not meant."""
    return [f"{fault.where}: {fault.message}; {fault.hint}" for fault in check(**written).warnings]


# --- what is compiled -----------------------------------------------------------------------------------------------


def test_a_cursor_is_compiled():
    """Its path, its start and its overlap are ready when the configuration is."""
    state = check(state=CURSOR, data={"from": "{{ state.cursor }}"}).incoming["rows"].state

    assert isinstance(state, CursorPlan)
    assert (state.path.plain, state.start, state.overlap) == (("modified_at",), "2026-01-01", timedelta(minutes=5))


def test_a_walk_is_compiled():
    """What is left out has its default."""
    state = check(state={"walk": {"start": 100}}, data={"id": "{{ state.id }}"}).incoming["rows"].state

    assert state == WalkPlan("incoming.rows.state.walk", start=100, gap=25, budget=500, overlap=0)


def test_a_start_stays_as_it_was_written():
    """A number stays a number, and text stays text: the remote system sees what its records have."""
    starts = [
        check(state={"cursor": "id", "start": start}, data={"after": "{{ state.cursor }}"}).incoming["rows"].state.start
        for start in (5, "5", 0.5)
    ]

    assert starts == [5, "5", 0.5]


def test_an_incoming_in_a_route_has_a_name_of_its_own():
    """Its state is kept under the route's name, its tasks come from its place, and it is found with the others."""
    inline = {"subscriber": {"client": "erp", "route": "rows", "effect": "read"}}
    project = check(route={"incoming": inline})

    assert list(project.sources) == ["rows", "routes.r"]
    assert [project.sources[name].source for name in project.sources] == ["incoming.rows", "routes.r.incoming"]
    assert [plan.name for plan in project.fed_by("routes.r")] == ["r"]
    assert project.fed_by("rows") == []


# --- faults ---------------------------------------------------------------------------------------------------------


def test_faults_stand_at_their_positions(tmp_path: Path):
    """File, line and column are those of the very value, down to a field of a cron expression."""
    path = tmp_path / "erp.yaml"
    text = """\
        clients:
          erp: {connector: http, base_url: "https://erp.example.com/"}
        incoming:
          rows:
            subscriber:
              client: erp
              route: rows
              data: {from: "{{ state.cursr }}"}
            state:
              cursor: $.rows[*].at
              start: [1]
            schedule:
              cron: "*/15 24 * * MOO"
              timezone: Europe/Lodnon
        """
    path.write_text(dedent(text), encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load(path, environment={})

    positions = [(fault.line, fault.column, fault.where) for fault in caught.value.faults]
    assert positions == [(11, 14, "incoming.rows.state.start")]
    path.write_text(dedent(text).replace("[1]", "1"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, environment={})
    positions = [(fault.line, fault.column, fault.where) for fault in caught.value.faults]
    assert positions == [
        (8, 30, "incoming.rows.subscriber.data.from"),
        (10, 15, "incoming.rows.state.cursor"),
        (13, 19, "incoming.rows.schedule.cron"),
        (13, 26, "incoming.rows.schedule.cron"),
        (14, 17, "incoming.rows.schedule.timezone"),
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            {"data": {"from": "{{ state.cursor }}"}},
            (
                'incoming.rows.subscriber.data.from: there is no "state" here, known are: page, record, steps, now(), '
                "range(), uuid(); the subscriber of an incoming has it, where state: is written"
            ),
        ),
        (
            {"state": CURSOR, "data": {"id": "{{ state.id }}"}},
            'incoming.rows.subscriber.data.id: there is no "state.id" here, known are: cursor',
        ),
        (
            {
                "state": {"walk": {}},
                "data": {"id": "{{ state.id }}"},
                "subscriber": {"pagination": {"page": {"in": "json", "name": "page"}}},
            },
            "incoming.rows.subscriber.pagination: a walk asks for one id at a time, accepted is pagination: none",
        ),
        (
            {"state": {"walk": {}}},
            "incoming.rows.subscriber: nothing says which id to ask for; put {{ state.id }} into the subscriber's data",
        ),
        (
            {"state": {"walk": {"gap": 100, "budget": 100}}, "data": {"id": "{{ state.id }}"}},
            (
                "incoming.rows.state.walk.budget: a budget of 100 is spent before a gap of 100 is passed, so that the "
                "walk would never get beyond one; accepted is 101 or more"
            ),
        ),
        (
            {"state": {"cursor": "a", "walk": {}}},
            "incoming.rows.state: found both of cursor and walk, accepted is exactly one",
        ),
        ({"state": {}}, "incoming.rows.state: found neither of cursor and walk, accepted is exactly one"),
        (
            {"state": {"walk": {}, "start": 5}},
            "incoming.rows.state.start: start goes with cursor; a walk has keys of its own",
        ),
        (
            {"state": {**CURSOR, "overlap": 10}},
            (
                "incoming.rows.state.overlap: found the number 10, which cannot be taken from the start, text "
                '"2026-01-01"; '
                "a duration goes with times, a number with numbers"
            ),
        ),
        (
            {"state": {"cursor": "a", "start": "WEB-1", "overlap": "5m"}},
            (
                'incoming.rows.state.overlap: found a duration, which cannot be taken from the start, text "WEB-1"; '
                "a duration goes with times, a number with numbers"
            ),
        ),
        (
            {"state": {"cursor": "a", "overlap": "soon"}},
            'incoming.rows.state.overlap: found text "soon", accepted is a duration such as 5m, or a whole number',
        ),
        (
            {"state": {"cursor": "a", "start": True}},
            "incoming.rows.state.start: found true, accepted is text or a number",
        ),
        (
            {"state": {"cursor": "a", "start": "{{ now() }}"}},
            (
                "incoming.rows.state.start: found a template, accepted is a value, since it is used before there is "
                "any record"
            ),
        ),
        (
            {"state": CURSOR, "route": {"key": None}},
            (
                'routes.r: the key "key" is required, but missing: incoming.rows has a state, so that the same record '
                'can come twice; write what tells one record from another, such as key: "{{ record.id }}"'
            ),
        ),
        (
            {"route": {"key": None, "on_duplicate": "skip"}},
            "routes.r.on_duplicate: on_duplicate goes with key: without one, no two records are known to be the same",
        ),
        (
            {"route": {"retention": {"finished": "a month"}}},
            (
                'routes.r.retention.finished: found text "a month", accepted is a duration such as 500ms, 10s or '
                "1h30m, or forever"
            ),
        ),
        (
            {"route": {"retention": {"finished": "0s"}}},
            "routes.r.retention.finished: found no time at all, accepted is a time such as 30d, or forever",
        ),
    ],
)
def test_what_cannot_work_is_a_fault(written: dict[str, Any], told: str):
    """Each is told once, with what is accepted."""
    assert faults(**written) == [told]


# --- warnings -------------------------------------------------------------------------------------------------------


def test_a_cursor_that_nothing_asks_for_is_warned_of():
    """It would be kept, and every run read everything."""
    (warning,) = warnings(state=CURSOR)

    assert warning.startswith(
        "incoming.rows.state: a cursor is kept, and nothing asks for it: each run reads everything"
    )


def test_a_cursor_that_never_moves_is_warned_of():
    """Pages that a limit ends never come to the last one, at which a cursor of no order moves."""
    pagination = {"page": {"in": "json", "name": "page"}, "max_pages": 5}
    data = {"from": "{{ state.cursor }}"}

    (warning,) = warnings(state=CURSOR, data=data, subscriber={"pagination": pagination})
    ascending = warnings(state={**CURSOR, "order": "ascending"}, data=data, subscriber={"pagination": pagination})

    assert warning.startswith("incoming.rows.subscriber.pagination.max_pages: the cursor moves when the last page")
    assert ascending == []


def test_a_route_that_would_send_twice_is_warned_of():
    """Without a key, nobody knows that a record came before; a route that is pushed to is no such case."""
    (warning,) = warnings(route={"key": None})

    assert warning == (
        'routes.r: a record that is fetched twice is sent twice; give it a key, such as key: "{{ record.id }}"'
    )
    assert warnings(route={"key": None, "incoming": None}) == []


def test_keys_that_are_forgotten_before_their_records_come_again_are_warned_of():
    """A retention no longer than the overlap lets records through twice."""
    (warning,) = warnings(
        state={**CURSOR, "overlap": "30d"},
        data={"from": "{{ state.cursor }}"},
        route={"retention": {"finished": "30d"}},
    )

    assert warning.startswith("routes.r.retention.finished: sent records are forgotten after 30d")


def test_a_schedule_for_nobody_is_warned_of():
    """A worker fetches what some route takes."""
    (warning,) = warnings(incoming={"schedule": {"every": "5m"}}, route={"incoming": None})

    assert warning.startswith("incoming.rows.schedule: no route takes its records")
