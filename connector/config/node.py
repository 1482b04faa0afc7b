"""A parsed configuration as a tree that remembers where each value was written.

The tree is plain data between reading (`syntax`, `document`) and use (`place`). Values written once and used through
an alias or a merge key are the same node, so the tree is a graph without cycles.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

PLAIN_KEY: Final = re.compile(r"[\w\-]+")


@dataclass(frozen=True, slots=True)
class Position:
    """A spot in a source.

    Attributes:
        file: The file as the user named it, or another name of the source (`<python>`).
        line: From 1; 0 where the source has no lines, or as a whole is meant.
        column: From 1, in characters; 0 with line 0.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclasses.dataclass(frozen=True)  # without slots: it remembers its plain value
class Node:
    """One value of the configuration, with its position.

    Attributes:
        content: Text, int, float, bool or None for a leaf; child nodes by key or in order otherwise.
        position: Where the value begins.
        key_position: Where its key begins; the value's own where it has no key.
        sources: Where the text came from if variables were put in, such as `environment SHOP_URL`; empty else.
        is_secret: Whether the text, or part of it, may be shown to nobody.
        is_broken: Whether a fault was reported for this value already, so that what follows from it is noise.
        text_offset: Characters between `position` and the first character of a text written on one line without
            escapes (0 plain, 1 quoted); None where characters cannot be located.
    """

    content: str | int | float | bool | dict[str, Node] | list[Node] | None = field(repr=False)
    position: Position
    key_position: Position
    sources: tuple[str, ...] = ()
    is_secret: bool = field(default=False, kw_only=True)
    is_broken: bool = field(default=False, kw_only=True)
    text_offset: int | None = field(default=None, kw_only=True)

    @cached_property
    def value(self) -> Any:
        """The plain Python value. Values used twice in the document are shared: treat it as read-only."""
        if isinstance(self.content, dict):
            return {key: child.value for key, child in self.content.items()}
        if isinstance(self.content, list):
            return [child.value for child in self.content]
        return self.content

    @property
    def origin(self) -> str:
        """Where the value came from, for people: its sources, or its position."""
        return ", ".join(self.sources) or str(self.position)

    def find(self, key: str | int) -> Node | None:
        """Return the child under a key or index, or None."""
        if isinstance(self.content, dict) and isinstance(key, str):
            return self.content.get(key)
        if isinstance(self.content, list) and isinstance(key, int) and 0 <= key < len(self.content):
            return self.content[key]
        return None

    def find_position(self, index: int) -> Position:
        """Return where a character of the text stands, or where the text begins if that is not known."""
        if self.text_offset is None:
            return self.position
        return Position(self.position.file, self.position.line, self.position.column + self.text_offset + index)


def format_where(keys: Iterable[str | int], *, start: str = "") -> str:
    """Return a path of keys as people write it: `clients.shop`, `before[1].entity`, `data["option.226"]`."""
    where = start
    for key in keys:
        if isinstance(key, int):
            where += f"[{key}]"
        elif not PLAIN_KEY.fullmatch(key):
            where += f'["{key}"]'
        else:
            where += f".{key}" if where else key
    return where
