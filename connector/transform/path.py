"""Paths: where in a JSON value something stands, as a user writes it.

A path is JSONPath. A *definite* path names one spot (`$.customer.name`, `$.lines[0].sku`, `customer.name`,
`$['a.b']`); any other may match several (`$.lines[*]`, `$.*`, `$.lines[?(@.qty > 1)]`, `$..sku`). Names, indexes and
wildcards are followed by a few lines of our own (0.1 to 0.3 µs a definite path, where jsonpath-ng takes 10 µs);
everything else is handed to jsonpath-ng, which is imported for it and not before.

Both follow RFC 9535: a name matches in objects only, an index in lists only, `*` every child of either. Two things are
read more kindly than jsonpath-ng does: a name may hold any letter (`$.größe`), and a name of digits keeps its zeros
(`$.007`).
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from connector.config.wording import did_you_mean
from connector.errors import TransformError
from connector.frozen import dataclass
from connector.transform.conversion import name_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.config.place import Place

Key: TypeAlias = str | int
"""A name in an object, or an index in a list (negative counts from the end)."""

Spot: TypeAlias = tuple[Key, ...]
"""The keys from the top to one value; an index in it is never negative when it was found in a value."""

OPTIONAL_CURE: Final = "write optional: true or a default where it may be missing"

_SHOWN_KEYS: Final = 12
_ROOT: Final = re.compile(r"\s*\$")
_NAME: Final = re.compile(r"[^\W\d][\w-]*|[0-9]+")
_BRACKET: Final = re.compile(
    r"""\[\s*(?:
        (?P<index>-?[0-9]+)
        | (?P<any>\*)
        | '(?P<single>(?:[^'\\]|\\.)*)'
        | "(?P<double>(?:[^"\\]|\\.)*)"
    )\s*\]""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


class _Any:
    """The wildcard, as one of a path's keys."""

    def __repr__(self) -> str:
        return "*"


ANY: Final = _Any()


class Query(Protocol):
    """A path that is more than names, indexes and wildcards, ready to be asked."""

    def find(self, value: Any) -> list[Any]:
        """Return every match, in document order."""
        ...

    def locate(self, value: Any) -> list[Spot]:
        """Return where every match stands, in document order."""
        ...


