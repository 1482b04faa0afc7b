"""Routes delivered by several workers, on a PostgreSQL server of the tests' own."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from structlog.testing import capture_logs

from connector import log
from connector.errors import StoreError, UnknownNameError
from connector.route.result import Status
from connector.store.rows import LANES, CommitNote, RouteState, TaskStatus
from connector.store.store import open_store, upgrade_store
from connector.task.scale import ShiftQueue
from connector.task.shared import Shared
from tests.integration.task.stage import ROUTE, Remote, as_now, open_stage
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.integration.task.stage import Stage

pytestmark = pytest.mark.postgres

SOON_S = 3.0
"""What is woken is there by then; what is found by the look that every worker takes now and then takes up to 10 s."""


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:  # noqa: F811
    """A database with all tables."""
    database = postgres.make_database()
    asyncio.run(upgrade_store(database))
    return database


@pytest.fixture
def database(postgres: Postgres, template: str) -> str:  # noqa: F811
    """A database of the test's own."""
    return postgres.make_database(template=template)


class Crew:
    """A worker with what it told."""

    def __init__(self, stage: Stage, database: str, **options: Any) -> None:
        self.stage = stage
        self.stop = asyncio.Event()
        self.shared = Shared(
            {ROUTE: stage.work},
            stage.store,
            ShiftQueue(database),
            redactor=stage.redactor,
            on_result=lambda _route, result: stage.results.append(result),
            **{"beat_s": 0.5, "dead_s": 3.0, **options},
        )
        self.running: asyncio.Task[bool] | None = None

    def start(self) -> None:
        """Begin."""
        self.running = asyncio.create_task(self.shared.run(self.stop))

    async def end(self) -> bool:
        """Ask it to stop, and return whether all in hand came to its end."""
        assert self.running is not None
        self.stop.set()
        return await self.running


@asynccontextmanager
async def crews(database: str, folder: Path, remote: Remote, count: int = 1, **options: Any) -> AsyncIterator[Any]:
    """Open so many workers, each with connections of its own; they do not run yet, and are ended with the block."""
    settings = {name: options.pop(name) for name in ("grace_s",) if name in options}
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            stage = await stack.enter_async_context(open_stage(folder, remote, database=database, **options))
            made.append(Crew(stage, database, **settings))
        try:
            yield made[0] if count == 1 else made
        finally:
            for crew in made:
                if crew.running is not None and not crew.running.done():
                    await crew.end()


def numbered(count: int, *, keys: int = 0) -> list[dict[str, Any]]:
    """So many records, dealt out among so many keys."""
    return [{"n": number, "k": f"K{number % keys}" if keys else str(number)} for number in range(count)]


async def until(holds: Callable[[], Any], *, within_s: float = 15.0) -> None:
    """Return when something holds."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.01)


async def until_counted(stage: Stage, expected: dict[str, Any], *, within_s: float = 30.0) -> None:
    """Return when the store's counts are these."""
    async with asyncio.timeout(within_s):
        while await stage.store.tasks.counts() != expected:  # noqa: ASYNC110 - it happens in a database
            await asyncio.sleep(0.05)


def after(delay_s: float) -> Callable[[Any], Any]:
    """Answer so late."""

    async def answer(_payload: Any) -> None:
        await asyncio.sleep(delay_s)

    return answer


async def test_what_waits_is_delivered_as_soon_as_a_worker_comes(database: str, tmp_path: Path):
    """Tasks that were made while nobody was there are found by the first look."""
    async with crews(database, tmp_path, Remote()) as crew:
        await crew.stage.make(*numbered(40))

        crew.start()

        await until(lambda: len(crew.stage.results) == 40, within_s=SOON_S)


async def test_tasks_that_are_made_are_delivered_at_once(database: str, tmp_path: Path):
    """Whoever made tasks wakes the route, and nothing waits for the next look."""
    async with crews(database, tmp_path, Remote()) as crew:
        crew.start()
        await asyncio.sleep(1.5)
        await crew.stage.make(*numbered(8))

        crew.shared.wake(ROUTE)

        await until(lambda: len(crew.stage.results) == 8, within_s=SOON_S)


