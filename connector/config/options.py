"""The strict base of every options model, and the field types that configurations are written in.

An options model is the schema of a part of the YAML: faults, the reference page and `connector echo` are made from
it. Every field has a `description`; unknown keys are refused.

    class TimeoutOptions(Options):
        total: Seconds = Field(timedelta(seconds=60), description="How long one call may take as a whole.")
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from connector.config.quantity import (
    DURATION,
    RATE,
    SIZE,
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)
from connector.config.shape import Kind, Shape, accepts_null, split

T = TypeVar("T")

NAME_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9_\-]*"
NAME: Final = "a name of letters, digits, - and _ (at most 64)"


class Options(BaseModel):
    """Options of one component, as they stand in YAML. Frozen; unknown keys are refused.

    Values may be written as text wherever a number or a truth is wanted, since variables give text: `"5"`, `"true"`.
    A number where text is wanted becomes exactly the text that was written. Nothing else is converted: true is no
    number, 1 is no truth, and `yes` is neither.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        defer_build=True,  # most starts use few of the models; each costs about a millisecond to build
        hide_input_in_errors=True,
        populate_by_name=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _fit_field(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[info.field_name or ""].annotation
        return _fit(annotation, value, ())


def not_accepted(accepted: str, *keys: str | int, hint: str | None = None) -> PydanticCustomError:
    """Return the error for a validator to raise when a value is none of what is accepted.

    The fault then says what was found, without showing secrets, and `accepted is …`.

    Args:
        accepted: What would be right, such as `a route such as api/coupon`.
        keys: Where below the validated value the wrong one stands.
        hint: A suggestion, such as `did you mean "10s"?`.
    """
    return PydanticCustomError(
        "not_accepted", "accepted is {accepted}", {"accepted": accepted, "keys": keys, "hint": hint}
    )


def unfit(message: str, *keys: str | int, hint: str | None = None) -> PydanticCustomError:
    """Return the error for a validator to raise when a sentence of its own says it best.

    Args:
        message: The whole message; it must not hold the value of a secret.
        keys: Where below the validated value the fault is.
        hint: A suggestion.
    """
    return PydanticCustomError("unfit", "{message}", {"message": message, "keys": keys, "hint": hint})


def collect_secrets(model: BaseModel) -> tuple[str, ...]:
    """Return every secret text in a model and the models below it, for a redactor."""
    found: list[str] = []
    _collect(model, found)
    return tuple(dict.fromkeys(found))


def _collect(value: Any, found: list[str]) -> None:
    match value:
        case SecretStr():
            found.append(value.get_secret_value())
        case BaseModel():
            for name in type(value).model_fields:
                _collect(getattr(value, name), found)
        case Mapping():
            for child in value.values():
                _collect(child, found)
        case list() | tuple() | set() | frozenset():
            for child in value:
                _collect(child, found)


def _fit(annotation: Any, value: Any, keys: tuple[str | int, ...]) -> Any:
    """Return a value made to fit an annotation where no meaning is lost, else as it is; pydantic judges the rest."""
    shapes = split(annotation)
    if value is None or len(shapes) != 1:
        return value
    if isinstance(value, dict | list | tuple):
        return _fit_children(shapes[0], value, keys)
    return _fit_leaf(shapes[0], value, keys, is_optional=accepts_null(annotation))


def _fit_children(shape: Shape, value: Any, keys: tuple[str | int, ...]) -> Any:
    origin, arguments = typing.get_origin(shape.type), typing.get_args(shape.type)
    if not isinstance(origin, type) or not arguments:
        return value
    if isinstance(value, dict) and issubclass(origin, Mapping):
        return {key: _fit(arguments[-1], child, (*keys, key)) for key, child in value.items()}
    if isinstance(value, list | tuple) and not issubclass(origin, Mapping):
        each = origin is not tuple or arguments[-1] is Ellipsis
        types = [arguments[0]] * len(value) if each else list(arguments[: len(value)])
        types += [Any] * (len(value) - len(types))
        return [_fit(kind, child, (*keys, index)) for index, (kind, child) in enumerate(zip(types, value, strict=True))]
    return value


def _fit_leaf(shape: Shape, value: Any, keys: tuple[str | int, ...], *, is_optional: bool) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if shape.type is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.casefold() in {"true", "false"}:
            return value.casefold() == "true"
        raise not_accepted("true or false", *keys, hint=_suggest_truth(value))
    if isinstance(value, bool) and shape.type in {int, float, Decimal}:
        raise not_accepted("a whole number" if shape.type is int else "a number", *keys)
    if is_number and shape.choices and value not in shape.choices:
        return str(value)
    if isinstance(value, str) and shape.choices and value not in shape.choices and not is_optional:
        return _match_number(value, shape.choices)
    return value


def _match_number(text: str, choices: tuple[Any, ...]) -> Any:
    """Return the number among the choices that a text stands for, or the text."""
    numbers = {str(choice): choice for choice in choices if isinstance(choice, int | float)}
    return numbers.get(text, text)


def _suggest_truth(value: Any) -> str | None:
    word = str(value).casefold()
    if word in {"yes", "on", "y", "1"}:
        return "did you mean true?"
    if word in {"no", "off", "n", "0"}:
        return "did you mean false?"
    return None


def _parsed_by(parse: Callable[[str], T | None], type_: type[T], accepted: str, unit: str) -> Callable[[Any], T]:
    """Return a validator that reads text, and lets a value of the type itself pass."""

    def read(value: Any) -> T:
        is_number = isinstance(value, int | float)
        if isinstance(value, type_) and not (is_number and type_ in {int, float}):
            return value
        parsed = parse(value) if isinstance(value, str) else None
        if parsed is None:
            bare = str(value).strip()
            # Nothing is proposed for zero, which many fields refuse whatever its unit.
            hint = f'did you mean "{bare}{unit}"?' if parse(f"{bare}{unit}") else None
            raise not_accepted(accepted, hint=hint)
        return parsed

    return read


def parse_seconds(text: str) -> timedelta:
    """Return the duration a text stands for, for fields that hold more than one.

    Raises:
        ValueError: The text is no duration; within a validator it becomes a fault that says what was found.
    """
    duration = parse_duration(text)
    if duration is None:
        raise not_accepted(DURATION)
    return duration


Seconds = Annotated[
    timedelta,
    BeforeValidator(_parsed_by(parse_duration, timedelta, DURATION, "s")),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    Kind(DURATION),
]
"""A duration, never negative, written with its unit: `10s`, `500ms`, `1h30m`. A timedelta in Python."""

RatePerSecond = Annotated[
    float,
    BeforeValidator(_parsed_by(parse_rate, float, RATE, "/s")),
    PlainSerializer(format_rate, return_type=str, when_used="json"),
    Kind(RATE),
]
"""How often in a time, written `20/s`, `600/min` or `100/h`. Per second in Python."""

ByteSize = Annotated[
    int,
    BeforeValidator(_parsed_by(parse_size, int, SIZE, "B")),
    PlainSerializer(format_size, return_type=str, when_used="json"),
    Kind(SIZE),
]
"""A size, written `512KiB` or `10MB`. Bytes in Python."""

Secret = Annotated[SecretStr, Kind("a secret text")]
"""A text that shows in no fault, log, `repr` or echo. Read it with `get_secret_value()`."""

Name = Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$", max_length=64), Kind(NAME)]
"""What people call a client, a route, a step."""

Text = Annotated[str, StringConstraints(min_length=1), Kind("text")]
"""Text that is not empty."""

Template = Annotated[Any, Kind("text, or a template such as {{ record.name }}")]
"""A value with templates in it, nested as deep as wanted; compiled by the transform floor."""

Steps = Annotated[list[Any], Kind("a list of transform steps")]
"""Transform steps, compiled by the transform floor. Their default is `[]`, which pydantic copies for each value; it
would read the signature of a factory, a tenth of a millisecond a field at every start."""
