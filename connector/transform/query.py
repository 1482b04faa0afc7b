"""Paths with filters, slices, descendants and arithmetic, by jsonpath-ng.

Imported only when a configuration has such a path. Syntax that jsonpath-ng has marked as going away (`|`, `&`, words
without quotes in filters) is refused, so that a configuration keeps its meaning over an upgrade.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Final

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.parser import parse
from jsonpath_ng.ext.string import DefintionInvalid
from jsonpath_ng.jsonpath import Fields, Index

from connector.errors import TransformError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from connector.transform.path import Key, Spot

_NEAR: Final = re.compile(r"(?:near token|Unexpected character:) (\S+)")

_CANNOT_COMPUTE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    re.error,
)
"""What jsonpath-ng lets through when a path is computed on a value it does not fit."""


@dataclass(frozen=True, slots=True)
class JsonPathQuery:
    """A path compiled by jsonpath-ng.

    Attributes:
        text: As the user wrote it.
        where: The place in the configuration, for errors.
    """

    text: str
    where: str
    _expression: Any

    def find(self, value: Any) -> list[Any]:
        """Return every match, in document order.

        Raises:
            TransformError: The path cannot be computed on this value.
        """
        return [match.value for match in self._match(value)]

    def locate(self, value: Any) -> list[Spot]:
        """Return where every match stands, in document order.

        Raises:
            TransformError: The path cannot be computed on this value, or computes what stands nowhere.
        """
        spots: list[Spot] = []
        for match in self._match(value):
            spot = _trace(match)
            if spot is None or _read(value, spot) is not match.value:
                raise TransformError(f"{self.text} computes a value, which stands nowhere", step=self.where)
            spots.append(spot)
        return spots

    def _match(self, value: Any) -> list[Any]:
        try:
            found = self._expression.find(value)
        except _CANNOT_COMPUTE as error:
            raise TransformError(
                f"{self.text} cannot be computed on this record ({type(error).__name__})",
                step=self.where,
                cure="check that what it compares or computes with is there and of one type",
            ) from error
        return found if isinstance(found, list) else [found]


def _trace(match: Any) -> Spot | None:
    """Return the keys from the top to a match, or None for one that was computed."""
    keys: list[Key] = []
    while match.context is not None:
        match match.path:
            case Fields(fields=[name]):
                keys.append(name)
            case Index(indices=[index]):
                keys.append(index + len(match.context.value) if index < 0 else index)
            case _:
                return None
        match = match.context
    return tuple(reversed(keys))


def _read(value: Any, spot: Spot) -> Any:
    try:
        for key in spot:
            value = value[key]
    except (LookupError, TypeError):
        return None
    return value


def compile_query(text: str, where: str) -> JsonPathQuery | str:
    """Return the compiled path, or why it is none.

    Args:
        text: As the user wrote it.
        where: The place in the configuration, for errors.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return JsonPathQuery(text, where, parse(text))
    except DeprecationWarning as warning:
        return f"{text} holds what JSONPath does not know: {str(warning).rstrip('.')}"
    except (JSONPathError, DefintionInvalid, RecursionError, ValueError, TypeError, AttributeError) as error:
        return f"{text or 'an empty text'} is no JSONPath: {_word(str(error))}"


def _word(found: str) -> str:
    """Return what jsonpath-ng found wrong, without its counting of lines and columns."""
    near = _NEAR.search(found)
    if near:
        return f"it cannot be read near {near[1]}"
    if "end of string" in found or "EOF" in found:
        return "it ends too early"
    return found.partition(" at ")[0]
