"""Routes delivered by any number of workers: the dispatcher for PostgreSQL.

Three things work together, and each can fail without the others losing anything:

- The **lease** of a lane says who may write what becomes of its tasks. The store checks it in every transaction, so a
  worker that was only slow settles nothing that somebody else took over. This alone guards correctness.
- **procrastinate** hands out shifts (`connector.task.scale`): it wakes a worker as soon as there is something to do,
  and the more urgent route first.
- Every worker **looks** now and then for what should have been called and was not: tries that have become due, lanes
  of a worker that died, calls that were lost. So a lost call costs seconds, and nothing else.

A worker keeps a shift as long as there is something to claim, unless a neighbour has less to do; then it passes it on.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from connector import log
from connector.errors import Recovery, StoreError
from connector.store.lanes import draw_token
from connector.store.rows import LANES, TaskFilter, TaskStatus
from connector.task.deliver import RouteDelivery
from connector.task.dispatch import Group, split_lanes
from connector.task.journal import PATIENCE_S, Journal
from connector.task.looking import MOST_AT_ONCE, Looker
from connector.task.membership import Membership
from connector.task.neighbours import Neighbours
from connector.task.places import Places
from connector.task.pruning import prune
from connector.task.scale import Shift, ShiftQueue
from connector.task.schedule import try_fire
from connector.task.standing import Standing, choose, take_up
from connector.task.supervise import GRACE_S, HURRY_S, first_of, supervise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping, Sequence

    from connector.redaction import Redactor
    from connector.route.result import Result
    from connector.store.rows import Lease
    from connector.store.store import Store
    from connector.task.deliver import Delivered
    from connector.task.neighbours import Holders
    from connector.task.schedule import Firing, Scheduler
    from connector.task.standing import Drained
    from connector.task.work import RouteWork

_LOOK_S: Final = 1.0
_SWEEP_S: Final = 10.0
_BREATH_S: Final = 0.1
_POLL_S: Final = 0.25
_TURN_S: Final = 2.0
"""How long a shift lasts at least before it is passed on, seconds: beginning one takes a hundredth of that."""

_LINGER_S: Final = 0.3
"""How long a shift waits for further tasks before it lets its lanes go, seconds."""

_ASIDE_S: Final = 0.3
"""How long a worker that has passed a shift on leaves the next ones to others, seconds."""

_UNKNOWN_S: Final = 10.0
_AWAY_S: Final = 2.0

logger = log.get_logger()


class _Route(Standing):
    """One route, as this process knows it.

    Attributes:
        delivery: Who delivers it.
        looker: Who looks for its unknown outcomes.
        looking: Held meanwhile.
        groups: What of it is a shift.
        in_hand: The shifts of it that are worked on.
    """

    def __init__(self, work: RouteWork, delivery: RouteDelivery) -> None:
        super().__init__(work)
        self.delivery = delivery
        self.looker = Looker(delivery)
        self.looking = asyncio.Lock()
        self.groups = split_lanes(work.concurrency)
        self.in_hand: set[_InHand] = set()

    @property
    def load(self) -> int:
        """How many of its tasks this process may have on their way at once, shifts that come to their end left out."""
        return sum(shift.width for shift in self.in_hand if not shift.end.is_set())

    @property
    def held(self) -> int:
        """How many of its groups this process works on, those of shifts that come to their end left out."""
        return sum(shift.groups for shift in self.in_hand if not shift.end.is_set())

    def wake(self) -> None:
        """Have what is worked on claim at once: tasks were made just now."""
        self.delivery.wake()
        for shift in self.in_hand:
            shift.fed.set()

    def end_shifts(self) -> None:
        """Bring every shift in hand to its end."""
        for shift in self.in_hand:
            shift.end.set()

    def find_width(self, lanes: Collection[int]) -> int:
        """Return how many tasks of some lanes may be on their way at once: the widths of their groups.

        Of a group of which others hold a part, as they may where they know another concurrency, it is the rest.
        """
        widths = (group.width * len(set(group.lanes) & set(lanes)) // len(group.lanes) for group in self.groups)
        return max(1, sum(widths))


class _InHand:
    """A shift that is worked on.

    Attributes:
        end: Set to bring it to its end.
        fed: Set when there may be something new to claim.
        groups: How many groups of the route it is.
        lanes: Those that are held for it; none before they are.
        width: How many tasks it may have on their way at once.
    """

    __slots__ = ("end", "fed", "groups", "lanes", "width")

    def __init__(self, groups: int) -> None:
        self.end = asyncio.Event()
        self.fed = asyncio.Event()
        self.groups = groups
        self.lanes: tuple[int, ...] = ()
        self.width = 0


class Shared:
    """Delivers routes together with other workers. Implements `connector.task.scale.Hands`.

    Everything is called from one event loop, and one run goes on at a time.
    """

    def __init__(
        self,
        works: Mapping[str, RouteWork],
        store: Store,
        queue: ShiftQueue,
        *,
        redactor: Redactor,
        places: Places | None = None,
        on_result: Callable[[str, Result], None] | None = None,
        patience_s: float = PATIENCE_S,
        grace_s: float = GRACE_S,
        beat_s: float = 5.0,
        dead_s: float = 30.0,
    ) -> None:
        """Put together what `connector.app` has built; nothing runs yet.

        Args:
            works: The routes by name.
            store: Where their tasks are.
            queue: Hands out shifts; of the same database.
            redactor: Masks what is kept of exchanges.
            places: How many tasks are worked on at once over all routes, in this process.
            on_result: Called with a route's name and what became of one of its tasks, once that is durable.
            patience_s: How long a store that is away is waited for.
            grace_s: How long tasks in hand may take after a stop.
            beat_s: How often this worker says that it is alive.
            dead_s: After how long without that it is taken for dead; what the store goes by.
        """
        self._store = store
        self._queue = queue
        self._grace_s = grace_s
        self._beat_s = beat_s
        self._dead_s = dead_s
        self._journal = Journal(store.tasks, patience_s=patience_s)
        self._membership = Membership(store, self._journal, beat_s=beat_s, dead_s=dead_s)
        self._neighbours = Neighbours(
            store, self._journal, self._membership, {name: work.concurrency for name, work in works.items()}
        )
        self._balance = self._neighbours.balance
        shared = places or Places()
        self._routes: dict[str, _Route] = {}
        for name, work in works.items():
            tell = None if on_result is None else partial(on_result, name)
            delivery = RouteDelivery(work, store, self._journal, redactor=redactor, places=shared, on_result=tell)
            self._routes[name] = _Route(work, delivery)
        self._chosen: list[_Route] = []
        self._scheduler: Scheduler | None = None
        self._closing = asyncio.Event()
        self._to_call: set[str] = set()
        self._woken = asyncio.Event()
        self._fed = asyncio.Event()
        self._aside_until_s = 0.0
        self._linger_s = _LINGER_S
        self._left: set[tuple[str, int]] = set()

    @property
    def worker(self) -> str:
        """Id of this worker."""
        return self._membership.worker

    # --- what others ask for ------------------------------------------------------------------------------------------

    def wake(self, route: str) -> None:
        """Have a route delivered at once, by this worker or another: tasks were made just now."""
        known = self._routes.get(route)
        if known is not None:
            known.wake()
            self._to_call.add(route)
            self._woken.set()
            self._fed.set()

    async def run(
        self,
        stop: asyncio.Event,
        *,
        routes: Iterable[str] | None = None,
        scheduler: Scheduler | None = None,
        fires: bool = True,
        hurry: asyncio.Event | None = None,
    ) -> bool:
        """Deliver routes until asked to stop, fetch what is due, look for unknown outcomes, and prune what is old.

        Routes that had stopped themselves are tried anew: whoever starts a worker has most likely seen to them.

        Args:
            stop: What is in hand is finished then, for as long as the grace allows; the rest is given back.
            routes: Their names; all of them where left out.
            scheduler: Says what is to be fetched, and fetches it.
            fires: Whether this worker says what is due; else it fetches what another process says so of.
            hurry: Set when the grace begins; None: with `stop`. Until then, what is in hand may take its time.

        Returns:
            Whether everything in hand came to its end; False where it was broken off.

        Raises:
            UnknownNameError: There is no route of that name.
            StoreError: The store was away for too long.
        """
        self._chosen, self._scheduler = choose(self._routes, routes), scheduler
        async with self._join():
            if scheduler is not None:
                await self._journal.bear(scheduler.open)
            serving = self._queue.run(self, self._closing, heartbeat_s=self._beat_s, dead_s=self._dead_s)
            helpers = [self._call_due(), *([self._fire_due()] if fires else [])]
            return await self._supervise(serving, helpers, stop, hurry)

    async def attend(self, stop: asyncio.Event, *, scheduler: Scheduler | None = None) -> None:
        """Have other workers deliver what is woken, and fetch what is due, until asked to stop; be no worker.

        While the database is away this waits, for as long as that takes: the workers look for themselves.

        Args:
            stop: Set by whoever wants it to stop.
            scheduler: Says what is due.

        Raises:
            StoreError: The database can never be used.
        """
        self._chosen, self._scheduler = [], scheduler
        if scheduler is not None:
            await self._journal.bear(scheduler.open)
        is_away = False
        while not stop.is_set():
            failure: StoreError | None = None
            try:
                async with self._queue.open():
                    if is_away:
                        logger.warning(log.DISPATCH_BACK)
                        is_away = False
                    await self._attend(stop)
            except StoreError as error:
                if error.recovery is not Recovery.RETRY:
                    raise
                failure = error
            if failure is not None and not stop.is_set():
                if not is_away:
                    logger.warning(log.DISPATCH_LOST, reason=failure.message, cure=failure.cure)
                    is_away = True
                await first_of(stop, within_s=_AWAY_S)

    async def drain(
        self, route: str, *, stop: asyncio.Event, wait_s: float = 0.0, fed: asyncio.Event | None = None
    ) -> Drained:
        """Deliver one route until nothing can be claimed, and nothing is due soon; other workers may deliver it too.

        A route that had stopped itself is tried anew. Of one that is paused nothing is delivered. Other routes that are
        woken meanwhile are left to the workers.

        Args:
            route: Its name.
            stop: As `run`.
            wait_s: How far ahead a try may be due and still be waited for, seconds.
            fed: Set when no more tasks will be made; until then, more are waited for. None: none will.

        Raises:
            UnknownNameError: There is no route of that name.
            StoreError: The store was away for too long.
        """
        (drained,) = self._chosen = choose(self._routes, [route])
        self._linger_s = 0.0
        async with self._queue.open(), self._join():
            is_whole = await self._supervise(self._empty(drained, wait_s, fed), [self._call_others()], stop)
            next_due_ms = await self._journal.bear(lambda: self._store.tasks.next_due(route))
        return drained.end(next_due_ms=next_due_ms, is_cut=stop.is_set() or not is_whole)

    # --- what procrastinate asks for ----------------------------------------------------------------------------------

    @property
    def routes(self) -> Collection[str]:
        """Whose shifts are taken."""
        return [route.name for route in self._chosen]

    @property
    def incomings(self) -> Collection[str]:
        """Which are fetched."""
        return [] if self._scheduler is None else self._scheduler.incomings

    @property
    def width(self) -> int:
        """How many shifts and fetches are in hand at once: as many as there are."""
        return max(1, sum(len(route.groups) for route in self._chosen) + len(self.incomings))

    async def work(self, shift: Shift) -> None:
        """Work on a shift, and have called what is left of it."""
        route = self._routes[shift.route]
        if any(not set(shift.lanes).isdisjoint(other.lanes) for other in route.in_hand):
            route.wake()  # it is this worker that has the lanes
            return
        is_open = not self._closing.is_set() and route.is_active
        if is_open and (self._leaves_to_others(route, shift.lanes) or not await self._deliver(route, shift.lanes)):
            self._wake_in(route, _LOOK_S)  # by then others have taken it, or this worker does
            return
        # Whoever made tasks while it was in hand has relied on this look, which comes after the lanes were let go.
        try:
            await self._call([route])
        except StoreError:  # procrastinate's connection is another one than the store's: the next look calls it
            self.wake(route.name)

    async def fetch(self, firing: Firing, *, is_again: bool) -> None:
        """Fetch what is due; where the store is away just now, that is told."""
        if self._scheduler is None or self._closing.is_set():
            return
        await try_fire(self._scheduler, firing, stop=self._closing, is_again=is_again)

    async def prune(self) -> None:
        """Delete settled tasks that are old, and what is kept beside them."""
        await prune((route.work for route in self._routes.values()), self._store, self._journal)

    def hesitates(self) -> bool:
        """Whether another worker should have the next shift."""
        is_aside = asyncio.get_running_loop().time() < self._aside_until_s
        return is_aside or self._balance.is_ahead(self._load)

    def let_go(self) -> None:
        """Bring shifts in hand to their end; what is left of them is called again."""
        for route in self._chosen:
            route.end_shifts()

    # --- shifts -------------------------------------------------------------------------------------------------------

    @property
    def _load(self) -> int:
        """How many tasks this process may have on their way at once."""
        return sum(route.load for route in self._chosen)

    async def _deliver(self, route: _Route, called: Sequence[int]) -> bool:
        """Take the lanes that were called, with this worker's share of the route, and deliver what is in them.

        Returns:
            Whether any of them was to be had.
        """
        work, wanted = route.work, self._choose_groups(route, called)
        shift = _InHand(len(wanted))
        route.in_hand.add(shift)  # ahead of the lease: from here on, a pause is heard
        lanes = sorted({*called, *(lane for group in wanted for lane in group.lanes)})
        turn = asyncio.ensure_future(self._pass_on(route, shift))
        try:
            token = draw_token()  # the same again, where it is not known whether the lanes were had
            lease = await self._journal.bear(
                lambda: self._store.lanes.acquire(
                    self.worker,
                    work.name,
                    lanes,
                    most_attempts=work.most_attempts,
                    token=token,
                    may_take_over=self._membership.may_take_over,
                )
            )
            if lease is None:
                return False
            shift.lanes, shift.width = lease.lanes, route.find_width(lease.lanes)
            shift.groups = sum(not set(group.lanes).isdisjoint(lease.lanes) for group in wanted)
            try:
                delivered = await self._deliver_under(route, lease, shift)
            except asyncio.CancelledError:  # most often the worker leaves; but a job can be aborted by an administrator
                with suppress(StoreError, TimeoutError):
                    await asyncio.wait_for(self._store.lanes.release(lease), HURRY_S)
                raise
            # After a failure the lanes stay with a worker that leaves: whoever finds them sees to what is in them.
            await self._journal.bear(partial(self._store.lanes.release, lease))
        finally:
            route.in_hand.discard(shift)
            turn.cancel()
        if delivered.stopped is not None:
            route.stopped = delivered.stopped
            await self._read_states()
        return True

    def _choose_groups(self, route: _Route, called: Sequence[int]) -> list[Group]:
        """Return the groups to take: the one that was called, and with it as many as make up a fair share.

        A worker by itself takes all: tasks of one lane then have the places of all the others, too.
        """
        first = next((index for index, group in enumerate(route.groups) if not set(group.lanes).isdisjoint(called)), 0)
        ring = (*route.groups[first:], *route.groups[:first])
        return list(ring[: max(1, self._balance.share(route.name, len(ring)) - route.held)])

    def _leaves_to_others(self, route: _Route, called: Sequence[int]) -> bool:
        """Return whether neighbours should have a group, since this worker has its share; but not the second time."""
        place = (route.name, called[0])
        if route.held < self._balance.share(route.name, len(route.groups)) or place in self._left:
            self._left.discard(place)
            return False
        self._left.add(place)
        return True

    async def _deliver_under(self, route: _Route, lease: Lease, shift: _InHand) -> Delivered:
        """Deliver until there is nothing to do and, for a moment, nothing comes: taking lanes costs time, too."""
        while True:
            shift.fed.clear()
            delivered = await route.delivery.deliver(lease, shift.width, until=shift.end)
            if delivered.stopped is not None or delivered.is_fenced or shift.end.is_set():
                return delivered
            await first_of(shift.fed, shift.end, within_s=self._linger_s)
            if shift.end.is_set() or not shift.fed.is_set():
                return delivered

    async def _pass_on(self, route: _Route, shift: _InHand) -> None:
        """Bring a shift to its end when a neighbour should have it, or a part of it."""
        while True:
            await asyncio.sleep(_TURN_S)
            if shift.end.is_set() or not shift.width:
                continue
            is_too_much = route.held > self._balance.share(route.name, len(route.groups))
            if is_too_much or self._balance.yields(route.name, self._load, shift.width):
                self._aside_until_s = asyncio.get_running_loop().time() + _ASIDE_S
                shift.end.set()

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _call_due(self) -> None:
        """Call what should be worked on and is not: at once where tasks were made, and all of it now and then."""
        loop = asyncio.get_running_loop()
        next_sweep_s = 0.0
        while True:
            now_s = loop.time()
            is_sweep = now_s >= next_sweep_s
            if self._queue.is_open:
                names, self._to_call = self._to_call, set()
                self._woken.clear()
                try:
                    await self._call({*(self._chosen if is_sweep else ()), *(self._routes[name] for name in names)})
                    if is_sweep:
                        await self._queue.clear(self._dead_s)
                        next_sweep_s = loop.time() + _SWEEP_S
                except StoreError as error:
                    self._to_call |= names
                    logger.debug(log.DISPATCH_NOTE, reason=error.message)
                    await asyncio.sleep(_LOOK_S)
            await asyncio.sleep(_BREATH_S)
            if self._queue.is_open:
                await first_of(self._woken, within_s=max(0.0, next_sweep_s - loop.time()))

    async def _call(self, routes: Iterable[_Route]) -> None:
        """Call every shift of some routes that has something to do, and that nobody works on."""
        active = [route for route in routes if route.is_active]
        if not active:
            return
        due, holders = await self._find_work(active)
        shifts = [
            Shift(route.name, group.lanes, route.work.priority)
            for route in active
            for group in self._list_wanted(route, due, holders)
        ]
        if shifts:
            await self._queue.call(shifts)

    def _list_wanted(self, route: _Route, due: Mapping[tuple[str, int], int], holders: Holders) -> list[Group]:
        """Return the groups that have something to do which nobody does."""
        wanted = [group for group in route.groups if self._is_wanted(route, group, due, holders)]
        # Where there is one worker, it takes all of them with the first one.
        return wanted[:1] if self._balance.is_alone else wanted

    async def _find_work(self, routes: Iterable[_Route]) -> tuple[dict[tuple[str, int], int], Holders]:
        """Return when the first task in each lane can be claimed, and who holds which lanes."""
        places = [(route.name, lane) for route in routes for lane in range(LANES)]
        due = await self._journal.bear(lambda: self._store.tasks.list_due(places))
        return due, await self._neighbours.look()

    def _is_wanted(self, route: _Route, group: Group, due: Mapping[tuple[str, int], int], holders: Holders) -> bool:
        """Return whether a group has something to do that nobody does; what is due later is waited for."""
        is_wanted = False
        for lane in group.lanes:
            place = (route.name, lane)
            if place in holders.dead:  # what is in there has to be seen to, whatever is due
                is_wanted = True
            elif place in due and place not in holders.alive:
                left_s = self._left_s(route, due[place])
                if left_s <= 0:
                    is_wanted = True
                elif left_s < _SWEEP_S:
                    self._wake_in(route, left_s)
        return is_wanted

    def _wake_in(self, route: _Route, left_s: float) -> None:
        asyncio.get_running_loop().call_later(left_s, self.wake, route.name)

    def _left_s(self, route: _Route, due_ms: int) -> float:
        """Return the seconds until a try is due; none where it is due further ahead than any can be."""
        left_ms = due_ms - self._store.now_ms()
        return 0.0 if left_ms > route.work.longest_wait_ms else left_ms / 1000

    async def _fire_due(self) -> None:
        """Have fetched what is due, by whichever worker is free."""
        while self._scheduler is not None:
            # Not by way of the journal, which would take an answer for a sign that the store is back: most often the
            # scheduler gives it without asking the store.
            try:
                firings = await self._scheduler.due()
                if firings and self._queue.is_open:
                    await self._queue.call(firings=firings)
            except StoreError as error:  # it stays due
                if error.recovery is not Recovery.RETRY:
                    raise
            await first_of(self._scheduler.nudged, within_s=_LOOK_S)

    async def _look_for_unknown(self, route: _Route) -> None:
        """Look for unknown outcomes as they become due."""
        while route.work.publisher.can_look:
            if route.is_active:
                await self._look(route)
            await asyncio.sleep(_UNKNOWN_S)

    async def _look(self, route: _Route) -> bool:
        """Look for the unknown outcomes that are due, and return whether there were any."""
        looked = 0
        async with route.looking:
            while True:
                number = await route.looker.look_at_due()
                looked += number
                if number < MOST_AT_ONCE:
                    return looked > 0

    # --- one route alone ----------------------------------------------------------------------------------------------

    async def _empty(self, route: _Route, wait_s: float, fed: asyncio.Event | None) -> None:
        """Deliver a route until there is nothing left that is due soon, here or with anybody else."""
        in_hand: set[asyncio.Task[bool]] = set()
        try:
            while route.is_active and not self._closing.is_set():
                self._fed.clear()
                is_fed = fed is None or fed.is_set()
                due, holders = await self._find_work([route])
                for group in self._list_wanted(route, due, holders):
                    in_hand.add(asyncio.create_task(self._deliver(route, group.lanes)))
                left_s = _LOOK_S
                if not in_hand:
                    left_s = min((self._left_s(route, due_ms) for due_ms in due.values()), default=math.inf)
                    if is_fed and left_s > wait_s and not await self._is_elsewhere(route):
                        # Of what a dead worker had sent nobody knows until its lanes were taken: it is asked for here.
                        if route.work.publisher.can_look and await self._look(route):
                            continue  # what is found lets those behind it of its key go on
                        return
                events = [self._fed] if fed is None or is_fed else [self._fed, fed]
                await first_of(*events, tasks=in_hand, within_s=min(max(left_s, _POLL_S), _LOOK_S))
                for task in [task for task in in_hand if task.done()]:
                    in_hand.discard(task)
                    task.result()
            for task in in_hand:
                await task
        finally:
            for task in in_hand:
                task.cancel()
            if in_hand:
                await asyncio.wait(in_hand)

    async def _is_elsewhere(self, route: _Route) -> bool:
        """Return whether other workers have tasks of a route in hand."""
        sought = TaskFilter(route=route.name, statuses=(TaskStatus.PROCESSING,))
        return await self._journal.bear(lambda: self._store.tasks.count(sought)) > 0

    async def _attend(self, stop: asyncio.Event) -> None:
        """Call what is woken and what is due, until asked to stop or until a call fails."""

        async def call() -> None:
            while True:
                await self._woken.wait()
                self._woken.clear()
                names, self._to_call = self._to_call, set()
                await self._call([self._routes[name] for name in names])
                await asyncio.sleep(_BREATH_S)

        acts = [asyncio.ensure_future(call()), asyncio.ensure_future(self._fire_due())]
        stopping = asyncio.ensure_future(stop.wait())
        everything = {*acts, stopping}
        try:
            waiting: set[asyncio.Future[Any]] = set(everything)
            while not stopping.done() and not any(act.done() and act.exception() for act in acts):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in everything:
                task.cancel()
            await asyncio.wait(everything, timeout=HURRY_S)
        for act in acts:
            if act.done() and not act.cancelled():
                act.result()

    async def _call_others(self) -> None:
        """Have other routes delivered by the workers, as tasks are made for them."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            names, self._to_call = self._to_call, set()
            others = [self._routes[name] for name in names if self._routes[name] not in self._chosen]
            with suppress(StoreError):  # the next look of any worker finds them
                await self._call(others)
            await asyncio.sleep(_BREATH_S)

    # --- being a worker -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _join(self) -> AsyncIterator[None]:
        """Be known as a worker, and have routes active that had stopped themselves."""
        self._closing.clear()
        async with self._membership.joined(self.routes):
            await take_up(self._chosen, self._store, self._journal)
            yield

    async def _watch(self) -> None:
        """Look every second what a person has changed, and how much the neighbours have to do."""
        while True:
            await self._read_states()
            if self._load:
                await self._neighbours.look()
            await asyncio.sleep(_LOOK_S)

    async def _read_states(self) -> None:
        rows = await self._journal.bear(self._store.routes.states)
        for route in self._chosen:
            was_active, route.row = route.is_active, rows.get(route.name)
            if not route.is_active:
                route.end_shifts()
            elif not was_active:
                self.wake(route.name)

    async def _supervise(
        self,
        work: Coroutine[Any, Any, None],
        helpers: Iterable[Coroutine[Any, Any, None]],
        stop: asyncio.Event,
        hurry: asyncio.Event | None = None,
    ) -> bool:
        """Wait for work with all that a worker does beside it; return whether it came to its end by itself."""
        return await supervise(
            work,
            [self._membership.beat(), self._watch(), *map(self._look_for_unknown, self._chosen), *helpers],
            stop=stop,
            close=self._close,
            journal=self._journal,
            grace_s=self._grace_s,
            hurry=hurry,
            cut=self._queue.cut,
        )

    def _close(self) -> None:
        """Begin nothing new, and bring what is in hand to its end."""
        self._closing.set()
        self.let_go()
