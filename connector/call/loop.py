"""Telling a loop from progress, in memory that does not grow."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final


class LoopGuard:
    """Remembers what was seen, in bounded memory, to tell a loop from progress.

    The last 1,000 entries are remembered exactly. Longer loops are found by Brent's rule: the entry of the last page
    whose number is a power of two stays, and a loop must meet it again.
    """

    _WINDOW: Final = 1000

    def __init__(self) -> None:
        self._recent: OrderedDict[bytes, int] = OrderedDict()
        self._anchor: tuple[bytes, int] | None = None

    def __len__(self) -> int:
        return len(self._recent)

    def find(self, number: int, entry: bytes) -> int | None:
        """Return the number of the page that gave this entry before, or None after remembering it.

        Args:
            number: Of this page, from 1, rising.
            entry: What identifies it.
        """
        digest = hashlib.blake2b(entry, digest_size=16).digest()
        earlier = self._recent.get(digest)
        if earlier is None and self._anchor is not None and self._anchor[0] == digest:
            earlier = self._anchor[1]
        if earlier is not None:
            return earlier
        self._recent[digest] = number
        if len(self._recent) > self._WINDOW:
            self._recent.popitem(last=False)
        if number & (number - 1) == 0:
            self._anchor = (digest, number)
        return None
