"""Shifts handed out by procrastinate, on a PostgreSQL server of the tests' own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from structlog.testing import capture_logs

from connector import log
from connector.errors import StoreError
from connector.store.store import upgrade_store
from connector.task.scale import Shift, ShiftQueue
from connector.task.schedule import Firing
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.postgres

ORDERS = Shift("orders", (0, 1), priority=5)
SALES = Firing("sales", 1_700_000_000_000)
PROMPT_S = 1.5
"""What is handed out by notification is there by then; by polling it would take up to five seconds."""


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
    """A worker that takes note of what it was handed, and holds it as long as the test likes."""

    def __init__(self, database: str, **given: Any) -> None:
        self.queue = ShiftQueue(database)
        self.stop = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.taken: list[Shift] = []
        self.ended: list[Shift] = []
        self.fetched: list[tuple[Firing, bool]] = []
        self.heartbeat_s = 0.5
        self.dead_s = 2.0
        self.pruned = 0
        self.let_go_of = 0
        self.routes: list[str] = given.get("routes", ["orders", "stock"])
        self.incomings: list[str] = given.get("incomings", ["sales"])
        self.width: int = given.get("width", 10)
        self._hesitates: bool = given.get("hesitates", False)
        self._work: Callable[[Shift], Awaitable[None]] | None = given.get("work")

    def hesitates(self) -> bool:
        """Whether others should have the next shift."""
        return self._hesitates

    def let_go(self) -> None:
        """Take note."""
        self.let_go_of += 1

    async def prune(self) -> None:
        """Take note."""
        self.pruned += 1

    async def work(self, shift: Shift) -> None:
        """Take note, wait, take note."""
        self.taken.append(shift)
        if self._work is not None:
            await self._work(shift)
        await self.may_end.wait()
        self.ended.append(shift)

    async def fetch(self, firing: Firing, *, is_again: bool) -> None:
        """Take note, wait."""
        self.fetched.append((firing, is_again))
        await self.may_end.wait()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Crew]:
        """Run for the length of a block."""
        running = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            self.may_end.set()
            self.stop.set()
            await running

    def run(self) -> Awaitable[None]:
        """Run the queue."""
        return self.queue.run(self, self.stop, heartbeat_s=self.heartbeat_s, dead_s=self.dead_s)

    async def call(self, *shifts: Shift, firings: tuple[Firing, ...] = ()) -> None:
        """Call once the queue is open."""
        await until(lambda: self.queue.is_open)
        await self.queue.call(shifts, firings=firings)


async def until(holds: Callable[[], Any], *, within_s: float = 10.0) -> None:
    """Return when something holds."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.01)


async def count_jobs(database: str) -> int:
    """Return how many shifts and fetches procrastinate knows."""
    query = "SELECT count(*) FROM procrastinate_jobs WHERE task_name <> 'connector.prune'"
    async with await psycopg.AsyncConnection.connect(database) as connection:
        rows = await (await connection.execute(query)).fetchall()
    return int(rows[0][0])


async def test_a_shift_is_taken_at_once(database: str):
    """A worker that waits is told, and begins well before it would have asked; afterwards nothing is left of it."""
    async with Crew(database).at_work() as crew:
        await crew.call(ORDERS)
        await until(lambda: crew.ended == [ORDERS], within_s=PROMPT_S)

    assert await count_jobs(database) == 0


async def test_a_shift_called_by_another_process_is_taken_at_once(database: str):
    """Whoever made tasks can call without being a worker."""
    caller = ShiftQueue(database)
    async with Crew(database).at_work() as crew, caller.open():
        await until(lambda: crew.queue.is_open)

        await caller.call([ORDERS])

        await until(lambda: crew.taken, within_s=PROMPT_S)


async def test_of_a_shift_one_at_most_waits(database: str):
    """Ten calls while nobody is there make one job."""
    caller = ShiftQueue(database)

    async with caller.open():
        for _ in range(5):
            await caller.call([ORDERS])
        await asyncio.gather(*(caller.call([ORDERS, Shift("stock", (number,))]) for number in range(5)))

    assert await count_jobs(database) == 6


