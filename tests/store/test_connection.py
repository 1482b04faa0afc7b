"""A server that goes away and comes back: nothing is lost, nothing is done twice, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text

from connector.errors import Recovery, StoreError
from connector.store.commits import Mark
from connector.store.engines import make_postgres_engine
from connector.store.rows import TaskFilter, TaskStatus
from connector.store.store import open_store
from connector.store.target import read_target
from tests.store.stage import claim, ingest, lease, note, report, settle, statuses, take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connector.store.database import Transaction
    from connector.store.store import Store
    from tests.postgres import Postgres

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True),
]


@pytest.fixture
def server(postgres: Postgres) -> Iterator[Postgres]:
    """The server, which runs again when the test is over."""
    yield postgres
    try:
        postgres.execute("SELECT 1")
    except psycopg.OperationalError:
        postgres.start()


@pytest.fixture
def break_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what lets the connection break at the next COMMIT: ``before`` the server gets it, or ``after``."""
    commit = psycopg.Connection.commit

    def break_next(when: str) -> None:
        is_armed = [True]

        def commit_and_break(self: psycopg.Connection) -> None:
            if not is_armed or not self.info.transaction_status:
                return commit(self)
            is_armed.clear()
            if when == "after":
                commit(self)
            self.close()
            raise psycopg.OperationalError("the connection was lost")

        monkeypatch.setattr(psycopg.Connection, "commit", commit_and_break)

    return break_next


async def test_a_cut_connection_is_not_noticed(store: Store, url: str, server: Postgres) -> None:
    """The transaction is done again over a new connection, by reading and writing alike."""
    await ingest(store, "a")
    cut = server.cut(url)

    await ingest(store, "b")
    server.cut(url)
    after = await statuses(store)

    assert cut > 0
    assert list(after.values()) == ["new", "new"]


