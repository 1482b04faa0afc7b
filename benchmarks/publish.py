"""What one publish of a small record costs, 50 on their way at once, against bare loops in the same run.

    python benchmarks/publish.py [--delay-ms N] [--profile FILE]

CPU of this process a record: the sink is a process of its own. Budget: 0.35 ms for `Publisher.publish`. `--profile`
writes what cProfile saw of it.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import httpx
import orjson
from page_server import make_record
from sink import open_sink

from connector import load, open_project

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RECORDS = 5000
WIDTH = 50
ROUNDS = 3

CONFIG = """\
clients:
  erp: {{connector: http, base_url: "{url}", sessions: 50}}
outgoing:
  orders:
    publisher: {{client: erp, route: orders}}
"""


async def carry_out(send: Callable[[dict[str, object]], Awaitable[object]]) -> tuple[float, float]:
    """Send every record, so many side by side; return seconds of CPU and of wall time."""
    records = iter([make_record(number) for number in range(RECORDS)])

    async def work() -> None:
        for record in records:
            await send(record)

    cpu_s, wall_s = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(WIDTH)))
    return time.process_time() - cpu_s, time.perf_counter() - wall_s


async def measure_aiohttp(url: str) -> tuple[float, float]:
    """Send with aiohttp alone, whose parser is written in C."""
    headers = {"content-type": "application/json"}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=WIDTH)) as session:

        async def send(record: dict[str, object]) -> object:
            async with session.post(url, data=orjson.dumps(record), headers=headers) as response:
                return orjson.loads(await response.read())

        return await carry_out(send)


async def measure_httpx(url: str) -> tuple[float, float]:
    """Send with httpx alone, one client for each worker: a shared one searches its pool for every request."""
    clients = [httpx.AsyncClient() for _ in range(WIDTH)]
    free = list(clients)
    headers = {"content-type": "application/json"}

    async def send(record: dict[str, object]) -> object:
        client = free.pop()
        try:
            response = await client.post(url, content=orjson.dumps(record), headers=headers)
            return orjson.loads(response.content)
        finally:
            free.append(client)

    try:
        return await carry_out(send)
    finally:
        for client in clients:
            await client.aclose()


async def measure_publisher(url: str, profile: cProfile.Profile | None = None) -> tuple[float, float]:
    """Send as a route does."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "bench.yaml"
        config.write_text(CONFIG.format(url=url))
        project = load(config)
    async with open_project(project) as runtime:
        publisher = runtime.publisher("orders")
        with profile or nullcontext():
            return await carry_out(publisher.publish)


def main() -> None:
    """Print one line a way of sending."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-ms", type=float, default=20)
    parser.add_argument("--profile", type=Path)
    options = parser.parse_args()
    with open_sink(delay_ms=options.delay_ms) as url:
        if options.profile:
            profile = cProfile.Profile()
            asyncio.run(measure_publisher(url, profile))
            profile.dump_stats(options.profile)
            return
        for name, way in (
            ("bare aiohttp + orjson", measure_aiohttp),
            ("bare httpx + orjson", measure_httpx),
            ("Publisher.publish", measure_publisher),
        ):
            cpu_s, wall_s = min(asyncio.run(way(url)) for _ in range(ROUNDS))
            print(f"{name:<24} {cpu_s / RECORDS * 1000:.3f} ms CPU  {RECORDS / wall_s:,.0f} a second")
    print(f"{'':<24} budget: 0.35 ms CPU for Publisher.publish")


if __name__ == "__main__":
    main()
