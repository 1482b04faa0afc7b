"""What became of a record: its result, the counts of a run, and what an error says about the record it met.

A run in the foreground and a stored task tell the same story in the same words, so both read errors here.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass as mutable_dataclass
from dataclasses import field
from typing import TYPE_CHECKING, Any

from connector.errors import CallError, PayloadError, PublisherError, Recovery, TransformError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from connector.errors import ConnectorError
    from connector.publisher.publisher import Preview
    from connector.request import Verdict

FILTERED = "a filter left it out"
"""Why a record was skipped that a filter left out."""


class Status(enum.StrEnum):
    """What became of a record."""

    FINISHED = "finished"
    SKIPPED = "skipped"  # a filter left it out
    FAILED = "failed"
    UNKNOWN = "unknown"  # sent, and nobody knows what came of it


@dataclass(frozen=True, slots=True)
class Result:
    """One record's fate.

    Attributes:
        index: Place of the incoming record, from 0; records split from one share it.
        key: The record's identity by the route's `key`, or None.
        status: What became of it.
        verdict: The verdict of the last call, or None where the record failed by itself or was left out.
        step: Where it failed: a step's name or a transform's place; empty for a success.
        reason: Why, in one sentence; empty for a success.
        attempts: How many times it was tried.
        value: The decoded last answer.
        recovery: What can be done with a record that failed, else None.
        previews: In a dry run: what would have been sent.
        done: Names of the steps that committed before it failed.
        task: Number of its task; None where nothing is stored.
    """

    index: int
    key: str | None
    status: Status
    verdict: Verdict | None = None
    step: str = ""
    reason: str = ""
    attempts: int = 1
    value: Any = None
    recovery: Recovery | None = None
    previews: tuple[Preview, ...] = ()
    done: tuple[str, ...] = ()
    task: int | None = None


@mutable_dataclass(slots=True)
class Summary:
    """Counts of one run.

    Attributes:
        taken: Records taken from the incoming.
        statuses: Results by status.
        verdicts: Results by verdict; a record that failed by itself, with no answer to blame, counts under
            `half_done` where something was committed for it before, and under `not_sent` where nothing was.
        stopped: Why the run ended before all records were tried, or None.
    """

    taken: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    stopped: ConnectorError | None = None

    def add(self, result: Result) -> None:
        """Count one result."""
        self.statuses[result.status] += 1
        if result.verdict is not None:
            self.verdicts[result.verdict.value] += 1
        elif result.status is Status.FAILED:
            self.verdicts["half_done" if result.done else "not_sent"] += 1

    @property
    def failed(self) -> int:
        """Records that failed, unknown outcomes not counted."""
        return self.statuses[Status.FAILED]

    @property
    def unknown(self) -> int:
        """Records of which nobody knows what became."""
        return self.statuses[Status.UNKNOWN]


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error says about the record it met.

    Attributes:
        status: `failed`, or `unknown` where something may have been committed that nobody saw.
        verdict: The verdict of the last call; None where the record failed by itself.
        step: Where it failed: a step's name, a transform's place or an entity; may be empty.
        reason: Why, without the step.
        cure: What to do about it, or None.
        recovery: What can be done with the record.
        done: Names of the steps that committed before.
        asked_s: Seconds that the remote system asked to be left alone (`Retry-After`), or None.
    """

    status: Status
    verdict: Verdict | None
    step: str
    reason: str
    cure: str | None
    recovery: Recovery
    done: tuple[str, ...] = ()
    asked_s: float | None = None

    @property
    def told(self) -> str:
        """Why, and what to do about it."""
        return f"{self.reason}; {self.cure}" if self.cure else self.reason

    def result(self, index: int, key: str | None, attempts: int, *, task: int | None = None) -> Result:
        """Return it as the result of a record that is not tried again."""
        return Result(
            index,
            key,
            self.status,
            self.verdict,
            self.step,
            self.told,
            attempts,
            recovery=self.recovery,
            done=self.done,
            task=task,
        )


def read_failure(error: ConnectorError) -> Failure:
    """Return what an error says about the record it met."""
    status, recovery, cure = Status.FAILED, error.recovery, error.cure
    match error:
        case CallError():
            answer = error.answer
            if error.is_unknown:
                status = Status.UNKNOWN
            reason = error.message.removeprefix(f"{error.step}: ")
            asked_s = answer.retry_after_s
            return Failure(status, answer.verdict, error.step, reason, cure, recovery, error.done, asked_s)
        case PublisherError():
            reason = error.message.removeprefix(f"{error.step}: ") if error.step else error.message
            return Failure(status, None, error.step, reason, cure, recovery, error.done)
        case TransformError():
            return Failure(status, None, error.step, error.message, cure, recovery)
        case PayloadError():
            return Failure(status, None, error.entity, error.message, cure, recovery)
        case _:
            return Failure(status, None, "", error.message, cure, recovery)
