"""What runs: the present configuration, the workers and the scheduler. One for a process.

The store is opened once. A configuration lives from one reload to the next (`connector.server.generation`): a new one
is loaded and built beside the old one, and takes its place only when it is whole. What comes in is then shaped by the
new one at once; the worker of the old one finishes what it has in hand, and the worker of the new one begins.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from connector import log
from connector.desk.schedules import ask_fetch, read_schedules
from connector.errors import ConfigError, ConnectorError, Fault, ServerError
from connector.frozen import dataclass
from connector.server.generation import Generation
from connector.server.roles import ALL, ProcessRole
from connector.task.supervise import GRACE_S
from connector.task.tally import Tally
from connector.task.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

    from connector.app.project import Project
    from connector.app.runtime import Runtime
    from connector.desk.schedules import ScheduleState
    from connector.redaction import Redactor
    from connector.store.store import Store
    from connector.task.ingest import Ingest, Kept
    from connector.task.schedule import Scheduler

_LINGER_S: Final = 60.0
"""How long the clients of a configuration that is over are kept open for requests in flight, seconds."""

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of loading the configuration anew.

    Attributes:
        is_done: Whether the new one is in force; else the old one goes on as if nothing had been asked.
        faults: Why not; empty where it is.
        generation: The number of the configuration that is in force now.
    """

    is_done: bool
    faults: tuple[Fault, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What there is to say of the configuration as it lies on disk.

    Attributes:
        faults: What keeps it from being put in force; empty where nothing does.
        warnings: What is no fault and most likely not meant.
    """

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


class Service:
    """What runs in this process: see the module.

    Attributes:
        roles: What this process does.
        started_at_ms: When it began, by the store's clock.
        stopping: Set when it was asked to stop. Whoever keeps a request waiting ends then.
        tally: What became of attempts of this process.
    """

    def __init__(
        self,
        project: Project,
        store: Store,
        url: str,
        *,
        redactor: Redactor,
        load: Callable[[], Project] | None = None,
        roles: Collection[ProcessRole] = ALL,
        most_at_once: int | None = None,
        grace_s: float = GRACE_S,
        on_reload: Callable[[], None] | None = None,
        public_url: str | None = None,
    ) -> None:
        """Build everything of a configuration; nothing runs before `run`.

        Args:
            project: The configuration, checked.
            store: Where tasks are kept.
            url: Of the same database.
            redactor: Masks what is shown and kept.
            load: Loads the configuration anew; called in a thread. Left out: it stays as it is.
            roles: What this process does.
            most_at_once: How many tasks are worked on at once over all routes; None: as many as the routes allow.
            grace_s: How long what is in hand may take after a stop, seconds.
            on_reload: Called before a new configuration takes over; what it raises refuses it.
            public_url: Where the dashboard can be reached, for links in alerts; None for no links.

        Raises:
            ConnectorError: Something of the configuration cannot be used here.
        """
        self.roles = frozenset(roles)
        self.started_at_ms = store.now_ms()
        self.stopping = asyncio.Event()
        self.tally = Tally()
        self._store = store
        self._url = url
        self._redactor = redactor
        self._load = load
        self._most_at_once = most_at_once
        self._grace_s = grace_s
        self._on_reload = on_reload
        self._public_url = public_url
        self._generation = Generation(1, project, store, redactor, self.tally)
        self._worker: Worker | None = None
        self._scheduler: Scheduler | None = None
        self._at_work: Generation | None = None
        self._reloading = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    # --- what it is at ------------------------------------------------------------------------------------------------

    @property
    def project(self) -> Project:
        """The configuration that is in force; ask anew with every request."""
        return self._generation.project

    @property
    def runtime(self) -> Runtime:
        """Its clients, incomings and routes; ask anew with every request."""
        return self._generation.runtime

    @property
    def ingest(self) -> Ingest:
        """Makes tasks of records for its routes; ask anew with every request."""
        return self._generation.ingest

    @property
    def generation(self) -> int:
        """The number of the configuration that is in force; it grows with each that is loaded."""
        return self._generation.number

    @property
    def worker(self) -> str | None:
        """The id under which this process works; None where it does not, or not just now."""
        return None if self._worker is None else self._worker.worker

    @property
    def is_ready(self) -> bool:
        """Whether it does everything that it is there for: it has begun, and was not asked to stop."""
        return self._at_work is not None and not self.stopping.is_set()

    def in_use(self) -> AbstractContextManager[None]:
        """Keep the present clients open for the length of a block, also over a reload. Every request is in one."""
        return self._generation.in_use()

    async def schedules(self) -> list[ScheduleState]:
        """Return every incoming that can be fetched, with what is known of its runs, in the order it is written.

        Raises:
            StoreError: The database cannot be used.
        """
        return await read_schedules(self.project, self._store)

    # --- what it is asked for -----------------------------------------------------------------------------------------

    def wake(self, route: str) -> None:
        """Have a route delivered at once, by this process or another: tasks were made just now.

        While no worker is there, as between two configurations, nothing has to be done: a worker looks for everything
        when it begins.
        """
        if self._worker is not None:
            self._worker.wake(route)

    def nudge_schedules(self) -> None:
        """Have the scheduler of this process look at once what is due; those of others look every second."""
        if self._scheduler is not None:
            self._scheduler.nudge()

    async def ask_fetch(self, incoming: str, by: str) -> ScheduleState:
        """Have an incoming fetched now, by whichever worker is free, also one without a schedule.

        Args:
            incoming: Under which its state is kept: its own name, or `routes.<route>`.
            by: Who asks.

        Returns:
            How its schedule stands, with the asking in it.

        Raises:
            UnknownNameError: There is no incoming of that name, or it cannot be fetched.
            UnderWayError: It is being fetched already, and its schedule says `overlap: skip`.
            StoreError: The database cannot be used.
        """
        state = await ask_fetch(self.project, self._store, incoming, by)
        self.nudge_schedules()
        return state

    async def reload(self, by: str) -> Reloaded:
        """Load the configuration anew, and put it in the place of the old one where it is whole.

        Returns as soon as the new one is in force for what comes in; its worker begins when what is in hand of the old
        one is finished.

        Args:
            by: Who asks.
        """
        async with self._reloading:
            if self._load is None or self.stopping.is_set():
                why = "the service is being stopped" if self.stopping.is_set() else "there is nothing to load anew from"
                return Reloaded(is_done=False, faults=(Fault("", 0, 0, "", why),), generation=self.generation)
            try:
                project = await asyncio.to_thread(self._load)
                self._check_not_empty(project)
                if self._on_reload is not None:
                    self._on_reload()
                following = Generation(self.generation + 1, project, self._store, self._redactor, self.tally)
            except ConnectorError as error:
                told = list(map(str, error.faults)) if isinstance(error, ConfigError) else [str(error)]
                logger.error(log.RELOAD_REFUSED, by=by, faults=told)  # noqa: TRY400 - a fault of the user's
                return Reloaded(is_done=False, faults=_read_faults(error), generation=self.generation)
            before, self._generation = self._generation, following
            before.is_over.set()
            if before is not self._at_work:
                self._retire(before)
            logger.info(log.RELOADED, by=by, generation=following.number, routes=list(project.routes))
            return Reloaded(is_done=True, faults=(), generation=following.number)

    async def check_configuration(self) -> Checked:
        """Return what is wrong with the configuration as it lies on disk. The one in force goes on."""
        if self._load is None:
            return Checked(warnings=self.project.warnings)
        try:
            project = await asyncio.to_thread(self._load)
            self._check_not_empty(project)
        except ConnectorError as error:
            return Checked(_read_faults(error))
        return Checked(warnings=project.warnings)

    # --- the run ------------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> bool:
        """Do what the roles say until asked to stop, each configuration in its turn.

        Args:
            stop: What is in hand is finished then, for as long as the grace allows.

        Returns:
            Whether everything in hand came to its end; False where it was broken off.

        Raises:
            StoreError: The database cannot be used, or was away for too long.
        """
        listening = asyncio.ensure_future(self._listen(stop))
        try:
            while True:
                generation = self._at_work = self._generation
                is_whole = True
                if generation.works:
                    self._worker = self._make_worker(generation)
                    is_whole = await self._worker.run(generation.is_over, hurry=self.stopping)
                    self._worker = self._scheduler = None
                else:  # nothing to deliver, and nothing to fetch for; the dashboard is there all the same
                    await generation.is_over.wait()
                assert generation.is_over.is_set(), "a worker ends when it is asked to, or by an error"
                if self.stopping.is_set():
                    return is_whole
                self._retire(generation)
        finally:
            self._worker = self._scheduler = self._at_work = None
            listening.cancel()
            await asyncio.wait({listening})

    async def aclose(self) -> None:
        """Close the clients of every configuration there still is. Safe to call twice."""
        self.stopping.set()
        for task in self._closing:
            task.cancel()
        if self._closing:
            await asyncio.wait(self._closing)
        await self._generation.runtime.aclose()

    def _check_not_empty(self, project: Project) -> None:
        """Refuse a configuration with nothing in it where there are routes.

        A file that is being written is empty for a moment. Put in force, every sender would be told that there is no
        such address, and many of them never send again what is answered so.

        Raises:
            ServerError: There is nothing in it.
        """
        if self.project.routes and not (project.clients or project.incoming or project.outgoing or project.routes):
            raise ServerError(
                "the configuration is empty, and the one in force has routes",
                cure="load it anew once the file is written; a service without routes takes a restart",
            )

    async def _listen(self, stop: asyncio.Event) -> None:
        await stop.wait()
        logger.info(log.SERVICE_STOPPING, grace_s=self._grace_s)
        self.stopping.set()
        self._generation.is_over.set()

    def _retire(self, generation: Generation) -> None:
        """Close what is over, once the requests that began with it have ended."""
        closing = asyncio.create_task(self._close(generation))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    @staticmethod
    async def _close(generation: Generation) -> None:
        try:
            await generation.aclose(within_s=_LINGER_S)
        except asyncio.CancelledError:
            await generation.runtime.aclose()
            raise

    def _make_worker(self, generation: Generation) -> Worker:
        def make_scheduler(worker: str, on_kept: Callable[[Kept], None]) -> Scheduler:
            self._scheduler = generation.runtime.scheduler(
                self._store, generation.ingest, worker=worker, on_kept=on_kept
            )
            return self._scheduler

        return Worker(
            generation.works,
            self._store,
            self._url,
            make_scheduler=make_scheduler,
            redactor=self._redactor,
            most_at_once=self._most_at_once,
            grace_s=self._grace_s,
            delivers=ProcessRole.WORKER in self.roles,
            fires=ProcessRole.SCHEDULER in self.roles,
            watch=generation.runtime.watch(self._store, public_url=self._public_url),
        )


def _read_faults(error: ConnectorError) -> tuple[Fault, ...]:
    """Return what is wrong with a configuration, each at its place; without one, where no place is known."""
    return error.faults if isinstance(error, ConfigError) else (Fault("", 0, 0, "", error.message, error.cure),)
