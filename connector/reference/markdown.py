"""The pieces that reference pages are made of: a head, tables, options, docstrings with their examples."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from connector.config.describe import OptionRow

COMMAND: Final = "python -m connector.reference docs/reference"
"""What writes the pages."""


def render_head(title: str, source: str) -> Iterator[str]:
    """Give a page's title, and the note that it is written by a program.

    Args:
        title: The heading.
        source: Where the page's words stand in the code.
    """
    yield f"# {title}"
    yield ""
    yield f"<!-- Written by `{COMMAND}` from {source}; do not edit. -->"
    yield ""


def render_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Give the lines of a table; line breaks in a cell become spaces."""
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(map(escape_cell, row))} |"


def render_options(rows: Iterable[OptionRow]) -> Iterator[str]:
    """Give a table of options: `connector` first, then what is required, else in the order of the model.

    Options within an option follow it.
    """
    yield from render_table(
        ("Key", "Accepted", "Default", "Meaning"),
        ((_mark_key(row), row.type, _mark(row.default), _tell_meaning(row)) for row in sort_options(rows)),
    )


def sort_options(rows: Iterable[OptionRow]) -> list[OptionRow]:
    """Return options in the order in which they are shown."""
    rows = list(rows)
    order = {row.key: (row.key != "connector", not row.required) for row in rows if "." not in row.key}
    position = {row.key: number for number, row in enumerate(rows)}

    def place(row: OptionRow) -> tuple[bool, bool, int, int]:
        top = row.key.partition(".")[0].partition("[")[0]
        return *order[top], position[top], position[row.key]

    return sorted(rows, key=place)


def keep_own(rows: Iterable[OptionRow]) -> list[OptionRow]:
    """Return the options of a model without those of the models in it."""
    return [row for row in rows if "." not in row.key]


def read_docstring(documented: object) -> list[str]:
    """Return the lines of a docstring."""
    return (inspect.getdoc(documented) or "").splitlines()


def escape_cell(text: str) -> str:
    """Return a text as a table's cell holds it: on one line, bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def _mark_key(row: OptionRow) -> str:
    return f"`{row.key}`" + ("\\*" if row.required else "")


def _mark(value: str) -> str:
    return f"`{value}`" if value else ""


def _tell_meaning(row: OptionRow) -> str:
    if not row.examples:
        return row.description
    return f"{row.description} Such as {', '.join(f'`{example}`' for example in row.examples)}."
