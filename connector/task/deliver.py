"""Tasks of a route delivered: claimed in batches, sent side by side, settled in batches.

What keeps a task safe is the order of three writes. It is claimed before it is begun; a note that a request which
commits is about to leave is durable before the request leaves; and its end is written when it has one. Whatever ends
the process in between, the next one knows which of these it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import random as random_module
from collections import deque
from typing import TYPE_CHECKING, Final

import orjson

from connector import log, trace
from connector.errors import ConnectorError, StoreError
from connector.frozen import dataclass
from connector.record_codec import decode_value
from connector.route.result import read_failure
from connector.store.rows import Checkpoint, CommitNote, Settlement, StoredValue, TaskStatus
from connector.task.ingest import is_raw
from connector.task.journal import Fate, FencedError, WithdrawnError
from connector.task.outcome import PAUSED, RELEASED, SKIPPED, Outcome, break_down, give_way, interrupt, judge
from connector.task.shaper import Shaper
from connector.task.transcript import MOST_KEPT, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.interfaces import Departure
    from connector.publisher.publisher import Published
    from connector.redaction import Redactor
    from connector.request import Exchange
    from connector.route.result import Result
    from connector.store.rows import Claimed, Lease
    from connector.store.store import Store
    from connector.task.journal import Journal
    from connector.task.places import Places
    from connector.task.work import RouteWork
    from connector.transform.ledger import Put

FIRST_LOOK_MS: Final = 60_000
"""How long after an attempt without an answer its task is looked for, milliseconds: the attempt itself looked before
it gave up."""

_LOOK_S: Final = 1.0
"""How often the store is asked for more while tasks are in hand: a try that has become due, or what a person did."""

_PAUSE_S: Final = 0.05
"""Between two claims of which the first found nothing, while tasks are in hand."""

_LEAST_CLAIMED: Final = 32

_BAD: Final = frozenset({TaskStatus.FAILED, TaskStatus.UNKNOWN, TaskStatus.RETRY})
"""How attempts end that a trace shows as errors."""

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a delivery ended.

    Attributes:
        attempts: How many attempts were made.
        stopped: Why the route stopped itself, or None.
        is_fenced: Whether somebody else has taken lanes of the lease over.
    """

    attempts: int = 0
    stopped: ConnectorError | None = None
    is_fenced: bool = False


class RouteDelivery:
    """Delivers the tasks of one route. One a route and process; it may work under several leases at once."""

    def __init__(
        self,
        work: RouteWork,
        store: Store,
        journal: Journal,
        *,
        redactor: Redactor,
        places: Places,
        on_result: Callable[[Result], None] | None = None,
        random: random_module.Random | None = None,
    ) -> None:
        """Put together what `connector.app` has built.

        Args:
            work: The route.
            store: Where its tasks are.
            journal: Writes to that store; shared by all deliveries of the process.
            redactor: Masks what is kept of exchanges.
            places: Shared by all deliveries of the process.
            on_result: Called once for each task that is settled, after that is durable: finished, skipped, failed or
                unknown. One that is tried again later is told when it is settled.
            random: Source of the jitter.
        """
        self.work = work
        self.store = store
        self.journal = journal
        self.places = places
        self.on_result = on_result
        self.random = random or random_module.Random()  # noqa: S311 - jitter, not cryptography
        self.transcript = Transcript(redactor)
        self.shaper = Shaper(work.shaping, store.state)
        self.look_wait_ms = FIRST_LOOK_MS if work.publisher.can_look else None
        self._shifts: set[_Shift] = set()
        self._has_recalled = False

    async def deliver(self, lease: Lease, width: int, *, until: asyncio.Event) -> Delivered:
        """Deliver what is claimable under a lease until nothing is, or until asked to stop.

        Asked to stop, what is in hand is finished and what was not begun is given back. Cancelled, what is in hand is
        broken off: a task of which a request may have left becomes `unknown`, the others are given back.

        Args:
            lease: Of lanes of this route.
            width: How many tasks are on their way at once under it, at least 1.
            until: Set by whoever wants it to stop.

        Raises:
            StoreError: The store was away for too long; what could not be written is in the log.
        """
        await self._recall()
        shift = _Shift(self, lease, width)
        self._shifts.add(shift)
        try:
            return await shift.run(until)
        finally:
            self._shifts.discard(shift)

    async def _recall(self) -> None:
        """Tell the publisher, once, what the store knows of earlier answers: evidence where an answer will be lost."""
        if self._has_recalled or not self.work.publisher.can_look:
            return
        self._has_recalled = True
        value = await self.journal.bear(lambda: self.store.tasks.last_value(self.work.name))
        if value is not None:
            with contextlib.suppress(ValueError):  # a person, or another release, has written what is no answer
                self.work.publisher.hear(decode_value(value))

    def wake(self) -> None:
        """Have deliveries that are under way claim at once: tasks were made just now."""
        for shift in self._shifts:
            shift.look_again()


