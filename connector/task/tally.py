"""What became of attempts in this process, counted by route: whole numbers that only grow, for whoever looks at them.

Counting costs an attempt less than a microsecond, and nothing at all where nobody wants it (`RouteWork.tally`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Final

from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from connector.task.outcome import Outcome

BOUNDS_MS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000)
"""Upper bounds of the durations that are told apart, inclusive, milliseconds; longer ones come after them."""

NO_VERDICT: Final = "none"
"""In place of a verdict where nothing was called: a filter left the record out."""

_SETTLED: Final = frozenset({TaskStatus.FINISHED, TaskStatus.SKIPPED, TaskStatus.FAILED, TaskStatus.UNKNOWN})


class RouteTally:
    """The attempts of one route.

    Attributes:
        results: How many attempts settled their task, by status and verdict. Where there was no answer to blame, the
            verdict is `half_done` where something was committed for the record before, `not_sent` where nothing was.
        retries: How many ended so that their task is tried again.
        durations: How many took how long: one count a bound, not added up, and the longer ones last.
        total_ms: How long all of them took together, milliseconds.
    """

    __slots__ = ("durations", "results", "retries", "total_ms")

    def __init__(self) -> None:
        self.results: Counter[tuple[str, str]] = Counter()
        self.retries = 0
        self.durations = [0] * (len(BOUNDS_MS) + 1)
        self.total_ms = 0

    def add(self, outcome: Outcome, duration_ms: int) -> None:
        """Count an attempt that has ended. One that was only broken off by a stop is none.

        Args:
            outcome: What it came to.
            duration_ms: From its beginning to its end, steps and all exchanges included.
        """
        status = outcome.status
        if status in _SETTLED:
            self.results[status.value, _tell_verdict(outcome)] += 1
        elif status is TaskStatus.RETRY:
            self.retries += 1
        else:
            return
        self.durations[bisect_left(BOUNDS_MS, duration_ms)] += 1
        self.total_ms += max(duration_ms, 0)


class Tally:
    """All routes of a process; it outlives a reload of the configuration, since counts may never go back.

    Attributes:
        routes: By name, those that were ever delivered.
    """

    def __init__(self) -> None:
        self.routes: dict[str, RouteTally] = {}

    def of(self, route: str) -> RouteTally:
        """Return what counts a route, for its `RouteWork`."""
        return self.routes.setdefault(route, RouteTally())


def _tell_verdict(outcome: Outcome) -> str:
    if outcome.verdict is not None:
        return outcome.verdict.value
    if outcome.status is TaskStatus.FAILED:
        return "half_done" if outcome.done else "not_sent"
    return NO_VERDICT