async def test_a_try_that_is_due_later_is_made_in_time(database: str, tmp_path: Path):
    """The second try of a task comes when it is due, although the shift of the first one has ended long before."""
    times: list[float] = []

    async def refuse_once(_payload: Any) -> httpx.Response | None:
        times.append(time.monotonic())
        return httpx.Response(503) if len(times) == 1 else None

    route = {"retry": {"attempts": 3, "backoff": "2s..2s"}}
    async with crews(database, tmp_path, Remote(refuse_once), publisher={"effect": "read"}, route=route) as crew:
        await crew.stage.make({"n": 1})

        crew.start()
        await until(lambda: crew.stage.results)

    assert 1.0 <= times[1] - times[0] <= 2.6


async def test_a_worker_by_itself_uses_all_places_of_a_route(database: str, tmp_path: Path):
    """However few lanes tasks are in: four of one lane go at once where the route allows four."""
    remote = Remote(after(0.5))
    async with crews(database, tmp_path, remote, route={"concurrency": 4}) as crew:
        for number in range(4):
            await crew.stage.make({"n": number})  # each the first of a batch: all are in the first lane

        crew.start()
        await remote.wait_for(4)

        assert remote.most_in_flight == 4


async def test_workers_share_a_route_and_keep_its_concurrency_together(database: str, tmp_path: Path):
    """Both deliver, each task once, and never more of them at once than the route allows."""
    remote = Remote(after(0.02))
    async with crews(database, tmp_path, remote, count=2, route={"concurrency": 8}) as (one, other):
        one.start()
        other.start()
        await asyncio.sleep(1)
        await one.stage.make(*numbered(400))

        one.shared.wake(ROUTE)
        await until_counted(one.stage, as_now(400))

    assert sorted(payload["n"] for payload in remote.started) == list(range(400))
    assert remote.most_in_flight <= 8
    assert len(one.stage.results) >= 50
    assert len(other.stage.results) >= 50


async def test_a_key_keeps_its_order_over_workers(database: str, tmp_path: Path):
    """Records of one key arrive in the order in which they came in, one after another."""
    in_flight: set[str] = set()
    doubled: list[str] = []

    async def look(payload: Any) -> None:
        doubled.extend(in_flight & {payload["k"]})
        in_flight.add(payload["k"])
        await asyncio.sleep(0.01)
        in_flight.discard(payload["k"])

    remote = Remote(look)
    async with crews(database, tmp_path, remote, count=2, route={"concurrency": 8}) as (one, other):
        await one.stage.make(*numbered(200, keys=12), key="k")
        one.start()
        other.start()
        await until_counted(one.stage, as_now(200))

    arrived = [[payload["n"] for payload in remote.started if payload["k"] == f"K{key}"] for key in range(12)]
    assert doubled == []
    assert all(numbers == sorted(numbers) for numbers in arrived)
    assert sum(map(len, arrived)) == 200


async def test_a_worker_that_comes_later_gets_its_share(database: str, tmp_path: Path):
    """The one that had everything passes shifts on, half of them, while there is work left."""
    remote = Remote(after(0.05))
    async with crews(database, tmp_path, remote, count=2, route={"concurrency": 8}) as (first, later):
        await first.stage.make(*numbered(1200))
        first.start()
        await until(lambda: len(first.stage.results) >= 20)

        later.start()
        await until(lambda: len(later.stage.results) >= 20)
        await asyncio.sleep(1)
        held = [row.worker for row in await first.stage.store.lanes.held()]

    assert held.count(first.shared.worker) == held.count(later.shared.worker) == 4


async def test_what_a_dead_worker_left_is_seen_to(database: str, tmp_path: Path):
    """What may have left is unknown, what has not is sent, and the log says who died."""
    past_ms = int(time.time() * 1000) - 60_000
    async with open_store(database, clock=lambda: past_ms) as ghost, crews(database, tmp_path, Remote()) as crew:
        await crew.stage.make(*numbered(3))
        await ghost.workers.join("ghost", host="elsewhere", pid=1)
        lease = await ghost.lanes.acquire("ghost", ROUTE, range(LANES), most_attempts=6)
        assert lease is not None
        claimed = await ghost.tasks.claim(lease, limit=2, longest_wait_ms=1000)
        await ghost.tasks.write([CommitNote(claimed[0].id, 1, lease.token, "orders", "orders", past_ms)])

        with capture_logs() as lines:
            crew.start()
            expected = {ROUTE: {TaskStatus.UNKNOWN: 1, TaskStatus.FINISHED: 2}}
            await until_counted(crew.stage, expected, within_s=SOON_S)

    assert [line["worker"] for line in lines if line["event"] == log.WORKER_DIED] == ["ghost"]


