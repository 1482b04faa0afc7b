"""httpx's transport over aiohttp: the requests of one session, at a sixth of what httpx's own transport costs.

What matters most about a failure is whether any byte of the request can have left. Here that is a matter of structure,
not of the kind of error: as long as there is no connection, whatever goes wrong is a `httpx.ConnectError`,
`ConnectTimeout` or `ProxyError`; from then on none of these is raised any more.
"""

from __future__ import annotations

import base64
import errno
import io
import os
import re
import select
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx
import yarl
from aiohttp.resolver import ThreadedResolver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import NoReturn

    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

BEGIN: Final = "begin"
"""Extension of a request: called without arguments when there is a connection and nothing was sent over it yet."""

_LONGEST_LINE: Final = 64 * 1024
"""Of an answer's head, bytes; browsers take as much, aiohttp by itself an eighth of it."""

_LARGE: Final = 512 * 1024
"""Bodies from this size on are handed over in pieces, so that other sessions get their turn."""

_HEADER_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(rb"(?:[^\x00-\x20\x7f](?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?")
"""RFC 9110, sections 5.1 and 5.5."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends one request at a time over one connection, which it keeps for the next one.

    A POST is sent at most once: aiohttp repeats requests with a method that RFC 9110 calls idempotent, and only those,
    when a kept connection turns out to be closed.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        connect_s: float,
        keep_alive_s: float,
        proxy: str | None = None,
        proxy_auth: tuple[str, str] | None = None,
    ) -> None:
        """Prepare; nothing is opened before the first request.

        Args:
            tls: Whom to trust.
            connect_s: Longest wait for a connection: the host's address, a proxy's consent and TLS included.
            keep_alive_s: How long an idle connection is kept, seconds.
            proxy: Address of an HTTP proxy, or None. Proxy variables of the environment are not read.
            proxy_auth: User and password for the proxy, or None.
        """
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_s)
        self._keep_alive_s = keep_alive_s
        self._proxy = proxy
        self._proxy_headers: dict[str, str] = {}
        if proxy_auth is not None:
            both = base64.b64encode(":".join(proxy_auth).encode()).decode("ascii")
            self._proxy_headers["proxy-authorization"] = f"Basic {both}"
        self._session: aiohttp.ClientSession | None = None
        self._connector: _Connector | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer with its body still to be read.

        Raises:
            httpx.LocalProtocolError: HTTP cannot say a header; nothing was sent.
            httpx.ConnectError: There was no connection, and nothing was sent; so with `ConnectTimeout`, `ProxyError`
                and `UnsupportedProtocol`.
            httpx.TransportError: Any other: sent, at least in part, and not answered.
        """
        headers = [_read_header(*header) for header in request.headers.raw]
        session, connector = self._open()
        proxy_headers: dict[str, str] | None = None
        if self._proxy is not None:  # it reads the request itself, or the one for a tunnel
            proxy_headers = self._proxy_headers if request.url.scheme == "https" else None
            headers += [] if proxy_headers is not None else self._proxy_headers.items()
        has_begun = False

        def begin() -> None:
            nonlocal has_begun
            has_begun = True
            notify = request.extensions.get(BEGIN)
            if notify is not None:
                notify()

        connector.begin = begin
        try:
            response = await session.request(
                request.method,
                _to_yarl(str(request.url)),
                headers=headers,
                data=await _read_body(request),
                allow_redirects=False,
                proxy=self._proxy,
                proxy_headers=proxy_headers,
            )
        except (aiohttp.ClientError, OSError) as error:
            if has_begun:
                _raise_broken(error)
            _raise_unsent(error)
        return httpx.Response(
            response.status, headers=list(response.raw_headers), stream=_Body(response), request=request
        )

    def _open(self) -> tuple[aiohttp.ClientSession, _Connector]:
        if self._session is None or self._connector is None:
            self._connector = _Connector(
                limit=1, ssl=self._tls, keepalive_timeout=self._keep_alive_s, resolver=ThreadedResolver()
            )
            self._session = aiohttp.ClientSession(
                connector=self._connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
                max_line_size=_LONGEST_LINE,
                max_field_size=_LONGEST_LINE,
            )
        return self._session, self._connector

    async def aclose(self) -> None:
        """Close the connection. Safe to call twice."""
        if self._session is not None:
            await self._session.close()


