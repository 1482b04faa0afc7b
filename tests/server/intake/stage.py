"""A service that takes records, asked in memory: the real store, the real doors, the real shaping, and no worker."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.server.doors.tokens import hash_token, make_token
from connector.store.rows import TaskFilter
from connector.task.accept import Acceptor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connector.app.project import Project
    from connector.store.store import Store

SECRET = "a-shared-secret"
OUTGOING = {"publisher": {"client": "erp", "route": "orders"}}


def configure(webhook: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a configuration with one webhook, `incoming.orders`, that feeds the route `place`."""
    incoming = {"webhook": {"path": "/orders", "auth": {"none": {}}, **webhook}, **more}
    return {
        "clients": {"erp": {"connector": "http", "base_url": "http://erp.test/"}},
        "incoming": {"orders": incoming},
        "routes": {"place": {"incoming": "orders", "outgoing": OUTGOING, "key": "{{ record.id }}"}},
    }


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        """Return the time, ms."""
        return self.now_ms


@dataclass
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class House:
    """A service and what belongs to it."""

    app: Any
    store: Store
    acceptor: Acceptor
    service: Any
    clock: Clock
    woken: list[str] = field(default_factory=list)

    async def send(
        self,
        path: str,
        body: bytes | str | list[bytes] | Any = b"",
        *headers: tuple[str, str],
        method: str = "POST",
        peer: str = "127.0.0.1",
        host: str = "127.0.0.1:8484",
    ) -> Reply:
        """Send one request; what is no text is sent as JSON."""
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes) and not (isinstance(body, list) and all(isinstance(b, bytes) for b in body)):
            body = json.dumps(body).encode()
        chunks = list(body) if isinstance(body, list) else [body]
        target, _, query = path.partition("?")
        sent: list[Any] = []

        async def give() -> dict[str, Any]:
            if not chunks:
                return {"type": "http.disconnect"}
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

        async def take(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": target,
            "raw_path": target.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", host.encode())]
            + [(name.lower().encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers],
            "client": (peer, 4711),
            "server": ("127.0.0.1", 8484),
            "state": {},
        }
        await self.app(scope, give, take)
        start, *rest = sent
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], answered, b"".join(part.get("body", b"") for part in rest))

    async def records(self, route: str = "place") -> list[Any]:
        """The records of a route's tasks, in order."""
        return [json.loads(detail.record) async for detail in self.store.tasks.export(TaskFilter(route=route))]

    async def count(self) -> int:
        """How many tasks there are."""
        return await self.store.tasks.count(TaskFilter())

    async def add_token(self, *roles: str, name: str = "robot") -> tuple[str, str]:
        """Make a token and return the header that shows it."""
        token = make_token()
        await self.store.accounts.add_token(name, hash=hash_token(token), roles=roles, created_by="test")
        return "authorization", f"Bearer {token}"


def sign(body: bytes, *, secret: str = SECRET, at_ms: int | None = None) -> str:
    """Return the signature of a body, with its time in seconds where there is one."""
    signed = body if at_ms is None else b"%d." % (at_ms // 1000) + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def reload(house: House, project: Project) -> None:
    """Put another configuration in the place of the present one."""
    house.service.project = project


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as something is so."""
    async with asyncio.timeout(60):
        while not await is_so():  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0)
