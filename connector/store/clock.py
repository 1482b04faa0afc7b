"""What time it is, for everything the store writes: milliseconds since the epoch, and never backwards."""

from __future__ import annotations

import threading
import time
from typing import Final

_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


def steady_ms() -> int:
    """Return milliseconds of a clock that nobody sets; its zero means nothing."""
    return time.clock_gettime_ns(_STEADY) // 1_000_000


class AnchoredClock:
    """A clock that is told the time once, and counts on by itself.

    Setting the machine's clock while the process runs changes nothing. Each `anchor` tells it the time anew (that of
    a database server, say); it stands still rather than go back. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = time.time_ns() // 1_000_000 - steady_ms()
        self._last = 0

    def __call__(self) -> int:
        """Return the time, ms since the epoch."""
        with self._lock:
            self._last = max(self._last, steady_ms() + self._offset)
            return self._last

    def anchor(self, now_ms: int) -> None:
        """Tell it what time it is.

        A clock that was ahead by more than a minute takes the new time at once: standing still that long would be
        worse than going back.
        """
        with self._lock:
            self._offset = now_ms - steady_ms()
            if self._last > now_ms + 60_000:
                self._last = now_ms
