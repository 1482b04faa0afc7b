"""Incomings fetched when they are due: once, in time, and after a time in which nobody was there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from connector import load, open_project
from connector.errors import StoreError
from connector.store.store import open_store
from connector.task.schedule import Firing, Scheduler
from tests.integration.task.source import HeldStore, Source, document, row
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.store import Store

QUARTERLY = {"cron": "*/15 * * * *"}
NEVER = {"cron": "none"}
"""Stands for an incoming without a schedule."""


class Clock:
    """Shows what it is set to, on 22 November 2026, UTC."""

    def __init__(self, text: str = "10:00:00") -> None:
        self.ms = 0
        self.set(text)

    def __call__(self) -> int:
        """Milliseconds since the epoch."""
        return self.ms

    def set(self, text: str) -> None:
        """Show another time of the day, or another day with its time."""
        written = text if "-" in text else f"2026-11-22 {text}"
        self.ms = round(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp() * 1000)


class Worker:
    """One process that fetches what is due."""

    def __init__(self, scheduler: Scheduler, store: Store, source: Source, clock: Clock) -> None:
        self.scheduler = scheduler
        self.store = store
        self.source = source
        self._clock = clock

    async def look(self, text: str | None = None) -> list[str]:
        """What is due, by its time of day, with the clock set to another time."""
        if text is not None:
            self._clock.set(text)
        firings = await self.scheduler.due()
        return [tell(firing) for firing in firings]

    async def work(self, text: str | None = None, **options: Any) -> list[str]:
        """Fire what is due, and what is due after that; return the due times of what was really fetched."""
        if text is not None:
            self._clock.set(text)
        fetched = []
        for _ in range(50):
            firings = await self.scheduler.due()
            if not firings:
                return fetched
            for firing in firings:
                asked = len(self.source.asked)
                await self.scheduler.fire(firing, **options)
                if len(self.source.asked) > asked:
                    fetched.append(tell(firing))
        raise AssertionError("it never ends")

    async def result(self) -> str:
        """What is kept of the last fetch."""
        (kept,) = await self.store.schedules.all()
        return kept.last_result


def tell(firing: Firing) -> str:
    """When a firing was due."""
    return f"{datetime.fromtimestamp(firing.due_at_ms / 1000, UTC):%H:%M:%S.%f}".removesuffix(".000000")


@asynccontextmanager
async def open_worker(
    url: Any, clock: Clock, source: Source | None = None, *, schedule: Any = None, name: str = "w1", store: Any = None
) -> AsyncIterator[Worker]:
    """A worker that has just started."""
    source = source or Source([row(1)])
    project = load(document(schedule=None if schedule == NEVER else schedule or QUARTERLY), environment={})
    async with (
        open_project(project, transport=httpx.MockTransport(source)) as runtime,
        open_store(url, clock=clock) as opened,
    ):
        used = opened if store is None else store(opened)
        await opened.workers.join(name, host="here", pid=1)
        scheduler = runtime.scheduler(used, runtime.ingest(used), worker=name)
        await scheduler.open()
        yield Worker(scheduler, opened, source, clock)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that stays from one start of a worker to the next."""
    return tmp_path / "tasks.db"


# --- in time --------------------------------------------------------------------------------------------------------


async def test_what_is_due_is_fetched_once(path: Path):
    """Nothing before its time, and nothing twice."""
    async with open_worker(path, Clock("10:00:00")) as worker:
        assert await worker.look() == []
        assert await worker.look("10:14:59") == []
        assert await worker.work("10:15:00") == ["10:15:00"]
        assert await worker.work("10:29:59") == []
        assert await worker.work("10:30:07") == ["10:30:00"]


async def test_what_was_due_before_the_schedule_was_known_is_not_fetched(path: Path):
    """A new schedule begins with its next due time."""
    async with open_worker(path, Clock("10:07:00")) as worker:
        assert await worker.look() == []
        assert await worker.work("10:15:00") == ["10:15:00"]


