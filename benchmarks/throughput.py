"""CPU and memory of reading many records, against a bare loop in the same run.

    python benchmarks/throughput.py

100,000 records in pages of 500 from a server on loopback, five computed fields, JSON lines. Budget: at most 4 times
the CPU of a loop that only fetches, parses and writes, and a peak memory that differs by at most 10 MB between 10,000
and 100,000 records.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from measure import alternate, median, run

CONNECTOR = str(Path(sys.executable).parent / "connector")
HERE = Path(__file__).parent
RUNS = 5

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
    transform:
      - set:
          name: "{{{{ record.first }}}} {{{{ record.last }}}}"
          email: "{{{{ record.email | lower }}}}"
          total: {{value: "{{{{ (record.price | decimal * record.quantity) | money }}}}", type: decimal}}
          country: "{{{{ record.country | upper }}}}"
          external: "MARKET-{{{{ record.reference }}}}"
"""


@contextmanager
def page_server(records: int):
    """Run the server for the length of a block and give its address."""
    command = [sys.executable, str(HERE / "page_server.py"), str(records), "500"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        process.stdin.close()


def main() -> None:
    """Print medians, the ratio and the two peaks."""
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        config, lines = Path(folder) / "bench.yaml", Path(folder) / "lines.jsonl"
        for records in (10_000, 100_000):
            with page_server(records) as url:
                config.write_text(CONFIG.format(url=url))
                ours = [CONNECTOR, "--config", str(config), "run", "orders"]
                peaks[records] = run(ours, output=str(lines)).peak_mb
                written = sum(1 for _ in lines.open("rb"))
                assert written == records, f"{written} lines for {records} records"
                if records == 100_000:
                    bare, connector = alternate(
                        RUNS, [sys.executable, str(HERE / "bare_loop.py"), url], ours, output=str(lines)
                    )
    floor_s, ours_s = median(bare, "cpu_s"), median(connector, "cpu_s")
    print(f"bare httpx + orjson      {floor_s:.2f} s CPU  {floor_s * 10:.1f} us a record")
    print(f"connector run            {ours_s:.2f} s CPU  {ours_s * 10:.1f} us a record")
    print(f"ratio                    {ours_s / floor_s:.2f} x (budget 4 x)")
    print(f"peak memory              {peaks[10_000]:.1f} MB at 10,000 records, {peaks[100_000]:.1f} MB at 100,000")


if __name__ == "__main__":
    main()
