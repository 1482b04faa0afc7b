"""Deliveries become tasks once, however often they are sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from connector.store.rows import Accepted, Delivery, NewTask, OnDuplicate, TaskStatus
from tests.store.stage import ingest, make, statuses

if TYPE_CHECKING:
    from connector.store.store import Store

WINDOW_MS = 10_000


def deliver(token: str, *keys: str | None, digest: bytes | None = b"\x01", **options: Any) -> Delivery:
    """Return a delivery of tasks with these keys."""
    values = {"source": "incoming.orders", "window_ms": WINDOW_MS, **options}
    return Delivery(tuple(make(*keys)), token, digest=digest, **values)


async def test_deliveries_become_tasks_in_one_transaction(store: Store) -> None:
    """Each is answered with the ids of its own, in order."""
    accepted = await store.tasks.accept([deliver("t1", "a", "b", digest=b"1"), deliver("t2", "c", digest=None)])

    assert accepted == [Accepted((1, 2)), Accepted((3,))]
    assert list((await statuses(store)).values()) == ["new"] * 3


async def test_nothing_accepted_is_nothing_done(store: Store) -> None:
    """An empty call needs no transaction."""
    assert await store.tasks.accept([]) == []


async def test_a_digest_that_is_known_is_a_repeat(store: Store) -> None:
    """Nothing is made of it, and it is answered as the first one was."""
    (first,) = await store.tasks.accept([deliver("t1", "a", "b")])

    (second,) = await store.tasks.accept([deliver("t2", "x", "y", "z")])

    assert second == Accepted(first.ids, is_repeat=True)
    assert len(await statuses(store)) == 2


async def test_a_digest_that_is_known_with_other_content_is_none(store: Store) -> None:
    """In one transaction as in two: nothing is made of it, and it is not answered as the first one was."""
    accepted = await store.tasks.accept(
        [deliver("t1", "a", content=b"1"), deliver("t2", "b", content=b"2"), deliver("t3", "a", content=b"1")]
    )

    (later,) = await store.tasks.accept([deliver("t4", "b", content=b"2")])

    assert accepted == [Accepted((1,)), Accepted((), is_other=True), Accepted((1,), is_repeat=True)]
    assert later == Accepted((), is_other=True)
    assert len(await statuses(store)) == 1


async def test_a_digest_means_something_within_its_source_alone(store: Store) -> None:
    """Two senders may count their deliveries alike."""
    await store.tasks.accept([deliver("t1", "a")])

    (other,) = await store.tasks.accept([deliver("t2", "b", source="incoming.returns")])

    assert other == Accepted((2,))


async def test_behind_its_window_a_digest_is_new(store: Store, clock) -> None:
    """And opens a window of its own."""
    await store.tasks.accept([deliver("t1", "a")])
    clock.advance(WINDOW_MS)

    (later,) = await store.tasks.accept([deliver("t2", "b")])
    clock.advance(WINDOW_MS - 1)
    (repeat,) = await store.tasks.accept([deliver("t3", "c")])

    assert later == Accepted((2,))
    assert repeat == Accepted((2,), is_repeat=True)


async def test_without_a_window_nothing_is_a_repeat(store: Store) -> None:
    """A digest alone does not make one."""
    await store.tasks.accept([deliver("t1", "a", window_ms=0)])

    (second,) = await store.tasks.accept([deliver("t2", "b", window_ms=0)])

    assert second == Accepted((2,))


async def test_the_same_call_again_is_no_repeat(store: Store, clock) -> None:
    """Whoever repeats a call in doubt learns what it did, with a digest or without, also behind the window."""
    batch = [deliver("t1", "a"), deliver("t2", "b", digest=None)]
    first = await store.tasks.accept(batch)
    clock.advance(2 * WINDOW_MS)

    second = await store.tasks.accept(batch)

    assert second == first
    assert len(await statuses(store)) == 2


async def test_two_alike_in_one_call_are_one(store: Store) -> None:
    """The second is a repeat of the first, which is not even committed yet."""
    accepted = await store.tasks.accept([deliver("t1", "a"), deliver("t2", "b"), deliver("t3", "c", digest=b"2")])

    assert accepted == [Accepted((1,)), Accepted((1,), is_repeat=True), Accepted((2,))]


async def test_records_whose_keys_are_known_are_left_out(store: Store) -> None:
    """Each delivery is told how many of its own; a repeat is told the same."""
    await ingest(store, "a")

    accepted = await store.tasks.accept([deliver("t1", "a", "b"), deliver("t2", "b", "c", digest=b"2")])
    (repeat,) = await store.tasks.accept([deliver("t3", "q")])

    assert [(one.ids[0], one.duplicates) for one in accepted] == [(None, 1), (None, 1)]
    assert None not in (accepted[0].ids[1], accepted[1].ids[1])
    assert repeat == Accepted(accepted[0].ids, is_repeat=True, duplicates=1)


async def test_renewed_tasks_are_told(store: Store) -> None:
    """With `on_duplicate: update` the id is that of the task that took the record, over all deliveries of a call."""
    tasks = [NewTask("orders", b"%d" % number, key="a", on_duplicate=OnDuplicate.UPDATE) for number in range(2)]

    accepted = await store.tasks.accept([Delivery((tasks[0],), "t1"), Delivery((tasks[1],), "t2")])
    detail = await store.tasks.show(1)

    assert [one.ids for one in accepted] == [(1,), (1,)]
    assert detail is not None
    assert detail.record == b"1"


async def test_what_could_not_be_shaped_is_kept(store: Store) -> None:
    """A failed task is a task, and its id is answered."""
    failed = NewTask("orders", b"{}", status=TaskStatus.FAILED, step="set", reason="no name")

    (accepted,) = await store.tasks.accept([Delivery((failed,), "t1")])

    assert accepted == Accepted((1,))
    assert await statuses(store) == {1: "failed"}


async def test_a_delivery_of_nothing_is_remembered(store: Store) -> None:
    """One without records makes no tasks, and is a repeat the second time."""
    first = await store.tasks.accept([deliver("t1")])
    second = await store.tasks.accept([deliver("t2")])

    assert (first, second) == ([Accepted(())], [Accepted((), is_repeat=True)])


async def test_the_same_from_two_sides_at_once_is_made_once(store: Store, beside: Store) -> None:
    """Over connections of their own, whoever comes second waits and is told what the first one made."""
    calls = [
        (store if turn % 2 else beside).tasks.accept(
            [deliver(f"{turn}-{place}", f"key-{place}", digest=bytes([place])) for place in range(20)]
        )
        for turn in range(8)
    ]

    results = await asyncio.gather(*calls)

    assert len(await statuses(store)) == 20
    assert all([one.ids for one in result] == [one.ids for one in results[0]] for result in results)
    assert sum(not one.is_repeat for result in results for one in result) == 20


async def test_old_deliveries_are_forgotten(store: Store, clock) -> None:
    """An hour behind the window; before that, a call repeated in doubt finds them."""
    batch = [deliver("t1", "a")]
    await store.tasks.accept(batch)
    clock.advance(WINDOW_MS + 3_600_000)
    await store.prune_kept()
    assert await store.tasks.accept(batch) == [Accepted((1,))]
    clock.advance(1)

    await store.prune_kept()

    assert await store.tasks.accept([deliver("t1", "b")]) == [Accepted((2,))]
