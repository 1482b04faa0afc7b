"""Several processes and one database: who may work, who may look, and what is said to whom."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from connector.errors import StoreError, StoreInUseError
from connector.store.rows import TaskFilter
from connector.store.store import open_store
from tests.store.stage import ingest, statuses, take

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.store import Store

sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)

_HOLD = """
import asyncio, sys
from connector.store.store import open_store

async def main():
    async with open_store(sys.argv[1], command="worker") as store:
        await store.workers.join("holder", host="here", pid=1)
        await store.lanes.acquire("holder", "orders", range(8), most_attempts=3)
        await store.lanes.acquire("holder", "held", range(8), most_attempts=3)
        print("ready", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
async def holder(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that works on the database."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLD, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line == b"ready\n"
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


@sqlite
async def test_a_second_process_on_a_file_is_refused(holder: asyncio.subprocess.Process, url: str) -> None:
    """It is told who works on the file, since when, and what to do."""
    with pytest.raises(StoreInUseError) as caught:
        async with open_store(url, command="run"):
            pass

    error = caught.value
    assert (error.pid, error.command) == (holder.pid, "worker")
    assert f"connector.db is in use by `connector worker` (pid {holder.pid}, since 20" in str(error)
    assert "wait until it ends, or use PostgreSQL" in str(error)


@sqlite
async def test_two_names_of_a_file_are_one_lock(holder: asyncio.subprocess.Process, url: str, tmp_path: Path) -> None:
    """A link to the file leads to the same lock."""
    del holder
    link = tmp_path / "link.db"
    link.symlink_to(url)

    with pytest.raises(StoreInUseError):
        async with open_store(link, command="push orders"):
            pass


@sqlite
async def test_a_process_that_was_killed_leaves_no_lock(holder: asyncio.subprocess.Process, url: str) -> None:
    """The next one opens the file at once, and finds what it had in hand."""
    async with open_store(url, purpose="admin") as store:
        await ingest(store, "a", route="held")
    holder.send_signal(signal.SIGKILL)
    await holder.wait()

    async with open_store(url) as store:
        held = {row.worker for row in await store.lanes.held()}
        (task,) = await take(store, "next", route="held")

    assert held == {"holder"}
    assert task.key == "a"


@sqlite
async def test_looking_and_administration_go_on_beside(holder: asyncio.subprocess.Process, url: str) -> None:
    """Commands read and change tasks while another process works on the file."""
    async with open_store(url, purpose="admin") as admin, open_store(url, purpose="read") as reader:
        await ingest(admin, "a", "b", route="elsewhere")
        await admin.tasks.skip(TaskFilter(key="a"), "not wanted")

        assert sorted((await statuses(reader)).values()) == ["new", "skipped"]


@sqlite
async def test_a_store_that_is_closed_can_be_opened_again(store: Store, url: str) -> None:
    """In one process too it is one at a time."""
    with pytest.raises(StoreInUseError):
        async with open_store(url):
            pass


@sqlite
async def test_a_reader_sees_what_was_committed_while_another_writes(store: Store, beside: Store, url: str) -> None:
    """A transaction under way holds nobody up who only reads."""
    await ingest(store, "a")
    writer = sqlite3.connect(url, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE tasks SET reason = 'not yet'")

    rows = await asyncio.wait_for(beside.tasks.find(TaskFilter()), timeout=5)

    writer.execute("ROLLBACK")
    writer.close()
    assert [row.reason for row in rows] == [""]


@sqlite
async def test_a_writer_waits_for_another(store: Store, url: str) -> None:
    """Two that write take turns; neither is told to go away."""
    other = sqlite3.connect(url, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    writing = asyncio.create_task(ingest(store, "a"))
    await asyncio.sleep(0.3)
    was_done = writing.done()
    other.execute("COMMIT")
    other.close()

    assert not was_done
    assert (await writing)[0] is not None


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Records are personal data: a file that is made can be read by nobody else, nor the folder made for it."""
    path = tmp_path / "kept" / "made.db"

    async with open_store(path):
        pass

    modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in path.parent.glob("made.db*")}
    assert modes == {"made.db": 0o600, "made.db.lock": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@sqlite
async def test_what_was_written_survives_a_power_cut(store: Store) -> None:
    """Every commit reaches the disk before it returns, in the journal that readers can read beside."""

    def ask(transaction) -> tuple[object, ...]:
        settings = ("synchronous", "journal_mode", "foreign_keys")
        return tuple(transaction.connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in settings)

    assert await store._database.write(ask) == (2, "wal", 1)  # 2: FULL


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_on_postgres_any_number_work_at_once(url: str, holder: asyncio.subprocess.Process) -> None:
    """Each with the lanes that nobody else holds."""
    async with open_store(url) as store:
        await store.workers.join("worker-2", host="here", pid=os.getpid())

        taken = await store.lanes.acquire("worker-2", "orders", range(8), most_attempts=3)
        free = await store.lanes.acquire("worker-2", "invoices", range(8), most_attempts=3)

        assert taken is None
        assert free is not None
        assert {row.worker for row in await store.lanes.held()} == {"holder", "worker-2"}


async def test_a_closed_store_says_so(url: str) -> None:
    """Whoever still holds it gets an error of ours."""
    async with open_store(url) as store:
        pass

    with pytest.raises(StoreError, match="has been closed"):
        await store.tasks.counts()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """With its name, and what to do; nothing is left beside it."""
    path = tmp_path / "notes.db"
    path.write_text("shopping list\n" * 100)

    with pytest.raises(StoreError, match="is not a SQLite database") as caught:
        async with open_store(path):
            pass

    assert caught.value.recovery.value == "abort"
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.db"]  # noqa: ASYNC240


@pytest.mark.parametrize(("kind", "told"), [("folder", "is a folder"), ("pipe", "is no file")])
async def test_what_is_no_file_is_refused(tmp_path: Path, kind: str, told: str) -> None:
    """Nothing is left beside it."""
    path = tmp_path / "connector.db"
    path.mkdir() if kind == "folder" else os.mkfifo(path)

    with pytest.raises(StoreError, match=told) as caught:
        async with open_store(path):
            pass

    assert caught.value.cure == "name a file in CONNECTOR_DATABASE"
    assert [entry.name for entry in tmp_path.iterdir()] == ["connector.db"]  # noqa: ASYNC240


async def test_a_file_that_is_empty_becomes_a_database(tmp_path: Path) -> None:
    """As SQLite has it."""
    path = tmp_path / "connector.db"
    path.touch()

    async with open_store(path) as store:
        assert await store.tasks.counts() == {}


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With the system's own words."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"file/connector\.db cannot be opened"):
        async with open_store(tmp_path / "file" / "connector.db"):
            pass
