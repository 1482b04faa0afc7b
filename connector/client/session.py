"""One session with a remote system: log in, call, notice that the session is gone, log in again.

A session is used by one lease at a time and sends one request at a time, because parallel calls of one session
overwrite each other in the shop. What a dialect decides is carried out here; nothing here knows a remote system.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from connector import trace
from connector.client.status import LOOK_FIRST
from connector.errors import UnansweredError, UnreachableError
from connector.interfaces import Probe, SessionState
from connector.request import Answer, Effect, Exchange, FieldError, Operation, Repeat, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from connector.client.detection import Detector
    from connector.client.http import HttpConnection
    from connector.client.rate import RateLimiter
    from connector.interfaces import Credential, Dialect
    from connector.redaction import Redactor
    from connector.request import PageInput, Request, Response
    from connector.trace import Span

LOGIN: Final = Operation(
    entity="session.login",
    title="Session - Log in",
    route="",
    effect=Effect.SESSION,
    repeat=Repeat.SAFE,
)
DETECTION: Final = Operation(
    entity="session.dialect",
    title="Session - Find out the dialect",
    route="",
    effect=Effect.READ,
    repeat=Repeat.SAFE,
)

_FORBIDDEN: Final = 403

_KEPT: Final = {"success": "kept for the calls to come, nothing was sent"}
"""What a local operation is answered with, in the shape that the same operation has where it is sent."""


class LoginGate:
    """Lets one log-in go first while it is unknown whether the credential works; the others wait for its result.

    A refusal is shared by all that waited, so that a wrong key costs the shop one request and not one a session. Once
    a log-in has succeeded, sessions log in side by side.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._is_proven = False
        self._refusals = 0
        self._last_refusal: Answer | None = None

    async def enter(self, log_in: Callable[[], Awaitable[SessionState | Answer]]) -> SessionState | Answer:
        """Return what the log-in gave, or the refusal that another log-in got while this one waited."""
        if self._is_proven:
            return self._note(await log_in())
        seen = self._refusals
        async with self._lock:
            if not self._is_proven and self._refusals > seen and self._last_refusal is not None:
                return self._last_refusal
            return self._note(await log_in())

    def _note(self, result: SessionState | Answer) -> SessionState | Answer:
        if isinstance(result, SessionState):
            self._is_proven = True
        else:
            self._is_proven = False
            self._refusals += 1
            self._last_refusal = result
        return result


