"""A server on loopback that gives pages of records as fast as sockets allow: every answer is made beforehand.

    python benchmarks/page_server.py RECORDS PAGE_SIZE [order]

It prints its port, answers `POST /` with `{"page": N}` and ends when its standard input is closed. A record has ten
fields; an `order` is as a marketplace gives one out, with two addresses and three lines, 1.2 KB of JSON.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

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


def make_order(number: int) -> dict[str, object]:
    """Return a whole order: the fields of `make_record`, and what stands around them."""
    address = {
        "first_name": "Ann",
        "last_name": f"Lee {number}",
        "company": "",
        "street": "1 High St",
        "city": "London",
        "postcode": "N1 1AA",
        "country": "GB",
        "phone": "+44 20 7946 0000",
    }
    lines = [
        {
            "id": number * 10 + line,
            "sku": f"SKU-{number % 500:04}-{line}",
            "title": "A shirt of organic cotton, blue, size M",
            "quantity": line,
            "price": f"{number % 400}.95",
            "tax_rate": 20.0,
        }
        for line in range(1, 4)
    ]
    return {
        "id": number,
        **make_record(number),
        "currency": "GBP",
        "subtotal": f"{number % 400 * 6}.70",
        "shipping": "4.99",
        "tax": f"{number % 80}.15",
        "is_paid": True,
        "note": None,
        "billing": address,
        "delivery": address,
        "lines": lines,
        "tags": ["market", "uk"],
        "updated_at": "2026-11-22T10:05:00Z",
    }


def make_pages(records: int, size: int, make: Callable[[int], dict[str, object]] = make_record) -> list[bytes]:
    """Return whole HTTP answers, the last one without records."""
    bodies = [
        orjson.dumps({"orders": [make(number) for number in range(first, min(first + size, records))]})
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


async def serve(records: int, size: int, make: Callable[[int], dict[str, object]] = make_record) -> None:
    """Serve until standard input ends."""
    pages = make_pages(records, size, make)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Pages(pages), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), make_order if "order" in sys.argv[3:] else make_record))
