"""A connection that is not waited for without end: what comes before a request can be handed to anybody.

uvicorn reads a request's head for as long as it comes, however slowly, and keeps it however long it grows; a connection
on which nothing is said stays open. Who opens many of them, and says nothing, would leave no room for others.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState

HEAD_S: Final = 15.0
"""How long the head of a request may take, and how long the first one is waited for, seconds."""

MOST_HEAD_BYTES: Final = 65_536
"""Of a head that has not come to its end. What is whole has narrower limits: `connector.server.doors.middleware`."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which gives up on heads that are too slow or too long.

    A head that comes at once, as nearly all do, costs no timer.
    """

    head_s = HEAD_S

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Prepare, as uvicorn does for each connection."""
        super().__init__(config, server_state, app_state, _loop)
        self._is_head = False
        self._head_bytes = 0
        self._giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, and not for ever."""
        super().connection_made(transport)
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._end_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and see how much of a head there is."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        if self._is_head or not self._is_answering():  # the latter: a line break alone ends uvicorn's own waiting
            self._begin_waiting()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._is_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._is_head = False
        self._end_waiting()
        super().on_headers_complete()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _begin_waiting(self) -> None:
        if self._giving_up is None:
            self._giving_up = self.loop.call_later(self.head_s, self._give_up)

    def _end_waiting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _give_up(self) -> None:
        self._giving_up = None
        if self._is_answering():  # the next request is begun before this one is answered
            self._begin_waiting()
        elif self._is_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        self._end_waiting()
        words = status.phrase.encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        head += f"Content-Length: {len(words)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + words)
        self.transport.close()
