"""Connections, threads and transactions.

SQLAlchemy is used synchronously, in threads of the store's own: a transaction costs one hop between threads, however
many statements it holds. SQLite has one thread that writes and two that read beside it; PostgreSQL has four for both.
Each thread keeps its connection.

A transaction is a function that takes a `Transaction`. It may be called again: with PostgreSQL when the connection is
lost or two transactions got in each other's way. So it changes nothing but the database. What was committed is known
even where the connection is lost in the middle of COMMIT: each transaction leaves a mark (`connector.store.commits`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy.exc import DBAPIError

from connector import log
from connector.errors import Recovery, StoreError
from connector.store.clock import AnchoredClock
from connector.store.commits import Commits, Mark
from connector.store.engines import make_postgres_engine, make_sqlite_engine
from connector.store.statement import Statement, Statements, pack
from connector.store.trouble import is_lost, is_passing, read_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Engine
    from sqlalchemy.sql.base import Executable

    from connector.store.target import Target

T = TypeVar("T")

PATIENCE_S: Final = 60.0
CLOSING_S: Final = 3.0
"""How long a transaction may go on that is under way when the database is closed, seconds."""

_READERS: Final = 2
_SHARED: Final = 4
_SLOTS: Final = 2**31
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_TOLD_AFTER_S: Final = 1.0
"""An outage that is over sooner is nobody's concern: an administrator has cut a connection."""

logger = log.get_logger()


class Transaction:
    """One transaction under way.

    Attributes:
        connection: SQLAlchemy's, for statements that are put together as needed.
        is_postgres: Which of the two databases it is.
        now_ms: What time it is, the same throughout.
        slot: A number of the connection's own, as good as surely: what it counts in, no other one touches.
    """

    __slots__ = ("connection", "is_postgres", "now_ms", "slot")

    def __init__(self, connection: Connection, now_ms: int, *, is_postgres: bool, slot: int = 0) -> None:
        self.connection = connection
        self.now_ms = now_ms
        self.is_postgres = is_postgres
        self.slot = slot

    def run(self, statement: Statement, **values: Any) -> Sequence[Any]:
        """Execute a statement and return its rows; none for one that returns none."""
        result = self.connection.exec_driver_sql(statement.text, {**statement.fixed, **values})
        return result.all() if result.returns_rows else ()

    def run_batch(self, statement: Statement, rows: Iterable[Sequence[Any]], **values: Any) -> Sequence[Any]:
        """Execute a statement over a batch, which stands in it under the name `rows`."""
        return self.run(statement, rows=pack(rows), **values)

    def change(self, statement: Statement, **values: Any) -> int:
        """Execute a statement and return how many rows it changed."""
        return self.connection.exec_driver_sql(statement.text, {**statement.fixed, **values}).rowcount

    def change_batch(self, statement: Statement, rows: Iterable[Sequence[Any]], **values: Any) -> int:
        """Execute a statement over a batch, as `run_batch`, and return how many rows it changed."""
        return self.change(statement, rows=pack(rows), **values)

    def fetch(self, query: Executable) -> Sequence[Any]:
        """Execute a query that is put together as needed."""
        return self.connection.execute(query).all()


