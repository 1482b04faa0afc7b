"""What is kept of a fault of this program, which may be one that cannot be made to happen again."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from connector.redaction import Redactor


def keep_traceback(error: BaseException, folder: Path, redactor: Redactor) -> Path | None:
    """Write the traceback of an error to a file of its own and return where it is, or None where it cannot be kept.

    Args:
        error: With its traceback.
        folder: Made where it is missing, readable for its owner alone, as the file is.
        redactor: Masks secrets.
    """
    text = redactor.mask_text("".join(traceback.format_exception(error)))
    path = folder / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    except OSError:  # nothing can be done about it here; the error itself is told
        return None
    return path
