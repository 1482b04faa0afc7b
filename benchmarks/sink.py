"""A remote system that takes one record a POST: answers after a given time, and counts what it took by reference.

    python benchmarks/sink.py [--delay-ms N]

It prints its port and ends when its standard input is closed. Every POST is a commit: the text under `"reference"` in
its body is counted, `{"success":true}` is the answer. It spends about 20 µs of CPU a request, in a process of its own,
so that what is measured has the machine to itself. `GET /` answers with what was counted; see `Tally`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
REFERENCE = re.compile(rb'"reference": *"([^"]*)"')


@dataclass(frozen=True)
class Tally:
    """What a sink took.

    Attributes:
        taken: Records.
        doubled: Those whose reference had been taken before.
        span_s: From the first one's arrival to the last one's, seconds.
    """

    taken: int
    doubled: int
    span_s: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.taken / self.span_s if self.span_s else 0.0


class Sink:
    """What all connections share."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._counts: Counter[bytes] = Counter()
        self._first_s = self._last_s = 0.0

    def take(self, body: bytes) -> None:
        """Count a record."""
        reference = REFERENCE.search(body)
        self._counts[reference[1] if reference else b""] += 1
        self._last_s = time.perf_counter()
        self._first_s = self._first_s or self._last_s

    def tell(self) -> bytes:
        """Return what was counted, as an answer."""
        taken = self._counts.total()
        return build(orjson.dumps(asdict(Tally(taken, taken - len(self._counts), self._last_s - self._first_s))))


def build(body: bytes) -> bytes:
    """Return a whole HTTP answer."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


TAKEN = build(b'{"success":true}')


class Link(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self._sink = sink
        self._loop = loop
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        if head.startswith(b"GET "):
            self._received = b""
            self._write(self._sink.tell())
            return
        length = LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return
        self._received = b""
        self._sink.take(body)
        if self._sink.delay_s:
            self._loop.call_later(self._sink.delay_s, self._write, TAKEN)
        else:
            self._write(TAKEN)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve(delay_s: float) -> None:
    """Serve until standard input ends."""
    sink = Sink(delay_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Link(sink, loop), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def open_sink(*, delay_ms: float = 0) -> Iterator[str]:
    """Run a sink in a process of its own for the length of a block, and give its address."""
    command = [sys.executable, __file__, "--delay-ms", str(delay_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.stdin.close()


def read_tally(url: str) -> Tally:
    """Return what a sink has taken so far."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return Tally(**orjson.loads(answer.read()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-ms", type=float, default=0)
    asyncio.run(serve(parser.parse_args().delay_ms / 1000))
