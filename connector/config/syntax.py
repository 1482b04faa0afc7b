"""YAML 1.2 text to a tree of nodes, with a fault for everything that has no one clear meaning.

ruamel.yaml scans and parses; the tree is built here from its events, because positions, duplicate keys, bounded
aliases and scalars that stay text are all decided while building.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from connector.config.node import Node, Position, format_where
from connector.config.scalar import type_scalar
from connector.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.config.place import Faults

MAX_BYTES: Final = 4 * 1024 * 1024
"""Largest file that is read, bytes."""
MAX_DEPTH: Final = 64
"""Deepest nesting of mappings and lists."""
MAX_NODES: Final = 100_000
"""Most values in one file, every use of an alias counted in full."""

_TAG: Final = "tag:yaml.org,2002:"
_QUOTE_IT: Final = "put the value in quotes"
_HALF: Final = re.compile(r"[\ud800-\udfff]")
_UNQUOTED_TEMPLATE: Final = re.compile(r"(?:^|[:\-,\[{]\s)\s*(\{\{)")
_UNQUOTED_VARIABLE: Final = re.compile(r"[{\[].*?[:,\[]\s*(\$\{[A-Za-z_])")
"""A variable inside of brackets, whose own ones YAML takes for theirs."""


def parse_yaml(text: str, file: str, faults: Faults) -> Node | None:
    """Return the tree of a YAML document, or None where the text is no YAML at all or a limit is exceeded.

    An empty text is an empty mapping. Faults within a readable document (a key written twice, an unknown tag) are
    reported and leave out no more than the value concerned.

    Args:
        text: The whole file, without a byte order mark.
        file: Its name in faults.
        faults: Where to report.
    """
    return _Builder(text, file, faults).build()


class _StopError(Exception):
    """The rest of the text cannot be used; the fault was reported."""


class _Builder:
    """Builds the tree of one text."""

    def __init__(self, text: str, file: str, faults: Faults) -> None:
        self._text = text
        self._file = file
        self._faults = faults
        self._anchors: dict[str, Node | None] = {}  # None while the anchored value is still being read
        self._sizes: dict[int, int] = {}  # by id of a node, its size with every alias expanded
        self._kept: list[Node] = []  # keeps those ids alive
        self._count = 0
        self._templates: set[tuple[Position, str]] = set()  # unquoted ones that were reported already

    def build(self) -> Node | None:
        try:
            return self._read_document(YAML(typ="safe", pure=True).parse(self._text))
        except YAMLError as error:
            position, message, hint = _explain(error, self._text, self._file)
            if (position, message) not in self._templates:
                self._add(position, (), message, hint)
        except _StopError:
            pass
        return None

    def _read_document(self, events: Iterator[Any]) -> Node:
        top = Position(self._file, 1, 1)
        root: Node | None = None
        documents = 0
        for event in events:
            match event:
                case StreamStartEvent() | StreamEndEvent() | DocumentEndEvent():
                    continue
                case DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        hint = "put the second one into a file of its own"
                        self._add(self._mark(event.start_mark), (), "found a second YAML document in this file", hint)
                        raise _StopError
                case _:
                    root = self._read(event, events, (), None)
        if root is None or root.content is None:
            return Node({}, top, top)
        return root

    def _read(self, event: Any, events: Iterator[Any], keys: tuple[str | int, ...], key: Position | None) -> Node:
        position = self._mark(event.start_mark)
        key = key or position
        if isinstance(event, AliasEvent):
            return self._read_alias(event, keys, position, key)
        self._charge(1, position, keys)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        before = self._count
        match event:
            case ScalarEvent():
                node = self._read_scalar(event, keys, position, key)
            case SequenceStartEvent():
                node = self._read_list(event, events, keys, position, key)
            case _:
                node = self._read_mapping(event, events, keys, position, key)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
            self._sizes[id(node)] = self._count - before + 1
            self._kept.append(node)
        return node

    def _read_scalar(self, event: Any, keys: tuple[str | int, ...], position: Position, key: Position) -> Node:
        is_broken = self._refuse_tag(event, "str", keys, position)
        text = self._join_halves(event.value, keys, position)
        if text is None:
            return Node(None, position, key, is_broken=True)
        length = event.end_mark.index - event.start_mark.index
        if event.style is None and event.tag is None:
            if not text:  # nothing is written: the parser's position is that of whatever comes next
                position = key
            return Node(type_scalar(text), position, key, text_offset=0 if length == len(text) else None)
        is_plain_quote = event.style in {"'", '"'} and length == len(text) + 2 and "\n" not in text
        return Node(text, position, key, is_broken=is_broken, text_offset=1 if is_plain_quote else None)

    def _read_list(
        self, event: Any, events: Iterator[Any], keys: tuple[str | int, ...], position: Position, key: Position
    ) -> Node:
        self._limit_depth(keys, position)
        is_broken = self._refuse_tag(event, "seq", keys, position)
        content: list[Node] = []
        for entry in events:
            if isinstance(entry, SequenceEndEvent):
                break
            content.append(self._read(entry, events, (*keys, len(content)), None))
        return Node(content, position, key, is_broken=is_broken)

    def _read_mapping(
        self, event: Any, events: Iterator[Any], keys: tuple[str | int, ...], position: Position, key: Position
    ) -> Node:
        self._limit_depth(keys, position)
        is_broken = self._refuse_tag(event, "map", keys, position)
        own: dict[str, Node] = {}
        merged: list[Node] = []
        for entry in events:
            if isinstance(entry, MappingEndEvent):
                break
            start = self._mark(entry.start_mark)
            name = self._read_key(entry, events, keys, start)
            if name is None:
                is_broken = True
                self._read(next(events), events, keys, start)
                continue
            is_merge = name == "<<" and entry.style is None
            node = self._read(next(events), events, (*keys, name), start)
            if is_merge:
                merged += self._find_merged(node, (*keys, name))
            elif name in own:
                first = own[name].key_position
                message = f"the key {_quote(name)} is written twice, first on line {first.line}"
                self._add(start, (*keys, name), message, "keep one of them")
            else:
                own[name] = node
        content: dict[str, Node] = {}
        for mapping in reversed(merged):
            content.update(mapping.content)  # type: ignore[arg-type]  # only mappings were let through
        return Node(content | own, position, key, is_broken=is_broken)

    def _read_key(self, event: Any, events: Iterator[Any], keys: tuple[str | int, ...], start: Position) -> str | None:
        """Return the key, or None after reporting a key that is no text; its events are used up either way.

        Keys are text as written: `1`, `on` and `null` are no numbers or truths in front of a colon.
        """
        match event:
            case ScalarEvent() if event.value or event.style is not None:
                text = self._join_halves(event.value, keys, start)
                if text is not None and not self._refuse_tag(event, "str", keys, start):
                    if event.anchor is not None:
                        self._anchors[event.anchor] = Node(text, start, start)
                    return text
            case ScalarEvent():
                self._add(start, keys, 'found nothing in front of ":", accepted is a key', None)
            case AliasEvent():
                self._add(start, keys, f"found the alias *{event.anchor} as a key, accepted is text", _QUOTE_IT)
            case _:
                self._refuse_key(event, events, keys, start)
        return None

    def _join_halves(self, text: str, keys: tuple[str | int, ...], position: Position) -> str | None:
        """Return a text in which two escapes for one character beyond U+FFFF, as JSON writes it, are that character.

        None after reporting one half without the other, which no file and no request could hold.
        """
        if _HALF.search(text) is None:
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            hint = 'write the character itself, or "\\U" and eight digits'
            self._add(position, keys, "found one half of a character beyond U+FFFF", hint)
            return None

    def _refuse_key(self, event: Any, events: Iterator[Any], keys: tuple[str | int, ...], start: Position) -> None:
        if self._text.startswith("{{", max(event.start_mark.index - 1, 0)):
            position = Position(start.file, start.line, start.column - 1)
            self._add(position, keys, *_TEMPLATE)
            self._templates.add((position, _TEMPLATE[0]))
        else:
            what = "a list" if isinstance(event, SequenceStartEvent) else "a mapping"
            self._add(start, keys, f"found {what} as a key, accepted is text", None)
        depth = 1
        while depth:
            inner = next(events)
            depth += isinstance(inner, MappingStartEvent | SequenceStartEvent)
            depth -= isinstance(inner, MappingEndEvent | SequenceEndEvent)

    def _read_alias(self, event: Any, keys: tuple[str | int, ...], position: Position, key: Position) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            if event.anchor in self._anchors:
                message, hint = f"*{event.anchor} is used inside the value it stands for", None
            else:
                message = f"found *{event.anchor}, and no &{event.anchor} before it"
                hint = f"{_QUOTE_IT} if it is meant to begin with *"
            self._add(position, keys, message, hint)
            return Node(None, position, key, is_broken=True)
        self._charge(self._sizes.get(id(node), 1), position, keys)
        return dataclasses.replace(node, key_position=key)

    def _find_merged(self, node: Node, keys: tuple[str | int, ...]) -> list[Node]:
        candidates = node.content if isinstance(node.content, list) else [node]
        for candidate in candidates:
            if not isinstance(candidate.content, dict) and not candidate.is_broken:
                self._add(candidate.position, keys, "found no mapping to merge, accepted is an alias of one", None)
        return [candidate for candidate in candidates if isinstance(candidate.content, dict)]

    def _refuse_tag(self, event: Any, accepted: str, keys: tuple[str | int, ...], position: Position) -> bool:
        if event.tag is None or event.tag in {f"{_TAG}{accepted}", "!"}:
            return False
        tag = event.tag.replace(_TAG, "!!")
        hint = f"leave it out; {_QUOTE_IT} if it is meant to begin with !"
        self._add(position, keys, f"found the YAML tag {tag}, accepted are none", hint)
        return True

    def _limit_depth(self, keys: tuple[str | int, ...], position: Position) -> None:
        if len(keys) >= MAX_DEPTH:
            self._add(position, (), f"nested deeper than {MAX_DEPTH} levels", None)
            raise _StopError

    def _charge(self, size: int, position: Position, keys: tuple[str | int, ...]) -> None:
        self._count += size
        if self._count > MAX_NODES:
            hint = "split the file; an alias counts as often as it is used"
            self._add(position, keys, f"more than {MAX_NODES} values in one file", hint)
            raise _StopError

    def _mark(self, mark: Any) -> Position:
        return Position(self._file, mark.line + 1, mark.column + 1)

    def _add(self, position: Position, keys: tuple[str | int, ...], message: str, hint: str | None) -> None:
        fault = Fault(position.file, position.line, position.column, format_where(keys), message, hint)
        self._faults.add(fault)


_TEMPLATE: Final = ("found a template without quotes", 'put it in quotes: "{{ … }}"')
_VARIABLE: Final = ("found a variable without quotes in a list or mapping in brackets", 'put it in quotes: "${…}"')

_UNCLOSED_QUOTE: Final = "this quote is never closed"
_SYNTAX: Final[tuple[tuple[str, str, str, str | None], ...]] = (
    # pattern of ruamel's problem, which mark is meant, what was found, what to do
    (r"found character '\\t'", "problem", "found a tab", "indent with spaces"),
    (r"found character (?P<x>.+) that cannot start", "problem", "found {x} at the start of a value", _QUOTE_IT),
    (r"found unexpected (?:end of stream|document separator)", "context", _UNCLOSED_QUOTE, "close it"),
    (
        r"mapping values are not allowed here",
        "problem",
        'found ": " where no mapping can begin',
        'put a value that holds ": " in quotes, or check the indentation',
    ),
    (
        r"could not find expected ':'",
        "context",
        'found a line without ":"',
        'write "key: value", or check the indentation',
    ),
    (
        r"sequence entries are not allowed here",
        "problem",
        'found "- " where no list can begin',
        "begin the list on a line of its own",
    ),
    (r"mapping keys are not allowed here", "problem", 'found "? " where no key can stand', _QUOTE_IT),
    (
        r"expected ',' or '(?P<x>.)'",
        "problem",
        'found neither "," nor "{x}" in a list or mapping in brackets',
        'add the missing "," or "{x}"',
    ),
    (
        r"expected <block end>, but found '(?:<scalar>|scalar|\?)'",
        "problem",
        "found a line that lines up with nothing above it",
        "check the indentation, and quotes that close too early",
    ),
    (
        r"expected <block end>",
        "problem",
        "found a line that lines up with nothing above it",
        "check the indentation",
    ),
    (
        r"found unknown escape character ['\"](?P<x>.+)['\"]$",
        "problem",
        'found "\\{x}" in double quotes',
        "use single quotes",
    ),
    (
        r"expected escape sequence",
        "problem",
        'found an unfinished "\\x" or "\\u"',
        "use single quotes",
    ),
    (r"expected the node content", "problem", "found no value where one must stand", "add the value"),
    (r"expected '<document start>'", "problem", "found text behind the end of the document", "check the indentation"),
    (
        r"expected (?:chomping|indentation|a comment)",
        "problem",
        "found text behind | or >",
        "begin on the next line",
    ),
    (
        r"more indented follow up line",
        "problem",
        "found spaces on an empty line above the first line of this text",
        "remove them",
    ),
    (r"found undefined tag handle", "problem", 'found "!" at the start of a value', _QUOTE_IT),
)
_CONTEXTS: Final[tuple[tuple[str, str], ...]] = (
    ("alias", 'found "*" at the start of a value'),
    ("anchor", 'found "&" at the start of a value'),
    ("tag", 'found "!" at the start of a value'),
    ("directive", 'found "%" at the start of a line'),
)


def _explain(error: YAMLError, text: str, file: str) -> tuple[Position, str, str | None]:
    """Return where a text is no YAML, why in plain words, and what to do."""
    if isinstance(error, ReaderError):
        before = text[: error.position]
        line = before.count("\n") + 1
        column = error.position - before.rfind("\n")
        message = f"found the control character U+{int(error.character):04X}"
        return Position(file, line, column), message, "remove it"
    if not isinstance(error, MarkedYAMLError):
        return Position(file), f"not YAML: {error}", None
    problem_mark = error.problem_mark or error.context_mark
    context_mark = error.context_mark or error.problem_mark
    lines = text.split("\n")
    for mark in (problem_mark, context_mark):
        if mark is None or mark.line >= len(lines):
            continue
        template = _UNQUOTED_TEMPLATE.search(lines[mark.line])
        if template:
            return Position(file, mark.line + 1, template.start(1) + 1), *_TEMPLATE
        variable = _UNQUOTED_VARIABLE.search(lines[mark.line])
        if variable:
            return Position(file, mark.line + 1, variable.start(1) + 1), *_VARIABLE
    problem = str(error.problem or error.context or "not YAML")
    for pattern, which, message, hint in _SYNTAX:
        found = re.match(pattern, problem)
        if found:
            words = found.groupdict()
            chosen = context_mark if which == "context" else problem_mark
            return _at(chosen, file), message.format(**words), hint and hint.format(**words)
    for word, message in _CONTEXTS:
        if word in str(error.context):
            return _at(context_mark, file), message, _QUOTE_IT
    return _at(problem_mark, file), f"not YAML: {' '.join(problem.split())}", None


def _at(mark: Any, file: str) -> Position:
    return Position(file) if mark is None else Position(file, mark.line + 1, mark.column + 1)


def _quote(text: str) -> str:
    return f'"{text}"'
