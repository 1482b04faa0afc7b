"""An installation as its owner has it: a folder with a configuration, a database, and commands run in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.faults.balance import OPEN, SETTLED, TaskSeen, find_faults, query, read_tasks

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tests.faults.launcher import Launched, Launcher
    from tests.faults.shop import Shop

ROOT: Final = Path(__file__).parents[2]
TIMEOUT_S: Final = 60.0

BASE: Final = """
clients:
  source: {connector: http, base_url: "${SHOP_URL}", sessions: 1, timeout: {connect: 5s, total: 5s}}
  shop: {connector: http, base_url: "${SHOP_URL}", sessions: 8, timeout: {connect: 2s, total: "${PATIENCE:10s}"}}
incoming:
  records:
    subscriber:
      client: source
      route: records
      effect: read
      pagination: {page: {in: json, name: $.page}, total_pages: $.pages}
      records: $.records[*]
  changes: &changes
    subscriber:
      client: source
      route: records
      effect: read
      data: {since: "{{ state.cursor }}"}
      pagination: {page: {in: json, name: $.page}, total_pages: $.pages}
      records: $.records[*]
    state: {cursor: $.changed_at, start: "2026-01-01T00:00:00Z", order: ascending}
  news: {<<: *changes, schedule: {every: 1s}}
outgoing:
  sell: {publisher: {client: shop, route: orders}}
  ask-and-sell:
    publisher:
      client: shop
      before: [{route: stock, effect: read, name: stock, data: {reference: "{{ record.reference }}"}}]
      route: orders
      data: &record
        reference: "{{ record.reference }}"
        customer: "{{ record.customer }}"
        number: {value: "{{ record.number }}", type: integer}
  sell-lines:
    publisher: {client: shop, route: orders}
    transform: [{split: "$.lines[*]"}]
"""
"""Where records come from and where they go."""

SOON: Final = (
    *("--set", "connector.store.lanes:DEAD_AFTER_MS=3000"),
    *("--set", "connector.store.workers:DEAD_AFTER_MS=3000"),
    *("--set", "connector.task.worker:BEAT_S=0.5"),
)
"""On PostgreSQL a silent worker is taken for dead after 3 s in place of 30 s: a test has not the time."""

_POLICY: Final = "concurrency: 4, retry: {attempts: 8, backoff: 50ms..3s}"
ROUTES: Final = {
    "orders": """{incoming: records, outgoing: sell, key: "{{ record.reference }}", POLICY}""",
    "changed-orders": """{incoming: changes, outgoing: sell, key: "{{ record.reference }}", POLICY}""",
    "new-orders": """{incoming: news, outgoing: sell, key: "{{ record.reference }}", POLICY}""",
    "careful-orders": """{incoming: records, outgoing: ask-and-sell, key: "{{ record.reference }}", POLICY}""",
    "by-customer": """{outgoing: sell, key: "{{ record.customer }}", on_duplicate: new, POLICY}""",
    "by-line": """{outgoing: sell-lines, key: "{{ record.reference }}", POLICY}""",
}
"""Ways from the one to the other. An incoming feeds every route that names it, so an installation has one of them."""


@dataclass(frozen=True)
class Ran:
    """What a command came to.

    Attributes:
        code: Its exit code; -9 where it was killed.
        stdout: What it printed.
        stderr: What it said, log lines included.
    """

    code: int
    stdout: str
    stderr: str

    @property
    def is_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.stdout)

    @property
    def messages(self) -> list[str]:
        """The lines of standard error, log lines left out."""
        return [line for line in self.stderr.splitlines() if not line.startswith("{")]

    @property
    def logged(self) -> list[dict[str, Any]]:
        """The log lines."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]