async def test_a_fetch_makes_tasks(path: Path):
    """A firing is a fetch like any other, and its counts are its result."""
    async with open_worker(path, Clock(), Source([row(1), row(2)])) as worker:
        await worker.work("10:15:00")

        assert await worker.store.tasks.counts() == {"r": {"new": 2}}
        assert await worker.result() == "2 records, 2 new"


async def test_what_is_due_is_given_until_it_is_fired(path: Path):
    """Whoever asks is told, so that a firing which somebody lost is not lost."""
    async with open_worker(path, Clock()) as worker:
        assert await worker.look("10:15:00") == ["10:15:00"]
        assert await worker.look("10:15:30") == ["10:15:00"]


async def test_schedules_are_read_only_when_something_is_due(path: Path):
    """A worker that waits asks the database for nothing but what people have asked for."""

    class Counting:
        def __init__(self, store: Store) -> None:
            self._store = store
            self.schedules = self
            self.reads = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(
                self._store.schedules if name in {"declare", "fire", "note_result", "asked"} else self._store, name
            )

        async def all(self) -> Any:
            self.reads += 1
            return await self._store.schedules.all()

    counting: list[Counting] = []

    def count(store: Store) -> Counting:
        counting.append(Counting(store))
        return counting[0]

    async with open_worker(path, Clock("10:00:00"), store=count) as worker:
        before = counting[0].reads
        for second in range(50):
            await worker.look(f"10:01:{second:02}")

        assert counting[0].reads == before


async def test_an_incoming_that_fails_is_told_and_tried_at_its_next_time(path: Path):
    """The failure is the result, and the schedule goes on."""
    source = Source([row(1)])
    source.answer = lambda _payload: 401

    async with open_worker(path, Clock(), source) as worker:
        with capture_logs() as logs:
            assert await worker.work("10:15:00") == ["10:15:00"]
        assert (await worker.result()).startswith("failed: ")
        source.answer = lambda _payload: None
        assert await worker.work("10:30:00") == ["10:30:00"]
        assert await worker.result() == "1 record, 1 new"
    assert [entry["log_level"] for entry in logs if entry["event"] == "schedule_failed"] == ["error"]


async def test_a_store_that_fails_is_the_workers_matter(path: Path):
    """It is raised, and the fetch is taken up again when the store is back."""
    held: list[HeldStore] = []

    def hold(store: Store) -> HeldStore:
        held.append(HeldStore(store))
        return held[0]

    async with open_worker(path, Clock(), store=hold) as worker:
        held[0].fails_with = StoreError("the disk is full")
        with pytest.raises(StoreError):
            await worker.work("10:15:00")
        assert await worker.result() == "stopped: the store was away"
        held[0].fails_with = None

        assert await worker.work("10:16:00") == ["10:15:00.001000"]
        assert await worker.work("10:30:00") == ["10:30:00"]


# --- while nobody was there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("last", ["11:00:00"]),
        ("none", []),
        ("all", ["10:30:00", "10:45:00", "11:00:00"]),
    ],
)
async def test_times_that_passed_while_no_worker_ran(path: Path, missed: str, expected: list[str]):
    """The last one, none, or all of them one after another are made up for."""
    clock = Clock()
    schedule = {**QUARTERLY, "missed": missed}
    async with open_worker(path, clock, schedule=schedule) as worker:
        await worker.work("10:15:00")
    clock.set("11:05:00")

    async with open_worker(path, clock, schedule=schedule) as worker:
        assert await worker.work() == expected
        assert await worker.work("11:15:00") == ["11:15:00"]


async def test_a_time_that_passed_a_moment_ago_was_not_missed(path: Path):
    """A worker that starts within a minute of a due time is in time."""
    clock = Clock()
    schedule = {**QUARTERLY, "missed": "none"}
    async with open_worker(path, clock, schedule=schedule):
        pass
    clock.set("10:15:40")

    async with open_worker(path, clock, schedule=schedule) as worker:
        assert await worker.work() == ["10:15:00"]


async def test_times_are_missed_also_before_the_first_fetch(path: Path):
    """The schedule was known since its first start, though nothing was fetched yet."""
    clock = Clock()
    async with open_worker(path, clock):
        pass
    clock.set("12:07:00")

    async with open_worker(path, clock) as worker:
        assert await worker.work() == ["12:00:00"]


