"""What the store alone costs: taking a record in, claiming a task, noting a commit, settling.

    python benchmarks/store.py [DATABASE]

Microseconds of this process's CPU a row, the lower quartile of all batches, so that what else runs on the machine
counts little; a server's own CPU is not in them. DATABASE is an address of PostgreSQL; without one: a file of SQLite in
a temporary folder. Records have 280 bytes; every task has one commit note, one attempt and one exchange.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from connector.store.rows import (
    CommitNote,
    CursorMove,
    ExchangeRow,
    NewTask,
    OnDuplicate,
    Settlement,
    TaskStatus,
)
from connector.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.store.rows import Claimed
    from connector.store.store import Store

RECORD = (
    b'{"id":1,"sku":"A-123456","name":"Some product name with words","price":"12.50","quantity":5,"status":"active",'
    b'"updated":"2026-01-01T00:00:00Z","description":"' + b"x" * 120 + b'"}'
)
PAGE = 500
PAGES = 40
BATCHES = (20, 50)


class Figures:
    """Costs by what was done, microseconds a row."""

    def __init__(self) -> None:
        self._costs: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def measure(self, what: str, rows: int) -> Iterator[None]:
        """Measure one batch."""
        begun = time.process_time()
        yield
        self._costs[what].append((time.process_time() - begun) / rows * 1e6)

    def show(self) -> None:
        """Print what it came to."""
        for what, costs in self._costs.items():
            print(f"{what:<44} {statistics.quantiles(costs, n=4)[0]:6.1f} µs")


async def main(database: str) -> None:
    """Print one line for each thing a store does for a task."""
    figures = Figures()
    async with open_store(database) as store:
        modes = (
            ("without a key", False, OnDuplicate.SKIP),
            *((f"on_duplicate: {mode}", True, mode) for mode in OnDuplicate),
        )
        for name, has_keys, mode in modes:
            await ingest(store, figures, name, has_keys, mode)
        await store.workers.join("benchmark", host="here", pid=1)
        for size, route in zip(BATCHES, ("without a key", "on_duplicate: skip"), strict=True):
            await deliver(store, figures, route, size)
    figures.show()


async def ingest(store: Store, figures: Figures, route: str, has_keys: bool, mode: OnDuplicate) -> None:
    """Take pages of records in."""
    for page in range(PAGES):
        batch = [
            NewTask(
                route,
                RECORD,
                key=f"order-{page * PAGE + place}" if has_keys else None,
                on_duplicate=mode,
                source="incoming.orders",
                position=place,
            )
            for place in range(PAGE)
        ]
        with figures.measure(f"ingest, pages of {PAGE}, {route}", PAGE):
            await store.tasks.ingest(batch, cursor=CursorMove(route, page), token=f"{route}-{page}")


async def deliver(store: Store, figures: Figures, route: str, size: int) -> None:
    """Claim and settle half of what a route has."""
    lease = await store.lanes.acquire("benchmark", route, range(8), most_attempts=5)
    assert lease is not None
    for _ in range(PAGES * PAGE // 2 // size):
        with figures.measure(f"claim, batches of {size}", size):
            tasks = await store.tasks.claim(lease, limit=size, longest_wait_ms=60_000)
        notes = [
            CommitNote(task.id, task.attempt, task.token, "place", "order.place", store.now_ms()) for task in tasks
        ]
        settlements = [settle(task, store.now_ms()) for task in tasks]
        with figures.measure(f"note, batches of {size}", size):
            await store.tasks.write(notes)
        with figures.measure(f"settle, with one exchange, batches of {size}", size):
            await store.tasks.write(settlements=settlements)


def settle(task: Claimed, now_ms: int) -> Settlement:
    """Return the end of an attempt."""
    url = "http://shop.test/index.php?route=api/order/add"
    said = ExchangeRow("order.place", "POST", url, now_ms, 20, 200, "ok", None, "a=1&b=2" * 30, '{"success":"ok"}' * 10)
    return Settlement(
        task.id,
        task.attempt,
        task.token,
        TaskStatus.FINISHED,
        verdict="ok",
        value=b'{"order_id":12}',
        sent=1,
        parcels=1,
        started_at_ms=now_ms - 20,
        ended_at_ms=now_ms,
        exchanges=(said,),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else str(Path(folder) / "connector.db")))
