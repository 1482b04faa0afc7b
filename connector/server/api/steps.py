"""Steps and what they made of a record, as answers have them: for tasks, and for what is tried out."""

from __future__ import annotations

from pydantic import Field

from connector.server.api.fields import Answer, Json


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
