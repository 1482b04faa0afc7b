"""What a user writes under `incoming`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from connector.call.options import CallOptions
from connector.config.options import Options, Seconds, Steps, Text, not_accepted, unfit
from connector.config.quantity import format_duration, parse_duration
from connector.config.shape import Kind

_OVERLAP: Final = "a duration such as 5m, or a whole number"
_START: Final = "text or a number"


def _read_overlap(value: object) -> timedelta | int:
    """Return what lies behind a cursor and is read again: a duration for times, a number for numbers."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit():
        return int(text)
    duration = parse_duration(text)
    if duration is None:
        raise not_accepted(_OVERLAP)
    return duration


def _write_overlap(value: timedelta | int) -> str | int:
    return format_duration(value) if isinstance(value, timedelta) else value


def _refuse_truth(value: object) -> object:
    if isinstance(value, bool):
        raise not_accepted(_START)
    return value


class SubscriberOptions(CallOptions):
    """Where records come from: a call, and the records in its answer."""


class WalkOptions(Options):
    """Asking for id after id, where a remote system cannot list what it has.

    `state.id` is the one to ask for. It is missing where a call that names it is refused, or the answer has no record;
    any other failure ends the run, and the next one goes on at that very id.
    """

    start: int = Field(1, description="The first id of all.", ge=0)
    gap: int = Field(
        25, description="How many ids in a row may be missing before the run takes it for the end.", ge=1, le=100_000
    )
    budget: int = Field(500, description="Most ids that one run asks for; the next one goes on behind them.", ge=2)
    overlap: int = Field(
        0, description="How many of the last ids each run asks for once more, to see what has changed.", ge=0
    )
    into: Text | None = Field(
        None,
        description="Field of each record that takes the id, for answers that do not repeat it.",
        examples=["order_id"],
    )

    @model_validator(mode="after")
    def _budget_reaches_beyond_the_gap(self) -> WalkOptions:
        least = self.gap + self.overlap + 1
        if self.budget < least:
            raise unfit(
                f"a budget of {self.budget} is spent before a gap of {self.gap} is passed, so that the walk would "
                f"never get beyond one; accepted is {least} or more",
                "budget",
            )
        return self


class StateOptions(Options):
    """How far an incoming has read: a cursor, or a walk through ids.

    ```yaml
    incoming:
      orders:
        subscriber:
          client: erp
          route: orders/search
          effect: read
          data: {modified_from: "{{ state.cursor }}"}
          records: $.orders[*]
        state: {cursor: $.modified_at, start: "2026-01-01 00:00:00", overlap: 5m}
    ```

    The cursor is the highest value that stood at the path in any record. It is kept together with the tasks made of
    the records, so that neither is ever ahead of the other. Since the last stretch may be read again, every route that
    takes the records needs a `key`.
    """

    cursor: Text | None = Field(
        None,
        description="Path of the value, in a record as the remote system gives it, that says how far was read: a time, "
        "a number, or text that sorts. `state.cursor` in the subscriber is where to go on.",
        examples=["$.modified_at"],
    )
    start: Annotated[str | int | float | None, BeforeValidator(_refuse_truth), Kind(_START)] = Field(
        None,
        description="What `state.cursor` is before anything was read, written as the records have it; left out, null.",
        examples=["2026-01-01 00:00:00"],
    )
    overlap: Annotated[
        timedelta | int,
        BeforeValidator(_read_overlap),
        PlainSerializer(_write_overlap, when_used="json"),
        Kind(_OVERLAP),
    ] = Field(
        0,
        description="How far behind the cursor a run begins, for what comes to light late: a duration for times, a "
        "number for numbers.",
        examples=["5m"],
    )
    order: Literal["any", "ascending"] = Field(
        "any",
        description="`any`: the cursor moves when the last page was read. `ascending`: the remote system gives records "
        "sorted by it, so that it moves page by page, and a run that breaks off goes on where it was.",
    )
    walk: WalkOptions | None = Field(None, description="Id after id, in place of `cursor`.")

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> StateOptions:
        if (self.cursor is None) == (self.walk is None):
            found = "neither" if self.cursor is None else "both"
            raise unfit(f"found {found} of cursor and walk, accepted is exactly one")
        for key in ("start", "overlap", "order"):
            if self.walk is not None and key in self.model_fields_set:
                raise unfit(f"{key} goes with cursor; a walk has keys of its own", key)
        return self


class ScheduleOptions(Options):
    """When a worker fetches the records by itself.

    ```yaml
    incoming:
      orders:
        schedule: {cron: "*/15 6-22 * * MON-FRI", timezone: Europe/London}
    ```
    """

    cron: Text | None = Field(
        None,
        description="Minute, hour, day of the month, month and day of the week, as cron has them. Where clocks are put "
        "forward, what falls into the hour left out is done right after it; where they are put back, once.",
        examples=["*/15 * * * *", "30 2 * * *"],
    )
    timezone: Text | None = Field(
        None,
        description="With `cron`: whose clock is meant, by its IANA name; left out, UTC.",
        examples=["Europe/London"],
    )
    every: Seconds | None = Field(
        None,
        description="In place of `cron`: how often, counted from 1970-01-01 00:00 UTC, so that all machines agree.",
        examples=["15m"],
    )
    missed: Literal["all", "last", "none"] = Field(
        "last",
        description="What is done about times that passed while no worker ran: `all` of them one after another, the "
        "`last` one, `none`. A time counts as missed when it is more than a minute ago.",
    )
    overlap: Literal["skip", "queue"] = Field(
        "skip", description="When the last fetch still goes on: the time is passed over (`skip`), or waits (`queue`)."
    )

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> ScheduleOptions:
        if (self.cron is None) == (self.every is None):
            raise unfit(
                f"found {'neither' if self.cron is None else 'both'} of cron and every, accepted is exactly one"
            )
        if self.every is not None and self.timezone is not None:
            raise unfit("timezone goes with cron; an interval is the same everywhere", "timezone")
        if self.every is not None and (self.every < timedelta(seconds=1) or self.every.microseconds):
            raise unfit("found a part of a second, accepted are whole seconds, 1s or more", "every")
        return self


Webhook = Annotated[Any, Kind("a mapping of its keys")]
"""The keys of a webhook. `connector.app.project` has them checked, and puts the checked ones in their place."""


class IncomingOptions(Options):
    """Where records come from, and what is done to each of them.

    Exactly one of `subscriber`, which asks for them, and `webhook`, to which they are sent, is written.

    ```yaml
    incoming:
      points:
        subscriber: {client: shop, entity: reward.maximum}
        transform:
          - set: {seen_at: "{{ now() | iso }}"}
    ```
    """

    subscriber: SubscriberOptions | None = Field(None, description="The call that asks for the records.")
    webhook: Webhook | None = Field(
        None, description="In place of `subscriber`: the address that another system sends the records to."
    )
    transform: Steps = Field([], description="Steps on each record.")
    state: StateOptions | None = Field(
        None, description="How far was read, kept from run to run; left out, each run asks for the same."
    )
    schedule: ScheduleOptions | None = Field(
        None, description="When `connector worker` fetches; left out, `connector run` alone does."
    )

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> IncomingOptions:
        if (self.subscriber is None) == (self.webhook is None):
            found = "neither" if self.subscriber is None else "both"
            raise unfit(f"found {found} of subscriber and webhook, accepted is exactly one")
        for key in ("state", "schedule"):
            if self.webhook is not None and getattr(self, key) is not None:
                raise unfit(f"{key} goes with subscriber: what comes to a webhook is not fetched", key)
        return self
