"""The addresses that records are sent to.

They are plain ASGI applications: checking each request against models, and each answer, would take longer than keeping
it does. So that the OpenAPI document has them, they are described beside that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import Request  # noqa: TC002 - FastAPI reads it from the annotation
from starlette.responses import Response
from starlette.routing import Route

from connector.server.intake.hooks import Hooks
from connector.server.intake.push import LONGEST_KEY, Push
from connector.webhook.plan import PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from connector.server.context import Context

HOOK: Final = PREFIX + "/{path:path}"
PUSH: Final = "/api/v1/routes/{route}/push"

_RECORD: Final = {"type": "object", "additionalProperties": True, "description": "A record."}
_TAKEN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["tasks", "records", "duplicates", "left_out", "failed", "is_repeat"],
    "properties": {
        "tasks": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "Ids of the tasks, the first 1,000; of a repeat, those of the first time.",
        },
        "records": {"type": "integer", "description": "How many records came."},
        "duplicates": {"type": "integer", "description": "How many were left out, since the route knows their key."},
        "left_out": {"type": "integer", "description": "How many a filter of the incoming left out."},
        "failed": {"type": "integer", "description": "How many tasks hold a record that could not be shaped."},
        "is_repeat": {"type": "boolean", "description": "Whether it had come before, and nothing was made of it."},
        "outcomes": {
            "type": "array",
            "description": "With `wait`: what became of each task so far.",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "route": {"type": "string"},
                    "status": {"type": "string"},
                    "verdict": {"type": ["string", "null"]},
                    "value": {"description": "What the other system answered, or null."},
                    "step": {"type": "string"},
                    "reason": {"type": "string"},
                    "cure": {"type": ["string", "null"]},
                },
            },
        },
    },
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "cure": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
_LOCATION: Final = {"Location": {"description": "The first task.", "schema": {"type": "string"}}}
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def add_routes(app: FastAPI, context: Context) -> None:
    """Give the application the addresses of webhooks and pushes."""
    hooks, push = Hooks(context), Push(context)
    app.router.routes.append(Route(HOOK, hooks, name="hooks"))
    app.router.routes.append(Route(PUSH, push, name="push"))
    _describe(app, HOOK.replace(":path", ""), hooks, _describe_hook(), name="send_to_webhook")
    _describe(app, PUSH, push, _describe_push(), name="push_records")


def _describe(app: FastAPI, path: str, endpoint: ASGIApp, described: dict[str, Any], *, name: str) -> None:
    """Have the OpenAPI document say what an address takes, which is reached by another way: the one before it."""

    async def hand_on(request: Request) -> Response:
        return _Handed(endpoint, request)

    app.add_api_route(path, hand_on, methods=["POST"], name=name, operation_id=name, **described)


class _Handed(Response):
    """An answer that an ASGI application gives itself."""

    def __init__(self, endpoint: ASGIApp, request: Request) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._request = request

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Have the application answer."""
        await self._endpoint(scope, receive, send)


def _describe_hook() -> dict[str, Any]:
    return {
        "tags": ["intake"],
        "summary": "Send records to a webhook",
        "description": "What another system sends becomes tasks of the routes that take it. Who may send, what the "
        "body is and where the records stand in it, the webhook of that path says.",
        "status_code": 202,
        "response_class": Response,
        "responses": {
            202: _answer("All is kept. Another status where the webhook says so.", _TAKEN, headers=_LOCATION),
            **_refusals(400, 401, 403, 404, 405, 408, 413, 414, 415, 421, 429, 431, 503),
        },
        "openapi_extra": {
            "security": [],
            "parameters": [_parameter("path", "path", "The path of the webhook.", is_required=True)],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {}},
                    "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
                    "application/x-ndjson": {"schema": {"type": "string"}},
                    "text/csv": {"schema": {"type": "string"}},
                },
            },
        },
    }


def _describe_push() -> dict[str, Any]:
    return {
        "tags": ["intake"],
        "summary": "Push records into a route",
        "description": "One record, a list of them, or JSON lines. The route's own incoming is passed by. All are kept "
        "before the answer, or none.",
        "status_code": 202,
        "response_class": Response,
        "responses": {
            200: _answer("With `wait`: all is kept, and nothing more is done about any of it.", _TAKEN, _LOCATION),
            202: _answer("All is kept.", _TAKEN, headers=_LOCATION),
            **_refusals(400, 401, 403, 404, 405, 408, 413, 414, 415, 421, 422, 429, 431, 503),
        },
        "openapi_extra": {
            "security": [{"HTTPBearer": []}],
            "parameters": [
                _parameter("route", "path", "Name of the route.", is_required=True),
                _parameter(
                    "wait",
                    "query",
                    "How long the outcome is waited for, such as `10s`; at most `60s`.",
                    pattern="^([0-9]|[1-5][0-9]|60)s$",
                ),
                _parameter(
                    "Idempotency-Key",
                    "header",
                    "The same body, sent again with the same key, is taken once in a day.",
                    pattern=f"^[!-~]{{1,{LONGEST_KEY}}}$",
                ),
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"oneOf": [_RECORD, {"type": "array", "items": _RECORD}]}},
                    "application/x-ndjson": {"schema": {"type": "string"}},
                },
            },
        },
    }


def _answer(description: str, schema: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "headers": headers, "content": {"application/json": {"schema": schema}}}


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "description": _REFUSALS[status],
            "content": {"application/problem+json": {"schema": _PROBLEM}},
            **({"headers": _RETRY_AFTER} if status in {429, 503} else {}),
        }
        for status in statuses
    }


_REFUSALS: Final = {
    400: "The body cannot be read as records, or the request is not as it must be.",
    401: "The sender does not show who it is.",
    403: "The sender may not.",
    404: "There is no such webhook or route.",
    405: "Records are sent by POST.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is of no known kind.",
    421: "The service does not answer to that name.",
    422: "The Idempotency-Key came before, with another body.",
    429: "There is no room just now; nothing was kept.",
    431: "The headers are too large.",
    503: "It could not be kept just now.",
}


def _parameter(
    name: str, place: str, description: str, *, is_required: bool = False, pattern: str | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": is_required,
        "description": description,
        "schema": {"type": "string", **({} if pattern is None else {"pattern": pattern})},
    }
