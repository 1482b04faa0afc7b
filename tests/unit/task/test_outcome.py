"""What an attempt makes of its task."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from connector.errors import (
    CallError,
    ConnectorError,
    PayloadError,
    PublisherError,
    TransformError,
    UnknownEntityError,
)
from connector.request import Answer, Effect, Verdict
from connector.retry import RetryPolicy
from connector.route.result import Status, read_failure
from connector.store.rows import Claimed, TaskStatus
from connector.task.outcome import SKIPPED, Outcome, break_down, interrupt, judge

POLICY = RetryPolicy(attempts=3, first_delay=timedelta(seconds=1), longest_delay=timedelta(seconds=30))


def call_error(verdict: Verdict, *, effect: Effect = Effect.COMMIT, done: tuple[str, ...] = (), **answer: Any):
    """The error of a call."""
    return CallError("order.add", "place", effect, Answer(verdict, reason="words", **answer), done=done)


def judged(error: ConnectorError, *, tries: int = 1, look_wait_ms: int | None = None, sent: str = "") -> Outcome:
    """What an error makes of a task."""
    return judge(
        read_failure(error), tries=tries, policy=POLICY, random=Random(1), look_wait_ms=look_wait_ms, sent=sent
    )


@pytest.mark.parametrize(
    ("error", "status", "stops"),
    [
        (call_error(Verdict.REJECTED), TaskStatus.FAILED, False),
        (call_error(Verdict.FAULT), TaskStatus.FAILED, False),
        (call_error(Verdict.BUSY), TaskStatus.RETRY, False),
        (call_error(Verdict.UNREACHABLE), TaskStatus.RETRY, False),
        (call_error(Verdict.LOST_SESSION), TaskStatus.RETRY, False),
        (call_error(Verdict.BUSY, done=("first",)), TaskStatus.FAILED, False),
        (call_error(Verdict.UNKNOWN), TaskStatus.UNKNOWN, False),
        (call_error(Verdict.UNKNOWN, done=("first",)), TaskStatus.UNKNOWN, False),
        (call_error(Verdict.UNKNOWN, effect=Effect.READ), TaskStatus.RETRY, False),
        (call_error(Verdict.FAULT, is_undone=True), TaskStatus.RETRY, False),
        (call_error(Verdict.DENIED), TaskStatus.NEW, True),
        (call_error(Verdict.DENIED, done=("first",)), TaskStatus.FAILED, True),
        (UnknownEntityError("the shop lacks it"), TaskStatus.NEW, True),
        (TransformError("no such field", step="routes.out.transform[0]"), TaskStatus.FAILED, False),
        (PayloadError("order.add", ["total: missing"]), TaskStatus.FAILED, False),
        (PublisherError("no next page", done=("first",)), TaskStatus.FAILED, False),
    ],
    ids=lambda value: f"{type(value).__name__}" if isinstance(value, ConnectorError) else None,
)
def test_an_error_says_what_becomes_of_the_task(error: ConnectorError, status: TaskStatus, stops: bool):
    """Nothing that may have been committed is tried again, and nothing that every record would meet costs one."""
    outcome = judged(error)

    assert (outcome.status, outcome.stops) == (status, stops)


def test_the_last_try_is_followed_by_none():
    """The policy counts tries, and the words of the last one stay."""
    assert judged(call_error(Verdict.BUSY), tries=2).status is TaskStatus.RETRY
    last = judged(call_error(Verdict.BUSY), tries=3)

    assert (last.status, last.reason, last.step) == (TaskStatus.FAILED, "words", "place")


def test_the_wait_asked_for_is_kept_up_to_the_longest():
    """`Retry-After` counts, within what the route allows."""
    waits = [judged(call_error(Verdict.BUSY, retry_after_s=asked_s)).wait_ms for asked_s in (7.5, 3600)]

    assert waits == [7_500, 30_000]


def test_an_unknown_outcome_is_looked_for_where_somebody_can_be_asked():
    """Else it waits for a person, and for no time."""
    assert judged(call_error(Verdict.UNKNOWN), look_wait_ms=60_000).wait_ms == 60_000
    assert judged(call_error(Verdict.UNKNOWN)).wait_ms is None


def test_what_was_sent_before_is_said():
    """Whoever reads the reason sees how far it came."""
    assert judged(call_error(Verdict.REJECTED), sent="1 of 3 parcels").reason == "words (sent before: 1 of 3 parcels)"


def test_a_broken_off_commit_is_unknown():
    """Nobody waited for its answer."""
    outcome = interrupt("place", look_wait_ms=60_000)

    assert (outcome.status, outcome.step, outcome.wait_ms) == (TaskStatus.UNKNOWN, "place", 60_000)


@pytest.mark.parametrize(("step", "status"), [(None, TaskStatus.FAILED), ("place", TaskStatus.UNKNOWN)])
def test_a_fault_of_the_program_is_unknown_once_a_commit_has_left(step: str | None, status: TaskStatus):
    """Ahead of it, nothing can have happened."""
    assert break_down(ValueError("a slip"), step=step, look_wait_ms=None).status is status


def test_only_what_came_to_its_end_has_a_result():
    """A task that goes on is told when it is settled; one that did has index, key and number of its task."""
    claimed = Claimed(12, "out", "K1", b"{}", 2, 1, 0, 0, 0, "push", 4, 7)

    going_on = judged(call_error(Verdict.BUSY)).result(claimed)
    skipped = SKIPPED.result(claimed)

    assert going_on is None
    assert skipped is not None
    assert (skipped.task, skipped.index, skipped.key, skipped.status, skipped.attempts) == (
        12,
        4,
        "K1",
        Status.SKIPPED,
        2,
    )
