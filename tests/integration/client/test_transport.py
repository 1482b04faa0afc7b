"""The transport: one connection, kept and looked at before it is used, and errors that tell sent from not sent."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import ssl
import threading
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest
import trustme
import yarl
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy

from connector.client.http import HttpConnection, build_tls_context
from connector.client.transport import _raise_broken, _raise_unsent
from connector.errors import UnansweredError, UnreachableError
from connector.request import Request
from connector.testing.server import Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

UNSENT = {httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol}
YES = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"


def connection(**changes) -> HttpConnection:
    """A connection with short waits."""
    return HttpConnection(**{"connect_s": 1.0, "total_s": 2.0, "max_bytes": 1_000_000, **changes})


@asynccontextmanager
async def serving(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server that does this with each connection, and closes it after; its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head, await reader.readexactly(int(length[1]) if length else 0)


async def test_a_connection_is_kept_for_the_next_request():
    """Three requests of one session go over one connection."""
    accepted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        while True:
            await read_request(reader)
            writer.write(YES)

    async with serving(serve) as port:
        link = connection()
        answers = [await link.exchange(Request("POST", f"http://127.0.0.1:{port}/", body=b"a")) for _ in range(3)]
        await link.aclose()

    assert ([answer.body for answer in answers], accepted) == ([b"yes"] * 3, 1)


@contextmanager
def closing_server(delay_s: float) -> Iterator[tuple[int, list[bytes]]]:
    """A server in a thread that answers once a connection and closes it a little later; its port and what it got."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):  # the server is closed
                while True:
                    link, _address = server.accept()
                    with link:
                        received.append(link.recv(65536))
                        link.sendall(YES)
                        time.sleep(delay_s)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], received
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


async def test_a_connection_closed_while_the_process_was_busy_is_not_used():
    """A request does not leave into a connection that its server has closed, also before the loop has come round."""
    with closing_server(0.02) as (port, received):
        link = connection()
        request = Request("POST", f"http://127.0.0.1:{port}/", body=b"a")
        first = await link.exchange(request)
        time.sleep(0.2)  # noqa: ASYNC251 - the process is busy
        second = await link.exchange(request)
        await link.aclose()

    assert (first.body, second.body, len(received)) == (b"yes", b"yes", 2)


async def test_a_server_that_is_gone_since_the_last_request_is_unreachable():
    """Where the kept connection was closed and no new one is made, nothing was sent."""
    with closing_server(0) as (port, _received):
        link = connection()
        request = Request("POST", f"http://127.0.0.1:{port}/", body=b"a")
        await link.exchange(request)

    with pytest.raises(UnreachableError, match="refused the connection"):
        await link.exchange(request)
    await link.aclose()


async def test_a_connection_that_breaks_under_a_request_is_unanswered():
    """Where a kept connection is closed when the request is through, the request is not sent a second time."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append((await read_request(reader))[1])
        writer.write(YES)
        received.append((await read_request(reader))[1])

    async with serving(serve) as port:
        link = connection()
        url = f"http://127.0.0.1:{port}/"
        await link.exchange(Request("POST", url, body=b"first"))
        with pytest.raises(UnansweredError, match="closed the connection without an answer"):
            await link.exchange(Request("POST", url, body=b"second"))
        await link.aclose()

    assert received == [b"first", b"second"]


async def test_the_clock_starts_when_the_request_leaves():
    """`timeout.total` does not count the time until there is a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.3)
        writer.write(YES)

    async with serving(serve) as port:
        link = connection(connect_s=1.0, total_s=0.1)
        started_s = time.perf_counter()
        with pytest.raises(UnansweredError, match=r"no answer within 0\.1 s"):
            await link.exchange(Request("POST", f"http://127.0.0.1:{port}/", body=b"a"))
        took_s = time.perf_counter() - started_s
        await link.aclose()

    assert took_s < 0.29


async def test_a_large_body_arrives_whole():
    """A body of several megabytes is sent as it is."""
    body = bytes(range(256)) * 12_000
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append((await read_request(reader))[1])
        writer.write(YES)

    async with serving(serve) as port:
        link = connection()
        await link.exchange(Request("POST", f"http://127.0.0.1:{port}/", body=body))
        await link.aclose()

    assert received == [body]


