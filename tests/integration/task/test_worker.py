"""What `connector worker` runs, on either database."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from connector import log
from connector.errors import Recovery, StoreError
from connector.store.rows import TaskStatus
from connector.store.store import open_store, upgrade_store
from connector.task.embedded import Embedded
from connector.task.schedule import Firing
from connector.task.shared import Shared
from connector.task.worker import Worker, make_dispatcher
from tests.integration.task.stage import ROUTE, Remote, as_now, open_stage
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.integration.task.stage import Stage

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def find_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Return what makes a database of a kind."""

    def make(kind: str) -> str:
        return request.getfixturevalue("postgres").make_database() if kind == "postgres" else str(tmp_path / "a.db")

    return make


class Clockwork:
    """A scheduler that is due when a test says so."""

    def __init__(self) -> None:
        self.fired: list[Firing] = []
        self.incomings = self.scheduled = ["feed"]
        self.nudged = asyncio.Event()
        self.is_due = False
        self.error: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def open(self) -> None:
        """Nothing is known of before."""

    async def due(self) -> list[Firing]:
        """Return the one firing, until it is fired."""
        if self.error is not None:
            raise self.error
        return [Firing("feed", 1)] if self.is_due else []

    async def fire(self, firing: Firing, *, stop: asyncio.Event | None = None, is_again: bool = False) -> None:
        """Take note, and take as long as the test likes."""
        self.is_due = False
        self.fired.append(firing)
        if self.hold is not None:
            await self.hold.wait()


def build(stage: Stage, database: str, clockwork: Clockwork, **options: Any) -> Worker:
    """Return a worker for a stage's route."""
    return Worker(
        {ROUTE: stage.work},
        stage.store,
        database,
        make_scheduler=lambda _worker, _on_kept: clockwork,  # type: ignore[arg-type, return-value]
        redactor=stage.redactor,
        **options,
    )


@asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[asyncio.Task[bool]]:
    """Run a worker until the block ends."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield running
    finally:
        stop.set()
        await asyncio.wait({running})


async def until(holds: Callable[[], Any], *, within_s: float = 15.0) -> None:
    """Return when something holds."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", KINDS)
async def test_it_delivers_and_fetches_side_by_side(find_database, tmp_path: Path, kind: str):
    """A fetch that takes long keeps no task waiting."""
    database, clockwork = find_database(kind), Clockwork()
    clockwork.is_due, clockwork.hold = True, asyncio.Event()
    async with open_stage(tmp_path, Remote(), database=database) as stage:
        worker = build(stage, database, clockwork)
        async with at_work(worker):
            await until(lambda: clockwork.fired)
            await stage.make({"n": 1})
            await until(lambda: worker.totals[ROUTE]["finished"] == 1)
            clockwork.hold.set()

    assert clockwork.fired == [Firing("feed", 1)]


@pytest.mark.parametrize("kind", KINDS)
async def test_it_tells_what_became_of_tasks(find_database, tmp_path: Path, kind: str):
    """A line a route with the counts, and one for its beginning and its end; none for each record."""
    database = find_database(kind)
    async with open_stage(tmp_path, Remote(), database=database) as stage:
        worker = build(stage, database, Clockwork())
        await stage.make(*({"n": number} for number in range(30)))
        with capture_logs() as lines:
            async with at_work(worker):
                await until(lambda: worker.totals[ROUTE]["finished"] == 30)

    told = [line for line in lines if line["log_level"] != "debug"]
    assert [line["event"] for line in told] == [log.WORKER_STARTED, log.ROUTE_DELIVERED, log.WORKER_STOPPED]
    assert told[0]["routes"] == [ROUTE]
    assert told[1]["finished"] == 30
    assert told[2]["is_broken_off"] is False


