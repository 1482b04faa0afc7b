"""A web server on loopback that answers as told, also as no decent server would.

```python
async with ScriptedServer(lambda request: Reply(json={"success": "yes"})) as server:
    ...  # server.url, server.requests
```
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson

from connector.frozen import dataclass

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived.

    Attributes:
        method: Such as `POST`.
        path: Without the query.
        query: Parameters; the last of a name counts.
        headers: Names in lower case.
        body: Raw bytes.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body as flat form fields; the last of a name counts."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to do with a request.

    Attributes:
        status: HTTP status.
        json: Sent as the body where `body` is None.
        body: Sent as it is.
        headers: Further headers; `content-type` replaces the default.
        delay_s: Wait before answering, seconds.
        cut_after: Send only so many bytes of the body, then close the connection; None for the whole.
        drop: Close the connection without any answer.
    """

    status: int = 200
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after: int | None = None
    drop: bool = False


class ScriptedServer:
    """Answers every request by a function. Keeps what it received."""

    def __init__(self, answer: Callable[[Received], Reply], *, tls: ssl.SSLContext | None = None) -> None:
        """Prepare; `async with` opens it on a free port.

        Args:
            answer: Called with each request, in the order of arrival.
            tls: Speak TLS with this context.
        """
        self._answer = answer
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[Received] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{port}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False when the connection is done."""
        received = await _read_request(reader)
        if received is None:
            return False
        self.requests.append(received)
        reply = self._answer(received)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.drop:
            return False
        body = reply.body if reply.body is not None else orjson.dumps(reply.json)
        headers = {"content-type": "application/json", "content-length": str(len(body)), **reply.headers}
        head = f"HTTP/1.1 {reply.status} Scripted\r\n" + "".join(
            f"{name}: {text}\r\n" for name, text in headers.items()
        )
        writer.write(head.encode("latin-1") + b"\r\n" + body[: reply.cut_after])
        await writer.drain()
        return reply.cut_after is None


async def _read_request(reader: asyncio.StreamReader) -> Received | None:
    line = (await reader.readline()).decode("latin-1")
    if not line.strip():
        return None
    method, target, _version = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (header := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, text = header.partition(":")
        headers[name.lower()] = text.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Received(method, parts.path, query, headers, body)