async def test_a_server_may_answer_before_the_request_is_whole():
    """A server that refuses a large body after its first bytes is understood."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        await writer.drain()
        await asyncio.sleep(0.1)

    async with serving(serve) as port:
        link = connection()
        answer = await link.exchange(Request("POST", f"http://127.0.0.1:{port}/", body=b"x" * 5_000_000))
        await link.aclose()

    assert (answer.status, answer.body) == (413, b"big")


async def test_nothing_is_added_to_the_headers():
    """The headers are the connection's own and the request's, which come first where both have one, and the framing."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await read_request(reader))[0])
        writer.write(YES)

    async with serving(serve) as port:
        link = connection(headers={"X-Shop": "one", "X-Own": "1"})
        await link.exchange(
            Request("POST", f"http://127.0.0.1:{port}/a?b=%20c", query=(("d", "e f"),), headers={"x-shop": "two"})
        )
        await link.aclose()

    assert heads[0].decode().split("\r\n") == [
        "POST /a?b=+c&d=e+f HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "user-agent: connector/0.1",
        "accept: application/json",
        "accept-encoding: gzip, deflate",
        "x-shop: two",
        "x-own: 1",
        "content-length: 0",
        "",
        "",
    ]


class TestProxy:
    """A proxy that is asked for a tunnel."""

    async def test_its_refusal_means_that_nothing_was_sent(self):
        """A proxy that opens no tunnel is named, and the request has not left."""
        heads: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

        async with serving(serve) as port:
            link = connection(proxy=f"http://127.0.0.1:{port}/", tls=build_tls_context(None))
            with pytest.raises(UnreachableError, match="the proxy refused: 407"):
                await link.exchange(Request("POST", "https://shop.test/", headers={"x-key": "secret"}, body=b"secret"))
            await link.aclose()

        assert heads[0].startswith(b"CONNECT shop.test:443 HTTP/1.1\r\n")
        assert b"secret" not in heads[0]

    async def test_its_absence_means_that_nothing_was_sent(self):
        """A proxy that cannot be reached is named as the one to look at."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        link = connection(proxy=f"http://127.0.0.1:{port}/")

        with pytest.raises(UnreachableError, match="the proxy refused"):
            await link.exchange(Request("POST", "http://shop.test/", body=b"a"))
        await link.aclose()

    async def test_a_request_goes_through_its_tunnel_without_its_password(self, tmp_path):
        """User and password are for the proxy; what goes through the tunnel it cannot read."""
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        pem = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(pem))
        heads: list[bytes] = []

        async with ScriptedServer(lambda _request: Reply(json={"a": 1}), tls=context) as shop:

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                host, port = heads[0].split(b" ")[1].decode().split(":")
                far_reader, far_writer = await asyncio.open_connection(host, int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))

            async with serving(serve) as port:
                link = connection(
                    proxy=f"http://127.0.0.1:{port}/", proxy_auth=("me", "hunter22"), tls=build_tls_context(pem)
                )
                answer = await link.exchange(Request("POST", shop.url, body=b"a"))
                await link.aclose()

        assert answer.body == b'{"a":1}'
        assert b"proxy-authorization: Basic bWU6aHVudGVyMjI=" in heads[0].replace(b"Proxy-A", b"proxy-a")
        assert "proxy-authorization" not in shop.requests[0].headers


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes until it ends."""
    while chunk := await reader.read(65536):
        writer.write(chunk)
    writer.close()


def make(kind: type[aiohttp.ClientError]) -> aiohttp.ClientError:
    """An error of a kind, as aiohttp makes it."""
    key = ConnectionKey("shop.test", 443, True, True, None, None, None)
    reason = OSError(111, "Connection refused")
    if issubclass(kind, aiohttp.ClientResponseError):
        about = aiohttp.RequestInfo(yarl.URL("http://shop.test/"), "POST", CIMultiDictProxy(CIMultiDict()))
        return kind(about, (), status=400, message="Bad status line:\n\n  b'x'")
    if issubclass(kind, aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError):
        return kind(key, reason)
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"a", b"b", "shop.test", 443)
    if issubclass(kind, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return kind("shop")
    return kind()


def every_kind() -> list[type[aiohttp.ClientError]]:
    """All of aiohttp's client errors that it exports."""
    return [kind for _, kind in inspect.getmembers(aiohttp, inspect.isclass) if issubclass(kind, aiohttp.ClientError)]


@pytest.mark.parametrize("kind", [*every_kind(), OSError, TimeoutError])
def test_no_error_under_way_reads_as_unsent(kind: type[Exception]):
    """Before there is a connection every failure says that nothing was sent, and from then on none does."""
    error = make(kind) if issubclass(kind, aiohttp.ClientError) else kind()

    with pytest.raises(httpx.TransportError) as before:
        _raise_unsent(error)
    with pytest.raises(httpx.TransportError) as under_way:
        _raise_broken(error)

    assert type(before.value) in UNSENT
    assert type(under_way.value) in {httpx.ReadError, httpx.RemoteProtocolError}
    assert str(before.value)
    assert str(under_way.value)
