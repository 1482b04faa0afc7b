"""A dashboard for each test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from connector import load, open_project
from connector.config.settings import Settings
from connector.redaction import Redactor
from connector.server.context import Context
from connector.server.doors.doors import Doors
from connector.server.doors.middleware import DoorMiddleware
from connector.server.doors.routes import add_refusals
from connector.server.pages.routes import add_routes
from connector.store.store import open_store
from tests.server.pages.house import CONFIG, SECRET, Clock, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def house(tmp_path: Any) -> AsyncIterator[House]:
    """A service on this machine alone, with nobody in it: whoever asks may do everything."""
    clock, project, redactor = Clock(), load(CONFIG), Redactor([SECRET])
    async with (
        open_store(tmp_path / "pages.db", clock=clock) as store,
        open_project(project, redactor=redactor) as runtime,
    ):
        woken: list[str] = []
        service = SimpleNamespace(
            project=project,
            runtime=runtime,
            ingest=runtime.ingest(store),
            wake=woken.append,
            nudge_schedules=lambda: None,
        )
        settings = Settings()
        doors = Doors(store, settings, redactor)
        context = Context(store, service, doors, None, redactor, settings, None, None)  # type: ignore[arg-type]
        app = FastAPI()
        add_refusals(app, context)
        add_routes(app, context)
        made = House(store, context, DoorMiddleware(app, context), woken, clock)
        yield made
        await made.browser.aclose()
        await doors.aclose()
