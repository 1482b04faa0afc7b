"""The HTTP server: uvicorn, driven by us.

uvicorn would take the signals for itself, bind its address late and end the process where that fails. Here the address
is taken before any work begins, signals are the command's own, and the end of the server is awaited like anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from connector import log
from connector.errors import ServerError
from connector.server.doors.connection import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

    from connector.config.settings import Settings

_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 75
"""How long a connection without a request is kept open, seconds. Longer than proxies keep theirs by default (60 s), so
that none sends a request into one that is just being closed."""

logger = log.get_logger()


class HttpServer:
    """Serves an application at one address.

    Attributes:
        url: Where this machine reaches it, such as `http://127.0.0.1:8484/`.
        port: The port it listens on, also where it was to choose a free one.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the address; connections wait from here on until `run` answers them.

        Args:
            settings: Its host, port and certificate.

        Raises:
            ServerError: The address cannot be had, or the certificate cannot be used.
        """
        self._certificate, self._key = settings.tls_certificate, settings.tls_key
        self._tls = _make_tls(self._certificate, self._key)
        self._socket = bind(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"{'http' if self._tls is None else 'https'}://{_write_host(settings.host)}:{self.port}/"
        self._server: _Server | None = None
        self._begun = asyncio.Event()

    def renew_certificate(self) -> None:
        """Read the certificate anew; connections that are open keep the old one.

        Raises:
            ServerError: It cannot be used; the old one stays.
        """
        if self._tls is not None and self._certificate is not None:
            _make_tls(self._certificate, self._key)  # a context that has failed half-way would serve neither
            self._tls.load_cert_chain(self._certificate, self._key, password=lambda: "")

    async def run(self, application: ASGIApp, stop: asyncio.Event, *, grace_s: float) -> bool:
        """Answer requests until asked to stop; then take no more, and return when those in flight are answered.

        Args:
            application: Answers them.
            stop: Set by whoever wants it to stop.
            grace_s: How long requests in flight may take then, seconds; after that they are broken off.

        Returns:
            Whether all of them came to their end.
        """
        _relay_library_logs()
        config = uvicorn.Config(
            application,
            http=BoundedProtocol,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # read by connector.server.doors, which knows whom to believe
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            backlog=_BACKLOG,
        )
        config.load()
        config.ssl = self._tls
        self._server = server = _Server(config, self._begun)
        serving = asyncio.ensure_future(server.serve(sockets=[self._socket]))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            if not serving.done():
                await asyncio.wait({serving}, timeout=grace_s)
            is_whole = serving.done() and not server.server_state.tasks
            if not serving.done():
                logger.error(log.BROKEN_OFF, grace_s=grace_s, requests=len(server.server_state.tasks))
                server.force_exit = True
                for task in list(server.server_state.tasks):
                    task.cancel()
                await asyncio.wait({serving}, timeout=1.0)
        finally:
            stopping.cancel()
            serving.cancel()
            await asyncio.wait({serving, stopping})
            self.close()
        if not serving.cancelled():
            serving.result()
        return is_whole

    async def wait_until_serving(self) -> None:
        """Return when requests are answered."""
        await self._begun.wait()

    def close(self) -> None:
        """Let the address go. Safe to call twice."""
        self._socket.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it has begun, and leaves signals alone."""

    def __init__(self, config: uvicorn.Config, begun: asyncio.Event) -> None:
        super().__init__(config)
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._begun.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the command has handlers of its own."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Args:
        host: A name or an address; of several addresses of a name, the first one is taken.
        port: 0 takes a free one.

    Raises:
        ServerError: It cannot be had; the message says why.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServerError(
            f"no address is known by the name {host}",
            cure="--host, or CONNECTOR_HOST, takes a name or address of this machine, such as 127.0.0.1 or 0.0.0.0",
        ) from error
    family, kind, protocol, _, address = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise _explain(error, host, port) from error
    made.setblocking(False)
    return made


def _explain(error: OSError, host: str, port: int) -> ServerError:
    where = f"{_write_host(host)}:{port}"
    if error.errno == errno.EADDRINUSE:
        return ServerError(
            f"the service cannot listen on {where}: another program does",
            cure="choose another port with --port or CONNECTOR_PORT; --port 0 takes a free one",
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return ServerError(
            f"the service cannot listen on {where}: this user may not",
            cure="ports below 1024 are the administrator's: take another one, with a proxy in front of it",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return ServerError(
            f"the service cannot listen on {where}: this machine does not have that address",
            cure="--host takes an address of this machine; 127.0.0.1 is for itself alone, 0.0.0.0 for everybody",
        )
    return ServerError(f"the service cannot listen on {where}: {os.strerror(error.errno) if error.errno else error}")


def _write_host(host: str) -> str:
    """Return a host as it stands in a URL; one that means every address as one that leads here."""
    bare = host.strip("[]")
    if bare in {"0.0.0.0", "::"}:  # noqa: S104 - nothing is bound here
        return "127.0.0.1" if bare == "0.0.0.0" else "[::1]"  # noqa: S104 - likewise
    return f"[{bare}]" if ":" in bare else bare


def _make_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return what speaks TLS, or None where no certificate is set.

    Raises:
        ServerError: One of the two is missing or cannot be used.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "CONNECTOR_TLS_CERTIFICATE" if certificate is None else "CONNECTOR_TLS_KEY"
        raise ServerError(f"TLS needs a certificate and its key: {missing} is not set")
    for path in (certificate, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise ServerError(
                f"{path} cannot be read: {error.strerror}", cure="the service reads it at start"
            ) from error
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])

    def refuse_password() -> str:
        raise ServerError(f"the key {key} is locked by a password", cure="give the service one without: openssl pkey")

    try:
        context.load_cert_chain(certificate, key, password=refuse_password)
    except ssl.SSLError as error:
        raise ServerError(
            f"{certificate} and {key} are no certificate and its key: {error.reason or error}",
            cure="both are PEM files; the certificate comes first in its chain, and belongs to the key",
        ) from error
    return context


class _Relay(logging.Handler):
    """Turns what uvicorn logs into lines of ours. Tracebacks come with them: an endpoint that fails is a fault."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on."""
        facts: dict[str, Any] = {"reason": record.getMessage().strip()}
        if record.exc_info and not isinstance(record.exc_info[1], asyncio.CancelledError):  # else it was broken off
            logger.error(log.FAULT, **facts, exc_info=record.exc_info)
        elif record.levelno >= logging.WARNING:
            logger.debug(log.HTTP_NOTE, **facts)


_relay: Final = _Relay(logging.WARNING)


def _relay_library_logs() -> None:
    library = logging.getLogger("uvicorn.error")
    library.setLevel(logging.WARNING)
    if _relay not in library.handlers:
        library.addHandler(_relay)
    library.propagate = False
