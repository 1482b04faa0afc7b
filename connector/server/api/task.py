"""Tasks: found, told, tried again, left out, and settled where nobody knows what became of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, Field, model_validator

from connector.desk import change
from connector.desk.looking import look_for
from connector.desk.repeat import as_call, note_on_call
from connector.desk.reshape import NO_ROUTE, Reshaped, reshape
from connector.desk.shown import show_value
from connector.desk.steps import describe_step
from connector.desk.task import (
    MEANINGS,
    describe_attempt,
    describe_preview,
    describe_row,
    find_ways,
)
from connector.errors import RefusedError, UnknownNameError
from connector.record_codec import decode_value
from connector.server.api.fields import (
    LARGEST_ID,
    Age,
    Answer,
    Before,
    Id,
    Json,
    Limit,
    Moment,
    Request,
    Status,
    TaskPath,
    Text,
    to_age_ms,
    to_ms,
)
from connector.server.api.problem import tell_responses
from connector.server.api.steps import StepModel
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.store.rows import Resolution, TaskFilter

if TYPE_CHECKING:
    from connector.desk.change import Change, Changed
    from connector.server.context import Context
    from connector.store.rows import TaskDetail

TAG: Final = "tasks"
_MOST_IDS: Final = 500


class Task(Answer):
    """One record on its way through one route, as lists have it."""

    id: int = Field(examples=[12])
    route: str = Field(examples=["place-orders"])
    key: str | None = Field(description="Identity of the record on its route.", examples=["WEB-1001"])
    status: Status
    verdict: str | None = Field(description="What its last call came to, such as `ok` or `rejected`.")
    step: str = Field(description="Where it failed; else empty.")
    reason: str = Field(description="Why it stands where it stands; else empty.")
    cure: str | None = Field(description="What to do about it.")
    done: str | None = Field(description="What was carried out, and would be done twice by another try.")
    attempts: int
    sent: int = Field(description="Parcels sent so far.")
    parcels: int = Field(description="Of how many; 0 where nothing was sent yet.")
    source: str = Field(description="Where it came from, such as `incoming.orders` or `push`.")
    position: int = Field(description="Its place in the batch it came with, from 0.")
    created_at: Moment
    updated_at: Moment
    due_at: Moment | None = Field(description="When it is tried, or looked for, again.")


class TaskPage(Answer):
    """A page of tasks, newest first."""

    tasks: list[Task]
    next_before: int | None = Field(description="Ask with `before` set to this for the next page; null on the last.")
    count: int | None = Field(None, description="How many there are in all, where `count=true` asked for it.")
    is_complete: bool = Field(
        description="False where a search has stopped before it had looked through everything: the next page goes on."
    )


class WayModel(Answer):
    """One thing that can be done about a task."""

    command: str = Field(examples=["connector tasks retry 12"])
    note: str
    action: str = Field(description="`retry`, `skip`, `look`, `done`, `again`, `failed`; empty: a worker does it.")


class Payload(Answer):
    """One payload that would be sent."""

    step: str
    entity: str
    payload: dict[str, Json] | None = Field(description="Null where it needs an earlier answer; `reason` says so.")
    reason: str
    dialect: str
    note: str
    call: str = Field(description="The `connector call` command that sends it; empty where there is none.")
    call_note: str = Field(description="What to know before running that.")


class ExchangeModel(Answer):
    """One request and its answer, masked."""

    entity: str
    method: str
    url: str
    started_at: Moment
    duration_ms: int
    status: int | None
    verdict: str
    failure: str | None
    request: Json
    response: Json
    call: str = Field(description="The `connector call` command that repeats it; empty where that cannot be told.")
    call_note: str = Field(description="What to know before running that.")


class Commit(Answer):
    """What was noted ahead of a request that cannot be taken back."""

    step: str
    entity: str
    at: Moment
    evidence: Json


class Attempt(Answer):
    """One try."""

    number: int
    worker: str
    outcome: str | None
    verdict: str | None
    step: str
    reason: str
    started_at: Moment
    ended_at: Moment | None
    duration_ms: int | None
    commit: Commit | None
    exchanges: list[ExchangeModel]


class ReshapedModel(Answer):
    """What the steps of the present configuration make of the record."""

    obstacle: str = Field(description="Why that cannot be told; else empty.")
    steps: list[StepModel] = Field(description="Each step, with the records before and after it.")
    previews: list[Payload] = Field(description="What would be sent, in order.")


class TaskStory(Task):
    """All that is known of a task."""

    meaning: str = Field(description="What its status means, in a sentence.")
    ways: list[WayModel] = Field(description="What can be done about it.")
    record: Json = Field(description="The record as it was taken in, secrets masked.")
    value: Json = Field(description="The last answer, secrets masked.")
    reshaped: ReshapedModel
    attempts_made: list[Attempt]


class Retry(Request):
    """How a task is tried again."""

    repeat_done: bool = Field(False, description="Also do again what was carried out before it failed.")


class Skip(Request):
    """Why a task is left out."""

    reason: Annotated[Text, Field(min_length=1, description="It is kept with the task.", examples=["cancelled"])]


class Resolve(Request):
    """What became of a task whose outcome was unknown."""

    outcome: Resolution = Field(
        alias="as",
        description="`done`: it is there. `retry`: it is not, send it again. `failed`: it is not, and need not be.",
    )
    reason: Text = Field("", description="What was seen; it is kept with the task.")
    repeat_done: bool = Field(False, description="With `retry`: also do again what was carried out before.")


class Looked(Answer):
    """What came of asking the remote system."""

    task: int
    route: str
    status: Status
    is_settled: bool = Field(description="Whether it is known now what became of it.")
    reason: str


class Filter(Request):
    """Which tasks are meant: those for which everything given holds."""

    ids: list[Id] = Field([], max_length=_MOST_IDS, description="Any of these.")
    route: Text | None = Field(None, description="Of this route.")
    status: list[Status] = Field([], description="In any of these.")
    key: Text | None = Field(None, description="With this very key.")
    key_prefix: Text | None = Field(None, description="With a key that begins so.")
    text: Text | None = Field(None, description="With this text in record, key or reason, letter case aside.")
    older: Age | None = Field(None, description="Made longer ago than this, such as `30d`.", examples=["30d"])
    newer: Age | None = Field(None, description="Made within this, such as `2h`.", examples=["2h"])

    @property
    def is_empty(self) -> bool:
        """Whether every task is meant."""
        return self.to_filter() == TaskFilter()  # not by what was written: an empty text leaves nothing out

    def to_filter(self) -> TaskFilter:
        """Return the filter for the store."""
        return TaskFilter(
            ids=tuple(dict.fromkeys(self.ids)),
            route=self.route,
            statuses=tuple(dict.fromkeys(self.status)),
            key=self.key,
            keys_starting=self.key_prefix or None,
            text=self.text or None,
            older_than_ms=to_age_ms(self.older),
            newer_than_ms=to_age_ms(self.newer),
        )


class Bulk(Request):
    """Which tasks something is done to, and whether it is only counted."""

    filter: Filter = Field(Filter(), description="Which tasks are meant.")
    all: bool = Field(False, description="Say so where a filter that leaves nothing out is meant.")
    dry_run: bool = Field(False, description="Count what it would concern, and change nothing.")
    limit: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(
        None, description="At most so many, the oldest first."
    )

    @model_validator(mode="after")
    def _check_meant(self) -> Bulk:
        if self.filter.is_empty and not self.all:
            raise ValueError('that would concern tasks of every route: give a filter, or say "all": true')
        return self


class BulkRetry(Bulk):
    """Tasks that are tried again."""

    repeat_done: bool = Field(False, description="With ids alone: also do again what was carried out.")

    @model_validator(mode="after")
    def _check_repeat(self) -> BulkRetry:
        if self.repeat_done and not self.filter.ids:
            raise ValueError("repeat_done goes with ids: what was carried out is done a second time")
        return self


class BulkSkip(Bulk):
    """Tasks that are left out."""

    reason: Annotated[Text, Field(min_length=1, description="It is kept with each task.")]


class BulkResolve(BulkRetry):
    """Tasks whose outcome is told."""

    outcome: Resolution = Field(
        alias="as",
        description="`done`: they are there. `retry`: they are not, send them again. `failed`: they are not, and need "
        "not be.",
    )
    reason: Text = Field("", description="What was seen; it is kept with each task.")


class RefusalModel(Answer):
    """A task that was named, and to which it was not done."""

    task: int
    status: Status | None = Field(description="Null where there is no such task.")
    reason: str
    cure: str | None


class BulkResult(Answer):
    """What came of it."""

    changed: int = Field(description="To how many tasks it was done; with `dry_run`, would be.")
    dry_run: bool
    unknown_left_alone: int = Field(description="Tasks of which nobody knows what became: `resolve` is for those.")
    half_done_left_alone: int = Field(description="Tasks of which a part was carried out, and would be done twice.")
    refusals: list[RefusalModel] = Field(description="Of those named by id, the first 100 it was not done to.")


def add_endpoints(router: APIRouter, context: Context) -> None:
    """Add what can be asked about tasks."""
    reader, operator = Depends(context.doors.api(Role.READ)), Depends(context.doors.api(Role.OPERATE))
    tasks = _Tasks(context)

    @router.get("/tasks", tags=[TAG], operation_id="list_tasks", response_model=TaskPage, responses=tell_responses())
    async def list_tasks(
        route: Annotated[Text | None, Query(description="Of this route.")] = None,
        status: Annotated[list[Status], Query(description="In any of these.")] = [],  # noqa: B006 - FastAPI copies it
        key: Annotated[Text | None, Query(description="With this very key.")] = None,
        key_prefix: Annotated[Text | None, Query(description="With a key that begins so.")] = None,
        text: Annotated[
            Text | None, Query(description="With this text in record, key or reason, letter case aside.")
        ] = None,
        older: Annotated[Age | None, Query(description="Made longer ago than this, such as `30d`.")] = None,
        newer: Annotated[Age | None, Query(description="Made within this, such as `2h`.")] = None,
        updated_since: Annotated[AwareDatetime | None, Query(description="Changed at this time or later.")] = None,
        source: Annotated[list[Text], Query(max_length=50, description="From any of these.")] = [],  # noqa: B006
        count: Annotated[bool, Query(description="Also tell how many there are in all, which takes longer.")] = False,
        limit: Limit = 50,
        before: Before = None,
        _caller: Caller = reader,
    ) -> Any:
        """List tasks, the newest first.

        A search for a text looks through so many tasks at a time; where it has not come to the end, `is_complete` is
        false and the next page goes on, even if this one has no task.
        """
        sought = TaskFilter(
            route=route,
            statuses=tuple(dict.fromkeys(status)),
            key=key,
            keys_starting=key_prefix,
            text=text or None,
            older_than_ms=to_age_ms(older),
            newer_than_ms=to_age_ms(newer),
            updated_since_ms=None if updated_since is None else to_ms(updated_since),
            sources=tuple(dict.fromkeys(source)),
        )
        return await tasks.list_page(sought, limit, before, is_counted=count)

    @router.get(
        "/tasks/{task}", tags=[TAG], operation_id="get_task", response_model=TaskStory, responses=tell_responses(404)
    )
    async def get_task(task: TaskPath, _caller: Caller = reader) -> Any:
        """Tell the whole story of one task.

        Where it stands and what to do about it, its record, what each step of the present configuration makes of that,
        what would be sent, and each attempt with every request and answer, masked.
        """
        return await tasks.tell(task)

    @router.post(
        "/tasks/retry",
        tags=[TAG],
        operation_id="retry_tasks",
        response_model=BulkResult,
        responses=tell_responses(),
    )
    async def retry_tasks(wanted: BulkRetry, caller: Caller = operator) -> Any:
        """Have tasks tried again, now.

        Those that failed, those that wait for their next try, and, where ids or a status say so, those that were left
        out. Unknown outcomes are left alone, and so is what failed after a part of it was carried out.
        """
        changed = await change.retry(
            context.store,
            wanted.filter.to_filter(),
            may_repeat=wanted.repeat_done,
            limit=wanted.limit,
            is_dry=wanted.dry_run,
        )
        return await tasks.end(caller, "tasks.retry", wanted, changed)

    @router.post(
        "/tasks/skip", tags=[TAG], operation_id="skip_tasks", response_model=BulkResult, responses=tell_responses()
    )
    async def skip_tasks(wanted: BulkSkip, caller: Caller = operator) -> Any:
        """Leave tasks out: those that failed, and those that have not been sent yet."""
        changed = await change.skip(
            context.store,
            wanted.filter.to_filter(),
            by=caller.name,
            reason=wanted.reason,
            limit=wanted.limit,
            is_dry=wanted.dry_run,
        )
        return await tasks.end(caller, "tasks.skip", wanted, changed)

    @router.post(
        "/tasks/resolve",
        tags=[TAG],
        operation_id="resolve_tasks",
        response_model=BulkResult,
        responses=tell_responses(),
    )
    async def resolve_tasks(wanted: BulkResolve, caller: Caller = operator) -> Any:
        """Say what became of tasks whose outcome is unknown. Look on the other side first."""
        changed = await change.resolve(
            context.store,
            wanted.filter.to_filter(),
            wanted.outcome,
            by=caller.name,
            reason=wanted.reason,
            may_repeat=wanted.repeat_done,
            limit=wanted.limit,
            is_dry=wanted.dry_run,
        )
        return await tasks.end(caller, "tasks.resolve", wanted, changed)

    @router.post(
        "/tasks/{task}/retry",
        tags=[TAG],
        operation_id="retry_task",
        response_model=Task,
        responses=tell_responses(404, 409),
    )
    async def retry_task(task: TaskPath, wanted: Retry | None = None, caller: Caller = operator) -> Any:
        """Have a task tried again, now."""
        may_repeat = wanted is not None and wanted.repeat_done
        await tasks.check(change.RETRY, task, may_repeat=may_repeat)
        changed = await change.retry(context.store, TaskFilter(ids=(task,)), may_repeat=may_repeat)
        return await tasks.end_one(caller, "tasks.retry", task, changed, {"repeat_done": may_repeat})

    @router.post(
        "/tasks/{task}/skip",
        tags=[TAG],
        operation_id="skip_task",
        response_model=Task,
        responses=tell_responses(404, 409),
    )
    async def skip_task(task: TaskPath, wanted: Skip, caller: Caller = operator) -> Any:
        """Leave a task out: it will not be sent."""
        await tasks.check(change.SKIP, task)
        changed = await change.skip(context.store, TaskFilter(ids=(task,)), by=caller.name, reason=wanted.reason)
        return await tasks.end_one(caller, "tasks.skip", task, changed, {"reason": wanted.reason})

    @router.post(
        "/tasks/{task}/resolve",
        tags=[TAG],
        operation_id="resolve_task",
        response_model=Task,
        responses=tell_responses(404, 409),
    )
    async def resolve_task(task: TaskPath, wanted: Resolve, caller: Caller = operator) -> Any:
        """Say what became of a task whose outcome is unknown. Look on the other side first."""
        is_free = wanted.repeat_done or wanted.outcome is not Resolution.RETRY
        await tasks.check(change.RESOLVE, task, may_repeat=is_free)
        changed = await change.resolve(
            context.store,
            TaskFilter(ids=(task,)),
            wanted.outcome,
            by=caller.name,
            reason=wanted.reason,
            may_repeat=wanted.repeat_done,
        )
        detail = {"as": wanted.outcome.value, "reason": wanted.reason}
        return await tasks.end_one(caller, "tasks.resolve", task, changed, detail)

    @router.post(
        "/tasks/{task}/look",
        tags=[TAG],
        operation_id="look_for_task",
        response_model=Looked,
        responses=tell_responses(404, 409),
    )
    async def look_for_task(task: TaskPath, caller: Caller = operator) -> Any:
        """Ask the remote system what became of a task whose outcome is unknown, where it can be asked.

        What it has settles the task; what it does not have proves nothing, and the task stays unknown.
        """
        await tasks.check(change.RESOLVE, task)
        seen = await look_for(context.service.runtime, context.store, context.redactor, task)
        if seen is None:
            raise RefusedError(f"task {task} was settled meanwhile")
        await context.doors.note(caller, "tasks.look", str(task), {"status": seen.status.value})
        return seen


class _Tasks:
    """What the endpoints have in common."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    async def list_page(
        self, sought: TaskFilter, limit: int, before: int | None, *, is_counted: bool
    ) -> dict[str, Any]:
        """Return a page of tasks."""
        found = await self._store.tasks.search(sought, limit=limit, before_id=before)
        rows = found.rows
        is_full = len(rows) == limit
        last = rows[-1].id if is_full else None if found.is_complete else found.scanned_to
        return {
            "tasks": [self._show_row(describe_row(row)) for row in rows],
            "next_before": last,
            "count": await self._store.tasks.count(sought) if is_counted else None,
            "is_complete": found.is_complete and not is_full,
        }

    async def tell(self, task: int) -> dict[str, Any]:
        """Return all that is known of a task.

        Raises:
            UnknownNameError: There is none.
        """
        detail = await self._find(task)
        runtime = self._context.service.runtime
        reshaped = await reshape(runtime, self._store, detail)
        show = self._show
        return {
            **self._show_row(describe_row(detail.row)),
            "meaning": MEANINGS[detail.row.status],
            "ways": find_ways(detail.row),
            "record": show(decode_value(detail.record)),
            "value": None if detail.value is None else show(decode_value(detail.value)),
            "reshaped": self._show_reshaped(detail, reshaped),
            "attempts_made": self._show_attempts(detail),
        }

    async def check(self, wanted: Change, task: int, *, may_repeat: bool = True) -> None:
        """Do nothing where something can be done to a task.

        Raises:
            UnknownNameError: There is no such task.
            RefusedError: It stands otherwise, or something would be done twice.
        """
        refusals = await change.find_refusals(self._store, wanted, [task])
        if not refusals and not may_repeat:
            meant = TaskFilter(ids=(task,), statuses=wanted.allowed)
            refusals = await change.find_half_done(self._store, meant)
        for refusal in refusals:
            if refusal.status is None:
                raise _no_task(task)
            status = refusal.status.value
            raise RefusedError(
                f"task {task} is {status} and cannot be {wanted.done}: {refusal.reason}", cure=refusal.cure
            )

    async def end_one(
        self, caller: Caller, action: str, task: int, changed: Changed, detail: dict[str, Any]
    ) -> dict[str, Any]:
        """Write down what was done to one task, and return it as it stands now.

        Raises:
            RefusedError: It was not done, since the task changed meanwhile.
        """
        row = (await self._find(task)).row
        if not changed.number:
            raise RefusedError(f"task {task} is {row.status.value} by now, and was left alone", cure="look at it anew")
        await self._context.doors.note(caller, action, str(task), {**detail, "route": row.route})
        self._context.service.wake(row.route)
        return self._show_row(describe_row(row))

    async def end(self, caller: Caller, action: str, wanted: Bulk, changed: Changed) -> dict[str, Any]:
        """Write down what was done to many tasks, and return how many."""
        if not changed.is_dry:
            asked = wanted.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"dry_run"})
            await self._context.doors.note(caller, action, "", {"changed": changed.number, **asked})
            for route in self._context.service.project.routes:
                if wanted.filter.route in {None, route}:
                    self._context.service.wake(route)
        return {
            "changed": changed.number,
            "dry_run": changed.is_dry,
            "unknown_left_alone": changed.unknown,
            "half_done_left_alone": changed.half_done,
            "refusals": changed.refusals,
        }

    async def _find(self, task: int) -> TaskDetail:
        detail = await self._store.tasks.show(task)
        if detail is None:
            raise _no_task(task)
        return detail

    def _show_reshaped(self, detail: TaskDetail, reshaped: Reshaped) -> dict[str, Any]:
        client = self._find_client(detail.row.route)
        project = self._context.service.project
        return {
            "obstacle": self._context.redactor.mask_text(reshaped.obstacle),
            "steps": [self._show(describe_step(step)) for step in reshaped.steps],
            "previews": [
                {
                    **self._show(describe_preview(preview)),
                    "call": self._context.redactor.mask_text(as_call(project, client, preview)) if client else "",
                    "call_note": note_on_call(project, client, preview) if client else NO_ROUTE,
                }
                for preview in (
                    replace(made, payload=None if made.payload is None else self._show(made.payload))
                    for made in reshaped.previews  # masked field by field: a command is text, in which no name tells
                )
            ],
        }

    def _show_attempts(self, detail: TaskDetail) -> list[dict[str, Any]]:
        client = self._find_client(detail.row.route)
        project, mask = self._context.service.project, self._context.redactor.mask_text
        shown = []
        for attempt in detail.attempts:
            told = self._show(describe_attempt(attempt))
            for index, exchange in enumerate(attempt.exchanges):
                before = attempt.exchanges[:index]
                told["exchanges"][index] |= {
                    "call": mask(as_call(project, client, exchange, before=before)) if client else "",
                    "call_note": note_on_call(project, client, exchange, before=before) if client else NO_ROUTE,
                }
            shown.append(told)
        return shown

    def _find_client(self, route: str) -> str:
        plan = self._context.service.project.routes.get(route)
        return "" if plan is None else plan.outgoing.call.target.client

    def _show_row(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return a row without secrets; `key` is the name of a field here, and not of a secret."""
        mask = self._context.redactor.mask_text
        return {name: mask(value) if isinstance(value, str) else value for name, value in told.items()}

    def _show(self, value: Any) -> Any:
        return show_value(value, self._context.redactor)


def _no_task(task: int) -> UnknownNameError:
    return UnknownNameError(f"there is no task {task}", cure="GET /api/v1/tasks lists those there are")
