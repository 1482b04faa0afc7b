"""The audit: who did what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations of endpoints

from connector.desk.shown import show_value
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.render import Renderer

if TYPE_CHECKING:
    from connector.server.context import Context

ENTRIES: Final = 100
"""Entries of one page."""

_OUTCOMES: Final = {"done": ("ok", "finished"), "refused": ("warn", "warning"), "failed": ("bad", "failed")}


def add_pages(router: APIRouter, context: Context) -> None:
    """Add the address of the audit."""
    renderer = Renderer(context)
    read = Depends(context.doors.page(Role.READ))

    @router.get("/audit")
    async def show_audit(request: Request, caller: Caller = read) -> Response:
        return renderer.page(request, caller, "audit.html", await _read(request, context))


async def _read(request: Request, context: Context) -> dict[str, Any]:
    subject, before = request.query_params.get("subject", "").strip(), request.query_params.get("before", "")
    below = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = await context.store.audit.list(ENTRIES + 1, below, subject=subject or None)
    rows = []
    for entry in found[:ENTRIES]:
        detail = dict(show_value(dict(entry.detail), context.redactor))
        outcome = str(detail.pop("outcome", "done"))
        rows.append((entry, outcome, _OUTCOMES.get(outcome, ("idle", "")), _tell(detail)))
    return {
        "rows": rows,
        "subject": subject,
        "is_first": below is None,
        "next_before": found[ENTRIES - 1].id if len(found) > ENTRIES else None,
    }


def _tell(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what else is known, in words: names, and values in one line."""
    told = []
    for name, value in detail.items():
        match value:
            case None | "" | [] | {}:
                continue
            case bool():
                text = "yes" if value else "no"
            case list():
                text = ", ".join(map(str, value))
            case dict():
                text = ", ".join(f"{key}={child}" for key, child in value.items())
            case _:
                text = str(value)
        told.append((name.replace("_", " "), text))
    return told
