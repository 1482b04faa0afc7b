"""A route run in the foreground: records in, shaped, sent out side by side, each with a result.

Nothing is stored. A record that fails is reported and the others go on; a refused credential ends the run, because
every further record would be refused as well. What happens to one record is `RouteRunner.deliver`, which a durable
queue can call as well.
"""

from __future__ import annotations

import asyncio
import enum
import random as random_module
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector import log
from connector.errors import CallError, ConnectorError, PayloadError, Recovery, TransformError
from connector.request import Verdict
from connector.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from connector.publisher.publisher import Outgoing, Preview, Published
    from connector.record import Record
    from connector.request import Exchange
    from connector.subscriber.subscriber import Incoming
    from connector.transform.template import Value
    from connector.transform.transformer import Transformer

logger = log.get_logger()


class Status(enum.StrEnum):
    """What became of a record."""

    FINISHED = "finished"
    SKIPPED = "skipped"  # a filter left it out
    FAILED = "failed"
    UNKNOWN = "unknown"  # sent, and nobody knows what came of it


@dataclass(frozen=True, slots=True)
class Result:
    """One record's fate.

    Attributes:
        index: Place of the incoming record, from 0; records split from one share it.
        key: The record's identity by the route's `key`, or None.
        status: What became of it.
        verdict: The verdict of the last call, or None where no call was made.
        step: Where it failed: a step's name or a transform's place; empty for a success.
        reason: Why, in one sentence; empty for a success.
        attempts: How many times it was tried.
        value: The decoded last answer.
        recovery: What can be done with a record that failed, else None.
        previews: In a dry run: what would have been sent.
    """

    index: int
    key: str | None
    status: Status
    verdict: Verdict | None = None
    step: str = ""
    reason: str = ""
    attempts: int = 1
    value: Any = None
    recovery: Recovery | None = None
    previews: tuple[Preview, ...] = ()


@dataclass(slots=True)
class Summary:
    """Counts of one run.

    Attributes:
        taken: Records taken from the incoming.
        statuses: Results by status.
        verdicts: Results by verdict; a record that failed before any call counts under `not_sent`.
        stopped: Why the run ended before all records were tried, or None.
    """

    taken: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    stopped: ConnectorError | None = None

    def add(self, result: Result) -> None:
        """Count one result."""
        self.statuses[result.status] += 1
        if result.verdict is not None:
            self.verdicts[result.verdict.value] += 1
        elif result.status is Status.FAILED:
            self.verdicts["not_sent"] += 1

    @property
    def failed(self) -> int:
        """Records that failed, unknown outcomes not counted."""
        return self.statuses[Status.FAILED]

    @property
    def unknown(self) -> int:
        """Records of which nobody knows what became."""
        return self.statuses[Status.UNKNOWN]


class KeyOrder:
    """Keeps records of one key one after another, in the order they came, while other keys overtake."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Future[None]] = {}

    def enter(self, key: str) -> tuple[asyncio.Future[None] | None, asyncio.Future[None]]:
        """Take a place in the key's queue; return what to wait for, and what to resolve when done."""
        before = self._last.get(key)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._last[key] = mine
        return before, mine

    def leave(self, key: str, mine: asyncio.Future[None]) -> None:
        """Let the next of this key go."""
        mine.set_result(None)
        if self._last.get(key) is mine:
            del self._last[key]


