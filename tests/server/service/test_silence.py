"""A worker, and a service, whose database stands still end when they are asked to."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from connector.store.rows import NewTask
from connector.store.store import open_store
from connector.testing.server import Reply
from tests.acceptance.conftest import ServerThread, command
from tests.postgres import postgres
from tests.server.service.silence import Relay

__all__ = ["command", "postgres"]

if TYPE_CHECKING:
    import subprocess

    from tests.acceptance.conftest import Command
    from tests.postgres import Postgres

pytestmark = pytest.mark.postgres

CONFIG = """
clients:
  remote: {connector: http, base_url: "${URL}"}
routes:
  sales: {outgoing: {publisher: {client: remote, route: sales}}, key: "{{ record.id }}"}
"""

WITHIN_S = 45.0
"""Far more than it takes, on a busy machine too; without a bound of its own the process would stay for good."""


@pytest.mark.parametrize("arguments", [("worker",), ("serve", "--port", "0")], ids=["worker", "serve"])
def test_a_database_that_stands_still_keeps_no_process_alive(
    arguments: tuple[str, ...], command: Command, postgres: Postgres
):
    """Asked to stop while PostgreSQL answers nothing, a process with a task in hand ends soon after its grace."""
    database = postgres.make_database()
    asyncio.run(keep_task(database))
    with ServerThread(lambda _request: Reply(json={}, delay_s=3.0)) as remote, Relay(database) as relay:
        command.write("connector.yaml", CONFIG)
        command.environment |= {
            "CONNECTOR_CONFIG": "connector.yaml", "CONNECTOR_DATABASE": relay.url, "URL": remote.url
        }  # fmt: skip
        popen = command.start(*arguments, "--grace", "1s")
        try:
            assert popen.stderr is not None
            wait_for_event(popen, "worker_started")
            wait_until(lambda: len(remote.requests) == 1)

            relay.keep_silent()
            popen.send_signal(signal.SIGTERM)
            _, stderr = popen.communicate(timeout=WITHIN_S)
        finally:
            popen.kill()
            popen.communicate()

    assert popen.returncode == 143, stderr
    assert "Traceback" not in stderr


async def keep_task(database: str) -> None:
    """Have one task wait for its worker."""
    async with open_store(database) as store:
        task = NewTask("sales", b'{"id": "R1"}', key="R1")
        await store.tasks.ingest([task], token="a" * 32)


def wait_for_event(popen: subprocess.Popen[str], event: str) -> list[dict[str, Any]]:
    """Return the log lines up to one with an event."""
    seen: list[dict[str, Any]] = []
    assert popen.stderr is not None
    for line in popen.stderr:
        if line.startswith("{"):
            seen.append(json.loads(line))
            if seen[-1]["event"] == event:
                return seen
    raise AssertionError(f"it ended before {event}: {seen}")


def wait_until(holds: Any, within_s: float = 60.0) -> None:
    """Return when something holds."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
