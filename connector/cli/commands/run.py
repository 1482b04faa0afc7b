"""`connector run`: carry out a route, or print the records of an incoming."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from connector.cli.exits import OK, SOME_FAILED, ArgumentError
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.cli.keeping import no_store_option, wait_option
from connector.cli.screen import count, format_seconds
from connector.errors import TransformError

if TYPE_CHECKING:
    from connector.app.project import Project
    from connector.cli.interrupt import Stop
    from connector.record import Record
    from connector.subscriber.subscriber import Incoming

EPILOG = """\b
Examples:
  connector run shipping-quotes > quotes.jsonl
  connector run quotes-into-erp --limit 10 --dry-run
  connector run quotes-into-erp --output json
"""

_ROUTES, _INCOMING = "routes", "incoming"


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after so many incoming records.")
@click.option("--dry-run", is_flag=True, help="Of a route: shape and check everything, print it, send nothing.")
@click.option("--results", is_flag=True, help="Of a route: print what became of each record as a JSON line.")
@wait_option
@no_store_option
@shared_options
@click.pass_obj
def command(
    invocation: Invocation, name: str, limit: int | None, dry_run: bool, results: bool, wait: int, no_store: bool
) -> int:
    """Carry out a route, or print the records of an incoming.

    NAME is a route: its records are fetched, shaped and sent, and the counts are printed. Each record is kept as a task
    before it is sent, so that nothing is lost or sent twice whatever ends the command; tasks that an earlier run has
    left are sent as well; of a route without an incoming, those that `push` has left. Other routes with the same
    incoming get their tasks too, which wait for a run of their own, or for a worker.

    Or NAME is an incoming: its records are printed as JSON lines, and nothing is kept; where it has a state, that stays
    as it is. Where both have the name, write routes.NAME or incoming.NAME.

    A record that fails is told on standard error and the others go on. The exit code is then 3, as it is where
    something is left for later, or 4 where the outcome of one is unknown. Ctrl-C finishes what is in hand.
    """
    project = invocation.load_project()
    kind, found = find_runnable(project, name)
    if kind == _INCOMING and (dry_run or results):
        raise ArgumentError(
            f"{found} is an incoming, which sends nothing outward: --dry-run and --results go with a route"
        )
    _check_source(project, kind, found, keeps_nothing=no_store or dry_run)
    invocation.start_logging()
    if kind == _INCOMING:
        return run_stoppable(
            lambda stop: _print_records(invocation, project, found, limit, stop),
            invocation.screen,
            in_hand="the page in hand",
        )
    from connector.cli.delivery import deliver

    return deliver(
        invocation,
        project,
        found,
        limit=limit,
        wait_s=wait / 1000,
        is_kept=not no_store,
        is_dry=dry_run,
        prints_results=results,
    )


def _check_source(project: Project, kind: str, name: str, *, keeps_nothing: bool) -> None:
    """Do nothing where there are records to ask for, or to send that are kept.

    Raises:
        ArgumentError: There are none: records are sent in, and so with what is kept alone.
    """
    if kind == _INCOMING:
        webhook = project.incoming[name].webhook
        if webhook is not None:
            raise ArgumentError(
                f"{name} is a webhook: its records are sent in to {webhook.address}, and cannot be fetched",
                cure="connector serve takes them; for a try, send one with curl",
            )
        return
    route = project.routes[name]
    if route.fetches or not keeps_nothing:
        return
    if route.incoming is None or route.incoming.webhook is None:
        told = f"the route {name} has no incoming to take records from"
    else:
        told = f"the records of the route {name} are sent in to {route.incoming.webhook.address}, and cannot be fetched"
    raise ArgumentError(told, cure=f"send it records: connector push {name}")


def find_runnable(project: Project, name: str) -> tuple[str, str]:
    """Return the kind and the name of what a person wants to run.

    Raises:
        ArgumentError: There is nothing of that name, or two things.
    """
    from connector.config.wording import did_you_mean, join_names

    kinds: dict[str, Any] = {_ROUTES: project.routes, _INCOMING: project.incoming}
    found = [kind for kind, named in kinds.items() if name in named]
    if len(found) > 1:
        raise ArgumentError(
            f'both a route and an incoming are called "{name}"', cure=f"write routes.{name} or incoming.{name}"
        )
    if found:
        return found[0], name
    kind, _, rest = name.partition(".")
    if kind in kinds and rest in kinds[kind]:
        return kind, rest
    if name in project.outgoing:
        raise ArgumentError(
            f"{name} is an outgoing, which has no records of its own",
            cure="name a route that leads to it, or make one",
        )
    known = [*project.routes, *project.incoming]
    raise ArgumentError(
        f'no route and no incoming is called "{name}", there are: {join_names(known) or "none"}',
        cure=did_you_mean(name, known),
    )


async def _print_records(invocation: Invocation, project: Project, name: str, limit: int | None, stop: Stop) -> int:
    """Print an incoming's records page by page; one that cannot be shaped is told, and the others go on."""
    import time

    from connector.app.runtime import open_project
    from connector.cli.lines import encode_lines
    from connector.cli.stored import find_cursor

    started_s = time.monotonic()
    printed = failed = 0
    try:
        async with open_project(project, redactor=invocation.redactor) as runtime:
            incoming = runtime.incoming(name)
            stored = await find_cursor(invocation, name) if incoming.has_state else None
            with invocation.screen.progress(name, total=limit, prints_data=True) as progress:
                taken = 0
                async with aclosing(incoming.read(stored).batches()) as batches:
                    async for batch in batches:
                        records = batch.records if limit is None else batch.records[: limit - taken]
                        shaped, bad = _shape_page(invocation, incoming, records, taken)
                        if shaped:
                            invocation.screen.show_bytes(encode_lines(shaped))
                        taken += len(records)
                        printed += len(shaped)
                        failed += bad
                        if progress is not None:
                            progress.move(taken, count(printed, "record"))
                        if stop.is_asked or (limit is not None and taken >= limit):
                            break
    finally:
        told = f"{name}: {count(printed, 'record')} in {format_seconds(time.monotonic() - started_s)}"
        invocation.screen.tell(f"{told}, {failed:,} failed" if failed else told)
    return SOME_FAILED if failed else OK


def _shape_page(
    invocation: Invocation, incoming: Incoming, records: list[Record], first_index: int
) -> tuple[list[Record], int]:
    """Return the shaped records of a page, and how many could not be shaped."""
    shaped: list[Record] = []
    failed = 0
    for index, record in enumerate(records, first_index):
        try:
            shaped += incoming.shape(record)
        except TransformError as error:
            failed += 1
            invocation.screen.tell(f"failed: index {index}, at {error.step}: {error.message}{_clause(error.cure)}")
    return shaped, failed


def _clause(cure: str | None) -> str:
    return f"; {cure}" if cure else ""
