"""Incomings and their schedules: how far they have read, when they are fetched, and fetching them now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from connector.app.names import find_named
from connector.desk.incoming import describe_incoming, describe_schedule, read_incomings
from connector.desk.shown import show_value
from connector.server.api.fields import Answer, Json, Moment, NamePath
from connector.server.api.problem import tell_responses
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role

if TYPE_CHECKING:
    from connector.desk.incoming import IncomingState
    from connector.server.context import Context

TAG: Final = "incomings"


class Schedule(Answer):
    """When an incoming is fetched, and what came of it."""

    incoming: str = Field(examples=["new-orders"])
    routes: list[str] = Field(description="Those that take its records.")
    spec: str = Field(description="A cron expression, or `every 10m`; empty: only when it is asked for.")
    timezone: str | None = Field(description="Whose clock is meant.", examples=["Europe/Amsterdam"])
    missed: str = Field(description="What is done about missed times: `all`, `last`, `none`; empty: no schedule.")
    overlap: str = Field(description="What is done while the last fetch goes on: `skip` or `queue`.")
    next_at: Moment | None
    last_due_at: Moment | None
    last_started_at: Moment | None
    last_duration_ms: int | None
    last_result: str = Field(description="What came of the last fetch; empty while it goes on.")
    last_records: int | None
    last_tasks: int | None
    is_under_way: bool
    asked_at: Moment | None = Field(description="When somebody asked for it to be fetched now, until it begins.")
    asked_by: str | None


class Incoming(Answer):
    """Where records come from."""

    incoming: str = Field(description="Its name, or `routes.<route>` where it is written inside a route.")
    origin: Literal["subscriber", "webhook", "push"]
    client: str | None
    entity: str | None
    path: str | None = Field(description="Of a webhook, such as `/hooks/marketplace`.")
    auth: str | None = Field(description="Of a webhook: how senders show who they are.")
    routes: list[str]
    cursor: Json = Field(description="How far it has read; null for its start.")
    cursor_at: Moment | None
    schedule: Schedule | None = Field(description="Null for what cannot be fetched.")


class IncomingList(Answer):
    """Every incoming of the configuration."""

    incomings: list[Incoming]


class ScheduleList(Answer):
    """Every incoming that can be fetched."""

    schedules: list[Schedule]


def add_endpoints(router: APIRouter, context: Context) -> None:
    """Add what can be asked about incomings."""
    reader, operator = Depends(context.doors.api(Role.READ)), Depends(context.doors.api(Role.OPERATE))

    def show(state: IncomingState) -> Any:
        return show_value(describe_incoming(state), context.redactor)

    @router.get(
        "/incomings", tags=[TAG], operation_id="list_incomings", response_model=IncomingList, responses=tell_responses()
    )
    async def list_incomings(_caller: Caller = reader) -> Any:
        """List incomings: where their records come from, and how far they have read."""
        states = await read_incomings(context.service.project, context.store)
        return {"incomings": [show(state) for state in states]}

    @router.get(
        "/incomings/{name}",
        tags=[TAG],
        operation_id="get_incoming",
        response_model=Incoming,
        responses=tell_responses(404),
    )
    async def get_incoming(name: NamePath, _caller: Caller = reader) -> Any:
        """Return one incoming."""
        states = await read_incomings(context.service.project, context.store)
        return show(find_named("incoming", name, {state.name: state for state in states}))

    @router.post(
        "/incomings/{name}/run",
        tags=[TAG],
        operation_id="run_incoming",
        status_code=202,
        response_model=Schedule,
        responses=tell_responses(404, 409),
    )
    async def run_incoming(name: NamePath, caller: Caller = operator) -> Any:
        """Have an incoming fetched now, by whichever worker is free; whether it has a schedule does not matter."""
        state = await context.service.ask_fetch(name, caller.name)
        await context.doors.note(caller, "incomings.run", name, {})
        return show_value(describe_schedule(state), context.redactor)

    @router.get(
        "/schedules", tags=[TAG], operation_id="list_schedules", response_model=ScheduleList, responses=tell_responses()
    )
    async def list_schedules(_caller: Caller = reader) -> Any:
        """List what can be fetched: when it is due, and what came of the last time."""
        states = await context.service.schedules()
        return {"schedules": [show_value(describe_schedule(state), context.redactor) for state in states]}