class _Connector(aiohttp.TCPConnector):
    """Says when there is a connection, and looks at a kept one before it is used."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.begin: Callable[[], None] = lambda: None
        self._last: object = None

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """Return a connection that was not closed at its other end, as far as this machine knows.

        A server that closes while this process is busy is not noticed before its loop comes round, and a request that
        is sent into a closed connection is one of which nobody knows what became.
        """
        connection = await super().connect(req, traces, timeout)
        if connection.transport is self._last and _has_something_to_say(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        self._last = connection.transport
        self.begin()
        return connection


def _has_something_to_say(connection: Connection) -> bool:
    """Whether the other end of an idle connection has sent something, which can be only that it closes it."""
    socket = connection.transport.get_extra_info("socket") if connection.transport is not None else None
    if socket is None or socket.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            _raise_broken(error)

    async def aclose(self) -> None:
        """Keep the connection where the body was read to its end, else close it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


@lru_cache(maxsize=1024)
def _read_header(name: bytes, value: bytes) -> tuple[str, str]:
    """Return a header as text; UTF-8 is what aiohttp makes of it again.

    Raises:
        httpx.LocalProtocolError: HTTP cannot say it.
    """
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise httpx.LocalProtocolError(f"the header {name[:100].decode(errors='replace')!r} cannot stand in a request")
    return name.decode("ascii"), value.decode()


@lru_cache(maxsize=512)
def _to_yarl(url: str) -> yarl.URL:
    try:
        address = yarl.URL(url, encoded=True)
        if not address.raw_host:  # reading it reads the port as well, which may be none
            raise httpx.UnsupportedProtocol("it names no host")
    except ValueError as error:
        raise httpx.UnsupportedProtocol(str(error)) from error
    return address


async def _read_body(request: httpx.Request) -> bytes | io.BytesIO:
    body = await request.aread()
    return body if len(body) < _LARGE else io.BytesIO(body)


def _raise_unsent(error: aiohttp.ClientError | OSError) -> NoReturn:
    """Raise httpx's error for one that kept a connection from being made."""
    match error:
        case aiohttp.ServerTimeoutError() | TimeoutError():
            raise httpx.ConnectTimeout("there was no connection in time") from error
        case aiohttp.ClientHttpProxyError():
            raise httpx.ProxyError(f"{error.status} {error.message}") from error
        case aiohttp.ClientProxyConnectionError():
            raise httpx.ProxyError(_describe(error.os_error)) from error
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            raise httpx.UnsupportedProtocol(str(error)) from error
        case aiohttp.ClientConnectorError():
            raise httpx.ConnectError(_describe(error.os_error)) from error.os_error  # tells names, TLS and ports apart
        case _:
            raise httpx.ConnectError(str(error) or type(error).__name__) from error


def _raise_broken(error: aiohttp.ClientError | OSError) -> NoReturn:
    """Raise httpx's error for one that came when the request was under way."""
    match error:
        case aiohttp.ServerDisconnectedError():
            raise httpx.RemoteProtocolError("the server closed the connection without an answer") from error
        case aiohttp.ClientPayloadError():
            raise httpx.RemoteProtocolError("the answer ended early") from error
        case aiohttp.ClientResponseError():
            words = error.message.partition("\n")[0].rstrip(":") or "it is no HTTP"
            raise httpx.RemoteProtocolError(f"the answer cannot be read: {words}") from error
        case OSError():
            raise httpx.ReadError(_describe(error)) from error
        case _:
            raise httpx.ReadError(str(error) or type(error).__name__) from error


def _describe(error: OSError) -> str:
    """Return the system's words for an error; asyncio's name addresses, which are none of the reader's choosing."""
    if error.errno and error.errno in errno.errorcode and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
