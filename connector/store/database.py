"""Connections, threads and transactions.

SQLAlchemy is used synchronously, in threads of the store's own: a transaction costs one hop between threads, however
many statements it holds. SQLite has one thread that writes and two that read beside it; PostgreSQL has four for both.
Each thread keeps its connection.

A transaction is a function that takes a `Transaction`. It may be called again: with PostgreSQL when the connection is
lost or two transactions got in each other's way. So it changes nothing but the database. What was committed is known
even where the connection is lost in the middle of COMMIT: PostgreSQL is asked what became of the transaction.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from connector.errors import Recovery, StoreError
from connector.store.clock import AnchoredClock
from connector.store.statement import Statement, Statements, pack
from connector.store.trouble import is_lost, is_passing, read_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Engine
    from sqlalchemy.sql.base import Executable

    from connector.store.target import Target

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 10
PATIENCE_S: Final = 60.0
_READERS: Final = 2
_SHARED: Final = 4
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0


_SET_UP: Final = (
    # A commit note must outlive a power cut, also where the server is set up otherwise.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    # A worker that stands still in the middle of a transaction must not stop all others.
    "SET idle_in_transaction_session_timeout = '30s'",
    "SET lock_timeout = '20s'",
    # Every statement leads from a batch of a few hundred rows to rows found by an index. A plan made while a table was
    # empty would read all of it, and is kept for as long as the connection.
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET max_parallel_workers_per_gather = 0",
    "SET jit = off",  # compiling takes longer than the statements themselves
)


class Transaction:
    """One transaction under way.

    Attributes:
        connection: SQLAlchemy's, for statements that are put together as needed.
        is_postgres: Which of the two databases it is.
        now_ms: What time it is, the same throughout.
    """

    __slots__ = ("connection", "is_postgres", "now_ms")

    def __init__(self, connection: Connection, now_ms: int, *, is_postgres: bool) -> None:
        self.connection = connection
        self.now_ms = now_ms
        self.is_postgres = is_postgres

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
            patience_s: How long a lost connection is waited for.
        """
        self.name = target.name
        self.is_postgres = target.path is None
        self.statements = Statements(is_postgres=self.is_postgres)
        self.patience_s = patience_s
        self._anchored = AnchoredClock() if clock is None else None
        self.now_ms: Callable[[], int] = clock or self._anchored  # type: ignore[assignment]
        self._closing = threading.Event()
        if target.url is not None:
            self._write_engine = self._read_engine = _postgres_engine(target)
            self._writers = self._readers = _Threads("connector-store", _SHARED, self._write_engine)
        else:
            assert target.path is not None
            self._write_engine = _sqlite_engine(str(target.path), begin="BEGIN IMMEDIATE")
            self._read_engine = _sqlite_engine(str(target.path), begin="BEGIN", is_reader=True)
            self._writers = _Threads("connector-store-writer", 1, self._write_engine)
            self._readers = _Threads("connector-store-reader", _READERS, self._read_engine)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Carry out a transaction that changes something, and return what its function returned.

        Raises:
            StoreError: It was not carried out.
        """
        return await self._in_thread(self._writers, work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Carry out a transaction that changes nothing, beside one that writes.

        Raises:
            StoreError: It was not carried out.
        """
        return await self._in_thread(self._readers, work)

    async def anchor(self) -> None:
        """Set the clock by the database server's, where there is one and no other clock was given."""
        if self.is_postgres and self._anchored is not None:
            await self.read(self._anchor)

    async def aclose(self) -> None:
        """Wait for transactions under way, and close every connection."""
        self._closing.set()
        for threads in {self._writers, self._readers}:
            await asyncio.to_thread(threads.close)

    def _anchor(self, transaction: Transaction) -> None:
        assert self._anchored is not None
        begun = time.monotonic()
        rows = transaction.connection.exec_driver_sql(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        ).all()
        taken_ms = (time.monotonic() - begun) * 1000
        self._anchored.anchor(int(rows[0][0] + taken_ms / 2))

    async def _in_thread(self, threads: _Threads, work: Callable[[Transaction], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads.executor, self._carry_out, threads, work)

    def _carry_out(self, threads: _Threads, work: Callable[[Transaction], T]) -> T:
        """Carry a transaction out in this thread, again where that helps."""
        attempt = _Attempt()
        deadline: float | None = None
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return self._try(threads, work, attempt)
            except DBAPIError as error:
                lost = is_lost(error)
                if lost or threads.is_broken:
                    threads.drop()
                now = time.monotonic()
                deadline = deadline or now + self.patience_s
                may_repeat = self.is_postgres and (lost or is_passing(error))
                if not may_repeat or now + pause_s > deadline or self._closing.wait(pause_s):
                    raise read_error(self.name, error) from error
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _try(self, threads: _Threads, work: Callable[[Transaction], T], attempt: _Attempt) -> T:
        connection = threads.connection()
        if attempt.doubtful is not None and _was_committed(connection, attempt.doubtful):
            result: T = attempt.result
            return result
        attempt.doubtful = None
        with connection.begin():
            transaction = Transaction(connection, self.now_ms(), is_postgres=self.is_postgres)
            if self.is_postgres:
                number = connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar_one()
            result = work(transaction)
            if self.is_postgres:
                attempt.doubtful, attempt.result = number, result
        attempt.doubtful = None
        return result


class _Attempt:
    """What is remembered of a transaction from one try to the next.

    Attributes:
        doubtful: The number PostgreSQL gave a transaction that was about to be committed when the connection was lost.
        result: What its function returned.
    """

    __slots__ = ("doubtful", "result")

    def __init__(self) -> None:
        self.doubtful: str | None = None
        self.result: Any = None


class _Threads:
    """Threads that each keep a connection."""

    def __init__(self, name: str, count: int, engine: Engine) -> None:
        self.executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._engine = engine
        self._local = threading.local()
        self._open: set[Connection] = set()
        self._lock = threading.Lock()

    def connection(self) -> Connection:
        """Return this thread's connection."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._engine.connect()
            self._local.connection = connection
            with self._lock:
                self._open.add(connection)
        return connection

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


def _was_committed(connection: Connection, number: str) -> bool:
    """Return what became of a transaction whose COMMIT was not answered.

    Source: PostgreSQL, "pg_xact_status": committed, aborted, in progress, or null where it is too long ago.
    """
    while True:
        with connection.begin():
            status = connection.exec_driver_sql(
                "SELECT pg_xact_status(%(number)s::xid8)", {"number": number}
            ).scalar_one()
        if status != "in progress":
            return bool(status == "committed")
        time.sleep(_FIRST_PAUSE_S)  # the server has not yet noticed that the connection is gone


def _sqlite_engine(path: str, *, begin: str, is_reader: bool = False) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False, "cached_statements": 256},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions by itself, and too late
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit note must outlive a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA temp_store = MEMORY")
        if is_reader:
            connection.execute("PRAGMA query_only = ON")
        connection.create_function("casefold", 1, _casefold, deterministic=True)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _casefold(text: Any) -> str | None:
    return text.casefold() if isinstance(text, str) else None


def _postgres_engine(target: Target) -> Engine:
    assert target.url is not None
    try:
        engine = create_engine(
            target.url,
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": 10,
                "application_name": "connector",
                "keepalives_idle": 10,  # s; a server that is gone without a word is noticed within half a minute
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,  # ms
            },
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            "PostgreSQL needs a package that is not installed",
            cure="pip install 'connector[postgres]'",
            recovery=Recovery.ABORT,
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        for statement in _SET_UP:
            connection.execute(statement)
        connection.autocommit = False

    return engine
