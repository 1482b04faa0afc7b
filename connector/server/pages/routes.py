"""The addresses of all pages, and the files that they load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import PlainTextResponse, Response

from connector.errors import AccessError
from connector.server.doors.refusal import answer_refusal, is_for_programs
from connector.server.doors.roles import Role
from connector.server.pages import (
    audit,
    catalog,
    clients,
    logbook,
    overview,
    schedules,
    task,
    tasks,
    tryout,
    unknown,
)
from connector.server.pages.render import Renderer, static_files

if TYPE_CHECKING:
    from types import ModuleType

    from fastapi import FastAPI

    from connector.server.context import Context

PAGES: Final[tuple[ModuleType, ...]] = (
    overview,
    tasks,
    task,
    unknown,
    schedules,
    clients,
    catalog,
    tryout,
    logbook,
    audit,
)
"""The modules that have pages; each with `add_pages(router, context)`."""

_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


def add_routes(app: FastAPI, context: Context) -> None:
    """Give the application its pages."""
    router = APIRouter(include_in_schema=False, default_response_class=Response)
    for module in PAGES:
        module.add_pages(router, context)
    router.add_api_route("/static/{version}/{name}", send_static, methods=["GET", "HEAD"])
    app.include_router(router)
    _add_missing(app, context)


def _add_missing(app: FastAPI, context: Context) -> None:
    """Tell whoever asks for what is not there: people on a page, programs by a problem."""
    renderer = Renderer(context)

    async def tell(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if is_for_programs(request.scope):
            cure = "GET /api/v1/openapi.json lists what there is" if error.status_code == 404 else None
            told = f"there is no {request.url.path[:200]}" if error.status_code == 404 else error.detail
            return answer_refusal(request.scope, _refusal(error, told, cure))
        told = "there is no page at this address" if error.status_code == 404 else error.detail
        try:
            caller = await context.doors.find(request)
        except AccessError:
            caller = None
        if caller is None or not caller.may(Role.READ):
            return answer_refusal(request.scope, _refusal(error, told, "the overview leads to every page"))
        title = "No such page" if error.status_code == 404 else "Not done"
        values = {"title": title, "told": f"{told}; the menu leads to those there are.", "up": [("/", "Overview")]}
        answer = renderer.page(request, caller, "missing.html", values, status=error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(HTTPException, tell)


def _refusal(error: HTTPException, told: str, cure: str | None) -> AccessError:
    return AccessError(told, cure=cure, status=error.status_code, headers=dict(error.headers or {}))


async def send_static(request: Request, version: str, name: str) -> Response:
    """Send a file that pages load. With the address of its present content it may be kept for good."""
    file = static_files().get(name)
    if file is None:
        return PlainTextResponse("there is no such file", status_code=404)
    kept = "public, max-age=31536000, immutable" if version == file.version else "no-cache"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    content = file.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = file.packed, "gzip"
    return Response(content, media_type=_TYPES[name.rpartition(".")[2]], headers=headers)
