"""The raw floor of taking records in: fetch every page with http.client, parse with orjson, write JSON lines.

python benchmarks/bare_http_client.py URL > FILE
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

import orjson


def main(url: str) -> None:
    """Read pages until one is empty."""
    write = sys.stdout.buffer.write
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    page = 1
    while True:
        connection.request("POST", address.path, orjson.dumps({"page": page}), {"content-type": "application/json"})
        orders = orjson.loads(connection.getresponse().read())["orders"]
        if not orders:
            return
        for order in orders:
            write(orjson.dumps(order) + b"\n")
        page += 1


if __name__ == "__main__":
    main(sys.argv[1])
