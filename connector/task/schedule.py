"""Incomings fetched by themselves when they are due: once over all workers, and never two fetches of one at a time.

When something is due, `connector.subscriber.schedule` says. Here is what is done about it: a due time is begun by
whoever writes it into the store first, and an incoming is fetched by whoever holds its lane, which is free again when
its holder dies. Nobody needs to be awake at the due time itself: what has passed is found the next time anyone asks.

A person may ask for a fetch at any time, also of an incoming without a schedule: that stands in the store, too, until
somebody begins it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from connector import log
from connector.errors import ConnectorError, CursorMovedError, Recovery, StoreError
from connector.frozen import dataclass
from connector.store.lanes import draw_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.store.rows import Lease, ScheduleRow
    from connector.store.store import Store
    from connector.subscriber.schedule import Schedule
    from connector.task.ingest import Ingest, Intake, Kept

LATE: Final = timedelta(minutes=1)
"""After so long a due time counts as missed: until then, somebody was merely busy."""

STOPPED: Final = "stopped"
"""How the result of a fetch begins that did not come to its end because its worker was stopped. It is taken up again
once, as if it were due a millisecond after its time: due times are whole seconds, so none is another's."""

BROKEN_OFF: Final = "broken off"
"""How the result of a fetch begins that a person had asked for, and that was stopped: it is asked for again."""

_LANE: Final = (0,)
_BY: Final = "connector"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Firing:
    """A fetch that is due.

    Attributes:
        incoming: The name under which it keeps its state.
        due_at_ms: Since when.
        is_asked: Whether it is due because somebody asked for it, whatever its schedule says.
    """

    incoming: str
    due_at_ms: int
    is_asked: bool = False


def choose_due(schedule: Schedule, last: datetime, now: datetime, *, is_owed: bool = False) -> datetime | None:
    """Return the due time that is to be made good now, or None.

    Args:
        schedule: What was declared.
        last: The due time that was made good, or passed over, last; aware.
        now: Aware.
        is_owed: Whether due times since then passed while a fetch went on whose end they were to wait for.
    """
    first = schedule.timing.next_after(last)
    if first is None or first > now:
        return None
    if schedule.fires_all_missed:
        return first
    latest = schedule.last_between(last, now)
    assert latest is not None, "the first one lies between"
    is_missed = now - latest > LATE
    return None if is_missed and not (schedule.fires_last_missed or is_owed) else latest


async def try_fire(
    scheduler: Scheduler, firing: Firing, *, stop: asyncio.Event | None = None, is_again: bool = False
) -> None:
    """Fetch what is due, as `Scheduler.fire`; where the store is away, or has no room, that is told, and it stays due.

    Raises:
        StoreError: The database can never be used.
    """
    failure: StoreError | None = None
    try:
        await scheduler.fire(firing, stop=stop, is_again=is_again)
    except StoreError as error:
        if error.recovery is not Recovery.RETRY:
            raise
        failure = error
    if failure is not None:
        logger.error(log.SCHEDULE_FAILED, incoming=firing.incoming, reason=failure.message, cure=failure.cure)


