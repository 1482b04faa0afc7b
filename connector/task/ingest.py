"""Records become tasks: fetched or handed in, shaped, given their keys, and kept page by page.

A page's tasks and the cursor it was read with are kept in one transaction, so neither is ever ahead of the other. While
one page is being kept, the next is asked for; where asking marks records as handed over, it is not: nothing is taken
from a remote system before what was taken last is safe.

No record is lost on the way. One that cannot be shaped, or has no usable key, becomes a failed task that holds it as it
came; its source ends with `#raw`, and when a person asks for a new try, `Ingest.reshape` shapes it again.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass as mutable
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from connector import log, trace
from connector.errors import SubscriberError, TransformError, UnknownNameError
from connector.frozen import dataclass
from connector.record_codec import decode_record, encode_record
from connector.store.rows import CursorMove, Ingested, NewTask, OnDuplicate, TaskStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence

    from connector.record import Record
    from connector.request import Exchange
    from connector.store.rows import Claimed, Cursor
    from connector.store.store import Store
    from connector.subscriber.cursor import Position
    from connector.subscriber.subscriber import Incoming
    from connector.transform.template import Value

T = TypeVar("T")

RAW: Final = "#raw"
"""How the source of a task ends whose record is as it came: it could not be shaped."""

PUSH: Final = "push"
"""The source of records that somebody handed in."""

LONGEST_KEY: Final = 1000
"""Bytes of a key; PostgreSQL indexes no text of more than 2,700."""

_FETCHED: Final = ("incoming.", "routes.")
"""How sources begin whose records an incoming shapes."""

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Feed:
    """What has to be known of a route to make tasks for it.

    Attributes:
        route: Its name.
        incoming: Under which name its incoming keeps its state; None where records are pushed alone.
        key: Template of a record's identity, or None.
        on_duplicate: What to do with a record whose key the route knows.
    """

    route: str
    incoming: str | None = None
    key: Value | None = None
    on_duplicate: OnDuplicate = OnDuplicate.SKIP

    def identify(self, record: Record) -> str | None:
        """Return a record's key, or None where the route has none.

        Raises:
            TransformError: The key cannot be computed, or cannot be kept.
        """
        if self.key is None:
            return None
        key = str(self.key.render({"record": record}))
        if not key.isascii() or not 0 < len(key) <= LONGEST_KEY or "\0" in key or key.isspace():
            _check_key(key, self.key.where)
        return key


def _check_key(key: str, where: str) -> None:
    """Do nothing where a key can be kept.

    Raises:
        TransformError: It cannot.
    """
    if not key.strip():
        raise TransformError(
            "the key is empty: all records without one would count as the same",
            step=where,
            cure="make it of fields that every record has, or filter such records out in the incoming",
        )
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise TransformError("the key has half a surrogate pair, which is no text", step=where) from None
    if "\0" in key:
        raise TransformError("the key has a NUL character, which no database keeps", step=where)
    if size > LONGEST_KEY:
        message = f"the key has {size:,} bytes, accepted are {LONGEST_KEY:,}"
        raise TransformError(message, step=where, cure="shorten it with | sha256")


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch that is kept.

    Attributes:
        first: Index of its first record in the run, from 0.
        count: How many records it had.
        tasks: What was made of them, for all routes.
        owners: For each of `tasks`: the index in the run of the record it was made of.
        ids: For each of `tasks`: its id, or None where it was left out as a duplicate.
        renewals: Places in `tasks` of the records that went into a task which was there already, ascending.
    """

    first: int
    count: int
    tasks: Sequence[NewTask] = field(repr=False)
    owners: Sequence[int] = field(repr=False)
    ids: Sequence[int | None] = field(repr=False)
    renewals: Sequence[int] = field(repr=False)


