"""How the records of each route flow, as values that can be drawn: incoming, steps, outgoing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from connector.desk.moment import to_iso
from connector.desk.reshape import find_stretches
from connector.desk.route import find_next_fetch
from connector.frozen import dataclass

if TYPE_CHECKING:
    from connector.app.project import IncomingPlan, Project
    from connector.call.plan import CallPlan

Origin: TypeAlias = Literal["subscriber", "webhook", "push"]
"""How records come to a route: fetched from a client, sent to a path of this service, or by `push` alone."""


@dataclass(frozen=True, slots=True)
class FlowCall:
    """A call that a flow makes.

    Attributes:
        client: Whom it calls.
        entity: What it calls: a catalog id, or a route of the remote system.
        before: The same of the steps ahead of it.
        effect: What it changes: `read`, `session`, `commit`, `commit+notify`.
    """

    client: str
    entity: str
    before: tuple[str, ...] = ()
    effect: str = ""


@dataclass(frozen=True, slots=True)
class FlowSource:
    """Where the records of a flow come from.

    Attributes:
        origin: How they come.
        name: Of the incoming, under which its state is kept; empty for `push`.
        call: What is asked for them; None for `webhook` and `push`.
        path: Where they are sent to, such as `/hooks/marketplace`; empty where they are not.
        auth: How whoever sends them shows who it is, such as `hmac`; empty where there is none, or it is no webhook.
        schedule: When they are fetched, as people write it; empty for never by itself.
        next_at_ms: When they are fetched next by themselves, or None.
    """

    origin: Origin
    name: str = ""
    call: FlowCall | None = None
    path: str = ""
    auth: str = ""
    schedule: str = ""
    next_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step on the way.

    Attributes:
        owner: `incoming`, `route` or `outgoing`.
        kind: What it is, such as `set`.
        where: Its place in the configuration.
    """

    owner: str
    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The way of a route's records.

    Attributes:
        route: Its name.
        source: Where they come from.
        steps: What is done to them, in order.
        outgoing: Name of the outgoing; that of the route where it is written in place.
        call: What is called with them.
        key: Template of their identity, or None.
    """

    route: str
    source: FlowSource
    steps: tuple[FlowStep, ...]
    outgoing: str
    call: FlowCall
    key: str | None = None


def read_flows(project: Project, *, now_ms: int | None = None) -> list[Flow]:
    """Return the flows of a configuration, in the order they are written.

    Args:
        project: The configuration.
        now_ms: The store's present time, for `next_at_ms`; without it none is told.
    """
    return [read_flow(project, name, now_ms=now_ms) for name in project.routes]


def read_flow(project: Project, route: str, *, now_ms: int | None = None) -> Flow:
    """Return the flow of one route. As `read_flows`."""
    plan = project.routes[route]
    steps = tuple(
        FlowStep(stretch.owner, next(iter(place.value), "") if isinstance(place.value, dict) else "", place.where)
        for stretch in find_stretches(project, route, with_incoming=True)
        for place in stretch.place.children()
    )
    key = plan.options.key
    return Flow(
        route,
        read_source(plan.incoming, now_ms=now_ms),
        steps,
        plan.outgoing.name,
        _read_call(plan.outgoing.call),
        None if key is None else str(key),
    )


def read_source(incoming: IncomingPlan | None, *, now_ms: int | None = None) -> FlowSource:
    """Return where records come from; `push` where there is no incoming."""
    if incoming is None:
        return FlowSource("push")
    schedule = "" if incoming.schedule is None else incoming.schedule.timing.text
    next_at_ms = None if now_ms is None else find_next_fetch(incoming, now_ms)
    if incoming.webhook is not None:
        auth = incoming.webhook.options.auth
        name = next((name for name in type(auth).model_fields if getattr(auth, name) is not None), "")
        return FlowSource("webhook", incoming.name, path=incoming.webhook.address, auth=name)
    assert incoming.call is not None, "what is no webhook is asked for"
    return FlowSource("subscriber", incoming.name, _read_call(incoming.call), schedule=schedule, next_at_ms=next_at_ms)


def describe_flow(flow: Flow) -> dict[str, Any]:
    """Return a flow as JSON."""
    value = asdict(flow)
    value["source"]["next_at"] = to_iso(value["source"].pop("next_at_ms"))
    return value


def _read_call(call: CallPlan) -> FlowCall:
    *before, final = (step.operation for step in call.steps)
    return FlowCall(
        call.target.client, final.entity, tuple(operation.entity for operation in before), final.effect.value
    )
