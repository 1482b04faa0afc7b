"""Records of one call, page by page, or of a walk, id by id."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from connector.errors import CallError, ConnectorError, SubscriberError
from connector.frozen import dataclass
from connector.request import Verdict
from connector.subscriber.cursor import CursorPlan, CursorRun, Position
from connector.subscriber.walk import WalkPlan, WalkRun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from connector.call.run import CallRun, Page
    from connector.record import Record
    from connector.request import Exchange
    from connector.transform.transformer import Transformer

WALK_IDS: Final = 20
"""Ids of a walk whose records are handed on together: what is kept is kept in so many fewer transactions."""

WALK_S: Final = 2.0
"""Seconds after which they are, where the remote system is slow."""


class Subscriber:
    """Asks a remote system for records."""

    def __init__(self, run: CallRun) -> None:
        self._run = run

    @property
    def commits(self) -> bool:
        """Whether asking changes business data, such as marking what was given as handed over."""
        return self._run.commits

    @property
    def state_steps(self) -> frozenset[str]:
        """Names of the calls that speak of how far was read: of a walk, those that name the id."""
        return self._run.state_steps

    async def pages(
        self, *, observe: Callable[[Exchange], None] | None = None, state: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield pages as they come; one page at a time is held in memory. Raises what `CallRun.pages` raises.

        Args:
            observe: Called with every exchange.
            state: How far was read, for templates.
        """
        async with aclosing(self._run.pages(observe=observe, state=state)) as pages:
            async for page in pages:
                yield page


