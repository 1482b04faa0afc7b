"""Deliveries that reach two processes on one PostgreSQL database, as behind a load balancer."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from connector import load
from connector.app.runtime import open_project
from connector.store.rows import TaskFilter
from connector.store.store import open_store, upgrade_store
from connector.task.accept import Acceptor
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture
from tests.server.intake.stage import configure

pytestmark = pytest.mark.postgres


async def test_a_delivery_that_reaches_both_is_kept_once(postgres: Postgres) -> None:  # noqa: F811
    """Both answer with the same tasks, however they meet."""
    url = postgres.make_database()
    await upgrade_store(url)
    config = configure({})
    config["routes"]["place"].pop("key")
    async with AsyncExitStack() as made, open_project(load(config)) as runtime:
        acceptors = []
        for _ in range(2):
            store = await made.enter_async_context(open_store(url))
            ingest = runtime.ingest(store)
            acceptors.append(Acceptor(lambda ingest=ingest: ingest, store, wake=lambda _: None))

        taken = await asyncio.gather(
            *(
                acceptor.accept(
                    [{"id": number}, {"id": -number}], route="place", digest=b"%d" % number, window_ms=60_000
                )
                for number in range(40)
                for acceptor in (acceptors if number % 2 else reversed(acceptors))
            )
        )

        count = await store.tasks.count(TaskFilter())
    pairs = list(zip(taken[::2], taken[1::2], strict=True))
    assert all(one.ids == two.ids and one.is_repeat != two.is_repeat for one, two in pairs)
    assert count == 80


async def test_a_delivery_whose_commit_was_not_answered_is_kept_once(postgres: Postgres) -> None:  # noqa: F811
    """Connections are cut while deliveries are kept: each is there once, whatever was known of its commit."""
    url = postgres.make_database()
    await upgrade_store(url)
    config = configure({})
    config["routes"]["place"].pop("key")
    async with open_store(url) as store, open_project(load(config)) as runtime:
        ingest = runtime.ingest(store)
        acceptor = Acceptor(lambda: ingest, store, wake=lambda _: None)

        async def cut() -> None:
            for _ in range(15):
                await asyncio.to_thread(postgres.cut, url)
                await asyncio.sleep(0.02)

        cutting = asyncio.create_task(cut())
        tasks = []
        while not cutting.done():
            taken = await asyncio.gather(*(acceptor.accept([{"id": number}], route="place") for number in range(20)))
            tasks += [task for one in taken for task in one.tasks]

        count = await store.tasks.count(TaskFilter())
    assert len(tasks) == len(set(tasks)) == count