async def test_a_worker_that_is_only_busy_keeps_its_lanes(database: str, tmp_path: Path):
    """As long as it is heard of, nobody takes what it holds, however long its task takes."""
    remote = Remote(after(4.0))
    async with crews(database, tmp_path, remote, count=2, route={"concurrency": 1}) as (busy, idle):
        await busy.stage.make({"n": 1})
        busy.start()
        await remote.wait_for(1)

        idle.start()
        await until_counted(busy.stage, as_now(1))

    assert len(remote.started) == 1
    assert idle.stage.results == []


async def test_a_route_that_is_paused_is_left_alone_until_it_is_resumed(database: str, tmp_path: Path):
    """Within two seconds nothing of it is begun any more, and within two it goes on."""
    remote = Remote(after(0.05))
    async with crews(database, tmp_path, remote) as crew:
        await crew.stage.make(*numbered(400))
        crew.start()
        await remote.wait_for(5)
        await crew.stage.store.routes.pause(ROUTE, by="somebody")
        await asyncio.sleep(2)
        begun = len(remote.started)
        await asyncio.sleep(0.5)
        still = len(remote.started)
        counts = await crew.stage.store.tasks.counts()

        await crew.stage.store.routes.resume(ROUTE, by="somebody")
        await asyncio.sleep(2)

        assert begun == still < 400
        assert TaskStatus.PROCESSING not in counts[ROUTE]
        assert len(remote.started) > still


async def test_a_route_that_stops_itself_stops_for_all(database: str, tmp_path: Path):
    """Where a credential is refused, no worker goes on trying; a worker that is started anew tries once more."""
    refused = Remote(lambda _payload: answer_with(401))
    async with crews(database, tmp_path, refused, count=2) as (one, other):
        await one.stage.make(*numbered(100))
        one.start()
        other.start()
        await asyncio.sleep(3)
        state = (await one.stage.store.routes.states())[ROUTE].state
        tried = len(refused.started)
        await one.end()
        await other.end()
        counts = await one.stage.store.tasks.counts()

    async with crews(database, tmp_path, Remote()) as third:
        third.start()
        await until_counted(third.stage, as_now(100))

    assert state is RouteState.STOPPED
    assert tried <= 8
    assert counts == {ROUTE: {TaskStatus.NEW: 100}}


async def answer_with(status: int) -> httpx.Response:
    """Answer with a status alone."""
    return httpx.Response(status)


async def test_asked_to_stop_a_worker_finishes_what_is_in_hand(database: str, tmp_path: Path):
    """Nothing is unknown or in hand afterwards, nobody is known as a worker, and what is left is left for others."""
    remote = Remote(after(0.3))
    async with crews(database, tmp_path, remote) as crew:
        await crew.stage.make(*numbered(50))
        crew.start()
        await remote.wait_for(4)

        is_whole = await crew.end()

        counts = await crew.stage.store.tasks.counts()
        assert is_whole
        assert counts == {ROUTE: {TaskStatus.FINISHED: 4, TaskStatus.NEW: 46}}
        assert await crew.stage.store.lanes.held() == []
        assert await crew.stage.store.workers.alive() == []


async def test_a_worker_that_stops_leaves_its_work_to_the_others_at_once(database: str, tmp_path: Path):
    """Nobody has to wait for it to be taken for dead, nor for the next look."""
    remote = Remote(after(0.05))
    async with crews(database, tmp_path, remote, count=2, route={"concurrency": 1}) as (one, other):
        await one.stage.make(*numbered(60))
        one.start()
        await remote.wait_for(5)
        other.start()
        await asyncio.sleep(1)

        await one.end()

        await until(lambda: other.stage.results, within_s=SOON_S)


