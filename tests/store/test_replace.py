"""Tasks that take the place of one that is settled: kept with its settlement, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.store.rows import LANES, OnDuplicate, TaskStatus
from tests.store.stage import ingest, make, report, settle, statuses, take

if TYPE_CHECKING:
    from connector.store.store import Store


async def test_new_tasks_take_the_place_of_a_settled_one(store: Store) -> None:
    """They are there when the settlement is, and ready to be claimed."""
    (old,) = await ingest(store, None)
    (task,) = await take(store)

    await report(store, settle(task, TaskStatus.SKIPPED, becomes=tuple(make("a", "b"))))

    assert await statuses(store) == {old: "skipped", old + 1: "new", old + 2: "new"}


async def test_a_key_that_the_route_knows_is_left_out_there_as_well(store: Store) -> None:
    """What takes the place is a record like any other."""
    await ingest(store, "a", None)
    known, old = await take(store)

    await report(
        store,
        settle(known),
        settle(old, TaskStatus.SKIPPED, becomes=tuple(make("a", on_duplicate=OnDuplicate.SKIP))),
    )

    assert await statuses(store) == {known.id: "finished", old.id: "skipped"}


async def test_nothing_takes_the_place_of_a_task_that_is_somebody_elses(store: Store, clock) -> None:
    """A worker that was taken over keeps no tasks: whoever has the task now makes them."""
    (old,) = await ingest(store, None)
    (late,) = await take(store)
    clock.advance(31_000)
    taken = await store.lanes.acquire("worker-2", "orders", range(LANES), most_attempts=3)

    fenced = await report(store, settle(late, TaskStatus.SKIPPED, becomes=tuple(make("a"))))

    assert taken is not None
    assert fenced == {(late.id, late.attempt)}
    assert await statuses(store) == {old: "new"}
