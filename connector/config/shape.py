"""What a model accepts at a path of keys, read from its annotations.

pydantic tells where a value is wrong, and not what could have stood there; faults and the reference page need both.
"""

from __future__ import annotations

import enum
import types
import typing
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BaseModel

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Kind:
    """Metadata of an annotated type: what people call it, such as `a duration such as 10s`."""

    text: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One thing that may stand somewhere.

    Attributes:
        type: A plain type, model, `Literal[...]`, or generic such as `list[int]`; never `Annotated` or a union.
        metadata: What `Annotated` and `Field` say about it.
    """

    type: Any
    metadata: tuple[Any, ...] = ()

    @property
    def kind(self) -> str | None:
        """What people call the type, where it says so itself."""
        return next((entry.text for entry in reversed(self.metadata) if isinstance(entry, Kind)), None)

    @property
    def model(self) -> type[BaseModel] | None:
        """The model, where it is one."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a `Literal` or an enumeration; empty for other types."""
        if typing.get_origin(self.type) is Literal:
            return typing.get_args(self.type)
        if isinstance(self.type, type) and issubclass(self.type, enum.Enum):
            return tuple(member.value for member in self.type)
        return ()

    def child_shapes(self, key: str | int) -> tuple[Shape, ...]:
        """Return what may stand under a key or list index; empty where nothing may."""
        model = self.model
        if model is not None:
            fields = list_keys(model)
            return split_field(fields[key]) if isinstance(key, str) and key in fields else ()
        origin, arguments = typing.get_origin(self.type), typing.get_args(self.type)
        if not isinstance(origin, type) or not arguments:
            return ()
        if issubclass(origin, tuple) and arguments[-1] is not Ellipsis:
            return split(arguments[key]) if isinstance(key, int) and key < len(arguments) else ()
        if hasattr(origin, "keys"):
            return split(arguments[-1])
        return split(arguments[0]) if isinstance(key, int) else ()


def list_keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields under the keys that are written in YAML."""
    keys = {}
    for name, field in model.model_fields.items():
        alias = field.validation_alias or field.alias
        keys[alias if isinstance(alias, str) else name] = field
    return keys


def split_field(field: FieldInfo) -> tuple[Shape, ...]:
    """Return what a field accepts, None left out."""
    return split(field.annotation, tuple(field.metadata))


def split(annotation: Any, metadata: tuple[Any, ...] = ()) -> tuple[Shape, ...]:
    """Return the alternatives of an annotation, None left out: `int | None` is one alternative."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        inner, *own = typing.get_args(annotation)
        return split(inner, (*own, *metadata))
    if origin in {Union, types.UnionType}:
        return tuple(shape for argument in typing.get_args(annotation) for shape in split(argument, metadata))
    if annotation is None or annotation is type(None):
        return ()
    return (Shape(annotation, metadata),)


def find_shapes(shapes: Iterable[Shape], keys: Sequence[str | int]) -> tuple[Shape, ...]:
    """Return what may stand under a path of keys, starting at any of the shapes."""
    found = tuple(shapes)
    for key in keys:
        found = tuple(child for shape in found for child in shape.child_shapes(key))
    return found


def find_key_shapes(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    """Return what the keys of the mappings among the shapes may be."""
    arguments = [typing.get_args(shape.type) for shape in shapes]
    return tuple(shape for first, *_ in filter(None, arguments) for shape in split(first))


def accepts_null(annotation: Any) -> bool:
    """Whether None may stand where this annotation is."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return accepts_null(typing.get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return any(map(accepts_null, typing.get_args(annotation)))
    return annotation is None or annotation is type(None) or annotation is Any
