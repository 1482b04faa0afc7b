"""How the tables come to be, and what is said of those that do not fit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import connector.store.migrations
from connector.errors import SchemaError, StoreError
from connector.store.database import Database
from connector.store.rows import TaskFilter, TaskStatus
from connector.store.schema import HEAD, REVISIONS, run_migrations
from connector.store.store import open_store, read_schema_status, upgrade_store
from connector.store.tables import metadata, tasks
from connector.store.target import read_target
from tests.store.conftest import KINDS
from tests.store.stage import ingest, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

_TASK = (
    "INSERT INTO tasks (route, key, occurrence, lane, status, source, position, created_at, updated_at, attempts,"
    " tried_before, sent, parcels, looks, step, reason, record) VALUES "
)
_ATTEMPT = (
    "INSERT INTO attempts (task_id, number, worker, started_at, commit_step, commit_entity, step, reason) VALUES "
)
_KEPT_BY_0001 = (
    _TASK + "('orders', 'key-1', 0, 1, 'failed', 'in', 0, 5, 6, 1, 0, 0, 0, 0, 'place', 'no', '{\"a\"\\:1}'),"
    "('orders', 'key-2', 0, 2, 'new', 'in', 1, 5, 5, 0, 0, 0, 0, 0, '', '', '{}'),"
    "('orders', NULL, 0, 2, 'new', 'in', 2, 5, 5, 0, 0, 0, 0, 0, '', '', '{}')",
    _ATTEMPT + "(1, 1, 'w', 5, '', '', '', '')",
    "INSERT INTO cursors (name, value, version, updated_at) VALUES ('orders', '815', 4, 5)",
    "INSERT INTO stored_values (store, key, value, updated_at) VALUES ('prices', 'a', '1', 5)",
    "INSERT INTO schedules (name, spec, last_due_at, last_result) VALUES ('orders', 'every 5m', 7, '')",
)
"""What a store of the first version may hold."""

_UPGRADE = (
    "import asyncio, sys; from connector.store.store import upgrade_store; asyncio.run(upgrade_store(sys.argv[1]))"
)


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables; of SQLite not even the file."""
    if request.param == "sqlite":
        return str(tmp_path / "folder" / "connector.db")
    made: str = request.getfixturevalue("postgres").make_database()
    return made


async def carry_out(url: str, work: Callable[[Connection], object]) -> object:
    """Do something with a connection, in a transaction."""
    database = Database(read_target(url))
    try:
        return await database.write(lambda transaction: work(transaction.connection), is_repeatable=True)
    finally:
        await database.aclose()


def set_revision(revision: str) -> Callable[[Connection], object]:
    """Return what claims another revision."""
    return lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


