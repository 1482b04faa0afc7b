"""What a user writes under `alerts`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from connector.config.options import Name, Options, Seconds, Secret, not_accepted, unfit
from connector.config.shape import Kind

SHARE: Final = "a share such as 10%, below 100%"

_ADDRESS: Final = "an address that begins with https:// or http://"
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)\s*%", re.ASCII)
_SHORTEST_WINDOW: Final = timedelta(minutes=1)
_LONGEST_WINDOW: Final = timedelta(days=7)


def _read_share(value: Any) -> float:
    """Return a share as a number from 0 up to, and without, 1."""
    if isinstance(value, float) and 0 <= value < 1:
        return value
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    share = None if found is None else float(found[1]) / 100
    if share is None or share >= 1:
        bare = str(value).strip()
        raise not_accepted(SHARE, hint=f'did you mean "{bare}%"?' if _PERCENT.fullmatch(f"{bare}%") else None)
    return share


def _write_share(value: float) -> str:
    return f"{value * 100:g}%"


def _check_address(value: Secret) -> Secret:
    try:
        parts = urlsplit(value.get_secret_value())
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        is_sound = False
    if not is_sound:
        raise not_accepted(_ADDRESS)
    return value


Share = Annotated[
    float,
    BeforeValidator(_read_share),
    PlainSerializer(_write_share, return_type=str, when_used="json"),
    Kind(SHARE),
]
"""A part of a whole, written `10%`. From 0 up to 1 in Python."""


class FailuresOptions(Options):
    """How many failures are too many."""

    above: Share = Field(0.1, description="The share of settled tasks that may fail.", examples=["10%"])
    within: Seconds = Field(
        timedelta(minutes=15),
        description="Of what was settled within the last so long: a minute at least, 7 days at most.",
    )
    at_least: int = Field(
        20, description="With fewer settled tasks than this nothing is said: one of two is no rate.", ge=1
    )

    @model_validator(mode="after")
    def _keep_the_window_in_bounds(self) -> FailuresOptions:
        if not _SHORTEST_WINDOW <= self.within <= _LONGEST_WINDOW:
            raise not_accepted("a time from 1m to 7d", "within")
        return self


class QueueAgeOptions(Options):
    """How long a task may wait."""

    above: Seconds = Field(
        timedelta(minutes=30),
        description="How long the oldest open task of a route may have waited: a minute at least.",
    )

    @model_validator(mode="after")
    def _wait_for_a_while(self) -> QueueAgeOptions:
        if self.above < timedelta(minutes=1):
            raise not_accepted("a time of 1m or more", "above")
        return self


class ConditionOptions(Options):
    """A condition with figures of its own; one of the two."""

    failures: FailuresOptions | None = Field(None, description="Too many tasks of a route failed.")
    queue_age: QueueAgeOptions | None = Field(
        None, description="A task of a route waits for too long; paused and stopped routes do not count."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> ConditionOptions:
        if (self.failures is None) == (self.queue_age is None):
            raise unfit(
                f"found {'neither' if self.failures is None else 'both'} of failures and queue_age, accepted is "
                "exactly one in each entry"
            )
        return self

    @property
    def kind(self) -> str:
        """Which of the two it is."""
        return "queue_age" if self.failures is None else "failures"


Plain = Literal["route_stopped", "unknown_outcome", "fetch_failed", "failures", "queue_age"]

EVERYTHING: Final[list[Any]] = ["route_stopped", "unknown_outcome", "fetch_failed", "failures", "queue_age"]
"""What is told where nothing is chosen, with the figures that hold where none are written."""


class AlertOptions(Options):
    """A webhook that is told when something needs a person, and when it is over.

    ```yaml
    alerts:
      team-chat:
        url: ${ALERT_URL}
        on: [route_stopped, unknown_outcome, {failures: {above: 10%, within: 15m}}, {queue_age: {above: 30m}}]
        repeat: 4h
    ```
    """

    url: Annotated[Secret, AfterValidator(_check_address), Kind("a secret text: " + _ADDRESS)] = Field(
        description="Where messages are sent, by POST. Shown nowhere: the addresses of most chats are passwords."
    )
    secret: Secret | None = Field(
        None,
        description="Signs each message: `X-Connector-Signature: sha256=`, followed by the HMAC of the body in hex.",
    )
    on: list[Plain | ConditionOptions] = Field(
        EVERYTHING,
        description="What is told: `route_stopped`, a route has stopped itself; `unknown_outcome`, a record was sent "
        "and nobody saw what came of it; `fetch_failed`, the last scheduled fetch failed; `failures`; `queue_age`. "
        "The last two take figures of their own. Left out: all of them.",
        min_length=1,
    )
    routes: list[Name] | None = Field(
        None, description="Of which routes, and of the incomings that feed them; left out, of all.", min_length=1
    )
    repeat: Seconds | None = Field(
        None, description="Tell again what lasts, so often; left out, it is told once, and once when it is over."
    )
    format: Literal["full", "text"] = Field(
        "full",
        description="`full`: everything as JSON, with a `text` that chats show. `text`: that `text` alone, for "
        "receivers that refuse what they do not know.",
    )

    @model_validator(mode="after")
    def _say_each_once(self) -> AlertOptions:
        kinds = [entry if isinstance(entry, str) else entry.kind for entry in self.on]
        for number, kind in enumerate(kinds):
            if kind in kinds[:number]:
                raise unfit(f"{kind} stands here twice; where both are wanted, write a second alert", "on", number)
        if self.repeat is not None and self.repeat < timedelta(minutes=1):
            raise not_accepted("a time of 1m or more", "repeat")
        return self
