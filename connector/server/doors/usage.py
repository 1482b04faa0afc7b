"""When tokens and sessions were used last, written in batches: a push must not cost a write besides its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from connector import log
from connector.errors import StoreError

if TYPE_CHECKING:
    from connector.store.store import Store

BATCH_S: Final = 15.0
"""For how long uses are gathered."""

MOST_SESSIONS: Final = 1_000
"""Sessions of a batch; those of more are noted with their next request."""

logger = log.get_logger()


class Usage:
    """Gathers uses. Nothing runs while nothing is used."""

    def __init__(self, store: Store, *, batch_s: float = BATCH_S) -> None:
        self._store = store
        self._batch_s = batch_s
        self._tokens: dict[int, int] = {}
        self._sessions: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    def note_token(self, token: int) -> None:
        """Note that a token was used just now."""
        self._tokens[token] = self._store.now_ms()
        self._begin()

    def note_session(self, hash: str) -> None:  # noqa: A002 - what the store calls it
        """Note that somebody was seen just now."""
        if len(self._sessions) < MOST_SESSIONS:
            self._sessions.add(hash)
            self._begin()

    async def write(self) -> None:
        """Write what is gathered.

        Raises:
            StoreError: The database cannot be used; what is gathered stays for the next time.
        """
        tokens, sessions = self._tokens, self._sessions
        self._tokens, self._sessions = {}, set()
        try:
            await self._store.accounts.touch_tokens(tokens)
            for one in sessions:
                await self._store.accounts.touch_session(one)
        except StoreError:
            self._tokens = tokens | self._tokens
            self._sessions |= sessions
            raise

    async def aclose(self) -> None:
        """Write what is left."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})
            self._writing = None
        try:
            await self.write()
        except StoreError as error:
            logger.warning(log.USE_UNWRITTEN, error=str(error))

    def _begin(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_later())

    async def _write_later(self) -> None:
        await asyncio.sleep(self._batch_s)
        try:
            await self.write()
        except StoreError as error:  # it is gathered on, and written with the next batch
            logger.warning(log.USE_UNWRITTEN, error=str(error))
