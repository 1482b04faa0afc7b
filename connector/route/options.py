"""What a user writes under `routes`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from connector.config.options import Options, Seconds, Steps, Template, not_accepted, unfit
from connector.config.quantity import parse_duration
from connector.config.shape import Kind

Reference = Annotated[Any, Kind("a name, or a mapping of its keys")]
"""What is written elsewhere and named here, or written in place."""


class BackoffOptions(Options):
    """The first wait and the longest one."""

    first: Seconds = Field(timedelta(seconds=1), description="Wait after the first failed try.")
    longest: Seconds = Field(timedelta(seconds=30), description="Ceiling of every wait, `Retry-After` included.")

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

    attempts: int = Field(3, description="Tries in all; 1 means no second try.", ge=1, le=100)
    backoff: Annotated[BackoffOptions, BeforeValidator(_parse_backoff)] = Field(
        BackoffOptions(), description="The first wait and the longest one; it doubles in between.", examples=["1s..30s"]
    )


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
        description="Template of a record's identity: records of one key are sent one after another, in their order.",
        examples=["{{ record.reference }}"],
    )
    transform: Steps = Field([], description="Steps on each record, between the two.")
    retry: RetryOptions = Field(RetryOptions(), description="When a record is tried again.")
    concurrency: int = Field(
        4,
        description="How many records are on their way at once; never more than the client has sessions.",
        ge=1,
        le=1024,
    )