async def test_what_takes_longer_than_the_grace_is_broken_off(database: str, tmp_path: Path):
    """The request may have arrived: its task is unknown, and the worker says that it was not through."""
    remote = Remote(after(30))
    async with crews(database, tmp_path, remote, grace_s=0.3) as crew:
        await crew.stage.make(*numbered(6))
        crew.start()
        await remote.wait_for(4)

        is_whole = await crew.end()

        assert not is_whole
        assert await crew.stage.store.tasks.counts() == {ROUTE: {TaskStatus.UNKNOWN: 4, TaskStatus.NEW: 2}}


async def test_a_cancelled_worker_breaks_everything_off(database: str, tmp_path: Path):
    """It does not wait, and writes down what became of it."""
    remote = Remote(after(30))
    async with crews(database, tmp_path, remote) as crew:
        await crew.stage.make({"n": 1})
        crew.start()
        await remote.wait_for(1)

        crew.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(crew.running, 5)

        assert await crew.stage.store.tasks.counts() == as_now(1, TaskStatus.UNKNOWN)


async def test_a_server_that_restarts_costs_nothing(postgres: Postgres, database: str, tmp_path: Path):  # noqa: F811
    """Every record arrives once, through two restarts in the middle of it."""
    remote = Remote(after(0.05))
    async with crews(database, tmp_path, remote, count=2, route={"concurrency": 8}) as (one, other):
        await one.stage.make(*numbered(500))
        one.start()
        other.start()
        for count in (50, 250):
            await remote.wait_for(count)
            await asyncio.to_thread(postgres.stop)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgres.start)
        await until_counted(one.stage, as_now(500), within_s=60)

    assert sorted(payload["n"] for payload in remote.started) == list(range(500))


async def test_sessions_that_are_cut_cost_nothing(postgres: Postgres, database: str, tmp_path: Path):  # noqa: F811
    """An administrator ends every session again and again; every record arrives once."""
    remote = Remote(after(0.02))
    async with crews(database, tmp_path, remote, route={"concurrency": 8}) as crew:
        await crew.stage.make(*numbered(600))
        crew.start()
        for count in (50, 150, 300):
            await remote.wait_for(count)
            await asyncio.to_thread(postgres.cut, database)
        await until_counted(crew.stage, as_now(600), within_s=60)

    assert sorted(payload["n"] for payload in remote.started) == list(range(600))


async def test_a_shift_that_is_aborted_leaves_its_lanes(database: str, tmp_path: Path):
    """An administrator of procrastinate ends a job; what it had is free for the next one, and nothing is stuck."""
    remote = Remote(after(2))
    async with crews(database, tmp_path, remote) as crew:
        await crew.stage.make(*numbered(8))
        crew.start()
        await remote.wait_for(4)
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            await connection.execute("SELECT procrastinate_cancel_job_v1(id, true, false) FROM procrastinate_jobs")

        expected = {ROUTE: {TaskStatus.UNKNOWN: 4, TaskStatus.FINISHED: 4}}
        await until_counted(crew.stage, expected, within_s=20)


# --- one route alone --------------------------------------------------------------------------------------------------


async def test_a_route_is_drained_of_all_that_can_be_claimed(database: str, tmp_path: Path):
    """Every task is delivered, nothing is left to wait for, and no worker is left behind."""
    async with crews(database, tmp_path, Remote()) as crew:
        await crew.stage.make(*numbered(50))

        drained = await crew.shared.drain(ROUTE, stop=asyncio.Event())

        assert await crew.stage.store.tasks.counts() == as_now(50)
        assert (drained.state, drained.next_due_ms, drained.is_cut) == (RouteState.ACTIVE, None, False)
        assert await crew.stage.store.workers.alive() == []
        assert await crew.stage.store.lanes.held() == []


async def test_a_drain_waits_for_tasks_that_are_still_made(database: str, tmp_path: Path):
    """As long as it is fed it goes on."""
    fed = asyncio.Event()
    async with crews(database, tmp_path, Remote()) as crew:
        draining = asyncio.create_task(crew.shared.drain(ROUTE, stop=asyncio.Event(), fed=fed))
        for _ in range(3):
            await crew.stage.make(*numbered(10))
            crew.shared.wake(ROUTE)
            await asyncio.sleep(0.3)
        fed.set()

        await draining

        assert await crew.stage.store.tasks.counts() == as_now(30)


