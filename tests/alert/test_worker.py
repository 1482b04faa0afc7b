"""Alerts of a worker that nobody serves anything beside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connector import load, open_project
from connector.alert.watch import Watch
from connector.store.store import open_store
from connector.task.worker import Worker
from connector.testing.server import Received, Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connector.task.ingest import Kept
    from connector.task.schedule import Scheduler


async def test_worker_alone_tells(tmp_path: Path) -> None:
    """A worker whose route stops, since the remote system refuses the key, tells a receiver over HTTP why."""
    told = asyncio.Event()

    def take(_request: Received) -> Reply:
        told.set()
        return Reply(204, body=b"")

    async with (
        ScriptedServer(lambda _request: Reply(401, json={"error": "the key is unknown"})) as remote,
        ScriptedServer(take) as receiver,
    ):
        project = load(
            {
                "clients": {"erp": {"connector": "http", "base_url": remote.url}},
                "routes": {"orders": {"outgoing": {"publisher": {"client": "erp", "route": "orders"}}}},
                "alerts": {"chat": {"url": receiver.url, "on": ["route_stopped"]}},
            }
        )
        path = tmp_path / "connector.db"
        async with open_store(path) as store, open_project(project) as runtime:
            ingest = runtime.ingest(store)
            watch = Watch(
                store,
                project.alerts,
                routes=project.routes,
                fetches=project.scheduled,
                redactor=runtime.redactor,
                every_s=0.05,
            )

            def make_scheduler(worker: str, on_kept: Callable[[Kept], None]) -> Scheduler:
                return runtime.scheduler(store, ingest, worker=worker, on_kept=on_kept)

            worker = Worker(
                {"orders": runtime.work("orders")},
                store,
                str(path),
                make_scheduler=make_scheduler,
                redactor=runtime.redactor,
                watch=watch,
            )
            stop = asyncio.Event()
            working = asyncio.ensure_future(worker.run(stop))
            await ingest.push("orders", _give({"id": 1}))
            await told.wait()
            stop.set()
            is_whole = await working

    (alarm,) = receiver.requests[0].json["alarms"]
    assert is_whole
    assert (alarm["kind"], alarm["subject"], alarm["status"]) == ("route_stopped", "orders", "began")
    assert "the key is unknown" in alarm["text"]


async def _give(*records: dict[str, int]):
    yield list(records)


async def test_nobody_to_tell_is_no_watch(tmp_path: Path) -> None:
    """A configuration that tells nobody has nothing that looks."""
    project = load({"clients": {"erp": {"connector": "http", "base_url": "http://127.0.0.1:9/"}}})

    async with open_store(tmp_path / "connector.db") as store, open_project(project) as runtime:
        watch = runtime.watch(store)

    assert watch is None