async def test_a_store_that_can_never_work_ends_it(find_database, tmp_path: Path):
    """What is wrong is raised for the command to tell, whichever part met it."""
    database, clockwork = find_database("sqlite"), Clockwork()
    async with open_stage(tmp_path, Remote(), database=database) as stage:
        worker = build(stage, database, clockwork)
        async with at_work(worker) as running:
            clockwork.error = StoreError("it is damaged", recovery=Recovery.ABORT)

            with pytest.raises(StoreError, match="it is damaged"):
                await asyncio.wait_for(running, 5)


async def test_a_store_without_room_is_asked_again(find_database, tmp_path: Path):
    """What is due then is found out later, and fetched."""
    database, clockwork = find_database("sqlite"), Clockwork()
    clockwork.error = StoreError("the disk is full")
    async with (
        open_stage(tmp_path, Remote(), database=database) as stage,
        at_work(build(stage, database, clockwork)),
    ):
        await asyncio.sleep(0.5)
        clockwork.error, clockwork.is_due = None, True

        await until(lambda: clockwork.fired, within_s=3)


async def test_a_fetch_that_does_not_end_is_broken_off(find_database, tmp_path: Path):
    """The grace holds for it as it does for tasks, and the worker says that it was not through."""
    database, clockwork = find_database("sqlite"), Clockwork()
    clockwork.is_due, clockwork.hold = True, asyncio.Event()
    async with (
        open_stage(tmp_path, Remote(), database=database) as stage,
        at_work(build(stage, database, clockwork, grace_s=0.2)) as running,
    ):
        await until(lambda: clockwork.fired)

    assert running.result() is False


@pytest.mark.postgres
async def test_a_database_that_stays_away_is_waited_for(postgres: Postgres, tmp_path: Path):  # noqa: F811
    """What is in memory is given up when patience ends; the worker begins anew when the server is back."""
    database = postgres.make_database()
    await upgrade_store(database)
    remote = Remote()
    async with (
        open_store(database, patience_s=0.3) as impatient,
        open_stage(tmp_path, remote, database=database) as stage,
    ):
        stage.store = impatient
        await stage.make(*({"n": number} for number in range(10)))
        worker = build(stage, database, Clockwork(), patience_s=1.0)
        with capture_logs() as lines:
            async with at_work(worker):
                await until(lambda: len(remote.started) == 10)
                await asyncio.to_thread(postgres.stop)
                await until(lambda: any(line["event"] == log.WORKER_ANEW for line in lines), within_s=30)
                await asyncio.to_thread(postgres.start)
                await stage.make({"n": 10})
                await until(lambda: len(remote.started) == 11, within_s=30)
        counts = await impatient.tasks.counts()

    assert counts == as_now(11) or counts[ROUTE].keys() == {TaskStatus.FINISHED, TaskStatus.UNKNOWN}
    assert sorted(payload["n"] for payload in remote.started) == list(range(11))


@pytest.mark.postgres
async def test_each_kind_of_database_has_its_dispatcher(postgres: Postgres, tmp_path: Path):  # noqa: F811
    """One process by itself on a file, shared work on PostgreSQL."""
    database = postgres.make_database()
    async with (
        open_stage(tmp_path, Remote()) as file,
        open_stage(tmp_path, Remote(), database=database) as server,
    ):
        alone = make_dispatcher({}, file.store, str(tmp_path / "connector.db"), redactor=file.redactor)
        shared = make_dispatcher({}, server.store, database, redactor=server.redactor)

    assert isinstance(alone, Embedded)
    assert isinstance(shared, Shared)


@pytest.mark.postgres
async def test_a_package_that_is_missing_is_named(
    postgres: Postgres,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """With the words to type."""
    database = postgres.make_database()
    for name in [name for name in sys.modules if name in {"connector.task.scale", "connector.task.shared"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    async with open_stage(tmp_path, Remote(), database=database) as stage:
        with pytest.raises(StoreError, match="not installed: procrastinate") as caught:
            make_dispatcher({}, stage.store, database, redactor=stage.redactor)

    assert caught.value.cure == "in the folder of the sources: python -m pip install '.[postgres]'"
    assert caught.value.recovery is Recovery.ABORT
