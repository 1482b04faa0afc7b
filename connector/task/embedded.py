"""Routes delivered by the one process that holds the database: the dispatcher for SQLite.

Nobody else delivers here, so there is nothing to agree upon: this process takes every lane of its routes and keeps
them. Records that it brings in itself wake it at once (`wake`); what somebody else changed in the database, a person
who asks for a retry or pauses a route, it sees at its next look, within a second.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from connector import log
from connector.errors import StoreError
from connector.store.rows import LANES
from connector.task.deliver import RouteDelivery
from connector.task.journal import PATIENCE_S, Journal
from connector.task.looking import MOST_AT_ONCE, Looker
from connector.task.places import Places
from connector.task.pruning import prune
from connector.task.standing import Standing, choose, take_up
from connector.task.supervise import GRACE_S, HURRY_S, first_of, supervise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence

    from connector.redaction import Redactor
    from connector.route.result import Result
    from connector.store.rows import Lease, RouteRow
    from connector.store.store import Store
    from connector.task.standing import Drained
    from connector.task.work import RouteWork

FIRST_PRUNE_S: Final = 60.0
"""How long after the start of a worker it prunes for the first time, seconds: one that is started anew every half an
hour would else never do so."""

_LOOK_S: Final = 1.0
_UNKNOWN_S: Final = 10.0
_PRUNE_S: Final = 3600.0

logger = log.get_logger()


class _Route(Standing):
    """One route, as this process knows it.

    Attributes:
        delivery: Who delivers it.
        looker: Who looks for its unknown outcomes.
        lease: Of its lanes.
        halt: Set while nothing of it may be claimed.
        turn: Set when there may be something to claim.
        looked: Set when the unknown outcomes that were there at the start have been looked for.
        is_closed: Whether nothing of it will be claimed any more, in this run.
    """

    def __init__(self, work: RouteWork, delivery: RouteDelivery) -> None:
        super().__init__(work)
        self.delivery = delivery
        self.looker = Looker(delivery)
        self.lease: Lease | None = None
        self.halt = asyncio.Event()
        self.turn = asyncio.Event()
        self.looked = asyncio.Event()
        self.is_closed = False

    def take_state(self, row: RouteRow | None) -> None:
        """Take in where it stands in the store."""
        self.row = row
        if self.is_closed or not self.is_active:
            self.halt.set()
        else:
            self.halt.clear()

    def close(self) -> None:
        """Claim nothing any more."""
        self.is_closed = True
        self.halt.set()
        self.turn.set()


class Embedded:
    """Delivers routes of one process. Everything is called from one event loop, and one run goes on at a time."""

    def __init__(
        self,
        works: Mapping[str, RouteWork],
        store: Store,
        *,
        redactor: Redactor,
        places: Places | None = None,
        on_result: Callable[[str, Result], None] | None = None,
        patience_s: float = PATIENCE_S,
        grace_s: float = GRACE_S,
        first_prune_s: float = FIRST_PRUNE_S,
    ) -> None:
        """Put together what `connector.app` has built; nothing runs yet.

        Args:
            works: The routes by name.
            store: Where their tasks are; this process holds it.
            redactor: Masks what is kept of exchanges.
            places: How many tasks are worked on at once over all routes.
            on_result: Called with a route's name and what became of one of its tasks, once that is durable.
            patience_s: How long a store that is away is waited for.
            grace_s: How long tasks in hand may take after a stop.
            first_prune_s: When `run` prunes for the first time; then it does every hour.
        """
        self.worker = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._store = store
        self._grace_s = grace_s
        self._first_prune_s = first_prune_s
        self._journal = Journal(store.tasks, patience_s=patience_s)
        self._looking = asyncio.Event()
        shared = places or Places()
        self._routes: dict[str, _Route] = {}
        for name, work in works.items():
            tell = None if on_result is None else partial(on_result, name)
            delivery = RouteDelivery(work, store, self._journal, redactor=redactor, places=shared, on_result=tell)
            self._routes[name] = _Route(work, delivery)

    def wake(self, route: str) -> None:
        """Have a route look at once for what can be claimed: tasks were made just now."""
        known = self._routes.get(route)
        if known is not None:
            known.turn.set()
            known.delivery.wake()

    async def run(
        self, stop: asyncio.Event, *, routes: Iterable[str] | None = None, hurry: asyncio.Event | None = None
    ) -> bool:
        """Deliver routes until asked to stop, look for unknown outcomes, and prune what is old.

        Routes that had stopped themselves are tried anew: whoever starts a worker has most likely seen to them.

        Args:
            stop: What is in hand is finished then, for as long as the grace allows; the rest is given back.
            routes: Their names; all of them where left out.
            hurry: Set when the grace begins; None: with `stop`. Until then, what is in hand may take its time.

        Returns:
            Whether everything in hand came to its end; False where it was broken off.

        Raises:
            UnknownNameError: There is no route of that name.
            StoreError: The store was away for too long.
        """
        chosen = choose(self._routes, routes)
        async with self._hold(chosen, hurry or stop):
            helpers = [self._watch(chosen), self._prune(chosen), *map(self._look_for_unknown, chosen)]
            return await self._supervise(self._serve_all(chosen), helpers, chosen, stop, hurry)

    async def drain(
        self, route: str, *, stop: asyncio.Event, wait_s: float = 0.0, fed: asyncio.Event | None = None
    ) -> Drained:
        """Deliver one route until nothing can be claimed, and nothing is due soon.

        A route that had stopped itself is tried anew. Of one that is paused nothing is delivered.

        Args:
            route: Its name.
            stop: As `run`.
            wait_s: How far ahead a try may be due and still be waited for, seconds.
            fed: Set when no more tasks will be made; until then, more are waited for. None: none will.

        Raises:
            UnknownNameError: There is no route of that name.
            StoreError: The store was away for too long.
        """
        (drained,) = chosen = choose(self._routes, [route])
        async with self._hold(chosen, stop):
            helpers = [self._watch(chosen), self._look_for_unknown(drained)]
            is_whole = await self._supervise(self._empty(drained, wait_s, fed), helpers, chosen, stop)
            next_due_ms = await self._journal.bear(lambda: self._store.tasks.next_due(route))
        return drained.end(next_due_ms=next_due_ms, is_cut=stop.is_set() or not is_whole)

    @asynccontextmanager
    async def _hold(self, routes: Sequence[_Route], hurry: asyncio.Event) -> AsyncIterator[None]:
        """Hold the lanes of routes; taking them settles what a process that was killed has left in them.

        Where the store is away, or its disk is full, that is waited for, and for a moment only once there is a hurry.
        """
        hurrying = asyncio.ensure_future(self._hurry_when(hurry))
        try:
            await take_up(routes, self._store, self._journal)
            for route in routes:
                route.is_closed = False
                route.looked.clear()
                route.halt.clear()
                route.take_state(route.row)
                await self._acquire(route)
            hurrying.cancel()  # from here on `supervise` sees to it
            yield
        finally:
            hurrying.cancel()
            for route in routes:
                if route.lease is not None:
                    with suppress(StoreError):  # then the next process finds them as those of one that is gone
                        await self._store.lanes.release(route.lease)
                    route.lease = None

    async def _hurry_when(self, hurry: asyncio.Event) -> None:
        await hurry.wait()
        self._journal.hurry(HURRY_S)

    async def _acquire(self, route: _Route) -> None:
        if route.lease is not None:
            await self._journal.bear(partial(self._store.lanes.release, route.lease))
        work = route.work
        route.lease = await self._journal.bear(
            lambda: self._store.lanes.acquire(self.worker, work.name, range(LANES), most_attempts=work.most_attempts)
        )

    async def _supervise(
        self,
        work: Coroutine[Any, Any, None],
        helpers: Iterable[Coroutine[Any, Any, None]],
        routes: Sequence[_Route],
        stop: asyncio.Event,
        hurry: asyncio.Event | None = None,
    ) -> bool:
        def close() -> None:
            for route in routes:
                route.close()

        return await supervise(
            work, helpers, stop=stop, close=close, journal=self._journal, grace_s=self._grace_s, hurry=hurry
        )

    async def _serve_all(self, routes: Sequence[_Route]) -> None:
        """Deliver routes until they are closed; where one fails, the others come to their end."""
        serving = [asyncio.ensure_future(self._serve(route)) for route in routes]
        if not serving:
            return
        try:
            await asyncio.wait(serving, return_when=asyncio.FIRST_EXCEPTION)
            for route in routes:
                route.close()
            await asyncio.wait(serving)
        finally:
            for task in serving:
                task.cancel()
            await asyncio.wait(serving)
        for task in serving:
            task.result()

    async def _serve(self, route: _Route) -> None:
        """Deliver a route whenever there is something, until it is closed."""
        while not route.is_closed:
            route.turn.clear()
            if not route.halt.is_set():
                await self._deliver(route)
            await route.turn.wait()

    async def _empty(self, route: _Route, wait_s: float, fed: asyncio.Event | None) -> None:
        """Deliver a route until there is nothing left that is due soon."""
        while not route.halt.is_set():
            route.turn.clear()
            is_fed = fed is None or fed.is_set()
            await self._deliver(route)
            if route.halt.is_set():
                return
            if not is_fed:
                assert fed is not None
                await first_of(route.turn, fed)
                continue
            due_ms = await self._journal.bear(lambda: self._store.tasks.next_due(route.work.name))
            left_s = None if due_ms is None else self._left_s(route, due_ms)
            if left_s is not None and left_s <= wait_s:
                await first_of(route.turn, route.halt, within_s=left_s)
            elif not route.looked.is_set():
                await first_of(route.looked, route.halt)  # what is found lets those behind it of its key go on
            else:
                return

    async def _deliver(self, route: _Route) -> None:
        if route.lease is None:
            await self._acquire(route)
            assert route.lease is not None, "nobody else works on this database"
        delivered = await route.delivery.deliver(route.lease, route.work.concurrency, until=route.halt)
        if delivered.stopped is not None:
            route.stopped = delivered.stopped
            rows = await self._journal.bear(self._store.routes.states)
            route.take_state(rows.get(route.work.name))
        if delivered.is_fenced:
            await self._acquire(route)
        if delivered.attempts:
            self._looking.set()

    async def _watch(self, routes: Sequence[_Route]) -> None:
        """Look at the store every second: what a person has changed, and what has become due."""
        while True:
            self._looking.clear()
            rows = await self._journal.bear(self._store.routes.states)
            for route in routes:
                route.take_state(rows.get(route.work.name))
            await self._find_due([route for route in routes if not route.halt.is_set()])
            await first_of(self._looking, within_s=_LOOK_S)

    async def _find_due(self, routes: Sequence[_Route]) -> None:
        places = [(route.work.name, lane) for route in routes for lane in range(LANES)]
        due = await self._journal.bear(lambda: self._store.tasks.list_due(places)) if places else {}
        for route in routes:
            first_ms = min(
                (due[route.work.name, lane] for lane in range(LANES) if (route.work.name, lane) in due), default=None
            )
            left_s = None if first_ms is None else self._left_s(route, first_ms)
            if left_s is None or left_s > _LOOK_S:
                continue
            if left_s <= 0:
                route.turn.set()
            else:
                asyncio.get_running_loop().call_later(left_s, route.turn.set)

    def _left_s(self, route: _Route, due_ms: int) -> float:
        """Return the seconds until a try is due; none where it is due further ahead than any can be."""
        left_ms = due_ms - self._store.now_ms()
        return 0.0 if left_ms > route.work.longest_wait_ms else left_ms / 1000

    async def _look_for_unknown(self, route: _Route) -> None:
        """Look for unknown outcomes: at once for those that were found at the start, then as they become due."""
        while True:
            if not route.halt.is_set():
                while await route.looker.look_at_due() == MOST_AT_ONCE:
                    pass
            route.looked.set()
            if not route.work.publisher.can_look:
                return
            await asyncio.sleep(_UNKNOWN_S)

    async def _prune(self, routes: Sequence[_Route]) -> None:
        """Delete settled tasks that are old, and what is kept beside them, every hour."""
        await asyncio.sleep(self._first_prune_s)
        while True:
            await prune((route.work for route in routes), self._store, self._journal)
            await asyncio.sleep(_PRUNE_S)
