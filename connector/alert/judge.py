"""What needs a person: decided of figures, without a clock, a database or a network.

One piece of code for all who say so: the dashboard's overview, the JSON API, `/metrics`, and the webhooks under
`alerts:`. What counts as too much is in `Conditions`; where nobody has said, `STANDARD` holds.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from connector.frozen import dataclass
from connector.store.rows import RouteState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

FETCH_FAILED_WORDS: Final = "failed"
"""How the result of a scheduled fetch begins that failed."""

_MINUTE_MS: Final = 60_000
_UNITS: Final = (("day", 86_400_000), ("hour", 3_600_000), ("minute", _MINUTE_MS), ("second", 1000))


class AlarmKind(enum.StrEnum):
    """What can be wrong."""

    ROUTE_STOPPED = "route_stopped"  # every record would fail the same way
    UNKNOWN_OUTCOME = "unknown_outcome"  # sent, and nobody saw what came of it
    FETCH_FAILED = "fetch_failed"  # the last scheduled fetch of an incoming
    FAILURES = "failures"  # more than there may be
    QUEUE_AGE = "queue_age"  # something waits for too long


@dataclass(frozen=True, slots=True)
class FailureRate:
    """How many failures are too many.

    Attributes:
        above: The share of what was settled, 0 to 1; exactly that much is not too many.
        within_ms: Of what was settled within so long.
        at_least: With fewer settled tasks than this, nothing is said: one of two is no rate.
    """

    above: float = 0.1
    within_ms: int = 15 * _MINUTE_MS
    at_least: int = 20


@dataclass(frozen=True, slots=True)
class Conditions:
    """What somebody wants to be told of.

    Attributes:
        route_stopped: Whether of routes that have stopped themselves.
        unknown_outcome: Whether of outcomes that nobody has seen.
        fetch_failed: Whether of scheduled fetches that fail.
        failures: Of how many failures, or None for never.
        queue_age_ms: Of tasks that wait for longer than this, or None for never. Routes that a person paused, and those
            that stopped, do not count: it is known why they wait.
    """

    route_stopped: bool = False
    unknown_outcome: bool = False
    fetch_failed: bool = False
    failures: FailureRate | None = None
    queue_age_ms: int | None = None


STANDARD: Final = Conditions(
    route_stopped=True,
    unknown_outcome=True,
    fetch_failed=True,
    failures=FailureRate(),
    queue_age_ms=30 * _MINUTE_MS,
)
"""What counts as wrong where nobody has said otherwise."""


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """How a route stands.

    Attributes:
        name: Its name.
        state: Whether it is delivered.
        reason: Why it is not; empty for an active one.
        since_ms: Since when it is in this state, or None.
        unknown: How many outcomes nobody has seen.
        oldest_ms: When the oldest task was made that waits to be sent or is on its way, or None where none is.
    """

    name: str
    state: RouteState = RouteState.ACTIVE
    reason: str = ""
    since_ms: int | None = None
    unknown: int = 0
    oldest_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What tasks of a route came to within some time.

    Attributes:
        finished: How many were sent.
        failed: How many failed for good.
        unknown: Of how many nobody knows.
    """

    finished: int = 0
    failed: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All of them; what a filter left out was never tried, and does not count."""
        return self.finished + self.failed + self.unknown


@dataclass(frozen=True, slots=True)
class FetchFigures:
    """How the last fetch of an incoming went.

    Attributes:
        incoming: Under which its state is kept.
        routes: Those that take its records.
        result: What came of it, in one sentence; empty while it goes on.
        started_ms: When it began, or None where there was none.
    """

    incoming: str
    routes: tuple[str, ...]
    result: str
    started_ms: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is to judge by.

    Attributes:
        now_ms: When they were read, ms since the epoch.
        routes: Every route.
        settled: What was settled, by how long ago it began to be counted, and route.
        fetches: Every incoming that has a schedule.
    """

    now_ms: int
    routes: tuple[RouteFigures, ...] = ()
    settled: Mapping[int, Mapping[str, Settled]] = field(default_factory=dict)
    fetches: tuple[FetchFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that needs a person.

    Attributes:
        kind: What it is.
        subject: The route it is about; the incoming with `fetch_failed`.
        text: What is wrong, in words, without a full stop and without a time of day; the reason is in it.
        reason: The part of it that somebody else has said, such as a shop; may be empty.
        cure: What to do about it; may name a command.
        since_ms: Since when, or None where that is not known.
        count: How many tasks it is about; 0 where it is not about tasks.
        detail: The figures behind it, JSON values by name.
    """

    kind: AlarmKind
    subject: str
    text: str
    reason: str
    cure: str
    since_ms: int | None
    count: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)


def judge(figures: Figures, conditions: Conditions = STANDARD, *, routes: Collection[str] | None = None) -> list[Alarm]:
    """Return what needs a person, what is worst first, then by name.

    Args:
        figures: How things stand; `settled` has what `conditions.failures` counts within.
        conditions: What counts as wrong.
        routes: Those that are looked at, and the incomings that feed them; all of them where left out.
    """
    meant = [route for route in figures.routes if routes is None or route.name in routes]
    alarms: list[Alarm] = []
    if conditions.route_stopped:
        alarms += _find_stopped(meant)
    if conditions.unknown_outcome:
        alarms += _find_unknown(meant)
    if conditions.fetch_failed:
        fetches = (one for one in figures.fetches if routes is None or not set(routes).isdisjoint(one.routes))
        alarms += map(_tell_fetch, filter(_has_failed, fetches))
    if conditions.failures is not None:
        alarms += _find_failures(meant, figures, conditions.failures)
    if conditions.queue_age_ms is not None:
        alarms += _find_old(meant, figures.now_ms, conditions.queue_age_ms)
    return sort_alarms(alarms)


def sort_alarms(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Return alarms, what is worst first, then by name."""
    order = list(AlarmKind)
    return sorted(alarms, key=lambda alarm: (order.index(alarm.kind), alarm.subject))


def say_duration(duration_ms: int) -> str:
    """Return a duration in words, rounded down to its largest unit: `31 minutes`, `1 day`."""
    for unit, length_ms in _UNITS:
        number = duration_ms // length_ms
        if number:
            return f"1 {unit}" if number == 1 else f"{number:,} {unit}s"
    return "less than a second"


def _find_stopped(routes: Collection[RouteFigures]) -> Iterator[Alarm]:
    for route in routes:
        if route.state is not RouteState.STOPPED:
            continue
        reason = " ".join(route.reason.split())
        text = f"{route.name} has stopped itself" + (f": {reason}" if reason else "")
        cure = f"put that right, then: connector routes resume {route.name}"
        yield Alarm(AlarmKind.ROUTE_STOPPED, route.name, text, reason, cure, route.since_ms)


def _find_unknown(routes: Collection[RouteFigures]) -> Iterator[Alarm]:
    for route in routes:
        if not route.unknown:
            continue
        were = "1 task was" if route.unknown == 1 else f"{route.unknown:,} tasks were"
        text = f"{route.name}: {were} sent, and nobody has seen what came of it"
        cure = (
            "look on the other side, then say what became of it: connector tasks list "
            f"--route {route.name} --status unknown"
        )
        detail = {"unknown": route.unknown}
        yield Alarm(AlarmKind.UNKNOWN_OUTCOME, route.name, text, "", cure, None, route.unknown, detail)


def _has_failed(fetch: FetchFigures) -> bool:
    return fetch.result.startswith(FETCH_FAILED_WORDS)


def _tell_fetch(fetch: FetchFigures) -> Alarm:
    reason = " ".join(fetch.result.removeprefix(FETCH_FAILED_WORDS).removeprefix(":").split())
    text = f"the last fetch of {fetch.incoming} failed" + (f": {reason}" if reason else "")
    cure = f"put that right; it is fetched again when it is due, or now: connector run {fetch.incoming}"
    return Alarm(AlarmKind.FETCH_FAILED, fetch.incoming, text, reason, cure, fetch.started_ms)


def _find_failures(routes: Collection[RouteFigures], figures: Figures, rate: FailureRate) -> Iterator[Alarm]:
    settled = figures.settled.get(rate.within_ms, {})
    for route in routes:
        counts = settled.get(route.name, Settled())
        if counts.total < max(rate.at_least, 1) or counts.failed <= rate.above * counts.total:
            continue
        text = (
            f"{route.name}: {counts.failed:,} of {counts.total:,} tasks failed within the last "
            f"{say_duration(rate.within_ms)}"
        )
        cure = f"see why: connector tasks list --route {route.name} --status failed"
        detail = {
            "failed": counts.failed,
            "settled": counts.total,
            "above": rate.above,
            "within_s": rate.within_ms / 1000,
        }
        yield Alarm(AlarmKind.FAILURES, route.name, text, "", cure, None, counts.failed, detail)


def _find_old(routes: Collection[RouteFigures], now_ms: int, longest_ms: int) -> Iterator[Alarm]:
    for route in routes:
        if route.state is not RouteState.ACTIVE or route.oldest_ms is None:
            continue
        age_ms = now_ms - route.oldest_ms
        if age_ms <= longest_ms:
            continue
        text = f"{route.name}: the oldest task has waited for {say_duration(age_ms)}"
        cure = f"see what it waits for: connector tasks list --route {route.name} --older {longest_ms // _MINUTE_MS}m"
        detail = {"age_s": age_ms // 1000, "above_s": longest_ms // 1000}
        yield Alarm(AlarmKind.QUEUE_AGE, route.name, text, "", cure, route.oldest_ms + longest_ms, 0, detail)
