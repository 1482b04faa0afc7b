"""A bounded pool of exclusive sessions.

As many sessions are open as the client allows, and each serves one lease at a time. Whoever comes when all are taken
waits, in order. A session in which something was left (a cart, a customer, a coupon) is never handed on: the next
lease logs in anew. A session that only answered questions is, which saves the log-in.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from connector.errors import ClientError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.client.session import HttpSession

LONGEST_IDLE_S: Final = 600.0
"""An open session is not used again after this: a shop forgets an idle one after 24 minutes (PHP's default)."""


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """How the sessions of a client are used at a moment.

    Attributes:
        size: How many there may be.
        open: How many are logged in, as far as is known.
        in_use: How many are leased.
        waiting: How many leases wait for one.
    """

    size: int
    open: int
    in_use: int
    waiting: int


class SessionPool:
    """Hands out sessions, one lease each."""

    def __init__(self, size: int, make: Callable[[], HttpSession]) -> None:
        """Prepare; sessions are made when first needed.

        Args:
            size: How many sessions may exist at once, at least 1.
            make: Returns a new session; called at most `size` times.
        """
        self._make = make
        self._places = asyncio.Semaphore(size)
        self._idle: list[HttpSession] = []
        self._all: list[HttpSession] = []
        self._is_closed = False
        self._size = size
        self._wanted = 0

    @property
    def usage(self) -> PoolUsage:
        """How the sessions are used at this moment."""
        in_use = len(self._all) - len(self._idle)
        is_open = sum(session.is_open for session in self._all)
        return PoolUsage(self._size, is_open, in_use, max(self._wanted - in_use, 0))

    @asynccontextmanager
    async def lease(self, *, is_stateful: bool) -> AsyncIterator[HttpSession]:
        """Wait for a free session and hold it until the block ends.

        Args:
            is_stateful: Whether calls to come use what the session holds; if so, the session starts empty.

        Raises:
            ClientError: The pool is closed, or was while this waited.
        """
        self._wanted += 1
        try:
            async with self._places:
                if self._is_closed:
                    raise ClientError("the client is closed", cure="use it inside of the block that opened the project")
                session = self._take()
                if is_stateful or session.idle_s > LONGEST_IDLE_S:
                    session.forget()
                try:
                    yield session
                finally:
                    if session.is_used:
                        session.forget()
                    self._idle.append(session)
        finally:
            self._wanted -= 1

    def _take(self) -> HttpSession:
        """Return an idle session, the most recently used first, or a new one."""
        if self._idle:
            return self._idle.pop()
        session = self._make()
        self._all.append(session)
        return session

    async def aclose(self) -> None:
        """Close every session, also when closing one fails, and hand out none any more. Safe to call twice."""
        self._is_closed = True
        self._idle.clear()
        async with AsyncExitStack() as closing:
            while self._all:
                closing.push_async_callback(self._all.pop().aclose)
