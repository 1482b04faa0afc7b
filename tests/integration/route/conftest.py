"""Routes from batches or pages to a remote system that a test plays."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from connector import load, open_project
from connector.retry import RetryPolicy
from connector.route.run import RouteRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping


class Remote:
    """Takes POST requests: notes them, does what a test wants, and answers as that says, else with `{}`.

    Attributes:
        started: Payloads in the order in which they arrived.
        ended: Payloads in the order in which they were answered.
        in_flight: How many are being worked on.
        most_in_flight: The most there ever were.
    """

    def __init__(self, work: Callable[[Any], Awaitable[Any]] | None = None) -> None:
        self.started: list[Any] = []
        self.ended: list[Any] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._work = work
        self._arrival = asyncio.Condition()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        payload = orjson.loads(request.content)
        self.started.append(payload)
        async with self._arrival:
            self._arrival.notify_all()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = await self._work(payload) if self._work is not None else None
        finally:
            self.in_flight -= 1
        self.ended.append(payload)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json={})

    async def wait_for(self, count: int) -> None:
        """Return when so many requests have arrived."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.started) >= count)


@pytest.fixture
def remote() -> type[Remote]:
    """A remote system."""
    return Remote


@pytest.fixture
def open_route() -> Callable[..., Any]:
    """Open a route `out` whose publisher posts records to `orders` of a remote system."""

    @asynccontextmanager
    async def open_(
        remote: Callable[[httpx.Request], Awaitable[httpx.Response]],
        *,
        publisher: Mapping[str, Any] | None = None,
        outgoing: Mapping[str, Any] | None = None,
        route: Mapping[str, Any] | None = None,
        subscriber: Mapping[str, Any] | None = None,
        incoming: Mapping[str, Any] | None = None,
        **runner: Any,
    ) -> AsyncIterator[RouteRunner]:
        document: dict[str, Any] = {
            "clients": {"erp": {"connector": "http", "base_url": "http://erp.test/", "sessions": 64}},
            "outgoing": {"out": {"publisher": {"client": "erp", "route": "orders", **(publisher or {})}}},
            "routes": {"out": {"outgoing": "out", **(route or {})}},
        }
        document["outgoing"]["out"] |= outgoing or {}
        if subscriber is not None:
            document["incoming"] = {"in": {"subscriber": {"client": "erp", **subscriber}, **(incoming or {})}}
            document["routes"]["out"]["incoming"] = "in"
        project = load(document, environment={})
        async with open_project(project, transport=httpx.MockTransport(remote)) as runtime:
            if not runner:
                yield runtime.route("out")
                return
            plan = project.routes["out"]
            yield RouteRunner(
                "out",
                incoming=runtime.incoming("in") if subscriber is not None else None,
                transformer=plan.transformer,
                outgoing=runtime.outgoing("out"),
                key=plan.key,
                concurrency=plan.options.concurrency,
                **runner,
            )

    return open_


class Waits:
    """A sleep that takes no time and notes how long it was asked to take, seconds."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []

    async def __call__(self, delay_s: float) -> None:
        """Return at once, after the others had their turn."""
        self.asked_s.append(delay_s)
        await asyncio.sleep(0)


@pytest.fixture
def waits() -> Waits:
    """A sleep that takes no time."""
    return Waits()


@pytest.fixture
def retry() -> Callable[..., RetryPolicy]:
    """A retry policy."""
    return RetryPolicy
