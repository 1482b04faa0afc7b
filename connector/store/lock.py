"""The right to be the one process that works on a SQLite file."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from connector.errors import StoreInUseError
from connector.store.trouble import read_os_error

if TYPE_CHECKING:
    from pathlib import Path

_CURE: Final = "wait until it ends, or use PostgreSQL (CONNECTOR_DATABASE), which any number of workers share"


class ProcessLock:
    """An exclusive lock on a file beside the database. The system lets go of it when the process ends, however it ends.

    The file says who holds it. It stays when the lock is gone: whoever deleted it could delete another's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self, command: str) -> None:
        """Take the lock.

        Args:
            command: What this process does, for others to read.

        Raises:
            StoreInUseError: Another process has it.
            StoreError: The file cannot be written.
        """
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise read_os_error(self._path, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(file)
            os.close(file)
            raise _describe(self._path, holder) from None
        except OSError as error:
            os.close(file)
            raise read_os_error(self._path, error) from error
        self._file = file
        since = datetime.now(UTC).astimezone().replace(tzinfo=None).isoformat(" ", "seconds")  # as people read it
        with suppress(OSError):  # on a full disk the lock holds all the same, and nobody can read who has it
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps({"pid": os.getpid(), "command": command, "since": since}).encode(), 0)

    def release(self) -> None:
        """Let go of the lock. Safe to call twice."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def _read_holder(file: int) -> dict[str, Any]:
    """Return what the holder wrote; it may have taken the lock a moment ago and not yet come to write."""
    for _ in range(20):
        try:
            holder = json.loads(os.pread(file, 4096, 0))
        except ValueError:
            time.sleep(0.01)
        else:
            return holder if isinstance(holder, dict) else {}
    return {}


def _describe(path: Path, holder: dict[str, Any]) -> StoreInUseError:
    database = path.with_suffix("") if path.suffix == ".lock" else path
    return StoreInUseError(
        str(database),
        pid=holder.get("pid"),
        command=str(holder.get("command", "")),
        since=str(holder.get("since", "")),
        cure=_CURE,
    )
