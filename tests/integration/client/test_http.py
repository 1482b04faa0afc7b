"""The connection: whole answers, and the difference between not sent and not answered, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import socket
import ssl
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from connector.client.http import HttpConnection, _translate, build_tls_context
from connector.errors import UnansweredError, UnreachableError
from connector.request import Request
from connector.testing.server import Received, Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def connection(**changes) -> HttpConnection:
    """A connection with short waits."""
    options = {"connect_s": 1.0, "total_s": 2.0, "max_bytes": 1_000_000}
    return HttpConnection(**{**options, **changes})


def post(url: str) -> Request:
    """A small form to an address."""
    return Request("POST", url, query=(("route", "api/x"),), headers={"content-type": "text/plain"}, body=b"a=1")


def reply_with(reply: Reply):
    """A script that always says the same."""
    return lambda _request: reply


@asynccontextmanager
async def raw_server(answer: bytes, *, waits_for: bytes = b"\r\n\r\n") -> AsyncIterator[int]:
    """A server that says these very bytes after having read up to some others, and closes; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (reader.readuntil(waits_for) if waits_for else reader.read(1))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def exchange(server_url: str, **changes):
    """Send one request over a fresh connection."""
    link = connection(**changes)
    try:
        return await link.exchange(post(server_url))
    finally:
        await link.aclose()


async def test_an_answer_comes_back_whole():
    """Status, headers in lower case, body and set cookies are returned; the request arrives as built."""
    reply = Reply(201, json={"a": 1}, headers={"X-Thing": "yes", "Set-Cookie": "PHPSESSID=abc; path=/"})

    async with ScriptedServer(reply_with(reply)) as server:
        response = await exchange(server.url)

    assert (response.status, response.body, response.headers["x-thing"]) == (201, b'{"a":1}', "yes")
    assert response.cookies == {"PHPSESSID": "abc"}
    assert server.requests[0].query == {"route": "api/x"}
    assert server.requests[0].body == b"a=1"


async def test_cookies_are_not_kept():
    """A cookie that an answer sets is not sent back by itself."""
    async with ScriptedServer(reply_with(Reply(json={}, headers={"Set-Cookie": "OCSESSID=abc; path=/"}))) as server:
        link = connection()
        await link.exchange(post(server.url))
        await link.exchange(post(server.url))
        await link.aclose()

    assert "cookie" not in server.requests[1].headers


async def test_redirects_are_not_followed():
    """A redirect is an answer, not a second request."""
    async with ScriptedServer(reply_with(Reply(302, body=b"", headers={"location": "/other"}))) as server:
        response = await exchange(server.url)

    assert (response.status, response.headers["location"], len(server.requests)) == (302, "/other", 1)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(drop=True), "broke before a whole answer"),
        (Reply(json={"a": "b" * 500}, cut_after=10), "broke before a whole answer"),
        (Reply(json={}, delay_s=5), "no answer within 0.3 s"),
        (Reply(body=b"x" * 2000), "too large: 2000 bytes"),
        (Reply(body=b"x", headers={"content-length": "99999999"}), "too large: 99999999 bytes"),
        (Reply(body=b"no gzip", headers={"content-encoding": "gzip"}), "broke before a whole answer"),
    ],
    ids=["dropped", "cut", "silent", "large", "declared large", "undecodable"],
)
async def test_a_request_without_a_whole_answer_is_unanswered(reply: Reply, words: str):
    """Whatever happens after sending is one error, which says that the remote system may have acted."""
    async with ScriptedServer(reply_with(reply)) as server:
        with pytest.raises(UnansweredError, match=words):
            await exchange(server.url, total_s=0.3, connect_s=0.3, max_bytes=1000)

    assert len(server.requests) == 1


async def test_a_body_is_bounded_after_decompression():
    """A small compressed body that unfolds to a huge one is given up."""
    bomb = gzip.compress(b"0" * 5_000_000, mtime=0)

    async with ScriptedServer(reply_with(Reply(body=bomb, headers={"content-encoding": "gzip"}))) as server:
        with pytest.raises(UnansweredError, match="too large"):
            await exchange(server.url, max_bytes=100_000)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "gzip, deflate"])
async def test_an_answer_packed_twice_or_unknown_is_refused(encoding: str):
    """One layer of a known kind is unpacked; a second one could unfold a few kilobytes to gigabytes."""
    body = gzip.compress(gzip.compress(b"0" * 5_000_000), mtime=0)

    async with ScriptedServer(reply_with(Reply(body=body, headers={"content-encoding": encoding}))) as server:
        with pytest.raises(UnansweredError, match="packed as"):
            await exchange(server.url)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"0" * 9000, mtime=0)),
        ("X-GZip", gzip.compress(b"0" * 9000, mtime=0)),
        ("deflate", zlib.compress(b"0" * 9000)),
        ("deflate", zlib.compress(b"0" * 9000)[2:-4]),
        ("identity", b"0" * 9000),
        ("", b"0" * 9000),
    ],
    ids=["gzip", "x-gzip", "deflate", "bare deflate", "identity", "empty"],
)
async def test_a_packed_answer_is_unpacked(encoding: str, body: bytes):
    """Every kind of compression that is asked for is read, up to exactly the longest body taken."""
    async with ScriptedServer(reply_with(Reply(body=body, headers={"content-encoding": encoding}))) as server:
        response = await exchange(server.url, max_bytes=9000)

    assert response.body == b"0" * 9000
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


