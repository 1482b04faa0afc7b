"""Clients: what is configured, whether they can log in, what is wrong with them, and calls that are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from connector.app.doctor.examination import examine
from connector.app.names import find_named
from connector.desk.call import describe_call, plan_call, try_call
from connector.desk.client import check_client, describe_client, describe_clients
from connector.desk.shown import show_value
from connector.desk.task import describe_preview
from connector.server.api.fields import Answer, Json, NamePath, Request, Text
from connector.server.api.problem import FaultModel, describe_fault, tell_responses
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role

if TYPE_CHECKING:
    from connector.server.context import Context

TAG: Final = "clients"
_MOST_STEPS: Final = 20


class Client(Answer):
    """Configured access to one remote system. Credentials are never told."""

    client: str = Field(examples=["shop"])
    connector: str = Field(examples=["opencart"])
    base_url: str
    dialect: str = Field(description="Which generation it speaks; `auto`: found out when it is used.")
    has_catalog: bool = Field(description="Whether its entities are listed; else calls name their route.")
    sessions: int
    routes: list[str] = Field(description="Routes that send to it.")
    incomings: list[str] = Field(description="Incomings that ask it.")


class ClientList(Answer):
    """Every client of the configuration."""

    clients: list[Client]


class Check(Answer):
    """What a log-in came to."""

    client: str
    connector: str
    base_url: str
    dialect: str
    is_dialect_found: bool = Field(description="Whether the dialect was found out by asking.")
    verdict: str | None = Field(description="`ok`; why not; or null for a client that has no log-in.")
    reason: str
    cure: str | None
    misfits: list[FaultModel] = Field(description="What the configuration asks for and the generation lacks.")
    notices: list[str] = Field(description="Warnings that the remote system printed in front of its answer.")
    duration_ms: float | None


class Finding(Answer):
    """One thing that was looked at."""

    check: str
    severity: Literal["ok", "note", "problem"]
    title: str
    cause: str | None
    cure: str | None
    where: str | None


class Examination(Answer):
    """What is wrong with a client, and what to do about it."""

    client: str
    connector: str
    base_url: str
    dialect: str
    findings: list[Finding]
    calls: int = Field(description="How many requests were sent; none of them can change anything.")


class CallStep(Request):
    """A step ahead of a call, in the same session."""

    entity: Annotated[Text, Field(min_length=1, examples=["cart.add"])]
    payload: dict[str, Json] = Field({}, examples=[{"product_id": 40}])


class Call(CallStep):
    """A call to be made."""

    before: list[CallStep] = Field([], max_length=_MOST_STEPS, description="Steps ahead of it, in the same session.")
    effect: Literal["read", "session", "commit"] | None = Field(
        None, description="With a route in place of an entity: what it counts as; `commit` where it is left out."
    )
    confirm: bool = Field(False, description="Say so where it changes anything: else it answers 409 and sends nothing.")
    dry_run: bool = Field(False, description="Tell what would be sent, and send nothing.")


class PlannedPayload(Answer):
    """One payload that would be sent."""

    step: str
    entity: str
    payload: dict[str, Json] | None
    reason: str
    dialect: str
    note: str


class FieldProblem(Answer):
    """One reason the remote system gave."""

    field: str | None
    message: str


class Called(Answer):
    """What came of a call."""

    effects: list[str] = Field(description="What its steps change: `read`, `session`, `commit`, `commit+notify`.")
    warnings: list[FaultModel]
    verdict: str | None = Field(
        description="`ok`, `empty`, `rejected`, `denied`, `lost_session`, `busy`, `unreachable`, `unknown`, `fault`; "
        "null where nothing was sent."
    )
    data: Json = Field(None, description="The answer, secrets masked.")
    errors: list[FieldProblem] = Field([])
    reason: str | None = None
    cure: str | None = None
    step: str | None = Field(None, description="The step that it came to.")
    already_carried_out: list[str] = Field([], description="Steps with effect `commit` that were carried out before.")
    notices: list[str] = Field([])
    exchange: Json = Field(None, description="The last request and its answer, masked.")
    exchanges_before: list[Json] = Field([])
    previews: list[PlannedPayload] = Field([], description="With `dry_run`: what would be sent.")


def add_endpoints(router: APIRouter, context: Context) -> None:
    """Add what can be asked about clients."""
    reader, operator = Depends(context.doors.api(Role.READ)), Depends(context.doors.api(Role.OPERATE))

    def show(value: Any) -> Any:
        return show_value(value, context.redactor)

    @router.get(
        "/clients", tags=[TAG], operation_id="list_clients", response_model=ClientList, responses=tell_responses()
    )
    async def list_clients(_caller: Caller = reader) -> Any:
        """List clients."""
        return {"clients": show(describe_clients(context.service.project))}

    @router.get(
        "/clients/{client}", tags=[TAG], operation_id="get_client", response_model=Client, responses=tell_responses(404)
    )
    async def get_client(client: NamePath, _caller: Caller = reader) -> Any:
        """Return one client."""
        project = context.service.project
        return show(describe_client(project, find_named("client", client, project.clients)))

    @router.post(
        "/clients/{client}/check",
        tags=[TAG],
        operation_id="check_client",
        response_model=Check,
        responses=tell_responses(404),
    )
    async def check(client: NamePath, caller: Caller = operator) -> Any:
        """Log in to a client and say what came of it; nothing else is sent."""
        find_named("client", client, context.service.project.clients)
        finding = await check_client(context.service.runtime, client)
        await context.doors.note(caller, "clients.check", client, {"verdict": finding["verdict"]})
        misfits = [{**misfit, "cure": misfit["hint"]} for misfit in finding["misfits"]]
        return show(finding | {"misfits": misfits})

    @router.post(
        "/clients/{client}/doctor",
        tags=[TAG],
        operation_id="examine_client",
        response_model=Examination,
        responses=tell_responses(404),
    )
    async def doctor(client: NamePath, caller: Caller = operator) -> Any:
        """Examine a client: address, generation, log-in, session, clock, speed, and what the configuration asks of it.

        Only log-ins, reads and calls that cannot succeed are sent; nothing on the other side is changed.
        """
        find_named("client", client, context.service.project.clients)
        report = await examine(context.service.runtime, client)
        await context.doors.note(caller, "clients.doctor", client, {"has_problem": report.has_problem})
        return show(report.to_json())

    @router.post(
        "/clients/{client}/call",
        tags=[TAG],
        operation_id="call_client",
        response_model=Called,
        responses=tell_responses(404, 409),
    )
    async def call(client: NamePath, wanted: Call, caller: Caller = operator) -> Any:
        """Make one call to a client and return the whole answer, whatever it is.

        A call that only reads is made at once. One that changes anything answers 409 with the type
        `urn:connector:problem:unconfirmed` unless `confirm` is true. Texts of the payload may be templates that speak
        of `steps`, the answers of earlier steps.
        """
        planned = plan_call(
            context.service.project,
            client,
            wanted.entity,
            wanted.payload,
            before=[(step.entity, step.payload) for step in wanted.before],
            effect=wanted.effect,
        )
        told: dict[str, Any] = {
            "effects": planned.effects,
            "warnings": [describe_fault(warning) for warning in planned.warnings],
        }
        if wanted.dry_run:
            previews = [describe_preview(preview) for preview in planned.preview()]
            return show(told | {"verdict": None, "previews": previews})
        called = await try_call(context.service.runtime, planned, is_confirmed=wanted.confirm)
        result = describe_call(called, context.redactor)
        facts = {"entity": called.entity, "effects": list(planned.effects), "verdict": result["verdict"]}
        await context.doors.note(caller, "clients.call", client, facts)
        return show(told | result)
