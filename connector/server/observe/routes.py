"""`/metrics`, `/livez` and `/readyz`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotations of endpoints
from starlette.responses import PlainTextResponse, Response

from connector.server.doors.roles import Role
from connector.server.observe.exposition import Exposition
from connector.server.observe.health import READY, Health

if TYPE_CHECKING:
    from fastapi import FastAPI

    from connector.server.context import Context

_NOT_KEPT: Final = {"cache-control": "no-store"}


def add_routes(app: FastAPI, context: Context) -> None:
    """Give an application the endpoints by which it is observed.

    Args:
        app: The application.
        context: The parts of the service.
    """
    exposition, health = Exposition(context), Health(context)
    find_reader = context.doors.api(Role.READ)

    @app.get("/livez", include_in_schema=False)
    async def tell_alive() -> Response:
        """Say that the process is alive: that its event loop turns is what the answer shows."""
        return PlainTextResponse("alive\n", headers=_NOT_KEPT)

    @app.get("/readyz", include_in_schema=False)
    async def tell_ready() -> Response:
        """Say whether the process is ready, or in one word what is missing."""
        word = await health.look()
        return PlainTextResponse(f"{word}\n", status_code=200 if word == READY else 503, headers=_NOT_KEPT)

    @app.get("/metrics", include_in_schema=False)
    async def tell_metrics(request: Request) -> Response:
        """Tell Prometheus what there is to tell, on this machine or to who may look."""
        if not context.doors.arrival(request).is_local:
            await find_reader(request)
        text, media_type = await exposition.render(request.headers.get("accept", ""))
        return Response(text, media_type=media_type, headers=_NOT_KEPT)
