"""A service put together by hand, asked in memory: what is observed of it is what these tests are about."""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import PlainTextResponse

from connector import load
from connector.app.runtime import open_project
from connector.config.settings import Settings
from connector.log import configure
from connector.redaction import Redactor
from connector.server.context import Context
from connector.server.doors.doors import Doors
from connector.server.doors.middleware import DoorMiddleware
from connector.server.doors.routes import add_refusals
from connector.server.observe.metrics import Metrics
from connector.server.observe.middleware import RequestIdMiddleware
from connector.server.observe.request_id import add_log_facts, read_request_id
from connector.server.observe.ring import LogRing
from connector.server.observe.routes import add_routes
from connector.server.roles import ALL
from connector.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path


CONFIG: dict[str, Any] = {
    "clients": {"erp": {"connector": "http", "base_url": "http://127.0.0.1:9/", "sessions": 3}},
    "incoming": {"feed": {"subscriber": {"client": "erp", "route": "feed"}, "schedule": {"every": "1h"}}},
    "routes": {
        "orders": {"incoming": "feed", "outgoing": {"publisher": {"client": "erp", "route": "orders"}}},
        "stock": {"outgoing": {"publisher": {"client": "erp", "route": "stock"}}},
    },
}


@dataclass
class House:
    """A service.

    Attributes:
        context: Its parts.
        app: What answers.
    """

    context: Context
    app: Any

    async def ask(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, peer: str = "127.0.0.1"
    ) -> httpx.Response:
        """Send one request, from this machine unless another is named."""
        transport = httpx.ASGITransport(self.app, client=(peer, 4711), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484") as client:
            return await client.request(method, path, headers=headers)


@pytest.fixture
def open_house(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[House]]:
    """Return what puts a service together."""

    @asynccontextmanager
    async def open_it(config: dict[str, Any] = CONFIG) -> AsyncIterator[House]:
        project = load(config)
        async with open_store(tmp_path / "observe.db") as store, open_project(project) as runtime:
            service = SimpleNamespace(
                project=project,
                runtime=runtime,
                roles=ALL,
                generation=1,
                is_ready=True,
                stopping=asyncio.Event(),
            )
            settings = Settings()
            doors = Doors(store, settings, Redactor())
            acceptor: Any = None
            context = Context(
                store,
                service,  # type: ignore[arg-type]
                doors,
                acceptor,
                Redactor(),
                settings,
                LogRing(),
                Metrics(),
            )
            app = FastAPI()
            add_routes(app, context)
            add_refusals(app, context)
            _add_endpoints(app)
            yield House(context, RequestIdMiddleware(DoorMiddleware(app, context), context))
            await doors.aclose()

    return open_it


@pytest.fixture
async def house(open_house: Callable[..., AbstractAsyncContextManager[House]]) -> AsyncIterator[House]:
    """A service with two routes and an incoming."""
    async with open_house() as house:
        yield house


def _add_endpoints(app: FastAPI) -> None:
    """Give a service some endpoints to be observed."""

    @app.get("/things/{name}")
    async def show_thing(name: str) -> PlainTextResponse:
        return PlainTextResponse(name)

    @app.get("/id")
    async def show_id(request: Request) -> PlainTextResponse:
        assert request.state.request_id == read_request_id(request.scope)
        return PlainTextResponse(read_request_id(request.scope))

    @app.post("/made")
    async def make(request: Request) -> PlainTextResponse:
        add_log_facts(request.scope, tasks=[17, 18])
        return PlainTextResponse("made")

    @app.get("/broken")
    async def break_down() -> None:
        raise RuntimeError("a part is missing")


@pytest.fixture
def lines() -> Iterator[LogRing]:
    """Everything that is logged meanwhile, also what is told at the level `debug`."""
    ring = LogRing()
    configure(log_format="json", level="debug", redactor=Redactor(["s3cr3t-key"]), stream=io.StringIO(), taps=(ring,))
    yield ring
    structlog.reset_defaults()
