"""What tests of the store say often: tasks that come in, workers that take them, and what they report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.store.rows import (
    Claimed,
    CommitNote,
    ExchangeRow,
    Lease,
    NewTask,
    Settlement,
    TaskFilter,
    TaskStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.store.store import Store

LONGEST_WAIT_MS = 3_600_000
ALL_LANES = range(8)


class FakeClock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ms

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self.now_ms += ms


def make(*keys: str | None, route: str = "orders", **options: Any) -> list[NewTask]:
    """Return a batch with these keys, one record each."""
    return [
        NewTask(route, b'{"place":%d}' % place, key=key, source="incoming.orders", position=place, **options)
        for place, key in enumerate(keys)
    ]


async def ingest(store: Store, *keys: str | None, token: str | None = None, **options: Any) -> list[int | None]:
    """Bring a batch with these keys in, and return the ids."""
    ingest.count += 1  # type: ignore[attr-defined]
    result = await store.tasks.ingest(make(*keys, **options), token=token or f"token-{ingest.count}")  # type: ignore[attr-defined]
    return list(result.ids)


ingest.count = 0  # type: ignore[attr-defined]


async def lease(
    store: Store, worker: str = "worker-1", *, route: str = "orders", lanes: Iterable[int] = ALL_LANES, most: int = 5
) -> Lease:
    """Have a worker join and take lanes."""
    await store.workers.join(worker, host="here", pid=1)
    taken = await store.lanes.acquire(worker, route, list(lanes), most_attempts=most)
    assert taken is not None
    return taken


async def claim(store: Store, taken: Lease, limit: int = 50) -> list[Claimed]:
    """Take what is ready."""
    return await store.tasks.claim(taken, limit=limit, longest_wait_ms=LONGEST_WAIT_MS)


async def take(store: Store, worker: str = "worker-1", **options: Any) -> list[Claimed]:
    """Have a worker take lanes and what is ready in them."""
    return await claim(store, await lease(store, worker, **options))


def note(task: Claimed, **changes: Any) -> CommitNote:
    """Return the note that a request is about to leave."""
    values = {"step": "place", "entity": "order.place", "at_ms": 5, "evidence": b'{"order_id":7}', **changes}
    return CommitNote(task.id, task.attempt, task.token, **values)


def settle(task: Claimed, status: TaskStatus = TaskStatus.FINISHED, **changes: Any) -> Settlement:
    """Return the end of an attempt."""
    return Settlement(task.id, task.attempt, task.token, status, **changes)


async def report(store: Store, *settlements: Settlement) -> frozenset[tuple[int, int]]:
    """Report ends of attempts."""
    return await store.tasks.write(settlements=settlements)


def exchange(**changes: Any) -> ExchangeRow:
    """Return one request and its answer."""
    values = {
        "entity": "order.place",
        "method": "POST",
        "url": "http://shop.test/",
        "started_at_ms": 10,
        "duration_ms": 20,
        "status": 200,
        "verdict": "ok",
        "failure": None,
        "request": "a=1",
        "response": "{}",
        **changes,
    }
    return ExchangeRow(**values)


async def statuses(store: Store) -> dict[int, str]:
    """Return where all tasks stand, by id."""
    return {row.id: row.status.value for row in await store.tasks.find(TaskFilter(), limit=10_000)}


async def keys_by_status(store: Store, status: TaskStatus) -> list[str | None]:
    """Return the keys of tasks of a status, oldest first."""
    rows = await store.tasks.find(TaskFilter(statuses=(status,)), limit=10_000)
    return [row.key for row in reversed(rows)]
