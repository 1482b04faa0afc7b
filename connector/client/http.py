"""One connection to one remote system, in httpx's terms: send a request, get the whole answer or a precise error.

The two errors differ in the one thing that matters for writing: `UnreachableError` means that nothing was sent,
`UnansweredError` that the remote system may have acted. Redirects are not followed, cookies are not kept, answers are
bounded, every wait is finite.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import httpx

from connector.client.transport import BEGIN, AiohttpTransport
from connector.errors import UnansweredError, UnreachableError
from connector.request import Response

if TYPE_CHECKING:
    from pathlib import Path

    from connector.request import Request

KEEP_ALIVE_S: Final = 2.0
"""Idle connections are given up early: web servers close theirs after 5 seconds or more (Apache's default), and a
request sent into a closing connection is one whose outcome nobody knows."""

USER_AGENT: Final = "connector/0.1"

_ENCODINGS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""What answers may be packed with, and zlib's word for it. Each layer multiplies: one alone can be bounded."""


def build_tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies host and certificate; it is costly to make (10 ms), so one serves all sessions.

    Args:
        ca_file: Further authorities to trust (PEM), for shops with a private certificate; None for the usual ones.

    Raises:
        UnreachableError: The file cannot be read or holds no certificate.
    """
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise UnreachableError(
                f"ca_file {ca_file} cannot be used: {error}", cure="give a PEM file with the authority's certificate"
            ) from error
    return context


class HttpConnection:
    """A keep-alive connection of one session; one request at a time."""

    def __init__(
        self,
        *,
        connect_s: float,
        total_s: float,
        max_bytes: int,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        proxy_auth: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is opened before the first request.

        Args:
            connect_s: Longest wait for a connection, TLS included, seconds.
            total_s: Longest wait from first byte sent to last byte received, seconds.
            max_bytes: Longest body taken, bytes after decompression.
            tls: Whom to trust. None trusts nobody, which is enough where every address is http:// and saves the 30 ms
                that loading the usual authorities takes; see `build_tls_context`.
            proxy: Address of an HTTP proxy, or None. Proxy variables of the environment are not read: a proxy
                changes the address that a shop's allow-list sees.
            proxy_auth: User and password for the proxy, or None where it asks for none.
            headers: Sent with every request.
            transport: Replaces the network, for tests.
        """
        self._total_s = total_s
        self._longest_s = 2 * connect_s + total_s
        self._max_bytes = max_bytes
        self._headers = {
            "user-agent": USER_AGENT,
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        self._transport = transport or AiohttpTransport(
            tls=tls if tls is not None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            connect_s=connect_s,
            keep_alive_s=KEEP_ALIVE_S,
            proxy=proxy,
            proxy_auth=proxy_auth,
        )

    async def exchange(self, request: Request) -> Response:
        """Send one request and return the whole response.

        Raises:
            UnreachableError: Nothing was sent.
            UnansweredError: Sent, at least in part, and no whole answer came back.
        """
        try:
            # While connecting, the transport's own wait counts: where that ends it, nothing was sent.
            async with asyncio.timeout(self._longest_s) as timer:
                progress = _Progress(timer, self._total_s)
                # The transport itself, not an AsyncClient: redirects, cookies and authentication are not its affair
                # here, and it takes longer over them than over the request.
                response = await self._transport.handle_async_request(self._build(request, progress))
                try:
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise UnansweredError(
                f"no answer within {self._total_s:g} s",
                detail="timeout.total",
                cure="raise timeout.total of the client if the remote system is only slow",
            ) from error
        except httpx.LocalProtocolError as error:
            if progress.has_begun:
                raise _translate(error, request.url) from error
            raise UnreachableError(f"the request cannot be sent: {error}", cure="correct its headers") from error
        except httpx.RequestError as error:
            raise _translate(error, request.url) from error
        return _to_response(response, body)

    def _build(self, request: Request, progress: _Progress) -> httpx.Request:
        try:
            url, host = _parse_url(request.url, request.query)
        except (httpx.InvalidURL, UnicodeError) as error:  # a host that IDNA cannot spell is a UnicodeError
            raise UnreachableError(f"{request.url[:200]} is no address: {error}", cure="correct base_url") from error
        headers = {"host": host, **self._headers, **request.headers, "content-length": str(len(request.body))}
        return httpx.Request(
            request.method,
            url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            stream=httpx.ByteStream(request.body),
            extensions={BEGIN: progress.begin},
        )

    async def _read(self, response: httpx.Response) -> bytes:
        declared = response.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise self._too_large(int(declared))
        unpacker = _find_unpacker(response)
        chunks: list[bytes] = []
        length = 0
        assert isinstance(response.stream, httpx.AsyncByteStream)
        # Unpacked here and not by httpx, which unfolds a chunk as a whole: a few kilobytes may hold gigabytes.
        async for packed in response.stream:
            chunk = unpacker.unpack(packed, self._max_bytes + 1 - length) if unpacker else packed
            length += len(chunk)
            if length > self._max_bytes:
                raise self._too_large(length)
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_large(self, length: int) -> UnansweredError:
        return UnansweredError(
            f"the answer is too large: {length} bytes or more, {self._max_bytes} are accepted",
            detail="max_response",
            cure="ask for less, or raise max_response of the client",
        )

    async def aclose(self) -> None:
        """Close the connection. Safe to call twice."""
        await self._transport.aclose()


@lru_cache(maxsize=512)
def _parse_url(address: str, query: tuple[tuple[str, str], ...]) -> tuple[httpx.URL, str]:
    """Return an address with further parameters, and what goes into the `Host` header for it.

    Raises:
        httpx.InvalidURL: It is no address.
        UnicodeError: Its host cannot be spelt for DNS.
    """
    url = httpx.URL(address)
    if not url.host:  # reading it decodes it
        raise httpx.InvalidURL("it names no host")
    return url.copy_merge_params(query) if query else url, url.netloc.decode("ascii")


class _Unpacker:
    """Decompresses one layer, never more at once than is asked for."""

    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)
        self._may_be_bare = window == zlib.MAX_WBITS  # some servers send deflate without zlib's header

    def unpack(self, packed: bytes, max_bytes: int) -> bytes:
        """Return what a chunk unfolds to, at most so many bytes; the rest of it is left out.

        Raises:
            httpx.DecodingError: The chunk is not what the answer says.
        """
        may_be_bare, self._may_be_bare = self._may_be_bare and bool(packed), self._may_be_bare and not packed
        try:
            return self._zlib.decompress(packed, max_bytes)
        except zlib.error as error:
            if not may_be_bare:
                raise httpx.DecodingError(str(error)) from error
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        return self.unpack(packed, max_bytes)


def _find_unpacker(response: httpx.Response) -> _Unpacker | None:
    """Return what decompresses an answer; None where it is sent as it is."""
    written = response.headers.get("content-encoding", "")
    names = [name for part in written.split(",") if (name := part.strip().lower()) not in {"", "identity"}]
    if not names:
        return None
    if len(names) > 1 or names[0] not in _ENCODINGS:
        raise UnansweredError(
            f"the answer is packed as {written[:100]!r}, accepted is one of gzip, deflate, or none",
            detail="content-encoding",
            cure="correct the compression of the web server, or of the proxy in front of it",
        )
    return _Unpacker(_ENCODINGS[names[0]])


class _Progress:
    """Follows one request, and starts the clock when its first byte leaves."""

    def __init__(self, timer: asyncio.Timeout, total_s: float) -> None:
        self._timer = timer
        self._total_s = total_s
        self.has_begun = False

    def begin(self) -> None:
        """Take note that there is a connection, and that the request goes out now."""
        self.has_begun = True
        self._timer.reschedule(asyncio.get_running_loop().time() + self._total_s)


def _to_response(response: httpx.Response, body: bytes) -> Response:
    headers = response.headers
    # From the jar: asked by name, httpx refuses an answer that sets one name for two paths.
    cookies = response.cookies.jar if "set-cookie" in headers else ()
    return Response(
        status=response.status_code,
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
        cookies={cookie.name: cookie.value or "" for cookie in cookies},
    )


def _translate(error: httpx.RequestError, url: str) -> UnreachableError | UnansweredError:
    """Return our error for one of httpx's; `tests/unit/client/test_http.py` proves that none is left out."""
    host = httpx.URL(url).netloc.decode()
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return UnreachableError(
                f"{host} did not accept a connection in time",
                cure="check base_url and the firewall, or raise timeout.connect of the client",
            )
        case httpx.UnsupportedProtocol():
            return UnreachableError(f"{url} is no web address", cure="begin base_url with https:// or http://")
        case httpx.ProxyError():
            return UnreachableError(f"the proxy refused: {error}", cure="check proxy and proxy_auth of the client")
        case httpx.ConnectError():
            return _translate_connect(error, host)
        case httpx.TimeoutException():
            return UnansweredError(
                f"{host} did not answer in time",
                detail=type(error).__name__,
                cure="raise timeout.total of the client if the remote system is only slow",
            )
        case _:
            detail = str(error) or type(error).__name__
            return UnansweredError(
                f"the connection to {host} broke before a whole answer came back: {detail}", detail=detail
            )


def _translate_connect(error: httpx.ConnectError, host: str) -> UnreachableError:
    text = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UnreachableError(
                f"{host} shows a certificate that is not trusted: {cause.verify_message}",
                cure="correct the shop's certificate, or name its authority with ca_file; verification stays on",
            )
        if isinstance(cause, ssl.SSLError):
            return UnreachableError(
                f"{host} speaks no TLS that can be used: {cause.reason or cause}",
                cure="check whether base_url should begin with http:// and which port it names",
            )
        cause = cause.__cause__ or cause.__context__
    if "getaddrinfo" in text or "Name or service" in text or "name resolution" in text or "nodename" in text:
        return UnreachableError(f"no host is called {host}", cure="check the spelling of base_url, and DNS")
    return UnreachableError(
        f"{host} refused the connection ({text})", cure="check host and port of base_url, and whether it runs"
    )


def find_host(url: str) -> str:
    """Return what goes into the `Host` header for an address: the host, and the port where it is not the usual one."""
    return httpx.URL(url).netloc.decode("ascii")
