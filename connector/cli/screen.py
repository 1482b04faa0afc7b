"""Where output goes: data to standard output, messages to standard error; tables and bars only on a terminal."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from connector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from connector.cli.progress import Progress
    from connector.errors import ConnectorError, Fault
    from connector.redaction import Redactor

_GAP: Final = "  "


class Screen:
    """The two streams of a command. Everything that is told on standard error is masked."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.log_stream = LateStderr()

    def show(self, text: str = "") -> None:
        """Write one line, or several, of data."""
        sys.stdout.write(f"{text}\n")

    def show_json(self, value: Any) -> None:
        """Write a JSON value, indented."""
        from connector.desk.json_text import encode_json

        self.show(encode_json(value, is_indented=True).decode())

    def show_bytes(self, content: bytes) -> None:
        """Write encoded data as it is, at once."""
        sys.stdout.flush()
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:  # replaced by somebody who takes text only
            sys.stdout.write(content.decode())
        else:
            stream.write(content)
        sys.stdout.flush()

    def show_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table: with lines and colours on a terminal, else aligned columns under their names."""
        if not sys.stdout.isatty():
            for line in align([tuple(columns), *rows]):
                self.show(line)
            return
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*map(Text, row))
        Console(file=sys.stdout).print(table)

    def show_columns(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows as aligned columns under their names, without what it takes to draw a table.

        On a terminal the names are bold, and a line ends where the terminal does; elsewhere it is whole.
        """
        head, *lines = align([tuple(columns), *rows])
        if sys.stdout.isatty():
            import shutil

            width = shutil.get_terminal_size().columns
            head, *lines = (line if len(line) <= width else f"{line[: width - 1]}…" for line in (head, *lines))
            head = click.style(head, bold=True) if _is_coloured() else head
        for line in (head, *lines):
            self.show(line)

    def mask(self, text: str) -> str:
        """Return a text without the secrets in it, for what data tells beside the records themselves."""
        return self._redactor.mask_text(text)

    def flush(self) -> None:
        """Let a reader see now what was written so far."""
        sys.stdout.flush()

    def tell(self, text: str) -> None:
        """Write a message for the person at the terminal."""
        sys.stdout.flush()
        sys.stderr.write(f"{self._redactor.mask_text(text)}\n")
        sys.stderr.flush()

    def tell_error(self, error: ConnectorError) -> None:
        """Write what failed and what to do about it; of a configuration, every fault on a line of its own."""
        if isinstance(error, ConfigError):
            for fault in error.faults:
                self.tell(str(fault))
            self.tell(_paint(f"error: {count_faults(error.faults)}", "red"))
            return
        self.tell(f"{_paint('error:', 'red')} {_without_cure(error)}")
        if error.cure:
            self.tell(f"{_paint(' cure:', 'green')} {error.cure}")

    def tell_bug(self, error: Exception, *, kept: Path | None = None) -> None:
        """Write that something happened which should not be possible.

        Args:
            error: What happened.
            kept: The file that has its traceback, or None.
        """
        self.tell(f"{_paint('error:', 'red')} this should not happen: {type(error).__name__}: {error}")
        cure = "run it again with --debug and report what it shows" if kept is None else f"report it with {kept}"
        self.tell(f"{_paint(' cure:', 'green')} {cure}")

    def tell_unwritable(self, error: OSError) -> None:
        """Write that standard output takes no more, a full disk for instance."""
        self.tell(f"{_paint('error:', 'red')} the output cannot be written: {error.strerror or error}")
        self.tell(f"{_paint(' cure:', 'green')} make room where it goes, or send it elsewhere")

    def tell_traceback(self, *, is_wanted: bool) -> None:
        """Write the traceback of the exception that is being handled."""
        if is_wanted:
            import traceback

            self.tell(traceback.format_exc().rstrip())

    @contextmanager
    def progress(self, title: str, *, total: int | None = None, prints_data: bool = False) -> Iterator[Progress | None]:
        """Show a progress bar for the length of a block, or None where there is no terminal for it.

        Args:
            title: What is going on.
            total: How many records there will be, where that is known.
            prints_data: Whether data is printed meanwhile: on a terminal it shows by itself how far things are.
        """
        if not sys.stderr.isatty() or (prints_data and sys.stdout.isatty()):
            yield None
            return
        from connector.cli.progress import open_progress

        with open_progress(title, total=total) as progress:
            yield progress


class LateStderr(io.TextIOBase):
    """Standard error as it is at the moment of writing, so that log lines stay above a progress bar."""

    def write(self, text: str, /) -> int:
        """Write text as it is."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Pass on what is held back."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Whether a person reads along."""
        return sys.stderr.isatty()


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines in which the columns stand under one another; the last column is as long as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def count_faults(faults: Sequence[Fault]) -> str:
    """Return how many faults there are, and in how many files: `3 faults in 2 files`."""
    files = len({fault.file for fault in faults})
    return f"{count(len(faults), 'fault')} in {count(files, 'file')}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 record`, `1,204 records`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def format_seconds(seconds: float) -> str:
    """Return a length of time for people: `0.42 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _paint(text: str, colour: str) -> str:
    return click.style(text, fg=colour, bold=True) if _is_coloured() else text


def _is_coloured() -> bool:
    """Whether messages have colours: as CONNECTOR_COLOR says, else on a terminal unless NO_COLOR is set.

    The setting is read by itself, since errors are also told before settings could be loaded, and in place of them.
    """
    wanted = os.environ.get("CONNECTOR_COLOR", "").strip().lower()
    if wanted in {"always", "never"}:
        return wanted == "always"
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _without_cure(error: ConnectorError) -> str:
    return str(error).removesuffix(f"; {error.cure}") if error.cure else str(error)
