"""The addresses of the API, and the OpenAPI document that describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002 - likewise
from starlette.routing import Match

import connector
from connector.server.api import catalog, client, configuration, incoming, overview, route, task
from connector.server.api.problem import Problem, answer_error, make_route
from connector.webhook.plan import PREFIX as HOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI
    from starlette.routing import BaseRoute

    from connector.server.context import Context

PREFIX: Final = "/api/v1"

_REST: Final = PREFIX + "/{rest:path}"
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ALL: Final = (overview, route, incoming, task, client, catalog, configuration)
_TAGS: Final = (
    ("overview", "What is going on: activity, alarms, who did what."),
    ("routes", "From an incoming to an outgoing: pause and resume them, push records into them."),
    ("incomings", "Where records come from, and when they are fetched."),
    ("intake", "Records that other systems send: made tasks of durably, then answered."),
    ("tasks", "One record on its way through one route: find it, try it again, leave it out, settle it."),
    ("clients", "Configured access to remote systems: check it, examine it, make a call."),
    ("catalog", "What remote systems can be asked."),
    ("configuration", "Check it, put it in force, try steps out."),
)
_DESCRIPTION: Final = """
All that the dashboard and the command line do, for programs. JSON in and out; times are UTC; ids are whole numbers.

**Who calls.** `Authorization: Bearer cn_…`, with a token that `connector token create NAME --role read` made. `read`
sees everything, `operate` changes things too, `push:ROUTE` pushes records into a route and does nothing else.

**Errors** are problems of RFC 9457, `application/problem+json`, with `detail`, mostly a `cure`, and `faults` with the
place of each thing that is wrong.

**Pages.** Lists come newest first. `next_before` goes into `before` for the next page; null is the last one.
"""


def add_routes(app: FastAPI, context: Context) -> None:
    """Give the application its API.

    Args:
        app: The application.
        context: The parts of the service.
    """
    router = APIRouter(prefix=PREFIX, route_class=make_route(context.redactor))
    for module in _ALL:
        module.add_endpoints(router, context)
    app.router.routes.extend(router.routes)  # as they are: what includes a router changes with FastAPI's releases

    async def refuse(request: Request) -> Response:
        return answer_error(request.scope, _find_nothing(app.routes, request), context.redactor)

    app.add_route(_REST, refuse, methods=list(_METHODS), include_in_schema=False)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # as FastAPI says to extend the document


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an application's `/api/v1`; made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Connector",
            version=connector.__version__,
            description=_DESCRIPTION.strip(),
            routes=[one for one in app.routes if getattr(one, "path", "").startswith((PREFIX, HOOKS))],
            tags=[{"name": name, "description": told} for name, told in _TAGS],
        )
        _complete(document)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(document: dict[str, Any]) -> None:
    """Say what FastAPI does not know: how callers are known, and that errors are problems."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token that `connector token create` made.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "connector",
            "description": "The session of the dashboard; what changes something sends `X-CSRF-Token` besides.",
        },
    }
    document["security"] = [{"bearer": []}, {"session": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():  # who sends to a webhook shows who it is as the webhook says
            operation["security"] = document["security"] if path.startswith(PREFIX) else []


def _find_nothing(known: Iterable[BaseRoute], request: Request) -> HTTPException:
    """Return why nothing answers: the address has other methods, or there is no such address."""
    allowed: set[str] = set()
    for one in known:
        path = getattr(one, "path", "")
        if path.startswith(PREFIX) and path != _REST and one.matches(request.scope)[0] is Match.PARTIAL:
            allowed |= getattr(one, "methods", None) or set()
    if allowed:
        return HTTPException(
            405, f"this address takes {', '.join(sorted(allowed))}", {"Allow": ", ".join(sorted(allowed))}
        )
    return HTTPException(404, f"there is no {request.url.path}; {PREFIX}/openapi.json lists what there is")
