"""What a worker costs that has nothing to do.

    python benchmarks/idle.py [--seconds N] [--database URL]

CPU over half a minute, after it has settled down, as a share of one core; and its resident memory. On SQLite and on
PostgreSQL, with three routes and one schedule. Budgets: 1 % of a core, 120 MB.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from setting import add_database, open_databases, open_setting

if TYPE_CHECKING:
    from setting import Setting

SETTLING_S = 8.0
CONFIG = """\
clients:
  erp: {connector: http, base_url: "http://127.0.0.1:9/"}
incoming:
  orders:
    subscriber: {client: erp, route: orders}
    schedule: {cron: "0 3 1 1 *"}
routes:
  one: {incoming: orders, outgoing: {publisher: {client: erp, route: one}}}
  two: {outgoing: {publisher: {client: erp, route: two}}}
  three: {outgoing: {publisher: {client: erp, route: three}}}
"""


def measure(setting: Setting, seconds: float) -> None:
    """Print the two figures of one worker."""
    setting.configure(CONFIG)
    with setting.start("worker") as worker:
        time.sleep(SETTLING_S)
        worker.check()
        begun_s = worker.cpu_s
        time.sleep(seconds)
        worker.check()
        share, resident_mb = (worker.cpu_s - begun_s) / seconds, worker.resident_mb
        cost = worker.stop()
    print(f"{setting.name:<12} {share:.2%} of a core (budget 1 %)  {resident_mb:.0f} MB (budget 120 MB)", end="")
    print(f"  peak {cost.peak_mb:.0f} MB, {begun_s:.2f} s CPU to start")


def main() -> None:
    """Print one line a kind of database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, metavar="N")
    add_database(parser)
    options = parser.parse_args()
    with open_databases(options.database) as make_database:
        for make in (None, make_database) if make_database else (None,):
            with open_setting(make) as setting:
                measure(setting, options.seconds)


if __name__ == "__main__":
    main()
