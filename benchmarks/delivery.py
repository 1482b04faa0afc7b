"""Delivery of stored tasks: how many a second, and what CPU each takes, against bare loops in the same run.

    python benchmarks/delivery.py [--tasks N] [--database URL]

Ten thousand tasks wait when a worker begins; what is measured is the worker process alone, from the first request to
the last settlement. On SQLite and on PostgreSQL:

- a sink 20 ms away, 50 on their way at once: at least 1,200 tasks a second on SQLite and 1,000 on PostgreSQL, at most
  0.6 ms of CPU each (the most that 50 at once can reach is 2,500 a second);
- a sink 0 ms away: what the worker itself can do;
- on PostgreSQL, two workers against one, where a worker is the limit because its client has 10 sessions: at least 1.7
  times as many.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

from page_server import make_record
from publish import RECORDS, measure_aiohttp, measure_httpx
from setting import add_database, open_databases, open_setting, wait_until
from sink import open_sink, read_tally

from connector import load
from connector.app.durable import open_installation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from setting import Setting

WIDTH = 50
BUDGETS = {"SQLite": 1200, "PostgreSQL": 1000}
BUDGET_CPU_MS = 0.6
BUDGET_SCALE = 1.7

CONFIG = """\
clients:
  sink: {{connector: http, base_url: "{url}", sessions: {sessions}}}
routes:
  orders:
    outgoing: {{publisher: {{client: sink, route: orders}}}}
    key: "{{{{ record.reference }}}}"
    concurrency: {width}
"""


def fill(setting: Setting, count: int) -> None:
    """Make so many tasks, on a route that is not delivered yet."""
    setting.run("db", "upgrade")
    setting.run("routes", "pause", "orders")
    asyncio.run(push(setting, count))
    waiting = setting.count("new")
    assert waiting == count, f"{waiting} tasks of {count} wait"


async def push(setting: Setting, count: int) -> None:
    """Hand so many records in, from here: the command would not push to a paused route."""

    async def make_batches() -> AsyncIterator[list[dict[str, object]]]:
        for first in range(0, count, 500):
            yield [make_record(number) for number in range(first, min(first + 500, count))]

    project = load(setting.folder / "bench.yaml")
    async with open_installation(project, setting.database, command="benchmark") as installation:
        await installation.runtime.ingest(installation.store).push("orders", make_batches())


def deliver(
    setting: Setting, count: int, *, delay_ms: float, workers: int = 1, sessions: int = WIDTH, width: int = WIDTH
) -> tuple[float, float]:
    """Have all tasks delivered; return how many a second were sent, and the milliseconds of CPU that each took."""
    with open_sink(delay_ms=delay_ms) as url, ExitStack() as ending:
        setting.configure(CONFIG.format(url=url, sessions=sessions, width=width))
        fill(setting, count)
        running = [ending.enter_context(setting.start("worker")) for _ in range(workers)]
        for worker in running:
            worker.settle_down()
        begun_s = sum(worker.cpu_s for worker in running)
        setting.run("routes", "resume", "orders")
        wait_until(lambda: read_tally(url).taken >= count, "every record was sent", pause_s=0.2)
        wait_until(lambda: setting.count("finished") >= count, "every task is settled", pause_s=0.2)
        cpu_s = sum(worker.cpu_s for worker in running) - begun_s
        tally = read_tally(url)
        for worker in running:
            worker.check()
            worker.stop()
    assert (tally.taken, tally.doubled) == (count, 0), tally
    return tally.rate, cpu_s / count * 1000


def measure(make_database: Callable[[], str] | None, count: int, delay_ms: float) -> None:
    """Print what one worker does on one kind of database."""
    with open_setting(make_database) as setting:
        rate, cpu_ms = deliver(setting, count, delay_ms=delay_ms)
        budgets = f"  (budgets {BUDGETS[setting.name]:,} and {BUDGET_CPU_MS} ms)" if delay_ms else ""
        print(f"  {setting.name:<24} {rate:7,.0f} tasks a second  {cpu_ms:.3f} ms CPU each{budgets}")


def measure_floor(delay_ms: float) -> None:
    """Print what bare loops do that keep nothing."""
    with open_sink(delay_ms=delay_ms) as url:
        for name, way in (("bare aiohttp + orjson", measure_aiohttp), ("bare httpx + orjson", measure_httpx)):
            cpu_s, wall_s = asyncio.run(way(url))
            print(f"  {name:<24} {RECORDS / wall_s:7,.0f} tasks a second  {cpu_s / RECORDS * 1000:.3f} ms CPU each")


def compare_workers(make_database: Callable[[], str], count: int) -> None:
    """Print what two workers do, and what one does, where a worker is the limit."""
    rates = []
    for workers in (1, 2):
        with open_setting(make_database) as setting:
            rate, cpu_ms = deliver(setting, count, delay_ms=20, workers=workers, sessions=10)
            print(f"  {workers} on PostgreSQL          {rate:7,.0f} tasks a second  {cpu_ms:.3f} ms CPU each")
            rates.append(rate)
    print(f"  ratio                    {rates[1] / rates[0]:7.2f} x (budget {BUDGET_SCALE} x)")


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000, metavar="N")
    add_database(parser)
    options = parser.parse_args()
    with open_databases(options.database) as make_database:
        for delay_ms in (20, 0):
            print(f"a sink {delay_ms} ms away, {WIDTH} on their way at once")
            measure_floor(delay_ms)
            for make in (None, make_database) if make_database else (None,):
                measure(make, options.tasks, delay_ms)
        if make_database is not None:
            print("workers with 10 sessions each, a sink 20 ms away")
            compare_workers(make_database, options.tasks)


if __name__ == "__main__":
    main()
