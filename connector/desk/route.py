"""The routes of an installation: whether they are delivered, what became of their tasks, and how their records flow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connector.app.names import find_named
from connector.desk.moment import to_iso
from connector.frozen import dataclass
from connector.store.rows import RouteState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.app.project import IncomingPlan, Project
    from connector.store.rows import RouteRow
    from connector.store.store import Store


@dataclass(frozen=True, slots=True)
class Route:
    """What is told of a route.

    Attributes:
        name: Its name.
        state: Whether it is delivered.
        row: When, why and by whom that was changed last; None where it never was.
        counts: Its tasks by status; what there is none of is left out.
        next_at_ms: When something is due by itself: a fetch or another try; None where nothing is.
        is_configured: Whether the configuration has it; None where that cannot be told.
    """

    name: str
    state: RouteState
    row: RouteRow | None
    counts: Mapping[TaskStatus, int]
    next_at_ms: int | None
    is_configured: bool | None


async def read_routes(store: Store, project: Project | None, *, max_age_ms: int = 0) -> list[Route]:
    """Return the routes of the configuration in its order, then those that only the store knows.

    Args:
        store: Has their states and tasks.
        project: The configuration; None where it has faults.
        max_age_ms: How old the counts of tasks may be, for whoever asks again and again.

    Raises:
        StoreError: The store cannot be used.
    """
    states = await store.routes.states()
    counts = await (store.tasks.counts_cached(max_age_ms) if max_age_ms else store.tasks.counts())
    configured = () if project is None else tuple(project.routes)
    names = dict.fromkeys([*configured, *sorted({*states, *counts} - set(configured))])
    return [await _read_route(store, project, name, states.get(name), counts.get(name, {})) for name in names]


async def find_route(store: Store, project: Project | None, name: str) -> Route:
    """Return one route.

    Raises:
        UnknownNameError: Neither the configuration nor the store has one of that name.
        StoreError: The store cannot be used.
    """
    return find_named("route", name, {route.name: route for route in await read_routes(store, project)})


async def check_names(store: Store, project: Project | None, names: Iterable[str]) -> None:
    """Refuse a name that no route has.

    Raises:
        UnknownNameError: Neither the configuration nor the store has one of that name.
        StoreError: The store cannot be used.
    """
    kept = [*await store.routes.states(), *await store.tasks.counts()]
    known: dict[str, Any] = dict.fromkeys([*(project.routes if project is not None else ()), *kept])
    for name in names:
        find_named("route", name, known)


def describe_route(route: Route) -> dict[str, Any]:
    """Return a route as JSON."""
    row = route.row
    return {
        "route": route.name,
        "state": route.state.value,
        "reason": "" if row is None else row.reason,
        "since": None if row is None else to_iso(row.since_ms),
        "by": None if row is None else row.by,
        "tasks": {status.value: route.counts.get(status, 0) for status in TaskStatus},
        "next_at": to_iso(route.next_at_ms),
        "is_configured": route.is_configured,
    }


def find_next_fetch(incoming: IncomingPlan | None, now_ms: int) -> int | None:
    """Return when an incoming is fetched next by itself, ms since the epoch; None where that is never."""
    if incoming is None or incoming.schedule is None:
        return None
    due = incoming.schedule.timing.next_after(datetime.fromtimestamp(now_ms / 1000, UTC))
    return None if due is None else round(due.timestamp() * 1000)


async def _read_route(
    store: Store, project: Project | None, name: str, row: RouteRow | None, counts: Mapping[TaskStatus, int]
) -> Route:
    plan = None if project is None else project.routes.get(name)
    times = [await store.tasks.next_due(name), find_next_fetch(None if plan is None else plan.incoming, store.now_ms())]
    return Route(
        name,
        RouteState.ACTIVE if row is None else row.state,
        row,
        counts,
        min((time for time in times if time is not None), default=None),
        None if project is None else name in project.routes,
    )
