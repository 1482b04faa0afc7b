"""What a user writes under `routes`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from connector.config.options import Options, Seconds, Steps, Template, not_accepted, unfit
from connector.config.quantity import parse_duration
from connector.config.shape import Kind

Reference = Annotated[Any, Kind("a name, or a mapping of its keys")]
"""What is written elsewhere and named here, or written in place."""


class BackoffOptions(Options):
    """The first wait and the longest one."""

    first: Seconds = Field(timedelta(seconds=1), description="Wait after the first failed try.")
    longest: Seconds = Field(timedelta(minutes=15), description="Ceiling of every wait, `Retry-After` included.")

    @model_validator(mode="after")
    def _order(self) -> BackoffOptions:
        if self.first > self.longest:
            raise unfit("the first wait is longer than the longest")
        return self


def _parse_backoff(value: Any) -> Any:
    """`1s..30s` is the short form of `{first: 1s, longest: 30s}`."""
    if not isinstance(value, str):
        return value
    first, dots, longest = value.partition("..")
    if not dots or parse_duration(first.strip()) is None or parse_duration(longest.strip()) is None:
        raise not_accepted("a first and a longest wait, such as 1s..30s")
    return {"first": first.strip(), "longest": longest.strip()}


class RetryOptions(Options):
    """When a record is tried again: only after a failure that is known to have changed nothing."""

    attempts: int = Field(12, description="Tries in all; 1 means no second try.", ge=1, le=100)
    backoff: Annotated[BackoffOptions, BeforeValidator(_parse_backoff)] = Field(
        BackoffOptions(), description="The first wait and the longest one; it doubles in between.", examples=["1s..30s"]
    )


class RetentionOptions(Options):
    """How long tasks are kept once nothing more is done about them; open ones, unknown outcomes among them, always are.

    ```yaml
    routes:
      coupons-into-shop:
        retention: {finished: 90d, failed: forever}
    ```
    """

    finished: Seconds | Literal["forever"] = Field(
        timedelta(days=30),
        description="Tasks that were sent. A key is known for as long: with `on_duplicate: skip`, a record that is "
        "fetched again later than that is sent again.",
    )
    skipped: Seconds | Literal["forever"] = Field(timedelta(days=7), description="Tasks that were left out.")
    failed: Seconds | Literal["forever"] = Field(
        timedelta(days=90), description="Tasks that failed, and that nobody looked after."
    )

    @model_validator(mode="after")
    def _keep_for_a_while(self) -> RetentionOptions:
        for name in ("finished", "skipped", "failed"):
            if getattr(self, name) == timedelta(0):
                raise unfit("found no time at all, accepted is a time such as 30d, or forever", name)
        return self


class RouteOptions(Options):
    """The way of records from an incoming to an outgoing.

    ```yaml
    routes:
      coupons-into-shop:
        incoming: coupons
        outgoing: apply-coupon
        key: "{{ record.code }}"
    ```
    """

    incoming: Reference | None = Field(
        None,
        description="Name of an incoming, or one written in place. Left out: records come by `connector push` alone.",
    )
    outgoing: Reference = Field(description="Name of an outgoing, or one written in place.")
    key: Template | None = Field(
        None,
        description="Template of a record's identity, computed on the record as the incoming gives it: records of one "
        "key are sent one after another, in their order.",
        examples=["{{ record.reference }}"],
    )
    on_duplicate: Literal["skip", "update", "new"] = Field(
        "skip",
        description="With `key`, what becomes of a record whose key the route knows already. `skip`: it is left out, "
        "whatever became of the earlier one. `update`: a task that still waits takes the newer record; where there is "
        "none, it becomes a new task. `new`: it always becomes a new task, which waits for the earlier ones.",
    )
    transform: Steps = Field([], description="Steps on each record, between the two.")
    retry: RetryOptions = Field(RetryOptions(), description="When a record is tried again.")
    concurrency: int = Field(
        4,
        description="How many records are on their way at once; never more than the client has sessions.",
        ge=1,
        le=1024,
    )
    priority: int = Field(
        5, description="Which route goes first where a worker cannot do everything at once; higher ones do.", ge=0, le=9
    )
    retention: RetentionOptions = Field(
        RetentionOptions(), description="How long tasks are kept once nothing more is done about them."
    )
    exchanges: Literal["all", "failed", "none"] = Field(
        "all",
        description="Of which attempts the requests and answers are kept with the task, masked: of `all`, of those "
        "that did not end as `finished` (`failed`), of `none`.",
    )

    @model_validator(mode="after")
    def _duplicates_need_a_key(self) -> RouteOptions:
        if self.key is None and "on_duplicate" in self.model_fields_set:
            raise unfit(
                "on_duplicate goes with key: without one, no two records are known to be the same", "on_duplicate"
            )
        return self
