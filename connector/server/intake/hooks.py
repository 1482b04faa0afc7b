"""`POST /hooks/<path>`: what another system sends becomes tasks of the routes that take it, and is answered then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from connector import log
from connector.errors import AccessError, ConnectorError, IntakeError, OverloadedError, StoreError
from connector.frozen import dataclass
from connector.server.intake.exchange import (
    DisconnectedError,
    answer,
    answer_problem,
    find_status,
    read_body,
    read_headers,
)
from connector.server.observe.metrics import judge_intake
from connector.server.observe.request_id import add_log_facts
from connector.webhook.plan import PREFIX
from connector.webhook.sender import Call, Replays, check_address

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from connector.app.project import IncomingPlan, Project
    from connector.server.context import Context
    from connector.task.accept import Taken
    from connector.webhook.plan import Delivered, WebhookPlan

MOST_TOLD: Final = 1_000
"""Ids of tasks in one answer."""

_TOLD_EACH_S: Final = 10.0

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class _Hook:
    """A webhook, and whether any route takes what comes to it."""

    plan: IncomingPlan
    webhook: WebhookPlan
    is_taken: bool


class Hooks:
    """Takes what is sent to webhooks. An ASGI application; one for a process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._project: Project | None = None
        self._hooks: dict[str, _Hook] = {}
        self._replays: dict[str, Replays] = {}
        self._throttle = _Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        hook = self._find(str(scope["path"]).removeprefix(PREFIX))
        try:
            if hook is None:
                raise AccessError("there is no webhook of that path", status=404)
            if scope["method"] != "POST":
                raise AccessError("records are sent by POST", status=405, headers={"Allow": "POST"})
            taken = await self._take(hook, scope, receive)
        except DisconnectedError:
            return
        except ConnectorError as error:
            status = find_status(error)
            if hook is not None:
                self._context.metrics.count_intake("webhook", hook.plan.name, judge_intake(status))
                self._tell(hook, scope, error, status)
            await answer_problem(scope, send, error, status=status)
            return
        add_log_facts(scope, incoming=hook.plan.name, tasks=taken.tasks[:MOST_TOLD])
        self._context.metrics.count_intake("webhook", hook.plan.name, "repeated" if taken.is_repeat else "accepted")
        await answer(send, hook.webhook.answer, describe_taken(taken), locate(taken))

    async def _take(self, hook: _Hook, scope: Scope, receive: Receive) -> Taken:
        """Return what became of a request; it is durable.

        Raises:
            ConnectorError: It is not taken.
            DisconnectedError: It was broken off.
        """
        context, webhook, name = self._context, hook.webhook, hook.plan.name
        client = scope.get("client")
        check_address(client[0] if client else "", webhook.networks)
        headers = read_headers(scope)
        call = Call(scope["method"], scope["path"], headers)
        now_ms = read_wall_ms()
        webhook.admit(call, now_ms=now_ms)
        if not hook.is_taken:
            raise StoreError(f"no route takes the records of {hook.plan.source}", cure="name it in a route")
        context.acceptor.check(hook.plan.source)  # ahead of the body: what there is no room for is not read
        body = await read_body(headers, receive, max_bytes=webhook.max_bytes)
        delivered = webhook.read(call, body, now_ms=now_ms)
        self._remember(webhook, delivered, context.store.now_ms())
        return await context.acceptor.accept(
            delivered.records,
            incoming=name,
            source=hook.plan.source,
            digest=delivered.digest,
            window_ms=delivered.window_ms,
        )

    def _find(self, path: str) -> _Hook | None:
        """Return the webhook of a path, as the present configuration has it."""
        project = self._context.service.project
        if project is not self._project:
            self._hooks = {
                path: _Hook(plan, plan.webhook, bool(project.fed_by(plan.name)))
                for path, plan in project.webhooks.items()
                if plan.webhook is not None
            }
            self._project = project
        return self._hooks.get(path) or self._hooks.get(path.rstrip("/"))

    def _remember(self, webhook: WebhookPlan, delivered: Delivered, now_ms: int) -> None:
        """Take note of a signature whose delivery's id is not signed.

        Raises:
            AccessError: It came before, with another id.
        """
        signature = delivered.proof.signature
        if webhook.remembers_signatures and signature is not None and delivered.digest is not None:
            replays = self._replays.setdefault(webhook.path, Replays())  # kept over reloads
            replays.check(signature, delivered.digest, now_ms=now_ms, keep_ms=webhook.replay_ms)

    def _tell(self, hook: _Hook, scope: Scope, error: ConnectorError, status: int) -> None:
        """Log what was not taken, now and then where it comes often."""
        more = self._throttle.count((hook.plan.name, status), self._context.store.now_ms())
        if more is None:
            return
        client = scope.get("client")
        facts: dict[str, Any] = {
            "incoming": hook.plan.name,
            "address": client[0] if client else "",
            "status": status,
            "reason": error.message,
        }
        if more:
            facts["more"] = more
        match error:
            case AccessError():
                logger.warning(log.WEBHOOK_REFUSED, **facts)
            case IntakeError():
                logger.error(log.WEBHOOK_UNREADABLE, **facts)
            case OverloadedError():
                logger.warning(log.INTAKE_FULL, **facts)
            case _:
                logger.error(log.INTAKE_FAILED, **facts)


class _Throttle:
    """Lets one of many like messages through every ten seconds, and counts the others."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, int], tuple[int, int]] = {}

    def count(self, what: tuple[str, int], now_ms: int) -> int | None:
        """Return how many were held back since the last one that was told; None where this one is."""
        told_ms, held = self._told.get(what, (0, 0))
        if now_ms - told_ms < _TOLD_EACH_S * 1000:
            self._told[what] = told_ms, held + 1
            return None
        self._told[what] = now_ms, 0
        return held


def read_wall_ms() -> int:
    """Return the time as the machine has it, ms since the epoch: senders go by that, and so does what they sign.

    The store's clock is told the time once and never set. On a machine whose clock was put right since, every signature
    would be too old until the next start.
    """
    return time.time_ns() // 1_000_000


def describe_taken(taken: Taken) -> dict[str, Any]:
    """Return what became of a delivery, as it is answered."""
    return {
        "tasks": taken.tasks[:MOST_TOLD],
        "records": taken.records,
        "duplicates": taken.duplicates,
        "left_out": taken.left_out,
        "failed": taken.failed,
        "is_repeat": taken.is_repeat,
    }


def locate(taken: Taken) -> dict[str, str]:
    """Return the header that leads to the first task; none where there is no task."""
    first = next((task for task in taken.ids if task is not None), None)
    return {} if first is None else {"Location": f"/api/v1/tasks/{first}"}
