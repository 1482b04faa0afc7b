"""The log of this process: its last lines, narrowed down, and followed as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations of endpoints

from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.observe.ring import CAPACITY, LEVELS, LogLine
from connector.server.pages.render import Renderer

if TYPE_CHECKING:
    from connector.server.context import Context

LINES: Final = 200
"""Lines of one page."""

KINDS: Final = {"debug": "idle", "info": "idle", "warning": "warn", "error": "bad", "critical": "bad"}
"""Which colour a level has."""

_LEAST: Final = (("", "Any level"), ("info", "From info"), ("warning", "From warning"), ("error", "From error"))
_LINKED: Final = frozenset({"route", "request_id", "task_id"})
"""Facts that lead somewhere."""


def add_pages(router: APIRouter, context: Context) -> None:
    """Add the address of the log."""
    renderer = Renderer(context)
    read = Depends(context.doors.page(Role.READ))

    @router.get("/log")
    async def show_log(request: Request, caller: Caller = read) -> Response:
        return renderer.page(request, caller, "log.html", _read(request, context))


def _read(request: Request, context: Context) -> dict[str, Any]:
    query = request.query_params
    level = query.get("level", "")
    before = query.get("before", "")
    wanted = {name: query.get(name, "").strip() for name in ("text", "route", "request_id")}
    page = context.ring.read(
        level=level if level in LEVELS else None,
        text=wanted["text"],
        route=wanted["route"] or None,
        request_id=wanted["request_id"] or None,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
        limit=LINES,
    )
    roles = sorted(str(role) for role in context.service.roles)
    return {
        "lines": [(line, _split(line)) for line in page.lines],
        "next_before": page.next_before,
        "is_live": not before,
        "level": level,
        "levels": _LEAST,
        "routes": [("", "Any route"), *((name, name) for name in context.service.project.routes)],
        "kinds": KINDS,
        "capacity": CAPACITY,
        "roles": ", ".join(roles),
        "started_at_ms": context.service.started_at_ms,
        "is_narrowed": bool(level or any(wanted.values())),
        **wanted,
    }


def _split(line: LogLine) -> tuple[list[tuple[str, str, bool]], str]:
    """Return the facts of a line, each with whether it leads somewhere, and its traceback apart."""
    trace = str(line.fact("exception") or "")
    facts = [(name, _tell(value), name in _LINKED) for name, value in line.facts if name != "exception"]
    return facts, trace


def _tell(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
