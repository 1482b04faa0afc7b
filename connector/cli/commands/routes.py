"""`connector routes`: which routes are delivered, and what waits on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector.cli.audit import note_change
from connector.cli.exits import OK, ArgumentError
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.cli.stored import run_on_store, tell_who
from connector.desk.moment import show_distance, show_local
from connector.desk.route import check_names, describe_route, read_routes
from connector.errors import ConfigError
from connector.store.rows import RouteState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.app.project import Project
    from connector.cli.interrupt import Stop
    from connector.desk.route import Route
    from connector.store.store import Store

EPILOG = """\b
Examples:
  connector routes list
  connector routes pause place-orders --reason "stocktaking"
  connector routes resume place-orders
"""


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
        routes = await read_routes(store, project)
        if invocation.is_json:
            invocation.screen.show_json([describe_route(route) for route in routes])
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
        await check_names(store, project, names)
        for name in dict.fromkeys(names):
            await store.routes.pause(name, by=tell_who(), reason=reason)
            await note_change(store, "routes.pause", name, {"reason": reason} if reason else {})
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
        await check_names(store, project, names)
        for name in dict.fromkeys(names):
            await store.routes.resume(name, by=tell_who())
            await note_change(store, "routes.resume", name)
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


def _show(invocation: Invocation, routes: list[Route], now_ms: int) -> None:
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


def _tell_next(route: Route, now_ms: int) -> str:
    if route.next_at_ms is None:
        return ""
    distance_ms = route.next_at_ms - now_ms
    return f"in {show_distance(distance_ms)}" if distance_ms > 0 else "now"


def _tell_why(route: Route) -> str:
    parts = ["not in the configuration"] if route.is_configured is False else []
    row = route.row
    if row is not None and row.state is not RouteState.ACTIVE:
        since = f"since {show_local(row.since_ms)} by {row.by}"
        parts.append(f"{since}: {' '.join(row.reason.split())}" if row.reason else since)
    return "; ".join(parts)
