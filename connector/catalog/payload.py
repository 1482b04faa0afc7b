"""Payloads held against the fields of their entity: at load where they are literal, at run where they were rendered.

Refused is what the other side would refuse, and what it would accept to the user's harm: a quantity of 0, a status
that voids an order, a field that nothing reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connector.catalog.entity import Field, FieldType, Variant
from connector.config.node import format_where
from connector.config.wording import describe, did_you_mean, join_names
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from connector.config.place import Place

_INTEGER: Final = re.compile(r"-?[0-9]+")
_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_FLAGS: Final = frozenset({0, 1, "0", "1"})  # True and False are 1 and 0; PHP takes the text "false" for a yes
_ID: Final = re.compile(r"[0-9]+")
_ESCAPES: Final = {"&": 4, '"': 5, "<": 3, ">": 3}  # characters that `&amp;`, `&quot;`, `&lt;`, `&gt;` add


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing about a payload that does not fit.

    Attributes:
        keys: Where it is, from the top of the payload: names, and positions in lists.
        message: What was found and what is accepted; without personal and secret values.
        hint: A suggestion such as `did you mean "coupon"?`, or None.
        is_about_key: Whether the key may not stand there at all, rather than its value being wrong.
    """

    keys: tuple[str | int, ...]
    message: str
    hint: str | None = None
    is_about_key: bool = False

    def __str__(self) -> str:
        told = f"{format_where(self.keys)}: {self.message}"
        return f"{told}; {self.hint}" if self.hint else told

    def report(self, place: Place) -> None:
        """Report the problem as a fault of the configuration.

        Args:
            place: Where the payload is written.
        """
        spot = place.child(*self.keys)
        (spot.key_fault if self.is_about_key else spot.fault)(self.message, self.hint)


def check_payload(
    variant: Variant, payload: Mapping[str, Any], *, is_templated: Callable[[Any], bool] | None = None
) -> list[Problem]:
    """Return what does not fit, in the order of the fields; empty for a payload that may be sent.

    None counts as a field left out, since that is how a form says it. Numbers and flags may be text.

    Args:
        variant: The entity in the client's dialect.
        payload: Names to values; nested as the entity's fields say.
        is_templated: Tells values that are only known once a template is rendered, at any depth; they are not judged.
            None when everything is rendered.
    """
    check = _Check(counts_escaped=variant.counts_escaped, is_templated=is_templated or _is_never)
    return [
        *check.find_unknown((), variant.entity, variant.fields, payload, variant.refuses),
        *check.find_unfit((), variant.fields, payload),
    ]


def check_anywhere(
    variants: Iterable[Variant], payload: Mapping[str, Any], *, is_templated: Callable[[Any], bool] | None = None
) -> list[Problem]:
    """Return what does not fit in any generation that the client may turn out to speak; empty where one takes it.

    What is returned are the problems in the generation that has fewest; of several, the oldest. One that not all of the
    generations have says whose it is.

    Args:
        variants: The entity in those generations, as `Entity.offered` gives them. With one, this is `check_payload`.
        payload: Names to values; nested as the entity's fields say.
        is_templated: As in `check_payload`.
    """
    found = [(variant, check_payload(variant, payload, is_templated=is_templated)) for variant in variants]
    closest, problems = min(found, key=lambda pair: len(pair[1]))
    return [
        problem
        if all(problem in others for _, others in found)
        else replace(
            problem, message=f"{problem.message} (in {closest.dialect}; the others refuse the payload as well)"
        )
        for problem in problems
    ]