class Database:
    """Access to one database: `read` and `write`.

    Attributes:
        name: The database as messages name it.
        is_postgres: Which of the two it is.
        statements: Makes its statements.
    """

    def __init__(
        self, target: Target, *, clock: Callable[[], int] | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        """Prepare for a database; nothing is opened before the first transaction.

        Args:
            target: Which one.
            clock: Tells the time, ms since the epoch; by default the database server's own with PostgreSQL, the
                machine's with SQLite, neither of which a change of the machine's clock moves.
            patience_s: How long a server that is away is waited for, counted from when it was missed first.
        """
        self.name = target.name
        self.is_postgres = target.path is None
        self.statements = Statements(is_postgres=self.is_postgres)
        self._commits = Commits(self.statements)
        self.patience_s = patience_s
        self._anchored = AnchoredClock() if clock is None else None
        self.now_ms: Callable[[], int] = clock or self._anchored  # type: ignore[assignment]
        self._closing = threading.Event()
        self._outage = _Outage()
        if target.url is not None:
            self._writers = self._readers = _Threads("connector-store", _SHARED, make_postgres_engine(target.url))
        elif target.path is not None:
            writer = make_sqlite_engine(target.path, is_writer=True)
            reader = make_sqlite_engine(target.path, is_writer=False)
            self._writers = _Threads("connector-store-writer", 1, writer)
            self._readers = _Threads("connector-store-reader", _READERS, reader)

    async def write(self, work: Callable[[Transaction], T], *, is_repeatable: bool = False) -> T:
        """Carry out a transaction that changes something, and return what its function returned.

        Args:
            work: The function.
            is_repeatable: Whether it may be carried out although it was committed before, since it sees so by itself.
                It needs none of our tables.

        Raises:
            StoreError: It is not known to have been carried out.
        """
        return await self._in_thread(self._writers, work, is_marked=self.is_postgres and not is_repeatable)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Carry out a transaction that changes nothing, beside one that writes.

        Raises:
            StoreError: It was not carried out.
        """
        return await self._in_thread(self._readers, work, is_marked=False)

    async def anchor(self) -> None:
        """Set the clock by the database server's, where there is one and no other clock was given."""
        if self.is_postgres and self._anchored is not None:
            await self.read(self._anchor)

    def hurry(self, patience_s: float) -> None:
        """Wait no longer than this for a server that is away: whoever uses the database wants to end. Seconds."""
        self.patience_s = min(self.patience_s, patience_s)

    def cut(self, after_s: float) -> None:
        """Give up a server that is there and does not answer, since whoever uses the database wants to end.

        Where a transaction has waited for it for longer than a time, all connections that are waited for are cut from
        this side, and no further transaction is begun. Without such a one nothing happens; nor on SQLite, where there
        is no server.

        Args:
            after_s: How long, seconds.
        """
        if not self.is_postgres or not self._writers.waits(after_s):
            return
        self._closing.set()
        number = self._writers.cut()
        if number:
            logger.error(log.STORE_CUT, database=self.name, connections=number)

    async def aclose(self) -> None:
        """Wait for transactions under way, for a few seconds where a server has them, and close every connection."""
        self._closing.set()
        closing = [
            asyncio.ensure_future(asyncio.to_thread(threads.close)) for threads in {self._writers, self._readers}
        ]
        await asyncio.wait(closing, timeout=CLOSING_S if self.is_postgres else None)
        self.cut(0.0)
        for closed in closing:
            await closed

    def _anchor(self, transaction: Transaction) -> None:
        assert self._anchored is not None
        begun = time.monotonic()
        rows = transaction.connection.exec_driver_sql(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        ).all()
        taken_ms = (time.monotonic() - begun) * 1000
        self._anchored.anchor(int(rows[0][0] + taken_ms / 2))

    async def _in_thread(self, threads: _Threads, work: Callable[[Transaction], T], *, is_marked: bool) -> T:
        if self._closing.is_set():
            raise StoreError(f"the database {self.name} has been closed", recovery=Recovery.ABORT)
        carry_out = partial(self._carry_out, threads, work, is_marked=is_marked)
        return await asyncio.get_running_loop().run_in_executor(threads.executor, carry_out)

    def _carry_out(self, threads: _Threads, work: Callable[[Transaction], T], *, is_marked: bool) -> T:
        """Carry a transaction out in this thread, again where that helps."""
        attempt = _Attempt(is_marked=is_marked)
        begun: float | None = None
        pause_s = _FIRST_PAUSE_S
        while True:
            is_kept = threads.is_connected  # a connection from before an outage tells nothing of what is now
            try:
                result = self._try(threads, work, attempt)
            except DBAPIError as error:
                is_gone = is_lost(error)
                if is_gone or threads.is_broken:
                    threads.drop()
                may_repeat = self.is_postgres and (is_gone or is_passing(error))
                now = time.monotonic()
                begun = begun or now
                first = self._outage.note(now) if may_repeat and is_gone else begun
                is_late = now + pause_s > first + self.patience_s and not is_kept
                if not may_repeat or is_late or self._closing.wait(pause_s):
                    raise read_error(self.name, error) from error
                if is_gone and now - first > _TOLD_AFTER_S:
                    self._outage.tell(read_error(self.name, error), self.patience_s)
            else:
                self._outage.end()
                return result
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _try(self, threads: _Threads, work: Callable[[Transaction], T], attempt: _Attempt) -> T:
        connection = threads.connection()
        if attempt.doubtful is not None:
            with threads.at_work():
                was_committed = self._was_committed(connection, attempt.doubtful)
            if was_committed:
                result: T = attempt.result
                return result
        attempt.doubtful = None
        with threads.at_work(), connection.begin():
            now_ms, mark = self.now_ms(), None
            if attempt.is_marked:
                mark = Mark(threads.connection_id, secrets.randbits(63) | 1)
                self._commits.leave(connection, mark, now_ms)
            result = work(Transaction(connection, now_ms, is_postgres=self.is_postgres, slot=threads.slot))
            attempt.doubtful, attempt.result = mark, result
        return result

    def _was_committed(self, connection: Connection, mark: Mark) -> bool:
        """Return what became of a transaction whose COMMIT was not answered, once that is decided."""
        with connection.begin():
            return self._commits.is_left(connection, mark, self.now_ms())


class _Outage:
    """How long the server has been away, over all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None
        self._is_told = False

    def note(self, now: float) -> float:
        """Take note that the server was missed, and return when that was so first."""
        with self._lock:
            self._since = self._since if self._since is not None else now
            return self._since

    def tell(self, error: StoreError, patience_s: float) -> None:
        """Say so, once."""
        with self._lock:
            if not self._is_told:
                logger.error(log.STORE_AWAY, reason=error.message, cure=error.cure, patience_s=patience_s)
            self._is_told = True

    def end(self) -> None:
        """Take note that the server is there."""
        if self._since is None:
            return
        with self._lock:
            if self._is_told and self._since is not None:
                logger.warning(log.STORE_BACK, away_s=round(time.monotonic() - self._since, 1))
            self._since, self._is_told = None, False


class _Attempt:
    """What is remembered of a transaction from one try to the next.

    Attributes:
        is_marked: Whether it leaves a mark, by which it can be asked after.
        doubtful: The mark of one that was about to be committed when the connection was lost.
        result: What its function returned.
    """

    __slots__ = ("doubtful", "is_marked", "result")

    def __init__(self, *, is_marked: bool) -> None:
        self.is_marked = is_marked
        self.doubtful: Mark | None = None
        self.result: Any = None


class _Threads:
    """Threads that each keep a connection."""

    def __init__(self, name: str, count: int, engine: Engine) -> None:
        self.executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._count = count
        self._engine = engine
        self._local = threading.local()
        self._open: set[Connection] = set()
        self._at_work: dict[Connection, tuple[Any, float]] = {}  # what each waits with, and since when
        self._lock = threading.Lock()

    def connection(self) -> Connection:
        """Return this thread's connection."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._engine.connect()
            self._local.connection = connection
            made = uuid.uuid4()
            self._local.connection_id = made.hex
            self._local.slot = made.int % _SLOTS if self._count > 1 else 0
            with self._lock:
                self._open.add(connection)
        return connection

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Take note that this thread uses its connection, for the length of a block."""
        connection: Connection = self._local.connection
        self._at_work[connection] = (connection.connection.driver_connection, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                self._at_work.pop(connection, None)

    def waits(self, since_s: float) -> bool:
        """Whether a thread has used its connection for longer than a time, seconds."""
        begun_before_s = time.monotonic() - since_s
        return any(begun_s <= begun_before_s for _, begun_s in list(self._at_work.values()))

    def cut(self) -> int:
        """Cut the connections to a server that are in use; return how many there were.

        The thread that waits for an answer finds its connection closed then, as if the server had done so.
        """
        number = 0
        with self._lock:  # a thread that has its answer meanwhile cannot close its connection before this is over
            for driver, _ in list(self._at_work.values()):
                with suppress(OSError), socket.socket(fileno=os.dup(driver.fileno())) as end:
                    end.shutdown(socket.SHUT_RDWR)
                    number += 1
        return number

    @property
    def connection_id(self) -> str:
        """Id of this thread's connection, which no other one has ever had."""
        connection_id: str = self._local.connection_id
        return connection_id

    @property
    def slot(self) -> int:
        """Where this thread's connection counts; 0 where it is the only one that writes."""
        slot: int = self._local.slot
        return slot

    @property
    def is_connected(self) -> bool:
        """Whether this thread has a connection, as far as it knows."""
        return getattr(self._local, "connection", None) is not None

    @property
    def is_broken(self) -> bool:
        """Whether this thread's connection has been found unusable."""
        connection: Connection | None = getattr(self._local, "connection", None)
        return connection is not None and (connection.invalidated or connection.closed)

    def drop(self) -> None:
        """Forget this thread's connection; the next transaction makes another."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            with self._lock:
                self._open.discard(connection)
            connection.invalidate()
            connection.close()

    def close(self) -> None:
        """Wait for what is under way and close all connections."""
        self.executor.shutdown(wait=True)
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._engine.dispose()
