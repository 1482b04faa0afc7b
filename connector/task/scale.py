"""Shifts for workers on any number of machines: procrastinate hands them out, on PostgreSQL.

A job of procrastinate says "work on these lanes of this route", and nothing of tasks. It makes one worker begin,
within milliseconds (LISTEN and NOTIFY); it guards nothing: what a worker may write is decided by its lease of the lanes
(`connector.store`). So a job that is lost, doubled or late costs time and nothing else, and a lost one is made up for
when a worker next looks.

procrastinate's `lock` is left unused. It would keep two jobs of the same lanes apart, which the lease does; and a
worker that ends a job is not told of the one that waited behind it, but finds it by polling. Its `queueing_lock` is
used: of each shift, one at most waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import socket
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakSet

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, AppNotOpen, ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

from connector import log
from connector.errors import StoreError
from connector.frozen import dataclass
from connector.store.target import read_target
from connector.task.schedule import Firing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Collection, Iterable

    from procrastinate.jobs import Job

_DELIVER: Final = "connector.deliver"
_FETCH: Final = "connector.fetch"
_PRUNE: Final = "connector.prune"
_PRUNE_QUEUE: Final = "connector/prune"
_HOURLY: Final = "17 * * * *"  # not when everybody else does it
_LONGEST_QUEUE: Final = 40
"""Bytes of a queue's name. PostgreSQL refuses channels of more than 63, and procrastinate puts 23 in front."""

_CONNECT_S: Final = 5
_POLL_S: Final = 5.0
"""How often procrastinate asks for jobs of which nobody told it, seconds."""

_FIRST_POLL_S: Final = 0.5
_FIRST_POLLS_S: Final = 5.0
"""How often, and for how long, it asks at first: of a job that comes between its first question and its first LISTEN
nobody tells it."""

_HESITATION_S: Final = 0.1
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
_STEADY_S: Final = 30.0
"""Once procrastinate has run so long, the next trouble is a new one."""

_FETCH_PRIORITY: Final = 10
"""Above that of any route: a fetch is over soon, and gives the others something to do."""

_LIBRARIES: Final = ("procrastinate", "psycopg")

