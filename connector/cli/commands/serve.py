"""`connector serve`: scheduler, workers and HTTP in one process, until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from connector.cli.exits import OK
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.cli.keeping import concurrency_option, grace_option
from connector.errors import ServerError, tell_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from connector.app.project import Project
    from connector.cli.interrupt import Stop
    from connector.config.settings import Settings
    from connector.server.process import Process

EPILOG = """\b
Examples:
  connector serve
  connector serve --host 0.0.0.0 --port 8484
  connector serve --role scheduler --role http
  connector serve --role worker --port 0
  kill -HUP PID                        load the configuration anew
"""


@click.command(epilog=EPILOG)
@click.option("--host", metavar="HOST", help="Address to listen on.  [env: CONNECTOR_HOST; default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to listen on; 0 takes a free one.  [env: CONNECTOR_PORT; default: 8484]",
)
@click.option(
    "--role",
    "roles",
    type=click.Choice(["all", "scheduler", "worker", "http"]),
    multiple=True,
    help="What this process does; may be repeated. Several processes need PostgreSQL.  [default: all]",
)
@concurrency_option
@grace_option
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    host: str | None,
    port: int | None,
    roles: tuple[str, ...],
    concurrency: int | None,
    grace: int,
) -> int:
    """Deliver, fetch by schedule, take pushes, and show the dashboard.

    One process does everything, on a SQLite file or on PostgreSQL. On PostgreSQL, --role splits that up: one process
    with the scheduler and HTTP, and as many with the worker as you like, on as many machines. Each of them answers
    /livez, /readyz and /metrics.

    On this machine the dashboard is open as long as there is no user (connector user create). Other machines are let in
    with --host 0.0.0.0, once there is a user or a token.

    SIGHUP loads the configuration anew; where it has a fault, the old one goes on. SIGTERM or Ctrl-C takes nothing new,
    finishes what is in hand and ends with 143 or 130; a second one breaks it off.
    """
    path = invocation.find_config()
    project = invocation.load_project()
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = invocation.load_settings().model_copy(update=changes)

    async def work(stop: Stop) -> int:
        with reload_signals() as hung_up:
            await serve(
                invocation,
                project,
                settings,
                stop,
                load=lambda: load_anew(path),
                hung_up=hung_up,
                roles=roles,
                most_at_once=concurrency,
                grace_s=grace / 1000,
            )
        return OK

    return run_stoppable(work, invocation.screen, in_hand="what is in hand")


async def serve(
    invocation: Invocation,
    project: Project,
    settings: Settings,
    stop: Stop,
    *,
    load: Callable[[], Project] | None = None,
    hung_up: asyncio.Event | None = None,
    roles: tuple[str, ...] = (),
    most_at_once: int | None = None,
    grace_s: float = 25.0,
    on_ready: Callable[[Process], None] | None = None,
) -> None:
    """Run one process of the service until asked to stop.

    Args:
        invocation: Where to show the address, and the redactor.
        project: The configuration.
        settings: How this process runs.
        stop: Set by a signal.
        load: Loads the configuration anew.
        hung_up: Set by SIGHUP.
        roles: What this process does.
        most_at_once: How many tasks are worked on at once over all routes.
        grace_s: How long what is in hand may take after a stop.
        on_ready: Called when it answers; in place of showing the address.

    Raises:
        ServerError: It cannot be started.
        StoreError: The database cannot be used.
    """
    try:
        from connector.server.observe.ring import LogRing
        from connector.server.process import open_process
    except ModuleNotFoundError as error:
        raise ServerError(
            f"the service needs a package that is not installed: {error.name}", cure=tell_extra("server")
        ) from error
    ring = LogRing()
    invocation.start_logging(taps=(ring,))
    async with open_process(
        project,
        settings,
        redactor=invocation.redactor,
        ring=ring,
        load=load,
        roles=roles,
        most_at_once=most_at_once,
        grace_s=grace_s,
    ) as process:
        beside = [asyncio.ensure_future(_tell_when_ready(process, on_ready or (lambda made: _show(invocation, made))))]
        if hung_up is not None:
            beside.append(asyncio.ensure_future(_keep_reloading(process, hung_up)))
        try:
            await process.run(stop.event)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)


def load_anew(path: Path) -> Project:
    """Return the configuration as it is by now; called in a thread.

    Raises:
        ConfigError: It has faults.
    """
    from connector.app.project import load

    return load(path)


@contextmanager
def reload_signals() -> Iterator[asyncio.Event]:
    """Have SIGHUP set an event for the length of a block, in place of ending the process."""
    hung_up = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    try:
        yield hung_up
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def _keep_reloading(process: Process, hung_up: asyncio.Event) -> None:
    while True:
        await hung_up.wait()
        hung_up.clear()
        await process.service.reload("SIGHUP")


async def _tell_when_ready(process: Process, tell: Callable[[Process], None]) -> None:
    await process.server.wait_until_serving()
    tell(process)


def _show(invocation: Invocation, process: Process) -> None:
    """Show where the service is, as data: whoever started it may want to read that."""
    screen, service = invocation.screen, process.service
    kept, roles = process.context.store.name, sorted(role.value for role in service.roles)
    if invocation.is_json:
        screen.show_json({"url": process.server.url, "roles": roles, "database": kept})
    else:
        screen.show(f"service: {process.server.url}")
        screen.show(f"  roles     {', '.join(roles)}")
        screen.show(f"  tasks in  {kept}")
    screen.flush()
    screen.tell("SIGHUP loads the configuration anew; Ctrl-C stops it")
