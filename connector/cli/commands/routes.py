"""`connector routes`: which routes are delivered, and what waits on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from connector.cli.exits import OK, ArgumentError
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.desk.moment import show_distance, show_local, to_iso
from connector.cli.stored import run_on_store, tell_who
from connector.errors import ConfigError
from connector.frozen import dataclass
from connector.store.rows import RouteState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.app.project import Project
    from connector.cli.interrupt import Stop
    from connector.store.rows import RouteRow
    from connector.store.store import Store

EPILOG = """\b
Examples:
  connector routes list
  connector routes pause place-orders --reason "stocktaking"
  connector routes resume place-orders
"""


@dataclass(frozen=True, slots=True)
class _Route:
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


@click.group(cls=CommandGroup, epilog=EPILOG)
@shared_options
def command() -> None:
    """See which routes are delivered, pause and resume them.

    A paused route takes records in and sends none. A route stops by itself where every record would be refused, as
    with a credential that is not accepted: put that right, then resume it. A worker sees the change within a second.
    """


@command.command(
    "list",
    epilog="""\b
Examples:
  connector routes list
  connector routes list --output json
""",
)
@shared_options
@click.pass_obj
def list_routes(invocation: Invocation) -> int:
    """List routes: whether they are delivered, what became of their tasks, and when something is due next."""
    project, trouble = _load_project(invocation)

    async def work(store: Store, _stop: Stop) -> int:
        routes = await _read_routes(store, project)
        if invocation.is_json:
            invocation.screen.show_json([_describe(route) for route in routes])
            return OK
        _show(invocation, routes, store.now_ms())
        if trouble:
            invocation.screen.tell(trouble)
        return OK

    return run_on_store(invocation, "read", work)


@command.command(
    "pause",
    epilog="""\b
Examples:
  connector routes pause place-orders --reason "stocktaking"
""",
)
@click.argument("names", nargs=-1, required=True, metavar="ROUTE...")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is shown with the route.")
@shared_options
@click.pass_obj
def pause_routes(invocation: Invocation, names: tuple[str, ...], reason: str) -> int:
    """Have no more tasks of a route sent; those in hand are finished.

    Records are still taken in. `connector routes resume` has them sent.
    """
    project, _ = _load_project(invocation)

    async def work(store: Store, _stop: Stop) -> int:
        await _check_names(store, project, names)
        for name in dict.fromkeys(names):
            await store.routes.pause(name, by=tell_who(), reason=reason)
        _tell_changed(invocation, names, RouteState.PAUSED)
        return OK

    return run_on_store(invocation, "admin", work)


@command.command(
    "resume",
    epilog="""\b
Examples:
  connector routes resume place-orders
""",
)
@click.argument("names", nargs=-1, required=True, metavar="ROUTE...")
@shared_options
@click.pass_obj
def resume_routes(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Have tasks of a route sent again that was paused, or that stopped by itself."""
    project, _ = _load_project(invocation)

    async def work(store: Store, _stop: Stop) -> int:
        await _check_names(store, project, names)
        for name in dict.fromkeys(names):
            await store.routes.resume(name, by=tell_who())
        _tell_changed(invocation, names, RouteState.ACTIVE)
        return OK

    return run_on_store(invocation, "admin", work)


def _tell_changed(invocation: Invocation, names: Iterable[str], state: RouteState) -> None:
    changed = list(dict.fromkeys(names))
    if invocation.is_json:
        invocation.screen.show_json([{"route": name, "state": state.value} for name in changed])
        return
    for name in changed:
        invocation.screen.show(f"{name}: {state.value}")


def _load_project(invocation: Invocation) -> tuple[Project | None, str]:
    """Return the configuration, or None and why: what is kept can be seen and changed while the YAML has faults."""
    try:
        return invocation.load_project(), ""
    except ArgumentError as error:
        return None, f"routes without tasks are not listed: {error.message}"
    except ConfigError as error:
        faults = error.faults
        return None, f"routes without tasks are not listed: the configuration has faults, such as {faults[0]}"


async def _check_names(store: Store, project: Project | None, names: Iterable[str]) -> None:
    """Refuse a name that no route has.

    Raises:
        UnknownNameError: Neither the configuration nor the store has one of that name.
    """
    from connector.app.names import find_named

    known: dict[str, Any] = dict.fromkeys([*(project.routes if project is not None else ()), *await _list_kept(store)])
    for name in names:
        find_named("route", name, known)


async def _list_kept(store: Store) -> list[str]:
    return [*await store.routes.states(), *await store.tasks.counts()]


async def _read_routes(store: Store, project: Project | None) -> list[_Route]:
    """Return the routes of the configuration in its order, then those that only the store knows."""
    states, counts = await store.routes.states(), await store.tasks.counts()
    configured = () if project is None else tuple(project.routes)
    names = dict.fromkeys([*configured, *sorted({*states, *counts} - set(configured))])
    routes = []
    for name in names:
        row = states.get(name)
        routes.append(
            _Route(
                name,
                RouteState.ACTIVE if row is None else row.state,
                row,
                counts.get(name, {}),
                await _find_next(store, project, name),
                None if project is None else name in configured,
            )
        )
    return routes


async def _find_next(store: Store, project: Project | None, name: str) -> int | None:
    """Return when the route's next try or fetch is due, the earlier one; None where neither is."""
    times = [await store.tasks.next_due(name)]
    plan = None if project is None else project.routes.get(name)
    if plan is not None and plan.incoming is not None and plan.incoming.schedule is not None:
        now = datetime.fromtimestamp(store.now_ms() / 1000, UTC)
        due = plan.incoming.schedule.timing.next_after(now)
        times.append(None if due is None else round(due.timestamp() * 1000))
    return min((time for time in times if time is not None), default=None)


def _show(invocation: Invocation, routes: list[_Route], now_ms: int) -> None:
    screen = invocation.screen
    if not routes:
        screen.tell("no routes")
        return
    statuses = [status for status in TaskStatus if any(route.counts.get(status) for route in routes)]
    rows = []
    for route in routes:
        cells = [f"{route.counts.get(status, 0):,}" for status in statuses]
        rows.append((route.name, route.state.value, *cells, _tell_next(route, now_ms), _tell_why(route)))
    screen.show_table(("route", "state", *(status.value for status in statuses), "next", "why"), rows)


def _tell_next(route: _Route, now_ms: int) -> str:
    if route.next_at_ms is None:
        return ""
    distance_ms = route.next_at_ms - now_ms
    return f"in {show_distance(distance_ms)}" if distance_ms > 0 else "now"


def _tell_why(route: _Route) -> str:
    parts = ["not in the configuration"] if route.is_configured is False else []
    row = route.row
    if row is not None and row.state is not RouteState.ACTIVE:
        since = f"since {show_local(row.since_ms)} by {row.by}"
        parts.append(f"{since}: {' '.join(row.reason.split())}" if row.reason else since)
    return "; ".join(parts)


def _describe(route: _Route) -> dict[str, Any]:
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
