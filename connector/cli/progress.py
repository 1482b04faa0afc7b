"""A progress bar on standard error; imported only where there is a terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import ProgressColumn, TaskID

_INTERVAL_S: Final = 0.1
"""The bar is drawn no more often than this, however fast records are."""


class Progress:
    """A bar that is moved by counts."""

    def __init__(self, bar: RichProgress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._due_s = 0.0

    def move(self, done: int, detail: str, *, is_last: bool = False) -> None:
        """Show how far it has come.

        Args:
            done: Records that are through.
            detail: What to say beside the bar.
            is_last: Draw also when the last drawing was a moment ago.
        """
        now = time.monotonic()
        if is_last or now >= self._due_s:
            self._due_s = now + _INTERVAL_S
            self._bar.update(self._task, completed=done, detail=detail)


@contextmanager
def open_progress(title: str, *, total: int | None) -> Iterator[Progress]:
    """Show a bar for the length of a block; it is gone afterwards. Messages written meanwhile appear above it."""
    columns: list[str | ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}")]
    if total is not None:
        columns += [BarColumn(bar_width=30), MofNCompleteColumn()]
    columns += [TextColumn("{task.fields[detail]}"), TimeElapsedColumn()]
    # Only standard error is drawn on: standard output may be a pipe, and carries data.
    with RichProgress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False, expand=False
    ) as bar:
        yield Progress(bar, bar.add_task(title, total=total, detail=""))
