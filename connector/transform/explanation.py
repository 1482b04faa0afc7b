"""Why a template could not be computed on a record, in words for people, without values of personal fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from jinja2.exceptions import SecurityError, TemplateError
from jinja2.utils import missing

from connector.config.wording import did_you_mean
from connector.transform.conversion import ConversionError
from connector.transform.environment import AbsenceError
from connector.transform.path import describe_absence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.transform.environment import Environment


def explain_absence(
    error: AbsenceError, chains: Iterable[tuple[Any, ...]], context: Mapping[str, Any], environment: Environment
) -> tuple[str, str | None]:
    """Return which field is missing and what is there instead, and what to do.

    Args:
        error: What was raised where the field was used.
        chains: The fields the template names, such as `("record", "customer", "email")`.
        context: What it was rendered with.
        environment: What looks fields up.
    """
    if error.name is None:
        return (error.message or "something is missing").rstrip("."), "write | default('') where it may be missing"
    if error.holder is missing:
        return f'there is no "{error.name}" at this point', None
    path = next((found for chain in chains if (found := _retrace(chain, error, context, environment))), error.name)
    suggestion = did_you_mean(error.name, error.holder) if isinstance(error.holder, dict) else None
    return (
        f"{path} is missing: {describe_absence(error.holder, error.name)}",
        suggestion or "write | default('') where it may be missing",
    )


def _retrace(
    chain: tuple[Any, ...], error: AbsenceError, context: Mapping[str, Any], environment: Environment
) -> str | None:
    """Return the path up to the missing field where following this chain leads to it."""
    value = context.get(chain[0])
    path = str(chain[0])
    for key in chain[1:]:
        path += f"[{key}]" if isinstance(key, int) else f".{key}"
        if value is error.holder and key == error.name:
            return path
        value = environment.getitem(value, key)
    return None


_KINDS: Final = {
    "'bool'": "a boolean",
    "'date'": "a date",
    "'datetime.date'": "a date",
    "'datetime.datetime'": "a datetime",
    "'decimal.Decimal'": "a decimal",
    "'Decimal'": "a decimal",
    "'dict'": "an object",
    "'float'": "a number",
    "'int'": "a whole number",
    "'list'": "a list",
    "'NoneType'": "null",
    "'str'": "text",
}
_NAMED_KIND: Final = re.compile("|".join(map(re.escape, _KINDS)))
_COMPARED: Final = re.compile(r"'(<=?|>=?)' not supported between instances of (.+)")
_COMPUTED: Final = re.compile(r"unsupported operand type\(s\) for (\S+?)(?: or pow\(\))?: (.+)")
_JOINED: Final = re.compile(r"can only concatenate (\w+) \(not \"([\w.]+)\"\)")


def explain_error(error: Exception, *, is_private: bool) -> tuple[str, str | None]:
    """Return what went wrong while rendering, and what to do.

    Python's own words are shown only where they hold no values.
    """
    match error:
        case ConversionError():
            return error.describe(is_private=is_private), error.cure
        case SecurityError():
            return "the template asks for what is Python's own, which is refused", None
        case TypeError():
            return _word_type_error(str(error))
        case ZeroDivisionError():
            return "division by zero", "ask first: {{ a / b if b else 0 }}"
        case RecursionError():
            return "the value nests too deep", None
        case TemplateError():
            return (error.message or "the template failed").rstrip("."), None
        case _:
            return f"a value does not fit what is done with it ({type(error).__name__})", None


def _word_type_error(words: str) -> tuple[str, str | None]:
    cure = "give both a type first, such as record.total | decimal"
    if compared := _COMPARED.search(words):
        return f"{_name_kinds(compared[2])} cannot be compared by {compared[1]}", cure
    if computed := _COMPUTED.search(words):
        return f"{_name_kinds(computed[2])} cannot be computed with {computed[1]}", cure
    if joined := _JOINED.search(words):
        kinds = _name_kinds(f"'{joined[1]}' and '{joined[2]}'")
        return f"{kinds} cannot be added", "join texts with ~, or give both a type first: record.total | decimal"
    return _name_kinds(words).replace("Environment.", ""), None


def _name_kinds(words: str) -> str:
    return _NAMED_KIND.sub(lambda found: _KINDS[found[0]], words)
