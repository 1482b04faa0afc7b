"""Tasks go into a worker's hands: in order, one of a key at a time, and back again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from connector.store.rows import NewTask, OnDuplicate, TaskFilter, TaskStatus
from connector.store.tables import tasks
from tests.store.stage import LONGEST_WAIT_MS, claim, ingest, keys_by_status, lease, report, settle, statuses, take

if TYPE_CHECKING:
    from connector.store.rows import Claimed
    from connector.store.store import Store

NEW = OnDuplicate.NEW


async def test_what_is_ready_is_claimed_in_the_order_it_came(store: Store) -> None:
    """Keyless tasks of all lanes come out as they went in, up to the limit."""
    ids = await ingest(store, *[None] * 20)
    taken = await lease(store)

    first = await claim(store, taken, limit=12)
    second = await claim(store, taken, limit=12)

    assert [task.id for task in first + second] == ids


async def test_a_claimed_task_says_what_a_worker_needs(store: Store, clock) -> None:
    """Record, key, number of the attempt, source and token come with it."""
    (number,) = await ingest(store, "a")
    clock.advance(5)

    (task,) = await take(store)

    assert (task.id, task.route, task.key, task.record) == (number, "orders", "a", b'{"place":0}')
    assert (task.attempt, task.tries, task.sent, task.parcels) == (1, 1, 0, 0)
    assert (task.source, task.position, task.created_at_ms) == ("incoming.orders", 0, clock() - 5)


async def test_a_task_is_claimed_once(store: Store) -> None:
    """What is in hand is not given out again."""
    await ingest(store, "a")
    taken = await lease(store)
    await claim(store, taken)

    assert await claim(store, taken) == []


async def test_only_lanes_of_the_lease_are_looked_at(store: Store) -> None:
    """Two workers with different lanes share the tasks of a route between them."""
    ids = await ingest(store, *[None] * 16)
    some = await lease(store, "worker-1", lanes=[0, 1, 2])

    claimed = await claim(store, some)

    assert [task.id for task in claimed] == [ids[place] for place in (0, 1, 2, 8, 9, 10)]


async def test_only_the_route_of_the_lease_is_looked_at(store: Store) -> None:
    """Tasks of another route stay where they are."""
    await ingest(store, "a", route="invoices")

    assert await take(store) == []


async def test_of_a_key_only_the_first_is_claimed(store: Store) -> None:
    """Those behind it wait, and say behind whom."""
    ids = await ingest(store, "a", "b", "a", "a", on_duplicate=NEW)

    claimed = await take(store)
    waiting = await store.tasks.find(TaskFilter(statuses=(TaskStatus.WAITING,)))

    assert [task.id for task in claimed] == ids[:2]
    assert [row.reason for row in waiting] == [f"behind task {ids[0]} of the same key"] * 2


@pytest.mark.parametrize("status", [TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.SKIPPED])
async def test_a_settled_task_lets_the_next_of_its_key_go(store: Store, status: TaskStatus) -> None:
    """Whatever became of it: the next one is ready in the same transaction, and only that."""
    ids = await ingest(store, "a", "a", "a", on_duplicate=NEW)
    taken = await lease(store)
    (first,) = await claim(store, taken)

    await report(store, settle(first, status))

    assert [(await statuses(store))[task or 0] for task in ids] == [status.value, "new", "waiting"]
    assert [task.id for task in await claim(store, taken)] == [ids[1]]


@pytest.mark.parametrize("status", [TaskStatus.RETRY, TaskStatus.UNKNOWN])
async def test_a_task_that_stays_open_keeps_the_next_of_its_key_waiting(
    store: Store, clock, status: TaskStatus
) -> None:
    """Nothing overtakes a task that will be tried again or looked for."""
    await ingest(store, "a", "a", on_duplicate=NEW)
    taken = await lease(store)
    (first,) = await claim(store, taken)

    await report(store, settle(first, status, due_at_ms=clock() + 1000))

    assert await claim(store, taken) == []
    assert await keys_by_status(store, TaskStatus.WAITING) == ["a"]


async def test_keys_come_out_in_order_to_the_end(store: Store) -> None:
    """Every task of every key is claimed, in order, never two of a key at once."""
    keys = ["a", "b", "a", "c", "b", "a", "a", "c"]
    await ingest(store, *keys, on_duplicate=NEW)
    taken = await lease(store)
    seen: list[str | None] = []
    rounds: list[list[Claimed]] = []

    while claimed := await claim(store, taken):
        rounds.append(claimed)
        seen += [task.key for task in claimed]
        await report(store, *(settle(task) for task in claimed))

    assert sorted(filter(None, seen)) == sorted(keys)
    assert all(len({task.key for task in claimed}) == len(claimed) for claimed in rounds)
    assert len(rounds) == 4


async def test_open_tasks_of_a_key_stand_together_in_the_index(store: Store) -> None:
    """Settled ones are not in the way, however many a key has had; one that is reopened is back in its place."""
    ids = await ingest(store, "a", "a", "a", on_duplicate=NEW)
    taken = await lease(store)

    def read(transaction) -> list[tuple[int, int]]:
        return [tuple(row) for row in transaction.fetch(select(tasks.c.id, tasks.c.occurrence).order_by(tasks.c.id))]

    for status in (TaskStatus.FINISHED, TaskStatus.FAILED):
        (task,) = await claim(store, taken)
        await report(store, settle(task, status))
    settled = await store._database.read(read)
    await store.tasks.retry(TaskFilter())
    reopened = await store._database.read(read)

    one, two, three = (task or 0 for task in ids)
    assert settled == [(one, -one), (two, -two), (three, three)]
    assert reopened == [(one, -one), (two, two), (three, three)]


async def test_very_many_of_a_key_do_not_hide_the_others(store: Store) -> None:
    """A claim goes on past those that must wait until it finds one that need not."""
    await ingest(store, *["a"] * 300, on_duplicate=NEW)
    taken = await lease(store)
    await claim(store, taken, limit=1)
    (other,) = await ingest(store, "b", on_duplicate=NEW)

    claimed = await claim(store, taken, limit=10)

    assert [task.id for task in claimed] == [other]


async def test_a_try_is_claimed_when_it_is_due(store: Store, clock) -> None:
    """Not before, and then with the next number."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock() + 1000))

    clock.advance(999)
    before = await claim(store, taken)
    clock.advance(1)
    (again,) = await claim(store, taken)

    assert before == []
    assert (again.id, again.attempt, again.tries) == (task.id, 2, 2)