@mutable(slots=True)
class Intake:
    """Counts of one run.

    Attributes:
        taken: Records that came in.
        left_out: Records of which a filter of the incoming left nothing.
        tasks: New tasks, over all routes.
        updated: Records that went into a task which was there already.
        duplicates: Records left out because the route knows their key.
        failed: Failed tasks, of records that could not be shaped or have no usable key.
        is_complete: Whether everything there was is taken: neither the limit nor a stop came first.
    """

    taken: int = 0
    left_out: int = 0
    tasks: int = 0
    updated: int = 0
    duplicates: int = 0
    failed: int = 0
    is_complete: bool = False


class Ingest:
    """Makes tasks of records. One for a process."""

    def __init__(self, store: Store, feeds: Iterable[Feed], find_incoming: Callable[[str], Incoming]) -> None:
        """Put together what `connector.app` has built.

        Args:
            store: Where the tasks are kept.
            feeds: One for each route.
            find_incoming: Returns an incoming by the name under which its state is kept.
        """
        self._store = store
        self._feeds = {feed.route: feed for feed in feeds}
        self._find_incoming = find_incoming
        self._locks: dict[str, asyncio.Lock] = {}

    async def fetch(
        self,
        incoming: str,
        *,
        limit: int | None = None,
        stop: asyncio.Event | None = None,
        observe: Callable[[Exchange], None] | None = None,
        on_kept: Callable[[Kept], None] | None = None,
    ) -> Intake:
        """Take the records of an incoming, from where it stands, for all routes that name it.

        What was kept stays kept, and its cursor with it, whatever comes after. Two fetches of one incoming go one after
        the other.

        Args:
            incoming: Under which name it keeps its state.
            limit: The most records; the cursor moves over those alone. Where asking marks records as handed over, all
                of the page that reaches it are taken.
            stop: Ends it: a request under way is broken off, unless asking changes something on the other side.
            observe: Called with every exchange.
            on_kept: Called with each batch once it is durable, in order.

        Raises:
            ConnectorError: The incoming failed; what was kept before stays.
            CursorMovedError: Somebody else moved the cursor meanwhile; nothing of the last page was kept.
            StoreError: The database cannot be used.
        """
        with trace.span(f"fetch {incoming}", {"connector.incoming": incoming}) as span:
            counts = await self._fetch(incoming, limit, stop, observe, on_kept)
            span.put({"connector.records": counts.taken, "connector.tasks": counts.tasks})
            return counts

    async def _fetch(
        self,
        incoming: str,
        limit: int | None,
        stop: asyncio.Event | None,
        observe: Callable[[Exchange], None] | None,
        on_kept: Callable[[Kept], None] | None,
    ) -> Intake:
        source = self._find_incoming(incoming)
        feeds = [feed for feed in self._feeds.values() if feed.incoming == incoming]
        if not feeds:
            raise SubscriberError(
                f"no route takes the records of {source.source}", cure="name it as the incoming of a route"
            )
        async with self._locks.setdefault(incoming, asyncio.Lock()):
            cursor, version = await self._store.state.locate(incoming) if source.has_state else (None, 0)
            now = datetime.fromtimestamp(self._store.now_ms() / 1000, UTC)
            reading = source.read(None if cursor is None else cursor.value, limit=limit, now=now, observe=observe)
            run = _Run(self._store, on_kept, _CursorKeeper(incoming, cursor, version) if source.has_state else None)
            mill = Mill(feeds, source.source, source.shape)
            may_cut = not source.subscriber.commits
            try:
                async with aclosing(_pull(reading.batches(), stop, run, may_cut=may_cut)) as batches:
                    async for batch in batches:
                        await run.keep(mill.grind(batch.records, run.counts.taken), batch.position)
                        if not may_cut:
                            await run.settle()
            finally:
                await run.settle()
                for complaint in reading.complaints:
                    logger.warning(log.CURSOR_DOUBTFUL, incoming=incoming, reason=complaint)
            counts = run.finish(limit, stop)
            logger.info(log.FETCHED, incoming=incoming, **dataclasses.asdict(counts))
            return counts

    async def push(
        self,
        route: str,
        batches: AsyncIterator[list[Record]],
        *,
        source: str = PUSH,
        limit: int | None = None,
        stop: asyncio.Event | None = None,
        on_kept: Callable[[Kept], None] | None = None,
    ) -> Intake:
        """Take records that somebody hands in for one route; its incoming is passed by.

        They are read no faster than they are kept: one batch is kept while the next is awaited.

        Args:
            route: The route.
            batches: Records, a transaction for each batch.
            source: Where they come from, as their tasks will say.
            limit: The most records.
            stop: Ends it, also while a batch is awaited.
            on_kept: Called with each batch once it is durable, in order; its tasks are one a record.

        Raises:
            StoreError: The database cannot be used; what `on_kept` was called with is kept.
            SubscriberError: A record holds what cannot be kept.
        """
        run = _Run(self._store, on_kept, None)
        mill = Mill([self._feeds[route]], source, None)
        try:
            async with aclosing(_pull(batches, stop, run)) as pulled:
                async for records in pulled:
                    left = records if limit is None else records[: limit - run.counts.taken]
                    await run.keep(mill.grind(left, run.counts.taken), None)
                    if limit is not None and run.counts.taken >= limit:
                        break
        finally:
            await run.settle()
        return run.finish(limit, stop)

    def mill(self, *, route: str | None = None, incoming: str | None = None, source: str = PUSH) -> Mill:
        """Return what makes tasks of records that somebody sends in; whoever asks for it keeps them.

        Args:
            route: The one route they are for, its incoming passed by; or
            incoming: under which name the incoming keeps its state whose steps they go through, for all its routes.
            source: With `route`: where they come from, as their tasks will say.

        Raises:
            UnknownNameError: There is no route of that name.
            SubscriberError: No route takes the records of the incoming.
        """
        if incoming is None:
            feed = self._feeds.get(route or "")
            if feed is None:
                raise UnknownNameError(f'no route is called "{route}"')
            return Mill([feed], source, None)
        feeds = [feed for feed in self._feeds.values() if feed.incoming == incoming]
        found = self._find_incoming(incoming)
        if not feeds:
            raise SubscriberError(
                f"no route takes the records of {found.source}", cure="name it as the incoming of a route"
            )
        return Mill(feeds, found.source, found.shape)

    def reshape(self, task: Claimed) -> tuple[NewTask, ...]:
        """Return what a task that holds its record as it came is to be replaced by; see `reshape`."""
        return reshape(task, self._feeds[task.route], self._find_incoming)


