"""The databases a test of the store runs on: a file of SQLite, and a database of a PostgreSQL server."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from connector.store.store import open_store, upgrade_store
from connector.store.tables import metadata
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture
from tests.store.stage import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from connector.store.store import Store

TABLES = [table.name for table in metadata.sorted_tables if table.name != "queue_steps"]
KINDS = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:  # noqa: F811
    """A PostgreSQL database whose tables are there, for one test after the other."""
    url = postgres.make_database()
    asyncio.run(upgrade_store(url))
    return url


@pytest.fixture(scope="session")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file whose tables are there: others are copied from it."""
    path = tmp_path_factory.mktemp("template") / "connector.db"
    asyncio.run(upgrade_store(path))
    return path


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store of this test's own is."""
    if request.param == "sqlite":
        path = tmp_path / "connector.db"
        shutil.copyfile(request.getfixturevalue("template_file"), path)
        yield str(path)
        return
    made: str = request.getfixturevalue("database")
    with psycopg.connect(made, autocommit=True) as connection:  # far quicker than a database for each test
        connection.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY".encode())
    yield made


@pytest.fixture
def clock() -> FakeClock:
    """The time, as the store of this test sees it."""
    return FakeClock()


@pytest.fixture
async def store(url: str, clock: FakeClock) -> AsyncIterator[Store]:
    """An empty store, open for work."""
    async with open_store(url, clock=clock) as store:
        yield store


@pytest.fixture
async def beside(store: Store, url: str, clock: FakeClock) -> AsyncIterator[Store]:
    """The same store once more, by connections of its own, as a command opens it beside a worker."""
    async with open_store(url, purpose="admin", clock=clock) as other:
        yield other
