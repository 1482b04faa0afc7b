"""What a database's own errors mean: every foreign exception becomes a `StoreError` here, with what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from connector.errors import Recovery, StoreError

if TYPE_CHECKING:
    from pathlib import Path

_FULL: Final = "free some space on its disk; nothing that was kept is lost"
_RETRY_AT_ONCE: Final = frozenset({"40001", "40P01", "55P03", "25P03"})
"""PostgreSQL: serialization failure, deadlock, lock not available, idle in transaction too long."""

_GONE: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P04", "25P03"})
"""PostgreSQL: shut down by an administrator, crash of a neighbour, starting up, idle or transaction time-out."""

_REFUSED: Final = {
    "28000": "the log-in is refused",
    "28P01": "the password is refused",
    "3D000": "there is no such database",
    "42501": "a permission is missing",
}

_REFUSED_WORDS: Final = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "not permitted to log in",
    "permission denied for database",
)

_SQLITE: Final[dict[int, tuple[str, str, Recovery]]] = {
    sqlite3.SQLITE_BUSY: ("is busy: another process has been writing for too long", "try again", Recovery.RETRY),
    sqlite3.SQLITE_LOCKED: ("is busy: another connection has been writing for too long", "try again", Recovery.RETRY),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", _FULL, Recovery.RETRY),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "see whether its disk is full, or failing", Recovery.RETRY),
    sqlite3.SQLITE_NOMEM: ("needs more memory than there is", "end something else", Recovery.RETRY),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "check that its folder exists and that this user may write there",
        Recovery.ABORT,
    ),
    sqlite3.SQLITE_READONLY: ("cannot be written to", "give this user the right to write to it", Recovery.ABORT),
    sqlite3.SQLITE_PERM: ("may not be opened", "give this user the right to read and write it", Recovery.ABORT),
    sqlite3.SQLITE_AUTH: ("may not be opened", "give this user the right to read and write it", Recovery.ABORT),
    sqlite3.SQLITE_NOTADB: ("is not a SQLite database", "name another file in CONNECTOR_DATABASE", Recovery.ABORT),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore it from a backup", Recovery.ABORT),
}


def read_os_error(path: Path, error: OSError) -> StoreError:
    """Return what an error of the file system means for the store."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreError(f"{path} cannot be written: the disk is full", cure=_FULL)
    return StoreError(
        f"{path} cannot be opened: {error.strerror}",
        cure="check that its folder exists and that this user may write there",
        recovery=Recovery.ABORT,
    )


def read_error(name: str, error: BaseException) -> StoreError:
    """Return what an error of the database means.

    Args:
        name: The database as messages name it, without a password.
        error: What SQLAlchemy, or the driver under it, raised.
    """
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, sqlite3.Error):
        code = getattr(origin, "sqlite_errorcode", None)
        known = _SQLITE.get(code & 0xFF) if code is not None else None
        if known is not None:
            what, cure, recovery = known
            return StoreError(f"the database {name} {what}", cure=cure, recovery=recovery)
        return StoreError(f"the database {name}: {origin}", recovery=Recovery.ABORT)
    code = _sqlstate(error)
    if code in _REFUSED or _is_refused(error):
        what = _REFUSED.get(code, "the log-in is refused")
        return StoreError(
            f"the database {name}: {what} ({_first_line(origin)})",
            cure="check CONNECTOR_DATABASE and the rights of its user",
            recovery=Recovery.ABORT,
        )
    if code.startswith("53"):  # insufficient resources: disk, memory, connections
        return StoreError(f"the database {name} is out of room: {_first_line(origin)}", cure="see its server's log")
    if is_lost(error):
        return StoreError(
            f"the database {name} cannot be reached: {_first_line(origin)}", cure="check that its server is running"
        )
    if is_passing(error):
        return StoreError(f"the database {name} is busy: {_first_line(origin)}", cure="try again")
    return StoreError(f"the database {name}: {_first_line(origin)}", recovery=Recovery.ABORT)


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is done again at once: two got in each other's way."""
    return _sqlstate(error) in _RETRY_AT_ONCE


def is_lost(error: BaseException) -> bool:
    """Whether the connection to the server is gone, or could not be made."""
    code = _sqlstate(error)
    if code:
        return code in _GONE or code.startswith("08") or code == "53300"  # 53300: too many connections just now
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        # Without a code it did not come from a statement: connection refused, no such host, cut off.
        return (
            not isinstance(error.orig, sqlite3.Error)
            and isinstance(error, OperationalError | InterfaceError)
            and not _is_refused(error)
        )
    return False


def _is_refused(error: BaseException) -> bool:
    """Whether a server answered and does not let us in; the driver hands on its words without their code."""
    text = str(error)
    return "FATAL" in text and any(words in text for words in _REFUSED_WORDS)


def _sqlstate(error: BaseException) -> str:
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlstate", None)
    return code if isinstance(code, str) else ""


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
