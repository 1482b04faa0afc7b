"""A worker killed in the middle of its orders, and started again: the part of `connector demo` that shows it is safe.

The workers are processes of their own, `connector worker`, and the kill is SIGKILL: nothing in them can prepare for it.
What the shop has is counted in the shop itself, behind its counter.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connector.app.durable import open_installation
from connector.cli.screen import count
from connector.errors import ConnectorError
from connector.frozen import dataclass
from connector.store.rows import OPEN, Resolution, TaskFilter, TaskStatus
from connector.store.store import open_store

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Callable, Sequence

    from connector.app.project import Project
    from connector.record import Record
    from connector.sandbox.server import SandboxServer
    from connector.store.rows import TaskDetail, TaskRow
    from connector.store.store import Store

ORDERS: Final = 8
"""How many orders there are."""

ROUTE: Final = "orders-that-survive"

_KILLED_AT: Final = 3
"""So many orders are in the shop when the worker is killed: some of the others are on their way then."""

_SLOW_S: Final = (0.05, 0.15, 0.25, 0.35)
"""How long the shop takes over an order, one after another: a real one is no quicker, and no more even."""

_LOOK_S: Final = 0.02
_PATIENCE_S: Final = 30.0
_BY: Final = "connector demo"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the orders.

    Attributes:
        statuses: The tasks by status, at the end.
        in_doubt: Those of which nobody knew what became when the worker was killed, each with what was found out.
        placed: How often the shop has each reference.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    in_doubt: dict[str, str] = field(default_factory=dict)
    placed: dict[str, int] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether every order is in the shop once, and every task says so."""
        is_once = len(self.placed) == ORDERS and set(self.placed.values()) == {1}
        return is_once and self.statuses == {TaskStatus.FINISHED.value: ORDERS}


