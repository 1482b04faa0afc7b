"""The store: everything that is kept, in one database.

    async with open_store("data/connector.db", purpose="work", command="run") as store:
        ingested = await store.tasks.ingest([NewTask("orders", b'{"id": 1}', key="1")], token="…")

A store belongs to one event loop. Its methods may be awaited side by side.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal

from connector.errors import Recovery, StoreError
from connector.store.accounts import Accounts
from connector.store.activity import Activity, Tally
from connector.store.alarms import Alarms
from connector.store.attempts import Attempts
from connector.store.audit import Audit
from connector.store.claims import Claims
from connector.store.cursors import Cursors
from connector.store.database import PATIENCE_S, Database
from connector.store.lanes import Lanes
from connector.store.limits import Limits
from connector.store.lock import ProcessLock
from connector.store.prune import Prune
from connector.store.routes import Routes
from connector.store.schedules import Schedules
from connector.store.schema import SchemaStatus, read_revision, upgrade
from connector.store.state import State
from connector.store.target import read_target
from connector.store.tasks import Tasks
from connector.store.trouble import read_os_error
from connector.store.values import Values
from connector.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from connector.store.target import Target

OPENING_S: Final = 5.0
"""How long a server that cannot be reached is waited for when a store is opened."""

_SQLITE_START: Final = b"SQLite format 3\0"

Purpose = Literal["work", "admin", "read"]
"""What a store is opened for.

