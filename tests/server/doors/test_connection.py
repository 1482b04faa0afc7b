"""Connections over real sockets, on which too little or too much is said."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from connector.config.settings import Settings
from connector.server.doors.connection import MOST_HEAD_BYTES, BoundedProtocol
from connector.server.http import HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE_S = 60.0


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer anything."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of a server that is up."""
    async with serve() as port:
        yield port


@asynccontextmanager
async def serve() -> AsyncIterator[int]:
    """Serve, and give the port."""
    server, stop = HttpServer(Settings(port=0)), asyncio.Event()
    running = asyncio.create_task(server.run(answer, stop, grace_s=1.0))
    await server.wait_until_serving()
    yield server.port
    stop.set()
    await running


async def say(port: int, *words: bytes) -> bytes:
    """Say something, and return all that is answered until the other side has had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for word in words:
            writer.write(word)
            await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ((), b""),
        ((b"\r\n",), b""),
        ((b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",), b"HTTP/1.1 408 Request Timeout"),
    ],
    ids=["nothing", "line break", "half a head"],
)
async def test_who_says_too_little_is_not_waited_for(port, monkeypatch, words, first):
    """The connection is closed, with a reason where a request was begun."""
    monkeypatch.setattr(BoundedProtocol, "head_s", 0.05)

    said = await say(port, *words)

    assert said.split(b"\r\n")[0] == first


async def test_a_line_break_keeps_no_connection_open(port, monkeypatch):
    """What is no request does not put off the end of a connection on which one was answered."""
    monkeypatch.setattr(BoundedProtocol, "head_s", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readuntil(b"ok")

    writer.write(b"\r\n")

    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read() == b""
    writer.close()


async def test_a_head_without_end_is_not_kept(port):
    """One header that grows and grows is given up on, long before it is a danger."""
    said = await say(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ", *[b"x" * 8192] * (MOST_HEAD_BYTES // 8192 + 1))

    # Who still sends when the connection is closed may be reset before the answer is read.
    assert said.split(b"\r\n")[0] in {b"", b"HTTP/1.1 431 Request Header Fields Too Large"}


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: 5 5\r\n",
        b"X-A: b\r\n folded\x00\r\n",
    ],
)
async def test_requests_that_two_readers_would_end_differently_are_refused(port, head):
    """Nothing that follows such a request is taken for the next one."""
    hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"

    said = await say(port, b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n0\r\n\r\n" + hidden)

    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1") == 1


async def test_a_request_in_pieces_is_answered(port):
    """Who is only slow is served."""
    said = await say(port, b"GET / HT", b"TP/1.1\r\nHo", b"st: a\r\nConnection: close\r\n", b"\r\n")

    assert said.startswith(b"HTTP/1.1 200 OK")
    assert said.endswith(b"ok")
