"""The words in which faults are told: what was found, and what may have been meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST: Final = 60
_MOST_NAMES: Final = 20


def describe(value: Any, *, is_secret: bool = False) -> str:
    """Return what a value is, in a few words: `text "abc"`, `the number 5`, `true`, `a list of 3 entries`.

    Args:
        value: Anything that a configuration can hold.
        is_secret: Whether the value must not show; then only its kind and size are told.
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false" if is_secret else str(value).lower()
        case int() | float():
            return "a number" if is_secret else f"the number {value}"
        case str():
            if is_secret:
                return f"text of {_count(len(value), 'character')}"
            return f"text {quote(value)}" if value else "empty text"
        case dict():
            return f"a mapping with the keys {join_names(value)}" if value else "an empty mapping"
        case list() | tuple():
            return f"a list of {_count(len(value), 'entry', 'entries')}" if value else "an empty list"
        case _:
            return f"a Python {type(value).__name__}"


def quote(text: str) -> str:
    """Return a text in double quotes, on one line, cut where it is long."""
    flat = " ".join(text.split()) if text.strip() else text
    return f'"{flat[:_LONGEST]}…"' if len(flat) > _LONGEST else f'"{flat}"'


def join_names(names: Iterable[str]) -> str:
    """Return names as a list for people; a long one is cut, with the number left out."""
    names = list(names)
    if len(names) <= _MOST_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def did_you_mean(word: str, options: Iterable[str]) -> str | None:
    """Return `did you mean "x"?` for the option closest to a word, or None where none is close."""
    closest = find_closest(word, options)
    return None if closest is None else f'did you mean "{closest}"?'


def find_closest(word: str, options: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the option that looks most like a word (case, `-`, `_` and spaces aside), or None.

    Args:
        word: As it was written.
        options: What it may have been meant to be.
        cutoff: How alike they must be, from 0 (anything) to 1 (equal).
    """
    import difflib  # noqa: PLC0415 - a millisecond of every start, for the few that misspell something

    folded = {_fold(option): option for option in options}
    matches = difflib.get_close_matches(_fold(word), folded, n=1, cutoff=cutoff)
    return folded[matches[0]] if matches else None


def _fold(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