- `work`: to ingest and deliver. On SQLite no other process may do so at the same time. Older tables are upgraded.
- `admin`: to change a few things beside a worker. Older tables are refused.
- `read`: to look. Older tables are refused.
"""


class Store:
    """What is kept, by parts.

    Attributes:
        name: The database as messages name it, without a password.
        is_shared: Whether several processes may work on it at once (PostgreSQL).
        tasks: Records on their way, and what became of them.
        lanes: Who works on which of them.
        workers: Who is alive.
        routes: What is paused or stopped.
        state: Cursors and stored values.
        limits: Rate limits over all processes.
        schedules: What was due when.
        activity: What happened when.
        accounts: Who may come in.
        audit: Who did what.
        alarms: What a person should know.
    """

    def __init__(self, database: Database, *, may_work: bool) -> None:
        self.name = database.name
        self.is_shared = database.is_postgres
        self._database = database
        self._prune = Prune(database)
        claims, cursors, values = Claims(database), Cursors(database), Values(database)
        attempts, tally = Attempts(database), Tally(database)
        self.tasks = Tasks(database, claims, cursors, values, attempts, tally)
        self.lanes = Lanes(database, attempts, tally, may_take=may_work or database.is_postgres)
        self.workers = Workers(database)
        self.routes = Routes(database)
        self.state = State(database, cursors, values)
        self.limits = Limits(database)
        self.schedules = Schedules(database)
        self.activity = Activity(database)
        self.accounts = Accounts(database)
        self.audit = Audit(database)
        self.alarms = Alarms(database)

    async def prune_kept(self) -> None:
        """Delete what is kept beside the tasks and is too old: deliveries, sessions, audit log, activity.

        Many small transactions, so that others write between them. To be called every hour; beside `tasks.prune`.
        """
        while await self._database.write(self._prune.forget_deliveries):
            pass
        await self._database.write(self._prune.forget_accounts)
        await self.activity.prune()

    def now_ms(self) -> int:
        """Return the time by the store's clock, ms since the epoch; setting the machine's clock does not move it."""
        return self._database.now_ms()


@asynccontextmanager
async def open_store(
    url: str | Path,
    *,
    purpose: Purpose = "work",
    command: str = "run",
    clock: Callable[[], int] | None = None,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[Store]:
    """Open a store, and close it when the block ends.

    Args:
        url: A path, `sqlite:///…`, or `postgresql://…`. A SQLite file, and its folder, are made for work.
        purpose: What for.
        command: What this process does, for others that find the file in use.
        clock: Tells the time, ms since the epoch, instead of the database's or the machine's.
        patience_s: How long a lost connection to PostgreSQL is waited for before a call fails. A first one is waited
            for only a few seconds, since what cannot be reached at all is more likely misspelt.

    Raises:
        StoreInUseError: Another process works on the same SQLite file.
        SchemaError: The tables are newer than this program; or older, and it was not opened for work.
        StoreError: It cannot be opened.
    """
    target = read_target(url)
    lock = _prepare(target, purpose, command)
    database = Database(target, clock=clock, patience_s=min(patience_s, OPENING_S))
    try:
        if purpose == "work":
            await database.write(lambda transaction: upgrade(transaction.connection, database.name), is_repeatable=True)
        else:
            found = await database.read(lambda transaction: read_revision(transaction.connection))
            SchemaStatus(database.name, found).check()
        await database.anchor()
        database.patience_s = patience_s
        yield Store(database, may_work=purpose == "work")
    finally:
        await database.aclose()
        if lock is not None:
            lock.release()


async def upgrade_store(url: str | Path, *, command: str = "db upgrade") -> SchemaStatus:
    """Bring the tables of a database to the revision this program needs, and return where they stood before.

    Raises:
        StoreInUseError: A process works on the SQLite file.
        SchemaError: The tables are newer than this program.
        StoreError: The database cannot be used.
    """
    target = read_target(url)
    lock = _prepare(target, "work", command)
    database = Database(target, patience_s=OPENING_S)
    try:
        return await database.write(
            lambda transaction: upgrade(transaction.connection, database.name), is_repeatable=True
        )
    finally:
        await database.aclose()
        if lock is not None:
            lock.release()


async def read_schema_status(url: str | Path) -> SchemaStatus:
    """Return which revision the tables of a database are at, beside whoever works on it.

    Raises:
        StoreError: The database cannot be used.
    """
    target = read_target(url)
    if target.path is not None and not target.path.exists():
        return SchemaStatus(target.name, None)
    database = Database(target, patience_s=OPENING_S)
    try:
        found = await database.read(lambda transaction: read_revision(transaction.connection))
    finally:
        await database.aclose()
    return SchemaStatus(target.name, found)


def _prepare(target: Target, purpose: Purpose, command: str) -> ProcessLock | None:
    """See to the file of a SQLite database, and take it for work."""
    path = target.path
    if path is None:
        return None
    if purpose != "work":
        if not path.exists():
            raise StoreError(
                f"there is no store at {path} yet",
                cure="run, push, worker and db upgrade make one; CONNECTOR_DATABASE says where it lies",
                recovery=Recovery.ABORT,
            )
        return None
    _check_file(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise read_os_error(path, error) from error
    lock = ProcessLock(_lock_path(path))
    lock.acquire(command)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # records are nobody else's business
    except OSError as error:
        lock.release()
        raise read_os_error(path, error) from error
    return lock


def _check_file(path: Path) -> None:
    """Refuse what is no database before anything is left beside it.

    A file that has a lock beside it has been worked on before. It is not opened here: when a process closes any file,
    it lets go of the locks that SQLite holds on it in the same process.

    Raises:
        StoreError: It is a folder, or a file of another kind.
    """
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no file that data can be kept in"
            raise StoreError(f"{path} is {what}", cure="name a file in CONNECTOR_DATABASE", recovery=Recovery.ABORT)
        if not path.exists() or _lock_path(path).exists():
            return
        with path.open("rb") as file:
            start = file.read(len(_SQLITE_START))
    except OSError as error:
        raise read_os_error(path, error) from error
    if start and start != _SQLITE_START:
        raise StoreError(
            f"the database {path} is not a SQLite database",
            cure="name another file in CONNECTOR_DATABASE",
            recovery=Recovery.ABORT,
        )


def _lock_path(path: Path) -> Path:
    real = path.resolve()  # by whatever name: two spellings of one file are one lock
    return real.with_name(real.name + ".lock")
