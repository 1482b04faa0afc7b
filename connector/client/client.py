"""Configured access to one remote system: its sessions, its rate limit, its request log."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from connector import log
from connector.client.reading import read_body
from connector.client.session import ignore_exchange
from connector.redaction import MASK
from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.client.detection import Detector
    from connector.client.pool import PoolUsage, SessionPool
    from connector.client.session import HttpSession
    from connector.redaction import Redactor
    from connector.request import Answer, Exchange, Response

_LONGEST_SHOWN: Final = 4000
"""Characters of a body shown in a log line or report."""

logger = log.get_logger()


class HttpClient:
    """A client over HTTP. Implements `connector.interfaces.Client`."""

    def __init__(
        self, name: str, *, pool: SessionPool, redactor: Redactor, detector: Detector, logs_requests: bool
    ) -> None:
        """Put together what `connector.app` has built.

        Args:
            name: The client's name in the configuration.
            pool: Its sessions.
            redactor: Masks what is logged.
            detector: Knows the dialect that its sessions speak, or finds it out.
            logs_requests: Whether every exchange is logged, masked.
        """
        self._name = name
        self._pool = pool
        self._redactor = redactor
        self._detector = detector
        self._logs_requests = logs_requests
        self._memory: dict[str, int] = {}
        self._hearsay: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"HttpClient({self._name!r}, dialect={self.dialect!r})"

    @property
    def name(self) -> str:
        """The client's name in the configuration."""
        return self._name

    @property
    def dialect(self) -> str:
        """Name of the dialect it speaks; `auto` until it has been found out."""
        return self._detector.name

    @property
    def memory(self) -> dict[str, int]:
        """The highest id seen of each kind (`order_id`), for as long as the process runs."""
        return self._memory

    @property
    def hearsay(self) -> dict[str, int]:
        """Ids that an earlier process knew, by kind, of which nobody has seen yet that the remote system has them."""
        return self._hearsay

    @property
    def usage(self) -> PoolUsage:
        """How its sessions are used at this moment."""
        return self._pool.usage

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
            try:
                yield session
            finally:
                session.observe = ignore_exchange

    async def log_in(self, *, observe: Callable[[Exchange], None] | None = None) -> Answer | None:
        """Open a session and nothing else, or have the credential looked at where no session is opened.

        Returns:
            None, or the answer that refused it. None as well where nothing can be asked.
        """
        async with self.lease(is_stateful=False, observe=observe) as session:
            return await session.log_in()

    async def aclose(self) -> None:
        """Close every session and connection. Safe to call twice."""
        await self._pool.aclose()

    def _log(self, exchange: Exchange) -> None:
        shown = show_exchange(exchange, self._redactor)
        write = logger.info if exchange.verdict in {Verdict.OK, Verdict.EMPTY} else logger.warning
        write(log.EXCHANGE, client=self._name, **shown)


def show_exchange(exchange: Exchange, redactor: Redactor) -> dict[str, Any]:
    """Return an exchange as JSON for people: secrets, tokens and personal values masked, long bodies cut.

    Returns:
        `entity`, `method`, `url`, `query`, `status` (None where nothing came back), `verdict`, `started_at`,
        `duration_ms`, `request` (flat form, or the JSON payload), `response` (JSON, or text), `failure` where the
        transport failed. A body of more than 4,000 characters, JSON or not, is shown as the text of its beginning.
    """
    request, response = exchange.request, exchange.response
    payload = redactor.mask(request.json) if request.json is not None else redactor.mask_pairs(request.form)
    shown: dict[str, Any] = {
        "entity": exchange.entity,
        "method": request.method,
        "url": _mask_url(request.url, redactor),
        "query": redactor.mask_pairs(request.query),
        "status": response.status if response else None,
        "verdict": exchange.verdict.value,
        "started_at": exchange.started_at.isoformat(timespec="milliseconds"),
        "duration_ms": round(exchange.duration_ms, 1),
        "request": _cut(payload, len(request.body)),
    }
    if response is not None:
        shown["response"] = _show_body(response, redactor)
    if exchange.failure is not None:
        shown["failure"] = redactor.mask_text(exchange.failure)
    return shown


def _mask_url(url: str, redactor: Redactor) -> str:
    """Return an address with the values of its query masked: a next link carries what its maker put there."""
    address, mark, query = url.partition("?")
    pairs = redactor.mask_pairs(parse_qsl(query, keep_blank_values=True))
    return redactor.mask_text(address) + mark + urlencode(pairs, safe=MASK)


def _show_body(response: Response, redactor: Redactor) -> Any:
    reading = read_body(response.body, response.headers.get("content-type", ""))
    if reading.has_json:
        return _cut(redactor.mask(reading.value), len(response.body))
    return _cut_text(redactor.mask_text(response.body.decode("utf-8", "replace")))


def _cut(payload: Any, size_bytes: int) -> Any:
    """Return a masked payload as it is, or the beginning of its JSON where it is long."""
    if size_bytes <= _LONGEST_SHOWN:
        return payload
    try:
        return _cut_text(orjson.dumps(payload, default=str).decode())
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits
        return _cut_text(json.dumps(payload, default=str, ensure_ascii=False, separators=(",", ":")))


def _cut_text(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(text):,} characters)"
