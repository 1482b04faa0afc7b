"""How long the dashboard's pages take on the server with a million tasks in the store, and how large the first one is.

    python benchmarks/pages.py [--tasks N] [--database URL]

The real application is asked in memory, one request after the other: what is measured is the time from a request to
the last byte of its answer, without a network. The median, the longest and the first of fifteen, and the CPU of this
process, which on SQLite is all there is, and tells more than the clock where others work beside it; on SQLite and on
PostgreSQL. Ten thousand of the tasks failed, 40 are in doubt, the others are finished, spread over ten routes; and
there is a day of activity. Budgets: 150 ms for each page (the median), and 100 kB, uncompressed, for the first one with
every file that it loads.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import TYPE_CHECKING

import httpx
from listing import fill
from setting import add_database, open_databases, open_setting

from connector import load
from connector.config.settings import Settings
from connector.log import configure
from connector.redaction import Redactor
from connector.server.application import make_application
from connector.server.assembly import make_context
from connector.server.observe.ring import LogRing
from connector.server.pages.render import static_files
from connector.server.service import Service
from connector.store.store import open_store

if TYPE_CHECKING:
    from setting import Setting

RUNS = 15
BUDGET_S = 0.15
BUDGET_BYTES = 100_000
UNKNOWN = 40

COUNTED_ANEW = "overview, counted anew"
"""Asked for so long after the last time that the counts of then are too old: what one open page costs."""

PAUSE_S = 2.1

CONFIG = {
    "clients": {"sink": {"connector": "http", "base_url": "http://127.0.0.1:9/"}},
    "routes": {
        f"route-{number}": {
            "outgoing": {"publisher": {"client": "sink", "route": "orders"}},
            "transform": [{"set": {"x": 1}}],
        }
        for number in range(10)
    },
}


def list_pages(count: int) -> dict[str, str]:
    """Return the address of each page by what it shows."""
    return {
        "overview": "/",
        COUNTED_ANEW: "/",
        "overview, 7 days": "/?range=7d",
        "tasks": "/tasks",
        "tasks, the last page": "/tasks?before=30",
        "tasks that failed": "/tasks?status=failed",
        "tasks of a route": "/tasks?route=route-3",
        "failed ones of a route": "/tasks?status=failed&route=route-3",
        "in two statuses": "/tasks?status=failed&status=unknown",
        "with a key": "/tasks?key=MP-500000",
        "with keys that begin so": "/tasks?key=MP-99*",
        "with a text that many have": "/tasks?text=Ann",
        "with a text that none has": "/tasks?text=nobody-has-this",
        "of the last hour": "/tasks?newer=1h",
        "older than a day, failed": "/tasks?older=24h&status=failed",
        "a task": f"/tasks/{count // 2}",
        "unknown outcomes": "/unknown",
        "what a retry would concern": "/tasks/change?do=retry&scope=all&status=failed",
        "schedules": "/schedules",
        "clients": "/clients",
        "log": "/log",
        "audit": "/audit",
    }


def prepare(setting: Setting, count: int) -> None:
    """Fill the store, with some tasks in doubt and a day of activity."""
    fill(setting, count)
    setting.execute(
        f"UPDATE tasks SET status = 'unknown', reason = 'the connection broke' WHERE id % {count // UNKNOWN} = 1",
    )
    minute = int(time.time()) // 60
    many = "SELECT n FROM generate_series(1, 14400) AS n"
    if not setting.is_postgres:
        more = "SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 14400"
        many = f"WITH RECURSIVE numbers(n) AS ({more}) SELECT n FROM numbers"
    setting.execute(
        "INSERT INTO activity (route, minute, slot, received, finished, failed, skipped, unknown, retried) "
        f"SELECT 'route-' || (n % 10), {minute} - n / 10, 0, 60, 59, 1, 0, 0, 2 FROM ({many}) AS numbers",
        "ANALYZE",
        *(["VACUUM tasks"] if setting.is_postgres else []),  # which it does by itself, some time later
    )


async def measure(url: str, pages: dict[str, str]) -> None:
    """Print how long each page takes, and how large the first one is."""
    settings, redactor, ring = Settings(), Redactor(), LogRing()
    async with open_store(url, purpose="work", command="serve") as store:
        service = Service(load(CONFIG), store, url, redactor=redactor)
        async with make_context(store, service, settings, redactor=redactor, ring=ring) as context:
            transport = httpx.ASGITransport(app=make_application(context), client=("127.0.0.1", 4711))
            async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{settings.port}") as browser:
                for name, address in pages.items():
                    await show(browser, name, address)
                page = await browser.get("/")
        await service.aclose()
    loaded = {name: file for name, file in static_files().items() if f"/{name}" in page.text or name == "icons.svg"}
    plain = len(page.content) + sum(len(file.content) for file in loaded.values())
    packed = len(page.content) + sum(len(file.packed) for file in loaded.values())
    print(f"  the first page: {plain:,} bytes (budget {BUDGET_BYTES:,}), {packed:,} as browsers get it", flush=True)


async def show(browser: httpx.AsyncClient, name: str, address: str) -> None:
    """Ask for a page some times, and print how long that took."""
    times, costs = [], []
    for _ in range(RUNS + 1):
        if name == COUNTED_ANEW:
            await asyncio.sleep(PAUSE_S)
        started_s, before_s = time.perf_counter(), time.process_time()
        answer = await browser.get(address)
        times.append(time.perf_counter() - started_s)
        costs.append(time.process_time() - before_s)
        if answer.status_code != 200:
            print(f"  {name}: HTTP {answer.status_code}")
            return
    first_s, *rest = times
    median_s, longest_s = statistics.median(rest), max(rest)
    remark = "" if median_s <= BUDGET_S else f"  over the budget of {1000 * BUDGET_S:.0f} ms"
    told = ", ".join(
        f"{word}{1000 * time_s:6.1f} ms" for word, time_s in (("", median_s), ("most ", longest_s), ("first ", first_s))
    )
    told += f", CPU {1000 * statistics.median(costs):5.1f} ms"
    print(f"  {name:<30} {told}  {len(answer.content):>7,} bytes{remark}", flush=True)


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000, metavar="N")
    add_database(parser)
    options = parser.parse_args()
    configure(log_format="json", level="error", redactor=Redactor())
    with open_databases(options.database) as make_database:
        for make in (None, make_database) if make_database else (None,):
            with open_setting(make) as setting:
                prepare(setting, options.tasks)
                print(f"{setting.name}, {options.tasks:,} tasks", flush=True)
                asyncio.run(measure(setting.database, list_pages(options.tasks)))


if __name__ == "__main__":
    main()
