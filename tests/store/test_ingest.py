"""Records become tasks: what is kept, what is left out, and that a batch is one piece."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from connector.errors import CursorMovedError
from connector.store.rows import CursorMove, NewTask, OnDuplicate, Settlement, TaskFilter, TaskStatus
from tests.store.stage import claim, ingest, keys_by_status, lease, make, report, settle, statuses, take

if TYPE_CHECKING:
    from connector.store.store import Store


async def test_a_record_is_kept_as_it_came(store: Store) -> None:
    """What was sent in comes out byte by byte, whatever characters it has."""
    record = (
        '{"name":"Zo\u00eb \U0001f600 \\u0000 \\" \\\\","price":1.50,"big":123456789012345678901234567890}'.encode()
    )

    (task,) = (await store.tasks.ingest([NewTask("orders", record)], token="t")).ids
    detail = await store.tasks.show(task or 0)

    assert detail is not None
    assert detail.record == record


async def test_ids_are_those_of_the_batch_in_its_order(store: Store) -> None:
    """Ids are aligned with the batch and ascend."""
    ids = await ingest(store, *(f"key-{number}" for number in range(20)))

    assert ids == sorted(ids, key=lambda task: task or 0)
    assert list(await statuses(store)) == ids[::-1]


async def test_tasks_know_where_they_come_from(store: Store, clock) -> None:
    """A task names its route, key, source, place in the batch, lane and time."""
    await ingest(store, "a", None)

    second, first = await store.tasks.find(TaskFilter())

    assert (first.route, first.key, first.source, first.position) == ("orders", "a", "incoming.orders", 0)
    assert (first.status, first.attempts, first.created_at_ms) == (TaskStatus.NEW, 0, clock())
    assert (second.key, second.position, second.lane) == (None, 1, 1)


async def test_an_empty_batch_moves_the_cursor_alone(store: Store) -> None:
    """A page without records is progress too."""
    result = await store.tasks.ingest([], cursor=CursorMove("incoming.orders", 7), token="t")
    cursor = await store.state.cursor("incoming.orders")

    assert result.ids == ()
    assert cursor is not None
    assert cursor.value == 7


async def test_a_record_that_could_not_be_shaped_is_kept_with_its_reason(store: Store) -> None:
    """A failed task says where and why, and what to do."""
    batch = [
        *make("a"),
        NewTask(
            "orders",
            b'{"raw":1}',
            source="incoming.orders#raw",
            position=1,
            status=TaskStatus.FAILED,
            step="incoming.orders.transform[0]",
            reason="no path $.id",
            cure="look at the record",
        ),
    ]

    await store.tasks.ingest(batch, token="t")
    failed = (await store.tasks.find(TaskFilter(statuses=(TaskStatus.FAILED,))))[0]

    assert (failed.step, failed.reason, failed.cure) == (
        "incoming.orders.transform[0]",
        "no path $.id",
        "look at the record",
    )
    assert failed.source == "incoming.orders#raw"


@pytest.mark.parametrize("status", [None, TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.UNKNOWN])
async def test_skip_leaves_a_known_key_out_whatever_became_of_it(store: Store, status: TaskStatus | None) -> None:
    """The second record of a key makes no task, whether the first is open or settled."""
    await ingest(store, "a")
    if status is not None:
        (task,) = await take(store)
        await report(store, settle(task, status))

    result = await store.tasks.ingest(make("a", "b"), token="t")

    assert result.ids[0] is None
    assert result.ids[1] is not None
    assert result.duplicates == 1


async def test_skip_leaves_out_within_a_batch(store: Store) -> None:
    """Of two records of a key in one batch the first makes the task."""
    result = await store.tasks.ingest(make("a", "b", "a"), token="t")

    assert [task is not None for task in result.ids] == [True, True, False]


async def test_skip_knows_keys_that_came_in_another_mode(store: Store) -> None:
    """A route that used to take every record leaves out what it took then."""
    await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)

    assert await ingest(store, "a") == [None]


async def test_a_key_belongs_to_its_route(store: Store) -> None:
    """The same key on another route is another task."""
    await ingest(store, "a")

    assert (await ingest(store, "a", route="invoices"))[0] is not None


async def test_without_a_key_nothing_is_a_duplicate(store: Store) -> None:
    """Keyless records make a task each."""
    ids = await ingest(store, None, None, None)

    assert len(set(ids)) == 3


async def test_keyless_records_sent_one_by_one_are_spread(store: Store) -> None:
    """Over all lanes, as those of one batch are: several workers may have them."""
    for _ in range(8):
        await ingest(store, None)

    rows = await store.tasks.find(TaskFilter())

    assert sorted(row.lane for row in rows) == list(range(8))


async def test_new_makes_a_task_of_every_record(store: Store) -> None:
    """With `new` the same key makes as many tasks as there are records."""
    ids = await ingest(store, "a", "a", "a", on_duplicate=OnDuplicate.NEW)

    assert len(set(ids)) == 3


async def test_update_puts_the_record_into_the_open_task(store: Store) -> None:
    """A task that nobody has in hand takes the newer record and keeps its place."""
    (first,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)

    result = await store.tasks.ingest(
        [NewTask("orders", b'{"newer":1}', key="a", on_duplicate=OnDuplicate.UPDATE)], token="t"
    )
    detail = await store.tasks.show(first or 0)

    assert result.ids == (first,)
    assert result.updated == 1
    assert detail is not None
    assert detail.record == b'{"newer":1}'


@pytest.mark.parametrize("status", [TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.UNKNOWN])
async def test_update_makes_a_new_task_behind_one_that_takes_no_record(store: Store, status: TaskStatus) -> None:
    """A settled task, and one whose outcome is unknown, stay what they are."""
    (first,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)
    (task,) = await take(store)
    await report(store, settle(task, status))

    (second,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)

    assert second != first


async def test_update_makes_a_new_task_behind_one_in_hand(store: Store) -> None:
    """What a worker has in hand is not changed under it."""
    (first,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)
    await take(store)

    (second,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)

    assert second != first
    assert (await statuses(store))[second or 0] == "new"


async def test_update_takes_the_newest_open_task(store: Store) -> None:
    """With one in hand and one behind it, the one behind takes the record."""
    await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)
    await take(store)
    (second,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)

    assert await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE) == [second]


async def test_update_takes_a_task_that_waits_for_its_next_try(store: Store, clock) -> None:
    """A newer record may be what the next try needs."""
    (first,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)
    (task,) = await take(store)
    await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock() + 1000))

    assert await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE) == [first]


async def test_update_leaves_a_task_alone_of_which_parcels_are_out(store: Store, clock) -> None:
    """The rest of a record that is half sent is not another record's."""
    (first,) = await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE)
    (task,) = await take(store)
    await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock() + 1000, sent=1, parcels=2))

    assert await ingest(store, "a", on_duplicate=OnDuplicate.UPDATE) != [first]


