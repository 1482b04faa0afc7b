"""A route with a store of its own, from tasks that a test makes to a remote system that it plays."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import httpx
import orjson

from connector import load, open_project
from connector.record_codec import encode_record
from connector.redaction import Redactor
from connector.route.shape import Shaping
from connector.store.rows import LANES, NewTask, OnDuplicate, TaskFilter, TaskStatus
from connector.store.store import open_store
from connector.task.deliver import RouteDelivery
from connector.task.journal import Journal
from connector.task.places import Places
from connector.task.work import RouteWork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from connector.publisher.publisher import Publisher
    from connector.route.result import Result
    from connector.store.rows import Lease, TaskDetail
    from connector.store.store import Store

ROUTE = "out"


class Remote:
    """Takes POST requests: notes them, does what a test wants, and answers as that says, else with `{}`.

    Attributes:
        started: Payloads in the order in which they arrived.
        most_in_flight: The most that were ever worked on at once.
    """

    def __init__(self, work: Callable[[Any], Awaitable[Any]] | None = None) -> None:
        self.started: list[Any] = []
        self.most_in_flight = 0
        self._in_flight = 0
        self._work = work
        self._arrival = asyncio.Condition()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        payload = orjson.loads(request.content)
        self.started.append(payload)
        async with self._arrival:
            self._arrival.notify_all()
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            answer = await self._work(payload) if self._work is not None else None
        finally:
            self._in_flight -= 1
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json={})

    async def wait_for(self, count: int) -> None:
        """Return when so many requests have arrived."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.started) >= count)


class Stage:
    """A store, a route and what is needed to deliver it.

    Attributes:
        store: Where the tasks are.
        journal: Writes to it.
        work: The route.
        delivery: Delivers it.
        results: What was told of tasks, in order.
    """

    def __init__(self, store: Store, work: RouteWork, redactor: Redactor, places: Places) -> None:
        self.store = store
        self.work = work
        self.redactor = redactor
        self.results: list[Result] = []
        self.journal = Journal(store.tasks)
        self.delivery = self.build(places=places)

    def build(
        self, *, places: Places | None = None, on_result: Callable[[Result], None] | None = None
    ) -> RouteDelivery:
        """Return a further delivery of the route."""
        return RouteDelivery(
            self.work,
            self.store,
            self.journal,
            redactor=self.redactor,
            places=places or Places(),
            on_result=on_result or self.results.append,
        )

    def surround(self, publish: Callable[..., Awaitable[Any]]) -> None:
        """Have records published by a function, which is given the real publisher's `publish` and its arguments."""
        self.work = replace(self.work, publisher=cast("Publisher", _Around(self.work.publisher.publish, publish)))
        self.delivery = self.build()

    async def make(self, *records: Mapping[str, Any], key: str | None = None, route: str = ROUTE) -> list[int]:
        """Make tasks of records, and return their ids; `key` names the field that holds the key."""
        batch = [
            NewTask(
                route,
                encode_record(dict(record)),
                None if key is None else str(record[key]),
                on_duplicate=OnDuplicate.NEW,
                source="push",
                position=position,
            )
            for position, record in enumerate(records)
        ]
        ingested = await self.store.tasks.ingest(batch, token=secrets.token_hex(8))
        return [task for task in ingested.ids if task is not None]

    async def acquire(self, worker: str = "w") -> Lease:
        """Take the route's lanes."""
        lease = await self.store.lanes.acquire(worker, self.work.name, range(LANES), most_attempts=6)
        assert lease is not None
        return lease

    async def deliver(self, width: int = 4, *, until: asyncio.Event | None = None) -> Any:
        """Deliver until nothing can be claimed, under a lease for this time alone."""
        lease = await self.acquire()
        try:
            return await self.delivery.deliver(lease, width, until=until or asyncio.Event())
        finally:
            await self.store.lanes.release(lease)

    async def show(self, task: int) -> TaskDetail:
        """Return all that is kept of a task."""
        detail = await self.store.tasks.show(task)
        assert detail is not None
        return detail

    async def statuses(self) -> list[str]:
        """Return the status of every task, in order of their making."""
        rows = await self.store.tasks.find(TaskFilter(), limit=10_000)
        return [row.status.value for row in reversed(rows)]


class _Around:
    can_look = False

    def __init__(self, real: Callable[..., Awaitable[Any]], publish: Callable[..., Awaitable[Any]]) -> None:
        self.publish = partial(publish, real)


def as_now(count: int, status: TaskStatus = TaskStatus.FINISHED) -> dict[str, dict[TaskStatus, int]]:
    """Return the counts of a store in which all tasks are in one status."""
    return {ROUTE: {status: count}}


@asynccontextmanager
async def open_stage(
    folder: Path,
    remote: Callable[[httpx.Request], Awaitable[httpx.Response]],
    *,
    client: Mapping[str, Any] | None = None,
    publisher: Mapping[str, Any] | None = None,
    outgoing: Mapping[str, Any] | None = None,
    route: Mapping[str, Any] | None = None,
    places: Places | None = None,
    clock: Callable[[], int] | None = None,
    database: str | None = None,
) -> AsyncIterator[Stage]:
    """Open a stage whose route `out` posts records to `orders` of a remote system.

    Its store is a file in the folder, or the database that is given.
    """
    document: dict[str, Any] = {
        "clients": {"erp": {"connector": "http", "base_url": "http://erp.test/", "sessions": 64, **(client or {})}},
        "outgoing": {
            "out": {"publisher": {"client": "erp", "route": "orders", **(publisher or {})}, **(outgoing or {})}
        },
        "routes": {ROUTE: {"outgoing": "out", "retry": {"attempts": 3, "backoff": "10ms..20ms"}, **(route or {})}},
    }
    project = load(document, environment={})
    plan = project.routes[ROUTE]
    async with (
        open_store(database or folder / "connector.db", clock=clock) as store,
        open_project(project, transport=httpx.MockTransport(remote)) as runtime,
    ):
        out = runtime.outgoing("out")
        work = RouteWork(
            ROUTE,
            Shaping(plan.transformer, out),
            out.publisher,
            plan.retry,
            concurrency=plan.options.concurrency,
            priority=plan.options.priority,
            exchanges=plan.options.exchanges,
        )
        yield Stage(store, work, runtime.redactor, places or Places())
