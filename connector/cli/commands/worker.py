"""`connector worker`: routes delivered and incomings fetched, until it is asked to stop."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from connector.cli.exits import OK, ArgumentError
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.cli.keeping import concurrency_option, grace_option
from connector.cli.screen import count
from connector.config.wording import join_names
from connector.desk.moment import show_local

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from connector.app.durable import Installation
    from connector.app.project import Project
    from connector.cli.interrupt import Stop
    from connector.task.ingest import Kept
    from connector.task.schedule import Scheduler
    from connector.task.worker import Worker

EPILOG = """\b
Examples:
  connector worker
  connector worker place-orders --concurrency 20
  CONNECTOR_DATABASE=postgresql://connector@db.example.com/connector connector worker
"""


@click.command(epilog=EPILOG)
@click.argument("routes", nargs=-1, metavar="[ROUTE]...")
@concurrency_option
@grace_option
@shared_options
@click.pass_obj
def command(invocation: Invocation, routes: tuple[str, ...], concurrency: int | None, grace: int) -> int:
    """Deliver tasks and fetch by schedule, until asked to stop.

    ROUTE names the routes to deliver; without one, all of them are, and every incoming with a schedule is fetched when
    it is due. What is old is pruned once an hour, and unknown outcomes are looked for. Routes that had stopped
    themselves are tried again.

    On a SQLite file there is one worker. On PostgreSQL there are as many as you start, on as many machines as you like:
    they share the routes among them, and the concurrency of a route and the rate limit of a client hold over all.

    SIGTERM or Ctrl-C finishes what is in hand and ends with 143 or 130; a second one breaks it off.
    """
    project = invocation.load_project()
    chosen = _choose(project, routes)
    url = invocation.load_settings().store_url
    invocation.start_logging()
    from connector.app.durable import open_installation

    async def work(stop: Stop) -> int:
        redactor = invocation.redactor
        command = " ".join(["worker", *routes])
        async with open_installation(project, url, command=command, redactor=redactor) as installation:
            _tell_plan(invocation, project, installation, chosen)
            worker = _make_worker(invocation, installation, url, chosen, most_at_once=concurrency, grace_s=grace / 1000)
            try:
                await worker.run(stop.event)
            finally:
                _show_totals(invocation, worker)
        return OK

    return run_stoppable(work, invocation.screen, in_hand="what is in hand")


def _choose(project: Project, names: Collection[str]) -> list[str]:
    """Return the routes that were named, or all of them.

    Raises:
        ArgumentError: There are none.
        UnknownNameError: There is none of a name.
    """
    from connector.app.names import find_named

    if not project.routes:
        raise ArgumentError("the configuration has no routes", cure="write one under routes:")
    return [find_named("route", name, project.routes).name for name in dict.fromkeys(names)] or list(project.routes)


def _make_worker(
    invocation: Invocation,
    installation: Installation,
    url: str,
    routes: Collection[str],
    *,
    most_at_once: int | None,
    grace_s: float,
) -> Worker:
    from connector.task.worker import Worker

    runtime, store = installation.runtime, installation.store
    ingest = runtime.ingest(store)

    def make_scheduler(worker: str, on_kept: Callable[[Kept], None]) -> Scheduler:
        return runtime.scheduler(store, ingest, worker=worker, routes=routes, on_kept=on_kept)

    # A fetch feeds routes of other workers too: on PostgreSQL they are called, and for that they have to be known.
    names = runtime.project.routes if store.is_shared else routes
    return Worker(
        {name: runtime.work(name) for name in names},
        store,
        url,
        make_scheduler=make_scheduler,
        redactor=invocation.redactor,
        routes=routes,
        most_at_once=most_at_once,
        grace_s=grace_s,
        watch=runtime.watch(store, public_url=invocation.load_settings().public_url),
    )


def _tell_plan(invocation: Invocation, project: Project, installation: Installation, routes: Collection[str]) -> None:
    """Say what is delivered, what is fetched when, and where tasks are kept."""
    tell = invocation.screen.tell
    kept = installation.store.name
    tell(f"delivering {count(len(routes), 'route')}: {join_names(routes)}; tasks are kept in {kept}")
    now = datetime.fromtimestamp(installation.store.now_ms() / 1000, UTC)
    for name, plan in project.sources.items():
        if plan.schedule is None or not any(route.name in routes for route in project.fed_by(name)):
            continue
        due = plan.schedule.timing.next_after(now)
        then = "" if due is None else f", next at {show_local(round(due.timestamp() * 1000))}"
        tell(f"fetching {name}: {plan.schedule.timing.text}{then}")


def _show_totals(invocation: Invocation, worker: Worker) -> None:
    """Show what became of tasks, or tell it in a line a route."""
    if invocation.is_json:
        invocation.screen.show_json({route: dict(total) for route, total in worker.totals.items()})
        return
    for route, total in worker.totals.items():
        if total:
            counted = ", ".join(f"{number:,} {status}" for status, number in total.items())
            invocation.screen.tell(f"{route}: {counted}")
