"""Being known as a worker, for as long as one works."""

from __future__ import annotations

import asyncio
import math
import os
import platform
import secrets
import time
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from connector import log
from connector.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from connector.store.store import Store
    from connector.task.journal import Journal

logger = log.get_logger()


class Membership:
    """One worker among the store's.

    Attributes:
        worker: Its id, new with every start.
    """

    def __init__(self, store: Store, journal: Journal, *, beat_s: float, dead_s: float) -> None:
        """Prepare.

        Args:
            store: Where workers are known.
            journal: Bears a store that is away.
            beat_s: How often this worker says that it is alive.
            dead_s: After how long without that the store takes it for dead.
        """
        self.worker = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._store = store
        self._journal = journal
        self._beat_s = beat_s
        self._dead_s = dead_s
        self._longest_gap_s = max(dead_s / 3, 2 * beat_s)
        self._routes: tuple[str, ...] = ()
        self._heard_s = -math.inf
        self._missed_s = -math.inf

    @property
    def may_take_over(self) -> bool:
        """Whether others that were not heard of are dead.

        Not where this worker could not say that it is alive itself: the database was away then, and the others have to
        have as long to be heard of again as they would have had without that.
        """
        now_s = time.monotonic()
        return now_s - self._heard_s <= self._longest_gap_s and now_s - self._missed_s >= self._dead_s

    @asynccontextmanager
    async def joined(self, routes: Collection[str]) -> AsyncIterator[None]:
        """Be known for the length of a block; what is still held at its end may be taken over at once.

        Args:
            routes: What this worker delivers.

        Raises:
            StoreError: The store was away for too long.
        """
        self._routes = tuple(routes)
        await self._join()
        self._heard_s, self._missed_s = time.monotonic(), -math.inf
        try:
            yield
        finally:
            with suppress(StoreError):  # then it is taken for dead, after a while
                await self._store.workers.leave(self.worker)

    async def beat(self) -> None:
        """Say again and again that this worker is alive; where that came too late, begin as one that is new.

        Whatever others took over meanwhile is theirs: its leases do not hold any more, and the store lets nothing be
        written under them.

        Raises:
            StoreError: The store was away for too long.
        """
        seen_ms = self._store.now_ms()
        while True:
            await asyncio.sleep(self._beat_s)
            silent_s = (self._store.now_ms() - seen_ms) / 1000
            is_known = await self._journal.bear(partial(self._store.workers.beat, self.worker))
            if silent_s > self._dead_s or not is_known:
                logger.warning(log.WORKER_LATE, worker=self.worker, silent_s=round(silent_s, 1))
                await self._join()
            seen_ms = self._store.now_ms()
            self._hear()

    def _hear(self) -> None:
        """Take note that this worker was heard of just now."""
        now_s = time.monotonic()
        if now_s - self._heard_s > self._longest_gap_s and self._heard_s > -math.inf:
            self._missed_s = now_s
        self._heard_s = now_s

    async def _join(self) -> None:
        await self._journal.bear(
            lambda: self._store.workers.join(self.worker, host=platform.node(), pid=os.getpid(), routes=self._routes)
        )
