"""A client as people look after it: what is configured, and what a log-in comes to."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from connector.app.doctor.usage import find_misfits
from connector.client.reading import read_body
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.app.project import ClientPlan, Project
    from connector.app.runtime import Runtime
    from connector.request import Exchange


async def check_client(runtime: Runtime, name: str) -> dict[str, Any]:
    """Log in to a client and return what came of it, as JSON; nothing else is sent.

    Returns:
        `client`, `connector`, `base_url`, `dialect`, `is_dialect_found`, `verdict` (None for a client that has no
        log-in), `reason`, `cure`, `misfits` (faults of what the configuration asks of the generation), `notices`,
        `duration_ms`.

    Raises:
        UnknownNameError: There is no such client.
    """
    plan = runtime.project.clients[name]
    finding: dict[str, Any] = {
        "client": name,
        "connector": plan.package.name,
        "base_url": plan.options.base_url,
        "dialect": plan.target.dialect,
        "is_dialect_found": False,
        "verdict": None,
        "reason": "",
        "cure": None,
        "misfits": [],
        "notices": [],
        "duration_ms": None,
    }
    exchanges: list[Exchange] = []
    try:
        client = runtime.client(name)
        refusal = await client.log_in(observe=exchanges.append)
    except ConnectorError as error:  # it cannot even be opened: a finding about this client, the others go on
        return finding | {"verdict": "failed", "reason": error.message, "cure": error.cure}
    if client.dialect != plan.target.dialect:  # it was left to the client, and could not be held against before
        misfits = [asdict(fault) for fault in find_misfits(runtime.project, name, client.dialect)]
        finding |= {"dialect": client.dialect, "is_dialect_found": True, "misfits": misfits}
    if exchanges:
        last = exchanges[-1]
        finding["duration_ms"] = round(last.duration_ms, 1)
        if last.response is not None:
            reading = read_body(last.response.body, last.response.headers.get("content-type", ""))
            finding["notices"] = list(reading.notices) if reading.has_json else []
    if refusal is not None:
        return finding | {"verdict": refusal.verdict.value, "reason": refusal.reason, "cure": refusal.cure}
    if exchanges:
        finding["verdict"] = "ok"
    return finding


def describe_clients(project: Project) -> list[dict[str, Any]]:
    """Return the clients of a configuration as JSON, in the order they are written; nothing that is secret."""
    return [describe_client(project, plan) for plan in project.clients.values()]


def describe_client(project: Project, plan: ClientPlan) -> dict[str, Any]:
    """Return a client as JSON: where it leads, what it speaks, and which routes and incomings use it."""
    return {
        "client": plan.name,
        "connector": plan.package.name,
        "base_url": plan.options.base_url,
        "dialect": plan.target.dialect,
        "has_catalog": bool(plan.target.catalog.entities),
        "sessions": plan.options.sessions,
        "routes": [route.name for route in project.routes.values() if route.outgoing.call.target.client == plan.name],
        "incomings": [
            name
            for name, incoming in project.sources.items()
            if incoming.call is not None and incoming.call.target.client == plan.name
        ],
    }
