"""A rate limit that spaces calls evenly, so that a shop never sees a burst."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class RateLimiter:
    """Gives each caller its turn, at most so many a second, in the order they asked.

    Turns are not saved up: after a quiet minute the next two calls are still one interval apart.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval_s = 1 / per_second
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._sleep = sleep
        self._next_at_s = float("-inf")

    async def wait(self) -> None:
        """Return when it is the caller's turn."""
        now_s = self._clock()
        turn_s = max(now_s, self._next_at_s)
        self._next_at_s = turn_s + self._interval_s
        if turn_s > now_s:
            await self._sleep(turn_s - now_s)
