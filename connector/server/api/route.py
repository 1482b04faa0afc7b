"""Routes: whether they are delivered, how their records flow, and pausing and resuming them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from connector.desk.flow import describe_flow, read_flow
from connector.desk.route import describe_route, find_route, read_routes
from connector.desk.shown import show_value
from connector.server.api.fields import Answer, Moment, NamePath, Request, Text
from connector.server.api.problem import tell_responses
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role

if TYPE_CHECKING:
    from connector.server.context import Context

TAG: Final = "routes"


class Route(Answer):
    """Whether a route is delivered, and what became of its tasks."""

    route: str = Field(examples=["place-orders"])
    state: Literal["active", "paused", "stopped"] = Field(
        description="`paused`: a person wants it so. `stopped`: by itself, since every record would be refused."
    )
    reason: str = Field(description="Why; empty for `active`.")
    since: Moment | None
    by: str | None = Field(description="Who paused, stopped or resumed it.")
    tasks: dict[str, int] = Field(description="How many tasks there are, by status.", examples=[{"finished": 120}])
    next_at: Moment | None = Field(description="When something is due by itself: a fetch or another try.")
    is_configured: bool | None = Field(description="Whether the configuration has it.")


class RouteList(Answer):
    """Every route: those of the configuration in its order, then those that only have tasks."""

    routes: list[Route]


class FlowCall(Answer):
    """A call that a flow makes."""

    client: str
    entity: str
    before: list[str] = Field(description="The steps ahead of it, in the same session.")
    effect: str = Field(description="`read`, `session`, `commit` or `commit+notify`.")


class FlowSource(Answer):
    """Where the records of a flow come from."""

    origin: Literal["subscriber", "webhook", "push"]
    name: str = Field(description="Of the incoming; empty for `push`.")
    call: FlowCall | None = Field(description="What is asked for them.")
    path: str = Field(description="Where they are sent to, such as `/hooks/marketplace`; else empty.")
    auth: str = Field(description="How whoever sends them shows who it is; else empty.")
    schedule: str = Field(description="When they are fetched; empty for never by itself.")
    next_at: Moment | None


class FlowStep(Answer):
    """One step on the way."""

    owner: str
    kind: str
    where: str


class Flow(Answer):
    """The way of a route's records."""

    route: str
    source: FlowSource
    steps: list[FlowStep]
    outgoing: str
    call: FlowCall
    key: str | None = Field(description="Template of a record's identity.")


class RouteDetail(Route):
    """A route, with the way of its records."""

    flow: Flow | None = Field(description="Null where the configuration does not have the route.")


class Pause(Request):
    """Why a route is paused."""

    reason: Text = Field("", description="It is shown with the route.", examples=["stocktaking"])


def add_endpoints(router: APIRouter, context: Context) -> None:
    """Add what can be asked about routes."""
    reader, operator = Depends(context.doors.api(Role.READ)), Depends(context.doors.api(Role.OPERATE))

    async def show(name: str) -> dict[str, Any]:
        found = await find_route(context.store, context.service.project, name)
        project = context.service.project
        told = _show(describe_route(found))
        is_known = name in project.routes
        flow = describe_flow(read_flow(project, name, now_ms=context.store.now_ms())) if is_known else None
        return {**told, "flow": show_value(flow, context.redactor) | {"key": flow["key"]} if flow else None}

    def _show(told: dict[str, Any]) -> dict[str, Any]:
        return told | {"reason": context.redactor.mask_text(told["reason"])}

    @router.get("/routes", tags=[TAG], operation_id="list_routes", response_model=RouteList, responses=tell_responses())
    async def list_routes(_caller: Caller = reader) -> Any:
        """List routes: whether they are delivered, and what became of their tasks."""
        routes = await read_routes(context.store, context.service.project)
        return {"routes": [_show(describe_route(route)) for route in routes]}

    @router.get(
        "/routes/{route}",
        tags=[TAG],
        operation_id="get_route",
        response_model=RouteDetail,
        responses=tell_responses(404),
    )
    async def get_route(route: NamePath, _caller: Caller = reader) -> Any:
        """Return one route, with the way of its records."""
        return await show(route)

    @router.post(
        "/routes/{route}/pause",
        tags=[TAG],
        operation_id="pause_route",
        response_model=RouteDetail,
        responses=tell_responses(404),
    )
    async def pause_route(route: NamePath, wanted: Pause | None = None, caller: Caller = operator) -> Any:
        """Have no more tasks of a route sent; those in hand are finished, and records are still taken in."""
        await find_route(context.store, context.service.project, route)
        reason = "" if wanted is None else wanted.reason
        await context.store.routes.pause(route, by=caller.name, reason=reason)
        await context.doors.note(caller, "routes.pause", route, {"reason": reason})
        return await show(route)

    @router.post(
        "/routes/{route}/resume",
        tags=[TAG],
        operation_id="resume_route",
        response_model=RouteDetail,
        responses=tell_responses(404),
    )
    async def resume_route(route: NamePath, caller: Caller = operator) -> Any:
        """Have tasks of a route sent again that was paused, or that stopped by itself."""
        await find_route(context.store, context.service.project, route)
        await context.store.routes.resume(route, by=caller.name)
        await context.doors.note(caller, "routes.resume", route, {})
        context.service.wake(route)
        return await show(route)
