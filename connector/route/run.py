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
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from connector import log
from connector.errors import (
    CallError,
    ConnectorError,
    PayloadError,
    PublisherError,
    Recovery,
    SubscriberError,
    TransformError,
)
from connector.request import Verdict
from connector.retry import RetryPolicy
from connector.route.intake import pull, race
from connector.route.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from connector.publisher.publisher import Outgoing, Preview, Published
    from connector.record import Record
    from connector.request import Exchange
    from connector.subscriber.subscriber import Incoming
    from connector.transform.template import Value
    from connector.transform.transformer import Transformer

_FILTERED: Final = "a filter left it out"

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
        verdict: The verdict of the last call, or None where the record failed by itself or was left out.
        step: Where it failed: a step's name or a transform's place; empty for a success.
        reason: Why, in one sentence; empty for a success.
        attempts: How many times it was tried.
        value: The decoded last answer.
        recovery: What can be done with a record that failed, else None.
        previews: In a dry run: what would have been sent.
        done: Names of the steps that committed before it failed.
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
    done: tuple[str, ...] = ()


@dataclass(slots=True)
class Summary:
    """Counts of one run.

    Attributes:
        taken: Records taken from the incoming.
        statuses: Results by status.
        verdicts: Results by verdict; a record that failed by itself, with no answer to blame, counts under
            `half_done` where something was committed for it before, and under `not_sent` where nothing was.
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
            self.verdicts["half_done" if result.done else "not_sent"] += 1

    @property
    def failed(self) -> int:
        """Records that failed, unknown outcomes not counted."""
        return self.statuses[Status.FAILED]

    @property
    def unknown(self) -> int:
        """Records of which nobody knows what became."""
        return self.statuses[Status.UNKNOWN]


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

    async def note_commit(self) -> None:
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
        self._transformer = transformer
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
        if self.incoming is None:
            raise SubscriberError(
                f"the route {self.name} has no incoming to take records from", cure="push records to it"
            )
        incoming = self.incoming
        run = _Run(on_result, observe, limit, is_dry=is_dry, may_cut=not incoming.subscriber.commits)
        return await self._carry_out(incoming.raw_pages(), incoming.shape, run)

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
        run = _Run(on_result, observe, limit, is_dry=is_dry)
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
        before_commit: Callable[[], Awaitable[None]] | None = None,
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
            for first in shape(record):
                for second in [first] if self._transformer is None else self._transformer.apply(first):
                    key = None
                    key = self._key_of(second)
                    parcels.extend(_Parcel(index, key, last) for last in self._outgoing.shape(second))
        except TransformError as error:
            run.report(_failure(index, key, error, attempts=0))
            return ()
        if not parcels:
            run.report(Result(index, key, Status.SKIPPED, reason=_FILTERED, attempts=0))
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
                if error.recovery is Recovery.ABORT and run.summary.stopped is None:
                    run.summary.stopped = error
                    self._stop.set()
                if not await self._wait(parcel, error):
                    return _failure(index, key, error, parcel.attempts)
            else:
                if published.verdict is None:
                    return Result(index, key, Status.SKIPPED, reason=_FILTERED, attempts=0)
                value = published.value
                return Result(index, key, Status.FINISHED, published.verdict, attempts=parcel.attempts, value=value)

    async def _wait(self, parcel: _Parcel, error: ConnectorError) -> bool:
        """Wait for the next try, and return whether there is one: a stop ends the wait, and with it the tries."""
        if error.recovery is not Recovery.RETRY or self._stop.is_set():
            return False
        asked_s = error.answer.retry_after_s if isinstance(error, CallError) else None
        delay = self._retry.delay(parcel.attempts, asked_s=asked_s, random=self._random)
        if delay is None:
            return False
        logger.warning(
            log.RETRY,
            route=self.name,
            record_index=parcel.index,
            record_key=parcel.key,
            attempt=parcel.attempts,
            delay_s=round(delay.total_seconds(), 3),
            reason=str(error),
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
    ) -> None:
        self.summary = Summary()
        self.on_their_way: dict[_Parcel, None] = {}
        self.observe = observe
        self.limit = limit
        self.is_dry = is_dry
        self.may_cut = may_cut
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


def _failure(index: int, key: str | None, error: ConnectorError, attempts: int) -> Result:
    status = Status.FAILED
    verdict: Verdict | None = None
    step = ""
    if isinstance(error, CallError):
        verdict, step = error.answer.verdict, error.step
        if error.is_unknown:
            status = Status.UNKNOWN
    elif isinstance(error, TransformError | PublisherError):
        step = error.step
    elif isinstance(error, PayloadError):
        step = error.entity
    done = error.done if isinstance(error, CallError | PublisherError) else ()
    reason, recovery = _reason(error), error.recovery
    return Result(index, key, status, verdict, step, reason, attempts, recovery=recovery, done=done)


def _reason(error: ConnectorError) -> str:
    """Return the error's words without its step, which a result carries by itself."""
    text = f"{error.message}; {error.cure}" if error.cure else error.message
    step = getattr(error, "step", "")
    return text.removeprefix(f"{step}: ") if step else text


def _unshaped(record: Record) -> list[Record]:
    return [record]
