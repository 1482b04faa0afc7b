"""Exit codes: what a command came to, for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.errors import (
    EXIT_CODES,
    CallError,
    ConnectorError,
    SettingsError,
    UnknownEntityError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from connector.cli.report import Remains
    from connector.route.result import Summary

OK: Final = EXIT_CODES["ok"]
FAILED: Final = EXIT_CODES["failed"]
USAGE: Final = EXIT_CODES["usage"]
SOME_FAILED: Final = EXIT_CODES["some_failed"]
UNKNOWN: Final = EXIT_CODES["unknown"]

UNREAD: Final = EXIT_CODES["unread"]
"""Who read our output went away (`| head`)."""


class ArgumentError(ConnectorError):
    """What was typed cannot be carried out: an unknown name, or an argument that cannot be read."""


def exit_for_signal(signum: int) -> int:
    """Return the code of a command that a signal ended: 130 for SIGINT, 143 for SIGTERM."""
    return 128 + signum


def exit_for_error(error: ConnectorError) -> int:
    """Return the code of a command that an error ended: 4 only where something may have been committed unseen."""
    if isinstance(error, CallError):
        return UNKNOWN if error.is_unknown else FAILED
    return USAGE if isinstance(error, ArgumentError | SettingsError | UnknownEntityError | UnknownNameError) else FAILED


def exit_for_summary(summary: Summary, remains: Remains | None = None) -> int:
    """Return the code of a run: an unknown outcome weighs most, then a run that was cut short, then failed records.

    Args:
        summary: Its counts.
        remains: What it leaves in the store, or None where nothing is stored. Tasks that are left for later count as
            failed; an unknown outcome of an earlier run counts as one of this, since a person has to look all the same.
    """
    if summary.unknown or (remains is not None and remains.unknown):
        return UNKNOWN
    if summary.stopped is not None:
        return FAILED
    return SOME_FAILED if summary.failed or (remains is not None and remains.left) else OK
