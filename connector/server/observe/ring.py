"""The last log lines of this process, kept in memory for whoever looks at the log in a browser.

A processor of structlog, put behind the one that masks: what is kept is masked already. Nothing is written anywhere,
and a process that ends forgets them; the log itself goes to standard error as before.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

CAPACITY: Final = 2000
"""Lines that are kept."""

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
"""From the least important one."""

_LONGEST: Final = 2000
"""Characters of a fact that are kept; two thousand lines of the longest ones are some megabytes, and no more."""

_LONGEST_TRACEBACK: Final = 8000
_OWN: Final = frozenset({"event", "level", "timestamp"})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log.

    Attributes:
        number: Counts the lines of the process, from 1: where a page of them ends.
        at_ms: When, ms since the epoch.
        level: `debug`, `info`, `warning`, `error` or `critical`.
        event: Constant name of the event.
        facts: What it says, by name, in order: text, numbers and truths as they are, anything else as JSON; cut where
            very long.
    """

    number: int
    at_ms: int
    level: str
    event: str
    facts: tuple[tuple[str, str | int | float | bool | None], ...] = ()

    def fact(self, name: str) -> str | int | float | bool | None:
        """Return one fact, or None."""
        return next((value for key, value in self.facts if key == name), None)

    @property
    def text(self) -> str:
        """The line as one text, for a search."""
        return " ".join([self.event, *(f"{name}={value}" for name, value in self.facts)])


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines of the log.

    Attributes:
        lines: The newest first.
        next_before: The number to ask for the next, older page with; None where there is none.
        newest: Number of the newest line that was looked at: what comes later has a higher one; 0 where there is none.
    """

    lines: tuple[LogLine, ...]
    next_before: int | None
    newest: int


class LogRing:
    """Keeps the last log lines. Lines may come in from any thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Prepare.

        Args:
            capacity: How many lines are kept.
        """
        self._lines: deque[LogLine] = deque(maxlen=capacity)
        self._numbers = itertools.count(1)
        self._lock = Lock()

    def __call__(self, _logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keep a masked line, and return it as it is: a processor of structlog."""
        level = str(event.get("level", method))
        facts = tuple((name, _freeze(name, value)) for name, value in event.items() if name not in _OWN)
        at_ms = time.time_ns() // 1_000_000
        with self._lock:
            self._lines.append(LogLine(next(self._numbers), at_ms, level, str(event.get("event", "")), facts))
        return event

    def read(
        self,
        *,
        level: str | None = None,
        text: str = "",
        route: str | None = None,
        request_id: str | None = None,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> LogPage:
        """Return lines, the newest first.

        Args:
            level: Those at least as important as this one; any where left out.
            text: Those that have it somewhere in event or facts, letter case aside.
            route: Those that speak of this route.
            request_id: Those of one request.
            before: Only lines with a lower number: the next page.
            after: Only lines with a higher number: what came since.
            limit: How many at most.
        """
        with self._lock:
            kept = list(self._lines)
        newest = kept[-1].number if kept else 0
        least = 0 if level is None else _rank(level)
        needle = text.casefold()
        found: list[LogLine] = []
        for line in _select(kept, before, after):
            if _rank(line.level) < least:
                continue
            if route is not None and line.fact("route") != route:
                continue
            if request_id is not None and line.fact("request_id") != request_id:
                continue
            if needle and needle not in line.text.casefold():
                continue
            if len(found) == limit:
                return LogPage(tuple(found), found[-1].number if found else before, newest)
            found.append(line)
        return LogPage(tuple(found), None, newest)


def _select(lines: list[LogLine], before: int | None, after: int | None) -> Iterator[LogLine]:
    """Yield lines between two numbers, the newest first."""
    for line in reversed(lines):
        if after is not None and line.number <= after:
            return
        if before is None or line.number < before:
            yield line


def _rank(level: str) -> int:
    """Return how important a level is; one that is not known as `info`."""
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("info")


def _freeze(name: str, value: Any) -> str | int | float | bool | None:
    """Return a fact as a value that nobody can change any more, cut to a size."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            text = value
        case _:
            try:
                text = orjson.dumps(value, default=str).decode()
            except (orjson.JSONEncodeError, TypeError):  # a whole number beyond 64 bits, a name that is no text
                text = str(value)
    longest = _LONGEST_TRACEBACK if name == "exception" else _LONGEST
    return text if len(text) <= longest else f"{text[:longest]}…"