class _Shift:
    """One delivery under one lease, from its first claim to its last settlement."""

    def __init__(self, delivery: RouteDelivery, lease: Lease, width: int) -> None:
        self._delivery = delivery
        self._work = delivery.work
        self._store = delivery.store
        self._journal = delivery.journal
        self._places = delivery.places
        self._priority = delivery.work.priority
        self._lease = lease
        self._width = width
        self._most_claimed = max(3 * width, _LEAST_CLAIMED)
        self._buffer: deque[Claimed] = deque()
        self._unbegun: list[int] = []
        self._workers: dict[asyncio.Task[None], Claimed | None] = {}  # with the task of one that has not begun yet
        self._ticket: int | None = None
        self._changed = asyncio.Event()
        self._may_have_more = True
        self._claiming: asyncio.Future[list[Claimed]] | None = None
        self._known: set[tuple[int, int]] = set()  # what was claimed and is not settled: tasks, each with its attempt
        self._suspect: int | None = None  # has the shift to itself, from its claim to its end
        self._next_claim_s = 0.0
        self._unwritten = 0
        self._attempts = 0
        self._is_closed = False
        self._is_fenced = False
        self._stopped: ConnectorError | None = None
        self._fault: BaseException | None = None

    async def run(self, until: asyncio.Event) -> Delivered:
        """Work until there is nothing to do, or until asked to stop."""
        watching = asyncio.ensure_future(self._watch(until))
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_LOOK_S, self._tick)
        self._is_closed = until.is_set()
        try:
            while not self._is_done:
                self._changed.clear()
                await self._claim()
                self._begin()
                if not self._is_done:
                    await self._changed.wait()
            self._journal.check()
            if self._stopped is not None:
                await self._stop_route(self._stopped)
            await self._give_back()
        except BaseException as error:
            await self._clear_up(is_cancelled=isinstance(error, asyncio.CancelledError))
            raise
        finally:
            watching.cancel()
            self._timer.cancel()
        if self._fault is not None:
            raise self._fault
        return Delivered(self._attempts, self._stopped, self._is_fenced)

    @property
    def _is_done(self) -> bool:
        if self._workers or self._unwritten:
            return False
        return self._is_closed or not (self._buffer or self._may_have_more)

    # --- what to work on ----------------------------------------------------------------------------------------------

    async def _claim(self) -> None:
        """Claim more where there is room and may be more; after a claim that found nothing, not at once again."""
        if self._is_closed or not self._may_have_more or len(self._buffer) > self._width or self._suspect is not None:
            return
        now_s = self._loop.time()
        if now_s < self._next_claim_s and (self._workers or self._unwritten):
            return
        limit = self._most_claimed - len(self._buffer)
        self._may_have_more = False
        # Broken off in the middle, it may have claimed nevertheless: it is waited for, so that they can be given back.
        self._claiming = asyncio.ensure_future(self._claim_up_to(limit))
        claimed = await asyncio.shield(self._claiming)
        self._claiming = None
        self._suspect = next((task.id for task in claimed if task.is_suspect), None)
        # Of keys only the first is given: there may be more behind those of them that wait.
        if len(claimed) == limit or self._suspect is not None or any(task.key is not None for task in claimed):
            self._may_have_more = True
        if not claimed:
            self._next_claim_s = self._loop.time() + _PAUSE_S
            self._loop.call_at(self._next_claim_s, self._changed.set)
        self._buffer.extend(claimed)
        shaper = self._delivery.shaper
        if claimed and shaper.uses_store:
            await self._journal.bear(lambda: shaper.prepare(task.record for task in claimed if not is_raw(task.source)))

    async def _claim_up_to(self, limit: int) -> list[Claimed]:
        is_again = False

        async def claim() -> list[Claimed]:
            nonlocal is_again
            known = self._known if is_again else None  # the first call may have claimed, and its answer was lost
            is_again = True
            return await self._store.tasks.claim(
                self._lease, limit=limit, longest_wait_ms=self._work.longest_wait_ms, known=known
            )

        claimed = await self._journal.bear(claim)
        self._known.update((task.id, task.attempt) for task in claimed)
        return claimed

    def _begin(self) -> None:
        """Set as many to work as there are tasks and places for; give up what is in the buffer once closed."""
        if self._is_closed:
            self._withdraw()
            self._unbegun += [task.id for task in self._buffer]
            self._buffer.clear()
            return
        while self._buffer and len(self._workers) < self._width:
            if self._suspect == self._buffer[0].id and self._workers:
                return  # whatever ends with it is to end with nothing else
            if not self._places.take():
                if self._ticket is None:
                    self._ticket = self._places.ask(self._priority, self._take_place)
                return
            self._start()

    def _start(self) -> None:
        claimed = self._buffer.popleft()
        worker = self._loop.create_task(self._work_on(claimed))
        self._workers[worker] = claimed
        worker.add_done_callback(self._end)

    def _take_place(self) -> None:
        """Take a place that was asked for."""
        self._ticket = None
        if self._buffer and len(self._workers) < self._width and not self._is_closed:
            self._start()
            self._changed.set()  # there may be need for one more
        else:
            self._places.give()

    def _withdraw(self) -> None:
        if self._ticket is not None:
            self._places.withdraw(self._ticket)
            self._ticket = None

    async def _work_on(self, claimed: Claimed) -> None:
        """Work on a task, and on further ones as long as nobody else wants the place."""
        worker = asyncio.current_task()
        assert worker is not None, "it runs as a task of its own"
        self._workers[worker] = None
        while True:
            await self._try(claimed)
            if claimed.id == self._suspect:
                self._suspect = None
                self._changed.set()
            if self._suspect is not None or not self._buffer or self._is_closed:
                return
            if self._places.is_wanted(self._priority):
                return
            claimed = self._buffer.popleft()
            if self._may_have_more and len(self._buffer) == self._width:
                self._changed.set()

    def _end(self, worker: asyncio.Task[None]) -> None:
        unbegun = self._workers.pop(worker)
        if unbegun is not None:
            self._unbegun.append(unbegun.id)
        self._places.give()
        if not worker.cancelled() and worker.exception() is not None:
            self._break(worker.exception())
        self._changed.set()

    def _break(self, fault: BaseException | None) -> None:
        """Close, and raise a fault in the end."""
        self._fault = self._fault or fault
        self._close()

    def _close(self) -> None:
        self._is_closed = True
        self._changed.set()

    def look_again(self) -> None:
        """Claim more at once, where there is room."""
        self._may_have_more = True
        self._changed.set()

    def _tick(self) -> None:
        self.look_again()
        self._timer = self._loop.call_later(_LOOK_S, self._tick)

    async def _watch(self, until: asyncio.Event) -> None:
        await until.wait()
        self._close()

    # --- one task -----------------------------------------------------------------------------------------------------

    async def _try(self, claimed: Claimed) -> None:
        """Make one attempt, as a span where traces are sent."""
        if not trace.is_on():
            await self._attempt(claimed)
            return
        facts: dict[str, str | int] = {
            "connector.route": self._work.name,
            "connector.task.id": claimed.id,
            "connector.task.attempt": claimed.attempt,
        }
        with trace.span(f"deliver {self._work.name}", facts, kind="consumer") as span:
            outcome = await self._attempt(claimed)
            if outcome is None:
                return
            span.put({"connector.task.status": outcome.status.value})
            if outcome.verdict is not None:
                span.put({"connector.verdict": outcome.verdict.value})
            if outcome.status in _BAD:
                span.fail(outcome.verdict.value if outcome.verdict is not None else outcome.status.value)

    async def _attempt(self, claimed: Claimed) -> Outcome | None:
        """Make one attempt, hand its end to the journal, and return it; None where there is none to tell of."""
        self._attempts += 1
        attempt = _Attempt(claimed, self._journal, self._store.now_ms)
        try:
            outcome = await self._send(attempt)
        except StoreError as error:
            self._drop(attempt)
            self._break(error)
            return None
        except ConnectorError as error:
            outcome = self._judge(attempt, error)
        except FencedError:
            self._lose(claimed, "nothing was sent")
            return None
        except WithdrawnError:
            self._drop(attempt)
            self._close()  # the journal has given up, and says why
            return None
        except asyncio.CancelledError:
            self._drop(attempt)
            raise
        except Exception as error:  # the outermost edge of what is done for one record: the others go on
            logger.exception(log.FAULT, route=self._work.name, task_id=claimed.id)
            outcome = break_down(error, step=attempt.left, look_wait_ms=self._delivery.look_wait_ms)
        self._settle(attempt, outcome)
        return outcome

    async def _send(self, attempt: _Attempt) -> Outcome:
        """Send what of a task was not sent yet, parcel by parcel.

        Raises:
            ConnectorError: A parcel cannot be shaped or sent.
        """
        claimed, shaper = attempt.claimed, self._delivery.shaper
        if self._work.reshape is not None and is_raw(claimed.source):
            return give_way(self._work.reshape(claimed))
        if shaper.uses_store:
            parcels = await self._journal.bear(lambda: shaper.ask(claimed.record))
        else:
            parcels = shaper.shape(claimed.record)
        total = attempt.parcels = len(parcels)
        if total < attempt.sent or (attempt.sent and claimed.parcels not in {0, total}):
            were = f"of {claimed.parcels} were sent" if claimed.parcels else "there were sent"
            return Outcome(
                TaskStatus.FAILED,
                reason=f"the record gives {total} parcels by now, and {were} {attempt.sent} before",
                cure="see what is missing on the other side, and send that",
            )
        last: Published | None = None
        puts: list[Put] = [put for parcel in parcels[: attempt.sent] for put in parcel.puts]
        for number, parcel in enumerate(parcels[attempt.sent :], start=attempt.sent + 1):
            published = await self._work.publisher.publish(
                parcel.record, observe=attempt.watch, before_commit=attempt.note
            )
            if published.verdict is not None:
                last = published
                puts += parcel.puts
            attempt.check(number)
            if number < total:
                await attempt.keep_place()
                if self._is_closed:
                    return PAUSED
        if last is None and not claimed.sent:
            return SKIPPED
        value, verdict = (None, None) if last is None else (last.value, last.verdict)
        return Outcome(TaskStatus.FINISHED, verdict=verdict, value=value, puts=tuple(puts))

    def _judge(self, attempt: _Attempt, error: ConnectorError) -> Outcome:
        claimed = attempt.claimed
        outcome = judge(
            read_failure(error),
            tries=claimed.tries,
            policy=self._work.retry,
            random=self._delivery.random,
            look_wait_ms=self._delivery.look_wait_ms,
            sent=f"{attempt.sent} of {attempt.parcels} parcels" if attempt.sent else "",
        )
        if outcome.stops:
            self._stopped = self._stopped or error
            self._close()
        return outcome

    def _drop(self, attempt: _Attempt) -> None:
        """Let a task go that cannot be gone on with, as what it is by now."""
        if attempt.left is not None:
            self._settle(attempt, interrupt(attempt.left, look_wait_ms=self._delivery.look_wait_ms))
        elif attempt.sent > attempt.claimed.sent:
            self._settle(attempt, PAUSED)
        elif attempt.is_noted:  # perhaps; the attempt has to be ended, or it would look as if its request had left
            self._settle(attempt, RELEASED)
        else:
            self._unbegun.append(attempt.claimed.id)

    def _settle(self, attempt: _Attempt, outcome: Outcome) -> None:
        """Hand the end of an attempt to the journal."""
        claimed, now_ms, status = attempt.claimed, self._store.now_ms(), outcome.status
        kept = self._work.exchanges
        is_kept = kept == "all" or (kept == "failed" and status is not TaskStatus.FINISHED)
        transcript = self._delivery.transcript
        settlement = Settlement(
            claimed.id,
            claimed.attempt,
            claimed.token,
            status,
            None if outcome.wait_ms is None else now_ms + outcome.wait_ms,
            None if outcome.verdict is None else outcome.verdict.value,
            outcome.step,
            outcome.reason,
            outcome.cure,
            transcript.write_value(outcome.value),
            attempt.sent,
            attempt.parcels,
            attempt.started_ms,
            now_ms,
            transcript.write(attempt.exchanges) if is_kept else (),
            tuple([StoredValue(put.store, put.key, put.value) for put in outcome.puts]),
            outcome.becomes,
            ", ".join(outcome.done) or None,
        )
        if settlement.values:
            self._delivery.shaper.keep(settlement.values)
        self._unwritten += 1
        self._journal.settle(settlement, lambda fate: self._take_fate(fate, claimed, outcome, settlement))

    def _take_fate(self, fate: Fate, claimed: Claimed, outcome: Outcome, settlement: Settlement) -> None:
        """Take note of what became of a settlement."""
        self._unwritten -= 1
        self._known.discard((claimed.id, claimed.attempt))
        if settlement.values:
            self._delivery.shaper.drop(settlement.values)
        if fate is Fate.FENCED:
            self._lose(claimed, outcome.status.value)
        elif fate is Fate.LOST:
            self._close()
        else:
            tally = self._work.tally
            if tally is not None:
                tally.add(outcome, settlement.ended_at_ms - settlement.started_at_ms)
            self._tell(claimed, outcome)
            if claimed.key is not None or settlement.becomes:
                self._may_have_more = True  # the next of its key may go now, or what takes its place
        if not self._unwritten or (self._may_have_more and len(self._buffer) <= self._width):
            self._changed.set()

    def _tell(self, claimed: Claimed, outcome: Outcome) -> None:
        if outcome.status is TaskStatus.RETRY and outcome.wait_ms is not None:
            wait_s = outcome.wait_ms / 1000
            logger.warning(
                log.RETRY,
                route=self._work.name,
                task_id=claimed.id,
                record_key=claimed.key,
                attempt=claimed.attempt,
                delay_s=wait_s,
                reason=f"{outcome.step}: {outcome.reason}" if outcome.step else outcome.reason,
            )
            if wait_s < _LOOK_S:
                self._loop.call_later(wait_s, self.look_again)
        if self._delivery.on_result is not None:
            result = outcome.result(claimed)
            if result is not None:
                try:
                    self._delivery.on_result(result)
                except Exception as error:  # noqa: BLE001 - a fault of who takes the results: raised in the end
                    self._break(error)

    def _lose(self, claimed: Claimed, outcome: str) -> None:
        """Take note that somebody else has the task by now."""
        logger.warning(log.FENCED, route=self._work.name, task_id=claimed.id, attempt=claimed.attempt, outcome=outcome)
        self._is_fenced = True
        self._close()

    # --- the end ------------------------------------------------------------------------------------------------------

    async def _stop_route(self, error: ConnectorError) -> None:
        """Have the route delivered by nobody until a person has seen to it."""
        logger.error(log.ROUTE_STOPPED, route=self._work.name, reason=error.message, cure=error.cure)
        await self._journal.bear(lambda: self._store.routes.stop(self._work.name, str(error)))

    async def _give_back(self) -> None:
        """Give back what was claimed and not begun."""
        if self._unbegun:
            unbegun, self._unbegun = self._unbegun, []
            await self._journal.bear(lambda: self._store.tasks.release(self._lease, unbegun))

    async def _clear_up(self, *, is_cancelled: bool) -> None:
        """Bring to an end what is under way; what cannot be given back is found when the lanes are taken next."""
        self._is_closed = True
        self._begin()
        if is_cancelled:
            for worker in self._workers:
                worker.cancel()
        while self._workers:
            await asyncio.wait(self._workers)
        with contextlib.suppress(StoreError):
            while self._unwritten:
                self._changed.clear()
                await self._changed.wait()
            if self._claiming is not None:
                self._unbegun += [task.id for task in await self._claiming]
            if self._unbegun:
                await self._store.tasks.release(self._lease, self._unbegun)


