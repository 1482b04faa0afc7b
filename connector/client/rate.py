"""A rate limit that spaces calls evenly, so that a shop never sees a burst."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LONGEST_AHEAD_S: Final = 0.25
"""Most turns that are reserved at once, in seconds: what a process leaves unused when it ends, the others lack."""


class TurnSource(Protocol):
    """Where the turns of one client come from, where several processes share its limit."""

    async def reserve(self, turns: int) -> float:
        """Reserve turns that follow one another at the client's rate, and return in how many seconds the first one is.

        Called by one caller of a limiter at a time, with as many turns as there are callers waiting, at most
        `LONGEST_AHEAD_S` of them. Turns that nobody takes are lost.

        Raises:
            ConnectorError: They cannot be reserved just now.
        """
        ...


class RateLimiter:
    """Gives each caller its turn, at most so many a second, in the order they asked.

    Turns are not saved up: after a quiet minute the next two calls are still one interval apart.
    """

    def __init__(
        self,
        per_second: float,
        *,
        source: TurnSource | None = None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare.

        Args:
            per_second: The limit.
            source: Who gives out the turns where several processes share them; None where this one has them all.
            clock: Seconds on any scale that only moves forward; the event loop's where left out.
            sleep: Waits; seconds.
        """
        self._interval_s = 1 / per_second
        self._source = source
        self._most_reserved = max(1, int(per_second * LONGEST_AHEAD_S))
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._sleep = sleep
        self._next_at_s = float("-inf")
        self._reserved = 0  # turns from `_next_at_s` on that are ours
        self._waiting = 0
        self._reserving = asyncio.Lock()

    async def wait(self) -> None:
        """Return when it is the caller's turn.

        Raises:
            ConnectorError: The turns are shared, and cannot be reserved just now.
        """
        turn_s = self._take() if self._source is None else await self._take_reserved(self._source)
        now_s = self._clock()
        if turn_s > now_s:
            await self._sleep(turn_s - now_s)

    def _take(self) -> float:
        turn_s = max(self._clock(), self._next_at_s)
        self._next_at_s = turn_s + self._interval_s
        return turn_s

    async def _take_reserved(self, source: TurnSource) -> float:
        self._waiting += 1
        try:
            async with self._reserving:  # first come, first served
                self._drop_missed()
                if not self._reserved:
                    turns = min(self._waiting, self._most_reserved)
                    in_s = await source.reserve(turns)
                    self._next_at_s, self._reserved = self._clock() + in_s, turns
                self._reserved -= 1
                return self._take()
        finally:
            self._waiting -= 1

    def _drop_missed(self) -> None:
        """Give up turns that have passed: who should have taken them was broken off meanwhile."""
        while self._reserved and self._next_at_s < self._clock() - self._interval_s / 2:
            self._reserved -= 1
            self._next_at_s += self._interval_s
