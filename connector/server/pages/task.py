"""The page of one task: where it stands, what can be done, what each step made of it, and everything that was said."""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import Response

from connector.desk.json_text import encode_json
from connector.desk.repeat import as_call, note_on_call
from connector.desk.reshape import reshape
from connector.desk.shown import show_value
from connector.desk.steps import Spot
from connector.desk.task import MEANINGS, describe_task, find_ways
from connector.frozen import dataclass
from connector.record_codec import decode_value
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.render import Renderer
from connector.server.pages.selection import is_id
from connector.server.pages.side_by_side import compare
from connector.store.rows import TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.app.project import Project
    from connector.desk.reshape import Reshaped
    from connector.desk.steps import Step
    from connector.redaction import Redactor
    from connector.server.context import Context
    from connector.server.pages.side_by_side import Sides
    from connector.store.rows import AttemptRow, ExchangeRow, TaskDetail

MOST_ATTEMPTS: Final = 25
"""The newest attempts are shown whole; the raw JSON has all of them."""

LONG_RUN: Final = 6
"""More exchanges than these, one after another with one entity and one verdict, are shown by the first and the last.

A look asks for id after id, hundreds of times; the raw JSON has all of it.
"""

_MOST_RELATED: Final = 20


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step, as the page shows it.

    Attributes:
        step: What it is, and what became of it.
        sides: The record before and after it; None where it was not reached.
        outcome: What it made of the record, in a few words; empty for one record out of one.
        place: Where it is written: file, line and column; the file as seen from the folder of the configuration.
        failure_place: Where the part of it is written that failed; empty where nothing did.
    """

    step: Step
    sides: Sides | None
    outcome: str
    place: str
    failure_place: str


@dataclass(frozen=True, slots=True)
class ShownExchange:
    """A request and its answer, as the page shows them.

    Attributes:
        row: What was said.
        call: The command that repeats it; empty where it cannot be repeated.
        remark: What to know ahead of running that, or why there is none.
        is_after_note: Whether the note that it was about to leave stands right before it.
        left_out: How many more like it, right before it, are not shown.
    """

    row: ExchangeRow
    call: str
    remark: str
    is_after_note: bool
    left_out: int


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """A try, as the page shows it.

    Attributes:
        row: What is kept of it.
        exchanges: What was said, in order.
        evidence: What was noted before the request that commits left, as a value, or None.
        is_note_last: Whether that note was made, and nothing was heard since.
    """

    row: AttemptRow
    exchanges: tuple[ShownExchange, ...]
    evidence: Any
    is_note_last: bool


def add_pages(router: APIRouter, context: Context) -> None:
    """Give the page of a task its addresses."""
    renderer = Renderer(context)
    read = Depends(context.doors.page(Role.READ))

    @router.get("/tasks/{task}.json")
    async def send_task(task: str, _caller: Caller = read) -> Response:
        detail = await _find(context, task)
        if detail is None:
            return renderer.done("/tasks", f"there is no task {task}", is_bad=True)
        reshaped = await reshape(context.service.runtime, context.store, detail)
        told = show_value(describe_task(detail, reshaped), context.redactor)
        told["key"] = detail.row.key and context.redactor.mask_text(detail.row.key)  # here it is no secret's name
        return Response(
            encode_json(told, is_indented=True),
            media_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="task-{detail.row.id}.json"',
                "Cache-Control": "no-store",
            },
        )

    @router.get("/tasks/{task}")
    async def show_task(request: Request, task: str, caller: Caller = read) -> Response:
        detail = await _find(context, task)
        if detail is None:
            return renderer.page(request, caller, "no_task.html", {"task": task}, status=404)
        row = detail.row
        reshaped = await reshape(context.service.runtime, context.store, detail)
        project = context.service.project
        related = []
        if row.key is not None:
            found = await context.store.tasks.find(TaskFilter(route=row.route, key=row.key), limit=_MOST_RELATED + 1)
            related = [one for one in found if one.id != row.id][:_MOST_RELATED]
        return renderer.page(
            request,
            caller,
            "task.html",
            {
                "row": row,
                "meaning": MEANINGS[row.status],
                "ways": [way for way in find_ways(row) if way.action],
                "record": decode_value(detail.record),
                "value": None if detail.value is None else decode_value(detail.value),
                "steps": show_steps(reshaped, project, context.redactor),
                "reshaped": reshaped,
                "attempts": show_attempts(project, row.route, detail.attempts[-MOST_ATTEMPTS:]),
                "left_out": max(0, len(detail.attempts) - MOST_ATTEMPTS),
                "related": related,
                "can_look": row.status is TaskStatus.UNKNOWN and can_be_asked(context, row.route),
                "is_moving": row.status in {TaskStatus.NEW, TaskStatus.PROCESSING, TaskStatus.RETRY},
            },
        )


def can_be_asked(context: Context, route: str) -> bool:
    """Return whether what a route sends to can say what became of a request."""
    return route in context.service.project.routes and context.service.runtime.work(route).publisher.can_look


async def _find(context: Context, task: str) -> TaskDetail | None:
    return await context.store.tasks.show(int(task)) if is_id(task) else None


def show_steps(reshaped: Reshaped, project: Project, redactor: Redactor) -> list[ShownStep]:
    """Return the steps with the record before and after each, and where each is written."""
    document = project.document
    folder = PurePath(document.name)
    if document.files == (document.name,):  # one file was named, and no folder
        folder = folder.parent
    return [
        ShownStep(
            step,
            compare(_join(step.before), _join(step.after), redactor) if step.state == "done" and step.after else None,
            _tell_outcome(step),
            show_spot(step.spot, folder),
            "" if step.failure is None else show_spot(step.failure.spot, folder),
        )
        for step in reshaped.steps
    ]


def show_spot(spot: Spot, folder: PurePath) -> str:
    """Return where something is written, the file as seen from a folder; as it was named where it lies elsewhere."""
    file = PurePath(spot.file)
    shown = str(file.relative_to(folder)) if spot.file and file.is_relative_to(folder) else spot.file
    return str(Spot(shown, spot.line, spot.column))


def show_attempts(project: Project, route: str, attempts: Sequence[AttemptRow]) -> list[ShownAttempt]:
    """Return tries with what was said in them and how to say it again, the newest first.

    Args:
        project: The present configuration.
        route: Whose task it is.
        attempts: In order.
    """
    plan = project.routes.get(route)
    client = None if plan is None else plan.outgoing.call.target.client
    return [_show_attempt(project, client, attempt) for attempt in reversed(attempts)]


def _show_attempt(project: Project, client: str | None, attempt: AttemptRow) -> ShownAttempt:
    shown: list[ShownExchange] = []
    noted_ms = attempt.commit_at_ms
    for place, left_out in _fold(attempt):
        exchange = attempt.exchanges[place]
        is_after_note = noted_ms is not None and exchange.started_at_ms >= noted_ms
        noted_ms = None if is_after_note else noted_ms
        call = remark = ""
        if client is not None:
            before = attempt.exchanges[:place]
            call = as_call(project, client, exchange, before=before)
            remark = note_on_call(project, client, exchange, before=before)
        shown.append(ShownExchange(exchange, call, remark, is_after_note, left_out))
    evidence = None if attempt.commit_evidence is None else decode_value(attempt.commit_evidence)
    return ShownAttempt(attempt, tuple(shown), evidence, noted_ms is not None)


def _fold(attempt: AttemptRow) -> Iterator[tuple[int, int]]:
    """Yield the place of each exchange to show, and how many like it are left out right before it."""

    def alike(place: int) -> tuple[str, str, bool]:
        exchange = attempt.exchanges[place]
        is_noted = attempt.commit_at_ms is not None and exchange.started_at_ms >= attempt.commit_at_ms
        return exchange.entity, exchange.verdict, is_noted

    for _, run in groupby(range(len(attempt.exchanges)), alike):
        places = list(run)
        if len(places) <= LONG_RUN:
            yield from ((place, 0) for place in places)
        else:
            yield places[0], 0
            yield places[-1], len(places) - 2


def _join(records: Sequence[Any]) -> Any:
    if not records:
        return None
    return records[0] if len(records) == 1 else list(records)


def _tell_outcome(step: Step) -> str:
    if step.state == "not reached":
        return "not reached"
    if step.state == "failed":
        return "failed"
    if not step.after:
        return "left out here"
    return f"{len(step.after)} records" if len(step.after) > 1 else ""
