"""The dashboard over a real store, asked in memory as a browser on this machine asks; nothing works on the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from connector.server.doors.tokens import hash_token, make_token
from connector.store.rows import CommitNote, ExchangeRow, NewTask, Settlement, TaskStatus

if TYPE_CHECKING:
    from connector.server.context import Context
    from connector.store.rows import TaskDetail
    from connector.store.store import Store

SECRET = "a-very-hidden-secret"
URL = "http://127.0.0.1:8484"

CONFIG: dict[str, Any] = {
    "clients": {"shop": {"connector": "http", "base_url": "http://127.0.0.1:9/"}},
    "incoming": {
        "feed": {"subscriber": {"client": "shop", "route": "feed"}, "schedule": {"every": "10m"}},
    },
    "routes": {
        "orders": {
            "incoming": "feed",
            "transform": [{"set": {"channel": "web"}}],
            "outgoing": {"publisher": {"client": "shop", "route": "orders"}},
            "key": "{{ record.id }}",
        },
        "stock": {"outgoing": {"publisher": {"client": "shop", "route": "stock"}}},
    },
}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ms


class House:
    """A service with a dashboard, and what belongs to it.

    Attributes:
        store: Its store.
        browser: Asks it; a redirect is followed only where a test says so.
        woken: Routes that were woken.
        clock: The store's.
    """

    def __init__(self, store: Store, context: Context, app: Any, woken: list[str], clock: Clock) -> None:
        self.store = store
        self.context = context
        self.woken = woken
        self.clock = clock
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 4711))
        self.browser = httpx.AsyncClient(transport=transport, base_url=URL)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Follow a link."""
        return await self.browser.get(path, headers={"accept": "text/html", **headers})

    async def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form, and see the page that follows."""
        sent = {"origin": URL, "sec-fetch-site": "same-origin", **headers}
        return await self.browser.post(path, data=fields or {}, headers=sent, follow_redirects=True)

    async def add(
        self, *keys: str | None, route: str = "orders", record: bytes | None = None, **more: Any
    ) -> list[int]:
        """Bring tasks in, and return their ids."""
        batch = [
            NewTask(route, record or b'{"id":"%s"}' % str(key).encode(), key=key, position=place, **more)
            for place, key in enumerate(keys)
        ]
        ingested = await self.store.tasks.ingest(batch, token=make_token())
        return [task for task in ingested.ids if task is not None]

    async def settle(self, status: TaskStatus, *, route: str = "orders", **more: Any) -> list[int]:
        """Have a worker take all that is ready and bring it to an end; return the ids."""
        worker = make_token()
        await self.store.workers.join(worker, host="here", pid=1)
        lease = await self.store.lanes.acquire(worker, route, list(range(8)), most_attempts=5)
        assert lease is not None
        claimed = await self.store.tasks.claim(lease, limit=500, longest_wait_ms=3_600_000)
        notes = [
            CommitNote(one.id, one.attempt, one.token, "place", "orders", self.clock.now_ms, b'{"highest_id":41}')
            for one in claimed
            if status is TaskStatus.UNKNOWN
        ]
        ends = [
            Settlement(
                one.id,
                one.attempt,
                one.token,
                status,
                started_at_ms=self.clock.now_ms,
                ended_at_ms=self.clock.now_ms + 12,
                **more,
            )
            for one in claimed
        ]
        await self.store.tasks.write(notes, (), ends)
        await self.store.workers.leave(worker)
        return [one.id for one in claimed]

    async def show(self, task: int) -> TaskDetail:
        """Return all that is kept of a task."""
        detail = await self.store.tasks.show(task)
        assert detail is not None
        return detail

    async def audited(self) -> list[tuple[str, str, str]]:
        """Who did what to what, oldest first."""
        return [(one.by, one.action, one.subject) for one in reversed(await self.store.audit.list())]

    async def add_token(self, *roles: str) -> str:
        """Make a token, and return the header that shows it."""
        token = make_token()
        await self.store.accounts.add_token("robot", hash=hash_token(token), roles=roles, created_by="test")
        return f"Bearer {token}"


def exchange(**changes: Any) -> ExchangeRow:
    """Return one request and its answer."""
    values = {
        "entity": "orders",
        "method": "POST",
        "url": "http://127.0.0.1:9/orders",
        "started_at_ms": 1_800_000_000_001,
        "duration_ms": 20,
        "status": 422,
        "verdict": "rejected",
        "failure": None,
        "request": '{"id":"A-1","total":12.50}',
        "response": '{"error":"no such product"}',
        **changes,
    }
    return ExchangeRow(**values)
