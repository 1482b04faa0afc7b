"""Unknown outcomes, as an inbox: the evidence of each, and the three things that a person can say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002 - likewise

from connector.desk.looking import look_for
from connector.errors import ConnectorError
from connector.frozen import dataclass
from connector.record_codec import decode_value
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.render import Renderer, read_form
from connector.server.pages.selection import is_id
from connector.server.pages.task import can_be_asked, show_attempts
from connector.store.rows import TaskFilter, TaskStatus

if TYPE_CHECKING:
    from connector.server.context import Context
    from connector.server.pages.task import ShownAttempt, ShownExchange
    from connector.store.rows import TaskRow

AT_ONCE: Final = 10
"""Unknown outcomes on a page: each comes with all of its evidence."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A task whose outcome nobody has seen, with what is known of it.

    Attributes:
        row: The task.
        attempt: The one in doubt, or None where none is kept.
        before: What was said ahead of the request in doubt.
        doubted: That request; None where nothing is kept of it.
        after: What was said since: looks, mostly.
        looks: How often it was looked for.
        record: What was sent, before it was shaped.
        can_look: Whether the remote system can be asked.
    """

    row: TaskRow
    attempt: ShownAttempt | None
    before: tuple[ShownExchange, ...]
    doubted: ShownExchange | None
    after: tuple[ShownExchange, ...]
    looks: int
    record: Any
    can_look: bool


def add_pages(router: APIRouter, context: Context) -> None:
    """Give the inbox its addresses."""
    renderer = Renderer(context)
    read, operate = Depends(context.doors.page(Role.READ)), Depends(context.doors.page(Role.OPERATE))

    @router.get("/unknown")
    async def show_unknown(request: Request, caller: Caller = read) -> Response:
        query = request.query_params
        route, before = query.get("route", ""), query.get("before", "")
        sought = TaskFilter(route=route or None, statuses=(TaskStatus.UNKNOWN,))
        before_id = int(before) if is_id(before) else None
        rows = await context.store.tasks.find(sought, limit=AT_ONCE + 1, before_id=before_id)
        counts = await context.store.tasks.counts_cached()
        by_route = {
            name: one[TaskStatus.UNKNOWN] for name, one in sorted(counts.items()) if one.get(TaskStatus.UNKNOWN)
        }
        return renderer.page(
            request,
            caller,
            "unknown.html",
            {
                "doubts": await _read(context, rows[:AT_ONCE]),
                "route": route,
                "by_route": by_route,
                "total": sum(by_route.values()) if not route else by_route.get(route, 0),
                "older": rows[AT_ONCE - 1].id if len(rows) > AT_ONCE else None,
                "is_paged": before_id is not None,
            },
        )

    @router.post("/unknown/{task}/look")
    async def look(request: Request, task: str, caller: Caller = operate) -> Response:
        form = await read_form(request)
        back = f"/tasks/{task}" if form.get("back") == f"/tasks/{task}" else "/unknown"
        if not is_id(task):
            return renderer.done("/unknown", f"there is no task {task}", is_bad=True)
        try:
            seen = await look_for(context.service.runtime, context.store, context.redactor, int(task))
        except ConnectorError as error:
            return renderer.done(back, f"it could not be looked for: {error}", is_bad=True)
        if seen is None:
            return renderer.done(back, f"the outcome of task {task} is known by now", is_bad=True)
        await context.doors.note(caller, "tasks.look", task, {"status": seen.status.value, "reason": seen.reason})
        context.service.wake(seen.route)
        told = f"task {task} is {seen.status.value} now" if seen.is_settled else f"task {task} stays unknown"
        return renderer.done(back, f"{told}: {seen.reason}", is_bad=not seen.is_settled)


async def _read(context: Context, rows: list[TaskRow]) -> list[Doubt]:
    known = {task.id: task for task in await context.store.tasks.show_unknown([row.id for row in rows])}
    project = context.service.project
    can_look: dict[str, bool] = {}
    doubts = []
    for row in rows:
        detail = await context.store.tasks.show(row.id)
        if detail is None or row.id not in known:  # settled since the list was read
            continue
        if row.route not in can_look:
            can_look[row.route] = can_be_asked(context, row.route)
        attempts = show_attempts(project, row.route, detail.attempts[-1:])
        doubts.append(
            Doubt(
                row,
                attempts[0] if attempts else None,
                *_part(attempts[0] if attempts else None),
                known[row.id].looks,
                decode_value(detail.record),
                can_look[row.route],
            )
        )
    return doubts


def _part(
    attempt: ShownAttempt | None,
) -> tuple[tuple[ShownExchange, ...], ShownExchange | None, tuple[ShownExchange, ...]]:
    """Return what was said before the request in doubt, that request, and what was said since.

    It is the first one after the note that it was about to leave; without a note, the last one that was made.
    """
    if attempt is None or not attempt.exchanges:
        return (), None, ()
    said = attempt.exchanges
    if attempt.is_note_last:
        return said, None, ()
    place = next((place for place, one in enumerate(said) if one.is_after_note), len(said) - 1)
    return said[:place], said[place], said[place + 1 :]
