"""Whether and when to try again: decisions without clocks or sleeping."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from connector.frozen import dataclass

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and how long to wait in between.

    Attributes:
        attempts: Tries in all, the first one included; at least 1.
        first_delay: Wait after the first failure.
        longest_delay: Ceiling, also for what a remote system asks with `Retry-After`.
    """

    attempts: int = 1
    first_delay: timedelta = timedelta(seconds=1)
    longest_delay: timedelta = timedelta(seconds=30)

    def delay(self, attempt: int, *, asked_s: float | None, random: Random) -> timedelta | None:
        """Return how long to wait after a failed attempt, or None when it was the last.

        The wait doubles with each attempt and is drawn from its upper half, so that many workers do not return at
        the same instant; a wait the remote system asked for is kept as it is, up to the ceiling.

        Args:
            attempt: The one that failed, from 1.
            asked_s: Seconds from `Retry-After`, or None.
            random: Source of the jitter.
        """
        if attempt >= self.attempts:
            return None
        if asked_s is not None:
            return min(timedelta(seconds=asked_s), self.longest_delay)
        doublings = min(attempt - 1, 32)
        ceiling_s = min(self.first_delay.total_seconds() * 2.0**doublings, self.longest_delay.total_seconds())
        return timedelta(seconds=ceiling_s * random.uniform(0.5, 1.0))
