"""What every request passes first: how it came is found out, and what no endpoint should see is refused.

Here are the limits that need no endpoint: of the address, the headers, the size of the body and the time it takes to
come. And every answer gets the headers of `connector.server.doors.policy`. It is plain ASGI: a body streams through it
unread.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from connector.config.quantity import format_size
from connector.errors import AccessError
from connector.server.doors.arrival import KEY
from connector.server.doors.policy import guard
from connector.server.doors.refusal import answer_refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from connector.server.context import Context
    from connector.server.doors.arrival import Arrival

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MOST_HEADERS: Final = 100
MOST_HEADER_BYTES: Final = 32_768
"""Of all headers with their names, cookies among them."""

LONGEST_TARGET: Final = 8_192
"""Bytes of path and query."""

BODY_IDLE_S: Final = 15.0
"""How long a body may pause."""

BODY_S: Final = 120.0
"""How long a body may take."""

FORM_BYTES: Final = 16_384
"""Of what is sent to log in: nobody is known yet who could be asked not to send more."""

_FORMS: Final = frozenset({"/login", "/logout", "/account/password", "/account/sessions"})
_PROBES: Final = frozenset({"/livez", "/readyz"})
"""Whoever starts and stops processes asks these, by whatever address it knows; they tell nothing of anybody."""

_ONCE: Final = frozenset(
    {b"host", b"content-length", b"content-type", b"transfer-encoding", b"authorization", b"origin", b"x-csrf-token"}
)
"""Headers of which two would be read one way here and another way elsewhere."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CLOSE: Final = {"Connection": "close"}


class DoorMiddleware:
    """Lets requests through to an application, or not, and answers through to callers."""

    def __init__(
        self, app: ASGIApp, context: Context, *, body_idle_s: float = BODY_IDLE_S, body_s: float = BODY_S
    ) -> None:
        """Stand in front of an application.

        Args:
            app: The application.
            context: The parts of the service.
            body_idle_s: How long a body may pause, seconds.
            body_s: How long it may take in all, seconds.
        """
        self._app = app
        self._arrivals = context.doors.arrivals
        self._most_bytes = context.settings.max_request
        self._body_idle_s = body_idle_s
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is no WebSocket here
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        arrival = self._arrivals.read(scope)
        scope[KEY] = arrival
        scope["client"] = (arrival.address, arrival.port) if arrival.address else None
        scope["scheme"] = arrival.scheme
        most = FORM_BYTES if scope["path"] in _FORMS else self._most_bytes
        body = _Body(receive, most, self._body_idle_s, self._body_s)
        answer = _Answer(send, scope, arrival, body, is_secure=self._arrivals.is_secure(arrival))
        try:
            self._check(scope, arrival, most)
        except AccessError as error:
            await answer_refusal(scope, error)(scope, receive, answer.send_as_is)
            return
        await self._app(scope, body.receive, answer.send)

    def _check(self, scope: Scope, arrival: Arrival, most: int) -> None:
        """Refuse what no endpoint should see.

        Raises:
            AccessError: It is refused.
        """
        if scope["method"] not in METHODS:
            raise AccessError(
                "no such method here", status=405, headers={**_CLOSE, "Allow": ", ".join(sorted(METHODS))}
            )
        path: str = scope["path"]
        if len(scope.get("raw_path") or path) + len(scope.get("query_string", b"")) > LONGEST_TARGET:
            raise AccessError("the address is too long", status=414, headers=_CLOSE)
        if _CONTROL.search(path) or "\\" in path or ".." in path.split("/"):
            raise AccessError("the path holds what no path here does", status=400, headers=_CLOSE)
        headers = _read_headers(scope)
        length = headers.get(b"content-length")
        if length is not None:
            if not length.isdigit() or b"transfer-encoding" in headers:
                raise AccessError("it cannot be told where the body ends", status=400, headers=_CLOSE)
            if len(length) > 18 or int(length) > most:
                raise _too_large(most)
        is_token = headers.get(b"authorization", b"")[:7].lower() == b"bearer "
        if not (is_token or path in _PROBES or self._arrivals.knows(arrival)):
            raise AccessError(
                f'this service does not answer to the name "{arrival.host[:100]}"',
                cure="name it in CONNECTOR_PUBLIC_URL, the address it is reached by, or in CONNECTOR_ALLOWED_HOSTS",
                status=421,
                headers=_CLOSE,
            )


