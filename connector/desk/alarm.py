"""What is wrong with an installation just now, in plain words, each with what to do about it.

What counts as wrong is decided in `connector.alert`, for whoever is told of it anywhere. Here it is looked at more
closely, and what only a person at the dashboard wants to know stands beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from connector.alert.figures import read_figures
from connector.alert.plan import judge_all, list_windows
from connector.desk.moment import to_iso
from connector.frozen import dataclass
from connector.store.rows import RouteState, TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.app.project import Project
    from connector.desk.route import Route
    from connector.store.store import Store

Kind: TypeAlias = Literal[
    "route_stopped", "unknown_outcome", "no_worker", "fetch_failed", "failures", "queue_age", "route_paused"
]
"""What is wrong. What alerts can be told of as well stands in `connector.alert.judge.AlarmKind`."""

_ORDER: Final[tuple[Kind, ...]] = (
    "route_stopped",
    "unknown_outcome",
    "no_worker",
    "fetch_failed",
    "failures",
    "queue_age",
    "route_paused",
)
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong.

    Attributes:
        kind: What it is.
        severity: `problem` where nothing gets better by itself, else `note`.
        subject: The route it is about, or the incoming (`fetch_failed`); empty where it is about everything.
        text: What is wrong, as a person says it, without a full stop and without a time of day.
        reason: The part of the text that was given by somebody else, such as a shop's own words; may be empty.
        cure: What to do about it: a sentence, or a command.
        since_ms: Since when, or None where that is not known.
        count: How many tasks it is about; 0 where it is not about tasks.
    """

    kind: Kind
    severity: Literal["problem", "note"]
    subject: str
    text: str
    reason: str
    cure: str
    since_ms: int | None
    count: int = 0


async def read_alarms(store: Store, routes: Sequence[Route], project: Project | None = None) -> list[Alarm]:
    """Return what is wrong just now, the worst first.

    Args:
        store: Has what became of the tasks.
        routes: As `read_routes` gives them.
        project: The configuration: whoever is told under `alerts` says what counts as wrong. None where it has faults.

    Raises:
        StoreError: The store cannot be used.
    """
    plans = () if project is None else tuple(project.alerts.values())
    figures = await read_figures(
        store,
        routes=[route.name for route in routes if route.is_configured is not False],
        fetches={} if project is None else project.scheduled,
        windows_ms=list_windows(plans),
    )
    alarms = [
        Alarm(
            found.kind.value,
            "problem",
            found.subject,
            found.text,
            found.reason,
            found.cure,
            found.since_ms,
            found.count,
        )
        for found in judge_all(figures, plans)
    ]
    alarms = [await _look_closely(store, alarm) for alarm in alarms]
    alarms += [_tell_pause(route) for route in routes if route.state is RouteState.PAUSED]
    alarms += await _judge_workers(store, routes)
    return sorted(alarms, key=lambda alarm: _ORDER.index(alarm.kind))


def describe_alarm(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as JSON."""
    return {
        "kind": alarm.kind,
        "severity": alarm.severity,
        "subject": alarm.subject,
        "text": alarm.text,
        "reason": alarm.reason,
        "cure": alarm.cure,
        "since": to_iso(alarm.since_ms),
        "count": alarm.count,
    }


async def _look_closely(store: Store, alarm: Alarm) -> Alarm:
    """Return an alarm about unknown outcomes with what the newest of them says."""
    if alarm.kind != "unknown_outcome":
        return alarm
    newest = await store.tasks.find(TaskFilter(route=alarm.subject, statuses=(TaskStatus.UNKNOWN,)), limit=1)
    if not newest:
        return alarm
    return replace(alarm, reason=" ".join(newest[0].reason.split()), since_ms=newest[0].updated_at_ms)


def _tell_pause(route: Route) -> Alarm:
    """Return what is told of a route that a person paused."""
    row = route.row
    reason = "" if row is None else " ".join(row.reason.split())
    text = f"{route.name} is paused" + (f" by {row.by}" if row is not None else "") + (f": {reason}" if reason else "")
    cure = f"connector routes resume {route.name}"
    return Alarm("route_paused", "note", route.name, text, reason, cure, None if row is None else row.since_ms)


async def _judge_workers(store: Store, routes: Sequence[Route]) -> list[Alarm]:
    """Return an alarm where tasks wait, and nobody is there to deliver them."""
    ready = sum(route.counts.get(TaskStatus.NEW, 0) for route in routes if route.state is RouteState.ACTIVE)
    if not ready or await store.workers.alive():
        return []
    what = "1 task waits" if ready == 1 else f"{ready:,} tasks wait"
    text = f"{what} to be sent, and no worker is there to send them"
    return [Alarm("no_worker", "problem", "", text, "", "connector worker, or connector serve", None, count=ready)]
