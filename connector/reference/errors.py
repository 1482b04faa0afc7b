"""`errors.md`: every error class with what can be done about it, from `connector.errors`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from connector import errors
from connector.errors import CallError, ConnectorError, Recovery
from connector.reference.markdown import render_head, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

RECOVERIES: Final[dict[Recovery, str]] = {
    Recovery.RETRY: "The same record may be tried again later: nothing was changed on the other side.",
    Recovery.SKIP: "The record is left out, and that is no failure.",
    Recovery.PARK: "The record is kept for a person: trying again would not help, or is not safe.",
    Recovery.ABORT: "The run is stopped: every record would fail in the same way.",
}
"""What each recovery means."""

_DECIDED_EACH_TIME: Final = frozenset({CallError})


def render_errors_page() -> str:
    """Return the page, in Markdown."""
    return "\n".join(_render()) + "\n"


def list_errors() -> list[type[ConnectorError]]:
    """Return every error class of the package, a class before those that derive from it."""
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ConnectorError)]
    return sorted(found, key=lambda error: [base.__name__ for base in reversed(error.__mro__)])


def _render() -> Iterator[str]:
    yield from render_head("Errors", "the docstrings in `connector/errors.py`")
    yield "What the Python API raises. Every class derives from `ConnectorError`, which has a `message` (what failed"
    yield "and where), a `cure` (what to do, or None) and a `recovery` (what can be done with the record at hand). The"
    yield "command prints message and cure; [Troubleshooting](../troubleshooting.md) goes from messages to cures."
    yield ""
    yield from render_table(
        ("Recovery", "Meaning"), ((f"`{recovery.value}`", words) for recovery, words in RECOVERIES.items())
    )
    yield ""
    yield from render_table(
        ("Class", "Is a", "Recovery", "Raised when"),
        (
            (f"`{error.__name__}`", _name_parent(error), _tell_recovery(error), _read(error)[0])
            for error in list_errors()
        ),
    )
    for error in list_errors():
        attributes = _read(error)[1]
        if attributes:
            yield ""
            yield f"## {error.__name__}"
            yield ""
            yield from render_table(
                ("Attribute", "Meaning"), ((f"`{name}`", words) for name, words in attributes.items())
            )


def _name_parent(error: type[ConnectorError]) -> str:
    return f"`{error.__bases__[0].__name__}`"


def _tell_recovery(error: type[ConnectorError]) -> str:
    return "by the answer" if error in _DECIDED_EACH_TIME else f"`{error.recovery.value}`"


def _read(error: type[ConnectorError]) -> tuple[str, dict[str, str]]:
    """Return the words of a class's docstring, and those of each of its attributes."""
    words, _, listed = (inspect.getdoc(error) or "").partition("\n\nAttributes:\n")
    attributes: dict[str, str] = {}
    name = ""
    for line in listed.splitlines():
        if line.startswith("     "):  # the line before goes on
            attributes[name] += f" {line.strip()}"
        else:
            name, _, meaning = line.strip().partition(": ")
            attributes[name] = meaning
    return words, attributes