class Rehearsal:
    """Places orders through a worker that is killed, and one that goes on."""

    def __init__(self, shop: SandboxServer, project: Project, config: Path, say: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            shop: Where the orders go.
            project: The configuration, which leads to that shop.
            config: Its file, for the workers.
            say: Tells one line.
        """
        self._shop = shop
        self._project = project
        self._config = config
        self._say = say
        self._log = Path()

    async def run(self, orders: Sequence[Record]) -> Outcome:
        """Do it, and return what became of the orders.

        Raises:
            ConnectorError: The orders cannot be taken in, or a worker ended by itself or took too long.
        """
        references = [str(order["reference"]) for order in orders]
        with tempfile.TemporaryDirectory(prefix="connector-demo-") as folder:
            database = Path(folder) / "connector.db"
            await self._take_in(database, orders)
            for number in range(len(orders)):
                self._shop.control("faults", route="order/add", delay_s=_SLOW_S[number % len(_SLOW_S)])
            async with self._worker(folder) as worker:
                await self._wait(worker, lambda: len(self._count_placed(references)) >= _KILLED_AT)
                worker.kill()
                await worker.wait()
            placed = count(self._count_placed(references).total(), "order")
            self._say(f"   worker {worker.pid} killed (SIGKILL), with {placed} in the shop and others on their way")
            self._say(f"   tasks: {_tell_statuses(await _read(database))}")
            async with self._worker(folder) as worker:
                await self._settle(worker, database, references)
                worker.terminate()
                await worker.wait()
            details = await _read(database)
            in_doubt = {str(detail.row.id): detail.row.reason for detail in details if _was_in_doubt(detail)}
            for task, reason in in_doubt.items():
                self._say(f"   task {task}, of which nobody had seen what came: {reason}")
            statuses = dict(Counter(detail.row.status.value for detail in details))
            return Outcome(statuses, in_doubt, dict(self._count_placed(references)))

    async def _take_in(self, database: Path, orders: Sequence[Record]) -> None:
        async def batch() -> AsyncIterator[list[Record]]:
            yield list(orders)

        async with open_installation(self._project, database, command="demo") as installation:
            await installation.runtime.ingest(installation.store).push(ROUTE, batch())
        self._say(f"   taken in: {count(len(orders), 'order')}, each a task")

    @asynccontextmanager
    async def _worker(self, folder: str) -> AsyncIterator[Process]:
        """Run a worker for the length of a block; it does not outlive it."""
        kept = {name: text for name, text in os.environ.items() if not name.upper().startswith("CONNECTOR_")}
        environment = {
            **kept,
            "CONNECTOR_DATA_DIR": folder,
            "CONNECTOR_LOG_LEVEL": "error",
            "SHOP_URL": f"{self._shop.base_url}/",
            "SHOP_KEY": self._shop.key,
        }
        self._log = Path(folder) / "worker.log"
        with self._log.open("wb") as log:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "connector", "worker", ROUTE, "--config", str(self._config),
                cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._say(f"   worker {worker.pid} started")
        try:
            yield worker
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()

    async def _wait(self, worker: Process, holds: Callable[[], bool]) -> None:
        """Return as soon as something holds.

        Raises:
            ConnectorError: The worker ended before, or it takes too long.
        """
        for _ in range(round(_PATIENCE_S / _LOOK_S)):
            if holds():
                return
            if worker.returncode is not None:
                said = self._log.read_text(encoding="utf-8", errors="replace").strip()
                raise ConnectorError(f"the worker ended by itself, with exit code {worker.returncode}: {said}")
            await asyncio.sleep(_LOOK_S)
        raise ConnectorError(f"the worker has not come so far within {_PATIENCE_S:.0f} s")

    async def _settle(self, worker: Process, database: Path, references: Sequence[str]) -> None:
        """Return when no task is open any more; what the worker could not find in the shop is settled by hand.

        Raises:
            ConnectorError: As `_wait`.
        """
        is_open = True

        async def follow() -> None:
            nonlocal is_open
            async with open_store(database, purpose="admin") as store:
                while rows := await store.tasks.find(TaskFilter(statuses=tuple(OPEN))):
                    looked_for = await store.tasks.show_unknown([row.id for row in rows])
                    if len(looked_for) == len(rows) and all(task.looks for task in looked_for):
                        await self._resolve(store, rows, references)
                    await asyncio.sleep(5 * _LOOK_S)
            is_open = False

        following = asyncio.ensure_future(follow())
        try:
            await self._wait(worker, lambda: not is_open or following.done())
            await following
        finally:
            following.cancel()
            await asyncio.wait({following})

    async def _resolve(self, store: Store, rows: Sequence[TaskRow], references: Sequence[str]) -> None:
        """Say what became of tasks that were looked for and not found, as a person does who looks into the shop."""
        placed = self._count_placed(references)
        for row in rows:
            is_there = bool(row.key and placed[row.key])
            outcome, seen = (Resolution.DONE, "has it") if is_there else (Resolution.RETRY, "does not have it")
            await store.tasks.resolve(TaskFilter(ids=(row.id,)), outcome, by=_BY, reason=f"the shop {seen}")
            self._say(f"   task {row.id} is unknown, and the shop {seen}: tasks resolve {row.id} --as {outcome.value}")

    def _count_placed(self, references: Sequence[str]) -> Counter[str]:
        """Return how often the shop has each reference; order.place writes it into the comment."""
        comments = [order.comment for order in self._shop.orders]
        counts = {reference: sum(comment.endswith(reference) for comment in comments) for reference in references}
        return Counter({reference: number for reference, number in counts.items() if number})


async def _read(database: Path) -> list[TaskDetail]:
    """Return all tasks, the oldest first."""
    async with open_store(database, purpose="read") as store:
        return [detail async for detail in store.tasks.export(TaskFilter())]


def _was_in_doubt(detail: TaskDetail) -> bool:
    return any(attempt.outcome == TaskStatus.UNKNOWN.value for attempt in detail.attempts)


def _tell_statuses(details: Sequence[TaskDetail]) -> str:
    counts = Counter(detail.row.status for detail in details)
    return ", ".join(f"{number} {status.value}" for status, number in counts.items())
