"""The store against a model of it, over whatever happens: workers that stop, reports that come late, people."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.store.rows import (
    Checkpoint,
    Claimed,
    CommitNote,
    Lease,
    NewTask,
    OnDuplicate,
    Resolution,
    Settlement,
    TaskFilter,
    TaskStatus,
)
from connector.store.store import open_store
from tests.store.stage import FakeClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

READY = "ready"  # new or waiting: the model does not tell them apart
MOST_TRIES = 3
LONGEST_WAIT_MS = 100_000
KEYS = st.sampled_from(["a", "b", "c", None])
ENDS = st.sampled_from(
    [TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.RETRY, TaskStatus.UNKNOWN, TaskStatus.NEW]
)


@dataclass
class Modelled:
    """What the model knows of a task."""

    key: str | None
    status: str = READY
    attempts: int = 0
    tried_before: int = 0
    due_at_ms: int = 0
    sent: int = 0
    record: int = 0
    has_note: bool = False

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.status == READY or TaskStatus(self.status).is_open


@dataclass
class World:
    """The model of the store, and the workers around it."""

    tasks: dict[int, Modelled] = field(default_factory=dict)
    in_hand: dict[int, Claimed] = field(default_factory=dict)
    lost: list[Claimed] = field(default_factory=list)
    proven: set[tuple[int, int]] = field(default_factory=set)
    records: int = 0

    def is_first(self, task: int) -> bool:
        """Whether no earlier task of its key is open, and none of its key is in hand."""
        key = self.tasks[task].key
        if key is None:
            return True
        of_key = {number: other for number, other in self.tasks.items() if other.key == key and number != task}
        return not any(
            (other.is_open and number < task) or other.status == "processing" for number, other in of_key.items()
        )


class StoreMachine(RuleBasedStateMachine):
    """Does to the store what may happen to it, and compares it with the model after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="connector-machine-"))
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clock = FakeClock()
        self.world = World()
        self.tokens = 0
        self.workers = 0
        self.store = self.run(
            self.stack.enter_async_context(open_store(self.folder / "connector.db", clock=self.clock))
        )
        self.lease: Lease = self.take_over()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Carry out one call of the store."""
        return self.runner.run(work)

    def teardown(self) -> None:
        """Put everything away."""
        self.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)

    @initialize(mode=st.sampled_from(list(OnDuplicate)))
    def choose_mode(self, mode: OnDuplicate) -> None:
        """A route has one answer to duplicates."""
        self.mode = mode

    @rule(keys=st.lists(KEYS, min_size=1, max_size=5))
    def ingest(self, keys: list[str | None]) -> None:
        """Records come in."""
        world = self.world
        batch = []
        for place, key in enumerate(keys):
            world.records += 1
            batch.append(NewTask("r", b"%d" % world.records, key=key, on_duplicate=self.mode, position=place))
        self.tokens += 1

        result = self.run(self.store.tasks.ingest(batch, token=str(self.tokens)))
        again = self.run(self.store.tasks.ingest(batch, token=str(self.tokens)))

        assert again == result
        for task, task_id in zip(batch, result.ids, strict=True):
            if task_id is None:
                assert self.mode is OnDuplicate.SKIP
                assert any(other.key == task.key for other in world.tasks.values())
            elif task_id in world.tasks:
                assert self.mode is OnDuplicate.UPDATE
                assert world.tasks[task_id].key == task.key
                assert world.tasks[task_id].status in {READY, "retry"}
                assert world.tasks[task_id].sent == 0
                world.tasks[task_id].record = int(task.record)
            else:
                world.tasks[task_id] = Modelled(task.key, record=int(task.record))

    @rule(limit=st.integers(1, 6))
    def claim(self, limit: int) -> None:
        """A worker takes what is ready."""
        world = self.world
        claimed = self.run(self.store.tasks.claim(self.lease, limit=limit, longest_wait_ms=LONGEST_WAIT_MS))

        ready = [number for number in world.tasks if self.may_claim(number)]
        assert len(claimed) <= limit
        assert bool(claimed) == bool(ready)  # those that must wait may take the places of others, never all of them
        for task in claimed:
            assert self.may_claim(task.id)
            modelled = world.tasks[task.id]
            modelled.attempts += 1
            modelled.status, modelled.has_note = "processing", False
            assert (task.attempt, task.tries) == (modelled.attempts, modelled.attempts - modelled.tried_before)
            assert (task.sent, int(task.record)) == (modelled.sent, modelled.record)
            world.in_hand[task.id] = task

    def may_claim(self, task: int) -> bool:
        """Whether the model would give a task out."""
        modelled = self.world.tasks[task]
        is_due = modelled.status == "retry" and modelled.due_at_ms <= self.clock()
        return (modelled.status == READY or is_due) and self.world.is_first(task)

    @precondition(lambda self: self.world.in_hand)
    @rule(data=st.data())
    def note(self, data: st.DataObject) -> None:
        """A request that commits is about to leave."""
        task = self.pick(data)

        fenced = self.run(self.store.tasks.write([self.as_note(task)]))

        assert fenced == frozenset()
        self.world.tasks[task.id].has_note = True

    @precondition(lambda self: self.world.in_hand)
    @rule(data=st.data())
    def check(self, data: st.DataObject) -> None:
        """One more parcel is sent."""
        task = self.pick(data)
        modelled = self.world.tasks[task.id]
        modelled.sent += 1

        self.run(self.store.tasks.write([], [Checkpoint(task.id, task.attempt, task.token, modelled.sent, 99)]))

        modelled.has_note = False

    @precondition(lambda self: self.world.in_hand)
    @rule(data=st.data(), status=ENDS, delay_ms=st.integers(0, 1000))
    def settle(self, data: st.DataObject, status: TaskStatus, delay_ms: int) -> None:
        """An attempt ends."""
        task = self.pick(data)
        modelled = self.world.tasks[task.id]
        modelled.due_at_ms = self.clock() + delay_ms
        ended = Settlement(
            task.id, task.attempt, task.token, status, due_at_ms=modelled.due_at_ms, sent=modelled.sent, parcels=99
        )

        fenced = self.run(self.store.tasks.write(settlements=[ended]))
        twice = self.run(self.store.tasks.write(settlements=[ended]))

        assert fenced == twice == frozenset()
        del self.world.in_hand[task.id]
        modelled.status = READY if status is TaskStatus.NEW else status.value
        modelled.tried_before += status is TaskStatus.NEW

    @precondition(lambda self: self.world.in_hand)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """A worker stops before it has begun with a task."""
        task = self.pick(data)
        modelled = self.world.tasks[task.id]
        if modelled.has_note or modelled.sent:
            return

        self.run(self.store.tasks.release(self.lease, [task.id]))

        del self.world.in_hand[task.id]
        modelled.status = READY
        modelled.attempts -= 1

    @rule()
    def crash(self) -> None:
        """A worker stops where it stands, and another takes over."""
        world = self.world
        world.lost += world.in_hand.values()
        self.lease = self.take_over()
        for number in world.in_hand:
            modelled = world.tasks[number]
            if modelled.has_note:
                modelled.status = "unknown"
            elif modelled.attempts - modelled.tried_before >= MOST_TRIES:
                modelled.status = "failed"
            else:
                modelled.status = READY
        world.in_hand.clear()

    @precondition(lambda self: self.world.lost)
    @rule(data=st.data())
    def report_late(self, data: st.DataObject) -> None:
        """A worker that was only slow comes back with what it has done."""
        late = data.draw(st.sampled_from(self.world.lost))
        place = {(late.id, late.attempt)}

        notes = self.run(self.store.tasks.write([self.as_note(late)]))
        ends = self.run(
            self.store.tasks.write(settlements=[Settlement(late.id, late.attempt, late.token, TaskStatus.FINISHED)])
        )
        claimed = self.run(
            self.store.tasks.claim(Lease("r", self.lease.lanes, late.token, "late"), limit=9, longest_wait_ms=1)
        )

        modelled = self.world.tasks[late.id]
        if modelled.status == "unknown" and modelled.attempts == late.attempt:
            modelled.status = "finished"
            self.world.proven |= place
        assert notes == place
        assert ends == place - self.world.proven
        assert claimed == []

    @rule(ms=st.integers(1, 700))
    def wait(self, ms: int) -> None:
        """Time passes."""
        self.clock.advance(ms)

    @precondition(lambda self: self.world.tasks)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """A person wants a task tried anew."""
        number = data.draw(st.sampled_from(sorted(self.world.tasks)))
        modelled = self.world.tasks[number]

        count = self.run(self.store.tasks.retry(TaskFilter(ids=(number,))))

        assert count == (modelled.status in {"failed", "skipped", "retry"})
        if count:
            modelled.status, modelled.tried_before = READY, modelled.attempts

    @precondition(lambda self: self.world.tasks)
    @rule(data=st.data())
    def skip(self, data: st.DataObject) -> None:
        """A person wants a task left out."""
        number = data.draw(st.sampled_from(sorted(self.world.tasks)))
        modelled = self.world.tasks[number]

        count = self.run(self.store.tasks.skip(TaskFilter(ids=(number,)), "no"))

        assert count == (modelled.status in {READY, "retry", "failed"})
        if count:
            modelled.status = "skipped"

    @precondition(lambda self: any(task.status == "unknown" for task in self.world.tasks.values()))
    @rule(outcome=st.sampled_from(list(Resolution)))
    def resolve(self, outcome: Resolution) -> None:
        """A person says what became of what nobody saw."""
        self.run(self.store.tasks.resolve(TaskFilter(), outcome, by="kim"))

        for modelled in self.world.tasks.values():
            if modelled.status == "unknown":
                modelled.tried_before = modelled.attempts
                modelled.status = {"done": "finished", "retry": READY, "failed": "failed"}[outcome.value]

    @invariant()
    def every_record_is_there_once(self) -> None:
        """The store holds the tasks of the model, each where the model has it."""
        rows = self.run(self.store.tasks.find(TaskFilter(), limit=1000))

        found = {row.id: READY if row.status.value in {"new", "waiting"} else row.status.value for row in rows}
        assert found == {number: modelled.status for number, modelled in self.world.tasks.items()}
        assert {row.id: row.attempts for row in rows} == {
            number: modelled.attempts for number, modelled in self.world.tasks.items()
        }

    @invariant()
    def never_two_of_a_key_in_hand(self) -> None:
        """Of a key at most one is being worked on."""
        busy = [row.key for row in self.run(self.store.tasks.find(TaskFilter(statuses=(TaskStatus.PROCESSING,))))]

        keys = [key for key in busy if key is not None]
        assert len(keys) == len(set(keys))

    @precondition(lambda self: any(task.is_open for task in self.world.tasks.values()))
    @rule(limit=st.integers(1, 50))
    def drain(self, limit: int) -> None:
        """Work on until nothing is left: nothing is forgotten, and of each key the order is kept."""
        self.crash()
        self.resolve(Resolution.FAILED)
        order: dict[str | None, list[int]] = defaultdict(list)
        left = [number for number, modelled in self.world.tasks.items() if modelled.is_open]
        for _ in range(len(left) + 1):
            self.clock.advance(2000)
            self.claim(limit)
            for task in list(self.world.in_hand.values()):
                order[task.key].append(task.id)
                ended = Settlement(task.id, task.attempt, task.token, TaskStatus.FINISHED)
                assert not self.run(self.store.tasks.write(settlements=[ended]))
                self.world.tasks[task.id].status = "finished"
                del self.world.in_hand[task.id]
        assert sorted(number for numbers in order.values() for number in numbers) == sorted(left)
        assert all(numbers == sorted(numbers) for key, numbers in order.items() if key is not None)

    def take_over(self) -> Lease:
        """Have a new worker take all lanes."""
        self.workers += 1
        lease = self.run(
            self.store.lanes.acquire(f"worker-{self.workers}", "r", list(range(8)), most_attempts=MOST_TRIES)
        )
        assert lease is not None
        return lease

    def pick(self, data: st.DataObject) -> Claimed:
        """Return one of the tasks in hand."""
        return self.world.in_hand[data.draw(st.sampled_from(sorted(self.world.in_hand)))]

    @staticmethod
    def as_note(task: Claimed) -> CommitNote:
        """Return the note that a request of a task is about to leave."""
        return CommitNote(task.id, task.attempt, task.token, "place", "order.place", 1)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=30, stateful_step_count=30)