async def test_a_schedule_that_was_changed_begins_anew(path: Path):
    """What the new one would have had to do earlier was never asked of it."""
    clock = Clock()
    async with open_worker(path, clock) as worker:
        await worker.work("10:15:00")
    clock.set("12:07:00")

    async with open_worker(path, clock, schedule={"cron": "0 * * * *"}) as worker:
        assert await worker.look() == []
        assert await worker.look("13:00:00") == ["13:00:00"]


async def test_a_clock_that_was_set_back_does_not_end_a_schedule(path: Path):
    """Due times out of the future are no due times."""
    clock = Clock("2031-01-01 10:00:00")
    async with open_worker(path, clock) as worker:
        await worker.work("2031-01-01 10:15:00")
    clock.set("10:00:00")

    async with open_worker(path, clock) as worker:
        assert await worker.work("10:15:00") == ["10:15:00"]
        assert await worker.work("10:30:00") == ["10:30:00"]


# --- fetches that were broken off -----------------------------------------------------------------------------------


async def test_a_fetch_that_was_stopped_is_taken_up_again_once(path: Path):
    """The next worker goes on, without waiting for the next due time; and it does so once."""
    clock = Clock()
    stop = asyncio.Event()
    source = Source([row(1)])

    async def gate(_payload: Any) -> None:
        stop.set()
        await asyncio.sleep(5)

    source.gate = gate
    async with open_worker(path, clock, source) as worker:
        await worker.work("10:15:00", stop=stop)
        assert await worker.result() == "stopped after 0 records"

    async with open_worker(path, clock, source) as worker:
        assert await worker.look() == ["10:15:00.001000"]
        stop.clear()
        await worker.work(stop=stop)
        assert await worker.result() == "stopped after 0 records"

    async with open_worker(path, clock) as worker:
        assert await worker.look() == []
        assert await worker.work("10:30:00") == ["10:30:00"]


async def test_a_fetch_whose_worker_died_is_taken_up_again(path: Path):
    """No result was kept, and no other process can be at it."""
    clock = Clock()
    source = Source([row(1)])
    source.gate = lambda _payload: asyncio.Event().wait()
    async with open_worker(path, clock, source) as worker:
        clock.set("10:15:00")
        (firing,) = await worker.scheduler.due()
        dying = asyncio.create_task(worker.scheduler.fire(firing))
        await source.wait_for(1)
        dying.cancel()
        await asyncio.wait({dying})
        assert await worker.result() == ""

    async with open_worker(path, clock) as worker:
        assert await worker.work("10:16:00") == ["10:15:00.001000"]
        assert await worker.work("10:17:00") == []


async def test_a_fetch_that_was_broken_off_gives_way_to_the_next_time(path: Path):
    """What is due by now makes up for it."""
    clock = Clock()
    async with open_worker(path, clock) as worker:
        clock.set("10:15:00")
        (firing,) = await worker.scheduler.due()
        await worker.store.schedules.fire(firing.incoming, firing.due_at_ms)

    async with open_worker(path, clock) as worker:
        assert await worker.work("10:30:00") == ["10:30:00"]


async def test_one_that_is_known_to_have_died_is_fired_again_when_told_so(path: Path):
    """A queue that has found a worker dead gives its firing to another."""
    async with open_worker(path, Clock("10:15:00")) as worker:
        firing = Firing("rows", Clock("10:15:00").ms)
        await worker.store.schedules.fire(firing.incoming, firing.due_at_ms)

        assert await worker.scheduler.fire(firing) is None
        counts = await worker.scheduler.fire(firing, is_again=True)

        assert counts is not None
        assert counts.taken == 1


async def test_one_that_came_to_its_end_is_not_fired_again(path: Path):
    """A queue that was not told of the end gives it out again, and what was fetched would be fetched twice."""
    async with open_worker(path, Clock()) as worker:
        await worker.work("10:15:00")

        assert await worker.scheduler.fire(Firing("rows", Clock("10:15:00").ms), is_again=True) is None
        assert len(worker.source.asked) == 1


# --- fetches that take long -----------------------------------------------------------------------------------------