async def test_a_shift_can_call_itself_before_it_ends(database: str):
    """It is handed out again at once: a turn that has ended is followed by the next without polling."""

    async def go_on(shift: Shift) -> None:
        if len(crew.taken) < 4:
            await crew.queue.call([shift])

    crew = Crew(database, work=go_on)
    async with crew.at_work():
        await crew.call(ORDERS)

        await until(lambda: len(crew.taken) == 4, within_s=PROMPT_S)


async def test_a_worker_takes_its_own_routes_alone(database: str):
    """The shift of a route that it was not started for is left for others."""
    stock = Shift("stock", (0,))
    async with Crew(database, routes=["stock"], incomings=[]).at_work() as crew:
        await crew.call(ORDERS, stock, firings=(SALES,))
        await until(lambda: crew.ended)

    assert crew.ended == [stock]
    assert await count_jobs(database) == 2


async def test_a_long_name_has_a_queue_too(database: str):
    """PostgreSQL's channels have short names; a route may have one of 64 characters."""
    long = Shift("a-route-with-a-name-that-is-longer-than-any-channel-of-postgresql", (0,))
    async with Crew(database, routes=[long.route]).at_work() as crew:
        await crew.call(long)

        await until(lambda: crew.ended == [long], within_s=PROMPT_S)


async def test_higher_priorities_are_handed_out_first(database: str):
    """With one pair of hands, shifts come by priority and then in the order of the calls."""
    shifts = [Shift("orders", (lane,), priority) for lane, priority in enumerate((5, 9, 0, 9))]
    caller = ShiftQueue(database)
    async with caller.open():
        await caller.call(shifts)

    async with Crew(database, width=1).at_work() as crew:
        await until(lambda: len(crew.ended) == 4)

    assert [shift.lanes[0] for shift in crew.ended] == [1, 3, 0, 2]


async def test_two_workers_share_what_there_is(database: str):
    """No shift is handed to both."""
    shifts = [Shift("orders", (lane,)) for lane in range(8)]
    one, other = Crew(database, width=4), Crew(database, width=4)
    one.may_end.clear()
    other.may_end.clear()
    async with one.at_work(), other.at_work():
        await one.call(*shifts)

        await until(lambda: len(one.taken) + len(other.taken) == 8)

    assert {*one.taken, *other.taken} == set(shifts)


async def test_a_worker_that_has_more_in_hand_stands_back(database: str):
    """The next shift goes to the other one."""
    busy, idle = Crew(database, hesitates=True), Crew(database)
    async with busy.at_work(), idle.at_work():
        await until(lambda: busy.queue.is_open)
        await asyncio.sleep(0.3)  # both have asked for work, and wait to be told of some

        await idle.call(ORDERS)

        await until(lambda: idle.taken)
    assert busy.taken == []


async def test_asked_to_stop_it_waits_for_what_is_in_hand(database: str):
    """The shift in hand comes to its end, the one that waits stays for others."""
    crew = Crew(database, width=1)
    crew.may_end.clear()
    running = asyncio.create_task(crew.run())
    await crew.call(ORDERS)
    await until(lambda: crew.taken)
    await crew.call(Shift("stock", (0,)))

    crew.stop.set()
    await asyncio.sleep(0.3)
    still_there = not running.done()
    crew.may_end.set()
    await running

    assert still_there
    assert crew.ended == [ORDERS]
    assert await count_jobs(database) == 1


@pytest.mark.parametrize("is_stopping", [False, True])
async def test_cancelled_it_breaks_off_what_is_in_hand(database: str, is_stopping: bool):
    """Whether or not it was asked to stop before, nothing is waited for any longer."""
    crew = Crew(database)
    crew.may_end.clear()
    running = asyncio.create_task(crew.run())
    await crew.call(ORDERS)
    await until(lambda: crew.taken)
    if is_stopping:
        crew.stop.set()
        await asyncio.sleep(0.1)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)

    assert crew.ended == []


