"""How each database is connected to, and what every connection is told first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import NullPool, create_engine, event

from connector.errors import Recovery, StoreError, tell_extra

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

BUSY_TIMEOUT_S: Final = 10
"""How long a writer of SQLite waits for another one's transaction."""

OLDEST_POSTGRES: Final = 13
"""The oldest release that procrastinate, which hands out the work, is made for."""

_FIRST_SAID: Final = (
    # A commit note must outlive a power cut, also where the server is set up otherwise.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    # A worker that stands still in the middle of a transaction must not stop all others.
    "SET idle_in_transaction_session_timeout = '10s'",
    "SET lock_timeout = '20s'",
    # Every statement leads from a batch of a few hundred rows to rows found by an index. A plan made while a table was
    # empty would read all of it, and is kept for as long as the connection.
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET max_parallel_workers_per_gather = 0",
    "SET jit = off",  # compiling takes longer than the statements themselves
)


def make_sqlite_engine(path: Path, *, is_writer: bool) -> Engine:
    """Return what connects to a SQLite file.

    Args:
        path: The file.
        is_writer: Whether its transactions write: they take their turn at the beginning, so that none has to be given
            up in the middle. Others only read, beside them.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False, "cached_statements": 256},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions by itself, and too late
        if is_writer:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a commit note must outlive a power cut
            connection.execute("PRAGMA foreign_keys = ON")
        else:
            connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cache_size = -16000")  # KiB
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.create_function("casefold", 1, _casefold, deterministic=True)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    return engine


def _casefold(text: Any) -> str | None:
    return text.casefold() if isinstance(text, str) else None


def make_postgres_engine(url: URL) -> Engine:
    """Return what connects to a PostgreSQL server.

    Raises:
        StoreError: The driver is not installed.
    """
    try:
        engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": 5,
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
            cure=tell_extra("postgres"),
            recovery=Recovery.ABORT,
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        release = connection.info.server_version // 10_000
        if release < OLDEST_POSTGRES:
            raise StoreError(
                f"the server is PostgreSQL {release}",
                cure=f"use PostgreSQL {OLDEST_POSTGRES} or newer",
                recovery=Recovery.ABORT,
            )
        connection.autocommit = True
        for statement in _FIRST_SAID:
            connection.execute(statement)
        connection.autocommit = False

    return engine
