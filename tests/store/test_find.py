"""Tasks as people look for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.store.rows import NewTask, OnDuplicate, TaskFilter, TaskStatus
from tests.store.stage import claim, exchange, ingest, lease, note, report, settle, take

if TYPE_CHECKING:
    from connector.store.store import Store


async def found(store: Store, **options) -> list[str | None]:
    """Return the keys of what a filter finds, newest first."""
    return [row.key for row in await store.tasks.find(TaskFilter(**options))]


async def keep(store: Store, *records: str, route: str = "orders") -> None:
    """Bring records in whose keys are their places."""
    batch = [
        NewTask(route, record.encode(), key=f"key-{place}", position=place) for place, record in enumerate(records)
    ]
    await store.tasks.ingest(batch, token=f"keep-{route}-{records}")


async def test_newest_come_first_a_page_at_a_time(store: Store) -> None:
    """A page goes on below the last id of the one before."""
    ids = await ingest(store, *"abcde")

    first = await store.tasks.find(TaskFilter(), limit=2)
    second = await store.tasks.find(TaskFilter(), limit=2, before_id=first[-1].id)

    assert [row.id for row in first + second] == ids[:0:-1]


@pytest.mark.parametrize("status", [TaskStatus.NEW, TaskStatus.FINISHED, TaskStatus.FAILED])
async def test_pages_of_a_route_and_status(store: Store, status: TaskStatus) -> None:
    """A route's tasks of a status come newest first, over all lanes, a page at a time."""
    await ingest(store, *(f"key-{number}" for number in range(30)))
    await ingest(store, "other", route="invoices")
    if status is not TaskStatus.NEW:
        await report(store, *(settle(task, status) for task in await take(store)))
    sought = TaskFilter(route="orders", statuses=(status, TaskStatus.SKIPPED))

    first = await store.tasks.find(sought, limit=20)
    second = await store.tasks.find(sought, limit=20, before_id=first[-1].id)

    assert [row.key for row in first + second] == [f"key-{number}" for number in reversed(range(30))]


async def test_everything_given_has_to_hold(store: Store) -> None:
    """Ids, route, key and statuses narrow down together."""
    ids = await ingest(store, "a", "b")
    await ingest(store, "a", route="invoices")

    assert await found(store, route="orders") == ["b", "a"]
    assert await found(store, key="a") == ["a", "a"]
    assert await found(store, key="a", route="orders") == ["a"]
    assert await found(store, ids=tuple(ids)) == ["b", "a"]
    assert await found(store, ids=(ids[0],), key="b") == []
    assert await found(store, statuses=(TaskStatus.FAILED,)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("widget", ["key-0"]),
        ("WIDGET", ["key-0"]),
        ("50%", ["key-1"]),
        ("5_", []),
        ("Zoë", ["key-2"]),
        ("ZOË", ["key-2"]),
        ('say "hi"', ["key-3"]),
        ("back\\slash", ["key-4"]),
        ("key-3", ["key-3"]),
        ("nowhere", []),
    ],
)
async def test_text_is_found_in_records_and_keys(store: Store, text: str, expected: list[str]) -> None:
    """Whatever its case, whatever alphabet; signs that mean something to SQL or JSON are only signs."""
    await keep(
        store,
        '{"name":"Blue Widget"}',
        '{"name":"50% off, 5 left"}',
        '{"name":"zoë"}',
        '{"name":"say \\"hi\\""}',
        '{"name":"back\\\\slash"}',
    )

    assert await found(store, text=text) == expected
    assert await store.tasks.count(TaskFilter(text=text)) == len(expected)


async def test_text_is_found_in_reasons(store: Store) -> None:
    """Why a task failed can be looked for."""
    await ingest(store, "a", "b")
    one, two = await take(store)
    await report(store, settle(one, TaskStatus.FAILED, reason="No such PRODUCT"), settle(two))

    assert await found(store, text="such product") == ["a"]


async def test_age_is_counted_from_when_a_task_was_made(store: Store, clock) -> None:
    """Older than, newer than, and both."""
    for key in "abc":
        await ingest(store, key)
        clock.advance(1000)

    assert await found(store, older_than_ms=2000) == ["a"]
    assert await found(store, newer_than_ms=2000) == ["c", "b"]
    assert await found(store, older_than_ms=1000, newer_than_ms=2000) == ["b"]


async def test_counts_are_by_route_and_status(store: Store) -> None:
    """What there is none of is left out."""
    await ingest(store, "a", "b", "b", on_duplicate=OnDuplicate.NEW)
    await ingest(store, "a", route="invoices")
    one, _ = await take(store)
    await report(store, settle(one))

    assert await store.tasks.counts() == {
        "invoices": {TaskStatus.NEW: 1},
        "orders": {TaskStatus.FINISHED: 1, TaskStatus.PROCESSING: 1, TaskStatus.WAITING: 1},
    }


async def test_count_counts_what_is_meant(store: Store) -> None:
    """As many as `find` would give without a limit."""
    await ingest(store, *(f"key-{number}" for number in range(120)))

    assert await store.tasks.count(TaskFilter()) == 120
    assert await store.tasks.count(TaskFilter(route="invoices")) == 0


async def test_statuses_of_ids(store: Store) -> None:
    """One that does not exist is left out."""
    ids = await ingest(store, "a", "b")
    (task,) = await claim(store, await lease(store), limit=1)

    assert await store.tasks.statuses([*(task or 0 for task in ids), 999_999]) == {
        task.id: TaskStatus.PROCESSING,
        ids[1]: TaskStatus.NEW,
    }


async def test_what_is_not_there_is_not_shown(store: Store) -> None:
    """No task, no detail."""
    assert await store.tasks.show(4711) is None


async def test_export_gives_everything_oldest_first(store: Store, clock) -> None:
    """Records, values, attempts and exchanges of all that is meant, in bites one does not notice."""
    await ingest(store, *[None] * 1100)
    taken = await lease(store)
    tasks = await claim(store, taken, limit=1100)
    await store.tasks.write([note(tasks[0])])
    await report(store, *(settle(task, exchanges=(exchange(),), value=b"1") for task in tasks))
    await ingest(store, "late", route="invoices")

    details = [detail async for detail in store.tasks.export(TaskFilter(route="orders"))]

    assert [detail.row.id for detail in details] == [task.id for task in tasks]
    assert all(len(detail.attempts) == len(detail.exchanges) == 1 for detail in details)
    assert (details[0].record, details[0].value) == (b'{"place":0}', b"1")
    assert details[0].attempts[0].commit_step == "place"


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (3, 3), (600, 600), (5000, 700)])
async def test_export_stops_at_its_limit(store: Store, limit: int, count: int) -> None:
    """The oldest ones, and no more."""
    ids = await ingest(store, *[None] * 700)

    got = [detail.row.id async for detail in store.tasks.export(TaskFilter(), limit=limit)]

    assert got == ids[:count]
