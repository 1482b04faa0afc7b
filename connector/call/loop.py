"""Telling a loop from progress, in memory that does not grow."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class AnswerGuard:
    """Tells answers that repeat.

    The first pages, where a page number that the remote system ignores shows, are compared record by record. After
    them the first and the last record are looked at, and only those answers are compared as a whole whose two were seen
    together before. A loop among them is met the second time round; to write down every record of every page again
    would take as long as reading it did.
    """

    EXACT: Final = 16
    """Pages that are compared as a whole in any case."""

    def __init__(self) -> None:
        self._outlines = LoopGuard()
        self._wholes = LoopGuard()

    def find(self, number: int, records: Sequence[Any]) -> int | None:
        """Return the number of the page that gave these records before, or None.

        Args:
            number: Of this page, from 1, rising.
            records: At least one.
        """
        outline = (len(records), records[0], records[-1])
        is_known = self._outlines.find(number, _write(outline)) is not None
        if not is_known and number > self.EXACT:
            return None
        return self._wholes.find(number, _write(records))


def _write(records: Sequence[Any]) -> bytes:
    try:
        return orjson.dumps(records if isinstance(records, tuple) else list(records))
    except orjson.JSONEncodeError:  # nested deeper than orjson writes (254 levels), or no JSON
        return repr(records).encode("utf-8", "replace")
