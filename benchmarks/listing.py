"""How long `connector tasks list --status failed` takes with a million tasks in the store.

    python benchmarks/listing.py [--tasks N] [--database URL]

Wall time of the whole process, the median of five, on SQLite and on PostgreSQL. Ten thousand of the tasks failed, the
others are finished, spread over ten routes. Budget: 0.3 s.
"""

from __future__ import annotations

import argparse
import statistics
from typing import TYPE_CHECKING

from setting import add_database, open_databases, open_setting

if TYPE_CHECKING:
    from setting import Setting

RUNS = 5
BUDGET_S = 0.3
ASKED = (
    ("tasks", "list", "--status", "failed"),
    ("tasks", "list", "--status", "failed", "--route", "route-3"),
    ("tasks", "list"),
    ("routes", "list"),
)
"""The first has the budget; the others are what people type next."""

CONFIG = """\
clients:
  sink: {connector: http, base_url: "http://127.0.0.1:9/"}
routes:
  route-3: {outgoing: {publisher: {client: sink, route: orders}}}
"""
COLUMNS = """
    route, key, occurrence, lane, status, record, source, position, created_at, updated_at, attempts, tried_before,
    sent, parcels, looks, step, reason
"""
ROW = """
    'route-' || (n % 10), 'MP-' || n, 0, n % 8, CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'finished' END,
    '{"reference":"MP-' || n || '","first":"Ann","last":"Lee","price":"12.95","quantity":2}', 'incoming.orders',
    n % 500, 1780000000000 + n, 1780000000000 + n, 1, 0,
    0, 1, 0, CASE WHEN n % 100 = 0 THEN 'orders' ELSE '' END,
    CASE WHEN n % 100 = 0 THEN 'the remote system refuses it (HTTP 422): sku: no such product' ELSE '' END
"""


def fill(setting: Setting, count: int) -> None:
    """Make the tables, and so many tasks in them."""
    setting.run("db", "upgrade")
    if setting.is_postgres:
        numbers = f"SELECT n FROM generate_series(1, {count}) AS n"
        setting.execute(f"INSERT INTO tasks ({COLUMNS}) SELECT {ROW} FROM ({numbers}) AS numbers", "ANALYZE tasks")
    else:
        numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
        setting.execute(f"{numbers} INSERT INTO tasks ({COLUMNS}) SELECT {ROW} FROM numbers")


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000, metavar="N")
    add_database(parser)
    options = parser.parse_args()
    with open_databases(options.database) as make_database:
        for make in (None, make_database) if make_database else (None,):
            with open_setting(make) as setting:
                setting.configure(CONFIG)
                fill(setting, options.tasks)
                print(f"{setting.name}, {setting.count('failed'):,} of {options.tasks:,} tasks failed")
                for words in ASKED:
                    setting.run(*words)
                    wall_s = statistics.median(setting.run(*words).wall_s for _ in range(RUNS))
                    budget = f"  (budget {BUDGET_S:g} s)" if words == ASKED[0] else ""
                    print(f"  connector {' '.join(words):<45} {wall_s:.3f} s{budget}")


if __name__ == "__main__":
    main()
