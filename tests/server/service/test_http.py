"""The HTTP server under the application: TLS, a certificate that is renewed, requests in flight."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme

from connector.config.settings import Settings
from connector.errors import ServerError
from connector.server.http import HttpServer, bind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Application:
    """Answers each request, once it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.has_begun = asyncio.Event()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer one request."""
        self.has_begun.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def running(
    server: HttpServer, application: Application, *, grace_s: float = 30.0
) -> AsyncIterator[tuple[asyncio.Event, asyncio.Task[bool]]]:
    """Run a server for the length of a block; gives what stops it, and its run."""
    stop = asyncio.Event()
    run = asyncio.create_task(server.run(application, stop, grace_s=grace_s))
    await server.wait_until_serving()
    try:
        yield stop, run
    finally:
        stop.set()
        await run


def make_server(**settings: Any) -> HttpServer:
    """A server on a free port."""
    return HttpServer(Settings(port=0, **settings))


async def test_requests_in_flight_are_answered():
    """Asked to stop, it ends when the last one has its answer."""
    application, server = Application(), make_server()
    application.may_answer.clear()
    async with running(server, application) as (stop, run), httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(server.url))
        await application.has_begun.wait()
        stop.set()
        await asyncio.sleep(0)
        application.may_answer.set()

        assert (await asking).text == "ok"
        assert await run is True


async def test_requests_that_take_longer_than_the_grace_are_broken_off():
    """The server ends all the same, and says that it did not answer all."""
    application, server = Application(), make_server()
    application.may_answer.clear()
    async with running(server, application, grace_s=0.2) as (stop, run), httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(server.url))
        await application.has_begun.wait()
        stop.set()

        assert await run is False
        assert (await asyncio.gather(asking, return_exceptions=True)) != ["ok"]


async def test_connections_that_only_wait_do_not_keep_it():
    """A browser that keeps its connection open does not hold the process up."""
    application, server = Application(), make_server()
    async with running(server, application) as (stop, run), httpx.AsyncClient() as client:
        await client.get(server.url)
        stop.set()

        assert await run is True


async def test_connections_wait_from_the_moment_the_address_is_taken():
    """Who connects while everything else starts is answered once it has, and not refused."""
    server = make_server()
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(server.url))
        await asyncio.sleep(0.05)
        async with running(server, Application()):
            assert (await asking).text == "ok"


async def test_a_certificate_is_renewed_without_a_restart(tmp_path: Path):
    """After a reload, whoever connects gets the new one."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    authorities = [trustme.CA(), trustme.CA()]
    write_certificate(authorities[0], certificate, key)
    server = make_server(tls_certificate=certificate, tls_key=key)
    async with running(server, Application()):
        before = await ask(server.url, authorities[0])
        write_certificate(authorities[1], certificate, key)
        server.renew_certificate()
        after = await ask(server.url, authorities[1])

    assert server.url.startswith("https://")
    assert [before, after] == ["ok", "ok"]


async def test_a_certificate_that_cannot_be_used_leaves_the_old_one(tmp_path: Path):
    """Half a renewal is refused, and nobody is shut out by it."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    authority = trustme.CA()
    write_certificate(authority, certificate, key)
    server = make_server(tls_certificate=certificate, tls_key=key)
    async with running(server, Application()):
        certificate.write_text("none of this is PEM")

        with pytest.raises(ServerError, match="are no certificate and its key"):
            server.renew_certificate()
        assert await ask(server.url, authority) == "ok"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read: No such file"), ("none of this is PEM", "are no certificate and its key")],
)
def test_a_certificate_that_cannot_be_used_is_told(content: str | None, message: str, tmp_path: Path):
    """At the start, in one line."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    if content is not None:
        certificate.write_text(content)
        key.write_text(content)

    with pytest.raises(ServerError, match=message):
        make_server(tls_certificate=certificate, tls_key=key)


def test_a_port_is_had_by_one():
    """Not even two that have only just begun share it."""
    with bind("127.0.0.1", 0) as first, pytest.raises(ServerError, match="another program does"):
        bind("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:"), ("127.0.0.1", "http://127.0.0.1:")])
def test_the_address_that_is_told_leads_here(host: str, url: str):
    """One that means every address is told as one that can be opened."""
    server = make_server(host=host)

    assert server.url == f"{url}{server.port}/"
    server.close()


def write_certificate(authority: trustme.CA, certificate: Path, key: Path) -> None:
    """Have an authority give out a certificate for 127.0.0.1."""
    given = authority.issue_cert("127.0.0.1")
    given.private_key_pem.write_to_path(key)
    certificate.write_bytes(b"".join(blob.bytes() for blob in given.cert_chain_pems))


async def ask(url: str, authority: trustme.CA) -> str:
    """Return the answer of a server whose certificate an authority has given out."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with httpx.AsyncClient(verify=context) as client:
        return (await client.get(url)).text
