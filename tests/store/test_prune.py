"""Old tasks go, and only those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.store.rows import NewTask, OnDuplicate, TaskFilter, TaskStatus
from tests.store.stage import claim, exchange, ingest, keys_by_status, lease, report, settle, statuses

if TYPE_CHECKING:
    from connector.store.database import Transaction
    from connector.store.store import Store

OPEN = [status for status in TaskStatus if status.is_open]


async def end(store: Store, status: TaskStatus, *keys: str | None, route: str = "orders") -> None:
    """Bring tasks in and settle them."""
    await ingest(store, *keys, route=route)
    taken = await lease(store, f"worker-{status}-{keys}", route=route)
    tasks = await claim(store, taken, limit=10_000)
    await report(store, *(settle(task, status, exchanges=(exchange(),), due_at_ms=None) for task in tasks))
    await store.lanes.release(taken)


async def test_what_was_settled_long_enough_ago_goes(store: Store, clock) -> None:
    """Age counts from when a task was settled; attempts and exchanges go with it."""
    await end(store, TaskStatus.FINISHED, "old")
    clock.advance(5000)
    await end(store, TaskStatus.FINISHED, "young")
    clock.advance(5000)

    counts = await store.tasks.prune({None: {TaskStatus.FINISHED: 6000}})

    assert counts == {"orders": {TaskStatus.FINISHED: 1}}
    assert await keys_by_status(store, TaskStatus.FINISHED) == ["young"]
    assert len([detail async for detail in store.tasks.export(TaskFilter())]) == 1


async def test_a_task_made_long_ago_and_settled_now_stays(store: Store, clock) -> None:
    """A task that was open for a month is not a month old when it is finished."""
    await ingest(store, "a")
    clock.advance(10**9)
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await report(store, settle(task))
    clock.advance(1000)

    assert await store.tasks.prune({None: {TaskStatus.FINISHED: 2000}}, is_dry=True) == {}
    assert await store.tasks.prune({None: {TaskStatus.FINISHED: 2000}}) == {}
    assert len(await statuses(store)) == 1


async def test_each_status_has_its_own_age(store: Store, clock) -> None:
    """One that is not named stays for ever."""
    for status in (TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.SKIPPED):
        await end(store, status, status.value)
    clock.advance(5000)

    counts = await store.tasks.prune({None: {TaskStatus.FINISHED: 1000, TaskStatus.FAILED: 9000}})

    assert counts == {"orders": {TaskStatus.FINISHED: 1}}
    assert sorted((await statuses(store)).values()) == ["failed", "skipped"]


async def test_a_route_may_have_ages_of_its_own(store: Store, clock) -> None:
    """What is said of a route counts instead of what is said of all."""
    await end(store, TaskStatus.FINISHED, "a")
    await end(store, TaskStatus.FINISHED, "b", route="invoices")
    await end(store, TaskStatus.FINISHED, "c", route="kept")
    clock.advance(5000)

    counts = await store.tasks.prune(
        {None: {TaskStatus.FINISHED: 1000}, "invoices": {TaskStatus.FINISHED: 9000}, "kept": {}}
    )

    assert counts == {"orders": {TaskStatus.FINISHED: 1}}


async def test_open_tasks_are_never_pruned(store: Store, clock) -> None:
    """However old they are."""
    await end(store, TaskStatus.UNKNOWN, "unknown")
    await end(store, TaskStatus.RETRY, "retry")
    await ingest(store, "new", "twice", "twice", on_duplicate=OnDuplicate.NEW)
    await claim(store, await lease(store))
    clock.advance(10**12)

    await store.tasks.prune({None: {status: 0 for status in TaskStatus if status.is_terminal}})

    assert len(await statuses(store)) == 5


@pytest.mark.parametrize("status", OPEN)
async def test_open_statuses_are_refused(store: Store, status: TaskStatus) -> None:
    """Asking for it is an error, not an empty result."""
    with pytest.raises(ValueError, match="never pruned"):
        await store.tasks.prune({None: {status: 0}})


async def test_a_dry_run_only_counts(store: Store, clock) -> None:
    """The count is that of the real thing, over more tasks than one bite holds."""
    await end(store, TaskStatus.FINISHED, *[None] * 1300)
    clock.advance(10)
    older = {None: {TaskStatus.FINISHED: 5}}

    dry = await store.tasks.prune(older, is_dry=True)
    kept = await store.tasks.count(TaskFilter())
    real = await store.tasks.prune(older)

    assert dry == real == {"orders": {TaskStatus.FINISHED: 1300}}
    assert kept == 1300
    assert await store.tasks.count(TaskFilter()) == 0


async def test_old_ones_behind_younger_ones_go_too(store: Store, clock) -> None:
    """What lies between tasks that stay is found."""
    for number in range(6):
        await end(store, TaskStatus.FINISHED if number % 2 else TaskStatus.FAILED, f"key-{number}")
        clock.advance(1000)

    counts = await store.tasks.prune({None: {TaskStatus.FINISHED: 2500}})

    assert counts == {"orders": {TaskStatus.FINISHED: 2}}
    assert await keys_by_status(store, TaskStatus.FINISHED) == ["key-5"]


async def test_a_key_that_was_pruned_is_not_known_any_more(store: Store, clock) -> None:
    """Duplicates are left out for as long as the first one is kept."""
    await end(store, TaskStatus.FINISHED, "a")
    clock.advance(10)
    await store.tasks.prune({None: {TaskStatus.FINISHED: 5}})

    assert (await ingest(store, "a"))[0] is not None


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_marks_of_connections_go_after_a_day(store: Store, clock) -> None:
    """Nobody asks after their transactions any more."""
    await ingest(store, "a")
    clock.advance(100_000_000)

    await store.tasks.prune({})

    def count(transaction: Transaction) -> object:
        return transaction.connection.exec_driver_sql("SELECT min(made_at) FROM commits").scalar_one()

    assert await store._database.read(count) == clock.now_ms


async def test_receipts_are_kept_for_a_day(store: Store, clock) -> None:
    """A batch repeated within a day is known; what is older is swept away with the tasks."""
    await store.tasks.ingest([], token="t")
    clock.advance(86_000_000)
    await store.tasks.prune({})
    kept = await store.tasks.ingest([], token="t")
    clock.advance(1_000_000)
    await store.tasks.prune({})

    again = await store.tasks.ingest([NewTask("orders", b"{}")], token="t")

    assert kept.ids == ()
    assert len(again.ids) == 1
