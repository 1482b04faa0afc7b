"""The schedules: when each incoming is fetched, what came of it last, and fetching it now."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations of endpoints

from connector.desk.flow import FlowSource, read_source
from connector.errors import UnderWayError, UnknownNameError
from connector.frozen import dataclass
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.render import Renderer

if TYPE_CHECKING:
    from connector.desk.schedules import ScheduleState
    from connector.server.context import Context
    from connector.store.rows import Cursor

MISSED: Final = {
    "all": "each time that was missed is made up for",
    "last": "of times that were missed, the last is made up for",
    "none": "times that were missed are left out",
}
"""What is done about times at which nobody was there."""

OVERLAP: Final = {
    "skip": "a time that comes while it goes on is passed over",
    "queue": "a time that comes while it goes on waits",
}
"""What is done about times that come too early."""

_UNIT: Final = re.compile(r"([0-9]+)(ms|s|m|h|d|w)")
_UNITS: Final = {"ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}


@dataclass(frozen=True, slots=True)
class Row:
    """One incoming.

    Attributes:
        state: How it stands.
        source: What it asks, and whom.
        words: When it is fetched, in words; empty where it has no schedule.
        cursor: How far it has read, or None.
    """

    state: ScheduleState
    source: FlowSource
    words: str
    cursor: Cursor | None


def add_pages(router: APIRouter, context: Context) -> None:
    """Add the addresses of the schedules."""
    renderer = Renderer(context)
    read, operate = Depends(context.doors.page(Role.READ)), Depends(context.doors.page(Role.OPERATE))

    @router.get("/schedules")
    async def show_schedules(request: Request, caller: Caller = read) -> Response:
        rows = await _read(context)
        pushed = [plan.name for plan in context.service.project.sources.values() if plan.options.subscriber is None]
        values = {"rows": rows, "pushed": pushed, "missed": MISSED, "overlap": OVERLAP}
        return renderer.page(request, caller, "schedules.html", values)

    @router.post("/schedules/{name}/run")
    async def run_now(name: str, caller: Caller = operate) -> Response:
        try:
            await context.service.ask_fetch(name, caller.name)
        except (UnderWayError, UnknownNameError) as error:
            return renderer.done("/schedules", str(error), is_bad=True)
        await context.doors.note(caller, "incomings.run", name)
        return renderer.done("/schedules", f"{name} is fetched now, by the next worker that is free")


async def _read(context: Context) -> list[Row]:
    cursors = {cursor.name: cursor for cursor in await context.store.state.cursors()}
    project, now_ms = context.service.project, context.store.now_ms()
    return [
        Row(
            state,
            read_source(project.sources[state.incoming], now_ms=now_ms),
            describe_spec(state.spec, state.timezone),
            cursors.get(state.incoming),
        )
        for state in await context.service.schedules()
    ]


@lru_cache(maxsize=256)
def describe_spec(spec: str, timezone: str | None) -> str:
    """Return a schedule in words: `At 02:30 every day, by the clocks of Europe/London`.

    Args:
        spec: A cron expression, or `every 10m`.
        timezone: Whose clock is meant; None for an interval.
    """
    if timezone is None:
        told = _UNIT.sub(lambda found: f" {found[1]} {_UNITS[found[2]]}{'' if found[1] == '1' else 's'}", spec)
        return " ".join(told.split()).capitalize()
    from cronsim import CronSim  # noqa: PLC0415 - few configurations have a schedule

    told = CronSim(spec, datetime(2000, 1, 1, tzinfo=UTC)).explain()
    return f"{told}, {'UTC' if timezone == 'UTC' else f'by the clocks of {timezone}'}"
