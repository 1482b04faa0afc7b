"""What `connector worker` runs: routes delivered and incomings fetched, day and night, on either database."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Protocol

from connector import log
from connector.errors import Recovery, StoreError, tell_extra
from connector.store import lanes
from connector.task.embedded import Embedded
from connector.task.journal import PATIENCE_S
from connector.task.places import Places
from connector.task.schedule import try_fire
from connector.task.supervise import GRACE_S, first_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from connector.alert.watch import Watch
    from connector.redaction import Redactor
    from connector.route.result import Result
    from connector.store.store import Store
    from connector.task.ingest import Kept
    from connector.task.schedule import Firing, Scheduler
    from connector.task.shared import Shared
    from connector.task.standing import Drained
    from connector.task.work import RouteWork

BEAT_S: Final = 5.0
"""How often a worker says that it is alive, seconds. The store takes it for dead after six times that."""

_LOOK_S: Final = 1.0
_TELL_S: Final = 10.0
_ANEW_S: Final = 5.0

logger = log.get_logger()


class Dispatcher(Protocol):
    """Delivers routes of one process, alone (`Embedded`) or together with others (`Shared`)."""

    @property
    def worker(self) -> str:
        """Id of this worker."""
        ...

    def wake(self, route: str) -> None:
        """Have a route delivered at once: tasks were made just now. One that is not known is passed over."""
        ...

    async def drain(
        self, route: str, *, stop: asyncio.Event, wait_s: float = 0.0, fed: asyncio.Event | None = None
    ) -> Drained:
        """Deliver one route until nothing can be claimed, and nothing is due soon; see `Embedded.drain`."""
        ...


def make_dispatcher(
    works: Mapping[str, RouteWork],
    store: Store,
    url: str,
    *,
    redactor: Redactor,
    on_result: Callable[[str, Result], None] | None = None,
    places: Places | None = None,
    grace_s: float = GRACE_S,
    patience_s: float = PATIENCE_S,
) -> Embedded | Shared:
    """Return what delivers routes on a database of this kind.

    Args:
        works: The routes by name. On PostgreSQL, those among them that are fed and not delivered here are left to the
            workers, which are told.
        store: Where their tasks are.
        url: Of the same database.
        redactor: Masks what is kept of exchanges.
        on_result: Called with a route's name and what became of one of its tasks, once that is durable.
        places: How many tasks are worked on at once over all routes, in this process.
        grace_s: How long tasks in hand may take after a stop, seconds.
        patience_s: How long a store that is away is waited for, seconds.

    Raises:
        StoreError: PostgreSQL is to be used, and procrastinate is not installed.
    """
    if not store.is_shared:
        return Embedded(
            works,
            store,
            redactor=redactor,
            on_result=on_result,
            places=places,
            grace_s=grace_s,
            patience_s=patience_s,
        )
    try:
        from connector.task.scale import ShiftQueue  # noqa: PLC0415 - only an installation with PostgreSQL has them
        from connector.task.shared import Shared  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise StoreError(
            f"work on PostgreSQL is shared by a package that is not installed: {error.name}",
            cure=tell_extra("postgres"),
            recovery=Recovery.ABORT,
        ) from error
    return Shared(
        works,
        store,
        ShiftQueue(url),
        redactor=redactor,
        on_result=on_result,
        places=places,
        grace_s=grace_s,
        patience_s=patience_s,
        beat_s=BEAT_S,
        dead_s=lanes.DEAD_AFTER_MS / 1000,
    )


class Worker:
    """Delivers routes, and fetches what feeds them when it is due, until asked to stop.

    Attributes:
        totals: What became of tasks so far: by route, how many of each status.
    """

    def __init__(
        self,
        works: Mapping[str, RouteWork],
        store: Store,
        url: str,
        *,
        make_scheduler: Callable[[str, Callable[[Kept], None]], Scheduler],
        redactor: Redactor,
        routes: Collection[str] = (),
        most_at_once: int | None = None,
        grace_s: float = GRACE_S,
        patience_s: float = PATIENCE_S,
        delivers: bool = True,
        fires: bool = True,
        watch: Watch | None = None,
    ) -> None:
        """Put together what `connector.app` has built; nothing runs yet.

        Args:
            works: The routes by name.
            store: Where their tasks are.
            url: Of the same database.
            make_scheduler: Returns what fetches, for the id of a worker; the function is to be called with each batch
                of records that is kept.
            redactor: Masks what is kept of exchanges.
            routes: Those to deliver; none: all of them.
            most_at_once: How many tasks are worked on at once over all routes, in this process; None: as many as the
                routes allow.
            grace_s: How long tasks in hand may take after a stop, seconds.
            patience_s: How long a store that is away is waited for before what is in memory is given up, seconds.
            delivers: Whether it delivers and fetches; else it has that done by other workers, on PostgreSQL alone.
            fires: Whether it says what is due to be fetched.
            watch: Tells people what needs them; None where nobody is to be told.
        """
        self.totals: dict[str, Counter[str]] = {name: Counter() for name in routes or works}
        self._works = works
        self._store = store
        self._url = url
        self._make_scheduler = make_scheduler
        self._redactor = redactor
        self._most_at_once = most_at_once
        self._grace_s = grace_s
        self._patience_s = patience_s
        self._delivers = delivers
        self._fires = fires
        self._watch = watch
        self._dispatcher: Embedded | Shared | None = None
        self._told: dict[str, Counter[str]] = {name: Counter() for name in self.totals}

    @property
    def worker(self) -> str | None:
        """The id under which it is known while it works; None before, in between and after, and where it has none."""
        return None if self._dispatcher is None or not self._delivers else self._dispatcher.worker

    def wake(self, route: str) -> None:
        """Have a route delivered at once, by this worker or another: tasks were made just now."""
        if self._dispatcher is not None:
            self._dispatcher.wake(route)

    async def run(self, stop: asyncio.Event, *, hurry: asyncio.Event | None = None) -> bool:
        """Work until asked to stop.

        Where PostgreSQL is away for so long that what is in memory has to be given up, it is waited for, and the worker
        begins anew.

        Args:
            stop: What is in hand is finished then, for as long as the grace allows.
            hurry: Set when the grace begins; None: with `stop`. Until then, what is in hand may take its time.

        Returns:
            Whether everything in hand came to its end; False where it was broken off.

        Raises:
            StoreError: The database cannot be used, or was away for too long.
        """
        beside = [asyncio.ensure_future(self._keep_telling())]
        if self._watch is not None:
            beside.append(asyncio.ensure_future(self._watch.run()))
        is_whole = False
        try:
            while True:
                failure: StoreError | None = None
                try:
                    is_whole = await self._live(stop, hurry or stop)
                except StoreError as error:
                    if not self._store.is_shared or error.recovery is not Recovery.RETRY or stop.is_set():
                        raise
                    failure = error
                if failure is None:
                    return is_whole
                logger.error(log.WORKER_ANEW, reason=failure.message, cure=failure.cure)
                await first_of(stop, within_s=_ANEW_S)
        finally:
            self._dispatcher = None
            for task in beside:
                task.cancel()
            self._tell_progress()
            logger.info(log.WORKER_STOPPED, is_broken_off=not is_whole)

    async def _live(self, stop: asyncio.Event, hurry: asyncio.Event) -> bool:
        """Work until asked to stop, as one worker."""
        dispatcher = self._dispatcher = make_dispatcher(
            self._works,
            self._store,
            self._url,
            redactor=self._redactor,
            on_result=self._count,
            places=None if self._most_at_once is None else Places(self._most_at_once),
            grace_s=self._grace_s,
            patience_s=self._patience_s,
        )

        def wake(kept: Kept) -> None:
            for route in {task.route for task in kept.tasks}:
                dispatcher.wake(route)

        scheduler = self._make_scheduler(dispatcher.worker, wake)
        logger.info(
            log.WORKER_STARTED,
            worker=self.worker,
            database=self._store.name,
            routes=list(self.totals) if self._delivers else [],
            schedules=scheduler.scheduled if self._fires else [],
        )
        if isinstance(dispatcher, Embedded):
            return await self._live_alone(dispatcher, scheduler, stop, hurry)
        if self._delivers:
            return await dispatcher.run(stop, routes=self.totals, scheduler=scheduler, fires=self._fires, hurry=hurry)
        await dispatcher.attend(stop, scheduler=scheduler if self._fires else None)
        return True

    async def _live_alone(
        self, embedded: Embedded, scheduler: Scheduler, stop: asyncio.Event, hurry: asyncio.Event
    ) -> bool:
        """Deliver and fetch side by side; where one of them fails, so does the other."""
        closing = asyncio.Event()
        delivering = asyncio.ensure_future(embedded.run(closing, routes=self.totals, hurry=hurry))
        fetching = asyncio.ensure_future(_keep_fetching(scheduler, closing))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({delivering, fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            closing.set()
            if stopping.done():
                await wait_until(hurry, fetching, delivering)
            await asyncio.wait({delivering, fetching}, timeout=self._grace_s)
            is_whole = await delivering and fetching.done()
        finally:
            for task in (delivering, fetching, stopping):
                task.cancel()
            await asyncio.wait({delivering, fetching, stopping})
        if fetching.done() and not fetching.cancelled():
            fetching.result()
        return is_whole

    def _count(self, route: str, result: Result) -> None:
        self.totals[route][result.status.value] += 1

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(_TELL_S)
            self._tell_progress()

    def _tell_progress(self) -> None:
        """Tell what has become of tasks since the last time, a line for each route of which there is anything."""
        for route, total in self.totals.items():
            fresh = total - self._told[route]
            if fresh:
                logger.info(log.ROUTE_DELIVERED, route=route, **fresh)
                self._told[route] = Counter(total)


async def _keep_fetching(scheduler: Scheduler, closing: asyncio.Event) -> None:
    """Fetch what is due, until closed; then return when what is under way has ended."""
    under_way: set[asyncio.Task[Any]] = set()
    await scheduler.open()
    try:
        while not closing.is_set():
            for firing in await _list_due(scheduler):
                under_way.add(asyncio.create_task(try_fire(scheduler, firing, stop=closing)))
            await first_of(closing, scheduler.nudged, tasks=under_way, within_s=_LOOK_S)
            for task in [task for task in under_way if task.done()]:
                under_way.discard(task)
                task.result()
        for task in under_way:
            await task
    finally:
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)


async def _list_due(scheduler: Scheduler) -> list[Firing]:
    """Return what is due; where the store cannot be asked just now, that is found out later."""
    try:
        return await scheduler.due()
    except StoreError as error:
        if error.recovery is not Recovery.RETRY:
            raise
        return []
