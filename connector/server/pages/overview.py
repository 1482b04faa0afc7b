"""The overview: what is wrong, how much was done when, and how each route stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002 - likewise

from connector.desk.alarm import read_alarms
from connector.desk.flow import read_flows
from connector.desk.route import find_route, read_routes
from connector.errors import UnknownNameError
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.chart import RANGES, draw, find_start
from connector.server.pages.render import Renderer, read_form
from connector.store.rows import RouteState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.desk.route import Route
    from connector.server.context import Context

ORDER = (
    TaskStatus.FAILED,
    TaskStatus.UNKNOWN,
    TaskStatus.RETRY,
    TaskStatus.PROCESSING,
    TaskStatus.NEW,
    TaskStatus.WAITING,
    TaskStatus.FINISHED,
    TaskStatus.SKIPPED,
)
"""Statuses as lists of counts show them: first what wants a person."""

UNDER_WAY = (TaskStatus.NEW, TaskStatus.PROCESSING, TaskStatus.RETRY, TaskStatus.WAITING)
"""What is still to be done by itself."""

COUNTED_MS = 2_000
"""How old the counts may be: with a million tasks, counting them is most of what the page costs."""

_FIRST_RANGE = "1h"


def add_pages(router: APIRouter, context: Context) -> None:
    """Give the overview its addresses."""
    renderer = Renderer(context)
    read, operate = Depends(context.doors.page(Role.READ)), Depends(context.doors.page(Role.OPERATE))

    @router.get("/")
    async def show_overview(request: Request, caller: Caller = read) -> Response:
        store, project = context.store, context.service.project
        now_ms = store.now_ms()
        routes = await read_routes(store, project, max_age_ms=COUNTED_MS)
        chosen = RANGES.get(request.query_params.get("range", ""), RANGES[_FIRST_RANGE])
        rows = await store.activity.read(find_start(chosen, now_ms), now_ms + 1, chosen.step_ms)
        return renderer.page(
            request,
            caller,
            "overview.html",
            {
                "alarms": await read_alarms(store, routes, project),
                "chart": draw(chosen, rows, now_ms),
                "ranges": tuple(RANGES.values()),
                "first_range": _FIRST_RANGE,
                "is_table": request.query_params.get("show") == "table",
                "routes": [route for route in routes if route.is_configured],
                "others": [route for route in routes if not route.is_configured],
                "flows": {flow.route: flow for flow in read_flows(project, now_ms=now_ms)},
                "totals": add_counts(routes),
                "order": ORDER,
                "under_way": UNDER_WAY,
            },
        )

    @router.post("/routes/{name}/pause")
    async def pause_route(request: Request, name: str, caller: Caller = operate) -> Response:
        form = await read_form(request)
        return await _put(caller, name, RouteState.PAUSED, form.get("reason", ""))

    @router.post("/routes/{name}/resume")
    async def resume_route(name: str, caller: Caller = operate) -> Response:
        return await _put(caller, name, RouteState.ACTIVE)

    async def _put(caller: Caller, name: str, state: RouteState, reason: str = "") -> Response:
        try:
            await find_route(context.store, context.service.project, name)
        except UnknownNameError as error:
            return renderer.done("/", error.message, is_bad=True)
        if state is RouteState.PAUSED:
            await context.store.routes.pause(name, by=caller.name, reason=reason)
            told = f"{name} is paused: records are still taken in, and none is sent until it is resumed"
        else:
            await context.store.routes.resume(name, by=caller.name)
            context.service.wake(name)
            told = f"{name} is delivered again"
        action = "routes.pause" if state is RouteState.PAUSED else "routes.resume"
        await context.doors.note(caller, action, name, {"reason": reason} if reason else {})
        return renderer.done("/", told)


def add_counts(routes: Sequence[Route]) -> dict[TaskStatus, int]:
    """Return how many tasks there are in each status, over all routes."""
    return {status: sum(route.counts.get(status, 0) for route in routes) for status in TaskStatus}
