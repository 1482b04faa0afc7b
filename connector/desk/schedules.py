"""What is fetched by itself, when, and with what result; and fetching it now.

An incoming is listed where a worker could fetch it: it has a subscriber, and some route takes its records. A schedule
is not needed to be asked for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from connector.app.names import find_named
from connector.errors import UnderWayError, UnknownNameError
from connector.frozen import dataclass
from connector.store.rows import ScheduleRow
from connector.subscriber.schedule import Cron
from connector.task.schedule import to_datetime, to_ms

if TYPE_CHECKING:
    from connector.app.project import IncomingPlan, Project
    from connector.store.store import Store


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """How one incoming stands.

    Attributes:
        incoming: Under which its state is kept: its own name, or `routes.<route>`.
        routes: Those that take its records, in the order they are written.
        spec: The cron expression, or `every 10m`; empty where it has no schedule and is fetched when asked for.
        timezone: IANA name of the zone whose clock is meant; None for an interval, and without a schedule.
        missed: What is done about times at which nobody was there: `all`, `last` or `none`; empty without a schedule.
        overlap: What is done about a time that comes while the last fetch goes on: `skip` or `queue`.
        next_at_ms: When it is due next; None where that is never.
        last_due_at_ms: The due time that was made good, or passed over, last; None where there was none.
        last_started_at_ms: When the last fetch began; None where there was none.
        last_duration_ms: How long it took; None while it goes on, and where that is not known.
        last_result: What came of it, in one sentence; empty while it goes on.
        last_records: How many records it read; None where that is not known.
        last_tasks: How many tasks were made of them; likewise.
        is_under_way: Whether it is being fetched just now.
        asked_at_ms: When somebody asked for it to be fetched now, and it has not begun; else None.
        asked_by: Who did.
    """

    incoming: str
    routes: tuple[str, ...]
    spec: str
    timezone: str | None
    missed: str
    overlap: str
    next_at_ms: int | None
    last_due_at_ms: int | None
    last_started_at_ms: int | None
    last_duration_ms: int | None
    last_result: str
    last_records: int | None
    last_tasks: int | None
    is_under_way: bool
    asked_at_ms: int | None
    asked_by: str


def is_fetched(plan: IncomingPlan) -> bool:
    """Whether an incoming asks for its records, as against one that is sent them."""
    return plan.options.subscriber is not None


def list_fetchable(project: Project) -> dict[str, IncomingPlan]:
    """Return every incoming that a worker can fetch, by the name under which its state is kept."""
    return {name: plan for name, plan in project.sources.items() if is_fetched(plan) and project.fed_by(name)}


async def read_schedules(project: Project, store: Store) -> list[ScheduleState]:
    """Return every incoming that can be fetched, in the order it is written.

    Raises:
        StoreError: The database cannot be used.
    """
    rows = {row.name: row for row in await store.schedules.all()}
    now_ms = store.now_ms()
    return [_describe(project, name, plan, rows.get(name), now_ms) for name, plan in list_fetchable(project).items()]


def list_planned(project: Project) -> list[ScheduleState]:
    """Return every incoming that can be fetched, where there are no tables yet: nothing has happened."""
    now_ms = time.time_ns() // 1_000_000
    return [_describe(project, name, plan, None, now_ms) for name, plan in list_fetchable(project).items()]


async def ask_fetch(project: Project, store: Store, incoming: str, by: str) -> ScheduleState:
    """Have an incoming fetched now, by whichever worker is free; return how it stands then.

    Asked for twice before it has begun, it is fetched once.

    Args:
        project: The configuration.
        store: Where the workers find it.
        incoming: Under which its state is kept.
        by: Who asks.

    Raises:
        UnknownNameError: There is no incoming of that name, or it cannot be fetched.
        UnderWayError: It is being fetched already, and its schedule says `overlap: skip`, or it has none.
        StoreError: The database cannot be used.
    """
    plan = find_named("incoming", incoming, project.sources)
    if not is_fetched(plan):
        raise UnknownNameError(
            f"{incoming} is a webhook: there is nothing to fetch", cure="its records come when their sender sends them"
        )
    if not project.fed_by(incoming):
        raise UnknownNameError(
            f"no route takes the records of {incoming}, so fetching it would make no task",
            cure=f"name it as the incoming of a route, or look at its records with: connector run {incoming}",
        )
    before = next(state for state in await read_schedules(project, store) if state.incoming == incoming)
    if before.is_under_way and before.overlap != "queue":
        raise UnderWayError(incoming)
    await store.schedules.ask(incoming, by)
    return next(state for state in await read_schedules(project, store) if state.incoming == incoming)


def _describe(project: Project, name: str, plan: IncomingPlan, row: ScheduleRow | None, now_ms: int) -> ScheduleState:
    schedule, timing = plan.schedule, None if plan.schedule is None else plan.schedule.timing
    row = row or ScheduleRow(name, "", None, None, "", None)
    if schedule is None:
        missed, overlap = "", "skip"
    else:
        missed = "all" if schedule.fires_all_missed else "last" if schedule.fires_last_missed else "none"
        overlap = "queue" if schedule.queues else "skip"
    return ScheduleState(
        incoming=name,
        routes=tuple(route.name for route in project.fed_by(name)),
        spec="" if timing is None else timing.expression if isinstance(timing, Cron) else timing.text,
        timezone=timing.zone.key if isinstance(timing, Cron) else None,
        missed=missed,
        overlap=overlap,
        next_at_ms=None if timing is None else to_ms(timing.next_after(to_datetime(now_ms))),
        last_due_at_ms=row.last_due_at_ms,
        last_started_at_ms=row.last_started_at_ms,
        last_duration_ms=row.last_duration_ms,
        last_result=row.last_result,
        last_records=row.last_records,
        last_tasks=row.last_tasks,
        is_under_way=row.last_started_at_ms is not None and not row.last_result,
        asked_at_ms=row.asked_at_ms,
        asked_by=row.asked_by,
    )
