"""The API of a service with a real store and real doors, asked in memory, and no worker."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from connector import load
from connector.config.settings import Settings
from connector.redaction import Redactor
from connector.server.application import make_application
from connector.server.context import Context
from connector.server.doors.doors import Doors
from connector.server.doors.tokens import hash_token, make_token
from connector.server.observe.metrics import Metrics
from connector.server.observe.ring import LogRing
from connector.server.service import Service
from connector.store.store import open_store
from connector.task.accept import Acceptor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from connector.app.project import Project
    from connector.store.store import Store

BASE = "http://127.0.0.1:8484"
SECRET = "a-key-that-nobody-may-see"


def configure(url: str = "http://127.0.0.1:9/", key: str = SECRET) -> dict[str, Any]:
    """Return a configuration with an incoming, two routes with steps, and two clients."""
    return {
        "clients": {
            "shop": {"connector": "opencart", "base_url": url, "key": key, "dialect": "3.0"},
            "erp": {"connector": "http", "base_url": url},
        },
        "incoming": {
            "new-orders": {
                "subscriber": {"client": "erp", "route": "orders"},
                "schedule": {"every": "1h"},
                "transform": [{"remove": ["internal"]}],
            }
        },
        "outgoing": {
            "place": {
                "publisher": {"client": "shop", "entity": "coupon.apply", "data": {"coupon": "{{ record.code }}"}},
                "transform": [{"set": {"code": "{{ record.reference }}-{{ record.note }}"}}],
            }
        },
        "routes": {
            "orders": {
                "incoming": "new-orders",
                "outgoing": "place",
                "key": "{{ record.reference }}",
                "transform": [{"set": {"seen": True}}, {"filter": "{{ record.seen }}"}],
            },
            "coupons": {"outgoing": {"publisher": {"client": "erp", "route": "coupons"}}},
        },
    }


@dataclass
class Stage:
    """A service and what belongs to it."""

    app: Any
    context: Context
    store: Store
    service: Service

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Return what asks it, with a token or as a program of this machine."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    async def get(self, path: str, **query: Any) -> Any:
        """Ask for something as a program of this machine, and return the JSON of its answer."""
        async with self.client() as client:
            answer = await client.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, method: str, path: str, json: Any = None, **more: Any) -> httpx.Response:
        """Ask for something as a program of this machine."""
        async with self.client() as client:
            return await client.request(method, f"/api/v1/{path}", json=json, **more)

    async def add_token(self, *roles: str) -> str:
        """Make a token and return it."""
        token = make_token()
        name = f"robot for {' and '.join(roles)}"
        assert await self.store.accounts.add_token(name, hash=hash_token(token), roles=roles, created_by="test")
        return token

    async def audited(self) -> list[tuple[str, str, str]]:
        """Return who did what to what, the oldest first."""
        return [(entry.by, entry.action, entry.subject) for entry in reversed(await self.store.audit.list())]


@asynccontextmanager
async def open_stage(
    path: Path, config: dict[str, Any], *, load_anew: Callable[[], Project] | None = None
) -> AsyncIterator[Stage]:
    """Put a service together for the length of a block.

    Args:
        path: Of its database.
        config: Its configuration.
        load_anew: Loads another configuration, for a reload.
    """
    redactor = Redactor()
    settings = Settings()
    async with open_store(path) as store:
        service = Service(load(config, environment={}), store, str(path), redactor=redactor, load=load_anew)
        doors = Doors(store, settings, redactor)
        acceptor = Acceptor(lambda: service.ingest, store, wake=service.wake)
        context = Context(store, service, doors, acceptor, redactor, settings, LogRing(), Metrics())
        try:
            yield Stage(make_application(context), context, store, service)
        finally:
            await acceptor.aclose()
            await doors.aclose()
            await service.aclose()
