"""Raw values against an options model: a checked value, or a fault at the exact spot for everything wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from connector.config.quantity import format_quantity
from connector.config.shape import Shape, find_key_shapes, find_shapes, list_keys
from connector.config.wording import describe, did_you_mean, find_closest, join_names
from connector.frozen import dataclass
from connector.redaction import MASK, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connector.config.place import Place

T = TypeVar("T", bound=BaseModel)

ACCEPTED: Final[Mapping[str, str]] = {
    # text
    "string_type": "text",
    "string_unicode": "text",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_not_ascii": "text of ASCII characters",
    # numbers and truths
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "decimal_max_digits": "a number of at most {max_digits} digits",
    "decimal_max_places": "a number with at most {decimal_places} decimals",
    "decimal_whole_digits": "a number with at most {whole_digits} digits before the point",
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
    # choices
    "literal_error": "{expected}",
    "enum": "{expected}",
    "none_required": "nothing",
    "union_tag_invalid": "{expected_tags}",
    "union_tag_not_found": "a mapping with the key {discriminator}",
    # mappings and lists
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "dataclass_exact_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "set_item_not_hashable": "a list of text or numbers",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    # time
    "date_type": "a date such as 2026-01-31",
    "date_parsing": "a date such as 2026-01-31",
    "date_from_datetime_parsing": "a date such as 2026-01-31",
    "date_from_datetime_inexact": "a date such as 2026-01-31",
    "date_past": "a date in the past",
    "date_future": "a date in the future",
    "time_type": "a time such as 13:30",
    "time_parsing": "a time such as 13:30",
    "datetime_type": "a date and time such as 2026-01-31T13:30:00Z",
    "datetime_parsing": "a date and time such as 2026-01-31T13:30:00Z",
    "datetime_from_date_parsing": "a date and time such as 2026-01-31T13:30:00Z",
    "datetime_object_invalid": "a date and time such as 2026-01-31T13:30:00Z",
    "datetime_past": "a date and time in the past",
    "datetime_future": "a date and time in the future",
    "timezone_naive": "a date and time without a time zone",
    "timezone_aware": "a date and time with its time zone, such as 2026-01-31T13:30:00Z",
    "time_delta_type": "a duration such as 10s",
    "time_delta_parsing": "a duration such as 10s",
    # the rest of what a configuration can hold
    "url_type": "an address such as https://shop.example",
    "url_parsing": "an address such as https://shop.example",
    "url_syntax_violation": "an address such as https://shop.example",
    "url_too_long": "an address of at most {max_length} characters",
    "url_scheme": "an address that begins with {expected_schemes}",
    "uuid_type": "a UUID",
    "uuid_parsing": "a UUID",
    "uuid_version": "a UUID of version {expected_version}",
    "bytes_type": "text",
    "bytes_too_short": "text of at least {min_length} bytes",
    "bytes_too_long": "text of at most {max_length} bytes",
    "invalid_key": "a key that is text",
}
"""What is accepted, by pydantic's type of error; `{name}` is filled in from the error."""

TOLD_APART: Final = frozenset({"missing", "extra_forbidden", "value_error", "assertion_error"})
"""Types of error that have a form of words of their own."""

FOREIGN: Final = frozenset({
    "no_such_attribute", "json_invalid", "json_type", "needs_python_object", "recursion_loop",
    "recursion_depth_exceeded", "frozen_field", "frozen_instance", "get_attribute_error", "named_tuple_type",
    "default_factory_not_called", "iteration_error", "frozen_dict_type", "ordered_dict_type", "counter_type",
    "deque_type", "bytes_invalid_encoding", "missing_sentinel_error", "ellipsis_error", "timezone_offset",
    "is_instance_of", "is_subclass_of", "callable_type", "arguments_type", "missing_argument",
    "unexpected_keyword_argument", "missing_keyword_only_argument", "unexpected_positional_argument",
    "missing_positional_only_argument", "multiple_argument_values", "fraction_type", "fraction_parsing", "complex_type",
    "complex_str_parsing",
})  # fmt: skip
"""Types of error about Python objects and calls, which options made of YAML do not cause; told in pydantic's words."""

_OWN_WORDS: Final = frozenset({"value_error", "assertion_error", "unfit"})


