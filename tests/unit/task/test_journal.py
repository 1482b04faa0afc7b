"""Notes, checkpoints and settlements: many in a transaction, none lost, and nothing let go before it is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from connector import log
from connector.errors import Recovery, StoreError
from connector.store.rows import Checkpoint, CommitNote, Settlement, TaskStatus
from connector.task.journal import MOST_AT_ONCE, Fate, FencedError, Journal, WithdrawnError

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN = 7
AWAY = StoreError("the disk is full", cure="make room")


def note(task: int, attempt: int = 1) -> CommitNote:
    """A note."""
    return CommitNote(task, attempt, TOKEN, "orders", "orders", 0)


def settlement(task: int, status: TaskStatus = TaskStatus.FINISHED) -> Settlement:
    """The end of an attempt."""
    return Settlement(task, 1, TOKEN, status)


class Tasks:
    """A store's tasks: takes its time, and fails as often as told.

    Attributes:
        written: What each transaction held.
        go: Transactions wait for it.
    """

    def __init__(self, *errors: StoreError, fenced: frozenset[tuple[int, int]] = frozenset()) -> None:
        self.written: list[list[CommitNote | Checkpoint | Settlement]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.tries = 0
        self._errors = list(errors)
        self._fenced = fenced

    def hurry(self, patience_s: float) -> None:
        """It is never away by itself."""

    async def write(
        self, notes: Sequence[CommitNote], checkpoints: Sequence[Checkpoint], settlements: Sequence[Settlement]
    ) -> frozenset[tuple[int, int]]:
        """Write."""
        self.tries += 1
        await self.go.wait()
        await asyncio.sleep(0)
        if self._errors:
            raise self._errors.pop(0)
        self.written.append([*notes, *checkpoints, *settlements])
        return self._fenced


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept_s: list[float] = []

    async def sleep(self, delay_s: float) -> None:
        """Pass the time."""
        self.slept_s.append(delay_s)
        self.now_s += delay_s
        await asyncio.sleep(0)

    def __call__(self) -> float:
        """Tell the time."""
        return self.now_s


async def settle_loop() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_note_returns_when_it_is_written():
    """As long as the transaction is under way, whoever waits does not go on."""
    tasks = Tasks()
    tasks.go.clear()
    journal = Journal(tasks)

    noting = asyncio.create_task(journal.note(note(1)))
    await settle_loop()
    was_done = noting.done()
    tasks.go.set()
    await noting

    assert not was_done
    assert tasks.written == [[note(1)]]


async def test_what_comes_in_meanwhile_shares_the_next_transaction():
    """One alone waits for nothing; a hundred behind it are written together, notes and settlements alike."""
    tasks = Tasks()
    tasks.go.clear()
    journal = Journal(tasks)
    fates: list[Fate] = []

    first = asyncio.create_task(journal.note(note(0)))
    await settle_loop()
    others = [asyncio.create_task(journal.note(note(task))) for task in range(1, 100)]
    journal.settle(settlement(100), fates.append)
    await settle_loop()
    tasks.go.set()
    await asyncio.gather(first, *others)

    assert [len(written) for written in tasks.written] == [1, 100]
    assert fates == [Fate.WRITTEN]


async def test_a_transaction_holds_no_more_than_it_may():
    """What is left over goes into the next one."""
    tasks = Tasks()
    journal = Journal(tasks)

    for task in range(MOST_AT_ONCE + 1):
        journal.settle(settlement(task), lambda _fate: None)
    await journal.flush()

    assert [len(written) for written in tasks.written] == [MOST_AT_ONCE, 1]


async def test_a_fenced_note_is_an_error():
    """The task is somebody else's, so that the request must not leave; others in the transaction are not touched."""
    journal = Journal(Tasks(fenced=frozenset({(1, 1)})))
    fates: list[Fate] = []

    journal.settle(settlement(3), fates.append)
    results = await asyncio.gather(journal.note(note(1)), journal.note(note(2)), return_exceptions=True)

    assert isinstance(results[0], FencedError)
    assert results[1] is None
    assert fates == [Fate.WRITTEN]


async def test_a_fenced_settlement_says_so():
    """What came of the attempt holds no more."""
    journal = Journal(Tasks(fenced=frozenset({(1, 1)})))
    fates: list[Fate] = []

    journal.settle(settlement(1), fates.append)
    await journal.flush()

    assert fates == [Fate.FENCED]


async def test_a_note_that_nobody_waits_for_any_more_is_not_written():
    """Broken off ahead of its transaction, its request does not leave, and must not look as if it had."""
    tasks = Tasks()
    tasks.go.clear()
    journal = Journal(tasks)

    first = asyncio.create_task(journal.note(note(1)))
    await settle_loop()
    second = asyncio.create_task(journal.note(note(2)))
    await settle_loop()
    second.cancel()
    tasks.go.set()
    await first
    await journal.flush()

    assert [entry for written in tasks.written for entry in written] == [note(1)]


