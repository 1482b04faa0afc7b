"""A remote system that takes one record a POST: answers after a given time, and counts what it took by reference.

    python benchmarks/sink.py [--delay-ms N] [--faults SEED]

It prints its port and ends when its standard input is closed. Every POST is a commit: the text under `"reference"` in
its body is counted, `{"success":true}` is the answer. It spends about 20 µs of CPU a request, in a process of its own.

- `GET /counts`: `{"reference": times, …}`, how often each was taken;
- `GET /faults`: how often each fault was played;
- `--faults SEED`: one request in ten is treated as no decent server would, by chance; see `FAULTS`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from contextlib import contextmanager
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
REFERENCE = re.compile(rb'"reference": *"([^"]*)"')

FAULTS = ("slow", "drop", "drop_taken", "garbage", "too_many", "too_many_date", "unavailable")
"""What `--faults` plays: an answer two seconds late; a connection closed before the record is taken, or after; a taken
record answered with half a web page; 429 with `Retry-After` in seconds, or as a date; 503. The last three take nothing.
"""
ODDS = 0.1
SLOW_S = 2.0


def build(status: str, body: bytes, *headers: str) -> bytes:
    """Return a whole HTTP answer."""
    head = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


TAKEN = build("200 OK", b'{"success":true}')


class Sink:
    """What all connections share."""

    def __init__(self, delay_s: float, seed: int | None) -> None:
        self.delay_s = delay_s
        self.counts: Counter[bytes] = Counter()
        self.faults: Counter[str] = Counter()
        self._random = random.Random(seed) if seed is not None else None

    def find_fault(self) -> str | None:
        """Return what goes wrong with this request, or None."""
        if self._random is None or self._random.random() >= ODDS:
            return None
        fault = self._random.choice(FAULTS)
        self.faults[fault] += 1
        return fault

    def report(self, path: bytes) -> bytes:
        """Return what was counted, as an answer."""
        counts = {key.decode(): count for key, count in self.counts.items()}
        return build("200 OK", orjson.dumps(self.faults if path == b"/faults" else counts))


class Connection(asyncio.Protocol):
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
            self._write(self._sink.report(head.split(b" ", 2)[1]))
            return
        length = LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return
        self._received = b""
        self._take(body)

    def _take(self, body: bytes) -> None:
        sink = self._sink
        fault = sink.find_fault()
        if fault is None or fault in {"slow", "drop_taken", "garbage"}:
            reference = REFERENCE.search(body)
            sink.counts[reference[1] if reference else b""] += 1
        match fault:
            case None:
                self._answer(TAKEN, sink.delay_s)
            case "slow":
                self._answer(TAKEN, SLOW_S)
            case "drop" | "drop_taken":
                self._loop.call_later(sink.delay_s, self._transport.close)
            case "garbage":
                self._answer(build("200 OK", b"<html><body>It works"), sink.delay_s)
            case "too_many":
                self._answer(build("429 Too Many Requests", b"{}", "retry-after: 1"), sink.delay_s)
            case "too_many_date":
                at = formatdate(time() + 1, usegmt=True)
                self._answer(build("429 Too Many Requests", b"{}", f"retry-after: {at}"), sink.delay_s)
            case "unavailable":
                self._answer(build("503 Service Unavailable", b"{}"), sink.delay_s)

    def _answer(self, answer: bytes, delay_s: float) -> None:
        if delay_s:
            self._loop.call_later(delay_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve(delay_s: float, seed: int | None) -> None:
    """Serve until standard input ends."""
    sink = Sink(delay_s, seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(sink, loop), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def open_sink(*, delay_ms: float = 0, seed: int | None = None) -> Iterator[str]:
    """Run a sink in a process of its own for the length of a block, and give its address."""
    command = [sys.executable, __file__, "--delay-ms", str(delay_ms)]
    if seed is not None:
        command += ["--faults", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.stdin.close()


def ask(url: str, what: str) -> dict[str, Any]:
    """Return what a sink reports under `counts` or `faults`."""
    with urllib.request.urlopen(f"{url}{what}", timeout=60) as answer:
        report: dict[str, Any] = orjson.loads(answer.read())
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--faults", type=int)
    options = parser.parse_args()
    asyncio.run(serve(options.delay_ms / 1000, options.faults))
