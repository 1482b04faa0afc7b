"""Steps and what they made of a record, as answers have them: for tasks, and for what is tried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from connector.desk.shown import show_value
from connector.server.api.fields import Answer, Json

if TYPE_CHECKING:
    from connector.desk.steps import Failure, Step
    from connector.redaction import Redactor


class FailureModel(Answer):
    """Why a step could not be carried out."""

    reason: str
    cure: str | None
    where: str = Field(
        description="The part of the step that failed.", examples=["routes.orders.transform[1].set.total"]
    )
    file: str = Field(description="Where that is written; `steps` in a try-out.")
    line: int = Field(description="From 1; 0 where there are no lines.")
    column: int = Field(description="From 1; 0 where there are no lines.")


class StepModel(Answer):
    """One step, and what it made of the records that came to it."""

    owner: str = Field(description="Whose it is: `incoming`, `route`, `outgoing` or `try-out`.")
    number: int = Field(description="Its place among those, from 1.")
    kind: str = Field(description="What it is.", examples=["set"])
    where: str = Field(description="Its place in the configuration.", examples=["routes.orders.transform[1]"])
    file: str
    line: int
    column: int
    text: str = Field(description="The step as YAML.")
    state: str = Field(description="`done`, `failed` or `not reached`.")
    before: list[Json] = Field(description="The records that came to it.")
    after: list[Json] = Field(description="The records it made of them: none where it left them out.")
    failure: FailureModel | None


def describe_step(step: Step, redactor: Redactor) -> dict[str, Any]:
    """Return a step as JSON, the records without secrets."""
    return {
        "owner": step.owner,
        "number": step.number,
        "kind": step.kind,
        "where": step.where,
        "file": step.spot.file,
        "line": step.spot.line,
        "column": step.spot.column,
        "text": step.text,
        "state": step.state,
        "before": [show_value(record, redactor) for record in step.before],
        "after": [show_value(record, redactor) for record in step.after],
        "failure": None if step.failure is None else describe_failure(step.failure),
    }


def describe_failure(failure: Failure) -> dict[str, Any]:
    """Return why a step failed, as JSON."""
    return {
        "reason": failure.reason,
        "cure": failure.cure,
        "where": failure.where,
        "file": failure.spot.file,
        "line": failure.spot.line,
        "column": failure.spot.column,
    }
