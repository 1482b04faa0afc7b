"""`connector push`: JSON lines from standard input through a route."""

from __future__ import annotations

import sys

import click

from connector.cli.exits import ArgumentError
from connector.cli.invocation import Invocation, shared_options
from connector.cli.keeping import no_store_option, wait_option

EPILOG = """\b
Examples:
  connector push place-orders < orders.jsonl
  tail -f orders.jsonl | connector push place-orders --results
  echo '{"code": "2222"}' | connector push coupons-into-shop --dry-run
"""


@click.command(epilog=EPILOG)
@click.argument("route")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after so many records.")
@click.option("--dry-run", is_flag=True, help="Shape and check everything, print it, send nothing.")
@click.option("--results", is_flag=True, help="Print what became of each record as a JSON line.")
@wait_option
@no_store_option
@shared_options
@click.pass_obj
def command(
    invocation: Invocation, route: str, limit: int | None, dry_run: bool, results: bool, wait: int, no_store: bool
) -> int:
    """Send JSON lines from standard input through a route.

    One JSON object a line. The route's own incoming, if it has one, is passed by. Each record is kept as a task before
    it is sent, so that nothing is lost or sent twice whatever ends the command; tasks that an earlier run has left are
    sent as well.

    A line that is no record is told with its number, as a record that fails is, and the others go on. The exit code is
    then 3, as it is where something is left for later, or 4 where the outcome of one is unknown. Ctrl-C finishes what
    is in hand.
    """
    from connector.app.names import find_named
    from connector.cli.delivery import deliver

    project = invocation.load_project()
    route = route.removeprefix("routes.") if route not in project.routes else route
    find_named("route", route, project.routes)
    if sys.stdin is None:
        raise ArgumentError("standard input is closed", cure="send it JSON lines, from a file with < or through a pipe")
    invocation.start_logging()
    if sys.stdin.isatty():
        invocation.screen.tell("reading records from the terminal: one JSON object a line, Ctrl-D ends")
    return deliver(
        invocation,
        project,
        route,
        descriptor=sys.stdin.fileno(),
        limit=limit,
        wait_s=wait / 1000,
        is_kept=not no_store,
        is_dry=dry_run,
        prints_results=results,
    )
