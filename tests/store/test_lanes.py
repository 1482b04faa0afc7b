"""Leases, and what becomes of the tasks of a worker that stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from connector.store.lanes import draw_token
from connector.store.rows import Checkpoint, OnDuplicate, TaskFilter, TaskStatus
from tests.store.stage import claim, ingest, lease, note, report, settle, statuses, take

if TYPE_CHECKING:
    from connector.store.store import Store

DEAD_MS = 40_000


async def test_a_free_lane_is_given(store: Store, clock) -> None:
    """The lease names route, lanes, worker and a token; others can see it."""
    taken = await lease(store, "worker-1", lanes=[3, 1, 3])

    held = await store.lanes.held()

    assert (taken.route, taken.lanes, taken.worker) == ("orders", (1, 3), "worker-1")
    assert [(row.lane, row.token, row.worker, row.acquired_at_ms) for row in held] == [
        (1, taken.token, "worker-1", clock()),
        (3, taken.token, "worker-1", clock()),
    ]


async def test_tokens_differ(store: Store) -> None:
    """Every lease has its own, of 63 bits."""
    first = await lease(store, lanes=[0])
    second = await lease(store, lanes=[1])

    assert first.token != second.token
    assert 0 < first.token < 2**63


async def test_a_lane_of_ones_own_is_not_given_twice(store: Store) -> None:
    """A worker that still holds a lane does not get it by a second lease."""
    await lease(store, lanes=[0])

    assert await store.lanes.acquire("worker-1", "orders", [0], most_attempts=5) is None


async def test_a_released_lane_is_free(store: Store) -> None:
    """Whoever comes next gets it."""
    first = await lease(store)

    await store.lanes.release(first)
    second = await lease(store)

    assert second.lanes == first.lanes
    assert {row.token for row in await store.lanes.held()} == {second.token}


async def test_only_the_holder_releases(store: Store) -> None:
    """A lease that was taken over releases nothing of the other's."""
    first = await lease(store)
    await store.lanes.release(first)
    await lease(store)

    await store.lanes.release(first)

    assert len(await store.lanes.held()) == 8


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_lane_of_one_who_is_alive_is_not_given(store: Store, clock) -> None:
    """With several workers each gets what nobody alive holds; heartbeats keep a worker alive."""
    await lease(store, "worker-1", lanes=[0, 1])
    clock.advance(20_000)
    await store.workers.beat("worker-1")
    clock.advance(20_000)

    second = await lease(store, "worker-2")

    assert second.lanes == (2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_lane_of_one_who_left_is_given_at_once(store: Store) -> None:
    """A worker that said goodbye is not waited for."""
    await lease(store, "worker-1")
    await store.workers.leave("worker-1")

    assert (await lease(store, "worker-2")).lanes == tuple(range(8))


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_heartbeat_out_of_the_future_is_none(store: Store, clock) -> None:
    """A server's clock that was set back does not keep a dead worker alive."""
    await lease(store, "worker-1")
    clock.advance(-3_600_000)

    assert (await lease(store, "worker-2")).lanes == tuple(range(8))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_another_holder_of_a_file_is_dead(store: Store) -> None:
    """One process at a time works on a file, so whoever else holds a lane is gone."""
    await lease(store, "worker-1")

    assert (await lease(store, "worker-2")).lanes == tuple(range(8))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_file_opened_for_administration_gives_no_lease(store: Store, beside: Store) -> None:
    """A command beside a worker must not take the worker for dead."""
    with pytest.raises(RuntimeError, match="opened for work"):
        await beside.lanes.acquire("worker-2", "orders", [0], most_attempts=5)


async def test_a_task_in_a_dead_workers_hands_is_new_again(store: Store, clock) -> None:
    """Nothing had left, so it is simply tried again; the attempt says why it ended."""
    await ingest(store, "a")
    (task,) = await take(store, "dead")
    clock.advance(DEAD_MS)

    taken = await lease(store, "worker-2")
    detail = await store.tasks.show(task.id)
    (again,) = await claim(store, taken)

    assert detail is not None
    assert detail.row.status is TaskStatus.NEW
    (attempt,) = detail.attempts
    assert (attempt.outcome, attempt.worker, attempt.ended_at_ms) == ("stopped", "dead", clock())
    assert attempt.reason == "the worker stopped while working on it"
    assert again.attempt == 2


async def test_a_task_whose_request_had_left_is_unknown(store: Store, clock) -> None:
    """Nobody saw what came of it, so it is not sent again; it is to be looked for at once."""
    await ingest(store, "a")
    (task,) = await take(store, "dead")
    await store.tasks.write(notes=[note(task)])
    clock.advance(DEAD_MS)

    taken = await lease(store, "worker-2")
    detail = await store.tasks.show(task.id)

    assert detail is not None
    assert (detail.row.status, detail.row.due_at_ms) == (TaskStatus.UNKNOWN, clock())
    assert detail.row.reason.startswith("the worker stopped after the request of place was sent")
    assert (detail.attempts[0].outcome, detail.attempts[0].commit_step) == ("unknown", "place")
    assert await claim(store, taken) == []


async def test_a_request_that_was_answered_before_the_end_is_not_in_doubt(store: Store, clock) -> None:
    """Behind a checkpoint nothing is out: the rest is sent by the next worker."""
    await ingest(store, "a")
    (task,) = await take(store, "dead")
    await store.tasks.write(notes=[note(task)])
    await store.tasks.write(checkpoints=[Checkpoint(task.id, task.attempt, task.token, 1, 2)])
    clock.advance(DEAD_MS)

    (again,) = await take(store, "worker-2")

    assert (again.id, again.sent, again.parcels) == (task.id, 1, 2)


async def test_a_note_of_an_earlier_attempt_does_not_count(store: Store, clock) -> None:
    """What became of the first request is known; the second attempt had sent nothing."""
    await ingest(store, "a")
    taken = await lease(store, "dead")
    (task,) = await claim(store, taken)
    await store.tasks.write(notes=[note(task)])
    await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock()))
    await claim(store, taken)
    clock.advance(DEAD_MS)

    await lease(store, "worker-2")

    assert (await statuses(store))[task.id] == "new"


