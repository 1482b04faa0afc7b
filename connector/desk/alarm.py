"""What is wrong with an installation just now, in plain words, each with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from connector.desk.moment import show_distance, show_local, to_iso
from connector.frozen import dataclass
from connector.store.rows import RouteState, TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.desk.route import Route
    from connector.store.store import Store

Kind: TypeAlias = Literal["route_stopped", "route_paused", "unknown_outcome", "failures", "queue_age", "no_worker"]
"""What is wrong. The first four that are not about a pause are what alerts can be told of, too."""

FAILURES_WITHIN_MS: Final = 15 * 60_000
FAILURES_ABOVE: Final = 0.1
FAILURES_AT_LEAST: Final = 20
"""Failures are worth an alarm above this share of so many tasks or more within so long."""

QUEUE_AGE_MS: Final = 30 * 60_000
"""A task that waits for longer than this, on a route that is delivered, is worth an alarm."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong.

    Attributes:
        kind: What it is.
        severity: `problem` where nothing gets better by itself, else `note`.
        subject: The route it is about; empty where it is about everything.
        text: What is wrong, as a person says it, without a full stop; times in it are by this machine's clock.
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


async def read_alarms(store: Store, routes: Sequence[Route]) -> list[Alarm]:
    """Return what is wrong just now, the worst first.

    Args:
        store: Has what became of the tasks.
        routes: As `read_routes` gives them.

    Raises:
        StoreError: The store cannot be used.
    """
    now_ms = store.now_ms()
    alarms = [alarm for route in routes for alarm in _judge_state(route)]
    unknown = [route for route in routes if route.counts.get(TaskStatus.UNKNOWN)]
    alarms += [await _tell_unknown(store, route) for route in unknown]
    alarms += await _judge_failures(store, now_ms)
    alarms += await _judge_age(store, routes, now_ms)
    alarms += await _judge_workers(store, routes)
    order = ("route_stopped", "unknown_outcome", "no_worker", "failures", "queue_age", "route_paused")
    return sorted(alarms, key=lambda alarm: order.index(alarm.kind))


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


def _judge_state(route: Route) -> list[Alarm]:
    row = route.row
    if row is None or row.state is RouteState.ACTIVE:
        return []
    reason = " ".join(row.reason.split())
    since = show_local(row.since_ms)
    if row.state is RouteState.STOPPED:
        text = f"{route.name} has stopped itself since {since}" + (f": {reason}" if reason else "")
        cure = f"put that right, then: connector routes resume {route.name}"
        return [Alarm("route_stopped", "problem", route.name, text, reason, cure, row.since_ms)]
    text = f"{route.name} is paused since {since} by {row.by}" + (f": {reason}" if reason else "")
    cure = f"connector routes resume {route.name}"
    return [Alarm("route_paused", "note", route.name, text, reason, cure, row.since_ms)]


async def _tell_unknown(store: Store, route: Route) -> Alarm:
    number = route.counts[TaskStatus.UNKNOWN]
    newest = await store.tasks.find(TaskFilter(route=route.name, statuses=(TaskStatus.UNKNOWN,)), limit=1)
    since_ms = newest[0].updated_at_ms if newest else None
    what = "1 task was sent" if number == 1 else f"{number:,} tasks were sent"
    text = f"{route.name}: {what}, and nobody has seen what came of it"
    reason = " ".join(newest[0].reason.split()) if newest else ""
    cure = f"look on the other side, then say what became of it: connector tasks list --route {route.name} "
    return Alarm(
        "unknown_outcome", "problem", route.name, text, reason, f"{cure}--status unknown", since_ms, count=number
    )


async def _judge_failures(store: Store, now_ms: int) -> list[Alarm]:
    """Return an alarm for each route too much of which has failed lately."""
    since_ms = now_ms - FAILURES_WITHIN_MS
    counts: dict[str, list[int]] = {}
    for row in await store.activity.read(since_ms, now_ms, FAILURES_WITHIN_MS):
        sums = counts.setdefault(row.route, [0, 0])
        sums[0] += row.failed
        sums[1] += row.finished + row.failed + row.skipped + row.unknown
    alarms = []
    for name, (failed, settled) in sorted(counts.items()):
        if settled >= FAILURES_AT_LEAST and failed > FAILURES_ABOVE * settled:
            within = show_distance(FAILURES_WITHIN_MS)
            text = f"{name}: {failed:,} of {settled:,} tasks failed within the last {within}"
            cure = f"see why: connector tasks list --route {name} --status failed"
            alarms.append(Alarm("failures", "problem", name, text, "", cure, since_ms, count=failed))
    return alarms


async def _judge_age(store: Store, routes: Sequence[Route], now_ms: int) -> list[Alarm]:
    """Return an alarm for each route that is delivered, and whose oldest task has waited for too long."""
    oldest = await store.tasks.oldest()
    alarms = []
    for route in routes:
        created_at_ms = oldest.get(route.name)
        if route.state is not RouteState.ACTIVE or created_at_ms is None or now_ms - created_at_ms < QUEUE_AGE_MS:
            continue
        text = f"{route.name}: the oldest task has waited for {show_distance(now_ms - created_at_ms)}"
        cure = f"see what it waits for: connector tasks list --route {route.name} --older 30m"
        alarms.append(Alarm("queue_age", "problem", route.name, text, "", cure, created_at_ms))
    return alarms


async def _judge_workers(store: Store, routes: Sequence[Route]) -> list[Alarm]:
    """Return an alarm where tasks wait, and nobody is there to deliver them."""
    ready = sum(route.counts.get(TaskStatus.NEW, 0) for route in routes if route.state is RouteState.ACTIVE)
    if not ready or await store.workers.alive():
        return []
    what = "1 task waits" if ready == 1 else f"{ready:,} tasks wait"
    text = f"{what} to be sent, and no worker is there to send them"
    return [Alarm("no_worker", "problem", "", text, "", "connector worker, or connector serve", None, count=ready)]