def compare(connection: Connection) -> list[object]:
    """Return in what our tables differ from what the code knows."""
    ours = set(metadata.tables)
    options = {
        "compare_type": True,
        "include_name": lambda name, kind, _parents: kind != "table" or name in ours,
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


async def test_a_fresh_database_gets_its_tables(fresh: str) -> None:
    """Opening a store for work makes file and tables."""
    before = await read_schema_status(fresh)

    async with open_store(fresh) as store:
        await ingest(store, "a")
    after = await read_schema_status(fresh)

    assert (before.found, before.is_current) == (None, False)
    assert (after.found, after.is_current) == (HEAD, True)


async def test_the_tables_are_the_sum_of_the_steps(fresh: str) -> None:
    """What the migrations make is what the code knows: no table, column, index or type differs."""
    await upgrade_store(fresh)

    assert await carry_out(fresh, compare) == []


async def test_partial_indexes_are_those_of_the_code(fresh: str) -> None:
    """Made by the steps or by the code they are the same; Alembic does not compare their conditions."""
    await upgrade_store(fresh)

    def read(connection: Connection) -> dict[str, object]:
        indexes = inspect(connection).get_indexes("tasks")
        where = f"{connection.dialect.name}_where"
        return {str(index["name"]): str(index.get("dialect_options", {}).get(where)) for index in indexes}

    def make_anew(connection: Connection) -> dict[str, object]:
        for index in tasks.indexes:
            index.drop(connection)
            index.create(connection)
        return read(connection)

    by_steps = await carry_out(fresh, read)
    by_code = await carry_out(fresh, make_anew)

    assert by_steps == by_code
    assert set(by_steps) == {"tasks_by_status", "tasks_by_key", "tasks_due"}  # type: ignore[call-overload]


def test_the_newest_step_is_the_one_the_code_needs() -> None:
    """`HEAD` and `REVISIONS` name the steps there are, in order."""
    folder = Path(connector.store.migrations.__file__).parent

    steps = ScriptDirectory(str(folder))

    assert steps.get_current_head() == HEAD
    assert [step.revision for step in reversed(list(steps.walk_revisions()))] == list(REVISIONS)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_every_older_revision_is_brought_up_to_date(fresh: str, revision: str) -> None:
    """Tables as any earlier version left them become today's, and can be used."""
    if "://" not in fresh:
        Path(fresh).parent.mkdir()
    await carry_out(fresh, lambda connection: run_migrations(connection, revision))

    before = await upgrade_store(fresh)
    async with open_store(fresh) as store:
        ids = await ingest(store, "a")

    assert before.found == revision
    assert await carry_out(fresh, compare) == []
    assert ids != [None]


async def test_what_the_first_version_kept_is_there_after_the_upgrade(fresh: str) -> None:
    """Tasks with their attempts, cursors, values and schedules, and everything can be done with them."""
    if "://" not in fresh:
        Path(fresh).parent.mkdir()

    def keep(connection: Connection) -> None:
        run_migrations(connection, "0001")
        for statement in _KEPT_BY_0001:
            connection.execute(text(statement))

    await carry_out(fresh, keep)

    async with open_store(fresh) as store:
        details = [detail async for detail in store.tasks.export(TaskFilter())]
        cursor, version = await store.state.locate("orders")
        values = await store.state.values([("prices", "a")])
        (schedule,) = await store.schedules.all()
        begins = [row.key for row in await store.tasks.find(TaskFilter(keys_starting="key-"))]
        failed = await store.tasks.find(TaskFilter(statuses=(TaskStatus.FAILED,)))
        known = await ingest(store, "key-1", "key-3")
        claimed = await take(store)

    assert [(one.row.id, one.row.key, one.record, len(one.attempts)) for one in details] == [
        (1, "key-1", b'{"a":1}', 1),
        (2, "key-2", b"{}", 0),
        (3, None, b"{}", 0),
    ]
    assert cursor is not None
    assert (cursor.value, version) == (815, 4)
    assert values == {("prices", "a"): b"1"}
    assert (schedule.name, schedule.spec, schedule.last_due_at_ms, schedule.asked_by) == ("orders", "every 5m", 7, "")
    assert begins == ["key-2", "key-1"]
    assert [row.id for row in failed] == [1]
    assert known[0] is None
    assert [task.id for task in claimed] == [2, 3, known[1]]


async def test_what_is_kept_now_is_there_when_opened_again(fresh: str) -> None:
    """The upgrade is taken once, and nothing of what came after it is touched."""
    await upgrade_store(fresh)
    async with open_store(fresh) as store:
        await ingest(store, "a")
        await store.accounts.put_user("ann", password_hash="x", role="read")
        await store.alarms.raise_("queue_age", "orders", "old")

    await upgrade_store(fresh)
    async with open_store(fresh) as store:
        users, alarms, counts = await store.accounts.users(), await store.alarms.open(), await store.tasks.counts()

    assert [user.name for user in users] == ["ann"]
    assert [alarm.subject for alarm in alarms] == ["orders"]
    assert counts == {"orders": {TaskStatus.NEW: 1}}


@pytest.mark.postgres
async def test_keys_are_compared_by_bytes_whatever_the_language(postgres) -> None:
    """In a database of another collation, what begins so is found all the same."""
    name = "of_a_language"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    url = f"postgresql://tests@127.0.0.1:{postgres.port}/{name}"
    keys = ["a", "A-1", "a-1", "B", "b2", "ä", "ab"]

    async with open_store(url) as store:
        await ingest(store, *keys)
        found = [row.key for row in await store.tasks.find(TaskFilter(keys_starting="a"))]

    assert found == ["ab", "a-1", "a"]


async def test_a_second_upgrade_finds_nothing_to_do(fresh: str) -> None:
    """It says where the tables stood before."""
    first = await upgrade_store(fresh)
    second = await upgrade_store(fresh)

    assert (first.found, second.found) == (None, HEAD)
    assert second.is_current


@pytest.mark.parametrize("purpose", ["admin", "read"])
async def test_tables_that_are_not_there_are_not_made_by_looking(fresh: str, purpose) -> None:
    """Commands that only look, or change a little, say what to do instead."""
    with pytest.raises(StoreError, match=r"no store at|has no tables yet") as caught:
        async with open_store(fresh, purpose=purpose):
            pass

    assert caught.value.cure is not None
    assert not Path(fresh).exists()  # noqa: ASYNC240


@pytest.mark.parametrize("purpose", ["work", "admin", "read"])
async def test_newer_tables_are_refused(fresh: str, purpose) -> None:
    """A program that is older than the tables does not touch them, and says who can."""
    await upgrade_store(fresh)
    await carry_out(fresh, set_revision("9999"))

    with pytest.raises(SchemaError, match="9999, which this version does not know") as caught:
        async with open_store(fresh, purpose=purpose):
            pass

    assert caught.value.found == "9999"
    assert (await read_schema_status(fresh)).is_newer


async def test_an_upgrade_refuses_newer_tables(fresh: str) -> None:
    """`db upgrade` of an older program does nothing."""
    await upgrade_store(fresh)
    await carry_out(fresh, set_revision("9999"))

    with pytest.raises(SchemaError, match="does not know"):
        await upgrade_store(fresh)


async def test_two_processes_at_once_make_the_tables_once(fresh: str) -> None:
    """One waits for the other, or is told that the file is in use; neither breaks."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _UPGRADE, fresh, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    ends = [await process.communicate() for process in processes]

    codes = [process.returncode for process in processes]
    assert 0 in codes
    assert all(code == 0 or b"StoreInUseError" in end[1] for code, end in zip(codes, ends, strict=True))
    assert (await read_schema_status(fresh)).is_current


@pytest.mark.postgres
async def test_the_tables_of_procrastinate_lie_beside_ours(postgres) -> None:
    """On PostgreSQL they are made with ours, and all its steps are on record."""
    url = postgres.make_database()

    await upgrade_store(url)
    await upgrade_store(url)

    def read(connection: Connection) -> tuple[bool, int]:
        count = connection.execute(text("SELECT count(*) FROM queue_steps")).scalar_one()
        return inspect(connection).has_table("procrastinate_jobs"), int(count)

    has_jobs, count = await carry_out(url, read)  # type: ignore[misc]
    assert has_jobs
    assert count > 30


@pytest.mark.postgres
async def test_later_steps_of_procrastinate_are_taken(postgres) -> None:
    """A version that brings more steps than the database has had takes those that are missing."""
    url = postgres.make_database()
    await upgrade_store(url)
    name = "procrastinate_trigger_status_events_update_v1"

    def forget(connection: Connection) -> None:
        connection.execute(text(f"DROP TRIGGER {name} ON procrastinate_jobs"))
        connection.execute(text("DELETE FROM queue_steps WHERE name LIKE '03.04.00_50%'"))

    def count(connection: Connection) -> tuple[int, ...]:
        triggers = connection.execute(text(f"SELECT count(*) FROM pg_trigger WHERE tgname = '{name}'"))
        steps = connection.execute(text("SELECT count(*) FROM queue_steps WHERE name LIKE '03.04.00_50%'"))
        return triggers.scalar_one(), steps.scalar_one()

    await carry_out(url, forget)
    before = await carry_out(url, count)
    await upgrade_store(url)

    assert (before, await carry_out(url, count)) == ((0, 0), (1, 1))


@pytest.mark.postgres
async def test_tables_of_procrastinate_that_are_there_are_left_alone(postgres) -> None:
    """Whoever uses procrastinate in the same database already has seen to them."""
    url = postgres.make_database()
    await upgrade_store(url)

    await carry_out(url, lambda connection: connection.execute(text("DELETE FROM queue_steps")))
    await upgrade_store(url)

    steps = await carry_out(url, lambda it: it.execute(text("SELECT count(*) FROM queue_steps")).scalar_one())
    assert isinstance(steps, int)
    assert steps > 30
