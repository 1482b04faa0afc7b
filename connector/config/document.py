"""A file or folder of YAML, read into one document: merged, variables put in, every fault collected.

Nothing is raised while reading: a file that cannot be used is reported and left out, the others are read all the
same, and `Document.is_complete` says that something is missing.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector.config.node import Node, Position, format_where
from connector.config.place import PYTHON, Faults, Place
from connector.config.source import Unreadable, is_folder, read_text_file
from connector.config.syntax import MAX_BYTES, MAX_DEPTH, parse_yaml
from connector.config.variables import Expanded, Variables, read_dotenv
from connector.config.wording import describe
from connector.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES: Final = (".yaml", ".yml")
"""Names of a folder's files that are read."""


@dataclass(frozen=True)
class Document:
    """One configuration, however many files it was written in.

    Attributes:
        name: The file or folder as the user named it.
        root: The merged tree, variables put in.
        faults: All faults so far; whoever reads on adds to them.
        secrets: Texts that may be shown to nobody: variables with a secret's name, and files named by `NAME_FILE`.
        files: The files that were read, as the user would name them, in order.
        is_complete: Whether every file could be used; if not, a missing name may stand in the part left out.
    """

    name: str
    root: Node = field(repr=False)
    faults: Faults
    secrets: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[str, ...] = ()
    is_complete: bool = True

    @property
    def value(self) -> Any:
        """The whole document as plain Python: dict, list, str, int, float, bool, None. Read-only."""
        return self.root.value

    def place(self, *keys: str | int) -> Place:
        """Return the place under a path of keys; without keys, the top."""
        return Place((), self.root, self.root.position, self.faults).child(*keys)

    @property
    def neighbours(self) -> tuple[str, ...]:
        """The other configuration files in the folder of the one file that was named; none where a folder was."""
        if self.files != (self.name,) or not Path(self.name).is_file():
            return ()
        try:
            entries = sorted(Path(self.name).parent.iterdir())
        except OSError:
            return ()
        return tuple(str(entry) for entry in entries if _is_configuration(entry) and entry != Path(self.name))

    @cached_property
    def origins(self) -> dict[str, str]:
        """Where each value came from, by its path: `clients.shop.base_url`: `environment SHOP_URL`."""
        return {format_where(keys): node.origin for keys, node in _walk_leaves((), self.root)}


def read_document(path: Path | str, *, environment: Mapping[str, str] | None = None) -> Document:
    """Return the configuration in a file, or in all `*.yaml` and `*.yml` directly in a folder.

    The files of a folder are merged section by section (`clients`, `routes`, …); a name may stand in one of them only.
    Names that begin with a dot are left out.

    Args:
        path: A file or folder; faults name it the way it is written here.
        environment: Where variables are looked up before `.env`; `os.environ` by default.
    """
    path = Path(path)
    faults = Faults()
    folder = path if is_folder(path) else path.parent
    variables = Variables(
        os.environ if environment is None else environment, read_dotenv(folder / ".env", faults), folder
    )
    files = _list_files(path, faults)
    trees = [tree for file in files if (tree := _read_file(file, faults)) is not None]
    root = _merge(trees, Position(str(path)), faults) if len(trees) != 1 else trees[0]
    is_complete = len(trees) == len(files) > 0
    return _finish(str(path), root, variables, faults, tuple(map(str, files)), is_complete=is_complete)


def read_text(text: str, *, file: str = "<text>", environment: Mapping[str, str] | None = None) -> Document:
    """Return the configuration in a YAML text.

    Args:
        text: The YAML.
        file: What faults call it.
        environment: Where variables are looked up; nowhere by default.
    """
    faults = Faults()
    tree = _check_top(parse_yaml(text, file, faults), faults)
    top = Position(file)
    return _finish(
        file, tree or Node({}, top, top), Variables(environment or {}), faults, (file,), is_complete=tree is not None
    )


def read_mapping(
    value: Mapping[str, Any], *, where: str = PYTHON, environment: Mapping[str, str] | None = None
) -> Document:
    """Return a configuration made in Python. It means what the same YAML would mean, variables included.

    Args:
        value: Mappings, lists (or tuples), text, int, float, bool and None; anything else is a fault.
        where: What faults call it, in place of a file.
        environment: Where variables are looked up; `os.environ` by default.
    """
    faults = Faults()
    position = Position(where)
    root = _check_top(_build(value, (), position, faults), faults)
    variables = Variables(os.environ if environment is None else environment)
    is_complete = root is not None
    return _finish(where, root or Node({}, position, position), variables, faults, (), is_complete=is_complete)


