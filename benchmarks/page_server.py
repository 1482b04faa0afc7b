"""A server on loopback that gives pages of records as fast as sockets allow: every answer is made beforehand.

    python benchmarks/page_server.py RECORDS PAGE_SIZE

It prints its port, answers `POST /` with `{"page": N}` and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import re
import sys

import orjson

PAGE = re.compile(rb'"page":\s*"?(\d+)')
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def make_record(number: int) -> dict[str, object]:
    """Return an order as a marketplace would send it."""
    return {
        "reference": f"MP-{number:07}",
        "first": "Ann",
        "last": f"Lee {number}",
        "email": f"Ann.{number}@Example.com",
        "status": "paid" if number % 3 else "open",
        "price": f"{number % 400}.95",
        "quantity": number % 5 + 1,
        "country": "gb",
        "placed_at": "2026-11-22T10:00:00Z",
        "address": {"street": "1 High St", "city": "London", "postcode": "N1 1AA"},
    }


def make_pages(records: int, size: int) -> list[bytes]:
    """Return whole HTTP answers, the last one without records."""
    bodies = [
        orjson.dumps({"orders": [make_record(number) for number in range(first, min(first + size, records))]})
        for first in range(0, records + size, size)
    ]
    return [
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        for body in bodies
    ]


class Pages(asyncio.Protocol):
    """One connection."""

    def __init__(self, pages: list[bytes]) -> None:
        self._pages = pages
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not blank or length is None or len(body) < int(length[1]):
            return
        page = PAGE.search(body)
        self._received = b""
        self._transport.write(self._pages[int(page[1]) - 1])


async def serve(records: int, size: int) -> None:
    """Serve until standard input ends."""
    pages = make_pages(records, size)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Pages(pages), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