async def test_what_the_hands_raise_is_raised(database: str):
    """A fault of the program ends the worker instead of being repeated for ever."""

    async def fail(_shift: Shift) -> None:
        raise LookupError("a fault")

    crew = Crew(database, work=fail)
    running = asyncio.create_task(crew.run())
    await crew.call(ORDERS)

    with pytest.raises(LookupError, match="a fault"):
        await asyncio.wait_for(running, 10)


async def test_jobs_of_the_dead_are_removed_and_their_fetches_repeated(database: str):
    """A fetch that was cut short is handed out again, and says so; a shift is called anew by whoever looks."""
    dead, crew = Crew(database), Crew(database, routes=[])
    dead.heartbeat_s = 60
    dead.may_end.clear()
    async with dead.at_work():
        await dead.call(ORDERS, firings=(SALES,))
        await until(lambda: dead.taken and dead.fetched)
        async with crew.at_work():
            await until(lambda: crew.queue.is_open)
            await asyncio.sleep(2.2)
            dead.stop.set()  # so that the other one gets it

            await crew.queue.clear(dead_s=2.0)

            await until(lambda: crew.fetched == [(SALES, True)])

    assert await count_jobs(database) == 0


async def test_what_is_old_is_pruned_once_over_all_workers(database: str):
    """However many clocks strike the hour, one worker prunes."""
    strike = (
        "SELECT procrastinate_defer_periodic_job_v2"
        "('connector/prune', NULL, NULL, 'connector.prune', 0, '', 1, '{\"timestamp\": 1}')"
    )
    one, other = Crew(database), Crew(database)
    async with one.at_work(), other.at_work(), await psycopg.AsyncConnection.connect(database) as connection:
        await until(lambda: one.queue.is_open and other.queue.is_open)

        for _ in range(3):
            await connection.execute(strike)
            await connection.commit()

        await until(lambda: one.pruned + other.pruned)
        await asyncio.sleep(0.2)
    assert one.pruned + other.pruned == 1


async def test_a_server_that_was_restarted_is_found_again(postgres: Postgres, database: str):  # noqa: F811
    """The loss and the return are told in a line each, what is in hand is let go of, and work goes on."""
    with capture_logs() as lines:
        async with Crew(database).at_work() as crew:
            await crew.call(ORDERS)
            await until(lambda: crew.ended)
            await asyncio.to_thread(postgres.stop)
            await until(lambda: not crew.queue.is_open, within_s=20)
            with pytest.raises(StoreError):
                await crew.queue.call([ORDERS])
            await asyncio.sleep(1)
            await asyncio.to_thread(postgres.start)

            await until(lambda: crew.queue.is_open, within_s=20)
            await crew.call(ORDERS)
            await until(lambda: len(crew.ended) == 2)

    assert crew.let_go_of
    told = [line["event"] for line in lines if line["log_level"] != "debug"]
    assert told == [log.DISPATCH_LOST, log.DISPATCH_BACK]


async def test_it_waits_for_a_server_that_is_not_there_yet(postgres: Postgres, database: str):  # noqa: F811
    """Started too early, a worker begins as soon as the server does; asked to stop, it need not wait for that."""
    await asyncio.to_thread(postgres.stop)
    try:
        async with Crew(database).at_work() as crew:
            await asyncio.sleep(0.5)
            assert not crew.queue.is_open
    finally:
        await asyncio.to_thread(postgres.start)


async def test_a_database_that_cannot_be_reached_is_named_without_its_password():
    """The message is for people, who may show it to others."""
    queue = ShiftQueue("postgresql://someone:geheim@127.0.0.1:1/nowhere")

    with pytest.raises(StoreError, match=r"cannot be reached") as caught:
        async with queue.open():
            pass

    assert "geheim" not in str(caught.value)