@dataclass(frozen=True, slots=True)
class _Problem:
    """One pydantic error, brought to the place it is about.

    Attributes:
        place: Where.
        parent: The mapping or list it stands in.
        type: pydantic's type of error.
        context: What pydantic, or a validator, says about it.
        message: pydantic's own words.
        judged: The value that was found wrong.
        shapes: What could have stood there.
        parent_shapes: What could have stood at the parent.
        is_key: Whether the key is wrong, rather than its value.
        branch: The alternative of a union that it comes from, or empty.
        depth: How many keys below that union it is.
    """

    place: Place
    parent: Place
    type: str
    context: dict[str, Any]
    message: str
    judged: Any
    shapes: tuple[Shape, ...]
    parent_shapes: tuple[Shape, ...]
    is_key: bool
    branch: str
    depth: int

    @property
    def key(self) -> str:
        """The key that is missing or unknown."""
        return str(self.place.keys[-1])

    @property
    def union(self) -> tuple[str | int, ...]:
        """Where the union stands, for a problem of one of its alternatives."""
        return self.place.keys[: len(self.place.keys) - self.depth]


def check(model: type[T], place: Place) -> T | None:
    """Return the value at a place as a model, or None after reporting everything that is wrong with it.

    A value about which a fault was reported before is None without another fault.

    Args:
        model: An options model.
        place: Where the raw value stands. If nothing does, that is a fault.
    """
    if place.is_broken:
        return None
    if not place.is_present:
        place.fault("required, but missing")
        return None
    try:
        return model.model_validate(place.value)
    except ValidationError as error:
        report(model, place, error)
    return None


def report(model: type[BaseModel], place: Place, error: ValidationError) -> None:
    """Report everything that pydantic found wrong with the value at a place, each at its own position.

    Args:
        model: What the value was validated against.
        place: Where the value stands.
        error: What pydantic raised.
    """
    problems = [_locate(model, place, entry) for entry in error.errors(include_url=False)]
    _report_all([problem for problem in problems if not _is_consequence(place, problem)])


def accepted_text(error_type: str, context: Mapping[str, Any], message: str, kind: str | None = None) -> str:
    """Return what is accepted where pydantic reports an error, in words for people.

    Args:
        error_type: pydantic's type, such as `int_parsing`.
        context: The error's `ctx`.
        message: pydantic's own words, for a type that is not in `ACCEPTED`.
        kind: What people call the type, which decides how limits are written (`5m`, `10MB`).
    """
    template = ACCEPTED.get(error_type)
    if template is None:
        return f"another value ({message.rstrip('.')})"
    return template.format_map({name: format_quantity(value, kind) for name, value in context.items()})


def _locate(model: type[BaseModel], top: Place, error: Mapping[str, Any]) -> _Problem:
    """Bring a pydantic error to its place; segments that name an alternative of a union are no keys."""
    kind: str = error["type"]
    context: dict[str, Any] = dict(error.get("ctx") or {})
    below: tuple[str | int, ...] = tuple(context.get("keys") or ())
    place = parent = top
    shapes: tuple[Shape, ...] = (Shape(model),)
    parent_shapes = shapes
    branch: list[str] = []
    depth = 0
    is_key = kind == "extra_forbidden"
    segments = [*error["loc"], *below]
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        is_told = index >= len(error["loc"]) or (is_last and kind == "missing")
        if is_last and segment == "[key]":
            is_key = True
            shapes = find_key_shapes(parent_shapes)
        elif place.child(segment).is_present or is_told:
            parent, parent_shapes = place, shapes
            place, shapes = place.child(segment), find_shapes(shapes, (segment,))
            depth += bool(branch)
        else:
            branch.append(str(segment))
            named = tuple(shape for shape in shapes if getattr(shape.type, "__name__", "") == segment)
            shapes = named or shapes
    # What was written, rather than what validators made of it.
    judged = place.value if place.is_present and not is_key else error["input"]
    return _Problem(
        place, parent, kind, context, error["msg"], judged, shapes, parent_shapes, is_key, ".".join(branch), depth
    )


def _is_consequence(top: Place, problem: _Problem) -> bool:
    """Whether the value, or one it stands in, was reported while reading; an unknown key is one whatever its value."""
    below = problem.place.keys[len(top.keys) :]
    length = len(below) if problem.type == "extra_forbidden" else len(below) + 1
    return any(top.child(*below[:count]).is_broken for count in range(length))


def _report_all(problems: Sequence[_Problem]) -> None:
    unknown = [problem for problem in problems if problem.type == "extra_forbidden"]
    unions: dict[tuple[str | int, ...], list[_Problem]] = {}
    for problem in problems:
        if problem.branch:
            unions.setdefault(problem.union, []).append(problem)
        elif problem.type != "missing" or not _is_misspelt(problem, unknown):
            _report(problem)
    for alternatives in unions.values():
        _report_union(alternatives)


def _is_misspelt(missing: _Problem, unknown: Iterable[_Problem]) -> bool:
    """Whether an unknown key beside a missing one is the missing one with a slip of the pen."""
    return any(
        problem.parent.keys == missing.parent.keys and find_closest(problem.key, [missing.key]) for problem in unknown
    )