async def test_a_drain_waits_for_what_a_worker_has_in_hand(database: str, tmp_path: Path):
    """Who asked for the route wants to know what became of it, also where a worker was quicker."""
    remote = Remote(after(1.0))
    async with crews(database, tmp_path, remote, count=2, route={"concurrency": 2}) as (worker, run):
        await worker.stage.make(*numbered(4))
        worker.start()
        await remote.wait_for(2)

        await run.shared.drain(ROUTE, stop=asyncio.Event())

        assert await run.stage.store.tasks.counts() == as_now(4)
    assert len(remote.started) == 4


@pytest.mark.parametrize(("wait_s", "tries"), [(0.0, 1), (5.0, 2)])
async def test_a_drain_waits_for_tries_that_are_due_soon(database: str, tmp_path: Path, wait_s: float, tries: int):
    """Further ahead than it was told to wait, they are left for later."""
    remote = Remote(lambda _payload: answer_with(503))
    route = {"retry": {"attempts": 2, "backoff": "1s..1s"}}
    async with crews(database, tmp_path, remote, publisher={"effect": "read"}, route=route) as crew:
        await crew.stage.make({"n": 1})

        drained = await crew.shared.drain(ROUTE, stop=asyncio.Event(), wait_s=wait_s)

    assert len(remote.started) == tries
    assert (drained.next_due_ms is None) is (tries == 2)


async def test_a_drain_leaves_other_routes_to_the_workers(database: str, tmp_path: Path):
    """A run feeds every route of its incoming, and delivers one: a worker hears of the rest at once."""
    async with crews(database, tmp_path, Remote(), count=2) as (worker, run):
        worker.start()
        await asyncio.sleep(1.5)
        other = Shared(
            {"mine": RouteAlias(run.stage.work, "mine"), ROUTE: run.stage.work},
            run.stage.store,
            ShiftQueue(database),
            redactor=run.stage.redactor,
        )
        fed = asyncio.Event()
        draining = asyncio.create_task(other.drain("mine", stop=asyncio.Event(), fed=fed))
        await asyncio.sleep(0.5)
        await run.stage.make({"n": 1})

        other.wake(ROUTE)

        await until(lambda: worker.stage.results, within_s=SOON_S)
        fed.set()
        await draining


def RouteAlias(work: Any, name: str) -> Any:  # noqa: N802 - it makes one
    """Return a route like another one under another name."""
    from dataclasses import replace  # noqa: PLC0415

    return replace(work, name=name)


async def test_a_drain_that_is_stopped_says_so(database: str, tmp_path: Path):
    """What is in hand is finished, the rest is left."""
    stop = asyncio.Event()
    remote = Remote(after(0.3))
    async with crews(database, tmp_path, remote) as crew:
        await crew.stage.make(*numbered(20))
        draining = asyncio.create_task(crew.shared.drain(ROUTE, stop=stop))
        await remote.wait_for(4)

        stop.set()
        drained = await draining

        assert drained.is_cut
        assert await crew.stage.store.tasks.counts() == {ROUTE: {TaskStatus.FINISHED: 4, TaskStatus.NEW: 16}}


async def test_an_unknown_route_is_refused(database: str, tmp_path: Path):
    """Before anything is opened."""
    async with crews(database, tmp_path, Remote()) as crew:
        with pytest.raises(UnknownNameError):
            await crew.shared.run(asyncio.Event(), routes=["elsewhere"])


async def test_results_are_told_by_who_delivered(database: str, tmp_path: Path):
    """A failed record is told with its reason, as in any other run."""
    remote = Remote(lambda _payload: answer_with(422))
    async with crews(database, tmp_path, remote) as crew:
        await crew.stage.make({"n": 1})

        await crew.shared.drain(ROUTE, stop=asyncio.Event())

    assert [result.status for result in crew.stage.results] == [Status.FAILED]


async def test_a_drain_without_a_server_says_so(database: str, tmp_path: Path):
    """The queue is somewhere else than the store: that is told before anything is delivered."""
    async with open_stage(tmp_path, Remote(), database=database) as stage:
        queue = ShiftQueue("postgresql://127.0.0.1:1/nowhere")
        shared = Shared({ROUTE: stage.work}, stage.store, queue, redactor=stage.redactor)

        with pytest.raises(StoreError, match="cannot be reached"):
            await shared.drain(ROUTE, stop=asyncio.Event())
