"""Configured access to one remote system: its sessions, its rate limit, its request log."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from connector import log
from connector.client.reading import read_body
from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.client.pool import SessionPool
    from connector.client.session import HttpSession
    from connector.redaction import Redactor
    from connector.request import Answer, Exchange

_LONGEST_LOGGED: Final = 4000
"""Characters of a body shown in a log line."""

logger = log.get_logger()


class HttpClient:
    """A client over HTTP. Implements `connector.interfaces.Client`."""

    def __init__(self, name: str, *, pool: SessionPool, redactor: Redactor, dialect: str, logs_requests: bool) -> None:
        """Put together what `connector.app` has built.

        Args:
            name: The client's name in the configuration.
            pool: Its sessions.
            redactor: Masks what is logged.
            dialect: Name of the dialect, for people.
            logs_requests: Whether every exchange is logged, masked.
        """
        self._name = name
        self._pool = pool
        self._redactor = redactor
        self._dialect = dialect
        self._logs_requests = logs_requests

    def __repr__(self) -> str:
        return f"HttpClient({self._name!r}, dialect={self._dialect!r})"

    @property
    def name(self) -> str:
        """The client's name in the configuration."""
        return self._name

    @property
    def dialect(self) -> str:
        """Name of the dialect it speaks."""
        return self._dialect

    @asynccontextmanager
    async def lease(
        self, *, is_stateful: bool, observe: Callable[[Exchange], None] | None = None
    ) -> AsyncIterator[HttpSession]:
        """Wait for a free session and hold it until the block ends.

        Args:
            is_stateful: Whether any call to come uses what the session holds; if so, it starts empty.
            observe: Called with every exchange of the lease, log-ins included, after it ended.
        """

        def watch(exchange: Exchange) -> None:
            if self._logs_requests:
                self._log(exchange)
            if observe is not None:
                observe(exchange)

        async with self._pool.lease(is_stateful=is_stateful) as session:
            session.observe = watch
            yield session

    async def log_in(self, *, observe: Callable[[Exchange], None] | None = None) -> Answer | None:
        """Open a session and nothing else. None, or the answer that refused it."""
        async with self.lease(is_stateful=False, observe=observe) as session:
            return await session.renew()

    async def aclose(self) -> None:
        """Close every session and connection. Safe to call twice."""
        await self._pool.aclose()

    def _log(self, exchange: Exchange) -> None:
        shown = show_exchange(exchange, self._redactor)
        write = logger.info if exchange.verdict in {Verdict.OK, Verdict.EMPTY} else logger.warning
        write(log.EXCHANGE, client=self._name, **shown)


def show_exchange(exchange: Exchange, redactor: Redactor) -> dict[str, Any]:
    """Return an exchange as JSON for people: secrets, tokens and personal values masked, long texts cut.

    Returns:
        `entity`, `method`, `url`, `query`, `status` (None where nothing came back), `verdict`, `started_at`,
        `duration_ms`, `request` (flat form, or the JSON payload), `response` (JSON, or text in front of 4,000
        characters), `failure` where the transport failed.
    """
    request, response = exchange.request, exchange.response
    shown: dict[str, Any] = {
        "entity": exchange.entity,
        "method": request.method,
        "url": redactor.mask_text(request.url),
        "query": redactor.mask_pairs(request.query),
        "status": response.status if response else None,
        "verdict": exchange.verdict.value,
        "started_at": exchange.started_at.isoformat(timespec="milliseconds"),
        "duration_ms": round(exchange.duration_ms, 1),
        "request": redactor.mask(request.json) if request.json is not None else redactor.mask_pairs(request.form),
    }
    if response is not None:
        shown["response"] = _show_body(response.body, response.headers.get("content-type", ""), redactor)
    if exchange.failure is not None:
        shown["failure"] = redactor.mask_text(exchange.failure)
    return shown


def _show_body(body: bytes, content_type: str, redactor: Redactor) -> Any:
    reading = read_body(body, content_type)
    if reading.has_json:
        return redactor.mask(reading.value)
    text = redactor.mask_text(body.decode("utf-8", "replace"))
    return text if len(text) <= _LONGEST_LOGGED else f"{text[:_LONGEST_LOGGED]}… ({len(text)} characters)"
