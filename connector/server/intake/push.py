"""`POST /api/v1/routes/<route>/push`: records for one route, whose incoming is passed by."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from connector import log
from connector.config.quantity import parse_duration
from connector.config.wording import did_you_mean
from connector.errors import AccessError, ConnectorError, IntakeError, OverloadedError, StoreError, UnknownNameError
from connector.server.intake.exchange import (
    DisconnectedError,
    answer,
    answer_problem,
    find_status,
    read_body,
    read_headers,
)
from connector.server.intake.hooks import MOST_TOLD, describe_taken, locate
from connector.server.intake.outcome import MOST_WAITED_FOR, Outcomes
from connector.server.observe.metrics import judge_intake
from connector.server.observe.request_id import add_log_facts
from connector.webhook.body import Reader, unpack

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from connector.server.context import Context
    from connector.task.accept import Taken

LONGEST_WAIT_S: Final = 60.0
KEY_WINDOW: Final = timedelta(hours=24)
"""How long an `Idempotency-Key` is known."""

LONGEST_KEY: Final = 255

_OTHER: Final = 422
_READER: Final = Reader(is_lenient=True)

logger = log.get_logger()


class Push:
    """Takes what is pushed to routes. An ASGI application; one for a process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._outcomes = Outcomes(context.store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; the route is among its path parameters."""
        route = str(scope["path_params"]["route"])
        try:
            if scope["method"] != "POST":
                raise AccessError("records are pushed by POST", status=405, headers={"Allow": "POST"})
            wait_s, taken = await self._take(route, scope, receive)
            add_log_facts(scope, route=route, tasks=taken.tasks[:MOST_TOLD])
            self._context.metrics.count_intake("push", route, "repeated" if taken.is_repeat else "accepted")
            if wait_s is None:
                await answer(send, 202, describe_taken(taken), locate(taken))
                return
            is_settled, told = await self._follow(taken, wait_s)
        except DisconnectedError:
            return
        except ConnectorError as error:
            status = find_status(error)
            if route in self._context.service.project.routes:
                self._context.metrics.count_intake("push", route, judge_intake(status))
            if isinstance(error, OverloadedError):
                logger.warning(log.INTAKE_FULL, route=route, status=status, reason=error.message)
            await answer_problem(scope, send, error, status=status)
            return
        await answer(send, 200 if is_settled else 202, told, locate(taken))

    async def _take(self, route: str, scope: Scope, receive: Receive) -> tuple[float | None, Taken]:
        """Return how long the outcome is waited for, if it is, and what became of the request; it is durable.

        Raises:
            ConnectorError: It is not taken.
            DisconnectedError: It was broken off.
        """
        context = self._context
        read: list[Message] = []  # by whoever looks who calls, which for a browser's form is its body

        async def watch() -> Message:
            read.append(await receive())
            return read[-1]

        async def replay() -> Message:
            return read.pop(0) if read else await receive()

        caller = await context.doors.push(Request(scope, watch), route)
        project = context.service.project
        if route not in project.routes:
            raise UnknownNameError(f'no route is called "{route}"', cure=did_you_mean(route, project.routes))
        query: bytes = scope.get("query_string", b"")
        wait_s = _read_query(query) if query else None
        source = f"push/{route}"
        context.acceptor.check(source)
        headers = read_headers(scope)
        max_bytes = context.settings.max_request
        body = await read_body(headers, replay, max_bytes=max_bytes)
        content = unpack(body, headers.get("content-encoding", ""), max_bytes=max_bytes)
        records, _ = _READER.read(content, headers.get("content-type", ""))
        if wait_s is not None and len(records) > MOST_WAITED_FOR:
            raise IntakeError(f"wait goes with {MOST_WAITED_FOR:,} records at most", cure="leave it out, or send fewer")
        digest = _read_key(headers.get("idempotency-key"), f"{caller.kind}\0{caller.name}")
        window_ms = 0 if digest is None else KEY_WINDOW // timedelta(milliseconds=1)
        try:
            taken = await context.acceptor.accept(
                records,
                route=route,
                source=source,
                digest=digest,
                window_ms=window_ms,
                content=None if digest is None else hashlib.sha256(content).digest(),
            )
        except IntakeError as error:
            if error.status != _OTHER:
                raise
            raise IntakeError(
                "this Idempotency-Key came before, with another body; nothing of this one is kept",
                cure="send each body with a key of its own, and the same key with the same body alone",
                status=_OTHER,
            ) from error
        return wait_s, taken

    async def _follow(self, taken: Taken, wait_s: float) -> tuple[bool, dict[str, Any]]:
        """Return whether everything is settled, and what is known of it."""
        told = describe_taken(taken)
        is_settled = await self._outcomes.wait(taken.tasks, wait_s=wait_s, stop=self._context.service.stopping)
        try:
            outcomes = await self._outcomes.tell(taken.tasks, self._context.redactor)
        except StoreError:  # what was sent is kept: it is not to be sent again for that
            return False, told
        return is_settled, {**told, "outcomes": outcomes}


def _read_query(query: bytes) -> float | None:
    """Return how long the outcome is to be waited for, seconds, or None.

    Raises:
        IntakeError: There is something else in the query, or the time is none.
    """
    wait_s: float | None = None
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name != "wait":
            raise IntakeError(
                f'there is no parameter "{name[:100]}", accepted is wait', cure=did_you_mean(name, ["wait"])
            )
        duration = parse_duration(text)
        if duration is None:
            raise IntakeError(f'wait: found "{text[:100]}", accepted is a duration such as 10s, at most 60s')
        wait_s = min(duration.total_seconds(), LONGEST_WAIT_S)
    return wait_s


def _read_key(written: str | None, caller: str) -> bytes | None:
    """Return what stands for a delivery by its `Idempotency-Key`; a key of one caller is none of another's.

    Raises:
        IntakeError: It is empty or too long.
    """
    if written is None:
        return None
    key = written.strip()
    if not 0 < len(key) <= LONGEST_KEY:
        raise IntakeError(f"Idempotency-Key has {len(key):,} characters, accepted are 1 to {LONGEST_KEY}")
    return hashlib.sha256(f"{caller}\0{key}".encode("utf-8", "surrogateescape")).digest()
