"""What people decide, and what is learnt of unknown outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.store.rows import (
    CommitNote,
    Look,
    OnDuplicate,
    Resolution,
    StoredValue,
    TaskFilter,
    TaskStatus,
)
from tests.store.stage import claim, exchange, ingest, lease, note, report, settle, statuses, take

if TYPE_CHECKING:
    from connector.store.rows import Claimed
    from connector.store.store import Store

EVERYTHING = TaskFilter()


async def one_of_each(store: Store, clock) -> dict[str, int]:
    """Make a task of every status, and return their ids by it."""
    made: dict[str, int] = {}
    taken = await lease(store)
    for status in ("finished", "failed", "skipped", "retry", "unknown"):
        await ingest(store, status)
        (task,) = await claim(store, taken)
        await report(store, settle(task, TaskStatus(status), due_at_ms=clock() + 60_000, reason="so"))
        made[status] = task.id
    await ingest(store, "twice", "twice", on_duplicate=OnDuplicate.NEW)
    (task,) = await claim(store, taken)
    made["processing"], made["waiting"] = task.id, task.id + 1
    made["new"] = (await ingest(store, "fresh"))[0] or 0
    return made


async def unknown(store: Store, key: str = "a", **changes) -> Claimed:
    """Make a task whose request left and was not answered."""
    await ingest(store, key, on_duplicate=OnDuplicate.NEW)
    (task,) = await claim(store, await lease(store, f"worker-{key}"))
    await store.tasks.write([note(task)])
    await report(store, settle(task, TaskStatus.UNKNOWN, **changes))
    return task


async def test_retry_takes_what_failed_was_skipped_or_waits_for_its_time(store: Store, clock) -> None:
    """Everything else is left alone: what is finished or unknown must not be sent twice."""
    made = await one_of_each(store, clock)

    count = await store.tasks.retry(EVERYTHING)

    after = await statuses(store)
    assert count == 3
    assert {name for name, task in made.items() if after[task] == "new"} == {"failed", "skipped", "retry", "new"}


async def test_skip_takes_what_nobody_has_in_hand_and_failures(store: Store, clock) -> None:
    """Everything else is left alone."""
    made = await one_of_each(store, clock)

    count = await store.tasks.skip(EVERYTHING, "not wanted")

    after = await statuses(store)
    assert count == 4
    assert {name for name, task in made.items() if after[task] == "skipped"} == {
        "failed",
        "retry",
        "waiting",
        "new",
        "skipped",
    }
    (row,) = await store.tasks.find(TaskFilter(ids=(made["new"],)))
    assert row.reason == "not wanted"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Resolution.DONE, "finished"), (Resolution.RETRY, "new"), (Resolution.FAILED, "failed")],
)
async def test_resolve_settles_unknown_outcomes_alone(store: Store, clock, outcome: Resolution, status: str) -> None:
    """A person says what became of them; who and why is kept."""
    made = await one_of_each(store, clock)
    before = await statuses(store)

    count = await store.tasks.resolve(EVERYTHING, outcome, by="kim", reason="looked in the shop")

    assert count == 1
    assert await statuses(store) == {**before, made["unknown"]: status}
    (row,) = await store.tasks.find(TaskFilter(ids=(made["unknown"],)))
    assert row.reason == f"resolved as {outcome.value} by kim: looked in the shop"


async def test_a_retried_task_starts_its_tries_anew(store: Store) -> None:
    """Attempts go on counting, tries begin at one, and the old reason is gone."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await report(store, settle(task, TaskStatus.FAILED, reason="so", cure="this"))

    await store.tasks.retry(EVERYTHING)
    (row,) = await store.tasks.find(EVERYTHING)
    (again,) = await claim(store, taken)

    assert (row.reason, row.cure) == ("", None)
    assert (again.attempt, again.tries) == (2, 1)


async def test_a_dry_run_only_counts(store: Store, clock) -> None:
    """Nothing is changed, and the count is that of the real thing."""
    await one_of_each(store, clock)
    before = await statuses(store)

    counts = [
        await store.tasks.retry(EVERYTHING, is_dry=True),
        await store.tasks.skip(EVERYTHING, "", is_dry=True, limit=2),
        await store.tasks.resolve(EVERYTHING, Resolution.DONE, by="kim", is_dry=True),
    ]

    assert counts == [3, 2, 1]
    assert await statuses(store) == before


