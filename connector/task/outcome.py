"""What an attempt came to, and what that makes of its task: decisions without a clock or a database.

| What happened | The task becomes |
| --- | --- |
| sent, and answered with a success | `finished` |
| a filter left all of it out | `skipped` |
| failed, and nothing was changed (`Recovery.RETRY`) | `retry`, due after a wait; `failed` after the last try |
| failed for good (`Recovery.PARK`) | `failed` |
| a commit of which nobody saw the answer | `unknown` |
| every record would fail like this (`Recovery.ABORT`) | `new`, and the route stops; `failed` where half done |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.errors import Recovery
from connector.frozen import dataclass
from connector.request import Verdict
from connector.route.result import FILTERED, Result, Status
from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from random import Random

    from connector.retry import RetryPolicy
    from connector.route.result import Failure
    from connector.store.rows import Claimed, NewTask
    from connector.transform.ledger import Put

_ENDS: Final = {
    TaskStatus.FINISHED: Status.FINISHED,
    TaskStatus.SKIPPED: Status.SKIPPED,
    TaskStatus.FAILED: Status.FAILED,
    TaskStatus.UNKNOWN: Status.UNKNOWN,
}
"""What is told about a task that will not be tried again by itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to.

    Attributes:
        status: What the task becomes.
        wait_ms: With `retry`: how long until it is tried again. With `unknown`: how long until it is looked for, None
            for never by itself. Milliseconds.
        verdict: Of the last call, or None.
        step: Where it ended; empty for a success.
        reason: Why; empty for a success.
        cure: What to do about it, or None.
        value: The decoded last answer.
        puts: What is to be kept in the value store together with a success.
        becomes: New tasks that take its place.
        recovery: What can be done with a record that failed, else None.
        done: Names of the steps that committed before it failed.
        stops: Whether every other record of the route would fail like this one.
    """

    status: TaskStatus
    wait_ms: int | None = None
    verdict: Verdict | None = None
    step: str = ""
    reason: str = ""
    cure: str | None = None
    value: Any = None
    puts: tuple[Put, ...] = ()
    becomes: tuple[NewTask, ...] = ()
    recovery: Recovery | None = None
    done: tuple[str, ...] = ()
    stops: bool = False

    def result(self, claimed: Claimed) -> Result | None:
        """Return what is told about the task; None while it goes on."""
        status = _ENDS.get(self.status)
        if status is None:
            return None
        reason = f"{self.reason}; {self.cure}" if self.cure else self.reason
        return Result(
            claimed.position,
            claimed.key,
            status,
            self.verdict,
            self.step,
            reason,
            claimed.attempt,
            self.value,
            self.recovery,
            done=self.done,
            task=claimed.id,
        )


SKIPPED: Final = Outcome(TaskStatus.SKIPPED, reason=FILTERED)
"""A filter left out all there was to send."""

RELEASED: Final = Outcome(TaskStatus.NEW, reason="the worker was stopped before anything was sent")
"""Nothing was wrong with it, and nothing has left."""


PAUSED: Final = Outcome(TaskStatus.NEW, reason="the worker was stopped between two parcels")
"""Some of its parcels were sent, and the next one can be begun at any time. No failure: it costs no try."""


_GONE_ON: Final = "its record went on as another task"
"""What would be done twice by another try of a task that gave way."""


def give_way(made: tuple[NewTask, ...]) -> Outcome:
    """Return the end of a task that held its record as it came, and was shaped again.

    Args:
        made: The tasks that take its place; none where a filter left the record out.
    """
    if not made:
        return SKIPPED
    tasks = "1 task takes" if len(made) == 1 else f"{len(made)} tasks take"
    return Outcome(
        TaskStatus.SKIPPED,
        reason=f"the record was shaped again: {tasks} the place of this one, where the route does not know the key",
        becomes=made,
        done=(_GONE_ON,),
    )


def judge(
    failure: Failure, *, tries: int, policy: RetryPolicy, random: Random, look_wait_ms: int | None, sent: str = ""
) -> Outcome:
    """Return what a failure makes of a task.

    Args:
        failure: What the error says.
        tries: Number of the try that failed, from 1.
        policy: When a task is tried again.
        random: Source of the jitter.
        look_wait_ms: When an unknown outcome is looked for; None where nobody can be asked.
        sent: What of the record had been sent before, such as `2 of 5 parcels`; empty for nothing.
    """
    status, wait_ms, stops = TaskStatus.FAILED, None, False
    match failure.recovery:
        case _ if failure.status is Status.UNKNOWN:
            status, wait_ms = TaskStatus.UNKNOWN, look_wait_ms
        case Recovery.ABORT:
            stops = True
            if not failure.done:
                status = TaskStatus.NEW
        case Recovery.RETRY:
            delay = policy.delay(tries, asked_s=failure.asked_s, random=random)
            if delay is not None:
                status, wait_ms = TaskStatus.RETRY, round(delay.total_seconds() * 1000)
        case Recovery.SKIP:
            status = TaskStatus.SKIPPED
        case Recovery.PARK:
            pass
    reason = f"{failure.reason} (sent before: {sent})" if sent else failure.reason
    return Outcome(
        status,
        wait_ms,
        failure.verdict,
        failure.step,
        reason,
        failure.cure,
        recovery=failure.recovery,
        done=failure.done,
        stops=stops,
    )


def break_down(error: Exception, *, step: str | None, look_wait_ms: int | None) -> Outcome:
    """Return the outcome of an attempt that a fault of this program ended.

    Args:
        error: The fault.
        step: Name of the step whose request had left by then; None where none had.
        look_wait_ms: As `judge`.
    """
    is_unknown = step is not None
    return Outcome(
        TaskStatus.UNKNOWN if is_unknown else TaskStatus.FAILED,
        look_wait_ms if is_unknown else None,
        step=step or "",
        reason=f"a fault of this program: {type(error).__name__}: {error}",
        cure="please report it; the log has the traceback",
        recovery=Recovery.PARK,
    )


def interrupt(step: str, *, look_wait_ms: int | None) -> Outcome:
    """Return the outcome of an attempt that was broken off after a request that commits had left.

    Args:
        step: Name of the step that left.
        look_wait_ms: As `judge`.
    """
    return Outcome(
        TaskStatus.UNKNOWN,
        look_wait_ms,
        step=step,
        reason="interrupted after it was sent",
        cure="look on the other side whether it was done, before sending it again",
        recovery=Recovery.PARK,
    )
