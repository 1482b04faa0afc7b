"""Tasks that were in the hands of several workers that ended: what ends with them is to end with nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.store.rows import TaskStatus
from tests.store.stage import claim, ingest, lease, report, settle, take

if TYPE_CHECKING:
    from connector.store.store import Store

DEAD_MS = 40_000


async def crash(store: Store, clock, number: int) -> None:
    """Have a worker take what is ready, and end."""
    await take(store, f"dead-{number}")
    clock.advance(DEAD_MS)


async def test_one_crash_is_nobodys_fault(store: Store, clock) -> None:
    """After a single worker that ended, tasks are claimed together as before."""
    await ingest(store, "a", "b", "c")
    await crash(store, clock, 1)

    claimed = await take(store)

    assert [(task.key, task.is_suspect) for task in claimed] == [("a", False), ("b", False), ("c", False)]


async def test_suspects_are_claimed_one_by_one(store: Store, clock) -> None:
    """After the second, each is claimed by itself, in its order."""
    await ingest(store, "a", "b")
    await crash(store, clock, 1)
    await crash(store, clock, 2)
    taken = await lease(store)

    rounds = [await claim(store, taken) for _ in range(3)]

    assert [[(task.key, task.is_suspect) for task in claimed] for claimed in rounds] == [
        [("a", True)],
        [("b", True)],
        [],
    ]


async def test_others_are_claimed_ahead_of_a_later_suspect(store: Store, clock) -> None:
    """What came before a suspect is claimed without it, and what came after it waits for its claim."""
    first, *_ = await take_with_suspect(store, clock)
    taken = await lease(store, "worker-9")

    together = await claim(store, taken)
    alone = await claim(store, taken)
    behind = await claim(store, taken)

    assert [task.id for task in together] == [first]
    assert [task.is_suspect for task in alone] == [True]
    assert [task.key for task in behind] == ["later"]


async def test_a_task_that_failed_is_no_suspect(store: Store, clock) -> None:
    """Tries that ended with an answer say nothing against a task."""
    await ingest(store, "a", "b")
    for number in range(3):
        claimed = await take(store, f"worker-{number}")
        await report(store, *(settle(task, TaskStatus.RETRY, due_at_ms=clock.now_ms) for task in claimed))
        clock.advance(DEAD_MS)

    claimed = await take(store)

    assert [(task.tries, task.is_suspect) for task in claimed] == [(4, False), (4, False)]


async def take_with_suspect(store: Store, clock) -> list[int | None]:
    """Make a task that was tried anew, a suspect, and one that has just come, in this order; return their ids."""
    first = await ingest(store, "first")
    (claimed,) = await take(store, "worker-0")
    await report(store, settle(claimed, TaskStatus.RETRY, due_at_ms=clock.now_ms + 3 * DEAD_MS))
    second = await ingest(store, "suspect")
    clock.advance(DEAD_MS)
    await crash(store, clock, 1)
    await crash(store, clock, 2)
    return [*first, *second, *await ingest(store, "later")]
