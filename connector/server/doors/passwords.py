"""Passwords of people: what is asked of them, and how they are kept.

They are kept as argon2id (RFC 9106, its second recommended choice: 64 MiB, three passes), which takes a good part of a
tenth of a second and as much memory for each guess. So it runs in a thread, and only a few times at once: otherwise
those who guess would decide how much memory this process takes.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from typing import TYPE_CHECKING, Final, TypeVar

from connector.errors import AccessError, ConnectorError, tell_extra

if TYPE_CHECKING:
    from collections.abc import Callable

    from argon2 import PasswordHasher

T = TypeVar("T")

SHORTEST: Final = 12
"""Characters of a password. Guesses over the network are few; a copy of the database can be guessed at for years."""

LONGEST: Final = 1024
"""Characters that are looked at: a text of megabytes is no password, and would be work for nothing."""

_AT_ONCE: Final = 2
_MOST_WAITING: Final = 16
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@+\-]{0,63}", re.ASCII)

NAME: Final = "a name of small letters, digits and . _ @ + - (at most 64)"


def fold_name(text: str) -> str:
    """Return the name of a user as it is kept, or an empty text for what can be nobody's.

    Letter case does not matter. Only ASCII is accepted: names that look alike and are not the same would let one
    person be taken for another, in the list of users and in the audit log.
    """
    name = text.strip().lower() if text.isascii() else ""
    return name if _NAME.fullmatch(name) else ""


def check_password(name: str, password: str) -> None:
    """Refuse a password that is too easy to guess.

    Length is what counts; demands for digits and signs only make people write `Password1!` (NIST SP 800-63B, 5.1.1).

    Raises:
        AccessError: It is too short, too long, or says the name, or one character, over and over.
    """
    folded = _fold_password(password)
    bare = folded.casefold()
    if len(folded) < SHORTEST:
        raise AccessError(
            f"the password is too short: {len(folded)} characters, {SHORTEST} or more are needed",
            cure="take a few words that do not belong together",
            status=422,
        )
    if len(password) > LONGEST:
        raise AccessError(f"the password is too long: at most {LONGEST} characters", status=422)
    if len(set(bare)) < 4 or (name and not bare.replace(name, "").strip("0123456789!.-_ ")):
        raise AccessError(
            "the password is too easy to guess", cure="take a few words that do not belong together", status=422
        )


class Passwords:
    """Hashes passwords and checks them. One a process."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Prepare.

        Args:
            hasher: How it is done; left out, argon2id with 64 MiB.

        Raises:
            ConnectorError: The extra `server` is not installed.
        """
        self._hasher = hasher or make_hasher()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        return await self._run(self._hasher.hash, _fold_password(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Return whether a password is the right one.

        It takes as long where there is nobody of that name: else the time would tell who has an account.

        Args:
            kept: Of the user; None where there is none.
            password: As it was typed.

        Raises:
            AccessError: So many are being checked that this one has to come again.
        """
        if len(password) > LONGEST:
            return False
        if self._nobodys is None:
            self._nobodys = await self.hash(secrets.token_urlsafe())
        is_right = await self._run(self._check, kept or self._nobodys, _fold_password(password))
        return is_right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with less effort than is made today."""
        return self._hasher.check_needs_rehash(kept)

    def _check(self, kept: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - of an extra

        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        """Do something slow in a thread, once it is its turn.

        Raises:
            AccessError: Too many wait for theirs.
        """
        if self._waiting >= _MOST_WAITING:
            raise AccessError(
                "too many people log in at this moment", cure="try again", status=429, headers={"Retry-After": "5"}
            )
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1


def make_hasher() -> PasswordHasher:
    """Return argon2id as it is used where nothing else is said.

    Raises:
        ConnectorError: The extra `server` is not installed.
    """
    try:
        from argon2 import PasswordHasher, profiles  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise ConnectorError("argon2 is not installed, which passwords need", cure=tell_extra("server")) from error
    return PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


def _fold_password(password: str) -> str:
    """Return a password as it is meant: a letter with its accent is the same, however a keyboard puts it together."""
    return unicodedata.normalize("NFC", password.encode("utf-8", "replace").decode())