async def test_a_due_try_comes_before_newer_tasks(store: Store, clock) -> None:
    """What came first goes first, also when it has to be tried again."""
    await ingest(store, "a", "b", "c")
    taken = await lease(store)
    (task,) = await claim(store, taken, limit=1)
    await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock()))

    assert [claimed.key for claimed in await claim(store, taken)] == ["a", "b", "c"]


async def test_a_try_due_further_off_than_any_is_put_is_due(store: Store, clock) -> None:
    """A due time beyond the longest wait comes from a clock that was set back, and is not waited for."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock() + 60_000))

    clock.advance(-LONGEST_WAIT_MS)

    assert [claimed.id for claimed in await claim(store, taken)] == [task.id]


async def test_the_next_due_time_is_the_first(store: Store, clock) -> None:
    """Of all lanes of the route, and of no other."""
    await ingest(store, *[None] * 8)
    taken = await lease(store)
    none = await store.tasks.next_due("orders")
    for number, task in enumerate(await claim(store, taken)):
        await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock() + 1000 - number))

    assert none is None
    assert await store.tasks.next_due("orders") == clock() + 993
    assert await store.tasks.next_due("invoices") is None


async def test_lanes_say_when_something_is_ready_in_them(store: Store, clock) -> None:
    """0 where a task is new, the due time where one will be tried again; lanes with neither are left out."""
    await ingest(store, None, None)
    taken = await lease(store)
    _, second = await claim(store, taken)
    await report(store, settle(second, TaskStatus.RETRY, due_at_ms=clock() + 7))
    await store.tasks.ingest([NewTask("orders", b"{}", position=2)], token="t")

    due = await store.tasks.list_due([("orders", lane) for lane in range(8)])

    assert due == {("orders", 1): clock() + 7, ("orders", 2): 0}


async def test_a_task_given_back_is_ready_and_its_attempt_does_not_count(store: Store) -> None:
    """What was claimed and never begun is as it was."""
    await ingest(store, "a", "a", on_duplicate=NEW)
    taken = await lease(store)
    (task,) = await claim(store, taken)

    await store.tasks.release(taken, [task.id])
    (again,) = await claim(store, taken)

    assert (again.id, again.attempt) == (task.id, 1)


async def test_what_another_worker_holds_is_not_given_back(store: Store, clock) -> None:
    """A task that was taken over stays with who has it."""
    await ingest(store, "a")
    slow = await lease(store, "slow")
    (task,) = await claim(store, slow)
    clock.advance(40_000)
    await take(store, "quick")

    await store.tasks.release(slow, [task.id])

    assert (await statuses(store))[task.id] == "processing"


async def test_a_lease_that_was_taken_over_claims_nothing(store: Store, clock) -> None:
    """A worker that was only slow finds its lanes empty."""
    slow = await lease(store, "slow")
    clock.advance(40_000)
    await lease(store, "quick")
    await ingest(store, "a")

    assert await claim(store, slow) == []


async def test_an_earlier_task_asked_for_anew_waits_for_a_later_one_in_hand(store: Store) -> None:
    """Two of a key are never in hand, also when a person reopens the first while the second is worked on."""
    ids = await ingest(store, "a", "a", on_duplicate=NEW)
    taken = await lease(store)
    (first,) = await claim(store, taken)
    await report(store, settle(first, TaskStatus.FAILED))
    (second,) = await claim(store, taken)
    await store.tasks.retry(TaskFilter(ids=(first.id,)))

    meanwhile = await claim(store, taken)
    await report(store, settle(second))
    after = await claim(store, taken)

    assert second.id == ids[1]
    assert meanwhile == []
    assert [task.id for task in after] == [first.id]


async def test_a_claim_whose_answer_was_lost_is_made_good(store: Store) -> None:
    """Whoever repeats it, saying what is known to be in hand, gets what is not, and then what is new."""
    await ingest(store, "a", "b", "c")
    taken = await lease(store)
    (known,) = await claim(store, taken, limit=1)
    (lost,) = await claim(store, taken, limit=1)
    places = {(known.id, known.attempt)}

    again = await store.tasks.claim(taken, limit=1, longest_wait_ms=LONGEST_WAIT_MS, known=places)
    places.add((lost.id, lost.attempt))
    following = await store.tasks.claim(taken, limit=1, longest_wait_ms=LONGEST_WAIT_MS, known=places)

    assert again == [lost]
    assert [task.key for task in following] == ["c"]


async def test_claims_side_by_side_give_each_task_once(store: Store, beside: Store) -> None:
    """Workers with lanes of their own, over connections of their own, never get the same task."""
    ids = await ingest(store, *[f"key-{number % 40}" for number in range(200)], on_duplicate=NEW)
    first = await lease(store, "worker-1", lanes=range(4))
    second = await lease(store, "worker-2", lanes=range(4, 8))
    seen: list[int] = []

    async def work(mine: Store, taken) -> None:
        while claimed := await claim(mine, taken, limit=7):
            assert len({task.key for task in claimed}) == len(claimed)
            seen.extend(task.id for task in claimed)
            await mine.tasks.write(settlements=[settle(task) for task in claimed])

    await asyncio.gather(work(store, first), work(beside, second))

    assert sorted(seen) == sorted(task or 0 for task in ids)
