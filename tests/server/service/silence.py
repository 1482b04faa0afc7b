"""A database that is there and says nothing: a relay in front of it that stops passing anything on."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes on what a PostgreSQL server and its clients say, until it is told to keep silent.

    Silent, it still takes connections, as a machine does whose server stands still.

    Attributes:
        url: The address of the database by way of this.
    """

    def __init__(self, url: str) -> None:
        """Prepare.

        Args:
            url: Of the database.
        """
        self._target = urlsplit(url)
        self._speaks = threading.Event()
        self._speaks.set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)

    def keep_silent(self) -> None:
        """Pass nothing on any more."""
        self._speaks.clear()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        relaying: set[asyncio.Task[None]] = set()

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            relaying.add(asyncio.ensure_future(self._relay(reader, writer)))

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._target._replace(netloc=f"{self._target.username}@127.0.0.1:{port}").geturl()
        self._ready.set()
        await self._end.wait()
        server.close()
        for task in relaying:
            task.cancel()
        if relaying:
            await asyncio.wait(relaying)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                there_reader, there_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
                try:
                    await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
                finally:
                    there_writer.close()
        finally:
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes in one direction, to its end; what comes in silence is dropped."""
        while sent := await reader.read(65_536):
            if self._speaks.is_set():
                writer.write(sent)
                await writer.drain()
        if self._speaks.is_set() and writer.can_write_eof():
            writer.write_eof()