class HttpSession:
    """A session over HTTP. Implements `connector.interfaces.Session`."""

    def __init__(
        self,
        *,
        base_url: str,
        detector: Detector,
        credential: Credential,
        connection: HttpConnection,
        gate: LoginGate,
        redactor: Redactor,
        limiter: RateLimiter | None = None,
    ) -> None:
        self._base_url = base_url
        self._detector = detector
        self._credential = credential
        self._connection = connection
        self._gate = gate
        self._redactor = redactor
        self._limiter = limiter
        self._dialect: Dialect | None = None
        self._state: SessionState | None = None
        self._is_used = False
        self._idle_since_s = time.monotonic()
        self.observe: Callable[[Exchange], None] = ignore_exchange

    @property
    def is_open(self) -> bool:
        """Whether a log-in was made that nothing is known to have ended."""
        return self._state is not None

    @property
    def is_used(self) -> bool:
        """Whether a call was made that leaves something in the session: such a session serves no second lease."""
        return self._is_used

    @property
    def idle_s(self) -> float:
        """Seconds since the last call ended."""
        return time.monotonic() - self._idle_since_s

    def forget(self) -> None:
        """Throw the session away; the next call logs in."""
        self._state = None
        self._is_used = False

    async def find_dialect(self) -> str | Answer:
        """Return the name of the dialect that is spoken, or the answer that kept it from being known."""
        found = await self._detector.find(self._ask)
        return found if isinstance(found, Answer) else found.name

    async def renew(self) -> Answer | None:
        """Throw the session away and log in. None, or the answer that refused the log-in."""
        self.forget()
        dialect = await self._detector.find(self._ask)
        if isinstance(dialect, Answer):
            return dialect
        result: SessionState | Answer = SessionState()
        if dialect.needs_login:
            result = await self._gate.enter(lambda: self._log_in(dialect))
        if isinstance(result, Answer):
            return result
        self._dialect, self._state = dialect, result
        return None

    async def log_in(self) -> Answer | None:
        """Log in and nothing else, or have the credential looked at where there is no log-in.

        Returns:
            None, or the answer that refused it. None as well where nothing can be asked.
        """
        refused = await self.renew()
        if refused is not None or self._dialect is None or self._dialect.needs_login:
            return refused
        result = await self._log_in(self._dialect)
        return result if isinstance(result, Answer) else None

    async def send(
        self,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        *,
        depart: Callable[[], Awaitable[None]] | None = None,
    ) -> Answer:
        """Send one call, after a log-in where none is open. Transport trouble is a verdict, not an exception.

        A log-in that fails is the answer to the call, which was not sent then. A local operation sends nothing.

        Args:
            operation: What to call.
            payload: What to send.
            page: What a page adds to it.
            depart: Awaited when the request itself is about to leave; what it raises keeps it from leaving.

        Raises:
            PayloadError: The payload cannot be encoded, or speaks of something the draft lacks; nothing was sent.
        """
        if self._state is None:
            refused = await self.renew()
            if refused is not None:
                return refused
        assert self._state is not None
        assert self._dialect is not None
        dialect, state = self._dialect, self._state
        if operation.is_local:
            self._is_used = True
            answer = Answer(Verdict.OK, value=dict(_KEPT))
        else:
            request = dialect.build_request(self._base_url, operation, payload, page, state, self._credential)
            self._is_used = self._is_used or operation.is_stateful
            answer = await self._exchange(
                operation, request, lambda response: dialect.read(operation, response), depart=depart
            )
        if answer.verdict.is_success:
            self._state = dialect.advance(operation, payload, answer, state)
        elif answer.verdict is Verdict.LOST_SESSION:
            self.forget()
        return answer

    async def _log_in(self, dialect: Dialect) -> SessionState | Answer:
        request = dialect.build_login(self._base_url, self._credential)
        if request is None:
            return SessionState()
        state: SessionState | None = None

        def read(response: Response) -> Answer:
            nonlocal state
            result = dialect.read_login(response)
            if isinstance(result, Answer):
                return result
            state = result
            self._redactor.learn(*result.secrets)
            return Answer(Verdict.OK, status=response.status)

        answer = await self._exchange(LOGIN, request, read)
        if state is not None:
            return state
        if answer.verdict is Verdict.FAULT or (dialect.needs_login and answer.status == _FORBIDDEN):
            self._detector.doubt()  # no log-in of this dialect is answered like that
        return _as_unsent(answer, "the log-in failed")

    async def _ask(self, probe: Probe) -> Dialect | Probe | Answer:
        """Send a probe's question and return what its answer leads to."""
        found: Dialect | Probe | None = None

        def read(response: Response) -> Answer:
            nonlocal found
            result = probe.read(response)
            if isinstance(result, Answer):
                return result
            found = result
            return Answer(Verdict.OK, status=response.status)

        answer = await self._exchange(DETECTION, probe.request, read)
        return found if found is not None else _as_unsent(answer, "the dialect could not be found out")

    async def _exchange(
        self,
        operation: Operation,
        request: Request,
        read: Callable[[Response], Answer],
        *,
        depart: Callable[[], Awaitable[None]] | None = None,
    ) -> Answer:
        if self._limiter is not None:
            await self._limiter.wait()
        if depart is not None:
            await depart()
        with trace.span(f"{request.method} {operation.entity}", kind="client") as span:
            exchange, answer = await self._carry(operation, request, read)
            if span.is_recorded:
                self._tell_span(span, exchange)
        self.observe(exchange)
        return answer

    async def _carry(
        self,
        operation: Operation,
        request: Request,
        read: Callable[[Response], Answer],
    ) -> tuple[Exchange, Answer]:
        """Send a request, and read what comes back."""
        started_at = datetime.now(UTC)
        started_s = time.perf_counter()
        response: Response | None = None
        failure: str | None = None
        try:
            response = await self._connection.exchange(request)
            answer = self._hide_secrets(read(response))
        except UnreachableError as error:
            failure = error.message
            answer = Answer(Verdict.UNREACHABLE, reason=error.message, cure=error.cure)
        except UnansweredError as error:
            failure = error.message
            looks = LOOK_FIRST if operation.effect.commits else None
            cure = "; ".join(filter(None, (looks, error.cure))) or None
            answer = Answer(Verdict.UNKNOWN, reason=error.message, cure=cure)
        self._idle_since_s = time.monotonic()
        exchange = Exchange(
            entity=operation.entity,
            request=request,
            response=response,
            failure=failure,
            started_at=started_at,
            duration_ms=(time.perf_counter() - started_s) * 1000,
            verdict=answer.verdict,
        )
        return exchange, answer

    def _tell_span(self, span: Span, exchange: Exchange) -> None:
        """Tell a span of an exchange, by OpenTelemetry's conventions for HTTP; no query, no body, no user."""
        address = urlsplit(exchange.request.url)
        host = address.hostname or ""
        port = address.port or (443 if address.scheme == "https" else 80)
        url = urlunsplit((address.scheme, address.netloc.rpartition("@")[2], address.path, "", ""))
        span.put(
            {
                "http.request.method": exchange.request.method,
                "url.full": self._redactor.mask_text(url),
                "server.address": host,
                "server.port": port,
                "connector.entity": exchange.entity,
                "connector.verdict": exchange.verdict.value,
            }
        )
        if exchange.response is not None:
            span.put({"http.response.status_code": exchange.response.status})
        if not exchange.verdict.is_success:
            span.fail(exchange.verdict.value)

    def _hide_secrets(self, answer: Answer) -> Answer:
        """Return an answer whose words can be shown: a remote system that quotes a key does not bring it into errors.

        The value stays as it came, since it is data and not said to anybody.
        """
        if not (answer.reason or answer.errors or answer.notices):
            return answer
        mask = self._redactor.mask_text
        errors = tuple(FieldError(error.field, mask(error.message)) for error in answer.errors)
        return replace(answer, reason=mask(answer.reason), errors=errors, notices=tuple(map(mask, answer.notices)))

    async def aclose(self) -> None:
        """Close the connection. Safe to call twice."""
        self.forget()
        await self._connection.aclose()


def _as_unsent(answer: Answer, what: str) -> Answer:
    """Return a failure ahead of a call as the answer to the call: it leaves nothing unknown, as nothing was sent."""
    verdict = Verdict.UNREACHABLE if answer.verdict is Verdict.UNKNOWN else answer.verdict
    return replace(answer, verdict=verdict, reason=f"{what}: {answer.reason or answer.verdict.value}")


def ignore_exchange(_exchange: Exchange) -> None:
    """Do nothing: nobody watches a session between its leases."""
