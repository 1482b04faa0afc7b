"""A route run in the foreground: records in, shaped, sent out side by side, each with a result.

Nothing is stored. A record that fails is reported and the others go on; a refused credential ends the run, because
every further record would be refused as well. What happens to one record is `RouteRunner.deliver`, which a durable
queue can call as well.
"""

from __future__ import annotations

import asyncio
import random as random_module
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector import log
from connector.errors import ConnectorError, Recovery, SubscriberError, TransformError
from connector.retry import RetryPolicy
from connector.route.intake import pull, race
from connector.route.lanes import Lanes
from connector.route.result import FILTERED, Result, Status, Summary, read_failure
from connector.route.shape import Shaping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from connector.interfaces import BeforeCommit, Departure
    from connector.publisher.publisher import Outgoing, Published
    from connector.record import Record
    from connector.request import Exchange
    from connector.route.result import Failure
    from connector.subscriber.subscriber import Incoming
    from connector.transform.template import Value
    from connector.transform.transformer import Transformer

logger = log.get_logger()


@dataclass(eq=False, slots=True)
class _Parcel:
    """One shaped record on its way.

    Attributes:
        index: Place of the incoming record it was made of.
        key: Its identity, or None.
        record: What is published.
        attempts: Tries begun.
        may_have_committed: Whether the try under way sent something of which nobody has seen the end.
    """

    index: int
    key: str | None
    record: Record
    attempts: int = 0
    may_have_committed: bool = False

    async def note_commit(self, _departure: Departure) -> None:
        """Take note that a request that commits is about to leave."""
        self.may_have_committed = True


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
        self._shaping = Shaping(transformer, outgoing)
        self._outgoing = outgoing
        self._key = key
        self._concurrency = concurrency
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._random = random or random_module.Random()  # noqa: S311 - jitter, not cryptography
        self._stop = asyncio.Event()

    async def run(
        self,
        *,
        on_result: Callable[[Result], None] | None = None,
        limit: int | None = None,
        is_dry: bool = False,
        observe: Callable[[Exchange], None] | None = None,
        wait_s: float | None = None,
        stored: Any = None,
    ) -> Summary:
        """Take every record of the incoming through the route.

        Args:
            on_result: Called once a record, in the order of completion.
            limit: Stop after this many incoming records.
            is_dry: Shape and check everything and send nothing outward; the incoming is still asked.
            observe: Called with every exchange outward, after it ended.
            wait_s: The longest wait for a next try, seconds; a record that would have to wait longer fails. None waits
                as long as the route's `retry` says.
            stored: Where an incoming with a state goes on; None begins at its start. Nothing is kept.

        Raises:
            ConnectorError: The incoming itself failed; what was already sent has been reported by `on_result`.
        """
        if self.incoming is None:
            raise SubscriberError(
                f"the route {self.name} has no incoming to take records from", cure="push records to it"
            )
        incoming = self.incoming
        may_cut = not incoming.subscriber.commits
        run = _Run(on_result, observe, limit, is_dry=is_dry, may_cut=may_cut, wait_s=wait_s)
        return await self._carry_out(incoming.raw_pages(stored), incoming.shape, run)

    async def push(
        self,
        records: AsyncIterator[list[Record]],
        *,
        on_result: Callable[[Result], None] | None = None,
        limit: int | None = None,
        is_dry: bool = False,
        observe: Callable[[Exchange], None] | None = None,
        wait_s: float | None = None,
    ) -> Summary:
        """Take records that somebody hands in through the route; the incoming and its steps are passed by.

        Args:
            records: Batches of records, read no faster than they are sent.
            on_result: As `run`.
            limit: As `run`.
            is_dry: As `run`.
            observe: As `run`.
            wait_s: As `run`.
        """
        run = _Run(on_result, observe, limit, is_dry=is_dry, wait_s=wait_s)
        return await self._carry_out(records, _unshaped, run)

    def stop(self) -> None:
        """Take no further record; those on their way are finished, and `run` returns. Safe to call at any time.

        A record that waits behind another of its key, or for its next try, is on its way no more. A stop between two
        runs holds for the next one.
        """
        self._stop.set()

    async def deliver(
        self,
        record: Record,
        *,
        observe: Callable[[Exchange], None] | None = None,
        before_commit: BeforeCommit | None = None,
    ) -> Published:
        """Send one shaped record of this route, once.

        Args:
            record: As the outgoing's steps made it.
            observe: As `Publisher.publish`.
            before_commit: As `Publisher.publish`.

        Raises:
            ConnectorError: As `Publisher.publish`.
        """
        return await self._outgoing.publisher.publish(record, observe=observe, before_commit=before_commit)

    async def _carry_out(
        self, batches: AsyncIterator[list[Record]], shape: Callable[[Record], list[Record]], run: _Run
    ) -> Summary:
        summary = run.summary

        async def carry(parcel: _Parcel) -> None:
            try:
                run.settle(parcel, await self._carry(parcel, run))
            except Exception:
                self._stop.set()  # a fault of ours, or of who takes the results: nothing more is sent
                raise

        try:
            async with (
                Lanes(carry, width=self._concurrency) as lanes,
                aclosing(pull(batches, self._stop, limit=run.limit, may_cut=run.may_cut)) as records,
            ):
                async for record in records:
                    index = summary.taken
                    summary.taken += 1
                    for parcel in self._shape(index, record, shape, run):
                        await lanes.put(parcel, parcel.key)
                    await lanes.wait_for_place()  # ahead of the next record: one that is taken is sent
        except asyncio.CancelledError:
            for parcel in tuple(run.on_their_way):
                run.settle(parcel, _interrupted(parcel))
            raise
        finally:
            self._stop = asyncio.Event()
        return summary

    def _shape(
        self, index: int, record: Record, shape: Callable[[Record], list[Record]], run: _Run
    ) -> Iterable[_Parcel]:
        """Return what is to be published for one incoming record; report it when that is nothing.

        Every split happens here, ahead of the first call: what is tried again later is always one single publish.
        """
        parcels: list[_Parcel] = []
        key: str | None = None
        try:
            for shaped in shape(record):
                key = None
                key = self._key_of(shaped)
                parcels.extend(_Parcel(index, key, parcel) for parcel in self._shaping.parcels(shaped))
        except TransformError as error:
            run.report(read_failure(error).result(index, key, 0))
            return ()
        if not parcels:
            run.report(Result(index, key, Status.SKIPPED, reason=FILTERED, attempts=0))
        run.on_their_way.update(dict.fromkeys(parcels))
        return parcels

    def _key_of(self, record: Record) -> str | None:
        return None if self._key is None else str(self._key.render({"record": record}))

    async def _carry(self, parcel: _Parcel, run: _Run) -> Result:
        """Take one shaped record through the outgoing, with its retries, and return its result."""
        index, key = parcel.index, parcel.key
        if run.summary.stopped is not None or (run.may_cut and self._stop.is_set()):
            reason = "not tried: the run was stopped"
            return Result(index, key, Status.FAILED, reason=reason, attempts=0, recovery=Recovery.RETRY)
        while True:
            try:
                if run.is_dry:
                    previews = tuple(self._outgoing.preview(parcel.record))
                    return Result(index, key, Status.SKIPPED, reason="dry run", attempts=0, previews=previews)
                parcel.attempts += 1
                published = await self.deliver(parcel.record, observe=run.observe, before_commit=parcel.note_commit)
            except ConnectorError as error:
                parcel.may_have_committed = False
                failure = read_failure(error)
                if error.recovery is Recovery.ABORT and run.summary.stopped is None:
                    run.summary.stopped = error
                    self._stop.set()
                if not await self._wait(parcel, failure, run):
                    return failure.result(index, key, parcel.attempts)
            else:
                if published.verdict is None:
                    return Result(index, key, Status.SKIPPED, reason=FILTERED, attempts=0)
                value = published.value
                return Result(index, key, Status.FINISHED, published.verdict, attempts=parcel.attempts, value=value)

    async def _wait(self, parcel: _Parcel, failure: Failure, run: _Run) -> bool:
        """Wait for the next try, and return whether there is one: a stop ends the wait, and with it the tries."""
        if failure.recovery is not Recovery.RETRY or self._stop.is_set():
            return False
        delay = self._retry.delay(parcel.attempts, asked_s=failure.asked_s, random=self._random)
        if delay is None or (run.wait_s is not None and delay.total_seconds() > run.wait_s):
            return False
        logger.warning(
            log.RETRY,
            route=self.name,
            record_index=parcel.index,
            record_key=parcel.key,
            attempt=parcel.attempts,
            delay_s=round(delay.total_seconds(), 3),
            reason=f"{failure.step}: {failure.told}" if failure.step else failure.told,
        )
        await race(self._sleep(delay.total_seconds()), self._stop)
        return not self._stop.is_set()