class _Attempt:
    """How far one attempt has come.

    Attributes:
        claimed: Its task.
        sent: Parcels known to be sent, also before.
        parcels: Of how many; 0 until that is known.
        left: Name of the step whose request has left and has no answer that settles it; None where there is none.
        is_noted: Whether a note was handed in that a request is about to leave.
        started_ms: When it began.
    """

    __slots__ = ("_journal", "_now_ms", "_tail", "claimed", "head", "is_noted", "left", "parcels", "sent", "started_ms")

    def __init__(self, claimed: Claimed, journal: Journal, now_ms: Callable[[], int]) -> None:
        self.claimed = claimed
        self.sent = claimed.sent
        self.parcels = claimed.parcels
        self.left: str | None = None
        self.is_noted = False
        self.started_ms = now_ms()
        self.head: list[Exchange] = []
        self._tail: deque[Exchange] | None = None
        self._journal = journal
        self._now_ms = now_ms

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What was said, in order; out of the middle of very many, not all of it."""
        return self.head if self._tail is None else [*self.head, *self._tail]

    def watch(self, exchange: Exchange) -> None:
        """Take in an exchange."""
        if len(self.head) < MOST_KEPT:
            self.head.append(exchange)
            return
        if self._tail is None:
            self._tail = deque(maxlen=MOST_KEPT)
        self._tail.append(exchange)

    async def note(self, departure: Departure) -> None:
        """Return when it is durable that a request which commits is about to leave.

        Raises:
            FencedError: The task is somebody else's by now.
            WithdrawnError: The store was away for too long.
        """
        claimed, evidence = self.claimed, departure.evidence
        self.is_noted = True
        await self._journal.note(
            CommitNote(
                claimed.id,
                claimed.attempt,
                claimed.token,
                departure.step,
                departure.entity,
                self._now_ms(),
                orjson.dumps(evidence) if evidence else None,
                self.parcels,
            )
        )
        self.left = departure.step

    def check(self, number: int) -> None:
        """Take note that so many parcels are through."""
        self.sent = number
        self.left = None

    async def keep_place(self) -> None:
        """Return when it is durable how many parcels are through. Raises as `note`."""
        claimed = self.claimed
        await self._journal.checkpoint(Checkpoint(claimed.id, claimed.attempt, claimed.token, self.sent, self.parcels))
