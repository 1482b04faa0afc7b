"""The raw floor: fetch every page with httpx, parse with orjson, write JSON lines, and nothing else.

python benchmarks/bare_loop.py URL > FILE
"""

from __future__ import annotations

import asyncio
import sys

import httpx
import orjson


async def main(url: str) -> None:
    """Read pages until one is empty."""
    write = sys.stdout.buffer.write
    async with httpx.AsyncClient() as client:
        page = 1
        while True:
            response = await client.post(url, json={"page": page})
            orders = orjson.loads(response.content)["orders"]
            if not orders:
                return
            for order in orders:
                write(orjson.dumps(order) + b"\n")
            page += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
