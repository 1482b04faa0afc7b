"""A request read and an answer written without a framework in between: this is the path that must be fast."""

from __future__ import annotations

import json
import math
from datetime import date, time
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.errors import AccessError, ConnectorError, IntakeError, OverloadedError, StoreError, UnknownNameError
from connector.server.observe.request_id import read_request_id
from connector.webhook.body import too_large

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

AWAY_S: Final = 5
"""Seconds after which to send again what could not be kept, since the database was away."""

_JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", b"application/problem+json")
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS


class DisconnectedError(Exception):
    """Whoever sends went away in the midst of the body; there is nobody to answer."""


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers by name in small letters; several of one name are joined by commas."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        text = value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


async def read_body(headers: Mapping[str, str], receive: Receive, *, max_bytes: int) -> bytes:
    """Return the body of a request as it was sent.

    Args:
        headers: Of the request.
        receive: ASGI's.
        max_bytes: The most that is read.

    Raises:
        IntakeError: It is larger.
        DisconnectedError: It was broken off.
    """
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > max_bytes):
        raise too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        size += len(part)
        if size > max_bytes:
            raise too_large(max_bytes)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def answer(send: Send, status: int, told: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
    """Answer in JSON."""
    await _send(send, status, encode(told), _JSON, headers)


async def answer_problem(scope: Scope, send: Send, error: ConnectorError, *, status: int) -> None:
    """Answer with what went wrong, as RFC 9457 has it.

    Args:
        scope: Of the request.
        send: ASGI's.
        error: What it was.
        status: Of the answer.
    """
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
    }
    if error.cure:
        told["cure"] = error.cure
    if request_id := read_request_id(scope):
        told["request_id"] = request_id
    headers: dict[str, str] = {}
    if isinstance(error, AccessError):
        headers |= error.headers
    if isinstance(error, OverloadedError):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(AWAY_S)
    await _send(send, status, encode(told), _PROBLEM, headers)


def find_status(error: ConnectorError) -> int:
    """Return the HTTP status that says what went wrong."""
    match error:
        case AccessError() | IntakeError():
            return error.status
        case OverloadedError():
            return 503 if error.is_closing else 429
        case StoreError():
            return 503
        case UnknownNameError():
            return 404
    return 400


def encode(value: Any) -> bytes:
    """Return a value as JSON: decimals as text with all of their digits, dates and times as ISO 8601 has them."""
    try:
        return orjson.dumps(value, default=_tell, option=_OPTIONS)
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits, or half a surrogate pair
        return json.dumps(value, default=_tell).encode()


def _tell(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value:f}"
        case date() | time():
            return value.isoformat()
    raise TypeError(f"a Python {type(value).__name__} is no JSON")


async def _send(
    send: Send, status: int, body: bytes, kind: tuple[bytes, bytes], headers: Mapping[str, str] | None
) -> None:
    written = [kind, (b"content-length", str(len(body)).encode())]
    written += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": written})
    await send({"type": "http.response.body", "body": body})