class _Run:
    """One run of a route: what is counted, and whom to tell."""

    def __init__(
        self,
        on_result: Callable[[Result], None] | None,
        observe: Callable[[Exchange], None] | None,
        limit: int | None,
        *,
        is_dry: bool,
        may_cut: bool = True,
        wait_s: float | None = None,
    ) -> None:
        self.summary = Summary()
        self.on_their_way: dict[_Parcel, None] = {}
        self.observe = observe
        self.limit = limit
        self.is_dry = is_dry
        self.may_cut = may_cut
        self.wait_s = wait_s
        self._on_result = on_result

    def settle(self, parcel: _Parcel, result: Result) -> None:
        """Count and tell what became of a parcel."""
        self.on_their_way.pop(parcel)
        self.report(result)

    def report(self, result: Result) -> None:
        """Count and tell a result."""
        self.summary.add(result)
        if self._on_result is not None:
            self._on_result(result)


def _interrupted(parcel: _Parcel) -> Result:
    """Return the result of a parcel whose run was cancelled."""
    if parcel.may_have_committed:
        status, recovery = Status.UNKNOWN, Recovery.PARK
        reason = "interrupted after it was sent; look on the other side whether it was done, before sending it again"
    else:
        status, recovery = Status.FAILED, Recovery.RETRY
        reason = (
            "interrupted before anything was committed" if parcel.attempts else "not tried: the run was interrupted"
        )
    return Result(parcel.index, parcel.key, status, reason=reason, attempts=parcel.attempts, recovery=recovery)


def _unshaped(record: Record) -> list[Record]:
    return [record]
