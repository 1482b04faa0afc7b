"""`connector schedules`: what is fetched by itself, when, and with what result; and fetching it now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from connector.cli.exits import OK
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import align

if TYPE_CHECKING:
    from connector.app.project import Project
    from connector.desk.schedules import ScheduleState

EPILOG = """\b
Examples:
  connector schedules list
  connector schedules run shipping-quotes
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """See what is fetched by itself and when, and have it fetched now.

    Where nothing works on the tables, as before the first run, `list` shows what the configuration says.
    """


@command.command("list", epilog=EPILOG)
@shared_options
@click.pass_obj
def list_(invocation: Invocation) -> int:
    """List every incoming that can be fetched: when it is due, and what came of the last time."""
    project = invocation.load_project()
    url = invocation.load_settings().store_url
    invocation.start_logging(is_late=True)
    states = asyncio.run(_read(project, url))
    if invocation.is_json:
        invocation.screen.show_json([_to_json(state) for state in states])
        return OK
    if not states:
        invocation.screen.tell("no route has an incoming that could be fetched")
        return OK
    from connector.desk.moment import show_local

    rows = [("INCOMING", "SCHEDULE", "NEXT", "LAST", "TOOK", "RESULT")]
    for state in states:
        next_ = "" if state.next_at_ms is None else show_local(state.next_at_ms)
        last = "" if state.last_started_at_ms is None else show_local(state.last_started_at_ms)
        rows.append((state.incoming, _tell_timing(state), next_, last, _tell_duration(state), _tell_result(state)))
    for line in align(rows):
        invocation.screen.show(line)
    return OK


@command.command("run", epilog=EPILOG)
@click.argument("incoming")
@shared_options
@click.pass_obj
def run(invocation: Invocation, incoming: str) -> int:
    """Have INCOMING fetched now, by `connector serve` or a worker; it need not have a schedule.

    This only asks: whoever works on these tables begins it within a second or two, or when it is started. To fetch and
    deliver in this very process, and see what comes of it, use `connector run`.
    """
    project = invocation.load_project()
    url = invocation.load_settings().store_url
    invocation.start_logging(is_late=True)
    state = asyncio.run(_ask(project, url, incoming))
    if invocation.is_json:
        invocation.screen.show_json(_to_json(state))
    else:
        invocation.screen.tell(f"{incoming} is fetched as soon as a worker looks; see: connector schedules list")
    return OK


async def _read(project: Project, url: str) -> list[ScheduleState]:
    from connector.desk.schedules import list_planned, read_schedules
    from connector.store.store import open_store
    from connector.store.target import read_target

    path = read_target(url).path
    if path is not None and not path.exists():
        return list_planned(project)
    async with open_store(url, purpose="read") as store:
        return await read_schedules(project, store)


async def _ask(project: Project, url: str, incoming: str) -> ScheduleState:
    from connector.cli.audit import note_change
    from connector.cli.stored import tell_who
    from connector.desk.schedules import ask_fetch
    from connector.store.store import open_store

    async with open_store(url, purpose="admin") as store:
        state = await ask_fetch(project, store, incoming, tell_who())
        await note_change(store, "incomings.run", incoming)
        return state


def _tell_timing(state: ScheduleState) -> str:
    return " ".join(part for part in (state.spec, state.timezone) if part) or "when asked for"


def _tell_duration(state: ScheduleState) -> str:
    return "" if state.last_duration_ms is None else f"{state.last_duration_ms / 1000:.1f} s"


def _tell_result(state: ScheduleState) -> str:
    asked = f"asked for by {state.asked_by}" if state.asked_at_ms is not None else ""
    now = "goes on" if state.is_under_way else state.last_result
    return "; ".join(part for part in (now, asked) if part)


def _to_json(state: ScheduleState) -> dict[str, object]:
    from connector.desk.incoming import describe_schedule

    return describe_schedule(state)