async def test_update_takes_the_last_record_of_a_key_in_a_batch(store: Store) -> None:
    """Records of one key in one batch make one task, with the last of them."""
    result = await store.tasks.ingest(make("a", "b", "a", "a", on_duplicate=OnDuplicate.UPDATE), token="t")
    detail = await store.tasks.show(result.ids[0] or 0)

    assert result.ids[0] == result.ids[2] == result.ids[3]
    assert (len(set(result.ids)), result.updated, result.duplicates) == (2, 2, 0)
    assert detail is not None
    assert detail.record == b'{"place":3}'


async def test_routes_of_one_batch_each_keep_their_way(store: Store) -> None:
    """One page may feed several routes, each with its own answer to duplicates."""
    batch = [
        NewTask("skips", b"{}", key="a"),
        NewTask("skips", b"{}", key="a"),
        NewTask("news", b"{}", key="a", on_duplicate=OnDuplicate.NEW),
        NewTask("news", b"{}", key="a", on_duplicate=OnDuplicate.NEW),
        NewTask("updates", b"{}", key="a", on_duplicate=OnDuplicate.UPDATE),
        NewTask("updates", b"{}", key="a", on_duplicate=OnDuplicate.UPDATE),
    ]

    result = await store.tasks.ingest(batch, token="t")
    counts = await store.tasks.counts()

    assert (result.duplicates, result.updated, result.renewals) == (1, 1, (4,))
    assert {route: count[TaskStatus.NEW] for route, count in counts.items()} == {"skips": 1, "news": 2, "updates": 1}


