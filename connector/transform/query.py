"""Paths with filters, slices, descendants and arithmetic, by jsonpath-ng.

Imported only when a configuration has such a path. Syntax that jsonpath-ng has marked as going away (`|`, `&`, words
without quotes in filters) is refused, so that a configuration keeps its meaning over an upgrade.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext import parse
from jsonpath_ng.jsonpath import Fields, Index

from connector.errors import TransformError

if TYPE_CHECKING:
    from connector.config.place import Place
    from connector.transform.path import Key, Spot

_COLUMN: Final = re.compile(r"(?:\d+:|col )(\d+)")
_NEAR: Final = re.compile(r"near token (\S+)")

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
        return [self._trace(match) for match in self._match(value)]

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

    def _trace(self, match: Any) -> Spot:
        keys: list[Key] = []
        while match.context is not None:
            match match.path:
                case Fields(fields=[name]):
                    keys.append(name)
                case Index(indices=[index]):
                    keys.append(index + len(match.context.value) if index < 0 else index)
                case _:
                    raise TransformError(f"{self.text} computes a value, which stands nowhere", step=self.where)
            match = match.context
        return tuple(reversed(keys))


def compile_query(text: str, place: Place) -> JsonPathQuery | None:
    """Return the compiled path, or report a fault and return None where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expression = parse(text)
    except DeprecationWarning as warning:
        place.fault(f"the path {text} uses what JSONPath does not know", str(warning).rstrip("."))
        return None
    except (JSONPathError, RecursionError, ValueError, TypeError, AttributeError) as error:
        found = str(error)
        near = _NEAR.search(found)
        column = _COLUMN.search(found)
        what = f"near {near[1]}" if near else "at its end" if "end of string" in found else "cannot be read"
        place.fault(
            f"{text or 'an empty text'} is not a JSONPath: {what}",
            "names with other characters than letters, digits, _ and - stand in quotes: $['Order number']",
            index=int(column[1]) if column else None,
        )
        return None
    return JsonPathQuery(text, place.where, expression)
