"""How often somebody may try: counts that drain with time, in a table that cannot grow.

Each count stands in a cell that a keyed digest of the name chooses, so that nobody can push the count of another one
out by inventing names, and nobody can choose names that share a cell. Two names that share one by chance share its
limit for as long as somebody guesses at one of them.
"""

from __future__ import annotations

import math
import secrets
import time
from hashlib import blake2s
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_CELLS: Final = 16_384


class Throttle:
    """Counts tries by name, and says how long to wait once there were too many."""

    def __init__(self, most: int, within_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare.

        Args:
            most: Tries that may follow each other without a pause.
            within_s: How long it takes until as many are allowed again; one comes back after its share of it.
            clock: Tells seconds.
        """
        self._most = most
        self._per_s = most / within_s
        self._clock = clock
        self._key = secrets.token_bytes(16)
        self._cells: dict[int, tuple[float, float]] = {}

    def wait_s(self, name: str) -> int:
        """Return after how many seconds this one may try; 0 for now."""
        over = self._level(self._cell(name)) - (self._most - 1)
        return math.ceil(over / self._per_s) if over > 0 else 0

    def count(self, name: str) -> None:
        """Note a try."""
        cell = self._cell(name)
        self._cells[cell] = (min(self._level(cell) + 1, float(self._most)), self._clock())

    def take_back(self, name: str) -> None:
        """Forget a try: it was the right person. Those of others that stand in the same cell stay."""
        cell = self._cell(name)
        self._cells[cell] = (max(0.0, self._level(cell) - 1), self._clock())

    def _level(self, cell: int) -> float:
        level, at = self._cells.get(cell, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) * self._per_s)

    def _cell(self, name: str) -> int:
        digest = blake2s(name.encode("utf-8", "replace"), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest) % _CELLS


def name_network(address: str) -> str:
    """Return whose tries count as one: an address of IPv4, or the /64 of IPv6 that one household has to choose from."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return f"{known.exploded[:19]}::/64" if isinstance(known, IPv6Address) else address