async def test_while_the_store_is_away_nothing_goes_on_and_nothing_is_lost():
    """The same entries are written again until the store takes them; it is said once that it is away, once that not."""
    tasks, time = Tasks(*[AWAY] * 4), Time()
    journal = Journal(tasks, sleep=time.sleep, clock=time)
    fates: list[Fate] = []

    with capture_logs() as lines:
        journal.settle(settlement(1), fates.append)
        await journal.checkpoint(Checkpoint(2, 1, TOKEN, 1, 3))

    assert (tasks.tries, fates) == (5, [Fate.WRITTEN])
    assert tasks.written == [[Checkpoint(2, 1, TOKEN, 1, 3), settlement(1)]]
    assert time.slept_s == [0.1, 0.2, 0.4, 0.8]
    assert [line["event"] for line in lines] == [log.STORE_AWAY, log.STORE_BACK]
    assert (lines[0]["reason"], lines[0]["cure"]) == ("the disk is full", "make room")


async def test_a_store_that_stays_away_is_given_up():
    """Who waits for a note is turned back, outcomes are named in the log, and the journal says what is wrong."""
    time = Time()
    journal = Journal(Tasks(*[AWAY] * 100), patience_s=10, sleep=time.sleep, clock=time)
    fates: list[Fate] = []

    with capture_logs() as lines:
        journal.settle(settlement(5), fates.append)
        with pytest.raises(WithdrawnError):
            await journal.note(note(6))
        journal.settle(settlement(7, TaskStatus.FAILED), fates.append)
        with pytest.raises(WithdrawnError):
            await journal.note(note(8))

    assert time.now_s == 10
    assert fates == [Fate.LOST, Fate.LOST]
    lost = [line for line in lines if line["event"] == log.OUTCOME_UNWRITTEN]
    assert [(line["task_id"], line["status"]) for line in lost] == [(5, "finished"), (7, "failed")]
    with pytest.raises(StoreError, match="the disk is full"):
        journal.check()


async def test_a_store_that_can_never_be_written_to_is_given_up_at_once():
    """Waiting would not help."""
    time = Time()
    journal = Journal(Tasks(StoreError("it is read-only", recovery=Recovery.ABORT)), sleep=time.sleep, clock=time)

    with pytest.raises(WithdrawnError):
        await journal.note(note(1))

    assert time.slept_s == []


async def test_a_fault_of_the_store_keeps_nobody_waiting():
    """Whatever is raised: who waits is turned back, and the fault comes out where the journal is asked."""

    class Broken(Tasks):
        async def write(self, *_entries: object) -> frozenset[tuple[int, int]]:
            raise ZeroDivisionError("a slip")

    journal = Journal(Broken())

    with pytest.raises(WithdrawnError):
        await journal.note(note(1))
    with pytest.raises(ZeroDivisionError):
        journal.check()


async def test_in_a_hurry_a_store_that_is_away_is_given_up_sooner():
    """A process that was asked to stop does not wait for as long as one that works."""
    time = Time()
    journal = Journal(Tasks(*[AWAY] * 100), patience_s=100, sleep=time.sleep, clock=time)
    journal.hurry(3)

    with pytest.raises(WithdrawnError):
        await journal.note(note(1))

    assert time.now_s == 3


async def test_other_acts_upon_the_store_are_borne_as_well():
    """What is asked of a store that is away is asked again, and answered when it is back."""
    time, errors = Time(), [AWAY, AWAY]
    journal = Journal(Tasks(), sleep=time.sleep, clock=time)

    async def claim() -> str:
        if errors:
            raise errors.pop()
        return "claimed"

    assert await journal.bear(claim) == "claimed"
    assert time.slept_s == [0.1, 0.2]


async def test_what_can_be_read_says_nothing_of_what_cannot_be_written():
    """On a full disk reading goes on as ever, and writing is given up in time all the same."""
    time = Time()
    journal = Journal(Tasks(*[AWAY] * 100), patience_s=20, sleep=time.sleep, clock=time)

    async def look() -> None:
        while True:
            await journal.bear(lambda: asyncio.sleep(0))

    looking = asyncio.ensure_future(look())
    with capture_logs() as logged, pytest.raises(WithdrawnError):
        await journal.note(note(1))
    looking.cancel()

    assert time.now_s == 20
    assert [line["event"] for line in logged] == [log.STORE_AWAY]


async def test_a_store_that_was_away_once_is_waited_for_anew():
    """An act that was broken off while the store was away does not shorten the patience with the next one."""
    time, errors = Time(), [AWAY, AWAY]
    journal = Journal(Tasks(), patience_s=20, sleep=time.sleep, clock=time)

    async def claim() -> str:
        if errors:
            raise errors.pop()
        return "claimed"

    async def never(_delay_s: float) -> None:
        await asyncio.Event().wait()

    journal._sleep = never
    held_up = asyncio.ensure_future(journal.bear(claim))
    await settle_loop()
    held_up.cancel()
    await settle_loop()
    journal._sleep = time.sleep
    await journal.bear(lambda: asyncio.sleep(0))
    time.now_s += 1000

    assert await journal.bear(claim) == "claimed"