async def test_a_limit_takes_the_oldest(store: Store) -> None:
    """With a limit the first ones are taken."""
    ids = await ingest(store, "a", "b", "c")

    assert await store.tasks.skip(EVERYTHING, "", limit=2) == 2
    assert await statuses(store) == {ids[0]: "skipped", ids[1]: "skipped", ids[2]: "new"}


async def test_very_many_are_changed_in_bites(store: Store) -> None:
    """A decision about more tasks than one transaction holds reaches all of them."""
    await ingest(store, *[None] * 1200)

    assert await store.tasks.skip(TaskFilter(route="orders"), "") == 1200


async def test_a_decision_is_for_the_tasks_that_are_meant(store: Store, clock) -> None:
    """The filter's own statuses count too; one that the decision does not allow means none."""
    made = await one_of_each(store, clock)

    assert await store.tasks.retry(TaskFilter(statuses=(TaskStatus.FINISHED,))) == 0
    assert await store.tasks.retry(TaskFilter(statuses=(TaskStatus.FAILED, TaskStatus.FINISHED))) == 1
    assert (await statuses(store))[made["failed"]] == "new"


@pytest.mark.parametrize("how", ["skip", "done", "failed"])
async def test_a_decision_lets_the_next_of_a_key_go(store: Store, clock, how: str) -> None:
    """A person who settles a task sets what waits behind it free."""
    _, second = await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)
    taken = await lease(store)
    (task,) = await claim(store, taken)
    is_unknown = how != "skip"
    status = TaskStatus.UNKNOWN if is_unknown else TaskStatus.RETRY
    await report(store, settle(task, status, due_at_ms=clock() + 60_000))

    if is_unknown:
        await store.tasks.resolve(TaskFilter(ids=(task.id,)), Resolution(how), by="kim")
    else:
        await store.tasks.skip(TaskFilter(ids=(task.id,)), "")

    assert [claimed.id for claimed in await claim(store, taken)] == [second]


async def test_decisions_reach_a_worker_beside(store: Store, beside: Store) -> None:
    """What a command decides over its own connection is claimed by the worker at its next look."""
    await ingest(store, "a")
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await report(store, settle(task, TaskStatus.FAILED))

    await beside.tasks.retry(EVERYTHING)

    assert [claimed.id for claimed in await claim(store, taken)] == [task.id]


async def test_an_unknown_task_is_to_be_looked_for_when_it_is_due(store: Store, clock) -> None:
    """Not before; then with all that is known of the request that left."""
    task = await unknown(store, due_at_ms=clock() + 1000, sent=1, parcels=2)

    before = await store.tasks.unknown_due("orders", limit=10)
    clock.advance(1000)
    other = await store.tasks.unknown_due("invoices", limit=10)
    (due,) = await store.tasks.unknown_due("orders", limit=10)

    assert (before, other) == ([], [])
    assert (due.id, due.key, due.record, due.attempt, due.sent, due.parcels) == (task.id, "a", task.record, 1, 1, 2)
    assert (due.step, due.entity, due.evidence, due.commit_at_ms) == ("place", "order.place", b'{"order_id":7}', 5)
    assert due.looks == 0


async def test_one_looks_at_a_time(store: Store, clock) -> None:
    """Whoever got a task to look for has it alone for a while; when nothing comes of it, it is due again."""
    await unknown(store, due_at_ms=clock())

    first = await store.tasks.unknown_due("orders", limit=10, hold_ms=60_000)
    second = await store.tasks.unknown_due("orders", limit=10, hold_ms=60_000)
    clock.advance(60_000)
    third = await store.tasks.unknown_due("orders", limit=10, hold_ms=60_000)

    assert [len(first), len(second), len(third)] == [1, 0, 1]


async def test_an_unknown_task_without_a_due_time_waits_for_a_person(store: Store, clock) -> None:
    """It is never looked for by itself, and can be shown at any time."""
    task = await unknown(store)
    clock.advance(10**9)

    assert await store.tasks.unknown_due("orders", limit=10) == []
    assert [found.id for found in await store.tasks.show_unknown([task.id, 999])] == [task.id]


