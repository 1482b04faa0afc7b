"""Where a value stands, and the one list of faults found so far.

A `Place` is what every reader of the configuration is handed: it gives the value, its position for people, and
takes faults. Faults are collected, not raised, so that a person sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final

from connector.config.node import Node, Position, format_where
from connector.errors import ConfigError, Fault
from connector.frozen import dataclass
from connector.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON: Final = "<python>"
"""The file name of values that were made in Python."""


class Faults:
    """The faults found so far, each once. Shared by all places of a document.

    Secrets that are known are masked in whatever is added, so that no writer of a message can give one away.
    """

    def __init__(self) -> None:
        self._faults: dict[Fault, None] = {}
        self._redactor = Redactor()

    def __repr__(self) -> str:
        return f"Faults({len(self)})"

    def __len__(self) -> int:
        return len(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(sorted(self._faults, key=lambda fault: (fault.file, fault.line, fault.column)))

    def add(self, fault: Fault) -> None:
        """Take note of a fault."""
        hint = None if fault.hint is None else self._redactor.mask_text(fault.hint)
        self._faults[replace(fault, message=self._redactor.mask_text(fault.message), hint=hint)] = None

    def hide(self, *secrets: str) -> None:
        """Mask these texts in every fault to come; those under 4 characters cannot be told from other text."""
        self._redactor.add(*secrets)

    def raise_if_any(self) -> None:
        """Do nothing when no fault was found.

        Raises:
            ConfigError: At least one fault was found; it holds all of them, sorted by file and position.
        """
        if self._faults:
            raise ConfigError(self)


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in the configuration, whether something is written there or not.

    Attributes:
        keys: The path from the top of the document.
        node: What is written there, or None.
        nearest: The position to show where nothing is written: that of the nearest ancestor that is.
        faults: The document's collector.
        start: What `where` begins with, for values that are no document of their own.
    """

    keys: tuple[str | int, ...]
    node: Node | None = field(repr=False)
    nearest: Position
    faults: Faults
    start: str = ""

    @classmethod
    def detached(cls, where: str = "", value: Any = None, *, faults: Faults | None = None) -> Place:
        """Return a place for a value made in Python, with a collector of its own unless one is given.

        Args:
            where: What people call the place, such as `transform[0]`.
            value: JSON-like; None counts as present.
            faults: Where to collect.
        """
        position = Position(PYTHON)
        return cls((), build_node(value, position), position, Faults() if faults is None else faults, where)

    @property
    def where(self) -> str:
        """The path of keys, such as `clients.shop.timeout.total` or `before[1].entity`; empty for a whole document."""
        return format_where(self.keys, start=self.start)

    @property
    def value(self) -> Any:
        """The plain value, variables put in; None where nothing is written. Read-only."""
        return None if self.node is None else self.node.value

    @property
    def is_present(self) -> bool:
        """Whether something is written here, be it `null`."""
        return self.node is not None

    @property
    def is_broken(self) -> bool:
        """Whether a fault about this very value was reported while reading; what follows from it is noise."""
        return self.node is not None and self.node.is_broken

    @property
    def is_secret(self) -> bool:
        """Whether the text here came from a secret variable, in whole or in part."""
        return self.node is not None and self.node.is_secret

    @property
    def position(self) -> Position:
        """Where the value begins; that of the nearest ancestor where nothing is written."""
        return self.nearest if self.node is None else self.node.position

    @property
    def key_position(self) -> Position:
        """Where the key begins; that of the nearest ancestor where nothing is written."""
        return self.nearest if self.node is None else self.node.key_position

    @property
    def file(self) -> str:
        """The file, as the user named it."""
        return self.position.file

    @property
    def line(self) -> int:
        """The line, from 1; 0 where there are no lines."""
        return self.position.line

    @property
    def column(self) -> int:
        """The column, from 1; 0 where there are no lines."""
        return self.position.column

    @property
    def origin(self) -> str:
        """Where the value came from, such as `environment SHOP_URL` or `configs/shop.yaml:4:13`."""
        return "built-in default" if self.node is None else self.node.origin

    def child(self, *keys: str | int) -> Place:
        """Return the place under a path of keys and list indexes, whether something is written there or not."""
        node, nearest = self.node, self.nearest
        for key in keys:
            if node is not None:
                nearest = _show_parent(node)
                node = node.find(key)
        return Place((*self.keys, *keys), node, nearest, self.faults, self.start)

    def children(self) -> Iterator[Place]:
        """Give the places of a mapping's values or a list's entries, in order; none for a leaf."""
        content = None if self.node is None else self.node.content
        if isinstance(content, dict):
            yield from map(self.child, content)
        elif isinstance(content, list):
            yield from map(self.child, range(len(content)))

    def fault(self, message: str, hint: str | None = None, *, index: int | None = None) -> None:
        """Report that this value is wrong.

        Args:
            message: What was found and what is accepted.
            hint: A suggestion, such as `did you mean "username"?`.
            index: The character of the text that is meant; the first where it cannot be told.
        """
        position = self.position
        if index is not None and self.node is not None:
            position = self.node.find_position(index)
        self._report(position, message, hint)

    def key_fault(self, message: str, hint: str | None = None) -> None:
        """Report that this key is wrong: it is unknown, or may not stand here."""
        self._report(self.key_position, message, hint)

    def _report(self, position: Position, message: str, hint: str | None) -> None:
        self.faults.add(Fault(position.file, position.line, position.column, self.where, message, hint))


def build_node(value: Any, position: Position) -> Node:
    """Return a node for a value made in Python: every part at the same position, nothing judged.

    Mappings keep their keys as text; tuples count as lists; anything that is no mapping or list is a leaf.
    """
    match value:
        case Mapping():
            content: Any = {str(key): build_node(child, position) for key, child in value.items()}
        case list() | tuple():
            content = [build_node(child, position) for child in value]
        case _:
            content = value
    return Node(content, position, position)


def _show_parent(node: Node) -> Position:
    """Return the position that stands for a mapping with a key missing: its key, or its first line."""
    return node.key_position
