"""The `Link` header: where an answer says that it goes on."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Final

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LINK_TARGET: Final = re.compile(r"[\s,]*<([^<>]*)>")
_LINK_PARAMETER: Final = re.compile(r"""\s*;\s*(?:([^\s=;,"<>]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?)?""")
_QUOTED_PAIR: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a `Link` header.

    Attributes:
        target: The address, as written.
        relations: Its `rel`, split, in lower case.
        parameters: All parameters, names in lower case, quotes removed.
    """

    target: str
    relations: frozenset[str]
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_link_header(value: str) -> Iterator[Link]:
    """Yield the links of a header; several headers joined by commas are one.

    Commas and semicolons inside of `<…>` and quotes belong to them. Of a parameter given twice the first counts. Links
    with an `anchor` speak of another page than this one and are left out. What cannot be read ends the list.

    Source: RFC 8288, section 3 and appendix B.
    """
    position = 0
    while target := _LINK_TARGET.match(value, position):
        position = target.end()
        parameters: dict[str, str] = {}
        while parameter := _LINK_PARAMETER.match(value, position):
            position = parameter.end()
            if parameter[1]:
                parameters.setdefault(parameter[1].lower(), _unquote(parameter[2] or ""))
        if "anchor" not in parameters:
            relations = frozenset(parameters.get("rel", "").lower().split())
            yield Link(target[1].strip(), relations, parameters)
        comma = value.find(",", position)
        if comma < 0:
            return
        position = comma + 1


def _unquote(text: str) -> str:
    return _QUOTED_PAIR.sub(r"\1", text[1:-1]) if text.startswith('"') else text
