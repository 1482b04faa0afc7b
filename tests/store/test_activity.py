"""What happened when: counted in the transactions in which it happens."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from connector.store.rows import Delivery, Look, NewTask, Resolution, TaskFilter, TaskStatus
from tests.store.stage import claim, ingest, lease, make, report, settle, take

if TYPE_CHECKING:
    from connector.store.store import Store

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


async def read_all(store: Store, step_ms: int = MINUTE_MS) -> list[tuple[object, ...]]:
    """Return all there is."""
    rows = await store.activity.read(0, store.now_ms() + 10 * DAY_MS, step_ms)
    return [astuple(row) for row in rows]


async def total(store: Store, route: str = "orders") -> dict[str, int]:
    """Return the counts of a route over all time, without those that are 0."""
    names = ("received", "finished", "failed", "skipped", "unknown", "retried")
    rows = await store.activity.read(0, store.now_ms() + 10 * DAY_MS, MINUTE_MS, route)
    sums = {name: sum(getattr(row, name) for row in rows) for name in names}
    return {name: number for name, number in sums.items() if number}


async def test_what_comes_in_is_counted(store: Store) -> None:
    """By route; what was left out is not, and what could not be shaped counts as failed too."""
    await ingest(store, "a", "b", None)
    await ingest(store, "a", "c")
    await ingest(store, "x", route="returns", status=TaskStatus.FAILED)
    await store.tasks.accept([Delivery(tuple(make("d")), "t")])

    assert await total(store) == {"received": 5}
    assert await total(store, "returns") == {"received": 1, "failed": 1}


async def test_what_workers_settle_is_counted(store: Store) -> None:
    """Each end of an attempt once; what goes back untried is none, and what replaces a task is new."""
    await ingest(store, *"abcdef")
    ends = [
        TaskStatus.FINISHED,
        TaskStatus.FAILED,
        TaskStatus.SKIPPED,
        TaskStatus.UNKNOWN,
        TaskStatus.RETRY,
        TaskStatus.NEW,
    ]

    tasks = await take(store)
    more = (NewTask("orders", b"{}", key="more"),)
    settlements = [
        settle(task, status, becomes=more if status is TaskStatus.SKIPPED else ())
        for task, status in zip(tasks, ends, strict=True)
    ]
    await report(store, *settlements)
    await report(store, *settlements)

    assert await total(store) == {"received": 7, "finished": 1, "failed": 1, "skipped": 1, "unknown": 1, "retried": 1}


async def test_what_people_decide_is_counted(store: Store) -> None:
    """Left out, or settled as they say; to try anew is nothing yet."""
    await ingest(store, "a", "b", "c")
    first, second, third = await take(store)
    await report(store, settle(first, TaskStatus.UNKNOWN), settle(second, TaskStatus.FAILED), settle(third))

    await store.tasks.resolve(TaskFilter(ids=(first.id,)), Resolution.DONE, by="ann")
    await store.tasks.retry(TaskFilter(ids=(second.id,)))
    await store.tasks.skip(TaskFilter(ids=(second.id,)), "not wanted")

    assert await total(store) == {"received": 3, "finished": 2, "failed": 1, "skipped": 1, "unknown": 1}


async def test_what_is_found_by_looking_is_counted(store: Store) -> None:
    """Once it is settled by it; one that stays open is not counted again."""
    await ingest(store, "a", "b")
    tasks = await take(store)
    await report(store, *(settle(task, TaskStatus.UNKNOWN) for task in tasks))

    await store.tasks.note_looks(
        [Look(tasks[0].id, 1, TaskStatus.FINISHED), Look(tasks[1].id, 1, TaskStatus.UNKNOWN, next_at_ms=5)]
    )

    assert await total(store) == {"received": 2, "unknown": 2, "finished": 1}


async def test_what_a_dead_worker_leaves_is_counted(store: Store, clock) -> None:
    """A task that outlived too many workers has failed."""
    await ingest(store, "a")
    await take(store, most=1)
    clock.advance(40_000)

    await lease(store, "worker-2", most=1)

    assert await total(store) == {"received": 1, "failed": 1}


async def test_stretches_begin_where_they_are_asked_from(store: Store, clock) -> None:
    """By route and time; stretches in which nothing happened are left out."""
    begin = clock.now_ms
    for minute in (0, 1, 5):
        clock.now_ms = begin + minute * MINUTE_MS
        await ingest(store, f"key-{minute}")
    await ingest(store, "x", route="returns")

    rows = await store.activity.read(begin, begin + 6 * MINUTE_MS, 2 * MINUTE_MS)

    assert [(row.route, row.at_ms - begin, row.received) for row in rows] == [
        ("orders", 0, 2),
        ("orders", 4 * MINUTE_MS, 1),
        ("returns", 4 * MINUTE_MS, 1),
    ]


async def test_only_what_was_asked_for_is_read(store: Store, clock) -> None:
    """From a time until another, of one route."""
    begin = clock.now_ms
    for minute in range(4):
        clock.now_ms = begin + minute * MINUTE_MS
        await ingest(store, f"key-{minute}")

    rows = await store.activity.read(begin + MINUTE_MS, begin + 3 * MINUTE_MS, HOUR_MS, "orders")

    assert [row.received for row in rows] == [2]
    assert await store.activity.read(begin, begin + HOUR_MS, HOUR_MS, "none") == []


async def test_connections_count_side_by_side(store: Store, beside: Store) -> None:
    """What two count in the same minute adds up."""
    await ingest(store, "a")
    await ingest(beside, "b")

    assert await total(store) == {"received": 2}


async def test_what_is_old_is_summed_up(store: Store, beside: Store, clock) -> None:
    """After two days by the hour, and nothing is lost or counted twice, however often it is done."""
    begin = clock.now_ms = clock.now_ms // DAY_MS * DAY_MS
    for number in range(130):
        clock.now_ms = begin + number * MINUTE_MS
        await ingest(store if number % 3 else beside, f"key-{number}")
    await store.prune_kept()
    assert await total(store) == {"received": 130}
    clock.now_ms = begin + 3 * DAY_MS
    await ingest(store, "today")

    for _ in range(2):
        await store.prune_kept()

    rows = await store.activity.read(begin, clock.now_ms + 1, MINUTE_MS)
    assert [(row.at_ms - begin, row.received) for row in rows] == [
        (0, 60),
        (HOUR_MS, 60),
        (2 * HOUR_MS, 10),
        (3 * DAY_MS, 1),
    ]


async def test_what_is_too_old_goes(store: Store, clock) -> None:
    """After thirty-five days."""
    await ingest(store, "a")
    clock.advance(35 * DAY_MS + MINUTE_MS)
    await ingest(store, "b")

    await store.prune_kept()

    assert await total(store) == {"received": 1}


async def test_what_is_fenced_off_is_not_counted(store: Store) -> None:
    """An end that did not count does not count here either."""
    await ingest(store, "a")
    (task,) = await claim(store, await lease(store))

    assert await report(store, settle(task, sent=1)) == frozenset()
    assert await report(store, settle(task, TaskStatus.FAILED, started_at_ms=9)) != frozenset()

    assert await total(store) == {"received": 1, "finished": 1}
