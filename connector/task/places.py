"""How many tasks a process works on at once, over all routes, and whose turn it is when there are more."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 1024
"""Places of a process where nothing else is said: the width of the widest route."""


class Places:
    """Places to work in, given to the route of the highest priority that asks, and among equals in the order of asking.

    Whoever has a place gives it back as soon as `is_wanted` says so between two tasks; otherwise a busy route would
    keep what it has. Everything is called from one event loop.
    """

    def __init__(self, total: int = MOST) -> None:
        """Prepare.

        Args:
            total: How many there are, at least 1.
        """
        self._free = total
        self._heap: list[tuple[int, int]] = []
        self._asking: dict[int, Callable[[], None]] = {}
        self._tickets = 0

    def take(self) -> bool:
        """Take a place if there is a free one, and return whether there was. None is free while somebody waits."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    def ask(self, priority: int, grant: Callable[[], None]) -> int:
        """Ask for a place, and return a ticket.

        Args:
            priority: Higher ones come first.
            grant: Called once, when there is a place; it is taken then, and has to be given back.
        """
        self._tickets += 1
        heappush(self._heap, (-priority, self._tickets))
        self._asking[self._tickets] = grant
        return self._tickets

    def withdraw(self, ticket: int) -> None:
        """Ask no more. Does nothing where the place was granted."""
        self._asking.pop(ticket, None)

    def give(self) -> None:
        """Give a place back; whoever is first in turn gets it at once."""
        while self._heap:
            grant = self._asking.pop(heappop(self._heap)[1], None)
            if grant is not None:
                grant()
                return
        self._free += 1

    def is_wanted(self, priority: int) -> bool:
        """Return whether somebody of this priority or a higher one waits for a place."""
        while self._heap:
            rank, ticket = self._heap[0]
            if ticket in self._asking:
                return -rank >= priority
            heappop(self._heap)
        return False