def _is_never(_: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Check:
    """One pass over a payload. Finders yield problems, and give up on a value at its first."""

    counts_escaped: bool
    is_templated: Callable[[Any], bool]

    def find_unknown(
        self,
        keys: tuple[str | int, ...],
        owner: str,
        fields: tuple[Field, ...],
        payload: Mapping[str, Any],
        refuses: Mapping[str, str],
    ) -> Iterator[Problem]:
        names = [field.name for field in fields]
        for name in payload:
            if name in names:
                continue
            spot = (*keys, str(name))
            head, bracket, rest = str(name).partition("[")
            if name in refuses:
                yield Problem(spot, f"not a field of {owner}: {refuses[name]}", is_about_key=True)
            elif bracket and head in names:
                inner = rest.partition("]")[0] or "…"
                yield Problem(spot, f"write it nested, {head}: {{{inner}: …}}, not with brackets", is_about_key=True)
            elif names:
                message = f"unknown field; {owner} takes {join_names(names)}"
                yield Problem(spot, message, did_you_mean(str(name), names), is_about_key=True)
            else:
                yield Problem(spot, f"unknown field; {owner} takes none", is_about_key=True)

    def find_unfit(
        self, keys: tuple[str | int, ...], fields: tuple[Field, ...], payload: Mapping[str, Any]
    ) -> Iterator[Problem]:
        for field in fields:
            spot = (*keys, field.name)
            value = payload.get(field.name)
            if value is not None:
                yield from self._find_in_value(spot, field, value)
            elif field.is_required:
                found = "null" if field.name in payload else "missing"
                yield Problem(spot, _explain(f"required, but {found}", field))

    def _find_in_value(self, keys: tuple[str | int, ...], field: Field, value: Any) -> Iterator[Problem]:
        if self.is_templated(value):
            return
        match field.type:
            case FieldType.TEXT:
                problem = self._judge_text(field, value)
            case FieldType.TEXTS:
                texts = value if isinstance(value, list | tuple) and value else [value]
                problem = next(filter(None, (self._judge_text(field, text) for text in texts)), None)
            case FieldType.INTEGER:
                problem = _judge_number(field, value, _INTEGER)
            case FieldType.DECIMAL:
                problem = _judge_number(field, value, _DECIMAL)
            case FieldType.FLAG:
                problem = _judge_flag(field, value)
            case FieldType.MAP:
                yield from self._find_in_map(keys, field, value)
                return
            case FieldType.LIST:
                yield from self._find_in_list(keys, field, value)
                return
            case FieldType.RECORD:
                yield from self._find_in_record(keys, field, field.name, value)
                return
        if problem:
            yield Problem(keys, problem)

    def _judge_text(self, field: Field, value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal | date | time):
            return _refuse(field, value)
        text = str(value).strip()
        if not text:
            return _explain("required, but empty", field) if field.is_required and not field.may_be_empty else None
        if field.pattern is not None and re.fullmatch(field.pattern, text) is None:
            return _refuse(field, value)
        counted = len(text) + (sum(text.count(char) * more for char, more in _ESCAPES.items()) * self.counts_escaped)
        too_long = field.max_length is not None and counted > field.max_length
        if not too_long and (field.min_length is None or counted >= field.min_length):
            return None
        found = f"found {len(text)} characters"
        if counted > len(text):
            found += f', which count as {counted} (& < > " are stored as &amp; &lt; &gt; &quot;)'
        return _explain(f"{found}, accepted is {field.accepts}", field)

    def _find_in_map(self, keys: tuple[str | int, ...], field: Field, value: Any) -> Iterator[Problem]:
        if value == []:  # how PHP, and so a shop's answer, writes an empty map
            return
        if not isinstance(value, Mapping):
            yield Problem(keys, _refuse(field, value))
            return
        for key, entry in value.items():
            spot = (*keys, str(key))
            if _ID.fullmatch(str(key)) is None:
                yield Problem(spot, f"found the key {describe(str(key))}, accepted is an id", is_about_key=True)
            elif isinstance(entry, Mapping | list | tuple):
                leaves = entry.values() if isinstance(entry, Mapping) else entry
                if any(isinstance(leaf, Mapping | list | tuple) for leaf in leaves):
                    yield Problem(spot, "found values nested deeper, accepted is a value or a list of values")

    def _find_in_list(self, keys: tuple[str | int, ...], field: Field, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list | tuple) or not value:
            yield Problem(keys, _refuse(field, value))
            return
        for index, entry in enumerate(value):
            yield from self._find_in_record((*keys, index), field, f"an entry of {field.name}", entry)

    def _find_in_record(self, keys: tuple[str | int, ...], field: Field, owner: str, value: Any) -> Iterator[Problem]:
        if self.is_templated(value):
            return
        if not isinstance(value, Mapping):
            names = join_names(part.name for part in field.fields)
            wanted = "an entry" if field.type is FieldType.LIST else "a mapping"
            yield Problem(keys, _explain(f"found {_found(field, value)}, accepted is {wanted} with {names}", field))
            return
        yield from self.find_unknown(keys, owner, field.fields, value, {})
        yield from self.find_unfit(keys, field.fields, value)


def _judge_number(field: Field, value: Any, pattern: re.Pattern[str]) -> str | None:
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal) or not pattern.fullmatch(text):
        return _refuse(field, value)
    return _refuse(field, value) if field.minimum is not None and Decimal(text) < field.minimum else None


def _judge_flag(field: Field, value: Any) -> str | None:
    return None if isinstance(value, str | int) and value in _FLAGS else _refuse(field, value)


def _refuse(field: Field, value: Any) -> str:
    return _explain(f"found {_found(field, value)}, accepted is {field.accepts}", field)


def _explain(message: str, field: Field) -> str:
    return f"{message}: {field.why}" if field.why else message


def _found(field: Field, value: Any) -> str:
    is_hidden = field.is_personal or field.is_secret
    if isinstance(value, Decimal):
        return "a number" if is_hidden else f"the number {value}"
    return describe(value, is_secret=is_hidden)