def _report_union(problems: Sequence[_Problem]) -> None:
    """Report a value that fits none of several alternatives once: by the alternative that came closest, else by all."""
    closest = max(problems, key=lambda problem: problem.depth)
    if closest.depth:
        _report_all([replace(problem, branch="") for problem in problems if problem.branch == closest.branch])
        return
    own = next((problem for problem in problems if problem.type in _OWN_WORDS), None)
    if own is not None:
        _report(own)
        return
    accepted = ", or ".join(dict.fromkeys(map(_tell_accepted, problems)))
    choices = [choice for problem in problems for choice in _list_choices(problem)]
    _report_value(problems[0], accepted, _suggest(problems[0].judged, choices))


def _report(problem: _Problem) -> None:
    match problem.type:
        case "missing":
            problem.parent.key_fault(f'the key "{problem.key}" is required, but missing', _describe_key(problem))
        case "extra_forbidden":
            keys = [key for shape in problem.parent_shapes if shape.model for key in list_keys(shape.model)]
            accepted = f"are {join_names(keys)}" if keys else "is no key at all"
            problem.place.key_fault(f"unknown key, accepted {accepted}", did_you_mean(problem.key, keys))
        case kind if kind in _OWN_WORDS:
            _report_words(problem)
        case _:
            hint = problem.context.get("hint") or _suggest(problem.judged, _list_choices(problem))
            _report_value(problem, _tell_accepted(problem), hint)


def _report_words(problem: _Problem) -> None:
    """Report in the words of a validator, which knows best what it refuses."""
    message = str(problem.context.get("message") or problem.context.get("error") or problem.message)
    hint = problem.context.get("hint")
    if isinstance(problem.judged, str) and problem.judged and _is_hidden(problem):
        message = message.replace(problem.judged, MASK)
    if problem.is_key or isinstance(problem.judged, dict | list):
        problem.place.key_fault(message, hint)
    else:
        problem.place.fault(message, hint)


def _report_value(problem: _Problem, accepted: str, hint: str | None) -> None:
    if problem.is_key:
        problem.place.key_fault(f'found the key "{problem.key}", accepted is {accepted}', hint)
        return
    found = describe(problem.judged, is_secret=_is_hidden(problem))
    if isinstance(problem.judged, bool) and problem.type == "string_type":
        hint = "for the word, write it in quotes" + ("" if _is_hidden(problem) else f': "{found}"')
    problem.place.fault(f"found {found}, accepted is {accepted}", hint)


def _tell_accepted(problem: _Problem) -> str:
    """Return what is accepted: the name of the type where the type itself is wrong, else the rule that was broken."""
    if problem.type == "not_accepted":
        return str(problem.context["accepted"])
    choices = _list_choices(problem)
    if choices:
        return f"one of {join_names(choices)}" if len(choices) > 1 else choices[0]
    models = [shape.model for shape in problem.shapes if shape.model]
    if models and ACCEPTED.get(problem.type) == "a mapping":
        keys = [key for model in models for key in list_keys(model)]
        return f"a mapping with keys such as {join_names(keys[:4])}" if keys else "a mapping"
    kinds = [shape.kind for shape in problem.shapes if shape.kind]
    if kinds and (problem.type.endswith(("_type", "_parsing")) or problem.type == "string_pattern_mismatch"):
        return kinds[0]
    kind = kinds[0] if kinds else None
    return accepted_text(problem.type, problem.context | _find_limits(problem), problem.message, kind)


def _find_limits(problem: _Problem) -> dict[str, Any]:
    """Return a field's limits as they were declared; pydantic tells some of them as text."""
    entries = [entry for shape in problem.shapes for entry in shape.metadata]
    return {
        name: getattr(entry, name) for entry in entries for name in ("gt", "ge", "lt", "le") if hasattr(entry, name)
    }


def _list_choices(problem: _Problem) -> list[str]:
    if problem.type not in {"literal_error", "enum"}:
        return []
    return [str(choice) for shape in problem.shapes for choice in shape.choices]


def _suggest(judged: Any, choices: Sequence[str]) -> str | None:
    is_word = isinstance(judged, str | int | float) and not isinstance(judged, bool)
    return did_you_mean(str(judged), choices) if is_word else None


def _describe_key(problem: _Problem) -> str | None:
    """Return what the missing key is for, in the words of its field."""
    for shape in problem.parent_shapes:
        field = list_keys(shape.model).get(problem.key) if shape.model else None
        if field is not None and field.description:
            return f"{problem.key}: {field.description.rstrip('.')}"
    return None


def _is_hidden(problem: _Problem) -> bool:
    """Whether what was found may not be shown."""
    return (
        problem.place.is_secret
        or any(shape.type is SecretStr for shape in problem.shapes)
        or (not problem.shapes and any(isinstance(key, str) and is_secret(key) for key in problem.place.keys[-1:]))
    )
