"""What a user writes to describe one call: the keys that a subscriber and a publisher share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from connector.config.options import Options, Steps, unfit
from connector.config.shape import Kind

EffectName = Literal["read", "session", "commit"]


StepName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
    Kind("a name of letters, digits and _ that begins with no digit"),
]
"""What templates can speak of: `steps.<name>`."""


class TargetOptions(Options):
    """What to call: an entity of the catalog, or a route that is not in it."""

    entity: str | None = Field(
        None,
        description="Entity of the client's catalog, by id or by title.",
        examples=["shipping.methods", "Shipping - Returning available shipping methods"],
    )
    route: str | None = Field(
        None,
        description="A route that the catalog does not list, in place of `entity`.",
        examples=["api/my_extension/do"],
    )
    effect: EffectName | None = Field(
        None,
        description="With `route`: what the call changes. Taken as `read` in a subscriber and `commit` in a publisher "
        "where it is left out; a `commit` is never sent twice without proof that the first did nothing.",
    )
    data: dict[str, Any] | None = Field(
        None,
        description="The payload; texts may be templates. Left out in a publisher: the record itself, where the entity "
        "takes fields or `transform` is written; a step of `before` sends the record only with a `transform`. In a "
        "subscriber: nothing.",
    )
    transform: Steps = Field([], description="Steps on the payload, after `data`.")

    @model_validator(mode="after")
    def _exactly_one_target(self) -> TargetOptions:
        if (self.entity is None) == (self.route is None):
            found = "neither" if self.entity is None else "both"
            raise unfit(f"found {found} of entity and route, accepted is exactly one")
        if self.effect is not None and self.route is None:
            raise unfit("effect goes with route; the effect of an entity is known", "effect")
        return self


class StepOptions(TargetOptions):
    """One step ahead of the call, in the same session."""

    name: StepName | None = Field(
        None,
        description="Under which its answer is found as `steps.<name>`. Left out: the entity's id with `_` for `.`, "
        "and `_2`, `_3` … where it repeats.",
    )


class CallOptions(TargetOptions):
    """One call, as subscribers and publishers share it."""

    client: str = Field(description="Name of the client to call.")
    before: list[StepOptions] = Field(
        [], description="Steps in the same session, ahead of the call; each may use earlier answers."
    )
    pagination: Annotated[Any, Kind("none, or a mapping with one strategy")] = Field(
        "none", description="How to ask for further pages: `none`, or one of the strategies."
    )
    records: str | None = Field(
        None, description="JSONPath of the records in the answer. Left out: the entity's own, else the whole answer."
    )
