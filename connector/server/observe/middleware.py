"""Around every request: an id, one log line, counts, a span, and an answer also where this program is at fault.

Pure ASGI, so that answers stream and waiting requests can be cancelled. It is the outermost one: what the doors refuse
has an id and a line too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog

from connector import log, trace
from connector.server.doors.arrival import KEY
from connector.server.doors.policy import guard
from connector.server.observe.metrics import OTHER
from connector.server.observe.request_id import (
    HEADER,
    choose_request_id,
    keep_request_id,
    read_log_facts,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from connector.server.context import Context
    from connector.server.doors.arrival import Arrivals

QUIET: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that programs ask for all day; their lines are told at the level `debug`."""

STATIC: Final = "/static/"
"""How paths of files begin; likewise."""

_APART: Final = (
    (STATIC, "", f"{STATIC}{{path}}"),
    ("/hooks/", "", "/hooks/{path}"),
    ("/api/v1/routes/", "/push", "/api/v1/routes/{route}/push"),
)
"""Beginning, end and template of the paths that are not answered by way of FastAPI."""

_ID_HEADER: Final = HEADER.lower().encode()
_BROKE_OFF: Final = 499
"""In logs and counts, the status of a request whose sender went away before there was an answer."""

logger = log.get_logger()


class RequestIdMiddleware:
    """Gives each request an id, and tells what became of it."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        """Prepare.

        Args:
            app: What answers.
            context: The parts of the service.
        """
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = choose_request_id(_find_named_id(scope))
        headers = _read_headers(scope) if trace.is_on() else None
        keep_request_id(scope, request_id)
        answer = _Answer(send, request_id.encode(), self._context.doors.arrivals)
        started_s = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            trace.span(
                scope["method"], {"http.request.method": scope["method"]}, kind="server", headers=headers
            ) as span,
        ):
            try:
                await self._app(scope, receive, answer.send)
            except Exception:  # the outermost edge: told once, here
                logger.exception(log.FAULT, method=scope["method"], path=scope["path"])
                await answer.fail(scope, request_id)
            finally:
                status = answer.status or _BROKE_OFF
                duration_s = time.perf_counter() - started_s
                endpoint = find_endpoint(scope)
                self._context.metrics.count_request(endpoint, scope["method"], status, duration_s)
                self._tell(scope, endpoint, status, duration_s)
                if span.is_recorded:
                    _tell_span(span, scope, endpoint, status)

    def _tell(self, scope: Scope, endpoint: str, status: int, duration_s: float) -> None:
        path = scope["path"]
        if status >= 500:
            write = logger.warning
        elif path in QUIET or path.startswith(STATIC) or _is_part(scope):
            write = logger.debug
        else:
            write = logger.info
        write(
            log.REQUEST,
            method=scope["method"],
            path=path,
            endpoint=endpoint,
            status=status,
            duration_ms=round(duration_s * 1000, 1),
            **read_log_facts(scope),
        )


def _is_part(scope: Scope) -> bool:
    """Whether an open page asks for a part of itself, as many do every few seconds: the log would be full of it."""
    return scope["method"] == "GET" and any(name == b"hx-request" for name, _ in scope["headers"])


class _Answer:
    """An answer on its way out: its status is noted, and the id put in.

    Attributes:
        status: HTTP status, or None where nothing was sent yet.
    """

    def __init__(self, send: Send, request_id: bytes, arrivals: Arrivals) -> None:
        self.status: int | None = None
        self._send = send
        self._arrivals = arrivals
        self._request_id = request_id

    async def send(self, message: Message) -> None:
        """Pass a message of ASGI on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            others = [pair for pair in message.get("headers", ()) if pair[0].lower() != _ID_HEADER]
            message = {**message, "headers": [*others, (_ID_HEADER, self._request_id)]}
        await self._send(message)

    async def fail(self, scope: Scope, request_id: str) -> None:
        """Answer that this program is at fault, where nothing was sent yet."""
        if self.status is not None:
            return
        body = orjson.dumps(
            {
                "type": "about:blank",
                "title": "Internal Server Error",
                "status": 500,
                "detail": "a fault of this program",
                "cure": "please report it; the log has the traceback under the id of this request",
                "request_id": request_id,
            }
        )
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
        ]
        arrival = scope.get(KEY)
        if arrival is not None:  # the doors were passed on the way in, and are gone round on the way out
            is_secure = self._arrivals.is_secure(arrival)
            headers = guard(headers, scope["path"], arrival, is_secure=is_secure, status=500)
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _find_named_id(scope: Scope) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == _ID_HEADER), None)


def _read_headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def find_endpoint(scope: Scope) -> str:
    """Return the template of the path that answered, such as `/tasks/{id}`; `other` where none of ours did."""
    route: Any = scope.get("route")
    path = getattr(route, "path", None)
    if isinstance(path, str):
        return path
    written = scope["path"]
    return next((template for prefix, suffix, template in _APART if _fits(written, prefix, suffix)), OTHER)


def _fits(path: str, prefix: str, suffix: str) -> bool:
    return path.startswith(prefix) and path.endswith(suffix) and len(path) > len(prefix) + len(suffix)


def _tell_span(span: trace.Span, scope: Scope, endpoint: str, status: int) -> None:
    """Tell a span of a request, by OpenTelemetry's conventions for HTTP servers; no query, no address of a caller."""
    facts: dict[str, str | int] = {
        "url.path": scope["path"] if endpoint != OTHER else "",
        "url.scheme": scope.get("scheme", "http"),
        "http.response.status_code": status,
    }
    if endpoint != OTHER:
        span.name(f"{scope['method']} {endpoint}")
        facts["http.route"] = endpoint
    span.put(facts)
    if status >= 500:
        span.fail(str(status))
