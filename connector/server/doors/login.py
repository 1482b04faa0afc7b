"""Logging in: how often it may be tried, and whose tries count together.

Whoever guesses is slowed down by address and by name. A limit by name alone would let a stranger keep somebody out by
guessing wrong for them, for as long as the stranger likes. So a browser from which a name has logged in before keeps a
cookie that says so, and its tries are counted apart: strangers use up the tries of strangers.

That cookie is signed with a key made of the kept hash of the user's password. So it needs no place of its own in the
database, every process can check it, and a new password makes it worthless.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

from connector import log
from connector.errors import AccessError
from connector.server.doors.passwords import fold_name
from connector.server.doors.throttle import Throttle, name_network

if TYPE_CHECKING:
    from connector.server.doors.passwords import Passwords
    from connector.store.rows import UserRow
    from connector.store.store import Store

DEVICE_AGE_S: Final = 180 * 86_400
"""How long a browser counts as one that its owner has used."""

WRONG: Final = "name or password is wrong"
"""What is said, whichever it is, and also where the user is disabled: it is nobody's business who has an account."""

_BY_ADDRESS: Final = (10, 300.0)
_BY_NAME: Final = (30, 900.0)
_BY_DEVICE: Final = (10, 300.0)
_DEVICE: Final = re.compile(r"(?P<number>[A-Za-z0-9_\-]{22})\.(?P<mac>[0-9a-f]{64})", re.ASCII)

logger = log.get_logger()


class LogIn:
    """Finds out whether somebody is who they say. One a process: it counts tries in memory."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords
        self._by_address = Throttle(*_BY_ADDRESS)
        self._by_name = Throttle(*_BY_NAME)
        self._by_device = Throttle(*_BY_DEVICE)
        self._told = Throttle(1, 60.0)

    async def check(self, typed: str, password: str, *, address: str, device: str = "") -> UserRow:
        """Return the user whose name and password these are.

        Args:
            typed: The name, as it was typed.
            password: The password.
            address: Whoever tries is there.
            device: What their browser keeps of an earlier log-in; empty for nothing.

        Raises:
            AccessError: Name or password is wrong (401), or there were too many tries (429).
            StoreError: The database cannot be used.
        """
        name = fold_name(typed)
        user = await self._store.accounts.user(name) if name else None
        counts = self._choose(name, user, address, device)
        wait_s = max(throttle.wait_s(key) for throttle, key in counts)
        if wait_s:
            self._tell(address, wait_s)
            raise AccessError(
                "there were too many tries to log in",
                cure=f"try again in {_show(wait_s)}",
                status=429,
                headers={"Retry-After": str(wait_s)},
            )
        for throttle, key in counts:  # before the password is looked at: many guesses at once count all the same
            throttle.count(key)
        kept = None if user is None or user.is_disabled else user.password_hash
        if not await self._passwords.verify(kept, password) or user is None:
            raise AccessError(WRONG, status=401)
        for throttle, key in counts:
            throttle.take_back(key)
        if self._passwords.is_outdated(user.password_hash):
            await self._renew(user, password)
            user = await self._store.accounts.user(name) or user
        return user

    def _choose(self, name: str, user: UserRow | None, address: str, device: str) -> list[tuple[Throttle, str]]:
        """Return by what the try is counted."""
        if user is not None and (number := read_device(user, device)):
            return [(self._by_device, number)]
        return [(self._by_address, name_network(address)), (self._by_name, name)]

    async def _renew(self, user: UserRow, password: str) -> None:
        """Keep the password with the effort of today."""
        await self._store.accounts.put_user(
            user.name,
            password_hash=await self._passwords.hash(password),
            role=user.role,
            is_disabled=user.is_disabled,
        )

    def _tell(self, address: str, wait_s: int) -> None:
        """Log that somebody guesses; once a minute, however fast they do."""
        if not self._told.wait_s(""):
            self._told.count("")
            logger.warning(log.LOGIN_LIMITED, address=address, wait_s=wait_s)


def make_device(user: UserRow) -> str:
    """Return what a browser keeps from which a user has logged in."""
    number = secrets.token_urlsafe(16)
    return f"{number}.{_sign(user, number)}"


def read_device(user: UserRow, written: str) -> str:
    """Return the number of a browser from which this user has logged in before; empty where it is not one."""
    found = _DEVICE.fullmatch(written)
    if found is None or not hmac.compare_digest(found["mac"], _sign(user, found["number"])):
        return ""
    return found["number"]


def _sign(user: UserRow, number: str) -> str:
    return hmac.digest(user.password_hash.encode(), f"device\0{user.name}\0{number}".encode(), "sha256").hex()


def _show(wait_s: int) -> str:
    return f"{wait_s} s" if wait_s < 60 else f"{-(-wait_s // 60)} min"
