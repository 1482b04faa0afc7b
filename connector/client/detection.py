"""Which dialect a client speaks: the one its options name, or the one that is found out by asking once.

What to ask, and what an answer means, is decided by probes (`connector.interfaces.Probe`); nothing here knows a remote
system.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from connector.interfaces import Probe
from connector.request import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connector.interfaces import Dialect

AUTO: Final = "auto"
"""What stands for the dialect until it has been found out."""


class Detector:
    """Knows the dialect of one client, for as long as the process runs.

    The first session that needs it asks; others wait and share the result, a failure too. A failure is not remembered
    beyond that: the next one that needs the dialect asks again.
    """

    def __init__(self, start: Dialect | Probe) -> None:
        """Prepare.

        Args:
            start: The dialect, where it is given, or the first question.
        """
        self._first = start if isinstance(start, Probe) else None
        self._found = None if isinstance(start, Probe) else start
        self._lock = asyncio.Lock()
        self._failures = 0
        self._last_failure: Answer | None = None

    @property
    def name(self) -> str:
        """Name of the dialect; `auto` until it has been found out."""
        return AUTO if self._found is None else self._found.name

    async def find(self, ask: Callable[[Probe], Awaitable[Dialect | Probe | Answer]]) -> Dialect | Answer:
        """Return the dialect, or the answer that kept it from being known.

        Args:
            ask: Sends a probe's request and returns what its `read` makes of the response; an answer where none came.
        """
        if self._found is not None:
            return self._found
        seen = self._failures
        async with self._lock:
            if self._found is None and self._failures > seen and self._last_failure is not None:
                return self._last_failure
            return self._found or await self._ask_on(ask)

    async def _ask_on(self, ask: Callable[[Probe], Awaitable[Dialect | Probe | Answer]]) -> Dialect | Answer:
        assert self._first is not None, "without a dialect there is a question"
        result: Dialect | Probe | Answer = self._first
        while isinstance(result, Probe):
            result = await ask(result)
        if isinstance(result, Answer):
            self._failures += 1
            self._last_failure = result
        else:
            self._found = result
        return result

    def doubt(self) -> None:
        """Throw away what was found out, since the remote system does not answer like that; a given dialect stays."""
        if self._first is not None:
            self._found = None
