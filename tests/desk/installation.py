"""A small installation: a project of two clients, and a store in a file."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from connector import load
from connector.app.runtime import Runtime
from connector.redaction import Redactor
from connector.store.rows import NewTask
from connector.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.rows import TaskDetail
    from connector.store.store import Store

NOWHERE = "http://127.0.0.1:9/"


def configure(transform: list[Any] | None = None, **route: Any) -> dict[str, Any]:
    """Return a configuration with the route `orders`, whose outgoing has a step of its own."""
    return {
        "clients": {
            "shop": {"connector": "opencart", "base_url": NOWHERE, "key": "k" * 20, "dialect": "3.0"},
            "erp": {"connector": "http", "base_url": NOWHERE},
        },
        "incoming": {
            "feed": {
                "subscriber": {"client": "erp", "route": "orders"},
                "transform": [{"set": {"weight": "{{ record.grams / 1000 }}"}}],
            }
        },
        "outgoing": {
            "apply": {
                "publisher": {"client": "shop", "entity": "coupon.apply", "data": {"coupon": "{{ record.code }}"}},
                "transform": [{"set": {"code": "{{ record.code | upper }}"}}],
            }
        },
        "routes": {"orders": {"incoming": "feed", "outgoing": "apply", "transform": transform or [], **route}},
    }


@dataclass
class Installation:
    """What is open."""

    store: Store
    runtime: Runtime
    redactor: Redactor

    async def add(self, record: Any, *, route: str = "orders", **more: Any) -> TaskDetail:
        """Keep a record as a task, and return it."""
        kept = await self.store.tasks.ingest(
            [NewTask(route, orjson.dumps(record), **more)], token=orjson.dumps(record).hex()
        )
        detail = await self.store.tasks.show(kept.ids[0] or 0)
        assert detail is not None
        return detail


@asynccontextmanager
async def install(folder: Path, config: dict[str, Any]) -> AsyncIterator[Installation]:
    """Open an installation for the length of a block."""
    redactor = Redactor()
    async with open_store(folder / "connector.db") as store:
        runtime = Runtime(load(config, environment={}), redactor=redactor)
        try:
            yield Installation(store, runtime, redactor)
        finally:
            await runtime.aclose()
