"""The judge: a web shop on real sockets that counts what it took, and misbehaves as told.

It knows nothing of the program under test. What it says was taken is what the world would have to live with: a request
that it read whole and meant to carry out, whether or not anybody heard of it afterwards. It runs in a thread of the
test, so it outlives every process that the test kills.

```python
with Shop() as shop:
    shop.plan(LOSE, too_many(2))  # the next two requests; what comes after is taken as it should be
    ...
    assert shop.counts == {"R-00001": 1}
```

Three addresses: `orders` takes one record a request, `records` gives them out in pages, `stock` is asked ahead of an
order and changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LINGER_NONE: Final = struct.pack("ii", 1, 0)
_PATIENCE_S: Final = 20.0
"""How long a test waits for something that must happen."""


class Ending(StrEnum):
    """How an exchange ends."""

    ANSWER = "answer"
    PART = "part"  # half the body under the full length, then the connection is closed
    DROP = "drop"  # closed without a word
    RESET = "reset"  # closed with RST, as by a machine that was switched off
    HANG = "hang"  # held open, and never a word


@dataclass(frozen=True)
class Act:
    """What the shop does with one request.

    Attributes:
        name: What a test's message calls it.
        takes: Whether the record is carried out. It then was read whole.
        share: How much of the body is read before anything else happens, from 0 to 1.
        wait_s: Between taking and answering.
        status: Of the answer; 0 sends the body alone, which is then no HTTP.
        headers: Of the answer, made when it is sent.
        body: Of the answer; None for the shop's own.
        ending: How it ends.
    """

    name: str
    takes: bool = True
    share: float = 1.0
    wait_s: float = 0.0
    status: int = 200
    headers: Callable[[], Mapping[str, str]] = dict
    body: bytes | None = None
    ending: Ending = Ending.ANSWER


TAKE: Final = Act("take")
SILENT: Final = Act("take and never answer", ending=Ending.HANG)
LOSE: Final = Act("take and drop", ending=Ending.DROP)
LOSE_HARD: Final = Act("take and reset", ending=Ending.RESET)
PART: Final = Act("take and answer in part", ending=Ending.PART)
GARBAGE: Final = Act("take and answer garbage", body=bytes(range(128, 256)))
NO_HTTP: Final = Act("take and speak no HTTP", status=0, body=b"\x16\x03\x01\x00 this is not a web server\r\n\r\n")
WEB_PAGE: Final = Act(
    "take and answer a web page",
    headers=lambda: {"content-type": "text/html; charset=utf-8"},
    body=b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>",
)
IGNORE: Final = Act("accept and never read", takes=False, share=0.0, ending=Ending.HANG)
HALF: Final = Act("read half and drop", takes=False, share=0.5, ending=Ending.DROP)
RESET: Final = Act("reset unread", takes=False, share=0.0, ending=Ending.RESET)
RESET_READ: Final = Act("read and reset", takes=False, ending=Ending.RESET)
REFUSE: Final = Act("refuse", takes=False, status=422, body=b'{"error": "the shop does not want it"}')
DENY: Final = Act("deny", takes=False, status=401, body=b'{"error": "who are you?"}')
UNAVAILABLE: Final = Act("503", takes=False, status=503, body=b"<h1>503</h1>")
LOSSES: Final = (SILENT, LOSE, LOSE_HARD, PART, GARBAGE, NO_HTTP, WEB_PAGE)
"""Everything that takes the record and does not say so in a way that can be read."""

MISSES: Final = (IGNORE, HALF, RESET, RESET_READ)
"""Everything that looks the same from outside, and takes nothing."""


def slow(wait_s: float) -> Act:
    """Return the act of taking a record at once and answering late."""
    return Act(f"take and answer after {wait_s:g} s", wait_s=wait_s)


def too_many(seconds: int) -> Act:
    """Return a 429 that asks to wait, in seconds."""
    return replace(_TOO_MANY, headers=lambda: {"retry-after": str(seconds)})


def too_many_until(seconds: int) -> Act:
    """Return a 429 that asks to wait, by a date as HTTP writes it: to the second, rounded up."""

    def tell() -> Mapping[str, str]:
        return {"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds + 1), usegmt=True)}

    return replace(_TOO_MANY, headers=tell)


_TOO_MANY: Final = Act("429", takes=False, status=429, body=b'{"error": "slowly, please"}')


@dataclass(frozen=True)
class Arrival:
    """One request whose record was read.

    Attributes:
        reference: Of the record.
        key: What orders records among each other: the customer's number.
        number: The record's own, growing.
        is_taken: Whether it was carried out.
        at_s: When, on the clock that never goes back.
    """

    reference: str
    key: str
    number: int
    is_taken: bool
    at_s: float


def make_records(count: int, *, customers: int = 0, first: int = 1) -> list[dict[str, Any]]:
    """Return so many records, oldest first.

    Args:
        count: How many.
        customers: Among how many customers they are dealt out, in turn; 0 gives each one of its own.
        first: Number of the first one.

    Returns:
        Each with `number`, `reference` (one of its own), `customer` and `changed_at`, a second apart.
    """
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return [
        {
            "number": number,
            "reference": f"R-{number:05}",
            "customer": f"C-{number % customers if customers else number:05}",
            "changed_at": (start + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for number in range(first, first + count)
    ]


@dataclass
class Source:
    """What the shop gives out, page by page: `{"records": […], "pages": 3}` for `{"page": 1, "since": "…"}`.

    Attributes:
        records: All of them, oldest first. A test may add to them.
        page_size: How many a page has.
        wait_s: Before each page is answered.
        asked: The payloads that came.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 10
    wait_s: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page: of the records changed after `since`, or of all where it is left out or empty."""
        self.asked.append(dict(payload))
        since, page = str(payload.get("since") or ""), int(payload.get("page", 1))
        found = [record for record in self.records if record["changed_at"] > since]
        begin = (page - 1) * self.page_size
        return {
            "records": found[begin : begin + self.page_size],
            "pages": max(1, -(-len(found) // self.page_size)),
        }


class Shop:
    """A shop on a free port of loopback, in a thread of its own, open for the length of a `with` block."""

    def __init__(self, *, source: Source | None = None) -> None:
        """Prepare.

        Args:
            source: What it gives out.
        """
        self.source = source or Source()
        self.arrivals: list[Arrival] = []
        self.overlaps: list[str] = []
        self.asked_for_stock = 0
        self.otherwise = TAKE
        self._planned: deque[Act] = deque()
        self._planned_stock: deque[Act] = deque()
        self._planned_pages: deque[Act] = deque()
        self._by_reference: dict[str, deque[Act]] = {}
        self._chances: tuple[Sequence[Act], Sequence[float]] | None = None
        self._random = random.Random()
        self._in_flight: Counter[str] = Counter()
        self._open: dict[asyncio.Task[None], str] = {}
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="shop")
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._done is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(_PATIENCE_S)

    # What a test tells it

    def plan(self, *acts: Act) -> None:
        """Meet the next orders with these acts, in order of arrival."""
        self._planned.extend(acts)

    def plan_stock(self, *acts: Act) -> None:
        """Meet the next questions for stock with these acts."""
        self._planned_stock.extend(acts)

    def plan_pages(self, *acts: Act) -> None:
        """Meet the next questions for records with these acts."""
        self._planned_pages.extend(acts)

    def meet(self, reference: str, *acts: Act) -> None:
        """Meet the orders of one record with these acts, one after another; they are read whole."""
        self._by_reference.setdefault(reference, deque()).extend(acts)

    def leave_to_chance(self, chances: Mapping[Act, float], *, seed: int = 0) -> None:
        """Meet each further order with an act drawn by weight; an empty mapping ends it."""
        self._random = random.Random(seed)
        self._chances = (list(chances), list(chances.values())) if chances else None

    # What a test asks it

    @property
    def taken(self) -> list[Arrival]:
        """What was taken, in order."""
        return [arrival for arrival in tuple(self.arrivals) if arrival.is_taken]

    @property
    def counts(self) -> Counter[str]:
        """How often each reference was taken."""
        return Counter(arrival.reference for arrival in self.taken)

    def wait_until(self, holds: Callable[[Shop], bool], what: str, patience_s: float = _PATIENCE_S) -> None:
        """Return when something holds; fail where it does not come to that in time."""
        deadline_s = time.monotonic() + patience_s
        while not holds(self):
            assert time.monotonic() < deadline_s, f"it never came to that: {what}; taken: {len(self.taken)}"
            time.sleep(0.005)

    def wait_for(self, count: int) -> None:
        """Return when so many orders arrived."""
        self.wait_until(lambda shop: len(shop.arrivals) >= count, f"{count} arrivals")

    def settle(self) -> None:
        """Return when everything sent so far was read to its end: after this the counts stand still.

        Whoever sent it must be gone: a process that lives holds its connections open.
        """
        parts = urlsplit(self.url)
        # Connections are accepted in the order in which they came: after ours, none of theirs waits in the queue.
        with socket.create_connection((parts.hostname, parts.port), timeout=_PATIENCE_S) as own:
            own.sendall(b"POST /stock HTTP/1.1\r\ncontent-length: 2\r\nx-judge: 1\r\n\r\n{}")
            assert own.recv(1)
        self.wait_until(lambda shop: not shop._open, f"every connection is closed, of {[*self._open.values()]}")

    # What it does

    async def _run(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        self._ready.set()
        await self._done.wait()
        server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = "a new one"
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            del self._open[task]
            writer.close()
            with contextlib.suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False when the connection is done."""
        connection = asyncio.current_task()
        assert connection is not None
        self._open[connection] += ", waiting for a request"
        head = await _read_head(reader)
        if head is None:
            return False
        path, headers = head
        self._open[connection] = f"one for {path}"
        if path == "/orders":
            return await self._sell(int(headers["content-length"]), reader, writer)
        payload = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        if path == "/records":
            act = self._planned_pages.popleft() if self._planned_pages else replace(TAKE, wait_s=self.source.wait_s)
            value = self.source.answer(payload) if act.takes else {}
        else:
            assert path == "/stock", path
            is_judge = "x-judge" in headers
            self.asked_for_stock += not is_judge
            act = self._planned_stock.popleft() if self._planned_stock and not is_judge else TAKE
            value = {"stock": 1}
        return await _answer(act, value, reader, writer)

    async def _sell(self, length: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        act = self._choose()
        wanted = int(length * act.share)
        body = await reader.readexactly(wanted)
        if wanted < length:
            return await _answer(act, {}, reader, writer)
        payload = json.loads(body)
        reference = str(payload["reference"])
        key = str(payload.get("customer", reference))
        planned = self._by_reference.get(reference)
        if planned:
            act = planned.popleft()
        if self._in_flight[key]:
            self.overlaps.append(reference)
        self._in_flight[key] += 1
        number = int(payload.get("number", 0))
        self.arrivals.append(Arrival(reference, key, number, act.takes, time.monotonic()))
        try:
            return await _answer(act, {"id": len(self.arrivals), "reference": reference}, reader, writer)
        finally:
            self._in_flight[key] -= 1

    def _choose(self) -> Act:
        if self._planned:
            return self._planned.popleft()
        if self._chances is not None:
            return self._random.choices(*self._chances)[0]
        return self.otherwise


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    line = (await reader.readline()).decode("latin-1").strip()
    if not line:
        return None
    _method, target, _version = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (header := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, text = header.partition(":")
        headers[name.lower()] = text.strip()
    return urlsplit(target).path, headers


async def _answer(act: Act, value: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Do the second half of an act; False when the connection is done."""
    if act.wait_s:
        await asyncio.sleep(act.wait_s)
    if act.ending is Ending.HANG:
        while await reader.read(1 << 16):  # until the other side gives up
            pass
        return False
    if act.ending is Ending.RESET:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        writer.transport.abort()
        return False
    if act.ending is Ending.DROP:
        return False
    body = json.dumps(value).encode() if act.body is None else act.body
    head = b""
    if act.status:
        headers = {"content-type": "application/json", "content-length": str(len(body)), **act.headers()}
        lines = [f"HTTP/1.1 {act.status} So", *(f"{name}: {text}" for name, text in headers.items()), "", ""]
        head = "\r\n".join(lines).encode("latin-1")
    writer.write(head + (body[: len(body) // 2] if act.ending is Ending.PART else body))
    await writer.drain()
    return act.ending is Ending.ANSWER and act.status != 0
