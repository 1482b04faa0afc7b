"""What a worker and the whole service cost that have nothing to do.

    python benchmarks/idle.py [--seconds N] [--database URL]

CPU over half a minute, after it has settled down, as a share of one core; and its resident memory. On SQLite and on
PostgreSQL, with three routes, one schedule and somebody to alert. The service is asked once for `/metrics` and for its
first page, since what these take stays. The tables are there: the one start that makes them takes 10 MB more. Budgets:
1 % of a core, 120 MB.
"""

from __future__ import annotations

import argparse
import socket
import time
import urllib.request
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
alerts:
  chat: {url: "http://127.0.0.1:9/"}
"""


def measure(setting: Setting, seconds: float, *command: str) -> None:
    """Print the two figures of one process."""
    setting.configure(CONFIG)
    setting.run("db", "upgrade")
    with setting.start(*command) as worker:
        time.sleep(SETTLING_S)
        worker.check()
        if "--port" in command:
            for path in ("metrics", "livez", ""):
                with urllib.request.urlopen(f"http://127.0.0.1:{command[-1]}/{path}", timeout=30) as answer:
                    answer.read()
            time.sleep(SETTLING_S)
        begun_s = worker.cpu_s
        time.sleep(seconds)
        worker.check()
        share, resident_mb = (worker.cpu_s - begun_s) / seconds, worker.resident_mb
        cost = worker.stop()
    print(f"{command[0]:<7} {setting.name:<12} {share:.2%} of a core (budget 1 %)  ", end="")
    print(f"{resident_mb:.0f} MB (budget 120 MB)", end="")
    print(f"  peak {cost.peak_mb:.0f} MB, {begun_s:.2f} s CPU to start")


def find_port() -> str:
    """Return a port that is free just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def main() -> None:
    """Print one line a command and kind of database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, metavar="N")
    add_database(parser)
    options = parser.parse_args()
    with open_databases(options.database) as make_database:
        for make in (None, make_database) if make_database else (None,):
            for command in (("worker",), ("serve", "--port", find_port())):
                with open_setting(make) as setting:
                    measure(setting, options.seconds, *command)


if __name__ == "__main__":
    main()