async def test_a_refused_connection_sent_nothing():
    """A closed port is unreachable, and the message names host and port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

        with pytest.raises(UnreachableError, match=rf"127\.0\.0\.1:{port} refused the connection"):
            await exchange(f"http://127.0.0.1:{port}/")


async def test_an_unknown_host_sent_nothing():
    """A name that does not resolve is unreachable, and the cure is the spelling."""
    with pytest.raises(UnreachableError) as caught:
        await exchange("http://no-such-shop.invalid/")

    assert "no-such-shop.invalid" in caught.value.message
    assert "base_url" in (caught.value.cure or "")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A private certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """TLS of a server whose certificate that authority signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_an_untrusted_certificate_sends_nothing(server_tls: ssl.SSLContext):
    """Verification is on: the request does not leave, and the cure is the authority's file."""
    async with ScriptedServer(reply_with(Reply(json={})), tls=server_tls) as server:
        with pytest.raises(UnreachableError, match="not trusted") as caught:
            await exchange(server.url, tls=build_tls_context(None))

    assert server.requests == []
    assert "ca_file" in (caught.value.cure or "")


async def test_a_private_authority_can_be_trusted(server_tls: ssl.SSLContext, authority: trustme.CA, tmp_path):
    """With its authority in `ca_file`, the same server is believed."""
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))

    async with ScriptedServer(reply_with(Reply(json={"a": 1})), tls=server_tls) as server:
        response = await exchange(server.url, tls=build_tls_context(pem))

    assert response.status == 200


async def test_https_to_a_plain_server_sends_nothing():
    """A server that speaks no TLS is unreachable, and the cure is the address."""
    async with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n", waits_for=b"") as port:
        with pytest.raises(UnreachableError, match="TLS"):
            await exchange(f"https://127.0.0.1:{port}/", tls=build_tls_context(None))


async def test_a_connection_that_is_never_made_sent_nothing():
    """Where `timeout.total` runs out while TLS is still being negotiated, nothing was sent."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()

        with pytest.raises(UnreachableError, match="did not accept a connection in time"):
            await exchange(
                f"https://127.0.0.1:{mute.getsockname()[1]}/", connect_s=0.2, total_s=0.2, tls=build_tls_context(None)
            )


async def test_without_a_tls_context_nobody_is_trusted(server_tls: ssl.SSLContext):
    """A connection made for http:// does not fall back to an unverified one."""
    async with ScriptedServer(reply_with(Reply(json={})), tls=server_tls) as server:
        with pytest.raises(UnreachableError, match="not trusted"):
            await exchange(server.url)

    assert server.requests == []


async def test_one_cookie_name_for_two_paths_is_an_answer():
    """An answer that sets a cookie twice is read like any other."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: A=1; path=/\r\nSet-Cookie: A=2; path=/x\r\n\r\n{}"

    async with raw_server(answer) as port:
        response = await exchange(f"http://127.0.0.1:{port}/x/")

    assert (response.body, set(response.cookies)) == (b"{}", {"A"})


@pytest.mark.parametrize(
    ("headers", "words"),
    [({"x-a": "b\nc"}, "cannot be sent"), ({"x a": "b"}, "cannot be sent")],
    ids=["a line break", "a blank in the name"],
)
async def test_a_request_that_http_cannot_say_is_not_sent(headers: dict[str, str], words: str):
    """A header that would break the request leaves nothing unknown: no byte went out."""
    async with ScriptedServer(reply_with(Reply(json={}))) as server:
        link = connection()
        with pytest.raises(UnreachableError, match=words):
            await link.exchange(Request("POST", server.url, headers=headers))
        await link.aclose()

    assert server.requests == []


async def test_a_host_that_dns_cannot_spell_sent_nothing():
    """A malformed international host name is one clear error."""
    with pytest.raises(UnreachableError, match="is no address"):
        await exchange("http://xn--/")


@pytest.mark.parametrize("url", ["ftp://shop.test/", "http:///x", "http://shop.test:99999/"])
async def test_what_is_no_web_address_sent_nothing(url: str):
    """An address without a host, with a port that is none, or for another protocol, is one clear error."""
    with pytest.raises(UnreachableError, match=r"is no (web )?address"):
        await exchange(url)


async def test_headers_beyond_ascii_travel_as_utf_8():
    """A header of the configuration may hold any letter."""
    async with ScriptedServer(reply_with(Reply(json={}))) as server:
        await exchange(server.url, headers={"x-shop": "Kr\u00e4mer"})

    assert server.requests[0].headers["x-shop"].encode("latin-1").decode() == "Kr\u00e4mer"


def test_an_unreadable_authority_file_is_named(tmp_path):
    """`ca_file` that is no PEM file gives one clear message."""
    wrong = tmp_path / "ca.pem"
    wrong.write_text("hello")

    with pytest.raises(UnreachableError, match=r"ca\.pem cannot be used"):
        build_tls_context(wrong)


def test_every_transport_error_is_translated():
    """Each of httpx's request errors becomes one of ours, and only connecting ones claim that nothing was sent."""
    kinds = [
        kind
        for _name, kind in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(kind, httpx.RequestError) and not kind.__subclasses__()
    ]

    translated = {kind.__name__: type(_translate(kind("words"), "http://shop.test/")).__name__ for kind in kinds}

    unsent = {name for name, ours in translated.items() if ours == "UnreachableError"}
    assert unsent == {"ConnectTimeout", "ConnectError", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
    assert set(translated.values()) == {"UnreachableError", "UnansweredError"}


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch):
    """`HTTP_PROXY` does not change who the shop sees."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    seen: list[Received] = []

    async with ScriptedServer(lambda request: (seen.append(request), Reply(json={}))[1]) as server:
        await exchange(server.url)

    assert len(seen) == 1
