"""Being known as a worker: who may be taken for dead, and by whom."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from connector.task.journal import Journal
from connector.task.membership import Membership


class Workers:
    """A store's workers, which answer as long as the server is there."""

    def __init__(self) -> None:
        self.is_there = asyncio.Event()
        self.is_there.set()
        self.beats = 0

    async def join(self, worker: str, **_: Any) -> None:
        """Answer."""

    async def leave(self, worker: str) -> None:
        """Answer."""

    async def beat(self, worker: str) -> bool:
        """Answer when the server is there."""
        await self.is_there.wait()
        self.beats += 1
        return True


async def test_after_an_outage_nobody_is_taken_for_dead_at_once():
    """Others could not be heard of either: they have as long again as they always have."""
    workers = Workers()
    store = cast("Any", SimpleNamespace(workers=workers, now_ms=lambda: 0))
    membership = Membership(store, Journal(cast("Any", None)), beat_s=0.02, dead_s=0.9)
    seen: list[bool] = []

    async with membership.joined(["orders"]):
        beating = asyncio.create_task(membership.beat())
        await asyncio.sleep(0.1)
        seen.append(membership.may_take_over)
        workers.is_there.clear()
        await asyncio.sleep(0.5)
        seen.append(membership.may_take_over)
        workers.is_there.set()
        await asyncio.sleep(0.2)
        seen.append(membership.may_take_over)
        await asyncio.sleep(1.0)
        seen.append(membership.may_take_over)
        beating.cancel()

    assert seen == [True, False, False, True]
    assert workers.beats > 4