async def test_a_restarted_server_is_waited_for(store: Store, server: Postgres) -> None:
    """What is asked of the store meanwhile is done when the server is back; what was committed is there."""
    await ingest(store, "before")
    server.stop()

    waiting = asyncio.create_task(ingest(store, "meanwhile"))
    await asyncio.sleep(0.5)
    was_done = waiting.done()
    await asyncio.to_thread(server.start)
    await asyncio.wait_for(waiting, timeout=20)

    assert not was_done
    assert [row.key for row in await store.tasks.find(TaskFilter())] == ["meanwhile", "before"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_batch_is_kept_once_whenever_the_connection_breaks(
    store: Store, break_commit: Callable[[str], None], when: str
) -> None:
    """Where a COMMIT was not answered the server is asked what became of it, and only a failed one is repeated."""
    break_commit(when)

    ids = await ingest(store, None, None)

    assert sorted(await statuses(store)) == ids
    assert len(ids) == 2


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_claim_is_not_lost_with_its_connection(
    store: Store, break_commit: Callable[[str], None], when: str
) -> None:
    """What was claimed is in this worker's hands, and its first attempt is the first."""
    await ingest(store, "a", "b")
    taken = await lease(store)
    break_commit(when)

    claimed = await claim(store, taken)

    assert [(task.key, task.attempt) for task in claimed] == [("a", 1), ("b", 1)]
    assert set((await statuses(store)).values()) == {"processing"}


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_report_is_not_taken_for_late(store: Store, break_commit: Callable[[str], None], when: str) -> None:
    """A worker whose settlement was kept is not told that somebody else took over."""
    await ingest(store, "a")
    (task,) = await take(store)
    break_commit(when)

    fenced = await report(store, settle(task))

    assert fenced == frozenset()
    detail = await store.tasks.show(task.id)
    assert detail is not None
    assert [attempt.outcome for attempt in detail.attempts] == ["finished"]


async def test_a_note_lost_in_a_crash_is_written_anew(
    store: Store, url: str, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the server has given the number of the lost transaction to one that was committed."""
    await ingest(store, "a")
    (task,) = await take(store)
    await asyncio.sleep(0.5)  # what the server writes in the background is written
    commit = psycopg.Connection.commit
    numbers: list[int] = []

    def read_number(connection: psycopg.Connection) -> int:
        row = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert row is not None
        return int(row[0])

    def crash(self: psycopg.Connection) -> None:
        if numbers or not self.info.transaction_status:
            return commit(self)
        numbers.append(read_number(self))
        server.stop()
        server.start()
        with psycopg.connect(url, autocommit=True) as other:
            while len(numbers) == 1 or numbers[-1] < numbers[0]:
                numbers.append(read_number(other))
        return commit(self)

    monkeypatch.setattr(psycopg.Connection, "commit", crash)

    fenced = await store.tasks.write([note(task)])

    assert numbers[0] in numbers[1:]
    assert fenced == frozenset()
    detail = await store.tasks.show(task.id)
    assert detail is not None
    assert [attempt.commit_step for attempt in detail.attempts] == ["place"]


async def test_a_transaction_still_under_way_is_waited_for(store: Store, url: str) -> None:
    """A mark that is not there yet may come: whoever asks waits for the one that writes it."""
    mark, now = Mark("connection", 7), store.now_ms()
    commits = store._database._commits
    engine = make_postgres_engine(read_target(url).url)  # type: ignore[arg-type]

    with engine.connect() as writer, writer.begin():
        commits.leave(writer, mark, now)
        asking = asyncio.create_task(
            store._database.read(lambda transaction: commits.is_left(transaction.connection, mark, now))
        )
        await asyncio.sleep(0.3)
        was_told = asking.done()

    assert not was_told
    assert await asking


async def test_a_server_that_stays_away_is_an_error_that_passes(url: str, server: Postgres) -> None:
    """After the time one is ready to wait the call fails; later it may work."""
    async with open_store(url, patience_s=0.5) as store:
        server.stop()
        begun = time.monotonic()

        with pytest.raises(StoreError, match="cannot be reached") as caught:
            await ingest(store, "a")

        assert time.monotonic() - begun < 5
        assert caught.value.recovery is Recovery.RETRY
        await asyncio.to_thread(server.start)
        assert (await ingest(store, "a"))[0] is not None


async def test_connections_from_before_an_outage_are_not_held_against_it(url: str, server: Postgres) -> None:
    """However long it was: every thread finds out by itself that the server is back."""
    async with open_store(url, patience_s=0.3) as store:
        await asyncio.gather(*(store.tasks.counts() for _ in range(12)))
        server.stop()
        with pytest.raises(StoreError):
            await ingest(store, "a")
        await asyncio.to_thread(server.start)

        counts = await asyncio.gather(*(store.tasks.counts() for _ in range(12)))

    assert counts == [{}] * 12


async def test_closing_does_not_wait_for_a_server_that_is_away(url: str, server: Postgres) -> None:
    """A process that is told to stop stops."""
    async with open_store(url, patience_s=600) as store:
        server.stop()
        waiting = asyncio.create_task(ingest(store, "a"))
        await asyncio.sleep(0.3)
        begun = time.monotonic()

    assert time.monotonic() - begun < 5
    with pytest.raises(StoreError):
        await waiting


async def test_two_that_get_in_each_others_way_both_get_through(store: Store) -> None:
    """Of two transactions that wait for one another the server ends one, and that is done again."""
    await store.state.set_cursor("a", 0)
    await store.state.set_cursor("b", 0)
    meet = threading.Barrier(2)
    tries: list[str] = []

    def cross(first: str, second: str) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            tries.append(first)
            change = text("UPDATE cursors SET version = version + 1 WHERE name = :name")
            transaction.connection.execute(change, {"name": first})
            if len(tries) <= 2:
                meet.wait(timeout=20)
            transaction.connection.execute(change, {"name": second})

        return work

    await asyncio.gather(store._database.write(cross("a", "b")), store._database.write(cross("b", "a")))

    assert [cursor.version for cursor in await store.state.cursors()] == [3, 3]
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("change", "message", "recovery"),
    [
        (lambda url: url.rpartition("/")[0] + "/nothere", 'database "nothere" does not exist', Recovery.ABORT),
        (lambda url: url.replace("tests@", "nobody@"), 'role "nobody" does not exist', Recovery.ABORT),
        (lambda url: "postgresql://tests@127.0.0.1:1/x", "cannot be reached", Recovery.RETRY),
    ],
)
async def test_what_cannot_be_opened_is_said_soon(url: str, change, message: str, recovery: Recovery) -> None:
    """With the server's words and what to do; a misspelt address is not waited for."""
    begun = time.monotonic()

    with pytest.raises(StoreError, match=message) as caught:
        async with open_store(change(url)):
            pass

    assert time.monotonic() - begun < 10
    assert caught.value.recovery is recovery
    assert caught.value.cure is not None


async def test_a_server_that_is_too_old_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the release that is needed."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", 120_022)

    with pytest.raises(StoreError, match=r"PostgreSQL 12; use PostgreSQL 13 or newer"):
        async with open_store(url):
            pass


async def test_no_message_shows_a_password(url: str) -> None:
    """Neither that of the address nor any other part of it that is secret."""
    with pytest.raises(StoreError) as caught:
        async with open_store("postgresql://tests:sesame@127.0.0.1:1/x", patience_s=0.1):
            pass

    assert "sesame" not in str(caught.value)
    assert "tests:***@127.0.0.1" in str(caught.value)


async def test_a_commit_is_on_disk_and_nobody_stands_in_the_way(store: Store) -> None:
    """Connections say what they need, whatever the server's own settings are."""

    def ask(transaction: Transaction) -> tuple[object, ...]:
        names = ("synchronous_commit", "idle_in_transaction_session_timeout", "lock_timeout", "jit")
        return tuple(transaction.connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names)

    assert await store._database.write(ask) == ("on", "10s", "20s", "off")


async def test_synchronous_commit_is_switched_on_where_it_is_off(store: Store, url: str, server: Postgres) -> None:
    """A server set up for speed still keeps commit notes."""
    server.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")

    async with open_store(url) as other:
        setting = await other._database.write(
            lambda transaction: transaction.connection.exec_driver_sql("SHOW synchronous_commit").scalar()
        )

    server.execute(f"ALTER DATABASE {url.rpartition('/')[2]} RESET synchronous_commit")
    assert setting == "on"


async def test_looking_takes_no_transaction_number(store: Store) -> None:
    """Reading leaves no trace: an idle worker that looks every second uses nothing up."""

    def read_number(transaction: Transaction) -> object:
        return transaction.connection.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()").scalar()

    assert await store._database.read(read_number) is None


async def test_the_time_is_the_servers(url: str) -> None:
    """All workers go by one clock, whatever their machines say."""
    async with open_store(url) as store:
        theirs = await store._database.read(
            lambda transaction: transaction.connection.exec_driver_sql(
                "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
            ).scalar_one()
        )

        assert abs(store.now_ms() - theirs) < 1000


async def test_indexes_are_used_also_where_a_table_was_empty_at_first(store: Store) -> None:
    """A plan made for an empty table does not read all of a full one."""
    await ingest(store, *[None] * 20)
    taken = await lease(store)
    for _ in range(12):  # the driver prepares a statement it has seen five times, the server then settles on a plan
        (task,) = await claim(store, taken, limit=1)
        await report(store, settle(task))
    await ingest(store, *[None] * 2000)

    def count(transaction: Transaction) -> int:
        scans = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_xact_user_tables WHERE relname = 'tasks'"
        before = transaction.connection.exec_driver_sql(scans).scalar_one()
        store.tasks._claims.claim(transaction, taken, 10, 1000)
        return int(transaction.connection.exec_driver_sql(scans).scalar_one() - before)

    assert [await store._database.write(count) for _ in range(4)] == [0] * 4
    assert TaskStatus.PROCESSING in (await store.tasks.counts())["orders"]
