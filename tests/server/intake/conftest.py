"""What puts a service together that takes records."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from fastapi import FastAPI

from connector import load
from connector.app.runtime import open_project
from connector.config.settings import Settings
from connector.redaction import Redactor
from connector.server.context import Context
from connector.server.doors.doors import Doors
from connector.server.doors.middleware import DoorMiddleware
from connector.server.intake.routes import add_routes
from connector.server.observe.metrics import Metrics
from connector.server.observe.ring import LogRing
from connector.store.store import open_store
from connector.task.accept import Acceptor
from tests.server.intake.stage import Clock, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.store.store import Store


@pytest.fixture
def open_house(tmp_path: Any) -> Callable[..., Any]:
    """Return what puts a service together for a configuration."""

    @asynccontextmanager
    async def open_it(
        config: dict[str, Any], *, wrap: Callable[[Store], Any] = lambda store: store, **limits: Any
    ) -> AsyncIterator[House]:
        clock = Clock()
        project = load(config)
        async with open_store(tmp_path / "intake.db", clock=clock) as opened, open_project(project) as runtime:
            store = wrap(opened)
            woken: list[str] = []
            service = SimpleNamespace(
                project=project, runtime=runtime, ingest=runtime.ingest(store), stopping=asyncio.Event()
            )
            settings = Settings(**{key: limits.pop(key) for key in list(limits) if key in Settings.model_fields})
            doors = Doors(opened, settings, Redactor())
            acceptor = Acceptor(lambda: service.ingest, store, wake=woken.append, **limits)
            context = Context(opened, service, doors, acceptor, Redactor(), settings, LogRing(), Metrics())  # type: ignore[arg-type]
            app = FastAPI()
            add_routes(app, context)
            with patch("connector.server.intake.hooks.read_wall_ms", clock):
                yield House(DoorMiddleware(app, context), opened, acceptor, service, clock, woken)
            await acceptor.aclose()
            await doors.aclose()

    return open_it