async def fetch_for_long(worker: Worker, clock: Clock, until: str) -> list[str]:
    """Fire what is due, let the fetch go on until a time, and return what is due in the end."""
    may_end = asyncio.Event()
    worker.source.gate = lambda _payload: may_end.wait()
    (firing,) = await worker.scheduler.due()
    firing_it = asyncio.create_task(worker.scheduler.fire(firing))
    await worker.source.wait_for(1)
    clock.set(until)
    assert await worker.look() == []  # never two of one incoming at a time
    may_end.set()
    await firing_it
    return await worker.work()


@pytest.mark.parametrize(
    ("overlap", "missed", "expected"),
    [
        ("skip", "last", []),
        ("skip", "all", []),
        ("queue", "last", ["10:45:00"]),
        ("queue", "none", ["10:45:00"]),
        ("queue", "all", ["10:30:00", "10:45:00"]),
    ],
)
async def test_what_comes_due_while_a_fetch_goes_on(path: Path, overlap: str, missed: str, expected: list[str]):
    """It is passed over, or waits for the end: the last of them, or each where all are wanted."""
    clock = Clock()
    async with open_worker(path, clock, schedule={**QUARTERLY, "overlap": overlap, "missed": missed}) as worker:
        clock.set("10:15:00")

        assert await fetch_for_long(worker, clock, "10:50:00") == expected
        assert await worker.work("11:00:00") == ["11:00:00"]


async def test_what_is_passed_over_is_told(path: Path):
    """A warning says that the incoming takes longer than the time between its fetches."""
    clock = Clock()
    async with open_worker(path, clock) as worker:
        clock.set("10:15:00")
        with capture_logs() as logs:
            await fetch_for_long(worker, clock, "10:35:00")

    assert [entry["due_at"] for entry in logs if entry["event"] == "schedule_passed_over"] == [
        "2026-11-22T10:30:00+00:00"
    ]


async def test_what_is_made_up_for_passes_nothing_over(path: Path):
    """While missed times are worked off, those that follow wait for their turn."""
    clock = Clock()
    schedule = {**QUARTERLY, "missed": "all"}
    async with open_worker(path, clock, schedule=schedule):
        pass
    clock.set("10:47:00")

    async with open_worker(path, clock, schedule=schedule) as worker:
        assert await fetch_for_long(worker, clock, "11:02:00") == ["10:30:00", "10:45:00", "11:00:00"]


# --- several workers ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def open_two(server: Postgres, clock: Clock, **options: Any) -> AsyncIterator[tuple[Worker, Worker]]:
    """Two workers on one database."""
    url = server.make_database()
    source = Source([row(1)])
    async with (
        open_worker(url, clock, source, name="w1", **options) as first,
        open_worker(url, clock, source, name="w2", **options) as second,
    ):
        yield first, second


@pytest.mark.postgres
async def test_a_due_time_is_fetched_once_over_all_workers(postgres: Postgres):  # noqa: F811
    """Both see that it is due, and one of them fetches."""
    clock = Clock()
    async with open_two(postgres, clock) as (first, second):
        for minute in (15, 30, 45):
            clock.set(f"10:{minute}:00")
            firings = [(worker, *await worker.scheduler.due()) for worker in (first, second)]
            counts = await asyncio.gather(*(worker.scheduler.fire(firing) for worker, firing in firings))

            assert sum(one is not None for one in counts) == 1
        assert len(first.source.asked) == 3


