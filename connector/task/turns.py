"""Turns of a client's rate limit, given out by the store to every process that shares it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.store.store import Store


class StoreTurns:
    """The turns of one client. Implements `connector.client.rate.TurnSource`."""

    def __init__(self, store: Store, client: str, per_second: float) -> None:
        """Prepare; nothing is asked for.

        Args:
            store: Gives them out.
            client: Name of the client, the same in all processes.
            per_second: Its limit.
        """
        self._store = store
        self._client = client
        self._per_second = per_second

    async def reserve(self, turns: int) -> float:
        """Reserve turns, and return in how many seconds the first one is.

        Raises:
            StoreError: The database cannot be used just now.
        """
        first_ms = await self._store.limits.reserve(self._client, self._per_second, turns)
        return max(0, first_ms - self._store.now_ms()) / 1000
