"""What it takes to turn many records into durable tasks, against a bare loop and against dlt, in the same run.

    python benchmarks/ingest.py [--dlt VENV] [--database URL]

100,000 whole orders (1.2 KB) in pages of 500 from a server on loopback, five computed fields and a key each, one
transaction a page, fetched by a worker whose route is paused: everything but the delivery. CPU of the whole process,
from its start until the last task is durable.

- At most 5 times the CPU of a loop over http.client that only fetches, parses and writes the records to a file.
- At least 3 times as fast as dlt's rest_api source, which here writes JSON lines without any computed field. `--dlt`
  names a virtual environment that has `dlt[filesystem]`.
- The peak of memory differs by at most 10 MB between 10,000 and 100,000 records.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Cost, median, run
from setting import add_database, open_databases, open_setting, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
RECORDS = 100_000
RUNS = 3
LAST = "SELECT max(id) FROM tasks"
BUDGET = 5
BUDGET_DLT = 3
BUDGET_MB = 10

CONFIG = """\
clients:
  erp: {{connector: http, base_url: "{url}"}}
incoming:
  orders:
    subscriber:
      client: erp
      route: orders
      records: $.orders[*]
      pagination:
        page: {{in: json, name: $.page}}
    schedule: {{every: 1s}}
    transform:
      - set:
          name: "{{{{ record.first }}}} {{{{ record.last }}}}"
          email: "{{{{ record.email | lower }}}}"
          total: {{value: "{{{{ (record.price | decimal * record.quantity) | money }}}}", type: decimal}}
          country: "{{{{ record.country | upper }}}}"
          external: "MARKET-{{{{ record.reference }}}}"
routes:
  orders:
    incoming: orders
    outgoing: {{publisher: {{client: erp, route: orders}}}}
    key: "{{{{ record.reference }}}}"
"""


@contextmanager
def page_server(records: int) -> Iterator[str]:
    """Run the server for the length of a block and give its address."""
    command = [sys.executable, str(HERE / "page_server.py"), str(records), "500", "order"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.stdin.close()


def take_in(url: str, records: int, make_database: Callable[[], str] | None) -> Cost:
    """Make tasks of all records in an empty database, and return what that cost."""
    with open_setting(make_database) as setting:
        setting.configure(CONFIG.format(url=url))
        setting.run("db", "upgrade")
        setting.run("routes", "pause", "orders")
        started_s = time.perf_counter()
        with setting.start("worker") as worker:
            wait_until(lambda: worker.check() or setting.query(LAST)[0][0] == records, "every record is a task")
            return Cost(worker.cpu_s, time.perf_counter() - started_s, worker.peak_mb)


def take_in_by_dlt(url: str, python: str) -> Cost:
    """Have dlt write all records, and return what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        return run([python, str(HERE / "dlt_rest_api.py"), url, folder])


def main() -> None:
    """Print medians, ratios and peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dlt", type=Path, metavar="VENV", help="a virtual environment with dlt[filesystem]")
    add_database(parser)
    options = parser.parse_args()
    with open_databases(options.database) as make_database:
        with page_server(RECORDS // 10) as url:
            small = take_in(url, RECORDS // 10, None)
        with page_server(RECORDS) as url, tempfile.NamedTemporaryFile() as lines:
            bare_loop = [sys.executable, str(HERE / "bare_http_client.py"), url]
            run(bare_loop, output=lines.name)
            floor, ours, shared, dlt = [], [], [], []
            for _ in range(RUNS):  # in turn: a machine that changes its speed changes it for all
                floor.append(run(bare_loop, output=lines.name))
                ours.append(take_in(url, RECORDS, None))
                if make_database is not None:
                    shared.append(take_in(url, RECORDS, make_database))
                if options.dlt:
                    dlt.append(take_in_by_dlt(url, str(options.dlt / "bin" / "python")))
    unit_s = median(floor, "cpu_s")
    show("bare http.client + orjson", floor)
    show("connector, SQLite", ours, f"  {median(ours, 'cpu_s') / unit_s:.2f} x (budget {BUDGET} x)")
    if shared:
        show("connector, PostgreSQL", shared, f"  {median(shared, 'cpu_s') / unit_s:.2f} x, its server not counted")
    if dlt:
        ratio = median(dlt, "cpu_s") / median(ours, "cpu_s")
        show("dlt rest_api, JSON lines", dlt, f"  {ratio:.2f} x ours (budget {BUDGET_DLT} x)")
    peak_mb = statistics.median(cost.peak_mb for cost in ours)
    print(
        f"peak memory                {small.peak_mb:.1f} MB at {RECORDS // 10:,} records, {peak_mb:.1f} MB at "
        f"{RECORDS:,} (budget {BUDGET_MB} MB apart)"
    )


def show(name: str, costs: list[Cost], more: str = "") -> None:
    """Print one measurement."""
    cpu_s, wall_s = median(costs, "cpu_s"), median(costs, "wall_s")
    print(f"{name:<26} {cpu_s:.2f} s CPU  {cpu_s / RECORDS * 1e6:5.1f} us a record  {wall_s:.2f} s in all{more}")


if __name__ == "__main__":
    main()