async def test_a_firing_that_waited_does_for_what_came_due_meanwhile(path: Path):
    """Handed on late, it is one fetch for both times."""
    clock = Clock()
    async with open_worker(path, clock) as worker:
        clock.set("10:15:00")
        (firing,) = await worker.scheduler.due()
        clock.set("10:31:00")

        await worker.scheduler.fire(firing)

        assert await worker.look() == []
        assert len(worker.source.asked) == 1


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("overlap", "missed", "expected"),
    [("skip", "last", []), ("queue", "last", ["10:30:00"]), ("queue", "none", ["10:30:00"])],
)
async def test_two_workers_never_fetch_one_incoming_at_a_time(
    postgres: Postgres,  # noqa: F811
    overlap: str,
    missed: str,
    expected: list[str],
):
    """What is due while the other one fetches is passed over for all, or stays due."""
    clock = Clock()
    async with open_two(postgres, clock, schedule={**QUARTERLY, "overlap": overlap, "missed": missed}) as (
        first,
        second,
    ):
        clock.set("10:15:00")
        may_end = asyncio.Event()
        first.source.gate = lambda _payload: may_end.wait()
        (firing,) = await first.scheduler.due()
        fetching = asyncio.create_task(first.scheduler.fire(firing))
        await first.source.wait_for(1)
        clock.set("10:30:10")
        await first.store.workers.beat("w1")

        (firing,) = await second.scheduler.due()
        assert await second.scheduler.fire(firing) is None
        assert len(first.source.asked) == 1

        clock.set("10:33:00")
        may_end.set()
        await fetching
        assert await second.work() == expected
        assert await first.work() == []


@pytest.mark.postgres
async def test_a_firing_can_be_handed_to_another_worker(postgres: Postgres):  # noqa: F811
    """What one finds due, another one fetches; and the first finds it done."""
    clock = Clock()
    async with open_two(postgres, clock) as (first, second):
        clock.set("10:15:00")
        (firing,) = await first.scheduler.due()

        assert await second.scheduler.fire(firing) is not None
        assert await first.look() == []


@pytest.mark.postgres
async def test_what_another_worker_is_about_to_begin_is_not_passed_over(postgres: Postgres):  # noqa: F811
    """It has the incoming and has begun nothing yet: should it never begin, the time is still due."""
    clock = Clock()
    async with open_two(postgres, clock) as (first, second):
        clock.set("10:15:00")
        await first.store.workers.beat("w1")
        lease = await first.store.lanes.acquire("w1", "fetch/rows", (0,), most_attempts=1)
        assert lease is not None
        (firing,) = await second.scheduler.due()

        assert await second.scheduler.fire(firing) is None

        await first.store.lanes.release(lease)
        assert await second.work() == ["10:15:00"]


# --- on the nights when clocks change ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "night", "expected"),
    [
        # 1:00 to 2:00 is left out on 29 March, and comes twice on 25 October; times here are UTC
        ("30 1 * * *", "2026-03-29", ["01:00:00"]),
        ("30 1 * * *", "2026-10-25", ["00:30:00"]),
        ("*/30 * * * *", "2026-03-29", ["00:00:00", "00:30:00", "01:00:00", "01:30:00", "02:00:00", "02:30:00"]),
        ("*/30 * * * *", "2026-10-25", ["00:00:00", "00:30:00", "01:00:00", "01:30:00", "02:00:00", "02:30:00"]),
    ],
)
async def test_a_night_on_which_clocks_change(cron: str, night: str, expected: list[str], path: Path):
    """Whoever looks every few minutes through such a night fetches once at each due time, none twice and none never."""
    clock = Clock()
    clock.set(f"{night} 00:00:00")
    clock.ms -= 60_000
    async with open_worker(path, clock, schedule={"cron": cron, "timezone": "Europe/London"}) as worker:
        fetched = [
            due
            for minute in range(0, 180, 5)
            for due in await worker.work(f"{night} {minute // 60:02}:{minute % 60:02}:00")
        ]

    assert fetched == expected


# --- asked for ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [QUARTERLY, NEVER])
async def test_what_is_asked_for_is_fetched_at_once(schedule: Any, path: Path):
    """It need not be due, and need not have a schedule; asked for once, it is fetched once."""
    async with open_worker(path, Clock("10:07:00"), schedule=schedule) as worker:
        await worker.store.schedules.ask("rows", "ann")

        fetched = await worker.work("10:07:05")

        assert len(fetched) == 1
        assert await worker.look() == []
        assert await worker.result() == "1 record, 1 new"
        assert await worker.store.tasks.counts() == {"r": {"new": 1}}


async def test_who_asked_is_told(path: Path):
    """The log says by whose wish it is fetched."""
    async with open_worker(path, Clock("10:07:00")) as worker:
        await worker.store.schedules.ask("rows", "ann")
        with capture_logs() as logs:
            await worker.work()

    assert [entry["by"] for entry in logs if entry["event"] == "schedule_asked"] == ["ann"]