class SentIn(Subscriber):
    """Stands where records are sent in: there is nobody to ask for them."""

    def __init__(self, source: str, address: str) -> None:
        """Prepare.

        Args:
            source: Where the incoming stands in the configuration.
            address: The path it is called by, such as `/hooks/orders`.
        """
        self._source = source
        self._address = address

    @property
    def commits(self) -> bool:
        """Whether asking changes business data: nothing is asked."""
        return False

    @property
    def state_steps(self) -> frozenset[str]:
        """There are no calls."""
        return frozenset()

    def pages(
        self,
        *,
        observe: Callable[[Exchange], None] | None = None,  # noqa: ARG002
        state: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> AsyncGenerator[Page, None]:
        """Refuse.

        Raises:
            SubscriberError: Always.
        """
        raise SubscriberError(
            f"{self._source} is a webhook: its records are sent in to {self._address}, and cannot be fetched",
            cure="start connector serve, and have the other system send them",
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that came together.

    Attributes:
        records: As the remote system gave them, in order.
        position: How far was read once these are kept; None where there is nothing to remember.
    """

    records: list[Record] = field(repr=False)
    position: Position | None = None


class Reading:
    """One reading of an incoming, from where it stands as far as it goes. Made by `Incoming.read`, used once."""

    def __init__(
        self,
        subscriber: Subscriber,
        run: CursorRun | WalkRun | None,
        *,
        limit: int | None,
        observe: Callable[[Exchange], None] | None,
        monotonic: Callable[[], float],
    ) -> None:
        """Prepare; see `Incoming.read`."""
        self._subscriber = subscriber
        self._run = run
        self._limit = limit
        self._observe = observe
        self._monotonic = monotonic

    @property
    def complaints(self) -> list[str]:
        """What is wrong with the values of the cursor so far, one sentence each."""
        return self._run.complaints if isinstance(self._run, CursorRun) else []

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Yield the records as they come: those of a page together, of a walk those of some ids.

        What was read is yielded before an error is raised. Close the iterator when leaving early.

        Raises:
            ConnectorError: As `CallRun.pages`; of a walk, whatever is no sign of a missing id.
            SubscriberError: A cursor's values do not go with its overlap.
        """
        reading = self._walk(self._run) if isinstance(self._run, WalkRun) else self._read_pages(self._run)
        async with aclosing(reading) as batches:
            async for batch in batches:
                yield batch

    async def _read_pages(self, run: CursorRun | None) -> AsyncGenerator[Batch, None]:
        taken = 0
        state = None if run is None else run.values
        async with aclosing(self._subscriber.pages(observe=self._observe, state=state)) as pages:
            async for page in pages:
                records = self._cut(page.records, taken)
                taken += len(records)
                position: Position | None = None
                if run is not None:
                    run.take(records)
                    position = run.position(is_complete=page.is_last and len(records) == len(page.records))
                yield Batch(records, position)
                if self._limit is not None and taken >= self._limit:
                    return

    async def _walk(self, run: WalkRun) -> AsyncGenerator[Batch, None]:
        taken = asked = 0
        records: list[Record] = []
        failure: ConnectorError | None = None
        started_s = self._monotonic()
        while not run.is_over and (self._limit is None or taken < self._limit):
            try:
                found = await self._ask(run)
            except ConnectorError as error:
                failure = error
                break
            kept = self._cut(found, taken)
            records += kept
            taken += len(kept)
            asked += 1
            if len(kept) < len(found):
                break  # the next run asks for this id again
            run.note(is_found=bool(found))
            if asked == WALK_IDS or self._monotonic() - started_s >= WALK_S:
                yield Batch(records, _find_position(run))
                records, asked, started_s = [], 0, self._monotonic()
        if asked:
            yield Batch(records, _find_position(run))
        if failure is not None:
            raise failure

    async def _ask(self, run: WalkRun) -> list[Record]:
        """Return the records of one id; none where it is missing, which a call that names it says by refusing it."""
        records: list[Record] = []
        try:
            async with aclosing(self._subscriber.pages(observe=self._observe, state=run.values)) as pages:
                async for page in pages:
                    records += page.records
        except CallError as error:
            if error.answer.verdict is not Verdict.REJECTED or error.step not in self._subscriber.state_steps:
                raise
        return records if run.into is None else [{**record, run.into: run.id} for record in records]

    def _cut(self, records: list[Record], taken: int) -> list[Record]:
        """Return what the limit leaves of records. All of them where asking marks them as handed over."""
        is_cut = self._limit is not None and not self._subscriber.commits and taken + len(records) > self._limit
        return records[: self._limit - taken] if is_cut and self._limit is not None else records


def _find_position(run: WalkRun) -> Position | None:
    return None if run.last_found is None else Position(run.last_found)


class Incoming:
    """A subscriber, how far it has read, and the steps on each record. One instance may be read several times.

    Attributes:
        name: Under which its state is kept.
        source: Where it stands in the configuration, such as `incoming.orders`.
        subscriber: Asks for the records.
    """

    def __init__(
        self,
        name: str,
        subscriber: Subscriber,
        transformer: Transformer | None,
        *,
        state: CursorPlan | WalkPlan | None = None,
        source: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put together what `connector.app` has built.

        Args:
            name: Under which its state is kept.
            subscriber: Asks for the records.
            transformer: Steps on each record.
            state: How it remembers how far it has read; None where each run asks for the same.
            source: Where it stands in the configuration; `incoming.<name>` where left out.
            monotonic: Seconds that never go back.
        """
        self.name = name
        self.source = source or f"incoming.{name}"
        self.subscriber = subscriber
        self._transformer = transformer
        self._state = state
        self._monotonic = monotonic

    @property
    def has_state(self) -> bool:
        """Whether it goes on where the last run ended."""
        return self._state is not None

    def read(
        self,
        stored: Any = None,
        *,
        limit: int | None = None,
        now: datetime | None = None,
        observe: Callable[[Exchange], None] | None = None,
    ) -> Reading:
        """Return a reading that goes on where an earlier one ended; nothing is asked before its batches are.

        Args:
            stored: The value of the last position that was kept; None begins at the start.
            limit: The most records. Where asking marks records as handed over, all those that were given count.
            now: Aware; the system's clock where left out.
            observe: Called with every exchange.

        Raises:
            SubscriberError: What was kept is no position of this incoming.
        """
        run: CursorRun | WalkRun | None = None
        if isinstance(self._state, CursorPlan):
            run = self._state.begin(stored, now=now or datetime.now(UTC))
        elif self._state is not None:
            run = self._state.begin(stored)
        return Reading(self.subscriber, run, limit=limit, observe=observe, monotonic=self._monotonic)

    async def pages(self, *, observe: Callable[[Exchange], None] | None = None) -> AsyncGenerator[list[Record], None]:
        """Yield the shaped records of each page; an empty list where a filter left all of them out.

        Raises:
            ConnectorError: As `Subscriber.pages`; a record that cannot be shaped ends the iteration. Callers that
                want to go on with the others use `raw_pages` and `shape`.
        """
        async with aclosing(self.raw_pages(observe=observe)) as pages:
            async for records in pages:
                yield [shaped for record in records for shaped in self.shape(record)]

    async def raw_pages(
        self, stored: Any = None, *, observe: Callable[[Exchange], None] | None = None
    ) -> AsyncGenerator[list[Record], None]:
        """Yield the records of each page as the remote system gave them, from where `stored` says, as `read`."""
        async with aclosing(self.read(stored, observe=observe).batches()) as batches:
            async for batch in batches:
                yield batch.records

    async def records(self, *, observe: Callable[[Exchange], None] | None = None) -> AsyncGenerator[Record, None]:
        """Yield the shaped records one by one. Raises as `pages`."""
        async with aclosing(self.pages(observe=observe)) as pages:
            async for records in pages:
                for record in records:
                    yield record

    def shape(self, record: Record) -> list[Record]:
        """Return the records that the steps make of one: none where filtered, several where split.

        Raises:
            TransformError: A step failed.
        """
        return [record] if self._transformer is None else self._transformer.apply(record)
