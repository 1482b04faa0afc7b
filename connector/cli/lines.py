"""JSON lines: records out, and records in from a stream that nobody vouches for."""

from __future__ import annotations

import asyncio
import os
import threading
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.client.exact import load_json
from connector.desk.json_text import encode_json
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from connector.record import Record

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""The longest line that is taken; of a longer one no more than this is held in memory."""

_CHUNK_BYTES: Final = 65_536
_BLANKS: Final = b" \t\r\n\v\f"
_BOM: Final = b"\xef\xbb\xbf"


def encode_lines(records: Iterable[Record]) -> bytes:
    """Return records as JSON lines; nothing at all for no record."""
    return b"".join([encode_json(record) + b"\n" for record in records])


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that gives no record.

    Attributes:
        number: From 1.
        reason: Why, and what is accepted.
    """

    number: int
    reason: str


class RecordLines:
    """Reads records from JSON lines, no faster than they are taken, in bounded memory.

    Blank lines are passed over. A line that gives no record is reported, and the others go on.
    """

    def __init__(self, chunks: AsyncIterator[bytes], on_bad: Callable[[BadLine], None]) -> None:
        """Prepare.

        Args:
            chunks: The stream, cut anywhere.
            on_bad: Called with every line that gives no record, in order.
        """
        self._chunks = chunks
        self._on_bad = on_bad
        self._number = 0  # lines so far
        self._taken = 0  # records so far
        self._gaps = array("Q")  # for each line that gave no record: how many records came before it

    def find_line(self, index: int) -> int:
        """Return the number of the line, from 1, that gave the record of this index, from 0."""
        return index + 1 + bisect_right(self._gaps, index)

    async def batches(self) -> AsyncIterator[list[Record]]:
        """Yield records as they come: all those of what was read at once."""
        rest = b""
        is_skipping = False  # inside a line that is too long, until its end
        is_first = True
        async for read in self._chunks:
            chunk = read
            if is_first:
                chunk, is_first = chunk.removeprefix(_BOM), False
            if is_skipping:
                _, end, chunk = chunk.partition(b"\n")
                if not end:
                    continue
                is_skipping = False
            *lines, rest = (rest + chunk).split(b"\n")
            records = self._parse(lines)
            if len(rest) > MAX_LINE_BYTES:
                self._skip(f"longer than {MAX_LINE_BYTES // 1024 // 1024} MiB, the most that is read")
                rest, is_skipping = b"", True
            if records:
                yield records
        records = self._parse([rest]) if rest else []
        if records:
            yield records

    def _parse(self, lines: Iterable[bytes]) -> list[Record]:
        records = []
        for line in lines:
            record = self._parse_line(line)
            if record is not None:
                self._number += 1
                self._taken += 1
                records.append(record)
        return records

    def _parse_line(self, line: bytes) -> Record | None:
        if not line.strip(_BLANKS):
            self._pass()
            return None
        if len(line) > MAX_LINE_BYTES:
            self._skip(f"longer than {MAX_LINE_BYTES // 1024 // 1024} MiB, the most that is read")
            return None
        try:
            value = load_json(line)
        except orjson.JSONDecodeError as error:
            self._skip(_describe(line, error))
            return None
        if not isinstance(value, dict):
            self._skip(f"found {_name(value)}, accepted is a JSON object")
            return None
        return value

    def _pass(self) -> None:
        self._number += 1
        self._gaps.append(self._taken)

    def _skip(self, reason: str) -> None:
        self._pass()
        self._on_bad(BadLine(self._number, reason))


def _describe(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        return f"the byte 0x{line[wrong.start]:02X} at {wrong.start + 1} is not UTF-8; save or send it as UTF-8"
    return f"not JSON: {error.msg} at character {error.pos + 1}"


def _name(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a list"


async def read_chunks(descriptor: int) -> AsyncIterator[bytes]:
    """Yield what can be read from a file, pipe or terminal as it comes; one chunk is held at a time.

    A thread does the reading: it works for every kind of file, leaves the terminal's settings alone, and one that
    waits for input does not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | OSError] = asyncio.Queue()
    wanted = threading.Semaphore()  # at most one chunk lies in the queue

    def read() -> None:
        chunk: bytes | OSError = b"-"
        while chunk and isinstance(chunk, bytes):
            wanted.acquire()
            try:
                chunk = os.read(descriptor, _CHUNK_BYTES)
            except OSError as error:
                chunk = error
            try:
                loop.call_soon_threadsafe(queue.put_nowait, chunk)
            except RuntimeError:  # the loop is closed: nobody takes it any more
                return

    threading.Thread(target=read, name="records", daemon=True).start()
    while True:
        chunk = await queue.get()
        wanted.release()
        if isinstance(chunk, OSError):
            raise chunk
        if not chunk:
            return
        yield chunk
