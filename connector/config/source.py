"""Text files as bytes become text, or a reason why not."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from connector.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file gives no text.

    Attributes:
        message: What is wrong, without the file's name.
        hint: What to do, or None.
        line: Of the first byte that is no UTF-8, from 1; 0 where the whole file is meant.
        column: Of that byte, from 1, in characters; 0 with line 0.
    """

    message: str
    hint: str | None = None
    line: int = 0
    column: int = 0


def is_folder(path: Path) -> bool:
    """Whether a path is a folder, as far as may be seen."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_missing(path: Path) -> bool:
    """Whether nothing has that name; False where that cannot be told, so that reading it says why."""
    try:
        return not path.exists()
    except OSError:
        return False


def read_text_file(path: Path, max_bytes: int) -> str | Unreadable:
    """Return the text of a UTF-8 file without its byte order mark, or why there is none."""
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a pipe waits for a writer; a folder says so itself
            return Unreadable("cannot be read: found a pipe, a socket or a device, accepted is a file")
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        return Unreadable(f"cannot be read: {error.strerror or error}")
    except ValueError:  # a name that no file can have, such as one with a NUL
        return Unreadable("cannot be read: no file can have this name")
    if len(content) > max_bytes:
        return Unreadable(f"larger than {max_bytes // 1024} KiB, the most that is read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        message = f"found the byte 0x{content[error.start]:02X}, which is not UTF-8"
        return Unreadable(message, "save the file as UTF-8", line, column)
