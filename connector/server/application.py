"""The HTTP application, put together of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI

import connector
from connector.server.api.routes import add_routes as add_api
from connector.server.doors.middleware import DoorMiddleware
from connector.server.doors.routes import add_refusals
from connector.server.doors.routes import add_routes as add_doors
from connector.server.intake.routes import add_routes as add_intake
from connector.server.observe.middleware import RequestIdMiddleware
from connector.server.observe.routes import add_routes as add_observe
from connector.server.pages.routes import add_routes as add_pages

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from connector.server.context import Context

_NO_TELEMETRY: Final[Any] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def make_application(context: Context, *, is_full: bool = True) -> ASGIApp:
    """Return the application.

    Args:
        context: The parts of the service.
        is_full: Whether it has every door; else those alone by which it is observed, as in a process that only works.
    """
    app = FastAPI(
        title="Connector",
        version=connector.__version__,
        openapi_url="/api/v1/openapi.json" if is_full else None,
        docs_url=None,  # FastAPI's own pages load from another host
        redoc_url=None,
        # Newer releases trace by themselves, once more what we trace, and with the words of exceptions.
        telemetry=_NO_TELEMETRY,
    )
    add_refusals(app, context)
    add_observe(app, context)
    if is_full:
        add_intake(app, context)
        add_api(app, context)
        add_doors(app, context)
        add_pages(app, context)
    return RequestIdMiddleware(DoorMiddleware(app, context), context)
