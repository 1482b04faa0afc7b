"""What a person has been asked to confirm: kept until it is, and then while it may be sent once more by mistake.

A browser sends a form again when its page is loaded again. What a confirmation did is therefore remembered: the second
time, what came of the first is shown, and nothing is sent. It is kept by this process alone: one that does not know a
confirmation asks again, which is the safe way round.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 200
"""Confirmations that are kept, the youngest ones."""

LASTS_S: Final = 900.0
"""For so long a question can be answered."""


@dataclass(slots=True)
class Confirmation:
    """One question, and what came of it.

    Attributes:
        by: Name of who was asked.
        asked: What they were asked to confirm.
        asked_at_s: When, on the monotonic clock.
        is_taken: Whether it was confirmed.
        result: What came of it; None while that is under way, and where it was never known.
    """

    by: str
    asked: Any
    asked_at_s: float
    is_taken: bool = False
    result: Any = None


class Confirmations:
    """The questions that are open, and those that were answered a while ago."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kept: OrderedDict[str, Confirmation] = OrderedDict()

    def ask(self, by: str, asked: Any) -> str:
        """Keep a question and return the word that confirms it."""
        word = secrets.token_urlsafe(18)
        self._kept[word] = Confirmation(by, asked, self._clock_s())
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return word

    def find(self, word: str, by: str) -> Confirmation | None:
        """Return a question that is still good, or None.

        Args:
            word: What `ask` gave.
            by: Who answers; another than who was asked has nothing to answer.
        """
        found = self._kept.get(word)
        if found is None or found.by != by:
            return None
        is_late = self._clock_s() - found.asked_at_s > LASTS_S
        return None if is_late and not found.is_taken else found
