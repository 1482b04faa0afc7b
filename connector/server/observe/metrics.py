"""What this process counts for `/metrics`, and nothing but whole numbers: it is turned into text when somebody asks.

Counts only grow, and outlive a reload of the configuration. Labels are bounded: names out of the configuration, and
words of which there are few.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Final, Literal

from connector.task.tally import Tally

REQUEST_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the durations of requests that are told apart, inclusive, seconds."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
"""In place of a method or an endpoint that is none of ours: anybody can send anything."""

Door = Literal["push", "webhook"]
"""By which way records are sent in."""

IntakeOutcome = Literal["accepted", "repeated", "refused", "invalid", "overloaded", "failed"]
"""What becomes of what is sent in: tasks are made; it was known; the sender may not; it cannot be read; there is no
room just now; this program or its database failed."""


def judge_intake(status: int) -> IntakeOutcome:
    """Return what became of something that was sent in and not taken, by the status it was answered with."""
    if status in {401, 403}:
        return "refused"
    if status == 429:
        return "overloaded"
    return "failed" if status >= 500 else "invalid"


class Durations:
    """How many requests took how long.

    Attributes:
        counts: One count a bound, not added up, and the longer ones last.
        total_s: How long all of them took together, seconds.
    """

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(REQUEST_BOUNDS_S) + 1)
        self.total_s = 0.0

    def add(self, duration_s: float) -> None:
        """Count one request."""
        self.counts[bisect_left(REQUEST_BOUNDS_S, duration_s)] += 1
        self.total_s += duration_s


class Metrics:
    """The counts of a process.

    Attributes:
        tally: What became of attempts; `tally.of(route)` goes into the `RouteWork` of each route.
        intake: Deliveries that were sent in, by door, name and outcome.
        requests: Answers, by endpoint, method and status.
        request_durations: How long they took, by endpoint and method.
    """

    def __init__(self, tally: Tally | None = None) -> None:
        """Begin at zero.

        Args:
            tally: The one that the routes of this process count with.
        """
        self.tally = tally if tally is not None else Tally()
        self.intake: Counter[tuple[Door, str, IntakeOutcome]] = Counter()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.request_durations: dict[tuple[str, str], Durations] = {}

    def count_intake(self, door: Door, name: str, outcome: IntakeOutcome) -> None:
        """Count something that was sent in.

        Args:
            door: By which way it came.
            name: The route (`push`) or the incoming (`webhook`); only one the configuration has, since callers choose
                what they call.
            outcome: What became of it.
        """
        self.intake[door, name, outcome] += 1

    def count_request(self, endpoint: str, method: str, status: int, duration_s: float) -> None:
        """Count an answer.

        Args:
            endpoint: Template of the path, such as `/tasks/{id}`; `other` where nothing of ours was meant.
            method: As it was sent.
            status: HTTP status.
            duration_s: From the first byte of the head to the last one of the answer.
        """
        method = method if method in METHODS else OTHER
        self.requests[endpoint, method, status] += 1
        durations = self.request_durations.get((endpoint, method))
        if durations is None:
            durations = self.request_durations.setdefault((endpoint, method), Durations())
        durations.add(duration_s)
