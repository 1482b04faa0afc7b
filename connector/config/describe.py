"""Options models as rows for the reference page."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import annotated_types
from pydantic import BaseModel, SecretStr, TypeAdapter

from connector.config.quantity import format_quantity
from connector.config.shape import Shape, list_keys, split, split_field
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_PLAIN: Final[dict[Any, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    SecretStr: "a secret text",
    Path: "a path",
    Any: "any value",
    dict: "a mapping",
    list: "a list",
}
_LIMITS: Final = (
    (annotated_types.Ge, "ge", "{} or more"),
    (annotated_types.Gt, "gt", "more than {}"),
    (annotated_types.Le, "le", "{} or less"),
    (annotated_types.Lt, "lt", "less than {}"),
)


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option, as the reference page shows it.

    Attributes:
        key: The path below the model: `timeout.connect`, `before[].entity`, `clients.<name>.base_url`.
        type: What may stand there: `a whole number, 1 or more`, ``auto, 2.3 or 3.0``.
        default: What holds when it is left out, as it would be written in YAML; empty where it is required, where
            leaving it out has a meaning of its own, and where the rows below say it key by key.
        required: Whether it must be written.
        description: The field's own words.
        examples: Values as they would be written, in the field's order.
    """

    key: str
    type: str
    default: str
    required: bool
    description: str
    examples: tuple[str, ...] = ()


def describe_model(model: type[BaseModel]) -> list[OptionRow]:
    """Return a row for every option of a model, and below each the rows of the models in it.

    A model that holds itself, directly or through others, is described once.
    """
    return list(_walk(model, "", ()))


def describe_type(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """Return what an annotation accepts, in words: `a list of text`, `none or a mapping`."""
    alternatives = dict.fromkeys(_describe_shape(shape) for shape in split(annotation, metadata))
    return " or ".join(alternatives) or "nothing"


def _walk(model: type[BaseModel], prefix: str, above: tuple[type[BaseModel], ...]) -> Iterator[OptionRow]:
    if model in above:
        return
    for key, field in list_keys(model).items():
        path = f"{prefix}.{key}" if prefix else key
        yield OptionRow(
            key=path,
            type=describe_type(field.annotation, tuple(field.metadata)),
            default=_tell_default(field),
            required=field.is_required(),
            description=field.description or "",
            examples=tuple(map(_tell, field.examples or ())),
        )
        for shape in split_field(field):
            for suffix, inner in _find_models(shape):
                yield from _walk(inner, f"{path}{suffix}", (*above, model))


def _find_models(shape: Shape) -> Iterator[tuple[str, type[BaseModel]]]:
    """Give the models in a type with what stands between its key and theirs: `[]`, `.<name>`."""
    if shape.model is not None:
        yield "", shape.model
        return
    origin, arguments = typing.get_origin(shape.type), typing.get_args(shape.type)
    if not isinstance(origin, type) or not arguments:
        return
    is_mapping = issubclass(origin, Mapping)
    inner = arguments[-1] if is_mapping else arguments[0]
    for child in split(inner):
        for suffix, model in _find_models(child):
            yield f"{'.<name>' if is_mapping else '[]'}{suffix}", model


def _describe_shape(shape: Shape) -> str:
    limits = _describe_limits(shape)
    return f"{_name_shape(shape)}, {limits}" if limits else _name_shape(shape)


def _name_shape(shape: Shape) -> str:
    if shape.kind:
        return shape.kind
    if shape.choices:
        choices = ", ".join(map(_tell, shape.choices))
        return f"one of {choices}" if len(shape.choices) > 1 else choices
    if shape.model is not None:
        return "a mapping"
    origin, arguments = typing.get_origin(shape.type), typing.get_args(shape.type)
    if isinstance(origin, type) and arguments:
        if issubclass(origin, Mapping):
            if arguments[-1] is Any:
                return "a mapping"
            return f"a mapping of names to {_plural(describe_type(arguments[-1]))}"
        return f"a list of {_plural(describe_type(arguments[0]))}"
    return _PLAIN.get(shape.type, getattr(shape.type, "__name__", str(shape.type)))


def _plural(kind: str) -> str:
    """Return a kind as it reads after "a list of": `whole numbers`, `text`."""
    words = {
        "a mapping": "mappings",
        "a whole number": "whole numbers",
        "a number": "numbers",
        "any value": "any values",
        "a condition": "conditions",
        "a list": "lists",
    }
    return words.get(kind, kind)


def _describe_limits(shape: Shape) -> str:
    return ", ".join(
        words.format(format_quantity(getattr(entry, attribute), shape.kind))
        for kind, attribute, words in _LIMITS
        for entry in shape.metadata
        if isinstance(entry, kind)
    )


def _tell_default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or isinstance(default, BaseModel):
        return ""
    written: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return _tell(TypeAdapter(written).dump_python(default, mode="json", warnings=False))


def _tell(value: Any) -> str:
    """Return a value as it would be written in YAML, on one line."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
