"""What a database's errors mean, and which database is meant."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from connector.errors import Recovery, StoreError
from connector.store.clock import AnchoredClock, steady_ms
from connector.store.rows import NewTask, TaskFilter
from connector.store.store import open_store
from connector.store.target import read_target
from connector.store.trouble import read_error, read_os_error

if TYPE_CHECKING:
    from connector.store.database import Transaction
    from connector.store.store import Store

CODES = sorted(
    {getattr(sqlite3, name) for name in dir(sqlite3) if name.startswith("SQLITE_") and name.isupper()} & {*range(1, 27)}
)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_full_disk_keeps_what_was_there_and_takes_more_when_there_is_room(store: Store) -> None:
    """A batch that does not fit is not kept at all, the error passes, and later it works."""

    def limit(pages: int):
        def work(transaction: Transaction) -> None:
            transaction.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").all()

        return work

    batch = [NewTask("orders", b'"' + b"x" * 2000 + b'"') for _ in range(500)]
    await store.tasks.ingest(batch[:1], token="first")
    await store._database.write(limit(60))

    with pytest.raises(StoreError, match="the disk is full") as caught:
        await store.tasks.ingest(batch, token="second")
    during = await store.tasks.count(TaskFilter())
    await store._database.write(limit(100_000))
    await store.tasks.ingest(batch, token="second")

    assert caught.value.recovery is Recovery.RETRY
    assert caught.value.cure is not None
    assert during == 1
    assert await store.tasks.count(TaskFilter()) == 501


@pytest.mark.parametrize("code", CODES)
def test_every_error_of_sqlite_is_one_of_ours(code: int) -> None:
    """Whatever its code, it names the database; a busy, full or failing one passes."""
    error = sqlite3.OperationalError("words of its own")
    error.sqlite_errorcode = code

    read = read_error("data/x.db", error)

    assert "data/x.db" in str(read)
    passes = {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
    }
    assert (read.recovery is Recovery.RETRY) == (code in passes)


def test_an_extended_code_is_read_as_its_kind() -> None:
    """SQLite tells more than we need in the upper bits."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE

    assert "cannot be read or written" in str(read_error("x", error))


@pytest.mark.parametrize(
    ("code", "recovery"),
    [
        ("53100", Recovery.RETRY),  # disk full
        ("53300", Recovery.RETRY),  # too many connections
        ("57P01", Recovery.RETRY),  # shut down by an administrator
        ("08006", Recovery.RETRY),  # connection failure
        ("40P01", Recovery.RETRY),  # deadlock
        ("28P01", Recovery.ABORT),  # wrong password
        ("3D000", Recovery.ABORT),  # no such database
        ("42501", Recovery.ABORT),  # no permission
        ("42P01", Recovery.ABORT),  # no such table: a fault of ours, or somebody else's hand
    ],
)
def test_errors_of_postgres_pass_or_not(code: str, recovery: Recovery) -> None:
    """What a later try may mend is told apart from what a person has to."""
    error = psycopg.errors.lookup(code)("words of the server\nand more of them")

    read = read_error("postgresql://host/db", error)

    assert read.recovery is recovery
    assert "words of the server" in str(read)
    assert "and more" not in str(read)


@pytest.mark.parametrize(("number", "recovery"), [(errno.ENOSPC, Recovery.RETRY), (errno.EACCES, Recovery.ABORT)])
def test_errors_of_the_file_system_name_the_file(number: int, recovery: Recovery) -> None:
    """A full disk passes, a missing right does not."""
    read = read_os_error(Path("data/x.db"), OSError(number, "words of the system"))

    assert "data/x.db" in str(read)
    assert read.recovery is recovery


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("connector.db", "connector.db"),
        ("data/my store.db", "data/my store.db"),
        ("sqlite:///data/connector.db", "data/connector.db"),
        ("sqlite:////var/lib/connector.db", "/var/lib/connector.db"),
        ("sqlite:///with%20blank.db", "with blank.db"),
        (Path("a/b.db"), "a/b.db"),
    ],
)
def test_a_path_is_a_file_of_sqlite(text: str | Path, path: str) -> None:
    """Written as a path or as a URL; three slashes are relative, four absolute."""
    target = read_target(text)

    assert (target.path, target.url, target.name) == (Path(path), None, path)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgres_is_spoken_to_by_one_driver(scheme: str) -> None:
    """However the URL begins; its name shows no password, and parameters are kept."""
    target = read_target(f"{scheme}://kim:sesame@db.example:5433/shop?sslmode=require")

    assert target.url is not None
    assert (target.url.drivername, target.url.host, target.url.port) == ("postgresql+psycopg", "db.example", 5433)
    assert target.url.query == {"sslmode": "require"}
    assert target.name == "postgresql://kim:***@db.example:5433/shop?sslmode=require"
    assert "sesame" not in repr(target)


@pytest.mark.parametrize(
    "text",
    ["mysql://kim:sesame@x/y", "sqlite://", "sqlite:///", "sqlite:///:memory:", ":memory:", "postgresql://x:y:z/a"],
)
def test_what_is_no_database_is_refused(text: str) -> None:
    """Without showing what may be a password, and with the forms that are accepted."""
    with pytest.raises(StoreError, match="CONNECTOR_DATABASE") as caught:
        read_target(text)

    assert "sesame" not in str(caught.value)
    assert "postgresql://user:password@host/database" in str(caught.value)
    assert caught.value.recovery is Recovery.ABORT


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_setting_the_machines_clock_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is taken once, and counted on from there."""
    async with open_store(url) as store:
        before = store.now_ms()
        monkeypatch.setattr("time.time_ns", lambda: 0)
        after = store.now_ms()

    assert 0 <= after - before < 10_000


def test_a_clock_counts_on_from_what_it_is_told() -> None:
    """In milliseconds of a clock that nobody sets."""
    clock = AnchoredClock()
    clock.anchor(clock() + 5000)
    begun, steady = clock(), steady_ms()

    assert abs((clock() - begun) - (steady_ms() - steady)) <= 50


def test_a_clock_stands_still_rather_than_go_back_a_little() -> None:
    """Two readings never come out of order by the server's corrections."""
    clock = AnchoredClock()
    now = clock()

    clock.anchor(now - 2000)

    assert now <= clock() < now + 1000


def test_a_clock_that_was_far_ahead_goes_back() -> None:
    """It would stand still for too long."""
    clock = AnchoredClock()
    now = clock()

    clock.anchor(now - 3_600_000)

    assert clock() < now - 3_000_000