_AWAY: Final = (psycopg.Error, ConnectorException, AppNotOpen)
"""What is raised while the database is away; the last one where the queue was closed for it in mid-call."""

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch of work on lanes of a route.

    Attributes:
        route: The route.
        lanes: Those of one group.
        priority: Higher ones are handed out first.
    """

    route: str
    lanes: tuple[int, ...]
    priority: int = 0


class ShiftQueue:
    """Shifts, and fetches of incoming, that wait for a worker in procrastinate's tables."""

    def __init__(self, url: str) -> None:
        """Prepare; nothing is opened before `open` or `run`.

        Args:
            url: Of the PostgreSQL database, as the settings have it.
        """
        target = read_target(url)
        assert target.url is not None, "SQLite has no queue"
        self._address = target.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._name = target.name
        self._app: App | None = None
        self._away_since_s: float | None = None
        self._connections: WeakSet[psycopg.AsyncConnection[Any]] = WeakSet()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._app is not None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Be able to `call` for the length of a block, without taking shifts.

        Raises:
            StoreError: The database cannot be reached.
        """
        app = self._make_app()
        try:
            async with self._connect(app):
                yield
        except _AWAY as error:
            raise self._translate(error) from error

    async def call(self, shifts: Iterable[Shift] = (), *, firings: Iterable[Firing] = ()) -> None:
        """Have shifts and fetches taken by whoever is free; of those that wait already there are not two.

        Args:
            shifts: What to work on.
            firings: What to fetch.

        Raises:
            StoreError: The database cannot be reached just now.
        """
        app = self._find_app()
        try:
            for name, jobs in (
                (_DELIVER, [_make_shift(app, shift) for shift in shifts]),
                (_FETCH, [_make_fetch(app, firing) for firing in firings]),
            ):
                if jobs:
                    await _defer(app, name, jobs)
        except _AWAY as error:
            raise self._translate(error) from error

    async def clear(self, dead_s: float) -> None:
        """Remove the jobs of workers that died; a fetch among them is handed out again.

        Args:
            dead_s: After how long without a heartbeat a worker is dead, seconds.

        Raises:
            StoreError: The database cannot be reached just now.
        """
        manager = self._find_app().job_manager
        try:
            for job in await manager.get_stalled_jobs(seconds_since_heartbeat=dead_s):
                if job.task_name == _FETCH:
                    await manager.retry_job(job)
                elif job.task_name in {_DELIVER, _PRUNE}:
                    await manager.finish_job(job, Status.ABORTED, delete_job=True)
        except _AWAY as error:
            raise self._translate(error) from error

    def cut(self) -> None:
        """Give up a server that is there and does not answer: its connections end from this side, at once."""
        for connection in list(self._connections):
            if not connection.closed:
                with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
                    end.shutdown(socket.SHUT_RDWR)

    async def run(self, hands: Hands, stop: asyncio.Event, *, heartbeat_s: float, dead_s: float) -> None:
        """Take shifts and fetches until asked to stop; return when those in hand have ended.

        While the database is away it waits, for as long as that takes. Cancelled, what is in hand is cancelled too.

        Args:
            hands: Who takes them.
            stop: Set by whoever wants it to stop.
            heartbeat_s: How often procrastinate is told that this worker is alive.
            dead_s: After how long without that it is taken for dead.

        Raises:
            Exception: What the hands raised: a fault.
        """
        wait_s = _FIRST_WAIT_S
        grip = _Grip()
        while not stop.is_set():
            begun_s = time.monotonic()
            reason = "the connection was lost"
            try:
                await self._serve(hands, grip, stop, heartbeat_s, dead_s)
            except (psycopg.Error, ConnectorException, OSError) as error:
                reason = _read_reason(error)
            if grip.fault is not None:
                raise grip.fault
            if stop.is_set():
                return
            now_s = time.monotonic()
            if now_s - begun_s > _STEADY_S:
                wait_s = _FIRST_WAIT_S
            if self._away_since_s is None:
                self._away_since_s = now_s
                logger.warning(log.DISPATCH_LOST, reason=reason, cure="nothing is lost; it goes on by itself")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _serve(self, hands: Hands, grip: _Grip, stop: asyncio.Event, heartbeat_s: float, dead_s: float) -> None:
        """Run procrastinate's worker until asked to stop, or until it ends by itself."""
        app = self._make_app()
        app.job_manager = _Manager(app.connector, hands)
        _enlist(app, hands, grip)
        async with self._connect(app):
            if self._away_since_s is not None:
                logger.warning(log.DISPATCH_BACK, away_s=round(time.monotonic() - self._away_since_s, 1))
                self._away_since_s = None
            worker = _Worker(
                app,
                hands,
                queues=_name_queues(hands),
                concurrency=hands.width,
                fetch_job_polling_interval=_FIRST_POLL_S,
                abort_job_polling_interval=dead_s,
                delete_jobs=DeleteJobCondition.ALWAYS,
                install_signal_handlers=False,
                update_heartbeat_interval=heartbeat_s,
                stalled_worker_timeout=dead_s,
            )
            slowing = asyncio.get_running_loop().call_later(_FIRST_POLLS_S, worker.slow_down)
            running = asyncio.ensure_future(worker.run())  # type: ignore[no-untyped-call]
            asked = asyncio.ensure_future(stop.wait())
            failed = asyncio.ensure_future(grip.failed.wait())
            try:
                await asyncio.wait({running, asked, failed}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                grip.break_off()
                raise
            finally:
                slowing.cancel()
                asked.cancel()
                failed.cancel()
                running.cancel()  # procrastinate's way to stop: it takes no more, and waits for what is in hand
                await _wait_for(running, grip)
            if not running.cancelled():
                running.result()

    @asynccontextmanager
    async def _connect(self, app: App) -> AsyncIterator[None]:
        _relay_library_logs()
        # A pool asks again and again, for half a minute; one connection says at once whether there is a server.
        async with await psycopg.AsyncConnection.connect(self._address, connect_timeout=_CONNECT_S):
            pass
        async with app.open_async():
            self._app = app
            try:
                yield
            finally:
                self._app = None

    def _make_app(self) -> App:
        """Return procrastinate's app. It is made anew after each loss: a pool that was left alone comes back late."""
        return App(
            connector=PsycopgConnector(
                conninfo=self._address,
                kwargs={"application_name": "connector", "connect_timeout": _CONNECT_S},
                min_size=1,
                max_size=4,
                timeout=_CONNECT_S,
                configure=self._take_note,
            ),
            periodic_defaults={"max_delay": 0},  # a worker that starts does not make up for what it missed
        )

    async def _take_note(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connections.add(connection)

    def _find_app(self) -> App:
        if self._app is None:
            raise StoreError(f"the database {self._name} cannot be reached: the queue is not open")
        return self._app

    def _translate(self, error: Exception) -> StoreError:
        return StoreError(
            f"the database {self._name} cannot be reached: {_read_reason(error)}",
            cure="check that its server is running",
        )


class Hands(Protocol):
    """A worker, as the queue knows it: what it takes, and what it does with it."""

    @property
    def routes(self) -> Collection[str]:
        """Whose shifts are taken."""
        ...

    @property
    def incomings(self) -> Collection[str]:
        """Which are fetched."""
        ...

    @property
    def width(self) -> int:
        """How many shifts and fetches are in hand at once, at least 1."""
        ...

    async def work(self, shift: Shift) -> None:
        """Work on a shift. What is raised is a fault, and ends `run`."""
        ...

    async def fetch(self, firing: Firing, *, is_again: bool) -> None:
        """Fetch; `is_again` says that whoever began it died. What is raised is a fault, and ends `run`."""
        ...

    async def prune(self) -> None:
        """Delete what is old. Called once an hour over all workers; what is raised is a fault, and ends `run`."""
        ...

    def hesitates(self) -> bool:
        """Whether another worker should have the next shift."""
        ...

    def let_go(self) -> None:
        """Bring shifts in hand to their end: procrastinate is about to stop, and waits for them. May come twice."""
        ...


class _Grip:
    """What is in hand."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.failed = asyncio.Event()
        self._held: set[asyncio.Task[Any]] = set()

    async def hold(self, act: Awaitable[None]) -> None:
        """Carry out what a job asks for."""
        task = asyncio.current_task()
        assert task is not None, "procrastinate runs each job as a task"
        self._held.add(task)
        try:
            await act
        except Exception as error:
            self.fault = self.fault or error
            self.failed.set()
            raise
        finally:
            self._held.discard(task)

    def break_off(self) -> None:
        """Cancel what is in hand."""
        for task in self._held:
            task.cancel()


def _enlist(app: App, hands: Hands, grip: _Grip) -> None:
    """Tell procrastinate what to call."""

    async def deliver(*, route: str, lanes: list[int], priority: int) -> None:
        await grip.hold(hands.work(Shift(route, tuple(lanes), priority)))

    async def fetch(context: JobContext, *, incoming: str, due_at_ms: int, is_asked: bool = False) -> None:
        firing = Firing(incoming, due_at_ms, is_asked=is_asked)
        await grip.hold(hands.fetch(firing, is_again=context.job.attempts > 0))

    async def prune(timestamp: int) -> None:  # noqa: ARG001 - its name is procrastinate's
        await grip.hold(hands.prune())

    app.task(name=_DELIVER)(deliver)
    app.task(name=_FETCH, pass_context=True)(fetch)
    # There has to be a periodic one at any rate: procrastinate 3.10 stops watching its listener and its heartbeats as
    # soon as its clockwork ends, which without periodic jobs is at once (procrastinate-org/procrastinate#1597).
    app.periodic(cron=_HOURLY)(app.task(name=_PRUNE, queue=_PRUNE_QUEUE, queueing_lock=_PRUNE)(prune))


class _Worker(Worker):
    """procrastinate's worker, which says when it stops."""

    def __init__(self, app: App, hands: Hands, **options: Any) -> None:
        super().__init__(app, **options)
        self._hands = hands

    def slow_down(self) -> None:
        """Rely on being told, and ask now and then."""
        self.fetch_job_polling_interval = _POLL_S

    def stop(self) -> None:
        """Take no more, since somebody wants it so or the database is away."""
        self._hands.let_go()
        super().stop()  # type: ignore[no-untyped-call]


class _Manager(JobManager):
    """procrastinate's access to its tables, for a worker that is polite and not easily upset."""

    def __init__(self, connector: Any, hands: Hands) -> None:
        super().__init__(connector)
        self._hands = hands

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Take the next job; a worker that has more in hand than another leaves it to that one for a moment."""
        if self._hands.hesitates():
            await asyncio.sleep(_HESITATION_S)
        try:
            return await super().fetch_job(queues=queues, worker_id=worker_id)
        except ConnectorException:
            self._hands.let_go()  # the worker ends by this, and waits for what is in hand
            raise

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Put a job away; one that cannot be is removed later, and by then says nothing to anybody."""
        try:
            await super().finish_job(job=job, status=status, delete_job=delete_job)
        except (ConnectorException, AppNotOpen) as error:  # the latter where nothing could be written to the very end
            logger.debug(log.DISPATCH_NOTE, reason=f"a job could not be put away: {_read_reason(error)}")


class _Relay(logging.Handler):
    """Turns what libraries log into debug lines of ours: what of it matters is told by whoever it happens to."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on."""
        logger.debug(log.DISPATCH_NOTE, source=record.name, reason=record.getMessage())


_relay: Final = _Relay(logging.WARNING)


def _relay_library_logs() -> None:
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.addHandler(_relay)
        library.propagate = False


def _name_queues(hands: Hands) -> list[str]:
    routes = [_name_queue("route", name) for name in hands.routes]
    return [*routes, *(_name_queue("fetch", name) for name in hands.incomings), _PRUNE_QUEUE]


def _name_queue(kind: str, name: str) -> str:
    queue = f"connector/{kind}/{name}"
    if len(queue.encode()) <= _LONGEST_QUEUE:
        return queue
    return f"connector/{hashlib.sha256(queue.encode()).hexdigest()[:30]}"


def _make_shift(app: App, shift: Shift) -> Job:
    lanes: list[Any] = list(shift.lanes)
    deferrer = app.configure_task(
        _DELIVER,
        queue=_name_queue("route", shift.route),
        queueing_lock=f"connector/{shift.route}/{lanes}",
        priority=shift.priority,
    )
    return deferrer.make_new_job(route=shift.route, lanes=lanes, priority=shift.priority)


def _make_fetch(app: App, firing: Firing) -> Job:
    deferrer = app.configure_task(
        _FETCH,
        queue=_name_queue("fetch", firing.incoming),
        queueing_lock=f"connector/fetch/{firing.incoming}",
        priority=_FETCH_PRIORITY,
    )
    # Workers of the last release know no third argument: those that are only due are theirs, too.
    asked = {"is_asked": True} if firing.is_asked else {}
    return deferrer.make_new_job(incoming=firing.incoming, due_at_ms=firing.due_at_ms, **asked)


async def _defer(app: App, name: str, jobs: list[Job]) -> None:
    """Put jobs of one name into the queue that do not wait there; others may do so at the same moment."""
    manager = app.job_manager
    # Asked first: what is refused as a double stands as an error in the log of the server.
    waiting = {job.queueing_lock for job in await manager.list_jobs_async(task=name, status=Status.TODO.value)}
    fresh = [job for job in jobs if job.queueing_lock not in waiting]
    if not fresh:
        return
    try:
        await manager.batch_defer_jobs_async(fresh)
    except AlreadyEnqueued:  # then none of them was put there
        for job in fresh:
            with suppress(AlreadyEnqueued):
                await manager.defer_job_async(job)


async def _wait_for(running: asyncio.Future[None], grip: _Grip) -> None:
    """Return when procrastinate has let go; a cancellation breaks off what is in hand, and is raised in the end."""
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            if cancelled is not None:
                raise
            cancelled = error
            grip.break_off()
    if cancelled is not None:
        raise cancelled


def _read_reason(error: BaseException) -> str:
    """Return the driver's own words; procrastinate's say nothing."""
    cause: BaseException = error
    while isinstance(cause, ConnectorException) and cause.__cause__ is not None:
        cause = cause.__cause__
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
