"""A remote system that has rows to give, and what makes tasks of them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from connector import load, open_project
from connector.record_codec import decode_record
from connector.store.rows import TaskFilter
from connector.store.store import open_store
from connector.task.ingest import Ingest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from connector.app.runtime import Runtime
    from connector.store.store import Store

NOW_MS = 1_795_340_000_000  # 2026-11-22 09:33:20 UTC
PAGED = {"pagination": {"page": {"in": "json", "name": "page"}}}


class Source:
    """Gives out rows, page by page (`rows`) or one by one (`row`).

    Attributes:
        rows: What it has, in the order in which it gives it out.
        asked: Payloads of all requests, in their order.
        size: Rows of a page.
        answer: Called with each payload ahead of all else; a response, or the number of a status, is the answer then.
        gate: Awaited before each answer.
    """

    def __init__(self, rows: list[dict[str, Any]], *, size: int = 2) -> None:
        self.rows = rows
        self.size = size
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], httpx.Response | int | None] = lambda _payload: None
        self.gate: Callable[[dict[str, Any]], Any] = lambda _payload: None
        self._arrival = asyncio.Condition()

    async def wait_for(self, count: int) -> None:
        """Return when so many requests have arrived."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.asked) >= count)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        payload = orjson.loads(request.content)
        self.asked.append(payload)
        async with self._arrival:
            self._arrival.notify_all()
        waiting = self.gate(payload)
        if waiting is not None:
            await waiting
        told = self.answer(payload)
        if isinstance(told, int):
            return httpx.Response(told, json={})
        if told is not None:
            return told
        if request.url.path == "/row":
            found = [row for row in self.rows if row["id"] == int(payload["id"])]
            return httpx.Response(200, json={"rows": found}) if found else httpx.Response(404, json={"error": "none"})
        wanted = [row for row in self.rows if payload.get("from") is None or str(row["at"]) >= str(payload["from"])]
        page = int(payload.get("page", 1))
        given = wanted[(page - 1) * self.size : page * self.size] if "page" in payload else wanted
        return httpx.Response(200, json={"rows": given})


def row(number: int, **fields: Any) -> dict[str, Any]:
    """A row; its time is so many minutes after midnight."""
    return {"id": number, "at": f"2026-11-22 00:{number:02}:00", **fields}


@dataclass
class Stage:
    """What a test works with."""

    runtime: Runtime
    store: Store
    ingest: Ingest

    async def tasks(self, route: str = "r") -> list[tuple[str | None, str, Any]]:
        """Key, status and record of each task of a route, in their order."""
        rows = await self.store.tasks.find(TaskFilter(route=route), limit=1000)
        details = [await self.store.tasks.show(found.id) for found in reversed(rows)]
        return [(detail.row.key, detail.row.status.value, decode_record(detail.record)) for detail in details if detail]

    async def keys(self, route: str = "r") -> list[str | None]:
        """Keys of the tasks of a route, in their order."""
        return [key for key, _, _ in await self.tasks(route)]

    async def cursor(self, name: str = "rows") -> Any:
        """Value and pending value of a cursor, or None."""
        cursor = await self.store.state.cursor(name)
        return None if cursor is None else (cursor.value, cursor.pending)


def document(
    *,
    subscriber: Mapping[str, Any] | None = None,
    state: Any = None,
    transform: Any = None,
    schedule: Any = None,
    routes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A configuration with an incoming `rows`, and a route `r` with the id as its key."""
    call = {"client": "erp", "route": "rows", "effect": "read", "records": "$.rows[*]", **(subscriber or {})}
    extra = {"state": state, "transform": transform, "schedule": schedule}
    incoming = {"subscriber": call, **{name: value for name, value in extra.items() if value is not None}}
    return {
        "clients": {"erp": {"connector": "http", "base_url": "http://erp.test/"}},
        "incoming": {"rows": incoming},
        "outgoing": {"sink": {"publisher": {"client": "erp", "route": "sink"}}},
        "routes": {
            name: {"incoming": "rows", "outgoing": "sink", **route}
            for name, route in (routes or {"r": {"key": "{{ record.id }}"}}).items()
        },
    }


@asynccontextmanager
async def open_stage(
    source: Source, configuration: Mapping[str, Any], path: Path, *, clock: Callable[[], int] = lambda: NOW_MS
) -> AsyncIterator[Stage]:
    """Open everything over a database that stays when it is closed."""
    project = load(configuration, environment={})
    async with (
        open_project(project, transport=httpx.MockTransport(source)) as runtime,
        open_store(path / "tasks.db", clock=clock) as store,
    ):
        yield Stage(runtime, store, runtime.ingest(store))


class HeldStore:
    """A store whose ingests wait until they are let go, or fail.

    Attributes:
        may_go: Set to let ingests go.
        fails_with: Raised by an ingest in place of what it does, or None.
        has_begun: Set with the first ingest.
        begun: How many ingests were begun.
        ended: How many were ended.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.has_begun = asyncio.Event()
        self.fails_with: Exception | None = None
        self.begun = 0
        self.ended = 0
        self.tasks = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def ingest(self, *arguments: Any, **options: Any) -> Any:
        """As the store's."""
        self.begun += 1
        self.has_begun.set()
        await self.may_go.wait()
        if self.fails_with is not None:
            raise self.fails_with
        result = await self._store.tasks.ingest(*arguments, **options)
        self.ended += 1
        return result

    def make_ingest(self, stage: Stage) -> Ingest:
        """What makes tasks in this store, for the routes of a stage."""
        return stage.runtime.ingest(self)  # type: ignore[arg-type]
