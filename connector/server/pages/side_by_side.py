"""A value before and after, line beside line, so that what a step changed is seen at once."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from markupsafe import Markup

from connector.frozen import dataclass
from connector.server.pages.render import spread_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.redaction import Redactor

Mark: TypeAlias = Literal["same", "changed", "none", "fold"]
"""What a line is: the same on both sides, changed, not there on this side, or the place of many that are the same."""

_MOST_COMPARED: Final = 2_000
_AROUND: Final = 2
_LEAST_FOLDED: Final = 6


@dataclass(frozen=True, slots=True)
class Line:
    """A line on one side.

    Attributes:
        mark: What it is.
        html: What it says.
    """

    mark: Mark
    html: Markup


@dataclass(frozen=True, slots=True)
class Sides:
    """Two values, line beside line: both sides have as many lines.

    Attributes:
        before: The lines of the first.
        after: The lines of the second.
        is_same: Whether there is no difference.
    """

    before: tuple[Line, ...]
    after: tuple[Line, ...]
    is_same: bool


def compare(before: Any, after: Any, redactor: Redactor) -> Sides:
    """Return two JSON values beside one another; long stretches that are the same are left out.

    Args:
        before: The first; None for nothing.
        after: The second; likewise.
        redactor: Masks secrets in them.
    """
    left = [] if before is None else spread_json(before, redactor).split("\n")
    right = [] if after is None else spread_json(after, redactor).split("\n")
    pairs = list(_pair(left, right))
    return Sides(tuple(one for one, _ in pairs), tuple(other for _, other in pairs), left == right)


def _pair(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[Line, Line]]:
    if max(len(left), len(right)) > _MOST_COMPARED:  # the time it takes grows with the square of them
        steps = [("replace", 0, len(left), 0, len(right))]
    else:
        # A comma at the end of a line tells no more than that another one follows.
        bare, other = ([line.removesuffix(",") for line in lines] for lines in (left, right))
        steps = list(SequenceMatcher(None, bare, other, autojunk=False).get_opcodes())
    for place, (kind, start, end, other_start, other_end) in enumerate(steps):
        if kind == "equal":
            yield from _tell_same(left[start:end], is_first=place == 0, is_last=place == len(steps) - 1)
            continue
        height = max(end - start, other_end - other_start)
        ours, theirs = left[start:end], right[other_start:other_end]
        for index in range(height):
            yield _tell(ours, index), _tell(theirs, index)


def _tell(lines: Sequence[str], index: int) -> Line:
    return Line("changed", Markup(lines[index])) if index < len(lines) else Line("none", Markup(""))  # noqa: S704  # escaped


def _tell_same(lines: Sequence[str], *, is_first: bool, is_last: bool) -> Iterator[tuple[Line, Line]]:
    top, bottom = 0 if is_first else _AROUND, 0 if is_last else _AROUND
    folded = len(lines) - top - bottom
    for index, line in enumerate(lines):
        if folded >= _LEAST_FOLDED and top <= index < len(lines) - bottom:
            if index == top:
                fold = Line("fold", Markup("{} lines are the same").format(folded))
                yield fold, fold
            continue
        same = Line("same", Markup(line))  # noqa: S704  # escaped
        yield same, same
