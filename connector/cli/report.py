"""What became of the records of a run: each failure as it happens, a progress bar, the counts at the end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from connector.cli.screen import align, count, format_seconds
from connector.desk.moment import show_distance
from connector.frozen import dataclass
from connector.request import Verdict
from connector.route.result import Status, Summary
from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from connector.cli.progress import Progress
    from connector.cli.screen import Screen
    from connector.route.result import Result

MOST_LISTED: Final = 1000
"""How many failures a JSON summary lists; all of them are told on standard error."""

_TOLD: Final = frozenset({Status.FAILED, Status.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Place:
    """Which of a run's records a result is of.

    Attributes:
        index: From 0; None where a line tells it, or where it came in with an earlier run.
        line: Number of its line, from 1; None where it came as none.
    """

    index: int | None = None
    line: int | None = None

    def describe(self) -> dict[str, int]:
        """Return it as JSON; empty for a record of an earlier run."""
        if self.line is not None:
            return {"line": self.line}
        return {} if self.index is None else {"index": self.index}


@dataclass(frozen=True, slots=True)
class Remains:
    """What a run leaves behind in the store.

    Attributes:
        duplicates: Records left out because the route knows their key.
        updated: Records that a task took which was there already.
        others: New tasks of other routes that take the records of the same incoming, by route.
        left: Tasks of this route that are open and not unknown, by status.
        unknown: Tasks of this route whose outcome is unknown, those of earlier runs included.
        next_due_ms: Milliseconds until the next of them is tried; None where none waits for its time.
    """

    duplicates: int = 0
    updated: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[TaskStatus, int] = field(default_factory=dict)
    unknown: int = 0
    next_due_ms: int | None = None


class RunReport:
    """Follows one run. Give it every result, then show its end.

    Attributes:
        name: Of the route.
        counts: Of the results so far.
        earlier: How many of them are of records that came in with earlier runs.
        failures: Those that are no success, as JSON, up to a bound.
        remains: What the run leaves behind in the store, once that is known; None where nothing is stored.
    """

    def __init__(
        self,
        name: str,
        screen: Screen,
        *,
        progress: Progress | None = None,
        is_dry: bool = False,
        find_line: Callable[[int], int] | None = None,
        on_result: Callable[[Result, Place], None] | None = None,
        on_duplicate: Callable[[str | None, Place], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            name: Of the route.
            screen: Where to write.
            progress: The bar to move, or None.
            is_dry: Whether nothing is sent.
            find_line: Returns the number of the line, from 1, that gave the record of an index; None where records
                come from no lines.
            on_result: Called with every result as well, and which record it is of.
            on_duplicate: Called with the key of every record that the route knows, and which it is.
        """
        self.name = name
        self.counts = Summary()
        self.earlier = 0
        self.remains: Remains | None = None
        self.failures: list[dict[str, Any]] = []
        self._screen = screen
        self._progress = progress
        self._is_dry = is_dry
        self._find_line = find_line
        self._would_send = 0
        self._on_result = on_result
        self._on_duplicate = on_duplicate
        self._started_s = time.monotonic()

    def take(self, result: Result, *, line: int | None = None, is_earlier: bool = False) -> None:
        """Count a result, and tell it where it is no success.

        Args:
            result: Of one record.
            line: Number of its line, from 1; found by the index where left out.
            is_earlier: Whether its record came in with an earlier run, so that it has no place in this one.
        """
        if line is None and self._find_line is not None and not is_earlier:
            line = self._find_line(result.index)
        self.counts.add(result)
        self.earlier += is_earlier
        self._would_send += bool(result.previews)
        place = Place(None if is_earlier or line is not None else result.index, line)
        if result.status in _TOLD:
            if len(self.failures) < MOST_LISTED:
                self.failures.append(describe_result(result, place, mask=self._screen.mask))
            self._screen.tell(_describe_failure(result, place))
        if self._on_result is not None:
            self._on_result(result, place)
        if self._progress is not None:
            self._progress.move(self.counts.statuses.total(), self._describe_counts())

    def leave_out(self, index: int, key: str | None) -> None:
        """Take note of a record that was left out because the route knows its key.

        Args:
            index: Of the record.
            key: Its key.
        """
        if self._on_duplicate is not None:
            line = None if self._find_line is None else self._find_line(index)
            self._on_duplicate(key, Place(index if line is None else None, line))

    def close(self, summary: Summary | None = None) -> Summary:
        """Return the counts of the whole run.

        Args:
            summary: What the run returned; None where it broke off, so that only results are known.
        """
        self.counts.taken = self.counts.statuses.total() if summary is None else summary.taken
        self.counts.stopped = None if summary is None else summary.stopped
        return self.counts

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON, with what failed."""
        counts = self.counts
        told = counts.failed + counts.unknown
        return {
            "route": self.name,
            "taken": counts.taken,
            "statuses": {status.value: counts.statuses[status] for status in Status},
            **({} if self.remains is None else self._describe_remains(self.remains)),
            "verdicts": dict(sorted(counts.verdicts.items())),
            "duration_s": round(self.duration_s, 3),
            "stopped": None if counts.stopped is None else self._screen.mask(str(counts.stopped)),
            "failures": self.failures,
            "failures_not_listed": told - len(self.failures),
        }

    def to_lines(self) -> list[str]:
        """Return the counts as lines for people."""
        counts, seconds = self.counts, self.duration_s
        taken = count(counts.taken, "record")
        lines = [f"{self.name}: {taken} in {format_seconds(seconds)}"]
        statuses = counts.statuses - Counter({Status.SKIPPED: self._would_send})
        rows = [(f"  {status.value}", f"{statuses[status]:,}") for status in Status if statuses[status]]
        if self.remains is not None:
            rows += self._list_remains(self.remains)
        lines += align(rows) if rows else []
        if self._is_dry:
            lines.append(f"dry run: {count(self._would_send, 'record')} would be sent, nothing was")
        if counts.verdicts:
            lines.append("verdicts: " + _join(dict(sorted(counts.verdicts.items()))) + self._explain_unknown())
        return lines

    def _list_remains(self, remains: Remains) -> Iterator[tuple[str, str]]:
        """Yield a row for what was left out or put off, with what is to be known about it."""
        if remains.duplicates:
            yield "  duplicate", f"{remains.duplicates:,}  the route knows their keys"
        if remains.updated:
            yield "  update", f"{remains.updated:,}  taken by tasks that had not been sent"
        for status, number in remains.left.items():
            is_next = status is TaskStatus.RETRY and remains.next_due_ms is not None
            when = f"  the next in {show_distance(remains.next_due_ms or 0)}" if is_next else ""
            yield f"  {status.value}", f"{number:,}{when}"

    def _describe_remains(self, remains: Remains) -> dict[str, Any]:
        return {
            "duplicates": remains.duplicates,
            "updated": remains.updated,
            "earlier": self.earlier,
            "left": {status.value: number for status, number in remains.left.items()},
            "unknown": remains.unknown,
            "next_due_s": None if remains.next_due_ms is None else round(max(remains.next_due_ms, 0) / 1000, 3),
            "other_routes": dict(remains.others),
        }

    @property
    def duration_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started_s

    def _explain_unknown(self) -> str:
        """Return what an unanswered question is, beside a commit of which nobody knows what came."""
        harmless = self.counts.verdicts[Verdict.UNKNOWN.value] - self.counts.unknown
        if harmless <= 0:
            return ""
        return f" (of the unknown, {harmless:,} cannot have committed anything)"

    def _describe_counts(self) -> str:
        return _join({status.value: self.counts.statuses[status] for status in Status if self.counts.statuses[status]})


def _describe_failure(result: Result, place: Place) -> str:
    labels = []
    if place.line is not None:
        labels.append(f"line {place.line}")
    if result.task is not None:
        labels.append(f"task {result.task}")
    elif place.index is not None:
        labels.append(f"index {place.index}")
    if result.key is not None:
        labels.append(f'key "{result.key}"')
    verdict = "" if result.verdict is None else result.verdict.value
    if result.verdict is Verdict.UNKNOWN and result.status is Status.FAILED:
        verdict = "no answer"  # nothing can have been committed, so nobody has to look
    step = f"at {result.step}" if result.step else ""
    what = f"{verdict} {step}".strip()
    if what:
        labels.append(what)
    return f"{result.status.value}: {', '.join(labels)}: {result.reason}"


def describe_result(result: Result, place: Place | None = None, *, mask: Callable[[str], str]) -> dict[str, Any]:
    """Return a result as JSON, its record told by `index`, from 0, or by `line`, from 1, where it came as one.

    Args:
        result: Of one record.
        place: Which record it is of; the one of its index where left out.
        mask: Takes the secrets out of what is told about the record; its answer is shown as it came.
    """
    return {
        **(place or Place(result.index)).describe(),
        **({} if result.task is None else {"task": result.task}),
        "key": None if result.key is None else mask(result.key),
        "status": result.status.value,
        "verdict": None if result.verdict is None else result.verdict.value,
        "step": mask(result.step),
        "reason": mask(result.reason),
        "attempts": result.attempts,
        "recovery": None if result.recovery is None else result.recovery.value,
        "value": result.value,
    }


def _join(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())