class Installation:
    """A folder in which commands are run, each in a process of its own."""

    def __init__(
        self, folder: Path, shop: Shop, launcher: Launcher, *, route: str = "orders", database: str | None = None
    ) -> None:
        """Write the configuration.

        Args:
            folder: Made where it is not there.
            shop: Where records come from and go to.
            launcher: Starts processes.
            route: One of `ROUTES`.
            database: A `postgresql://` address; the file of SQLite where it is left out.
        """
        self.folder = folder
        self.route = route
        self.shop = shop
        self.database: Path | str = database or folder / "data" / "connector.db"
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ},
            "HOME": str(folder),
            "CONNECTOR_DATA_DIR": str(folder / "data"),
            "SHOP_URL": shop.url,
        }
        if database is not None:
            self.environment["CONNECTOR_DATABASE"] = database
        folder.mkdir(parents=True, exist_ok=True)
        routes = f"routes:\n  {route}: {ROUTES[route].replace('POLICY', _POLICY)}\n"
        self.configure(BASE + routes)
        self._launcher = launcher
        self._started: list[Launched] = []

    def configure(self, text: str) -> None:
        """Replace the configuration."""
        configs = self.folder / "configs"
        configs.mkdir(exist_ok=True)
        (configs / "all.yaml").write_text(text, encoding="utf-8")

    def start(
        self, *command: str, at: str | Sequence[str] = (), options: Sequence[str] = (), stdin: str = "", **more: str
    ) -> Launched:
        """Start a command.

        Args:
            command: What stands after `connector`.
            at: Where to stop it, as the driver takes it; several where it is a list.
            options: Further options of the driver.
            stdin: What it may read.
            more: Further variables of its environment.
        """
        places = [at] if isinstance(at, str) else at
        soon = SOON if isinstance(self.database, str) else ()
        arguments = [*soon, *options, *(word for place in places for word in ("--at", place)), "--", *command]
        process = self._launcher.launch(arguments, folder=self.folder, environment=self.environment | more)
        self._started.append(process)
        if stdin:
            assert process.stdin is not None
            process.stdin.write(stdin)
            process.close_stdin()
        return process

    def finish(self, process: Launched, *, timeout_s: float = TIMEOUT_S) -> Ran:
        """Wait for a command that was started."""
        try:
            stdout, stderr = process.communicate(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate(timeout_s)
            raise AssertionError(f"it did not end within {timeout_s:g} s\n{stdout}\n{stderr[-4000:]}") from None
        assert process.returncode is not None
        return Ran(process.returncode, stdout, stderr)

    def run(self, *command: str, **how: Any) -> Ran:
        """Run a command to its end; see `start`."""
        return self.finish(self.start(*command, **how))

    def work(self, **how: Any) -> Ran:
        """Fetch what there is to fetch and deliver what there is to deliver, retries included; see `start`."""
        return self.run(*self.command, **how)

    @property
    def command(self) -> tuple[str, ...]:
        """What `work` runs."""
        return ("run" if "incoming" in ROUTES[self.route] else "push", self.route, "--wait", "20s")

    def recover(self, *, rounds: int = 5) -> list[str]:
        """Work until everything is done, and settle what nobody knows as somebody would who looked in the shop.

        Returns:
            References of the records that had to be looked for.
        """
        looked_for: list[str] = []
        for _ in range(rounds):
            ran = self.work()
            assert ran.code in {0, 3, 4}, ran.stderr[-4000:]
            settled = self.resolve_unknown()
            looked_for += settled
            if "retry" not in settled.values() and not {task.status for task in self.tasks} & OPEN:
                return looked_for
        raise AssertionError(f"it is not done after {rounds} rounds: {self.statuses}")

    def kill_after(self, seconds: float, *command: str, **how: Any) -> Ran:
        """Run a command and kill it after so long, unless it ended by then."""
        process = self.start(*command, **how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        return self.finish(process)

    def close(self) -> None:
        """End whatever was started and still runs."""
        for process in self._started:
            process.kill()
            process.communicate(TIMEOUT_S)

    @property
    def tasks(self) -> list[TaskSeen]:
        """Every task."""
        return read_tasks(self.database)

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each task, by the reference of its record."""
        return {task.reference: task.status for task in self.tasks}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the database."""
        return query(self.database, sql)

    def find_faults(self, *, is_complete: bool = True, still: Collection[str] = OPEN | SETTLED) -> list[str]:
        """Return what does not balance, now that no process of it runs; see `balance.find_faults`."""
        self.shop.settle()
        return [
            *find_faults(
                self.tasks,
                self.shop.arrivals,
                expected=[record["reference"] for record in self.shop.source.records],
                is_complete=is_complete,
                still=still,
            ),
            *(f"{reference} was sent while another of its customer was on its way" for reference in self.shop.overlaps),
        ]

    def resolve_unknown(self, *, has_ended: bool = True) -> dict[str, str]:
        """Settle every unknown task as somebody would who looked in the shop; return what was said of each.

        Args:
            has_ended: Whether no process of it runs any more; then the shop is waited for.
        """
        if has_ended:
            self.shop.settle()
        said: dict[str, str] = {}
        for task in self.tasks:
            if task.status == "unknown":
                said[task.reference] = "done" if self.shop.counts[task.reference] else "retry"
        for outcome in sorted(set(said.values())):
            ids = [str(task.id) for task in self.tasks if said.get(task.reference) == outcome]
            ran = self.run("tasks", "resolve", *ids, "--as", outcome)
            assert ran.code == 0, ran.stderr
        return said


def wait_until(holds: Any, what: str, *, patience_s: float = 20.0) -> None:
    """Return when something holds; fail where it does not come to that in time."""
    deadline_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline_s, f"it never came to that: {what}"
        time.sleep(0.02)
