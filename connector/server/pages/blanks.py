"""A form made of an entity's fields: what a browser shows for each, and the payload that comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.catalog.entity import FieldType
from connector.catalog.payload import check_payload
from connector.client.exact import load_json
from connector.config.node import format_where
from connector.frozen import dataclass
from connector.transform.checker import has_template

if TYPE_CHECKING:
    from connector.catalog.entity import Field, Variant

PREFIX: Final = "f."
"""How the names of a form's inputs begin, so that no field of an entity is taken for one of the page's own."""

MOST_TEXT: Final = 200_000
"""Characters that one input may hold."""

_LONG: Final = 255
"""Texts that may be longer get an input of several lines."""

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_OPEN: Final = re.compile(r"\$\{|\{[{%][^}]*\brecord\b")
"""What stands for a value that is not there when a person tries an entity: a setting, or a part of a record."""

_PROSE: Final = re.compile(r"(?:^|_)(?:comment|message|note|description)$")


@dataclass(frozen=True, slots=True)
class Blank:
    """One input of the form, or a group of them.

    Attributes:
        name: From the top of the payload, such as `customer.firstname`.
        kind: `text`, `prose`, `secret`, `email`, `whole`, `decimal`, `flag`, `lines`, `json`, or `group`.
        spec: The field.
        text: What stands in the input.
        problems: What is wrong with it, in sentences.
        parts: The inputs of a group.
    """

    name: str
    kind: str
    spec: Field
    text: str = ""
    problems: tuple[str, ...] = ()
    parts: tuple[Blank, ...] = ()

    @property
    def input_name(self) -> str:
        """What the browser sends it as."""
        return PREFIX + self.name

    @property
    def html_id(self) -> str:
        """What labels and messages point at."""
        return "f-" + self.name.replace(".", "-")

    @property
    def is_shown(self) -> bool:
        """Whether it is shown at once: it is required, or something stands in it; the others are folded up."""
        return self.spec.is_required or bool(self.text or self.problems) or self.is_filled

    @property
    def is_filled(self) -> bool:
        """Whether something stands in it, or in a part of it."""
        return bool(self.text or self.problems) or any(part.is_filled for part in self.parts)

    @property
    def hint(self) -> str:
        """What is accepted, and what counts where it is left out; without a full stop."""
        told = "one a line, in the order of preference" if self.kind == "lines" else self.spec.accepts
        if self.kind == "json":
            told += ", as JSON"
        return f"{told}; left out: {self.spec.default}" if self.spec.default else told

    @property
    def sample(self) -> str:
        """An example of JSON in its shape, for an empty input; empty for other kinds."""
        if self.kind != "json":
            return ""
        if self.spec.type is FieldType.MAP:
            return '{"226": 15}'
        required = [part for part in self.spec.fields if part.is_required] or list(self.spec.fields[:2])
        return "[{" + ", ".join(f'"{part.name}": …' for part in required) + "}]"


@dataclass(frozen=True, slots=True)
class Filled:
    """What came back.

    Attributes:
        payload: As it would be sent; fields left empty are left out.
        problems: What is wrong, by the name of the input; under the empty name what belongs to none.
    """

    payload: dict[str, Any]
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def make_blanks(
    fields: tuple[Field, ...],
    texts: Mapping[str, str],
    problems: Mapping[str, tuple[str, ...]] | None = None,
    *,
    owner: str = "",
) -> tuple[Blank, ...]:
    """Return the inputs for an entity's fields, in their order.

    Args:
        fields: Of the entity in the client's dialect.
        texts: What stands in the inputs, by name.
        problems: What is wrong with it, by name.
        owner: What names begin with, for the fields of a group.
    """
    told = problems or {}
    blanks = []
    for spec in fields:
        name = f"{owner}{spec.name}"
        blank = Blank(name, _choose_kind(spec), spec, texts.get(name, ""), told.get(name, ()))
        if blank.kind == "group":
            blank = replace(blank, parts=make_blanks(spec.fields, texts, told, owner=f"{name}."))
        blanks.append(blank)
    return tuple(blanks)


def _choose_kind(spec: Field) -> str:
    if spec.is_secret:
        return "secret"
    match spec.type:
        case FieldType.INTEGER:
            return "whole"
        case FieldType.DECIMAL:
            return "decimal"
        case FieldType.FLAG:
            return "flag"
        case FieldType.TEXTS:
            return "lines"
        case FieldType.MAP | FieldType.LIST:
            return "json"
        case FieldType.RECORD:
            return "group"
        case FieldType.TEXT:
            if spec.name.endswith("email"):
                return "email"
            is_long = spec.max_length is not None and spec.max_length > _LONG
            return "prose" if is_long or _PROSE.search(spec.name) else "text"


def write_texts(payload: Mapping[str, Any], fields: tuple[Field, ...], *, owner: str = "") -> dict[str, str]:
    """Return what stands in the inputs for a payload: the way back from `read_blanks`.

    What only a route or a configuration could fill in, `{{ record.… }}` or `${NAME}`, is left out.

    Args:
        payload: Such as that of the catalog's example.
        fields: Of the entity.
        owner: What names begin with.
    """
    texts: dict[str, str] = {}
    for spec in fields:
        value = payload.get(spec.name)
        name = f"{owner}{spec.name}"
        if value is None or is_open(value):
            continue
        if spec.type is FieldType.RECORD and isinstance(value, Mapping):
            texts |= write_texts(value, spec.fields, owner=f"{name}.")
        elif spec.type is FieldType.TEXTS and isinstance(value, list | tuple):
            texts[name] = "\n".join(map(str, value))
        elif isinstance(value, Mapping | list | tuple):
            texts[name] = orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
        else:
            texts[name] = str(int(value)) if isinstance(value, bool) else str(value)
    return texts


def is_open(value: Any) -> bool:
    """Whether a value speaks, at whatever depth, of a record or a setting."""
    match value:
        case str():
            return _OPEN.search(value) is not None
        case Mapping():
            return any(map(is_open, value.values()))
        case list() | tuple():
            return any(map(is_open, value))
        case _:
            return False


def read_blanks(variant: Variant, texts: Mapping[str, str]) -> Filled:
    """Return the payload that a filled-in form gives, with what is wrong with it.

    Args:
        variant: The entity in the client's dialect.
        texts: What stands in the inputs, by name.
    """
    problems: dict[str, list[str]] = {}
    payload = _read_fields(variant.fields, texts, problems, "")
    unread = set(problems)  # a text that is no JSON is a fault by itself, and its field not missing
    for problem in check_payload(variant, payload, is_templated=_is_templated):
        name = _find_owner(problem.keys, variant.fields)
        if name in unread:
            continue
        where = format_where(problem.keys[name.count(".") + 1 if name else 0 :])
        told = f"{where}: {problem.message}" if where else problem.message
        problems.setdefault(name, []).append(f"{told}; {problem.hint}" if problem.hint else told)
    return Filled(payload, {name: tuple(told) for name, told in problems.items()})


def _is_templated(value: Any) -> bool:
    return isinstance(value, str) and has_template(value)


def _find_owner(keys: tuple[str | int, ...], fields: tuple[Field, ...]) -> str:
    """Return the name of the input that a problem belongs to; empty where there is none."""
    name = ""
    for key in keys:
        spec = next((spec for spec in fields if spec.name == key), None)
        if spec is None:
            break
        name = f"{name}.{key}" if name else str(key)
        fields = spec.fields if spec.type is FieldType.RECORD else ()
    return name


def _read_fields(
    fields: tuple[Field, ...], texts: Mapping[str, str], problems: dict[str, list[str]], owner: str
) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for spec in fields:
        name = f"{owner}{spec.name}"
        if spec.type is FieldType.RECORD:
            inner = _read_fields(spec.fields, texts, problems, f"{name}.")
            if inner or spec.is_required:
                payload[spec.name] = inner
            continue
        text = texts.get(name, "").replace("\r\n", "\n")
        if len(text) > MOST_TEXT:
            problems[name] = [f"found {len(text):,} characters, accepted are {MOST_TEXT:,}"]
        elif text.strip():
            value = _read_text(spec, text, name, problems)
            if value is not None:
                payload[spec.name] = value
        elif spec.is_required and spec.may_be_empty:
            payload[spec.name] = ""
    return payload


def _read_text(spec: Field, text: str, name: str, problems: dict[str, list[str]]) -> Any:
    match spec.type:
        case FieldType.INTEGER | FieldType.FLAG:
            bare = text.strip()
            return int(bare) if _INTEGER.fullmatch(bare) else bare
        case FieldType.DECIMAL:
            return text.strip()
        case FieldType.TEXTS:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return lines[0] if len(lines) == 1 else lines
        case FieldType.MAP | FieldType.LIST:
            return _read_json_field(text, name, problems)
        case _:
            return text


def _read_json_field(text: str, name: str, problems: dict[str, list[str]]) -> Any:
    told: list[str] = []
    value = read_json(text, told)
    if told:
        problems[name] = told
    return value


def read_json(text: str, problems: list[str]) -> Any:
    """Return the JSON value in a text, numbers exact; None after adding what is wrong with it, and for `null`."""
    try:
        return load_json(text.encode("utf-8", "surrogatepass"))
    except orjson.JSONDecodeError as error:
        problems.append(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})")
    except (ValueError, RecursionError):
        problems.append("not JSON: it nests too deep, or holds half a character")
    return None


def list_blanks(blanks: tuple[Blank, ...]) -> Iterator[Blank]:
    """Give every input, those of groups included, without the groups."""
    for blank in blanks:
        if blank.kind == "group":
            yield from list_blanks(blank.parts)
        else:
            yield blank