async def test_a_task_that_outlives_too_many_workers_is_poisonous(store: Store, clock) -> None:
    """After as many workers as there may be tries it is failed, and says so."""
    await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)
    for number in range(3):
        await take(store, f"dead-{number}", most=3)
        clock.advance(DEAD_MS)

    (behind,) = await take(store, "worker-4", most=3)
    (failed,) = await store.tasks.find(TaskFilter(statuses=(TaskStatus.FAILED,)))

    assert failed.reason == "the worker stopped 3 times while working on it"
    assert behind.id > failed.id


async def test_tries_a_person_asked_for_count_from_there(store: Store, clock) -> None:
    """A task that was tried anew by a person is not poisonous for what was before."""
    await ingest(store, "a")
    await take(store, "dead-1", most=1)
    clock.advance(DEAD_MS)
    await lease(store, "dead-2", most=1)
    await store.tasks.retry(TaskFilter())
    clock.advance(DEAD_MS)
    (task,) = await take(store, "dead-3", most=2)
    clock.advance(DEAD_MS)

    await lease(store, "worker-4", most=2)

    assert (task.attempt, task.tries) == (2, 1)
    assert (await statuses(store))[task.id] == "new"


async def test_only_lanes_that_are_taken_are_recovered(store: Store, clock) -> None:
    """Tasks in other lanes stay with their worker until somebody takes those."""
    await ingest(store, None, None)
    one, two = await take(store, "dead")
    clock.advance(DEAD_MS)

    await lease(store, "worker-2", lanes=[0])

    assert await statuses(store) == {one.id: "new", two.id: "processing"}


async def test_tasks_left_by_a_lease_that_was_released_are_recovered(store: Store) -> None:
    """A worker that let go of its lanes with tasks in hand leaves them to the next one."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await store.lanes.release(taken)

    await lease(store)

    assert (await statuses(store))[task.id] == "new"


async def test_a_dead_worker_leaves_no_key_waiting_for_ever(store: Store, clock) -> None:
    """When its task is failed for good, the next of the key goes."""
    ids = await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)
    await take(store, "dead", most=1)
    clock.advance(DEAD_MS)

    (next_one,) = await take(store, "worker-2", most=1)

    assert next_one.id == ids[1]


async def test_lanes_that_were_taken_in_a_call_without_an_answer_are_given_again(store: Store) -> None:
    """Whoever repeats it with the same token has the same lease."""
    await store.workers.join("worker-1", host="here", pid=1)
    token = draw_token()

    first, again = [
        await store.lanes.acquire("worker-1", "orders", [1, 2], most_attempts=5, token=token) for _ in range(2)
    ]

    assert first is not None
    assert (first.lanes, first.token) == ((1, 2), token)
    assert again == first


async def test_nobody_is_taken_over_by_one_who_may_not(store: Store, clock) -> None:
    """Whoever was cut off itself takes free lanes alone, however long the others were not heard of."""
    await lease(store, "worker-1", lanes=[0])
    clock.advance(DEAD_MS)
    await store.workers.join("worker-2", host="here", pid=1)

    taken = await store.lanes.acquire("worker-2", "orders", [0, 1], most_attempts=5, may_take_over=False)

    assert taken is not None
    assert taken.lanes == (1,)


async def test_what_is_in_hand_in_a_lane_that_nobody_has_is_due(store: Store) -> None:
    """Somebody has to see to it: whoever takes the lane recovers it."""
    await ingest(store, "a")
    taken = await lease(store, "worker-1")
    (task,) = await claim(store, taken)
    places = [("orders", lane) for lane in range(8)]
    before = await store.tasks.list_due(places)
    await store.lanes.release(taken)

    due = await store.tasks.list_due(places)
    (again,) = await take(store, "worker-2")

    assert before == {}
    assert list(due.values()) == [0]
    assert (again.id, again.attempt) == (task.id, 2)


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_one_of_two_gets_a_lane(store: Store) -> None:
    """Of workers that ask at the same time each lane goes to one."""
    for worker in ("worker-1", "worker-2"):
        await store.workers.join(worker, host="here", pid=1)

    leases = await asyncio.gather(
        *(
            store.lanes.acquire(worker, "orders", list(range(8)), most_attempts=5)
            for worker in ("worker-1", "worker-2") * 4
        )
    )

    lanes = [lane for taken in leases if taken is not None for lane in taken.lanes]
    assert sorted(lanes) == list(range(8))
