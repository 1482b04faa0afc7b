"""What workers report: kept with its lease, refused without it, and all in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from connector.store.rows import Checkpoint, OnDuplicate, Resolution, StoredValue, TaskFilter, TaskStatus
from tests.store.stage import claim, exchange, ingest, lease, make, note, report, settle, statuses, take

if TYPE_CHECKING:
    from connector.store.rows import Claimed, TaskDetail
    from connector.store.store import Store


async def show(store: Store, task: Claimed) -> TaskDetail:
    """Return all that is kept of a task."""
    detail = await store.tasks.show(task.id)
    assert detail is not None
    return detail


async def test_a_settled_task_keeps_how_it_ended(store: Store, clock) -> None:
    """Status, verdict, step, reason, cure, value and parcels are the settlement's."""
    await ingest(store, "a")
    (task,) = await take(store)
    clock.advance(30)

    fenced = await report(
        store,
        settle(
            task,
            TaskStatus.FAILED,
            verdict="rejected",
            step="place",
            reason="no such product",
            cure="add it",
            value=b'{"error":1}',
            sent=1,
            parcels=2,
        ),
    )
    detail = await show(store, task)

    assert fenced == frozenset()
    row = detail.row
    assert (row.status, row.verdict, row.step, row.reason, row.cure) == (
        TaskStatus.FAILED,
        "rejected",
        "place",
        "no such product",
        "add it",
    )
    assert (row.sent, row.parcels, row.attempts, row.updated_at_ms) == (1, 2, 1, clock())
    assert detail.value == b'{"error":1}'


async def test_an_attempt_keeps_its_times_and_its_worker(store: Store) -> None:
    """One attempt a try, with when, who, how long and what came of it."""
    await ingest(store, "a")
    (task,) = await take(store, "worker-7")

    await report(store, settle(task, started_at_ms=100, ended_at_ms=350, verdict="ok"))
    (attempt,) = (await show(store, task)).attempts

    assert (attempt.number, attempt.worker, attempt.started_at_ms, attempt.ended_at_ms) == (1, "worker-7", 100, 350)
    assert (attempt.duration_ms, attempt.outcome, attempt.verdict) == (250, "finished", "ok")
    assert attempt.commit_at_ms is None


async def test_every_try_is_an_attempt_of_its_own(store: Store, clock) -> None:
    """Tries add up, each with its own words."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await report(store, settle(task, TaskStatus.RETRY, due_at_ms=clock(), reason="busy"))
    (again,) = await claim(store, taken)
    await report(store, settle(again))

    attempts = (await show(store, task)).attempts

    assert [(attempt.number, attempt.outcome, attempt.reason) for attempt in attempts] == [
        (1, "retry", "busy"),
        (2, "finished", ""),
    ]


async def test_exchanges_are_kept_in_order(store: Store) -> None:
    """What was said in an attempt is shown with it, as it was handed in."""
    await ingest(store, "a")
    (task,) = await take(store)
    said = (exchange(request="one"), exchange(request="two", status=None, failure="cut off", response=""))

    await report(store, settle(task, exchanges=said))
    detail = await show(store, task)

    assert detail.attempts[0].exchanges == said
    assert detail.exchanges == said


async def test_values_are_kept_with_the_settlement(store: Store) -> None:
    """A value is written, or deleted, in the same transaction."""
    await store.state.set_values([StoredValue("marks", "old", b"1")])
    await ingest(store, "a")
    (task,) = await take(store)

    await report(store, settle(task, values=(StoredValue("marks", "new", b"2"), StoredValue("marks", "old", b""))))

    assert await store.state.values([("marks", "old"), ("marks", "new")]) == {("marks", "new"): b"2"}


async def test_a_commit_note_is_there_before_the_request_leaves(store: Store, beside: Store) -> None:
    """Once `write` returns, others see the note."""
    await ingest(store, "a")
    (task,) = await take(store)

    fenced = await store.tasks.write(notes=[note(task, at_ms=77)])
    (attempt,) = (await show(beside, task)).attempts

    assert fenced == frozenset()
    assert (attempt.commit_at_ms, attempt.commit_step, attempt.commit_entity) == (77, "place", "order.place")
    assert (attempt.commit_evidence, attempt.ended_at_ms, attempt.outcome) == (b'{"order_id":7}', None, None)


async def test_the_last_commit_note_of_an_attempt_counts(store: Store) -> None:
    """A second request that commits takes the place of the first."""
    await ingest(store, "a")
    (task,) = await take(store)
    await store.tasks.write(notes=[note(task)])

    await store.tasks.write(notes=[note(task, step="confirm", evidence=None)])
    (attempt,) = (await show(store, task)).attempts

    assert (attempt.commit_step, attempt.commit_evidence) == ("confirm", None)


async def test_a_settlement_keeps_the_commit_note(store: Store) -> None:
    """What left is still to be read when the attempt has ended."""
    await ingest(store, "a")
    (task,) = await take(store)
    await store.tasks.write(notes=[note(task)])

    await report(store, settle(task, TaskStatus.UNKNOWN, reason="no answer"))
    (attempt,) = (await show(store, task)).attempts

    assert (attempt.commit_step, attempt.outcome, attempt.reason) == ("place", "unknown", "no answer")


async def test_a_checkpoint_keeps_what_is_sent(store: Store) -> None:
    """The next try knows how many parcels are out."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)

    await store.tasks.write(checkpoints=[Checkpoint(task.id, task.attempt, task.token, 2, 3)])

    row = (await show(store, task)).row
    assert (row.sent, row.parcels, row.status) == (2, 3, TaskStatus.PROCESSING)


