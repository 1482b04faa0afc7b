"""Who is logged in from which browser."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.store.rows import SessionRow, UserRow
    from connector.store.store import Store

IDLE: Final = timedelta(hours=2)
"""How long a log-in holds without being used, where `session_age` is not shorter. A page that stands open uses it."""

_SECRET: Final = re.compile(r"[A-Za-z0-9_\-]{43}", re.ASCII)
_LONGEST_AGENT: Final = 200


class Sessions:
    """Opens, finds and closes sessions. What a browser keeps is 256 random bits; what is kept here, their digest."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._age_ms = round(settings.session_age.total_seconds() * 1000)
        self._idle_ms = min(self._age_ms, IDLE // timedelta(milliseconds=1))

    @property
    def age_s(self) -> int:
        """How long a session lasts at most, seconds."""
        return self._age_ms // 1000

    async def open(self, user: UserRow, *, address: str, agent: str) -> str:
        """Log somebody in, and return what their browser is to keep. It is always a new one."""
        secret = secrets.token_urlsafe(32)
        await self._store.accounts.open_session(
            hash=hash_session(secret),
            user=user.name,
            csrf=secrets.token_urlsafe(32),
            expires_at_ms=self._store.now_ms() + self._age_ms,
            address=address,
            agent=agent[:_LONGEST_AGENT],
        )
        return secret

    async def find(self, secret: str) -> SessionRow | None:
        """Return the session a browser has; None where it has none, or one that is over."""
        if _SECRET.fullmatch(secret) is None:
            return None
        row = await self._store.accounts.session_by_hash(hash_session(secret))
        if row is None:
            return None
        now_ms = self._store.now_ms()
        return row if now_ms < row.expires_at_ms and now_ms < row.seen_at_ms + self._idle_ms else None

    async def close(self, row: SessionRow) -> None:
        """Log somebody out of one browser."""
        await self._store.accounts.close_session(row.hash)


def hash_session(secret: str) -> str:
    """Return what is kept of what a browser keeps: who reads the database cannot log in with it."""
    return sha256(secret.encode()).hexdigest()
