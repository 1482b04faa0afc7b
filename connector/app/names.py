"""Finding what a person named in a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from connector.config.wording import did_you_mean, join_names
from connector.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def find_named(kind: str, name: str, known: Mapping[str, T]) -> T:
    """Return the thing of that name.

    Args:
        kind: What it is, for the message: `client`, `route`.
        name: As it was typed.
        known: All of that kind, by name.

    Raises:
        UnknownNameError: There is none; the message lists those there are.
    """
    if name in known:
        return known[name]
    raise UnknownNameError(
        f'no {kind} is called "{name}", there are: {join_names(known) or "none"}', cure=did_you_mean(name, known)
    )