def _read_headers(scope: Scope) -> dict[bytes, bytes]:
    """Return those headers that may be there once.

    Raises:
        AccessError: There are too many headers, they are too long, or one is there twice.
    """
    size = 0
    found: dict[bytes, bytes] = {}
    for written, value in scope["headers"]:
        size += len(written) + len(value)
        name = written.lower()
        if name in _ONCE:
            if name in found:
                raise AccessError(f"the header {name.decode()} is there twice", status=400, headers=_CLOSE)
            found[name] = value
    if size > MOST_HEADER_BYTES or len(scope["headers"]) > MOST_HEADERS:
        raise AccessError(
            "the headers are too large", cure="delete the cookies of this address", status=431, headers=_CLOSE
        )
    return found


class _Body:
    """A request's body on its way in, counted and timed.

    Attributes:
        refusal: Why no more of it was read; None as long as all is well. It decides over the answer, since whoever was
            reading the body may have taken the trouble for one of its own.
    """

    __slots__ = ("_deadline", "_idle_s", "_is_whole", "_most", "_receive", "_size", "refusal")

    def __init__(self, receive: Receive, most: int, idle_s: float, whole_s: float) -> None:
        self._receive = receive
        self._most = most
        self._idle_s = idle_s
        self._deadline = asyncio.get_running_loop().time() + whole_s
        self._size = 0
        self._is_whole = False
        self.refusal: AccessError | None = None

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            AccessError: The body is too large, or too slow.
        """
        if self._is_whole:
            return await self._receive()
        if self.refusal is not None:
            raise self.refusal
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(loop.time() + self._idle_s, self._deadline)):
                message = await self._receive()
        except TimeoutError as error:
            self.refusal = AccessError("the body of the request came too slowly", status=408, headers=_CLOSE)
            raise self.refusal from error
        if message["type"] != "http.request":
            return message
        self._size += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._size > self._most:
            self.refusal = _too_large(self._most)
            raise self.refusal
        return message


class _Answer:
    """An answer on its way out, with the headers that protect whoever reads it."""

    __slots__ = ("_arrival", "_body", "_is_secure", "_is_started", "_scope", "_send")

    def __init__(self, send: Send, scope: Scope, arrival: Arrival, body: _Body, *, is_secure: bool) -> None:
        self._send = send
        self._scope = scope
        self._arrival = arrival
        self._body = body
        self._is_secure = is_secure
        self._is_started = False

    async def send(self, message: Message) -> None:
        """Pass a message of the application on; once its request is refused, say that instead."""
        if self._body.refusal is not None and not self._is_started:
            if message["type"] == "http.response.start":
                await answer_refusal(self._scope, self._body.refusal)(self._scope, _receive_nothing, self.send_as_is)
            return
        if message["type"] == "http.response.start":
            self._is_started = True
        await self.send_as_is(message)

    async def send_as_is(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            headers = guard(
                message.get("headers", ()),
                self._scope["path"],
                self._arrival,
                is_secure=self._is_secure,
                status=message["status"],
            )
            message = {**message, "headers": headers}
        await self._send(message)


async def _receive_nothing() -> Message:
    return {"type": "http.disconnect"}


def _too_large(most: int) -> AccessError:
    return AccessError(
        f"the body of the request is too large: at most {format_size(most)} is read",
        cure="send less at once",
        status=413,
        headers=_CLOSE,
    )