@dataclass(frozen=True, slots=True)
class Selector:
    """One compiled path.

    Attributes:
        text: As the user wrote it.
        where: The place in the configuration, for errors.
        plain: The keys of a definite path, `()` for `$`; None for a path that may match several.
        base: The definite beginning of the path: what must exist for "nothing matches" to be an answer.
        cure: What to do where it matches nothing.
    """

    text: str
    where: str
    plain: Spot | None
    base: Spot
    cure: str = OPTIONAL_CURE
    _tail: tuple[Key | _Any, ...] = ()
    _query: Query | None = None

    @property
    def is_definite(self) -> bool:
        """Whether the path names exactly one spot."""
        return self.plain is not None

    @property
    def is_filtered(self) -> bool:
        """Whether the path chooses by a condition, so that no match does not mean that nothing was there."""
        return self._query is not None and "[?" in self.text

    def find_base(self, value: Any) -> Any:
        """Return what stands at the definite beginning of the path, or None where it does not exist."""
        try:
            for key in self.base:
                value = _step(value, key)
        except LookupError:
            return None
        return value

    def find(self, value: Any) -> list[Any]:
        """Return every match in document order; an empty list where nothing matches, however wrong the path is.

        Raises:
            TransformError: A filter or an expression of the path cannot be computed on this value.
        """
        if self._query is not None:
            return self._query.find(value)
        try:
            for key in self.base:
                value = _step(value, key)
        except LookupError:
            return []
        return _expand(value, self._tail) if self._tail else [value]

    def first(self, value: Any) -> Any:
        """Return the first match.

        Raises:
            TransformError: Nothing matches; the message names what is missing and what is there.
        """
        if self.plain is not None:
            try:
                for key in self.plain:
                    value = value[key] if type(value) is dict else _step(value, key)
            except LookupError:
                raise self.missing(value, key) from None
            return value
        found = self.find(value)
        if not found:
            raise self._missing_in(value)
        return found[0]

    def first_or(self, value: Any, default: Any) -> Any:
        """Return the first match, or the default where nothing matches."""
        if self.plain is not None:
            try:
                for key in self.plain:
                    value = value[key] if type(value) is dict else _step(value, key)
            except LookupError:
                return default
            return value
        found = self.find(value)
        return found[0] if found else default

    def locate(self, value: Any) -> list[Spot]:
        """Return where every match stands, in document order; an empty list where nothing matches."""
        if self._query is not None:
            return self._query.locate(value)
        spot: list[Key] = []
        try:
            for key in self.base:
                child = _step(value, key)
                spot.append(key + len(value) if isinstance(key, int) and key < 0 else key)
                value = child
        except LookupError:
            return []
        return list(_spread(value, self._tail, tuple(spot)))

    def require(self, value: Any) -> None:
        """Do nothing when the definite beginning of the path exists.

        Raises:
            TransformError: It does not, so that the path as a whole is most likely wrong.
        """
        for key in self.base:
            try:
                value = _step(value, key)
            except LookupError:
                raise self.missing(value, key) from None

    def missing(self, value: Any, key: Key) -> TransformError:
        """Return the error that says this key is not in the value that was reached; names are shown, values never."""
        suggestion = did_you_mean(key, value) if isinstance(value, dict) and isinstance(key, str) else None
        return TransformError(
            f"{self.text} is missing: {describe_absence(value, key)}", step=self.where, cure=suggestion or self.cure
        )

    def _missing_in(self, value: Any) -> TransformError:
        try:
            self.require(value)
        except TransformError as error:
            return error
        return TransformError(f"nothing matches {self.text}", step=self.where, cure=self.cure)


def describe_absence(value: Any, key: Key) -> str:
    """Return why a key is not in a value: `there is no "totl" (there are: total, status)`."""
    match value:
        case dict():
            names = [str(name) for name in value]
            shown = ", ".join(names[:_SHOWN_KEYS]) + (", …" if len(names) > _SHOWN_KEYS else "")
            there = f"there are: {shown}" if names else "the object is empty"
            return f'there is no "{key}" ({there})'
        case list() | tuple() if isinstance(key, int):
            return f"there is no [{key}] in a list of {len(value)}"
        case list() | tuple():
            return f'"{key}" is asked of a list'
        case None:
            return f'"{key}" is asked of null'
        case _:
            return f'"{key}" is asked of {name_type(value)}'


def read_spot(value: Any, spot: Spot) -> Any:
    """Return what stands at a spot that was found in this very value."""
    for key in spot:
        value = value[key]
    return value


def format_spot(spot: Spot) -> str:
    """Return a spot as people write it: `lines[0].sku`."""
    parts: list[str] = []
    for key in spot:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif _NAME.fullmatch(key):
            parts.append(f".{key}")
        else:
            parts.append(f"['{key}']")
    return "".join(parts).removeprefix(".")


def compile_path(text: str, place: Place, *, cure: str = OPTIONAL_CURE, is_key: bool = False) -> Selector:
    """Return the selector for a path, reporting a fault where it is none.

    After a fault, a selector of no particular meaning is returned, so that checking can go on.

    Args:
        text: JSONPath; the `$.` at its beginning may be left out.
        place: Where it stands, for faults now and for errors later.
        cure: What to do where it matches nothing, for errors.
        is_key: Whether it is the key there, rather than the value.
    """
    where = place.where
    if place.is_broken and not is_key:
        return Selector(text, where, None, (), cure, (ANY,))
    keys, rest = parse_keys(text)
    if not rest:
        definite = tuple(key for key in keys if not isinstance(key, _Any))
        if len(definite) == len(keys):
            return Selector(text, where, definite, definite, cure)
        base = _take_definite(keys)
        return Selector(text, where, None, base, cure, tuple(keys[len(base) :]))
    # jsonpath-ng costs 25 ms to import, and most configurations need none of it.
    query: Query | str = importlib.import_module("connector.transform.query").compile_query(text, where)
    if isinstance(query, str):
        report = place.key_fault if is_key else place.fault
        report(query, "names with other characters than letters, digits, _ and - stand in quotes: $['Order number']")
        return Selector(text, where, None, (), cure, (ANY,))
    return Selector(text, where, None, _take_definite(keys), cure, (), query)