def reshape(task: Claimed, feed: Feed, find_incoming: Callable[[str], Incoming]) -> tuple[NewTask, ...]:
    """Return what a task that holds its record as it came is replaced by; nothing where a filter leaves it out.

    The task itself is not touched: whoever has claimed it settles it and keeps these in one transaction.

    Args:
        task: With a source for which `is_raw` holds.
        feed: Of its route.
        find_incoming: Returns an incoming by the name under which its state is kept.

    Raises:
        TransformError: It still cannot be shaped, or still has no usable key.
    """
    source = task.source.removesuffix(RAW)
    shape = None
    if source.startswith(_FETCHED):
        if feed.incoming is None:
            message = f"the record came from {source}, and the route has no incoming any more"
            raise TransformError(message, step=f"routes.{feed.route}")
        incoming = find_incoming(feed.incoming)
        source, shape = incoming.source, incoming.shape
    return tuple(Mill([feed], source, shape).shape(decode_record(task.record), feed, task.position))


def is_raw(source: str) -> bool:
    """Whether a task of this source holds its record as it came, and has to be shaped first."""
    return source.endswith(RAW)


@dataclass(frozen=True, slots=True)
class Flour:
    """What a batch was made into.

    Attributes:
        count: Of its records.
        left_out: How many of them a filter left nothing of.
        failed: How many of the tasks hold a record as it came.
        tasks: For all routes.
        owners: For each task: the index in the run of its record.
        end: The position behind the last of what the records were made into.
    """

    count: int
    left_out: int
    failed: int
    tasks: list[NewTask] = field(repr=False)
    owners: list[int] = field(repr=False)
    end: int = 0