async def test_unknown_tasks_without_a_note_are_shown_without_one(store: Store, clock) -> None:
    """Where nobody noted what left, step and entity are empty."""
    await ingest(store, "a")
    (task,) = await take(store)
    await report(store, settle(task, TaskStatus.UNKNOWN, due_at_ms=clock()))

    (due,) = await store.tasks.unknown_due("orders", limit=10)

    assert (due.step, due.entity, due.evidence, due.commit_at_ms) == ("", "", None, None)


async def test_what_was_found_settles_the_task(store: Store, clock) -> None:
    """The value, the exchanges and stored values of a look are kept with it."""
    task = await unknown(store, due_at_ms=clock(), exchanges=(exchange(request="sent"),))

    fenced = await store.tasks.note_looks(
        [
            Look(
                task.id,
                task.attempt,
                TaskStatus.FINISHED,
                verdict="ok",
                reason="found as order 8",
                value=b'{"order_id":8}',
                sent=1,
                exchanges=(exchange(request="asked"),),
                values=(StoredValue("marks", "a", b"1"),),
            )
        ]
    )
    detail = await store.tasks.show(task.id)

    assert fenced == frozenset()
    assert detail is not None
    assert (detail.row.status, detail.row.verdict, detail.row.reason) == (TaskStatus.FINISHED, "ok", "found as order 8")
    assert (detail.value, detail.row.sent, detail.row.due_at_ms) == (b'{"order_id":8}', 1, None)
    assert [said.request for said in detail.exchanges] == ["sent", "asked"]
    assert await store.state.values([("marks", "a")]) == {("marks", "a"): b"1"}


async def test_what_was_not_found_stays_unknown_and_is_counted(store: Store, clock) -> None:
    """The next look has its time, and knows how many there were."""
    task = await unknown(store, due_at_ms=clock(), reason="no answer")

    await store.tasks.note_looks([Look(task.id, task.attempt, TaskStatus.UNKNOWN, next_at_ms=clock() + 600)])
    clock.advance(600)
    (due,) = await store.tasks.unknown_due("orders", limit=1)
    (row,) = await store.tasks.find(EVERYTHING)

    assert due.looks == 1
    assert row.reason == "no answer"


async def test_what_is_proven_not_to_have_happened_is_sent_again(store: Store, clock) -> None:
    """As a new attempt."""
    task = await unknown(store, due_at_ms=clock())

    await store.tasks.note_looks([Look(task.id, task.attempt, TaskStatus.NEW)])
    clock.advance(40_000)
    (again,) = await take(store, "worker-2")

    assert (again.id, again.attempt) == (task.id, 2)


async def test_a_look_at_a_task_settled_meanwhile_changes_nothing(store: Store, clock) -> None:
    """A person was quicker: the look is refused, whatever it saw."""
    task = await unknown(store, due_at_ms=clock())
    await store.tasks.resolve(EVERYTHING, Resolution.FAILED, by="kim")

    refused = await store.tasks.note_looks(
        [Look(task.id, task.attempt, TaskStatus.FINISHED, values=(StoredValue("marks", "a", b"1"),))]
    )

    assert refused == {task.id}
    assert await statuses(store) == {task.id: "failed"}
    assert await store.state.values([("marks", "a")]) == {}


async def test_a_found_task_lets_the_next_of_its_key_go(store: Store, clock) -> None:
    """What waited behind an unknown outcome goes on when it is known."""
    await ingest(store, "a", "a", on_duplicate=OnDuplicate.NEW)
    taken = await lease(store)
    (task,) = await claim(store, taken)
    await store.tasks.write([CommitNote(task.id, task.attempt, task.token, "place", "order.place", 1)])
    await report(store, settle(task, TaskStatus.UNKNOWN, due_at_ms=clock()))
    waiting = await claim(store, taken)

    await store.tasks.note_looks([Look(task.id, task.attempt, TaskStatus.FINISHED)])

    assert waiting == []
    assert len(await claim(store, taken)) == 1