async def test_asking_does_not_move_the_schedule(path: Path):
    """The next due time is fetched as ever, and so is one that is missed."""
    async with open_worker(path, Clock("10:07:00")) as worker:
        await worker.store.schedules.ask("rows", "ann")
        await worker.work()

        assert await worker.work("10:15:00") == ["10:15:00"]


async def test_a_fetch_that_is_due_does_what_was_asked_for(path: Path):
    """Both at a time are one fetch."""
    async with open_worker(path, Clock("10:07:00")) as worker:
        await worker.store.schedules.ask("rows", "ann")

        assert await worker.work("10:15:00") == ["10:15:00"]
        assert len(worker.source.asked) == 1


async def test_what_is_asked_for_while_a_fetch_goes_on_waits_for_its_end(path: Path):
    """Never are there two fetches of one incoming at a time."""
    clock = Clock("10:07:00")
    async with open_worker(path, clock, schedule=NEVER) as worker:
        may_end = asyncio.Event()
        worker.source.gate = lambda _payload: may_end.wait()
        await worker.store.schedules.ask("rows", "ann")
        (firing,) = await worker.scheduler.due()
        fetching = asyncio.create_task(worker.scheduler.fire(firing))
        await worker.source.wait_for(1)
        await worker.store.schedules.ask("rows", "bob")
        meanwhile = await worker.look()
        may_end.set()
        await fetching

        assert meanwhile == []
        assert len(await worker.work()) == 1
        assert len(worker.source.asked) == 2


async def test_what_was_asked_for_and_stopped_is_asked_for_again(path: Path):
    """A stop of the worker does not undo a person's wish: the next one fetches."""
    clock = Clock("10:07:00")
    source = Source([row(number) for number in range(3)])
    async with open_worker(path, clock, source, schedule=NEVER) as worker:
        stop = asyncio.Event()
        stop.set()
        await worker.store.schedules.ask("rows", "ann")
        (firing,) = await worker.scheduler.due()
        await worker.scheduler.fire(firing, stop=stop)
        (kept,) = await worker.store.schedules.all()

    assert kept.last_result.startswith("broken off")
    assert kept.asked_by == "ann"
    async with open_worker(path, clock, source, schedule=NEVER) as worker:
        assert len(await worker.work()) == 1
        assert await worker.store.tasks.counts() == {"r": {"new": 3}}


async def test_what_was_asked_for_and_whose_worker_died_is_asked_for_again(path: Path):
    """On SQLite the next worker knows that nobody is at it."""
    clock = Clock("10:07:00")
    async with open_worker(path, clock, schedule=NEVER) as worker:
        await worker.store.schedules.ask("rows", "ann")
        assert await worker.store.schedules.take_asked("rows") is not None

    async with open_worker(path, clock, schedule=NEVER) as worker:
        assert len(await worker.work()) == 1
        assert await worker.result() == "1 record, 1 new"


async def test_a_fetch_asked_for_that_fails_is_told(path: Path):
    """It is not asked for again: whoever asked sees why."""
    source = Source([row(1)])
    source.answer = lambda _payload: 400
    async with open_worker(path, Clock("10:07:00"), source, schedule=NEVER) as worker:
        await worker.store.schedules.ask("rows", "ann")
        await worker.work()

        assert (await worker.result()).startswith("failed: ")
        assert await worker.look() == []


@pytest.mark.postgres
async def test_what_is_asked_for_is_fetched_once_over_all_workers(postgres: Postgres):  # noqa: F811
    """Both see that it is asked for, and one of them fetches."""
    clock = Clock("10:07:00")
    async with open_two(postgres, clock, schedule=NEVER) as (first, second):
        await first.store.schedules.ask("rows", "ann")
        firings = [(worker, *await worker.scheduler.due()) for worker in (first, second)]
        counts = await asyncio.gather(*(worker.scheduler.fire(firing) for worker, firing in firings))

        assert sum(one is not None for one in counts) == 1
        assert len(first.source.asked) == 1
        assert await second.look() == []