async def test_notes_checkpoints_and_settlements_go_together(store: Store) -> None:
    """One call keeps reports of all kinds, of many tasks."""
    await ingest(store, "a", "b", "c")
    one, two, three = await take(store)

    fenced = await store.tasks.write(
        [note(one)], [Checkpoint(two.id, two.attempt, two.token, 1, 2)], [settle(three, exchanges=(exchange(),))]
    )

    assert fenced == frozenset()
    assert (await show(store, one)).attempts[0].commit_step == "place"
    assert (await show(store, two)).row.sent == 1
    assert (await statuses(store))[three.id] == "finished"


async def test_a_task_settled_as_new_is_claimed_again_and_has_lost_no_try(store: Store) -> None:
    """A route that is stopped gives its tasks back; the attempt is on record, and does not count as a try."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)

    await report(store, settle(task, TaskStatus.NEW, reason="the credential is refused"))
    (again,) = await claim(store, taken)

    assert (again.id, again.attempt, again.tries) == (task.id, 2, 1)
    assert [attempt.outcome for attempt in (await show(store, task)).attempts] == ["new"]


@pytest.mark.parametrize("what", ["note", "checkpoint", "settlement"])
async def test_a_worker_that_was_taken_over_is_fenced_off(store: Store, clock, what: str) -> None:
    """Whatever it reports, the task is not touched, and it is told so."""
    await ingest(store, "a")
    (late,) = await take(store, "slow")
    clock.advance(40_000)
    (now,) = await take(store, "quick")
    before = (await show(store, now)).row

    fenced = await store.tasks.write(
        [note(late)] if what == "note" else [],
        [Checkpoint(late.id, late.attempt, late.token, 9, 9)] if what == "checkpoint" else [],
        [settle(late)] if what == "settlement" else [],
    )

    assert fenced == {(late.id, late.attempt)}
    assert (await show(store, now)).row == before


async def test_what_a_fenced_worker_saw_is_kept_with_its_attempt(store: Store, clock) -> None:
    """Its outcome and its exchanges are there for whoever looks into it; its values are not written."""
    await ingest(store, "a")
    (late,) = await take(store, "slow")
    await store.tasks.write(notes=[note(late)])
    clock.advance(40_000)
    await lease(store, "quick")
    await store.tasks.resolve(TaskFilter(ids=(late.id,)), Resolution.FAILED, by="ann")

    ended = settle(late, verdict="ok", reason="order 7", exchanges=(exchange(),), values=(StoredValue("m", "k", b"1"),))
    fenced = [await report(store, ended) for _ in range(2)]
    detail = await show(store, late)

    assert fenced == [{(late.id, late.attempt)}] * 2
    assert detail.row.status is TaskStatus.FAILED
    (attempt,) = detail.attempts
    assert (attempt.outcome, attempt.worker, attempt.reason) == ("late: finished", "slow", "order 7")
    assert attempt.commit_step == "place"
    assert attempt.exchanges == (exchange(),)
    assert await store.state.values([("m", "k")]) == {}


async def test_a_late_answer_settles_the_attempt_in_doubt(store: Store, clock) -> None:
    """It is the proof that was missing: the task is finished, its values are kept, and the next of its key goes on."""
    await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)
    (late,) = await take(store, "slow")
    await store.tasks.write(notes=[note(late)])
    clock.advance(40_000)
    taken = await lease(store, "quick")
    before = await claim(store, taken)

    fenced = await report(
        store, settle(late, value=b'{"order_id":7}', exchanges=(exchange(),), values=(StoredValue("m", "k", b"1"),))
    )
    (following,) = await claim(store, taken)
    detail = await show(store, late)

    assert before == []
    assert fenced == frozenset()
    assert (detail.row.status, detail.value) == (TaskStatus.FINISHED, b'{"order_id":7}')
    assert [(attempt.outcome, attempt.worker, attempt.exchanges) for attempt in detail.attempts] == [
        ("finished", "slow", (exchange(),))
    ]
    assert await store.state.values([("m", "k")]) == {("m", "k"): b"1"}
    assert following.key == "a"


async def test_a_late_rejection_lets_the_attempt_in_doubt_be_tried_again(store: Store, clock) -> None:
    """Whoever made the attempt knows that nothing came of it."""
    await ingest(store, "a")
    (late,) = await take(store, "slow")
    await store.tasks.write(notes=[note(late)])
    clock.advance(40_000)
    taken = await lease(store, "quick")

    fenced = await report(store, settle(late, TaskStatus.RETRY, due_at_ms=clock()))

    assert fenced == frozenset()
    assert [task.attempt for task in await claim(store, taken)] == [2]


async def test_a_late_answer_that_tells_nothing_leaves_the_doubt(store: Store, clock) -> None:
    """That the outcome is unknown was known before."""
    await ingest(store, "a")
    (late,) = await take(store, "slow")
    await store.tasks.write(notes=[note(late)])
    clock.advance(40_000)
    await lease(store, "quick")

    fenced = await report(store, settle(late, TaskStatus.UNKNOWN, ended_at_ms=9))

    assert fenced == {(late.id, late.attempt)}
    assert (await statuses(store))[late.id] == "unknown"


@pytest.mark.parametrize("resolution", [Resolution.RETRY, Resolution.DONE])
async def test_a_late_answer_changes_nothing_a_person_has_decided(store: Store, clock, resolution: Resolution) -> None:
    """Neither that it is tried anew, nor that it is done."""
    await ingest(store, "a")
    (late,) = await take(store, "slow")
    await store.tasks.write(notes=[note(late)])
    clock.advance(40_000)
    await lease(store, "quick")
    await store.tasks.resolve(TaskFilter(ids=(late.id,)), resolution, by="ann")
    before = (await show(store, late)).row

    fenced = await report(store, settle(late, TaskStatus.FAILED))

    assert fenced == {(late.id, late.attempt)}
    assert (await show(store, late)).row == before


async def test_an_end_that_was_written_already_is_not_taken_for_late(store: Store) -> None:
    """Whoever repeats it, not knowing what became of the first time, is told that it is kept; and it is kept once."""
    await ingest(store, "a")
    (task,) = await take(store)
    ended = settle(task, TaskStatus.SKIPPED, ended_at_ms=9, exchanges=(exchange(),), becomes=tuple(make("b")))

    fenced = [await report(store, ended) for _ in range(2)]
    detail = await show(store, task)

    assert fenced == [frozenset()] * 2
    assert [(attempt.outcome, attempt.exchanges) for attempt in detail.attempts] == [("skipped", (exchange(),))]
    assert sorted((await statuses(store)).values()) == ["new", "skipped"]


async def test_a_late_outcome_of_a_task_that_is_gone_is_dropped(store: Store, clock) -> None:
    """A report about a task that was pruned meanwhile does no harm."""
    await ingest(store, "a")
    (late,) = await take(store, "slow")
    clock.advance(40_000)
    (now,) = await take(store, "quick")
    await report(store, settle(now))
    clock.advance(10)
    await store.tasks.prune({None: {TaskStatus.FINISHED: 1}})

    fenced = await report(store, settle(late, exchanges=(exchange(),)))

    assert fenced == {(late.id, late.attempt)}
    assert await store.tasks.show(late.id) is None


async def test_a_note_behind_the_end_of_its_attempt_is_refused(store: Store) -> None:
    """Whoever has settled a task has it in hand no more, and may send nothing for it."""
    await ingest(store, "a")
    (task,) = await take(store)
    await report(store, settle(task))

    assert await store.tasks.write([note(task)]) == {(task.id, task.attempt)}
    assert (await show(store, task)).attempts[0].commit_at_ms is None


async def test_a_lease_may_lose_some_of_its_lanes(store: Store, clock) -> None:
    """Where one lane was taken over, its tasks are fenced off; those in the others are still in hand."""
    await ingest(store, None, None)
    lost, kept = await take(store, "slow", lanes=[0, 1])
    clock.advance(40_000)
    await lease(store, "quick", lanes=[0])

    fenced = await store.tasks.write([note(lost), note(kept)])

    assert fenced == {(lost.id, lost.attempt)}
    assert await report(store, settle(kept)) == frozenset()


async def test_a_second_settlement_of_an_attempt_is_refused(store: Store) -> None:
    """What is settled is settled."""
    await ingest(store, "a")
    (task,) = await take(store)
    await report(store, settle(task))

    fenced = await report(store, settle(task, TaskStatus.FAILED))

    assert fenced == {(task.id, task.attempt)}
    assert (await statuses(store))[task.id] == "finished"


async def test_the_number_of_the_attempt_has_to_be_right(store: Store, clock) -> None:
    """A report of an earlier try under the same lease does not settle the one under way."""
    await ingest(store, "a")
    taken = await lease(store)
    (first,) = await claim(store, taken)
    await report(store, settle(first, TaskStatus.RETRY, due_at_ms=clock()))
    (second,) = await claim(store, taken)

    fenced = await report(store, settle(replace(second, attempt=1), TaskStatus.FAILED))

    assert fenced == {(first.id, 1)}
    assert (await statuses(store))[second.id] == "processing"


async def test_of_a_batch_only_the_fenced_ones_are_refused(store: Store, clock) -> None:
    """One that was taken over does not take the others with it."""
    await ingest(store, None, None)
    slow = await lease(store, "slow", lanes=[0])
    (late,) = await claim(store, slow)
    clock.advance(40_000)
    taken = await lease(store, "quick")
    one, two = await claim(store, taken)

    fenced = await store.tasks.write(settlements=[settle(late), settle(two)])

    assert fenced == {(late.id, late.attempt)}
    assert (await statuses(store)) == {one.id: "processing", two.id: "finished"}


async def test_a_batch_that_breaks_changes_nothing(store: Store) -> None:
    """Either all of a batch is kept, or none of it."""
    await ingest(store, "a", "b")
    one, two = await take(store)

    with pytest.raises(Exception, match=r".+"):
        await store.tasks.write([note(one)], [], [settle(two, sent=2**70)])

    assert (await show(store, one)).attempts == ()
    assert (await statuses(store))[two.id] == "processing"


async def test_nothing_to_report_is_no_transaction(store: Store) -> None:
    """An empty call returns at once."""
    assert await store.tasks.write() == frozenset()
