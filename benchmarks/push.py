"""How many records others can push a second, each kept before it is answered, against a bare server in the same run.

    python benchmarks/push.py [--seconds N] [--log] [--database URL]

`connector serve` on a route that is paused, so that nothing but the intake is measured; 16 clients in another process,
each with a connection of its own and a token, push single records of 300 bytes with a key. The bare server is uvicorn
with an application that reads the body and answers 202. `--log` leaves the log on, a line a request.

- At least 1,500 a second on SQLite and on PostgreSQL, on two cores that the clients share, 99 of 100 within 100 ms.
- Every record that was answered with 202 is in the database, also after a SIGKILL at the end.

A busy machine makes these figures smaller; what a push takes of CPU, and the ratio to the bare server, tell more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setting import add_database, open_databases, open_setting, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from setting import Setting

HERE = Path(__file__).parent
CLIENTS = 16
LEAST_PER_S = 1_500
MOST_P99_MS = 100
ROUNDS = 3
_TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = """\
clients:
  erp: {connector: http, base_url: "http://127.0.0.1:9/"}
routes:
  orders:
    outgoing: {publisher: {client: erp, route: orders}}
    key: "{{ record.reference }}"
"""


def read_cpu_s(pid: int) -> float:
    """Return the CPU that a process and its threads have taken so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def push(port: int, path: str, seconds: float, *headers: str) -> dict[str, Any]:
    """Have the clients push for a while."""
    command = [sys.executable, str(HERE / "push_clients.py"), str(port), path, str(CLIENTS), str(seconds), *headers]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if result["others"]:
        sys.exit(f"not all were answered with 202: {result['others']}")
    return result


@contextmanager
def bare_server() -> Iterator[tuple[int, int]]:
    """Run the bare server for the length of a block; give its port and process id."""
    command = [sys.executable, str(HERE / "bare_push_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.stdin.close()


@contextmanager
def serve(setting: Setting, *, has_log: bool) -> Iterator[tuple[int, int, list[str]]]:
    """Run the service for the length of a block, and kill it; give its port, process id and the token's header."""
    setting.configure(CONFIG)
    setting.run("db", "upgrade")
    setting.run("routes", "pause", "orders")
    environment = {**setting.environment, "CONNECTOR_LOG_LEVEL": "info" if has_log else "error"}
    made = subprocess.run(
        setting.command("token", "create", "bench", "--role", "push:orders", "--output", "json"),
        cwd=setting.folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    token = json.loads(made.stdout)["token"]
    log = (setting.folder / "log").open("wb")
    command = setting.command("serve", "--port", "0")
    with (
        log,
        subprocess.Popen(
            command, cwd=setting.folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            if not told:
                sys.exit(f"the service did not start:\n{(setting.folder / 'log').read_text()[-4000:]}")
            port = int(told.strip().rstrip("/").rpartition(":")[2])
            yield port, process.pid, [f"Authorization: Bearer {token}"]
        finally:
            process.kill()


def measure(make_database: Callable[[], str] | None, seconds: float, *, has_log: bool) -> bool:
    """Measure one database, print what came of it, and return whether it is enough."""
    with open_setting(make_database) as setting:
        rows: list[tuple[dict[str, Any], float, dict[str, Any], float]] = []
        accepted = 0
        with serve(setting, has_log=has_log) as (port, pid, headers), bare_server() as (bare_port, bare_pid):
            path = "/api/v1/routes/orders/push"
            accepted += push(port, path, 1.0, *headers)["accepted"]  # warm
            push(bare_port, path, 1.0, *headers)
            for _ in range(ROUNDS):
                before = read_cpu_s(bare_pid)
                bare = push(bare_port, path, seconds, *headers)
                bare_cpu_s = read_cpu_s(bare_pid) - before
                before = read_cpu_s(pid)
                ours = push(port, path, seconds, *headers)
                rows.append((ours, read_cpu_s(pid) - before, bare, bare_cpu_s))
                accepted += ours["accepted"]
        kept = [0]

        def is_kept() -> bool:
            kept[0] = int(setting.query("SELECT count(*) FROM tasks")[0][0])
            return kept[0] >= accepted

        wait_until(is_kept, f"{accepted} records that were answered with 202 are kept", patience_s=10)
        per_s = [ours["accepted"] / ours["wall_s"] for ours, *_ in rows]
        cpu_us = [cpu_s / ours["accepted"] * 1e6 for ours, cpu_s, *_ in rows]
        bare_per_s = [bare["accepted"] / bare["wall_s"] for *_, bare, _ in rows]
        bare_us = [cpu_s / bare["accepted"] * 1e6 for *_, bare, cpu_s in rows]
        p99 = statistics.median(ours["p99_ms"] for ours, *_ in rows)
        print(f"\n{setting.name}: {accepted:,} records accepted, {kept[0]:,} kept after a SIGKILL")
        head = ("", "a second", "p50 ms", "p99 ms", "max ms", "CPU us", "clients' CPU us")
        print("  {:12} {:>9} {:>8} {:>8} {:>8} {:>8} {:>16}".format(*head))
        for name, speeds, costs, place in (("connector", per_s, cpu_us, 0), ("bare uvicorn", bare_per_s, bare_us, 2)):
            runs = [row[place] for row in rows]
            median = [statistics.median(run[key] for run in runs) for key in ("p50_ms", "p99_ms", "max_ms")]
            own = statistics.median(run["cpu_s"] / run["accepted"] * 1e6 for run in runs)
            print(
                f"  {name:12} {statistics.median(speeds):9,.0f} {median[0]:8.1f} {median[1]:8.1f} {median[2]:8.1f}"
                f" {statistics.median(costs):8.0f} {own:16.0f}"
            )
        speed = statistics.median(per_s)
        ratio = statistics.median(ours / bare for ours, bare in zip(cpu_us, bare_us, strict=True))
        is_enough = speed >= LEAST_PER_S and p99 <= MOST_P99_MS
        told = f"asked for {LEAST_PER_S:,} a second, p99 {MOST_P99_MS} ms: {'reached' if is_enough else 'NOT REACHED'}"
        print(f"  {ratio:.1f} times the CPU of the bare server; {told} (load average {os.getloadavg()[0]:.1f})")
        return is_enough


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each of the three rounds")
    parser.add_argument("--log", action="store_true", help="leave the log on")
    parser.add_argument("--sqlite", action="store_true", help="SQLite alone")
    add_database(parser)
    options = parser.parse_args()
    results = [measure(None, options.seconds, has_log=options.log)]
    if not options.sqlite:
        with open_databases(options.database) as make_database:
            if make_database is not None:
                results.append(measure(make_database, options.seconds, has_log=options.log))
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
