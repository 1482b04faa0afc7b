"""What is going on: activity over time, alarms, who did what, and who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, Field

import connector
from connector.desk.alarm import describe_alarm, read_alarms
from connector.desk.moment import to_iso
from connector.desk.route import read_routes
from connector.desk.shown import show_value
from connector.server.api.fields import Answer, Before, Json, Limit, Moment, Text, to_ms
from connector.server.api.problem import tell_responses
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role

if TYPE_CHECKING:
    from connector.server.context import Context

TAG: Final = "overview"
MOST_STRETCHES: Final = 2_000
"""Stretches of one answer, for each route."""

_AGE_MS: Final = 2_000
_DAY_MS: Final = 24 * 3_600_000
_LARGEST_MS: Final = 253_402_300_799_000
_SECOND_MS: Final = 1_000


class ActivityEntry(Answer):
    """What happened on a route in a stretch of time; stretches in which nothing did are left out."""

    route: str
    at: Moment = Field(description="When the stretch begins.")
    received: int = Field(description="Tasks made.")
    finished: int
    failed: int
    skipped: int
    unknown: int
    retried: int = Field(description="Put off to be tried again.")


class Activity(Answer):
    """What happened, by route and stretch of time."""

    since: Moment
    until: Moment
    step_s: int
    activity: list[ActivityEntry]


class Alarm(Answer):
    """One thing that is wrong just now."""

    kind: str = Field(examples=["route_stopped"])
    severity: Literal["problem", "note"]
    subject: str = Field(description="The route it is about; empty: everything.")
    text: str = Field(description="What is wrong, as a person says it.")
    reason: str = Field(description="The part of it that somebody else said, such as the shop; may be empty.")
    cure: str
    since: Moment | None
    count: int = Field(description="How many tasks it is about; 0: it is not about tasks.")


class AlarmList(Answer):
    """What is wrong just now, the worst first."""

    alarms: list[Alarm]


class AuditEntry(Answer):
    """Who did what."""

    id: int
    at: Moment
    by: str
    kind: str = Field(description="`user`, `token` or `local`.")
    address: str
    action: str = Field(examples=["tasks.retry"])
    subject: str
    detail: dict[str, Json]


class AuditPage(Answer):
    """A page of entries, newest first."""

    entries: list[AuditEntry]
    next_before: int | None


class Me(Answer):
    """Who asks, and of what service."""

    name: str
    kind: str
    roles: list[str]
    address: str
    version: str = Field(description="Of this program.")
    generation: int = Field(description="Of the configuration that is in force.")


def add_endpoints(router: APIRouter, context: Context) -> None:
    """Add what can be asked about what is going on."""
    reader = Depends(context.doors.api(Role.READ))

    @router.get(
        "/activity", tags=[TAG], operation_id="read_activity", response_model=Activity, responses=tell_responses()
    )
    async def read_activity(
        since: Annotated[
            AwareDatetime | None, Query(description="From here on; a day before `until` if left out.")
        ] = None,
        until: Annotated[AwareDatetime | None, Query(description="Until here; now if left out.")] = None,
        step_s: Annotated[
            int, Query(ge=60, le=31 * 86_400, multiple_of=60, description="Length of a stretch.")
        ] = 1_800,
        route: Annotated[Text | None, Query(description="Of this route alone.")] = None,
        _caller: Caller = reader,
    ) -> Any:
        """Tell what happened over time, by route. Kept for 35 days."""
        until_ms = _clamp(context.store.now_ms() if until is None else to_ms(until))
        since_ms = _clamp(until_ms - _DAY_MS if since is None else to_ms(since))
        if since_ms > until_ms:
            raise _invalid("since", "since is later than until")
        if (until_ms - since_ms) // (step_s * _SECOND_MS) > MOST_STRETCHES:
            raise _invalid("step_s", f"that would be more than {MOST_STRETCHES:,} stretches: take longer ones")
        rows = await context.store.activity.read(since_ms, until_ms, step_s * _SECOND_MS, route)
        names = ("route", "received", "finished", "failed", "skipped", "unknown", "retried")
        return {
            "since": to_iso(since_ms),
            "until": to_iso(until_ms),
            "step_s": step_s,
            "activity": [{"at": to_iso(row.at_ms), **{name: getattr(row, name) for name in names}} for row in rows],
        }

    @router.get("/alarms", tags=[TAG], operation_id="list_alarms", response_model=AlarmList, responses=tell_responses())
    async def list_alarms(_caller: Caller = reader) -> Any:
        """Tell what is wrong just now, in plain words, with what to do about it."""
        routes = await read_routes(context.store, context.service.project, max_age_ms=_AGE_MS)
        alarms = await read_alarms(context.store, routes, context.service.project)
        return {"alarms": [show_value(describe_alarm(alarm), context.redactor) for alarm in alarms]}

    @router.get("/audit", tags=[TAG], operation_id="list_audit", response_model=AuditPage, responses=tell_responses())
    async def list_audit(
        subject: Annotated[Text | None, Query(description="Only what was done to this.")] = None,
        limit: Limit = 100,
        before: Before = None,
        _caller: Caller = reader,
    ) -> Any:
        """Tell who did what, the newest first. Kept for 400 days."""
        entries = await context.store.audit.list(limit, before, subject=subject)
        return {
            "entries": [
                {
                    "id": entry.id,
                    "at": to_iso(entry.at_ms),
                    "by": entry.by,
                    "kind": entry.kind,
                    "address": entry.address,
                    "action": entry.action,
                    "subject": entry.subject,
                    "detail": show_value(dict(entry.detail), context.redactor),
                }
                for entry in entries
            ],
            "next_before": entries[-1].id if len(entries) == limit else None,
        }

    @router.get("/me", tags=[TAG], operation_id="get_me", response_model=Me, responses=tell_responses())
    async def get_me(caller: Caller = reader) -> Any:
        """Tell who asks, what they may, and which configuration is in force."""
        return {
            "name": caller.name,
            "kind": caller.kind,
            "roles": sorted(caller.roles),
            "address": caller.address,
            "version": connector.__version__,
            "generation": context.service.generation,
        }


def _clamp(at_ms: int) -> int:
    return max(0, min(at_ms, _LARGEST_MS))


def _invalid(name: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", name), "msg": message, "type": "value_error"}])