class Mill:
    """Shapes records and makes tasks of them, for the routes that take them."""

    def __init__(self, feeds: Sequence[Feed], source: str, shape: Callable[[Record], list[Record]] | None) -> None:
        """Prepare.

        Args:
            feeds: The routes.
            source: Where the records come from.
            shape: Returns what the steps make of a record; None where there are none.
        """
        self._feeds = tuple(feeds)
        self._source = source
        self._shape = shape

    def grind(self, records: Sequence[Record], first: int = 0, *, position: int = 0) -> Flour:
        """Return the tasks of a batch.

        Args:
            records: The batch.
            first: Index of its first record in the run.
            position: Of the first task; that of its batch's predecessor, where several are kept as one.

        Raises:
            SubscriberError: A record cannot be kept even as it came.
        """
        tasks: list[NewTask] = []
        owners: list[int] = []
        left_out = failed = 0
        for index, record in enumerate(records, first):
            try:
                shaped, contents = self._shape_and_encode(record)
            except TransformError as error:
                made = [self._keep_raw(feed, record, position, error) for feed in self._feeds]
                failed += len(made)
                position += 1
            else:
                made = []
                for feed in self._feeds:
                    try:
                        made += self._feed(feed, shaped, contents, position)
                    except TransformError as error:
                        # What was split from one record goes together: shaped again, it all comes again.
                        made.append(self._keep_raw(feed, record, position, error))
                        failed += 1
                left_out += not shaped
                position += len(shaped)
            tasks += made
            owners += [index] * len(made)
        return Flour(len(records), left_out, failed, tasks, owners, position)

    def shape(self, record: Record, feed: Feed, position: int) -> list[NewTask]:
        """Return the tasks of one record for one route.

        Raises:
            TransformError: It cannot be shaped, or has no usable key.
        """
        return self._feed(feed, *self._shape_and_encode(record), position)

    def _shape_and_encode(self, record: Record) -> tuple[Sequence[Record], list[bytes]]:
        shaped = (record,) if self._shape is None else self._shape(record)
        try:
            return shaped, [encode_record(one) for one in shaped]
        except TypeError as error:
            raise TransformError(str(error), step=self._source) from error

    def _feed(self, feed: Feed, shaped: Sequence[Record], contents: Sequence[bytes], position: int) -> list[NewTask]:
        return [
            NewTask(feed.route, content, feed.identify(one), feed.on_duplicate, self._source, place)
            for place, (one, content) in enumerate(zip(shaped, contents, strict=True), position)
        ]

    def _keep_raw(self, feed: Feed, record: Record, position: int, error: TransformError) -> NewTask:
        """Return a failed task that holds a record as it came."""
        try:
            content = encode_record(record)
        except TypeError as reason:
            raise SubscriberError(f"{self._source}: {reason}", cure="make it JSON before it is handed in") from reason
        return NewTask(
            feed.route,
            content,
            source=f"{self._source}{RAW}",
            position=position,
            status=TaskStatus.FAILED,
            step=error.step,
            reason=error.message,
            cure=error.cure,
        )


class _CursorKeeper:
    """Turns positions into moves of the cursor as it is kept: each only from where the last one ended."""

    def __init__(self, name: str, cursor: Cursor | None, version: int) -> None:
        self._name = name
        self._version = version
        self._kept: tuple[Any, Any] | None = None if cursor is None else (cursor.value, cursor.pending)

    def move(self, position: Position | None) -> CursorMove | None:
        """Return the move to a position, or None where the cursor stands there already."""
        if position is None or (position.value, position.pending) == self._kept:
            return None
        move = CursorMove(self._name, position.value, position.pending, self._version)
        self._version += 1
        self._kept = position.value, position.pending
        return move