def parse_keys(text: str) -> tuple[list[Key | _Any], str]:
    """Return the names, indexes and wildcards a path begins with, and the rest that is something else.

    The rest is empty for a path that is understood whole.
    """
    keys: list[Key | _Any] = []
    match = _ROOT.match(text)
    position = match.end() if match else 0
    is_start = match is None
    end = len(text.rstrip())
    if is_start and not end:
        return keys, text or "$"
    while position < end:
        key, after = _read_key(text, position, is_start=is_start)
        if key is None:
            return _back_off(keys, text, position)
        keys.append(key)
        position, is_start = after, False
    return keys, ""


def _read_key(text: str, position: int, *, is_start: bool) -> tuple[Key | _Any | None, int]:
    """Return the key at a position and where it ends; None where something else stands."""
    if text[position] == "[":
        bracket = _BRACKET.match(text, position)
        if bracket is None:
            return None, position
        return _read_bracket(bracket), bracket.end()
    if not is_start:
        if text[position] != ".":
            return None, position
        position += 1
    if text[position : position + 1] == "*":
        return ANY, position + 1
    name = _NAME.match(text, position)
    return (name.group(), name.end()) if name else (None, position)


def _read_bracket(bracket: re.Match[str]) -> Key | _Any:
    match bracket.lastgroup:
        case "index":
            return int(bracket["index"])
        case "any":
            return ANY
        case quote:
            assert quote is not None
            return _ESCAPE.sub(r"\1", bracket[quote])


def _back_off(keys: list[Key | _Any], text: str, position: int) -> tuple[list[Key | _Any], str]:
    """Give back the last key where what follows continues it (`$.a + 1`, `$.a where b`): it is no beginning then."""
    rest = text[position:]
    if keys and not rest.startswith((".", "[")):
        keys = []
    return keys, rest


def _take_definite(keys: Sequence[Key | _Any]) -> Spot:
    base: list[Key] = []
    for key in keys:
        if isinstance(key, _Any):
            break
        base.append(key)
    return tuple(base)


def _step(value: Any, key: Key) -> Any:
    """Return one child.

    Raises:
        LookupError: There is none, be it that the value cannot have children.
    """
    if isinstance(key, str):
        if isinstance(value, dict):
            return value[key]
    elif isinstance(value, list | tuple):
        return value[key]
    raise KeyError(key)


def _expand(value: Any, tail: tuple[Key | _Any, ...]) -> list[Any]:
    found = [value]
    for key in tail:
        if isinstance(key, _Any):
            found = [child for one in found for child in _children(one)]
        else:
            found = [child for one in found for child in _child(one, key)]
    return found


def _children(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list | tuple) else ()


def _child(value: Any, key: Key) -> Iterator[Any]:
    try:
        yield _step(value, key)
    except LookupError:
        return


def _spread(value: Any, tail: tuple[Key | _Any, ...], spot: Spot) -> Iterator[Spot]:
    if not tail:
        yield spot
        return
    key, rest = tail[0], tail[1:]
    if isinstance(key, _Any):
        if isinstance(value, dict):
            for name, child in value.items():
                yield from _spread(child, rest, (*spot, name))
        elif isinstance(value, list | tuple):
            for index, child in enumerate(value):
                yield from _spread(child, rest, (*spot, index))
        return
    for child in _child(value, key):
        place = key + len(value) if isinstance(key, int) and key < 0 else key
        yield from _spread(child, rest, (*spot, place))
