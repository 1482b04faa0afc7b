"""What is kept, made by hand: a task in every status, for tests of the commands that show and change them."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.store.rows import (
    CommitNote,
    ExchangeRow,
    NewTask,
    OnDuplicate,
    Settlement,
    TaskStatus,
)
from connector.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connector.store.store import Store
    from tests.acceptance.conftest import Command

HOUR_MS: Final = 3_600_000

IDS: Final = {
    TaskStatus.FINISHED: 1,
    TaskStatus.FAILED: 2,
    TaskStatus.SKIPPED: 3,
    TaskStatus.RETRY: 4,
    TaskStatus.UNKNOWN: 5,
    TaskStatus.WAITING: 6,
    TaskStatus.NEW: 7,
    TaskStatus.PROCESSING: 8,
}
"""The numbers of the tasks that `fill` makes, by where they stand."""


@functools.cache
def _make_filled() -> bytes:
    """Return a database with the tasks of `fill`, made once for all tests of a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connector.db"
        work_on(str(path), fill)
        return path.read_bytes()


def put_filled(command: Command) -> None:
    """Give a command a store in which there is a task in every status."""
    path = Path(database_of(command))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_make_filled())


def on_store(command: Command, work: Callable[[Store], Awaitable[Any]]) -> Any:
    """Do something with the store of a command's folder, and return what came of it."""
    return work_on(database_of(command), work)


def work_on(database: str, work: Callable[[Store], Awaitable[Any]]) -> Any:
    """Do something with a store, and return what came of it."""

    async def open_and_work() -> Any:
        async with open_store(database, purpose="work", command="test") as store:
            return await work(store)

    return asyncio.run(open_and_work())


def database_of(command: Command) -> str:
    """Return the address of the command's database."""
    kept = Path(command.environment["CONNECTOR_DATA_DIR"])
    return command.environment.get("CONNECTOR_DATABASE", str(kept / "connector.db"))


async def fill(store: Store) -> None:
    """Make a task in every status; those of `orders` have the keys A, B …, and the one that waits has the unknown's."""
    now_ms = store.now_ms()
    keys = ["A", "B", "C", "D", "E"]
    batch = [NewTask("orders", _encode(key), key, source="push", position=place) for place, key in enumerate(keys)]
    await store.tasks.ingest(batch, token="first")
    lease = await store.lanes.acquire("worker-1", "orders", range(8), most_attempts=5)
    assert lease is not None
    claimed = {task.key: task for task in await store.tasks.claim(lease, limit=10, longest_wait_ms=HOUR_MS)}
    outcomes = {
        "A": (TaskStatus.FINISHED, {"value": b'{"order_id":815}', "verdict": "ok", "exchanges": (_EXCHANGE,)}),
        "B": (TaskStatus.FAILED, {"reason": "the shop refuses it: no such product", "step": "order_add"}),
        "C": (TaskStatus.SKIPPED, {"reason": "a filter left it out"}),
        "D": (TaskStatus.RETRY, {"reason": "refused", "step": "order_add", "due_at_ms": now_ms + HOUR_MS}),
        "E": (TaskStatus.UNKNOWN, {"reason": "no whole answer", "step": "order_add", "cure": "look there"}),
    }
    doubtful = claimed["E"]
    note = CommitNote(doubtful.id, 1, lease.token, "order_add", "order.add", now_ms)
    settled = [
        Settlement(claimed[key].id, 1, lease.token, status, started_at_ms=now_ms, ended_at_ms=now_ms + 420, **more)
        for key, (status, more) in outcomes.items()
    ]
    await store.tasks.write([note], [], settled)
    behind = NewTask("orders", _encode("E"), "E", OnDuplicate.NEW, source="push", position=0)
    await store.tasks.ingest([behind], token="second")
    await store.tasks.claim(lease, limit=10, longest_wait_ms=HOUR_MS)  # finds that it has to wait
    await store.lanes.release(lease)
    await store.tasks.ingest([NewTask("orders", _encode("F"), "F")], token="third")
    await store.tasks.ingest([NewTask("coupons", b'{"code":"2222"}')], token="fourth")
    lease = await store.lanes.acquire("worker-1", "coupons", range(8), most_attempts=5)
    assert lease is not None
    await store.tasks.claim(lease, limit=10, longest_wait_ms=HOUR_MS)


_EXCHANGE: Final = ExchangeRow(
    "order.add", "POST", "http://shop.test/index.php", 1_780_000_000_000, 12, 200, "ok", None, '{"comment":"A"}', "[]"
)


def _encode(key: str) -> bytes:
    return orjson.dumps({"reference": key, "note": f"note of {key}"})
