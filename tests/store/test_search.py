"""Lists and searches: whichever way they take, they find what is meant."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from connector.store.rows import NewTask, TaskFilter, TaskRow, TaskStatus
from tests.store.stage import claim, ingest, keys_by_status, lease, report, settle, take

if TYPE_CHECKING:
    from connector.store.store import Store

ROUTES = ("orders", "invoices", "returns")
STATUSES = tuple(status for status in TaskStatus if status not in {TaskStatus.PROCESSING, TaskStatus.WAITING})
MINUTE_MS = 60_000
MANY = 21_000


async def fill(store: Store, clock: Any, count: int) -> None:
    """Bring tasks of all sorts in, a minute apart, and settle some of them."""
    luck = random.Random(7)
    for number in range(count):
        route, key = luck.choice(ROUTES), luck.choice([None, f"A-{number:03}", f"é{number}", f"a_{number}"])
        record = b'{"name":"%s"}' % luck.choice([b"Ann", b"bob", b"Zo\\u00eb"])
        task = NewTask(route, record, key, source=luck.choice(["push", "incoming.x"]), position=number)
        await store.tasks.ingest([task], token=str(number))
        clock.advance(MINUTE_MS)
    for route in ROUTES:
        tasks = await claim(store, await lease(store, f"w-{route}", route=route), limit=count)
        ends = [settle(task, luck.choice(STATUSES), due_at_ms=1, reason="why Not") for task in tasks]
        await report(store, *luck.sample(ends, len(ends) * 2 // 3))
        clock.advance(MINUTE_MS)


def is_meant(row: TaskRow, sought: TaskFilter, now_ms: int) -> bool:
    """Whether a task is meant, as slowly as can be."""
    text = (sought.text or "").casefold()
    return (
        (not sought.ids or row.id in sought.ids)
        and (sought.route is None or row.route == sought.route)
        and (not sought.statuses or row.status in sought.statuses)
        and (sought.key is None or row.key == sought.key)
        and (sought.keys_starting is None or (row.key or "").startswith(sought.keys_starting))
        and (not sought.sources or row.source in sought.sources)
        and (sought.older_than_ms is None or row.created_at_ms < now_ms - sought.older_than_ms)
        and (sought.newer_than_ms is None or row.created_at_ms >= now_ms - sought.newer_than_ms)
        and (sought.updated_since_ms is None or row.updated_at_ms >= sought.updated_since_ms)
        and (text in (row.key or "").casefold() or text in row.reason.casefold())
    )


def draw(luck: random.Random, now_ms: int) -> TaskFilter:
    """Return some filter or other."""
    values: dict[str, Any] = {
        "ids": tuple(luck.sample(range(1, 140), 60)),
        "route": luck.choice([*ROUTES, "none"]),
        "statuses": tuple(luck.sample(list(TaskStatus), luck.randint(1, 4))),
        "key": luck.choice(["A-007", "é8", "none"]),
        "keys_starting": luck.choice(["A-", "A-0", "é", "a", "a_1", "_", "x"]),
        "sources": luck.choice([("push",), ("push", "incoming.x"), ("none",)]),
        "older_than_ms": luck.randint(0, 130) * MINUTE_MS,
        "newer_than_ms": luck.randint(0, 130) * MINUTE_MS,
        "updated_since_ms": now_ms - luck.randint(0, 130) * MINUTE_MS,
        "text": luck.choice(["WHY", "é1", "a_"]),
    }
    return TaskFilter(**{name: values[name] for name in luck.sample(sorted(values), luck.randint(0, 3))})


async def test_whatever_is_sought_is_found(store: Store, clock) -> None:
    """Any filters together give what reading every task would, page by page, in lists as in searches."""
    await fill(store, clock, 130)
    rows = await store.tasks.find(TaskFilter(), limit=1000)
    luck = random.Random(11)

    for _ in range(60):
        sought = draw(luck, clock.now_ms)
        wanted = [row.id for row in rows if is_meant(row, sought, clock.now_ms)]

        listed = [row.id for row in await store.tasks.find(sought, limit=1000)]
        paged = await list_pages(store, sought)
        searched = await search_through(store, sought)

        assert listed == paged == searched == wanted, sought
        assert await store.tasks.count(sought) == len(wanted), sought


async def list_pages(store: Store, sought: TaskFilter) -> list[int]:
    """Return what a list has, a page of seven at a time."""
    found: list[int] = []
    while True:
        page = await store.tasks.find(sought, limit=7, before_id=found[-1] if found else None)
        found += [row.id for row in page]
        if len(page) < 7:
            return found


async def search_through(store: Store, sought: TaskFilter) -> list[int]:
    """Return what a search finds that looks through twenty tasks at a time."""
    found: list[int] = []
    before = None
    while True:
        page = await store.tasks.search(sought, limit=5, before_id=before, most_rows=20)
        found += [row.id for row in page.rows]
        if page.is_complete:
            return found
        assert page.scanned_to is not None
        assert before is None or page.scanned_to < before
        before = page.scanned_to


async def test_a_search_says_how_far_it_came(store: Store) -> None:
    """What it has looked through, whether it found anything there or not."""
    ids = await ingest(store, "needle", *(f"key-{number}" for number in range(30)))

    first = await store.tasks.search(TaskFilter(text="needle"), most_rows=20)
    second = await store.tasks.search(TaskFilter(text="needle"), before_id=first.scanned_to, most_rows=20)

    assert (first.rows, first.scanned_to, first.is_complete) == ((), ids[-20], False)
    assert ([row.key for row in second.rows], second.is_complete) == (["needle"], True)


async def test_a_search_among_few_reads_them_all(store: Store) -> None:
    """Where an index leads to no more than may be read, nothing is left for another time."""
    await ingest(store, "needle", route="rare")
    await ingest(store, *(f"key-{number}" for number in range(30)))

    found = await store.tasks.search(TaskFilter(text="needle", route="rare"), most_rows=20)

    assert ([row.key for row in found.rows], found.is_complete) == (["needle"], True)


async def test_an_empty_store_is_searched_at_once(store: Store) -> None:
    """There is nothing to look through."""
    found = await store.tasks.search(TaskFilter(text="x"))

    assert (found.rows, found.scanned_to, found.is_complete) == ((), None, True)


@pytest.mark.parametrize("start", ["%", "_", "A", "a", "b", "ä"])
async def test_keys_begin_letter_for_letter(store: Store, start) -> None:
    """Letter case counts, and no letter stands for another."""
    keys = ["%a", "_a", "Aa", "aa", "b", "ä1", "\U0010ffff"]
    await ingest(store, *keys, None)

    rows = await store.tasks.find(TaskFilter(keys_starting=start))

    assert [row.key for row in rows] == [key for key in keys if key.startswith(start)]


async def test_among_very_many_keys_that_begin_alike(store: Store) -> None:
    """Where far too many match to be sorted, the newest come first all the same."""
    for page in range(MANY // 1000):
        batch = [NewTask("orders", b"{}", f"K-{page:02}-{place:03}", position=place) for place in range(1000)]
        await store.tasks.ingest(batch, token=str(page))
    first = await take(store, lanes=range(8))
    await report(store, *(settle(task, TaskStatus.FAILED, reason="odd") for task in first[:3]))

    newest = await store.tasks.find(TaskFilter(keys_starting="K-"), limit=2)
    oldest = await store.tasks.find(TaskFilter(keys_starting="K-00"), limit=2)
    failed = await store.tasks.find(TaskFilter(keys_starting="K-", statuses=(TaskStatus.FAILED,)))
    odd = await store.tasks.find(TaskFilter(keys_starting="K-", text="odd"))

    assert [row.key for row in newest] == [f"K-{MANY // 1000 - 1:02}-999", f"K-{MANY // 1000 - 1:02}-998"]
    assert [row.key for row in oldest] == ["K-00-999", "K-00-998"]
    assert (
        [row.id for row in failed] == [row.id for row in odd] == sorted((task.id for task in first[:3]), reverse=True)
    )


async def test_the_oldest_open_task_of_each_route(store: Store, clock) -> None:
    """Whatever its status and lane; routes whose tasks are all settled are left out."""
    began = clock.now_ms
    await ingest(store, "a", "b", "c")
    await ingest(store, "done", route="returns")
    await report(store, *(settle(task) for task in await take(store, "w2", route="returns")))
    clock.advance(1000)
    await ingest(store, "d", route="invoices")
    tasks = await take(store)
    await report(store, settle(tasks[0]), settle(tasks[1], TaskStatus.RETRY, due_at_ms=5))
    clock.advance(1000)
    await ingest(store, "e")

    assert await store.tasks.oldest() == {"orders": began, "invoices": began + 1000}


async def test_counts_may_be_a_little_old(store: Store, clock) -> None:
    """Whoever asks often gets what was counted a moment ago; and whatever he does with it, the next gets it whole."""
    await ingest(store, "a")
    first = await store.tasks.counts_cached(1000)
    first["orders"].clear()
    await ingest(store, "b")
    clock.advance(1000)
    second = await store.tasks.counts_cached(1000)
    clock.advance(1)

    third = await store.tasks.counts_cached(1000, patience_s=60)

    assert (second, third) == ({"orders": {TaskStatus.NEW: 1}}, {"orders": {TaskStatus.NEW: 2}})


async def test_counts_that_take_long_come_with_the_next_question(store: Store, clock) -> None:
    """Nobody waits for new counts where there are older ones, unless they are older than a minute."""
    await ingest(store, "a")
    await store.tasks.counts_cached()
    await ingest(store, "b")
    clock.advance(3_000)

    at_once = await store.tasks.counts_cached(patience_s=0)
    then = await store.tasks.counts_cached(patience_s=60)
    await ingest(store, "c")
    clock.advance(61_000)
    much_later = await store.tasks.counts_cached(patience_s=0)

    assert [counts["orders"][TaskStatus.NEW] for counts in (at_once, then, much_later)] == [1, 2, 3]


async def test_bulk_changes_go_by_the_same_filters(store: Store) -> None:
    """What a list shows is what is changed."""
    await ingest(store, "A-1", "A-2", "B-1")

    changed = await store.tasks.skip(TaskFilter(keys_starting="A-", sources=("incoming.orders",)), "not wanted")

    assert changed == 2
    assert await keys_by_status(store, TaskStatus.NEW) == ["B-1"]
