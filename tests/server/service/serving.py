"""`connector serve` as its users have it: processes of their own, and the systems they talk to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

from connector.testing.server import Reply
from tests.acceptance.conftest import ROOT, ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from connector.testing.server import Received
    from tests.acceptance.conftest import Command

PATIENCE_S: Final = 60.0

CONFIG: Final = """
clients:
  remote: {connector: http, base_url: "${URL}", sessions: 8}
incoming:
  feed:
    subscriber: {client: remote, route: feed, effect: read, records: "$.records[*]"}
  clock:
    subscriber: {client: remote, route: clock, effect: read, records: "$.records[*]"}
    schedule: {every: 1s}
routes:
  sales: {outgoing: {publisher: {client: remote, route: sales}}, key: "{{ record.id }}"}
  fed: {incoming: feed, outgoing: {publisher: {client: remote, route: fed}}}
  ticks: {incoming: clock, outgoing: {publisher: {client: remote, route: ticks}}, key: "{{ record.id }}"}
"""


class Remote:
    """The other system: gives records, takes records, and takes its time over some.

    Attributes:
        delays: How long it takes over a record, by its id, seconds; `*` for any other.
        server: Where it is.
    """

    def __init__(self) -> None:
        self.delays: dict[str, float] = {}
        self.server = ServerThread(self.answer)

    def answer(self, request: Received) -> Reply:
        """Answer one request."""
        if request.path in {"/feed", "/clock"}:
            records = [{"id": f"{request.path[1:]}-1"}]
            return Reply(json={"records": records}, delay_s=self.delays.get(request.path, 0.0))
        return Reply(json={"is_taken": True}, delay_s=self.delays.get(request.json["id"], self.delays.get("*", 0.0)))

    def taken(self, route: str) -> list[dict[str, Any]]:
        """Return what came in on a route, in order."""
        return [request.json for request in self.server.requests if request.path == f"/{route}"]

    def asked(self, route: str) -> int:
        """Return how often records were asked for."""
        return sum(request.path == f"/{route}" for request in self.server.requests)


class Served:
    """A process of the service.

    Attributes:
        url: Where it answers.
        popen: The process.
    """

    def __init__(self, popen: subprocess.Popen[bytes], stdout: Path, stderr: Path) -> None:
        self.popen = popen
        self.url = ""
        self._stdout = stdout
        self._stderr = stderr

    def wait_until_ready(self) -> None:
        """Return when it answers that it is ready."""
        wait_until(lambda: self._read_url() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.stderr
        self.url = self._read_url()
        wait_until(lambda: self.get("/readyz").status_code == 200)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask it for something."""
        return httpx.get(f"{self.url}{path}", timeout=PATIENCE_S, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Tell it something."""
        return httpx.post(f"{self.url}{path}", timeout=PATIENCE_S, **options)

    def push(self, *ids: str, wait: str = "") -> httpx.Response:
        """Push records into the route `sales`."""
        params = {"wait": wait} if wait else {}
        return self.post("/api/v1/routes/sales/push", json=[{"id": id_} for id_ in ids], params=params)

    def send(self, signum: int) -> None:
        """Send it a signal."""
        self.popen.send_signal(signum)

    def end(self, signum: int = signal.SIGTERM) -> int:
        """Ask it to stop, and return its exit code."""
        self.popen.send_signal(signum)
        return self.popen.wait(PATIENCE_S)

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return self._stderr.read_text(encoding="utf-8")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return its log lines of one event so far."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def wait_for(self, event: str, count: int = 1) -> None:
        """Return when an event is in the log so often."""
        wait_until(lambda: len(self.events(event)) >= count)

    def _read_url(self) -> str:
        try:
            return str(json.loads(self._stdout.read_text(encoding="utf-8"))["url"]).rstrip("/")
        except ValueError:  # not all of it is there yet
            return ""


@contextmanager
def serve(
    command: Command, *arguments: str, options: tuple[str, ...] = (), is_awaited: bool = True
) -> Iterator[Served]:
    """Run `connector serve` on a free port for the length of a block.

    Args:
        command: Where, and with which environment.
        arguments: Of `serve`.
        options: Of `tests.faults.driver`.
        is_awaited: Whether to begin when it is ready.
    """
    number = len(list(command.folder.glob("*.err")))
    stdout, stderr = command.folder / f"{number}.out", command.folder / f"{number}.err"
    called = [sys.executable, "-m", "tests.faults.driver", *options, "--"]
    with stdout.open("wb") as out, stderr.open("wb") as err:
        popen = subprocess.Popen(
            [*called, "serve", "--port", "0", "--output", "json", *arguments],
            cwd=command.folder,
            env=command.environment | {"PYTHONPATH": os.pathsep.join([str(ROOT)])},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    served = Served(popen, stdout, stderr)
    try:
        if is_awaited:
            served.wait_until_ready()
        yield served
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()


def wait_until(holds: Callable[[], Any], within_s: float = PATIENCE_S) -> None:
    """Return when something holds."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