class RouteRunner:
    """Carries one route out. Build it once, run it as often as needed, one run at a time."""

    def __init__(
        self,
        name: str,
        *,
        incoming: Incoming | None,
        transformer: Transformer | None,
        outgoing: Outgoing,
        key: Value | None = None,
        concurrency: int = 4,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: random_module.Random | None = None,
    ) -> None:
        """Put together what `connector.app` has built.

        Args:
            name: The route's name in the configuration.
            incoming: Where records come from; None where they are pushed.
            transformer: Steps between incoming and outgoing.
            outgoing: Where records go.
            key: Template of a record's identity.
            concurrency: How many records are on their way at once.
            retry: When a record is tried again; never without it.
            sleep: Waits between tries; seconds.
            random: Source of the jitter.
        """
        self.name = name
        self.incoming = incoming
        self._transformer = transformer
        self._outgoing = outgoing
        self._key = key
        self._concurrency = concurrency
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._random = random or random_module.Random()  # noqa: S311 - jitter, not cryptography
        self._stop = asyncio.Event()
        self._observe: Callable[[Exchange], None] | None = None

    async def run(
        self,
        *,
        on_result: Callable[[Result], None] | None = None,
        limit: int | None = None,
        is_dry: bool = False,
        observe: Callable[[Exchange], None] | None = None,
    ) -> Summary:
        """Take every record of the incoming through the route.

        Args:
            on_result: Called once a record, in the order of completion.
            limit: Stop after this many incoming records.
            is_dry: Shape and check everything and send nothing outward; the incoming is still asked.
            observe: Called with every exchange outward, after it ended.

        Raises:
            ConnectorError: The incoming itself failed; what was already sent has been reported by `on_result`.
        """
        assert self.incoming is not None, "a route without an incoming takes records by push alone"
        incoming = self.incoming
        self._observe = observe
        return await self._drain(incoming.raw_pages(), incoming.shape, on_result=on_result, limit=limit, is_dry=is_dry)

    async def push(
        self,
        records: AsyncIterator[list[Record]],
        *,
        on_result: Callable[[Result], None] | None = None,
        limit: int | None = None,
        is_dry: bool = False,
        observe: Callable[[Exchange], None] | None = None,
    ) -> Summary:
        """Take records that somebody hands in through the route; the incoming and its steps are passed by.

        Args:
            records: Batches of records, read no faster than they are sent.
            on_result: As `run`.
            limit: As `run`.
            is_dry: As `run`.
            observe: As `run`.
        """
        self._observe = observe
        return await self._drain(records, _unshaped, on_result=on_result, limit=limit, is_dry=is_dry)

    def stop(self) -> None:
        """Take no further record; those on their way are finished, and `run` returns. Safe to call at any time."""
        self._stop.set()

    async def _drain(
        self,
        batches: AsyncIterator[list[Record]],
        shape: Callable[[Record], list[Record]],
        *,
        on_result: Callable[[Result], None] | None,
        limit: int | None,
        is_dry: bool,
    ) -> Summary:
        self._stop = asyncio.Event()
        summary, order = Summary(), KeyOrder()
        places = asyncio.Semaphore(self._concurrency)
        tasks: set[asyncio.Task[None]] = set()

        def note(result: Result) -> None:
            summary.add(result)
            if on_result is not None:
                on_result(result)

        async def carry(index: int, record: Record, key: str | None, turn: _Turn | None) -> None:
            try:
                if turn is not None:
                    await turn.come()
                note(await self._carry(index, record, key, summary, is_dry=is_dry))
            except asyncio.CancelledError:
                reason = "interrupted on its way; nobody saw what came of it"
                note(Result(index, key, Status.UNKNOWN, reason=reason, recovery=Recovery.PARK))
                raise
            finally:
                if turn is not None:
                    turn.leave()
                places.release()

        try:
            async for record in self._pull(batches):
                index = summary.taken
                summary.taken += 1
                for shaped, key in self._shape(index, record, shape, note):
                    await places.acquire()
                    turn = _Turn(order, key) if key is not None else None
                    task = asyncio.create_task(carry(index, shaped, key, turn))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                if limit is not None and summary.taken >= limit:
                    break
        finally:
            await _finish(tasks)
        return summary

    async def _pull(self, batches: AsyncIterator[list[Record]]) -> AsyncIterator[Record]:
        """Yield records until they end or the run is stopped, also while the next batch is awaited."""
        stopped = asyncio.create_task(self._stop.wait())
        try:
            while True:
                pulled = asyncio.ensure_future(anext(batches))
                try:
                    await asyncio.wait({pulled, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    if not pulled.done():
                        return
                    batch = pulled.result()
                except StopAsyncIteration:
                    return
                finally:
                    pulled.cancel()
                    await asyncio.wait({pulled})
                for record in batch:
                    if self._stop.is_set():
                        return
                    yield record
        finally:
            stopped.cancel()
            close = getattr(batches, "aclose", None)
            if close is not None:
                await close()

    def _shape(
        self,
        index: int,
        record: Record,
        shape: Callable[[Record], list[Record]],
        note: Callable[[Result], None],
    ) -> list[tuple[Record, str | None]]:
        """Return what is to be published for one incoming record, with its key; report it when that is nothing.

        Every split happens here, ahead of the first call: what is tried again later is always one single publish.
        """
        ready: list[tuple[Record, str | None]] = []
        try:
            for first in shape(record):
                for second in [first] if self._transformer is None else self._transformer.apply(first):
                    key = self._key_of(second)
                    ready.extend((last, key) for last in self._outgoing.shape(second))
        except TransformError as error:
            note(
                Result(
                    index,
                    None,
                    Status.FAILED,
                    step=error.step,
                    reason=_reason(error),
                    attempts=0,
                    recovery=error.recovery,
                )
            )
            return []
        if not ready:
            note(Result(index, None, Status.SKIPPED, reason="a filter left it out", attempts=0))
        return ready

    def _key_of(self, record: Record) -> str | None:
        return None if self._key is None else str(self._key.render({"record": record}))

    async def _carry(self, index: int, record: Record, key: str | None, summary: Summary, *, is_dry: bool) -> Result:
        """Take one shaped record through the outgoing, with its retries, and return its result."""
        attempt = 0
        while True:
            if summary.stopped is not None:
                reason = "not tried: the run was stopped"
                return Result(index, key, Status.FAILED, reason=reason, attempts=attempt, recovery=Recovery.RETRY)
            attempt += 1
            try:
                if is_dry:
                    previews = tuple(self._outgoing.preview(record))
                    return Result(index, key, Status.SKIPPED, reason="dry run", attempts=0, previews=previews)
                published = await self.deliver(record)
            except ConnectorError as error:
                delay_s = self._delay_s(error, attempt)
                if delay_s is None:
                    if error.recovery is Recovery.ABORT and summary.stopped is None:
                        summary.stopped = error
                        self.stop()
                    return _failure(index, key, error, attempt)
                logger.warning(
                    log.RETRY,
                    route=self.name,
                    record_index=index,
                    record_key=key,
                    attempt=attempt,
                    delay_s=round(delay_s, 3),
                    reason=str(error),
                )
                await self._wait(delay_s)
            else:
                if published.verdict is None:
                    return Result(index, key, Status.SKIPPED, reason="a filter left it out", attempts=0)
                return Result(index, key, Status.FINISHED, published.verdict, attempts=attempt, value=published.value)

    async def deliver(self, record: Record) -> Published:
        """Send one shaped record of this route, once.

        Raises:
            ConnectorError: As `Publisher.publish`.
        """
        return await self._outgoing.publisher.publish(record, observe=self._observe)

    def _delay_s(self, error: ConnectorError, attempt: int) -> float | None:
        """Return how long to wait before the next try, or None where there is none."""
        if error.recovery is not Recovery.RETRY or self._stop.is_set():
            return None
        asked_s = error.answer.retry_after_s if isinstance(error, CallError) else None
        delay = self._retry.delay(attempt, asked_s=asked_s, random=self._random)
        return None if delay is None else delay.total_seconds()

    async def _wait(self, delay_s: float) -> None:
        """Wait between tries; a stop ends the wait, and the try after it is the last."""
        sleeping = asyncio.ensure_future(self._sleep(delay_s))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({sleeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopped.cancel()


async def _finish(tasks: set[asyncio.Task[None]]) -> None:
    """Let what is on its way come to its end, also when the incoming failed; a cancellation is passed on.

    Raises:
        BaseException: The first one of a task that is no result: a fault of ours.
    """
    pending = set(tasks)
    if not pending:
        return
    try:
        results = await asyncio.gather(*pending, return_exceptions=True)
    except asyncio.CancelledError:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending)
        raise
    for result in results:
        if isinstance(result, BaseException):
            raise result


class _Turn:
    """One record's place in the queue of its key."""

    def __init__(self, order: KeyOrder, key: str) -> None:
        self._order, self._key = order, key
        self._before, self._mine = order.enter(key)

    async def come(self) -> None:
        if self._before is not None:
            await self._before

    def leave(self) -> None:
        self._order.leave(self._key, self._mine)


def _failure(index: int, key: str | None, error: ConnectorError, attempts: int) -> Result:
    status = Status.FAILED
    verdict: Verdict | None = None
    step = ""
    if isinstance(error, CallError):
        verdict, step = error.answer.verdict, error.step
        if error.is_unknown:
            status = Status.UNKNOWN
    elif isinstance(error, TransformError):
        step = error.step
    elif isinstance(error, PayloadError):
        step = error.entity
    return Result(
        index, key, status, verdict, step=step, reason=_reason(error), attempts=attempts, recovery=error.recovery
    )


def _reason(error: ConnectorError) -> str:
    """Return the error's words without its step, which a result carries by itself."""
    text = f"{error.message}; {error.cure}" if error.cure else error.message
    step = getattr(error, "step", "")
    return text.removeprefix(f"{step}: ") if step else text


def _unshaped(record: Record) -> list[Record]:
    return [record]
