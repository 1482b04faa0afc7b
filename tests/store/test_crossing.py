"""Transactions that cross on PostgreSQL: what one does while another is under way."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from connector.store.lanes import draw_token
from connector.store.rows import OnDuplicate, TaskFilter
from tests.store.stage import claim, ingest, lease, make, note, settle, statuses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.store.database import Transaction
    from connector.store.store import Store

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True),
]


@asynccontextmanager
async def under_way(store: Store, work: Callable[[Transaction], object]) -> AsyncIterator[None]:
    """Have a transaction do its work and not be committed before the block ends."""
    is_done, may_end = threading.Event(), threading.Event()

    def wait(transaction: Transaction) -> None:
        work(transaction)
        is_done.set()
        may_end.wait(timeout=20)

    task = asyncio.create_task(store._database.write(wait))
    try:
        assert await asyncio.to_thread(is_done.wait, 20)
        yield
    finally:
        may_end.set()
        await task


async def test_a_claim_waits_for_a_settlement(store: Store) -> None:
    """Else it would make a task wait for one that is settled already, and nobody would ever let it go."""
    _, second = await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)
    taken = await lease(store)
    (first,) = await claim(store, taken)

    async with under_way(store, lambda it: store.tasks._settle.write(it, [], [], [settle(first)])):
        claiming = asyncio.create_task(claim(store, taken))
        await asyncio.sleep(0.3)
        was_done = claiming.done()
    claimed = await claiming

    assert not was_done
    assert [task.id for task in claimed] == [second]


async def test_a_claim_waits_for_a_decision(store: Store, beside: Store) -> None:
    """What a person settles lets the next of its key go, whenever that was found to have to wait."""
    first, second = await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)
    taken = await lease(store)

    async with under_way(beside, lambda it: beside.tasks._decide.skip(it, [first or 0], "no")):
        claiming = asyncio.create_task(claim(store, taken))
        await asyncio.sleep(0.3)
        was_done = claiming.done()

    assert not was_done
    assert [task.id for task in await claiming] == [second]


async def test_a_lane_in_which_a_note_is_written_is_not_taken_over(store: Store, beside: Store, clock) -> None:
    """Else a request would leave for a task that is somebody else's by then."""
    await ingest(store, "a")
    (task,) = await claim(store, await lease(store, "slow"))
    await store.workers.join("quick", host="here", pid=1)
    clock.advance(40_000)

    async with under_way(store, lambda it: store.tasks._settle.write(it, [note(task)], [], [])):
        meanwhile = await beside.lanes.acquire("quick", "orders", range(8), most_attempts=5)
    after = await beside.lanes.acquire("quick", "orders", range(8), most_attempts=5)

    assert meanwhile is None
    assert after is not None
    assert await statuses(store) == {task.id: "unknown"}


async def test_a_lane_is_taken_over_ahead_of_a_note(store: Store, beside: Store, clock) -> None:
    """A note that comes while somebody takes the lane over waits, and is fenced off."""
    await ingest(store, "a")
    (task,) = await claim(store, await lease(store, "slow"))
    await store.workers.join("quick", host="here", pid=1)
    clock.advance(40_000)

    def take_over(transaction: Transaction) -> object:
        return beside.lanes._acquire(transaction, "quick", "orders", range(8), 5, draw_token(), may_take_over=True)

    async with under_way(beside, take_over):
        noting = asyncio.create_task(store.tasks.write([note(task)]))
        await asyncio.sleep(0.3)
        was_done = noting.done()

    assert not was_done
    assert await noting == {(task.id, task.attempt)}
    assert await statuses(store) == {task.id: "new"}


async def test_a_batch_waits_for_another_of_the_same_key(store: Store, beside: Store) -> None:
    """Which of the two makes the task is known when the first is committed."""
    batch = make("a")

    async with under_way(store, lambda it: store.tasks._ingest.write(it, batch, None, "first")):
        second = asyncio.create_task(beside.tasks.ingest(batch, token="second"))
        await asyncio.sleep(0.3)
        was_done = second.done()

    assert not was_done
    assert (await second).ids == (None,)
    assert await store.tasks.count(TaskFilter()) == 1