def _is_configuration(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not is_folder(path)


def _list_files(path: Path, faults: Faults) -> list[Path]:
    if not is_folder(path):
        return [path]
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        faults.add(Fault(str(path), 0, 0, "", f"cannot be read: {error.strerror or error}"))
        return []
    files = [entry for entry in entries if _is_configuration(entry)]
    if not files:
        faults.add(Fault(str(path), 0, 0, "", "this folder holds no *.yaml file", "subfolders are not read"))
    return files


def _read_file(path: Path, faults: Faults) -> Node | None:
    text = read_text_file(path, MAX_BYTES)
    if isinstance(text, Unreadable):
        faults.add(Fault(str(path), text.line, text.column, "", text.message, text.hint))
        return None
    return _check_top(parse_yaml(text, str(path), faults), faults)


def _check_top(tree: Node | None, faults: Faults) -> Node | None:
    """Return the tree with empty sections as empty mappings, or None after reporting that it is no mapping."""
    if tree is None:
        return None
    if not isinstance(tree.content, dict):
        at = tree.position
        message = f"found {describe(tree.value)}, accepted is a mapping of sections such as clients and routes"
        faults.add(Fault(at.file, at.line, at.column, "", message))
        return None
    sections = {
        key: dataclasses.replace(section, content={}) if _is_empty(section) else section
        for key, section in tree.content.items()
    }
    return dataclasses.replace(tree, content=sections)


def _is_empty(section: Node) -> bool:
    return section.content is None and not section.is_broken


def _merge(trees: Iterable[Node], top: Position, faults: Faults) -> Node:
    """Return one tree in which every section holds the names of all files."""
    sections: dict[str, Node] = {}
    for tree in trees:
        for key, section in _content(tree).items():
            present = sections.get(key)
            if present is None:
                sections[key] = section
            elif isinstance(present.content, dict) and isinstance(section.content, dict):
                sections[key] = _merge_section(present, section, key, faults)
            else:
                _report_twice(present, section, (key,), faults)
    return Node(sections, top, top)


def _merge_section(first: Node, second: Node, section: str, faults: Faults) -> Node:
    content = dict(_content(first))
    for name, node in _content(second).items():
        if name in content:
            _report_twice(content[name], node, (section, name), faults)
        else:
            content[name] = node
    return dataclasses.replace(first, content=content)


def _report_twice(first: Node, second: Node, keys: tuple[str, ...], faults: Faults) -> None:
    at = second.key_position
    message = f"defined twice, first in {first.key_position}"
    faults.add(Fault(at.file, at.line, at.column, format_where(keys), message, "rename one of them"))


def _content(node: Node) -> dict[str, Node]:
    assert isinstance(node.content, dict)
    return node.content


def _finish(
    name: str, root: Node, variables: Variables, faults: Faults, files: tuple[str, ...], *, is_complete: bool
) -> Document:
    resolver = _Resolver(variables, faults)
    root = resolver.resolve(root, ())
    faults.hide(*resolver.secrets)
    return Document(name, root, faults, tuple(dict.fromkeys(resolver.secrets)), files, is_complete)


class _Resolver:
    """Puts variables into a tree. A value that is used in two places is resolved once, and reported once."""

    def __init__(self, variables: Variables, faults: Faults) -> None:
        self._variables = variables
        self._faults = faults
        self._done: dict[int, Any] = {}  # by id of a content; contents live as long as the tree that is resolved
        self.secrets: list[str] = []

    def resolve(self, node: Node, keys: tuple[str | int, ...]) -> Node:
        match node.content:
            case dict() | list():
                return self._resolve_children(node, node.content, keys)
            case str() if "${" in node.content:
                return self._resolve_text(node, node.content, keys)
            case _:
                return node

    def _resolve_children(self, node: Node, content: dict[str, Node] | list[Node], keys: tuple[str | int, ...]) -> Node:
        if id(content) not in self._done:
            if isinstance(content, dict):
                resolved: Any = {key: self.resolve(child, (*keys, key)) for key, child in content.items()}
            else:
                resolved = [self.resolve(child, (*keys, index)) for index, child in enumerate(content)]
            self._done[id(content)] = resolved
        return dataclasses.replace(node, content=self._done[id(content)])

    def _resolve_text(self, node: Node, text: str, keys: tuple[str | int, ...]) -> Node:
        expanded: Expanded = self._variables.expand(text, str(node.position))
        for problem in expanded.problems:
            at = node.find_position(problem.index)
            self._faults.add(Fault(at.file, at.line, at.column, format_where(keys), problem.message, problem.hint))
        self.secrets += expanded.secrets
        return dataclasses.replace(
            node,
            content=expanded.text,
            sources=expanded.sources,
            is_secret=bool(expanded.secrets),
            is_broken=node.is_broken or bool(expanded.problems),
            text_offset=None,
        )


def _build(value: Any, keys: tuple[str | int, ...], position: Position, faults: Faults) -> Node:
    """Return the tree of a Python value, each part checked to be something YAML could say."""
    if len(keys) > MAX_DEPTH:
        faults.add(Fault(position.file, 0, 0, "", f"nested deeper than {MAX_DEPTH} levels"))
        return Node(None, position, position, is_broken=True)
    content: Any
    match value:
        case Mapping():
            content = {}
            for key, child in value.items():
                if isinstance(key, str):
                    content[key] = _build(child, (*keys, key), position, faults)
                else:
                    message = f"found {describe(key)} as a key, accepted is text"
                    faults.add(Fault(position.file, 0, 0, format_where(keys), message))
        case list() | tuple():
            content = [_build(child, (*keys, index), position, faults) for index, child in enumerate(value)]
        case None | str() | bool() | int() | float():
            content = value
        case _:
            message = f"found a Python {type(value).__name__}, accepted is what YAML can say"
            faults.add(Fault(position.file, 0, 0, format_where(keys), message, "give it as text"))
            return Node(None, position, position, is_broken=True)
    return Node(content, position, position)


def _walk_leaves(keys: tuple[str | int, ...], node: Node) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    match node.content:
        case dict():
            for key, child in node.content.items():
                yield from _walk_leaves((*keys, key), child)
        case list():
            for index, child in enumerate(node.content):
                yield from _walk_leaves((*keys, index), child)
        case _:
            yield keys, node
