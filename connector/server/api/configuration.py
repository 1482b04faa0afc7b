"""The configuration: checked, put in force, and steps of it tried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request as HttpRequest  # noqa: TC002 - FastAPI reads the annotations

from connector.desk.json_text import encode_json
from connector.desk.shown import show_value
from connector.desk.steps import describe_failure, describe_step
from connector.desk.transform import LONGEST
from connector.desk.trial import Trials
from connector.record_codec import decode_value
from connector.server.api.fields import Answer, Json, Request
from connector.server.api.problem import FaultModel, answer_problem, describe_fault, tell_responses
from connector.server.api.steps import FailureModel, StepModel
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role

if TYPE_CHECKING:
    from connector.server.context import Context

TAG: Final = "configuration"

_EXAMPLE: Final = '- set: {total: "{{ record.price * record.quantity }}"}'


class TryOut(Request):
    """Steps, and a record they are tried on."""

    steps: str = Field(max_length=LONGEST, description="YAML: a list of steps.", examples=[_EXAMPLE])
    record: dict[str, Json] | str = Field(
        description="A record: an object, or the JSON text of one, so that what is wrong with it can be told by line.",
        examples=[{"price": 12.5, "quantity": 2}],
    )


class Stored(Answer):
    """What a step would keep in the value store."""

    store: str
    key: str
    value: Json


class Tried(Answer):
    """What came of it."""

    is_done: bool = Field(description="Whether the record came through, or was left out on purpose.")
    faults: list[FaultModel] = Field(description="What is wrong with the texts; nothing was run then.")
    steps: list[StepModel] = Field(description="Each step, with the records before and after it.")
    records: list[Json] = Field(description="What came out: none where it was left out, several where it was split.")
    stored: list[Stored] = Field(description="What would be kept in the value store once that is sent.")
    failure: FailureModel | None = Field(description="Why a step could not be carried out.")
    notes: list[str]


class Checked(Answer):
    """Whether the configuration as it lies on disk could be put in force."""

    is_valid: bool
    faults: list[FaultModel]
    warnings: list[FaultModel] = Field(description="What is no fault, and most likely not meant.")


class Reloaded(Answer):
    """The configuration that is in force."""

    generation: int = Field(description="It grows with each configuration that is put in force.")


def add_endpoints(router: APIRouter, context: Context) -> None:
    """Add what can be asked about the configuration."""
    reader, operator = Depends(context.doors.api(Role.READ)), Depends(context.doors.api(Role.OPERATE))
    trials = Trials()

    @router.post(
        "/transform", tags=[TAG], operation_id="try_transform", response_model=Tried, responses=tell_responses()
    )
    async def try_transform(wanted: TryOut, _caller: Caller = reader) -> Any:
        """Try steps out on a record: the result of each, or what is wrong with them, with line and column.

        The same engine as when records are sent. Stored values are read, and none is kept; `${NAME}` is text here.
        """
        record = wanted.record if isinstance(wanted.record, str) else encode_json(wanted.record).decode()
        tried = await trials.run(wanted.steps, record, source=context.store.state, redactor=context.redactor)
        walked = tried.walked
        return {
            "is_done": not tried.faults and walked.failure is None,
            "faults": [describe_fault(fault) for fault in tried.faults],
            "steps": [show_value(describe_step(step), context.redactor) for step in walked.steps],
            "records": [show_value(one, context.redactor) for one in tried.records],
            "stored": [
                {"store": put.store, "key": put.key, "value": show_value(decode_value(put.value), context.redactor)}
                for shaped in walked.shaped
                for put in shaped.puts
            ],
            "failure": None if walked.failure is None else describe_failure(walked.failure),
            "notes": list(tried.notes),
        }

    @router.post(
        "/validate",
        tags=[TAG],
        operation_id="validate_configuration",
        response_model=Checked,
        responses=tell_responses(),
    )
    async def validate(_caller: Caller = reader) -> Any:
        """Check the configuration as it lies on disk, all files at once; the one in force goes on."""
        checked = await context.service.check_configuration()
        return {
            "is_valid": not checked.faults,
            "faults": [show_value(describe_fault(fault), context.redactor) for fault in checked.faults],
            "warnings": [show_value(describe_fault(fault), context.redactor) for fault in checked.warnings],
        }

    @router.post(
        "/reload",
        tags=[TAG],
        operation_id="reload_configuration",
        response_model=Reloaded,
        responses=tell_responses(409),
    )
    async def reload(request: HttpRequest, caller: Caller = operator) -> Any:
        """Put the configuration in force as it lies on disk.

        Where it has a fault, 409 tells all of them, and the one in force goes on as if nothing had been asked.
        """
        reloaded = await context.service.reload(caller.name)
        outcome = "done" if reloaded.is_done else "refused"
        await context.doors.note(caller, "reload", "", {"generation": reloaded.generation}, outcome=outcome)
        if reloaded.is_done:
            return {"generation": reloaded.generation}
        return answer_problem(
            request.scope,
            409,
            "the configuration has faults, and the one before goes on",
            kind="faults",
            cure="put them right, then reload; POST /api/v1/validate checks without reloading",
            faults=[describe_fault(fault) for fault in reloaded.faults],
            redactor=context.redactor,
        )