class _Run:
    """One run: one batch is kept while the next is made ready."""

    def __init__(self, store: Store, on_kept: Callable[[Kept], None] | None, cursor: _CursorKeeper | None) -> None:
        self.counts = Intake()
        self.writing: asyncio.Task[None] | None = None
        self._store = store
        self._on_kept = on_kept
        self._cursor = cursor

    async def keep(self, flour: Flour, position: Position | None) -> None:
        """Hand a batch over to be kept, once the one before it is.

        Raises:
            StoreError: The one before could not be kept.
        """
        await self.settle()
        first = self.counts.taken
        self.counts.taken += flour.count
        move = None if self._cursor is None else self._cursor.move(position)
        self.writing = asyncio.create_task(self._write(flour, move, first))

    async def settle(self) -> None:
        """Return when what was handed over is kept.

        Raises:
            StoreError: It could not be.
        """
        if self.writing is None:
            return
        writing = self.writing
        try:
            await asyncio.shield(writing)
        finally:
            if writing.done():
                self.writing = None

    def finish(self, limit: int | None, stop: asyncio.Event | None) -> Intake:
        """Return the counts of a run that came to its end."""
        self.counts.is_complete = not _is_set(stop) and (limit is None or self.counts.taken < limit)
        return self.counts

    async def _write(self, flour: Flour, move: CursorMove | None, first: int) -> None:
        ingested = Ingested(())
        if flour.tasks or move is not None:
            with trace.span("ingest page", {"connector.records": flour.count, "connector.tasks": len(flour.tasks)}):
                ingested = await self._store.tasks.ingest(flour.tasks, cursor=move, token=secrets.token_hex(16))
        counts = self.counts
        counts.left_out += flour.left_out
        counts.failed += flour.failed
        counts.duplicates += ingested.duplicates
        counts.updated += ingested.updated
        counts.tasks += len(flour.tasks) - flour.failed - ingested.duplicates - ingested.updated
        if self._on_kept is not None:
            self._on_kept(Kept(first, flour.count, flour.tasks, flour.owners, ingested.ids, ingested.renewals))


_END: Final[Any] = object()


async def _pull(
    batches: AsyncIterator[T], stop: asyncio.Event | None, run: _Run, *, may_cut: bool = True
) -> AsyncGenerator[T, None]:
    """Yield batches until there are no more, a stop is asked for, or one cannot be kept; close them then.

    Args:
        batches: Where they come from.
        stop: Ends it, also while a batch is awaited.
        run: Keeps them; what it cannot keep ends it, also while a batch is awaited.
        may_cut: Whether asking for a batch can be broken off; if not, the one in hand is awaited and yielded.

    Raises:
        StoreError: A batch could not be kept.
    """
    async with AsyncExitStack() as closing:
        close = getattr(batches, "aclose", None)  # a generator's; other iterators hold nothing
        if close is not None:
            closing.push_async_callback(close)
        stopping = asyncio.ensure_future(stop.wait()) if stop is not None and may_cut else None
        if stopping is not None:
            closing.callback(stopping.cancel)
        while not _is_set(stop):
            asking = asyncio.ensure_future(anext(batches, _END))
            try:
                is_answered = await _wait(asking, stopping, run)
            finally:
                await _break_off(asking)
            if not is_answered or (batch := asking.result()) is _END:
                return
            yield batch


async def _wait(asking: asyncio.Future[Any], stopping: asyncio.Future[Any] | None, run: _Run) -> bool:
    """Return whether there is an answer, as soon as there is one or a stop is asked for.

    Raises:
        StoreError: A batch could not be kept.
    """
    while not asking.done():
        awaited = [future for future in (asking, stopping, run.writing) if future is not None]
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if run.writing is not None and run.writing.done():
            await run.settle()
        if stopping is not None and stopping.done():
            break
    return asking.done()


async def _break_off(asking: asyncio.Future[Any]) -> None:
    """Break off what has no answer yet; whatever comes of that interests nobody."""
    if not asking.done():
        asking.cancel()
        await asyncio.wait([asking])
        if not asking.cancelled():
            asking.exception()


def _is_set(stop: asyncio.Event | None) -> bool:
    return stop is not None and stop.is_set()
