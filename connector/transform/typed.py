"""Which type a value is given, as a user writes it: `type`, with `format` and `timezone` beside it."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any, Final

from connector.config.wording import describe, did_you_mean, find_closest, join_names
from connector.frozen import dataclass
from connector.transform import conversion
from connector.transform.checker import has_template
from connector.transform.conversion import ConversionError

if TYPE_CHECKING:
    from connector.config.place import Place

TYPE_ALIASES: Final = {
    "array": "list",
    "bool": "boolean",
    "dict": "object",
    "float": "number",
    "int": "integer",
    "mapping": "object",
    "str": "text",
    "string": "text",
}
"""What other systems call our types, for suggestions."""


@dataclass(frozen=True, slots=True)
class TypeRequest:
    """What a typed value asks for."""

    kind: str
    pattern: str | None = None
    timezone: str | None = None


def read_typed(value: dict[str, Any], place: Place) -> TypeRequest | None:
    """Return what a typed value asks for, or None for a mapping that is none."""
    if not {"value", "type"} <= value.keys() <= {"value", "type", "format", "timezone"}:
        return None
    kind = value["type"]
    if not isinstance(kind, str) or has_template(kind):
        return None
    if kind not in conversion.TYPES:
        closest = TYPE_ALIASES.get(kind) or find_closest(kind, conversion.TYPES)
        # A payload may well have these two keys; only what looks like one of our types is taken for a slip.
        if closest is not None and isinstance(value["value"], str) and has_template(value["value"]):
            place.child("type").fault(
                f'there is no type "{kind}", accepted are {join_names(conversion.TYPES)}', f'did you mean "{closest}"?'
            )
        return None
    return read_request(kind, place)


def read_request(kind: str, place: Place) -> TypeRequest:
    """Return a type with the `format` and `timezone` that stand beside it, reporting what is wrong with them."""
    found: dict[str, str | None] = {"format": None, "timezone": None}
    for key in found:
        option = place.child(key)
        if not option.is_present or option.is_broken:
            continue
        wanted = {"format": {"date", "datetime"}, "timezone": {"datetime"}}[key]
        text = option.value
        if kind not in wanted:
            option.key_fault(f"only a {' or '.join(sorted(wanted))} has a {key}, and the type is {kind}")
        elif not isinstance(text, str) or has_template(text):
            option.fault(f"found {describe(text)}, accepted is text without templates")
        else:
            problem = _check_timezone(text) if key == "timezone" else _check_format(kind, text)
            if problem is None:
                found[key] = text
            else:
                option.fault(*problem)
    return TypeRequest(kind, found["format"], found["timezone"])


def _check_timezone(name: str) -> tuple[str, str | None] | None:
    try:
        conversion.find_timezone(name)
    except ConversionError as error:
        zones = zoneinfo.available_timezones()
        return error.describe(is_private=False), did_you_mean(name, zones) or error.cure
    return None


def _check_format(kind: str, pattern: str) -> tuple[str, str | None] | None:
    if kind == "datetime" and pattern == "timestamp":
        return None
    problem = conversion.check_pattern(pattern)
    return (problem, "write it as of strptime, such as %d/%m/%Y %H:%M") if problem else None
