"""What a person wants done with tasks: which of them it concerns, and why it cannot concern others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connector.frozen import dataclass
from connector.store.rows import Resolution, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.store.rows import TaskFilter
    from connector.store.store import Store

MOST_REFUSED: Final = 100
"""Refusals that are told one by one; there may be more."""

UNKNOWN_CURE: Final = "say what became of it, or have it looked for"
HALF_DONE_CURE: Final = "look what the other side has; skip it, or allow for what was carried out to be done again"


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change.

    Attributes:
        done: What is done to a task, such as `left out`.
        told: The same, as it is told afterwards: `will be tried again`.
        allowed: The statuses in which a task can have it done.
        unasked: Those of them that are meant where neither an id nor a status was given.
        obstacles: Why it cannot be done to a task that stands otherwise.
    """

    done: str
    told: str
    allowed: tuple[TaskStatus, ...]
    unasked: tuple[TaskStatus, ...]
    obstacles: Mapping[TaskStatus, str]


RETRY: Final = Change(
    done="tried again",
    told="will be tried again",
    allowed=(TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.RETRY),
    unasked=(TaskStatus.FAILED, TaskStatus.RETRY),  # what was left out on purpose stays left out
    obstacles={
        TaskStatus.UNKNOWN: "it was sent, and nobody has seen what came of it; sending it again might do it twice",
        TaskStatus.FINISHED: "it was sent, and would be there twice",
        TaskStatus.NEW: "it has its turn as it is",
        TaskStatus.WAITING: "it has its turn after the earlier ones of its key",
        TaskStatus.PROCESSING: "a worker has it in hand",
    },
)
SKIP: Final = Change(
    done="left out",
    told="left out",
    allowed=(TaskStatus.NEW, TaskStatus.RETRY, TaskStatus.WAITING, TaskStatus.FAILED),
    unasked=(TaskStatus.NEW, TaskStatus.RETRY, TaskStatus.WAITING, TaskStatus.FAILED),
    obstacles={
        TaskStatus.UNKNOWN: "it was sent, and nobody has seen what came of it",
        TaskStatus.FINISHED: "it was sent",
        TaskStatus.SKIPPED: "it is left out as it is",
        TaskStatus.PROCESSING: "a worker has it in hand",
    },
)
RESOLVE: Final = Change(
    done="resolved",
    told="resolved",
    allowed=(TaskStatus.UNKNOWN,),
    unasked=(TaskStatus.UNKNOWN,),
    obstacles={status: "its outcome is known" for status in TaskStatus if status is not TaskStatus.UNKNOWN},
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A task that was named, and to which it cannot be done.

    Attributes:
        task: Its id.
        status: Where it stands; None where there is no such task.
        reason: Why it cannot be done, one sentence.
        cure: What can be done in place of it, or None.
    """

    task: int
    status: TaskStatus | None
    reason: str
    cure: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change.

    Attributes:
        number: To how many tasks it was done, or would be.
        is_dry: Whether nothing was changed.
        unknown: How many of those meant were left alone because nobody knows what became of them.
        half_done: How many were left alone because a part of them was carried out, and would be done twice.
        refusals: Of those named by their ids, the first ones to which it was not done.
    """

    number: int
    is_dry: bool
    unknown: int = 0
    half_done: int = 0
    refusals: tuple[Refusal, ...] = ()


async def retry(
    store: Store, sought: TaskFilter, *, may_repeat: bool = False, limit: int | None = None, is_dry: bool = False
) -> Changed:
    """Have tasks tried again, now; those that cannot be are left alone, and counted.

    Args:
        store: Where they are kept.
        sought: Which are meant.
        may_repeat: Whether what was carried out already may be done a second time.
        limit: At most so many, the oldest first.
        is_dry: Whether nothing is changed.
    """
    meant, refusals = await _choose(store, RETRY, sought, may_repeat=may_repeat)
    number = await store.tasks.retry(meant, may_repeat=may_repeat, limit=limit, is_dry=is_dry) if _is_any(meant) else 0
    return await _count(store, RETRY, sought, meant, number, refusals, may_repeat=may_repeat, is_dry=is_dry)


async def skip(
    store: Store, sought: TaskFilter, *, by: str, reason: str, limit: int | None = None, is_dry: bool = False
) -> Changed:
    """Leave tasks out for good. As `retry`.

    Args:
        store: Where they are kept.
        sought: Which are meant.
        by: Who wants it.
        reason: Why; it is kept with the task.
        limit: At most so many, the oldest first.
        is_dry: Whether nothing is changed.
    """
    meant, refusals = await _choose(store, SKIP, sought)
    kept = tell_skipped(by, reason)
    number = await store.tasks.skip(meant, kept, limit=limit, is_dry=is_dry) if _is_any(meant) else 0
    return await _count(store, SKIP, sought, meant, number, refusals, may_repeat=True, is_dry=is_dry)


async def resolve(
    store: Store,
    sought: TaskFilter,
    outcome: Resolution,
    *,
    by: str,
    reason: str = "",
    may_repeat: bool = False,
    limit: int | None = None,
    is_dry: bool = False,
) -> Changed:
    """Say what became of tasks whose outcome is unknown. As `retry`.

    Args:
        store: Where they are kept.
        sought: Which are meant.
        outcome: What became of them.
        by: Who says so.
        reason: What was seen; it is kept with the task.
        may_repeat: With `retry`: whether what was carried out already may be done a second time.
        limit: At most so many, the oldest first.
        is_dry: Whether nothing is changed.
    """
    is_free = may_repeat or outcome is not Resolution.RETRY
    meant, refusals = await _choose(store, RESOLVE, sought, may_repeat=is_free)
    number = 0
    if _is_any(meant):
        number = await store.tasks.resolve(
            meant, outcome, by=by, reason=reason, may_repeat=is_free, limit=limit, is_dry=is_dry
        )
    return await _count(store, RESOLVE, sought, meant, number, refusals, may_repeat=is_free, is_dry=is_dry)


def tell_skipped(by: str, reason: str) -> str:
    """Return what is kept with a task that a person left out."""
    return f"left out by {by}: {reason}"


def narrow(change: Change, sought: TaskFilter) -> TaskFilter:
    """Return the filter for those tasks that are meant and allow a change; see `Change.unasked`."""
    if sought.statuses:
        return replace(sought, statuses=tuple(status for status in sought.statuses if status in change.allowed))
    return replace(sought, statuses=change.allowed if sought.ids else change.unasked)


async def find_refusals(store: Store, change: Change, ids: Sequence[int]) -> list[Refusal]:
    """Return those of the tasks named by their ids that are not there, or stand so that it cannot be done to them."""
    found = await store.tasks.statuses(ids) if ids else {}
    return [
        Refusal(
            task,
            found.get(task),
            f"there is no task {task}" if task not in found else change.obstacles[found[task]],
            UNKNOWN_CURE if found.get(task) is TaskStatus.UNKNOWN else None,
        )
        for task in ids
        if found.get(task) not in change.allowed
    ]


async def find_half_done(store: Store, meant: TaskFilter, *, limit: int = MOST_REFUSED) -> list[Refusal]:
    """Return tasks of which a part was carried out that would be done twice, the oldest first."""
    rows = await store.tasks.find(replace(meant, is_half_done=True), limit=limit)
    return [
        Refusal(row.id, row.status, f"{row.done} would be done twice, it was carried out already", HALF_DONE_CURE)
        for row in reversed(rows)
    ]


async def _choose(
    store: Store, change: Change, sought: TaskFilter, *, may_repeat: bool = True
) -> tuple[TaskFilter, list[Refusal]]:
    meant = narrow(change, sought)
    if not sought.ids:
        return meant, []
    refusals = await find_refusals(store, change, sought.ids)
    if not may_repeat and _is_any(meant):
        refusals += await find_half_done(store, meant)
    return meant, refusals


def _is_any(meant: TaskFilter) -> bool:
    return bool(meant.statuses)  # none: the statuses that were asked for do not allow it


async def _count(
    store: Store,
    change: Change,
    sought: TaskFilter,
    meant: TaskFilter,
    number: int,
    refusals: list[Refusal],
    *,
    may_repeat: bool,
    is_dry: bool,
) -> Changed:
    """Return what came of it, with how many of those meant were left alone."""
    unknown = half_done = 0
    if not sought.ids:
        if TaskStatus.UNKNOWN not in change.allowed and (not sought.statuses or TaskStatus.UNKNOWN in sought.statuses):
            unknown = await store.tasks.count(replace(sought, statuses=(TaskStatus.UNKNOWN,)))
        if not may_repeat and _is_any(meant):
            half_done = await store.tasks.count(replace(meant, is_half_done=True))
    return Changed(number, is_dry, unknown, half_done, tuple(refusals[:MOST_REFUSED]))