class Scheduler:
    """Fetches incomings when they are due, or asked for. One for a process.

    Attributes:
        nudged: Set when something may be due that was not a moment ago; `due` clears it.
    """

    def __init__(
        self,
        store: Store,
        schedules: Mapping[str, Schedule | None],
        ingest: Ingest,
        *,
        worker: str,
        on_kept: Callable[[Kept], None] | None = None,
    ) -> None:
        """Put together what `connector.app` has built.

        Args:
            store: Where it is kept what was done.
            schedules: By the name under which an incoming keeps its state; None for one that is fetched only when
                somebody asks for it.
            ingest: Fetches.
            worker: Id of this worker, which has joined the store's.
            on_kept: Called with each batch of records once it is durable.
        """
        self._store = store
        self._incomings = list(schedules)
        self._schedules = {name: schedule for name, schedule in schedules.items() if schedule is not None}
        self._ingest = ingest
        self._worker = worker
        self._on_kept = on_kept
        self._last: dict[str, datetime] = {}
        self._unfinished: dict[str, datetime] = {}
        self._owed: set[str] = set()
        self._under_way: set[str] = set()
        self._asked: dict[str, int] = {}
        self.nudged = asyncio.Event()
        self._token = draw_token()  # the same each time: where it is not known whether a lane was had, it is had again

    @property
    def incomings(self) -> list[str]:
        """The names of those that can be fetched, with a schedule or without."""
        return list(self._incomings)

    @property
    def scheduled(self) -> list[str]:
        """The names of those that have a schedule."""
        return list(self._schedules)

    def nudge(self) -> None:
        """Have whoever calls `due` now and then do so at once."""
        self.nudged.set()

    async def open(self) -> None:
        """Find out what was done before, and say which schedules there are. To be called before all else.

        A schedule that is new, or has another timing than before, is due for the first time after now. On SQLite, a
        fetch whose worker died counts as stopped; elsewhere somebody may still be at it.

        Raises:
            StoreError: The database cannot be used.
        """
        now = self._now()
        rows = {row.name: row for row in await self._store.schedules.all()}
        for name, schedule in self._schedules.items():
            row, spec = rows.get(name), schedule.timing.text
            known = [] if row is None else [row.last_due_at_ms, None if row.next_at_ms is None else row.next_at_ms - 1]
            times = [to_datetime(at_ms) for at_ms in known if at_ms is not None]
            is_same = row is not None and row.spec == spec and times
            self._last[name] = min(max(times), now) if is_same else now
            following = schedule.timing.next_after(self._last[name])
            await self._store.schedules.declare(name, spec, next_at_ms=to_ms(following))
            if row is None or not is_same:
                continue
            if not self._store.is_shared and row.last_started_at_ms is not None and not row.last_result:
                row = await self._note_death(row, following)
            self._learn(row, now)
        for name in self._incomings:
            row = rows.get(name)
            is_left = row is not None and row.last_started_at_ms is not None and not row.last_result
            if name not in self._schedules and is_left and not self._store.is_shared:
                await self._store.schedules.note_result(name, f"{BROKEN_OFF}: its worker died")
                await self._store.schedules.ask(name, _BY)

    async def due(self, now_ms: int | None = None) -> list[Firing]:
        """Return what is to be fired now, at most once for each incoming, and nothing that is under way here.

        What is returned is returned again until it is fired, here or anywhere. Schedules are read only when one seems
        to be due; what people asked for is read each time.

        Args:
            now_ms: The store's time where left out.

        Raises:
            StoreError: The database cannot be used.
        """
        self.nudged.clear()
        now = self._now() if now_ms is None else to_datetime(now_ms)
        rows = await self._store.schedules.asked()
        self._asked = {row.name: row.asked_at_ms for row in rows if row.asked_at_ms is not None}
        if self._list_due(now):
            for row in await self._store.schedules.all():
                if row.name in self._schedules:
                    self._learn(row, now)
        firings = self._list_due(now)
        due = {firing.incoming for firing in firings}  # which does what was asked for, too
        asked = [
            Firing(name, at_ms, is_asked=True)
            for name, at_ms in self._asked.items()
            if name in self._incomings and name not in due and name not in self._under_way
        ]
        return [*firings, *asked]

    async def fire(self, firing: Firing, *, stop: asyncio.Event | None = None, is_again: bool = False) -> Intake | None:
        """Fetch what is due, unless somebody has done so, or still is at the last one; return the counts, or None.

        An incoming that fails is told in the log and kept as the result: the next fetch goes on where this one ended.

        Args:
            firing: From `due`, of this process or another.
            stop: Set by whoever wants it to stop.
            is_again: Whether it is known that whoever began this very firing died: it is begun again.

        Raises:
            StoreError: The database cannot be used.
        """
        name = firing.incoming
        if name in self._under_way:
            return None
        self._under_way.add(name)
        lease: Lease | None = None
        try:
            lease = await self._store.lanes.acquire(
                self._worker, _lane_of(name), _LANE, most_attempts=1, token=self._token
            )
            if lease is None:
                if not firing.is_asked:  # else it stays asked for, until whoever has the incoming lets it go
                    await self._wait_or_pass_over(firing)
                return None
            if firing.is_asked:
                return await self._fetch_asked(firing, stop, is_again=is_again)
            return await self._fetch(firing, stop, is_again=is_again)
        finally:
            self._under_way.discard(name)
            if lease is not None:
                await self._store.lanes.release(lease)

    def next_at_ms(self, incoming: str) -> int | None:
        """Return when an incoming is due next, or None for never."""
        schedule = self._schedules.get(incoming)
        return None if schedule is None else to_ms(schedule.timing.next_after(self._now()))

    def _list_due(self, now: datetime) -> list[Firing]:
        firings = []
        for name, schedule in self._schedules.items():
            if name in self._under_way:
                continue
            due = choose_due(schedule, self._last[name], now, is_owed=name in self._owed)
            if due is None:
                due = self._unfinished.get(name)
            if due is not None:
                firings.append(Firing(name, _ms_of(due)))
        return firings

    async def _fetch(self, firing: Firing, stop: asyncio.Event | None, *, is_again: bool) -> Intake | None:
        """Begin the firing in the store and carry it out, under the incoming's lane."""
        name, schedule = firing.incoming, self._schedules[firing.incoming]
        due, began = to_datetime(firing.due_at_ms), self._now()
        if is_again:
            row = await self._find_row(name)
            if row is None or row.last_due_at_ms is None or row.last_due_at_ms < firing.due_at_ms or row.last_result:
                return None  # it came to its end, and only the word of it was lost
        else:
            if not schedule.fires_all_missed:  # what came due while this one waited is done with it
                due = schedule.last_between(due, began) or due
            is_first = await self._store.schedules.fire(name, _ms_of(due))
            self._take_note(name, due)
            if not is_first:
                return None
        if name in self._asked:
            await self._store.schedules.take_asked(name)
        logger.info(log.SCHEDULE_FIRED, incoming=name, due_at=_write(due))
        try:
            counts, failure = await self._take_in(name, stop)
        except StoreError:
            await self._note_loss(name, due)
            raise
        result = _tell_result(counts, failure, stopped=STOPPED if _is_stopped(counts, stop) else "")
        await self._note_end(name, due, began, result, counts)
        return counts

    async def _fetch_asked(self, firing: Firing, stop: asyncio.Event | None, *, is_again: bool) -> Intake | None:
        """Begin what somebody asked for in the store and carry it out, under the incoming's lane."""
        name, by = firing.incoming, _BY
        row = await self._store.schedules.take_asked(name)
        self._asked.pop(name, None)
        if row is not None:
            by = row.asked_by
        elif not is_again or not await self._goes_on(name):
            return None  # somebody else has begun it, or it came to its end and only the word of it was lost
        logger.info(log.SCHEDULE_ASKED, incoming=name, by=by)
        try:
            counts, failure = await self._take_in(name, stop)
        except StoreError:
            with contextlib.suppress(StoreError):
                await self._note_result(name, f"{BROKEN_OFF}: the store was away", None)
                await self._store.schedules.ask(name, by)
            raise
        is_stopped = _is_stopped(counts, stop)
        if is_stopped:  # ahead of the result: in doubt it is fetched once more
            await self._store.schedules.ask(name, by)
        result = _tell_result(counts, failure, stopped=BROKEN_OFF if is_stopped else "")
        await self._note_result(name, result, counts)
        return counts

    async def _take_in(self, name: str, stop: asyncio.Event | None) -> tuple[Intake | None, ConnectorError | None]:
        """Fetch, and return the counts, or what went wrong, which is told in the log.

        Raises:
            StoreError: The database cannot be used.
        """
        failure: ConnectorError
        try:
            return await self._ingest.fetch(name, stop=stop, on_kept=self._on_kept), None
        except CursorMovedError as error:  # a person has set it, most likely: the next fetch goes on from there
            failure = error
        except StoreError:
            raise
        except ConnectorError as error:
            failure = error
        logger.error(log.SCHEDULE_FAILED, incoming=name, reason=failure.message, cure=failure.cure)
        return None, failure

    async def _goes_on(self, name: str) -> bool:
        """Return whether the store says that an incoming is being fetched."""
        row = await self._find_row(name)
        return row is not None and row.last_started_at_ms is not None and not row.last_result

    async def _find_row(self, name: str) -> ScheduleRow | None:
        return next((row for row in await self._store.schedules.all() if row.name == name), None)

    async def _note_loss(self, name: str, due: datetime) -> None:
        """Have a fetch taken up again that the store broke off, also where that cannot be written down now."""
        if self._schedules[name].fires_last_missed:
            self._unfinished[name] = due + _MILLISECOND
        with contextlib.suppress(StoreError):
            await self._note_result(name, f"{STOPPED}: the store was away", None)

    async def _note_result(self, name: str, result: str, counts: Intake | None) -> None:
        """Keep what came of a fetch, and when the next one is due."""
        schedule = self._schedules.get(name)
        following = None if schedule is None else schedule.timing.next_after(self._last[name])
        await self._store.schedules.note_result(
            name,
            result,
            next_at_ms=to_ms(following),
            records=None if counts is None else counts.taken,
            tasks=None if counts is None else counts.tasks,
        )

    async def _note_end(self, name: str, due: datetime, began: datetime, result: str, counts: Intake | None) -> None:
        """Keep what came of a fetch; pass over what came due while it went on, unless that was to wait."""
        schedule, now = self._schedules[name], self._now()
        meanwhile = schedule.last_between(due, now)
        if meanwhile is not None and schedule.queues:
            self._owed.add(name)
        elif meanwhile is not None and schedule.last_between(due, began) is None:  # else earlier ones are to be made up
            if await self._store.schedules.fire(name, _ms_of(meanwhile)):
                logger.warning(log.SCHEDULE_PASSED_OVER, incoming=name, due_at=_write(meanwhile))
            self._take_note(name, meanwhile)
        self._last[name] = max(due, self._last[name])
        await self._note_result(name, result, counts)

    async def _wait_or_pass_over(self, firing: Firing) -> None:
        """Deal with a due time while another worker has the incoming: it stays due, or is passed over.

        It is passed over for a fetch that goes on. A worker that has the incoming and has begun nothing yet is about to
        begin this very one.
        """
        name, schedule = firing.incoming, self._schedules[firing.incoming]
        due = to_datetime(firing.due_at_ms)
        if schedule.queues:
            self._owed.add(name)
            return
        if schedule.fires_all_missed and self._now() - due > LATE:
            return
        if await self._goes_on(name) and await self._store.schedules.fire(name, firing.due_at_ms):
            logger.warning(log.SCHEDULE_PASSED_OVER, incoming=name, due_at=_write(due))
            self._take_note(name, due)

    async def _note_death(self, row: ScheduleRow, following: datetime | None) -> ScheduleRow:
        """Have a fetch whose worker died count as stopped, and return its row as it is then."""
        result = f"{STOPPED}: its worker died"
        await self._store.schedules.note_result(row.name, result, next_at_ms=to_ms(following))
        return replace(row, last_result=result)

    def _learn(self, row: ScheduleRow, now: datetime) -> None:
        """Take in what the store says of a schedule."""
        if row.last_due_at_ms is None:
            return
        due = to_datetime(row.last_due_at_ms)
        if due > now + LATE:  # the clock was set back since
            return
        self._take_note(row.name, due)
        schedule = self._schedules[row.name]
        is_repeated = due.microsecond != 0
        if row.last_result.startswith(STOPPED) and schedule.fires_last_missed and not is_repeated:
            self._unfinished[row.name] = due + _MILLISECOND
        else:
            self._unfinished.pop(row.name, None)

    def _take_note(self, name: str, due: datetime) -> None:
        """Take note that a due time is dealt with."""
        if due > self._last[name]:
            self._last[name] = due
            self._owed.discard(name)
        if name in self._unfinished and self._unfinished[name] <= due:
            del self._unfinished[name]

    def _now(self) -> datetime:
        return to_datetime(self._store.now_ms())


def _lane_of(incoming: str) -> str:
    """Return the name under which the right to fetch an incoming is held; no route has a `/` in its name."""
    return f"fetch/{incoming}"


def _is_stopped(counts: Intake | None, stop: asyncio.Event | None) -> bool:
    return counts is not None and not counts.is_complete and stop is not None and stop.is_set()


def _tell_result(counts: Intake | None, failure: ConnectorError | None, *, stopped: str) -> str:
    if counts is None:
        return f"failed: {failure}"
    records = "1 record" if counts.taken == 1 else f"{counts.taken:,} records"
    return f"{stopped} after {records}" if stopped else f"{records}, {counts.tasks:,} new"


def _write(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def to_datetime(at_ms: int) -> datetime:
    """Return a time in ms since the epoch as an aware one, UTC."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def _ms_of(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def to_ms(moment: datetime | None) -> int | None:
    """Return an aware time in ms since the epoch; None for none."""
    return None if moment is None else _ms_of(moment)
