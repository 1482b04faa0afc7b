"""The incomings of an installation: where their records come from, who takes them, and how far they have read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.desk.flow import read_source
from connector.desk.moment import to_iso
from connector.desk.schedules import read_schedules
from connector.frozen import dataclass

if TYPE_CHECKING:
    from connector.app.project import Project
    from connector.desk.flow import FlowSource
    from connector.desk.schedules import ScheduleState
    from connector.store.rows import Cursor
    from connector.store.store import Store


@dataclass(frozen=True, slots=True)
class IncomingState:
    """How one incoming stands.

    Attributes:
        name: Under which its state is kept: its own, or `routes.<route>` where it is written in place.
        source: Where its records come from.
        routes: Names of the routes that take its records.
        schedule: When it is fetched and what came of it; None for one that cannot be: a webhook, or one that no route
            takes records of.
        cursor: How far it has read, or None.
    """

    name: str
    source: FlowSource
    routes: tuple[str, ...]
    schedule: ScheduleState | None
    cursor: Cursor | None


async def read_incomings(project: Project, store: Store) -> list[IncomingState]:
    """Return every incoming of a configuration, those written inside a route last.

    Raises:
        StoreError: The database cannot be used.
    """
    schedules = {state.incoming: state for state in await read_schedules(project, store)}
    cursors = {cursor.name: cursor for cursor in await store.state.cursors()}
    now_ms = store.now_ms()
    return [
        IncomingState(
            name,
            read_source(plan, now_ms=now_ms),
            tuple(route.name for route in project.fed_by(name)),
            schedules.get(name),
            cursors.get(name),
        )
        for name, plan in project.sources.items()
    ]


def describe_incoming(state: IncomingState) -> dict[str, Any]:
    """Return an incoming as JSON; times are UTC."""
    call, cursor = state.source.call, state.cursor
    return {
        "incoming": state.name,
        "origin": state.source.origin,
        "client": None if call is None else call.client,
        "entity": None if call is None else call.entity,
        "path": state.source.path or None,
        "auth": state.source.auth or None,
        "routes": list(state.routes),
        "cursor": None if cursor is None else cursor.value,
        "cursor_at": None if cursor is None else to_iso(cursor.updated_at_ms),
        "schedule": None if state.schedule is None else describe_schedule(state.schedule),
    }


def describe_schedule(state: ScheduleState) -> dict[str, Any]:
    """Return how a schedule stands, as JSON; times are UTC."""
    return {
        "incoming": state.incoming,
        "routes": list(state.routes),
        "spec": state.spec,
        "timezone": state.timezone,
        "missed": state.missed,
        "overlap": state.overlap,
        "next_at": to_iso(state.next_at_ms),
        "last_due_at": to_iso(state.last_due_at_ms),
        "last_started_at": to_iso(state.last_started_at_ms),
        "last_duration_ms": state.last_duration_ms,
        "last_result": state.last_result,
        "last_records": state.last_records,
        "last_tasks": state.last_tasks,
        "is_under_way": state.is_under_way,
        "asked_at": to_iso(state.asked_at_ms),
        "asked_by": state.asked_by or None,
    }
