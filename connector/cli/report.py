"""What became of the records of a run: each failure as it happens, a progress bar, the counts at the end."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from connector.cli.screen import align, count, format_seconds
from connector.request import Verdict
from connector.route.result import Status, Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.cli.progress import Progress
    from connector.cli.screen import Screen
    from connector.route.result import Result

MOST_LISTED: Final = 1000
"""How many failures a JSON summary lists; all of them are told on standard error."""

_TOLD: Final = frozenset({Status.FAILED, Status.UNKNOWN})


class RunReport:
    """Follows one run. Give it every result, then show its end."""

    def __init__(
        self,
        name: str,
        screen: Screen,
        *,
        progress: Progress | None = None,
        is_dry: bool = False,
        find_line: Callable[[int], int] | None = None,
        on_result: Callable[[Result, int | None], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            name: Of the route.
            screen: Where to write.
            progress: The bar to move, or None.
            is_dry: Whether nothing is sent.
            find_line: Returns the number of the line, from 1, that gave the record of an index; None where records
                come from no lines.
            on_result: Called with every result as well, and the number of its line.
        """
        self.name = name
        self.counts = Summary()
        self.failures: list[dict[str, Any]] = []
        self._screen = screen
        self._progress = progress
        self._is_dry = is_dry
        self._find_line = find_line
        self._would_send = 0
        self._on_result = on_result
        self._started_s = time.monotonic()

    def take(self, result: Result, *, line: int | None = None) -> None:
        """Count a result, and tell it where it is no success.

        Args:
            result: Of one record.
            line: Number of its line, from 1; found by the index where left out.
        """
        if line is None and self._find_line is not None:
            line = self._find_line(result.index)
        self.counts.add(result)
        self._would_send += bool(result.previews)
        if result.status in _TOLD:
            if len(self.failures) < MOST_LISTED:
                self.failures.append(describe_result(result, line, mask=self._screen.mask))
            self._screen.tell(_describe_failure(result, line))
        if self._on_result is not None:
            self._on_result(result, line)
        if self._progress is not None:
            self._progress.move(self.counts.statuses.total(), self._describe_counts())

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
        lines += align(rows) if rows else []
        if self._is_dry:
            lines.append(f"dry run: {count(self._would_send, 'record')} would be sent, nothing was")
        if counts.verdicts:
            lines.append("verdicts: " + _join(dict(sorted(counts.verdicts.items()))) + self._explain_unknown())
        return lines

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


def _describe_failure(result: Result, line: int | None) -> str:
    label = f"index {result.index}" if line is None else f"line {line}"
    parts = [f"{result.status.value}: {label}"]
    if result.key is not None:
        parts.append(f'key "{result.key}"')
    verdict = "" if result.verdict is None else result.verdict.value
    if result.verdict is Verdict.UNKNOWN and result.status is Status.FAILED:
        verdict = "no answer"  # nothing can have been committed, so nobody has to look
    step = f"at {result.step}" if result.step else ""
    what = f"{verdict} {step}".strip()
    if what:
        parts.append(what)
    return f"{', '.join(parts)}: {result.reason}"


def describe_result(result: Result, line: int | None = None, *, mask: Callable[[str], str]) -> dict[str, Any]:
    """Return a result as JSON, its record told by `index`, from 0, or by `line`, from 1, where it came as one.

    Args:
        result: Of one record.
        line: Number of its line, or None.
        mask: Takes the secrets out of what is told about the record; its answer is shown as it came.
    """
    return {
        **({"index": result.index} if line is None else {"line": line}),
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
