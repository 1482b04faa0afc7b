"""Working side by side: at most so many at once, and what has one key one after another.

A lane is the queue of one key. It takes one place from its first entry to its last, so that entries of one key never
run twice at once and keep their order, while those of other keys overtake.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

T = TypeVar("T")

MOST_QUEUED: Final = 256
"""Entries that may wait behind others of their keys. More would be memory without end where one key has them all."""


class Lanes(Generic[T]):
    """Works on entries as they are put in. Use it as a context manager, and put entries in from one task.

    Leaving the block waits for everything that was put in, also where the block failed; a cancellation breaks off what
    is under way.
    """

    def __init__(self, work: Callable[[T], Awaitable[None]], *, width: int) -> None:
        """Prepare.

        Args:
            work: Called once with each entry. What it raises is a fault, not an outcome: the first such error is raised
                when the block is left.
            width: How many entries are worked on at once.
        """
        self._work = work
        self._places = asyncio.Semaphore(width)
        self._queue_places = asyncio.Semaphore(MOST_QUEUED)
        self._lanes: dict[str, deque[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            await self._break_off()
            return
        try:
            while self._tasks:
                await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            await self._break_off()
            raise
        if error is None and self._errors:
            raise self._errors[0]

    async def put(self, entry: T, key: str | None = None) -> None:
        """Return as soon as the entry is worked on, or waits behind another one of its key.

        Args:
            entry: What to work on.
            key: Its lane; None for an entry that waits for no other.
        """
        while key is not None and (lane := self._lanes.get(key)) is not None:
            await self._queue_places.acquire()
            if self._lanes.get(key) is lane:
                lane.append(entry)
                return
            self._queue_places.release()  # the lane came to its end meanwhile
        await self._places.acquire()
        lane = deque([entry])
        if key is not None:
            self._lanes[key] = lane
        task = asyncio.create_task(self._run(lane, key))
        self._tasks.add(task)
        task.add_done_callback(self._settle)

    async def wait_for_place(self) -> None:
        """Return when an entry that waits for no other would be worked on at once."""
        async with self._places:
            pass

    async def _run(self, lane: deque[T], key: str | None) -> None:
        try:
            await self._work(lane.popleft())
            while lane:
                self._queue_places.release()
                await self._work(lane.popleft())
        finally:
            if key is not None:
                del self._lanes[key]
            for _ in lane:
                self._queue_places.release()
            self._places.release()

    def _settle(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._errors.append(error)

    async def _break_off(self) -> None:
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)
