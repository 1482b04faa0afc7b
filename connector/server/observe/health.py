"""Whether this process is alive, and whether it is ready: for whoever starts it anew, or sends it requests."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.server.context import Context

READY: Final = "ready"
_PATIENCE_S: Final = 2.0
"""How long the store may take to answer, seconds; probes give up after few."""

_FRESH_S: Final = 1.0
"""For how long one look at the store serves all who ask, seconds: anybody may ask."""


class Health:
    """Knows whether a process is ready. One for a process."""

    def __init__(self, context: Context) -> None:
        """Prepare.

        Args:
            context: The parts of the service.
        """
        self._context = context
        self._looking: asyncio.Task[bool] | None = None
        self._seen_s = float("-inf")
        self._is_store_there = False

    async def look(self) -> str:
        """Return `ready`, or in one word what is missing.

        Returns:
            `starting` before its parts run, `stopping` when it was asked to end, `store` while the database does not
            answer.
        """
        service = self._context.service
        if service.stopping.is_set():
            return "stopping"
        if not service.is_ready:
            return "starting"
        return READY if await self._has_store() else "store"

    async def _has_store(self) -> bool:
        """Whether the store answers; asked once at a time, however many want to know."""
        if time.monotonic() - self._seen_s < _FRESH_S:
            return self._is_store_there
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._ask())
        done, _ = await asyncio.wait({self._looking}, timeout=_PATIENCE_S)
        return bool(done) and self._is_store_there

    async def _ask(self) -> bool:
        try:
            await self._context.store.routes.states()
            self._is_store_there = True
        except ConnectorError:
            self._is_store_there = False
        self._seen_s = time.monotonic()
        return self._is_store_there