async def test_characters_a_database_cannot_keep_are_replaced(store: Store) -> None:
    """NUL and halves of surrogate pairs in keys and reasons become U+FFFD, and dedupe goes on working."""
    await ingest(store, "a\x00b", "c\ud800d", on_duplicate=OnDuplicate.UPDATE)

    await ingest(store, "a\x00b", "c\ud800d", on_duplicate=OnDuplicate.UPDATE)

    assert await keys_by_status(store, TaskStatus.NEW) == ["a\ufffdb", "c\ufffdd"]


@pytest.mark.parametrize("mode", list(OnDuplicate))
async def test_two_connections_at_once_make_one_task_of_a_key(store: Store, beside: Store, mode: OnDuplicate) -> None:
    """Batches that come in side by side do not double a key; `new` alone makes two."""
    keys = [f"key-{number}" for number in range(50)]

    for number in range(5):
        await asyncio.gather(
            store.tasks.ingest(make(*keys, route=f"r{number}", on_duplicate=mode), token=f"a{number}"),
            beside.tasks.ingest(make(*reversed(keys), route=f"r{number}", on_duplicate=mode), token=f"b{number}"),
        )
    counts = await store.tasks.counts()

    expected = 100 if mode is OnDuplicate.NEW else 50
    assert [sum(count.values()) for count in counts.values()] == [expected] * 5


async def test_a_token_seen_before_does_nothing_twice(store: Store) -> None:
    """Repeating a batch by its token returns what came of it the first time."""
    batch = make("a", None, "a")
    first = await store.tasks.ingest(batch, cursor=CursorMove("in", 1), token="same")

    second = await store.tasks.ingest(batch, cursor=CursorMove("in", 1), token="same")
    cursor = await store.state.cursor("in")

    assert second == first
    assert await store.tasks.count(TaskFilter()) == 2
    assert cursor is not None
    assert cursor.version == 1


async def test_a_cursor_that_moved_meanwhile_refuses_the_whole_batch(store: Store) -> None:
    """Neither tasks nor cursor are kept when somebody else has read on."""
    await store.tasks.ingest(make("a"), cursor=CursorMove("in", 1, version=0), token="t1")

    with pytest.raises(CursorMovedError, match="in was moved"):
        await store.tasks.ingest(make("b"), cursor=CursorMove("in", 2, version=0), token="t2")

    cursor = await store.state.cursor("in")
    assert cursor is not None
    assert (cursor.value, cursor.version) == (1, 1)
    assert await keys_by_status(store, TaskStatus.NEW) == ["a"]


async def test_a_batch_that_breaks_leaves_neither_tasks_nor_cursor(store: Store) -> None:
    """A batch that cannot be written whole is not written at all, and its token can be used again."""
    broken = [*make("a"), NewTask("orders", b"{}", key="b", position=2**70)]

    with pytest.raises(Exception, match=r".+"):
        await store.tasks.ingest(broken, cursor=CursorMove("in", 1), token="t")
    result = await store.tasks.ingest(make("c"), cursor=CursorMove("in", 2), token="t")

    assert result.ids[0] is not None
    assert await keys_by_status(store, TaskStatus.NEW) == ["c"]


async def test_a_task_settled_at_ingest_is_never_claimed(store: Store) -> None:
    """What could not be shaped waits for a person."""
    await ingest(store, "a", "b", status=TaskStatus.FAILED, on_duplicate=OnDuplicate.NEW)

    assert await claim(store, await lease(store)) == []


async def test_a_pruned_id_is_never_given_again(store: Store, clock) -> None:
    """Ids of tasks that are gone stay gone."""
    ids = await ingest(store, "a", "b")
    tasks = await take(store)
    await report(store, *(Settlement(task.id, task.attempt, task.token, TaskStatus.FINISHED) for task in tasks))
    clock.advance(10)
    await store.tasks.prune({None: {TaskStatus.FINISHED: 1}})

    (later,) = await ingest(store, "c")

    assert (later or 0) > max(task or 0 for task in ids)
