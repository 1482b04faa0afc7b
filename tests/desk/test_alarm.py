"""What is wrong, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.desk.alarm import Alarm, read_alarms
from connector.desk.route import read_routes
from connector.store.rows import NewTask, TaskStatus
from connector.store.store import open_store
from tests.acceptance.kept import fill

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.store import Store


class Clock:
    """A clock that a test sets."""

    now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        """Return the time, ms."""
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    """A clock that a test sets."""
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """A store with nothing in it."""
    async with open_store(tmp_path / "connector.db", clock=clock) as opened:
        yield opened


async def read(store: Store) -> dict[str, Alarm]:
    """Return the alarms by kind."""
    return {alarm.kind: alarm for alarm in await read_alarms(store, await read_routes(store, None))}


async def test_all_is_well_where_there_is_nothing(store: Store):
    """An empty installation has no alarm."""
    assert await read(store) == {}


async def test_a_route_that_stopped_itself_says_since_when_and_why(store: Store):
    """The words of the remote system stand in the alarm, and the command that goes on."""
    await store.routes.stop("orders", "shop refuses the key: incorrect API key")

    alarm = (await read(store))["route_stopped"]

    assert alarm.severity == "problem"
    assert alarm.subject == "orders"
    assert "shop refuses the key: incorrect API key" in alarm.text
    assert "connector routes resume orders" in alarm.cure
    assert alarm.since_ms == store.now_ms()


async def test_a_pause_is_a_note(store: Store):
    """What a person wants is no problem, and is not forgotten either."""
    await store.routes.pause("orders", by="ann", reason="stocktaking")

    alarm = (await read(store))["route_paused"]

    assert (alarm.severity, alarm.reason) == ("note", "stocktaking")
    assert "by ann" in alarm.text


async def test_unknown_outcomes_are_counted(store: Store):
    """Each route with unknown outcomes has an alarm that says where they are listed."""
    await fill(store)

    alarm = (await read(store))["unknown_outcome"]

    assert (alarm.subject, alarm.count) == ("orders", 1)
    assert "--status unknown" in alarm.cure


async def test_many_failures_in_a_short_time_are_an_alarm(store: Store):
    """A share of failures above the bound is told, with how many of how many."""
    batch = [
        NewTask("orders", b"{}", source="push", status=TaskStatus.FAILED, reason="cannot be shaped") for _ in range(500)
    ]
    await store.tasks.ingest(batch, token="bad")

    alarm = (await read(store))["failures"]

    assert (alarm.subject, alarm.count) == ("orders", 500)
    assert "500" in alarm.text


async def test_a_queue_that_is_too_old_is_an_alarm(store: Store, clock: Clock):
    """A task that waits for days is told, unless its route is paused anyway."""
    await store.tasks.ingest([NewTask("orders", b"{}")], token="old")
    clock.now_ms += 48 * 3_600_000

    alarm = (await read(store))["queue_age"]
    await store.routes.pause("orders", by="ann")
    paused = await read(store)

    assert alarm.subject == "orders"
    assert "2 d" in alarm.text
    assert "queue_age" not in paused


async def test_tasks_without_a_worker_are_an_alarm(store: Store):
    """Where tasks wait and nobody is there to send them, that is told once for all routes."""
    await store.tasks.ingest([NewTask("orders", b"{}")], token="one")

    alone = await read(store)
    await store.workers.join("worker-1", host="here", pid=1)
    attended = await read(store)

    assert alone["no_worker"].text == "1 task waits to be sent, and no worker is there to send them"
    assert "no_worker" not in attended
