"""The one Jinja environment: what a template sees, what it may do, and how much.

Fields come before methods (`record.items` is the field), fractions are exact decimals, a missing field is an error
that knows what was there instead. Loops, texts, powers, widths and ranges are bounded.
"""

from __future__ import annotations

import functools
import operator
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as DEFAULT_TESTS
from jinja2.utils import missing, pass_context

from connector.transform import conversion, filters
from connector.transform.conversion import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_PASSES: Final = 100_000
"""Passes through loops in one rendering, nested loops counted together."""

_MAX_EXPONENT: Final = 1_000
_MAX_WIDTH: Final = 1_000
_LEAVES: Final = (str, int, float, Decimal, date, time)


def _settle(value: Any) -> Any:
    """Return a value with every sequence a template computed in it made a list, down to the last.

    Raises:
        UndefinedError: A part is a missing field.
        ConversionError: A part is no value, such as a function.
    """
    if value is None or isinstance(value, _LEAVES):
        return value
    if type(value) is dict:
        fields = {key: _settle(part) for key, part in value.items()}
        return value if all(fields[key] is value[key] for key in fields) else fields
    if type(value) is list:
        parts = [_settle(part) for part in value]
        return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
    filters.require_defined(value)
    if hasattr(value, "__iter__"):
        return [_settle(part) for part in value]
    return conversion.to_any(value)


# Names no template can write, so that they cannot be taken away or called by one.
TEXT_FILTER, EXACT_FILTER, CONVERT_FILTER, JUDGE_FILTER, PASSES_FILTER = (
    "@text",
    "@exact",
    "@convert",
    "@judge",
    "@passes",
)


class AbsenceError(UndefinedError):
    """A field is not there. Becomes a TransformError with its path before it leaves this module."""

    def __init__(self, holder: Any, name: Any, message: str | None = None) -> None:
        super().__init__(message or f"{name!r} is not there")
        self.holder = holder
        self.name = name


class Missing(StrictUndefined):
    """A field that is not there: an error wherever it is used, except by `default`, `required` and `is defined`.

    A field of a missing field is missing too, so that `record.customer.email | default('')` needs no second default.
    """

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[Exception] = UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc if exc is SecurityError else functools.partial(AbsenceError, obj, name))  # type: ignore[arg-type]


class RenderContext(Context):
    """What one rendering sees; slimmer than Jinja's own, since nothing here exports or inherits."""

    def __init__(self, environment: Environment, parent: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
        self.parent = parent  # type: ignore[assignment]  # only ever read
        self.vars = {**fixed}
        self.environment = environment
        self.eval_ctx = environment.eval_ctx
        self.exported_vars = set()
        self.name = None
        self.blocks = {}
        self.passes = MAX_PASSES
        self.room = filters.MAX_TEXT

    def resolve_or_missing(self, key: str) -> Any:
        """Return what a name stands for."""
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        return self.environment.globals.get(key, missing)


@pass_context
def _write_output(context: RenderContext, value: Any) -> str:
    """Return the text form of what stands between `{{` and `}}` in a template with statements, counting it."""
    text = filters.write_text(value)
    _charge(context, len(text))
    return text


@pass_context
def _count_passes(context: RenderContext, values: Any, weight: int) -> Iterator[Any]:
    """Give what a loop runs over, charging each pass with the fixed text it writes."""
    for value in filters.is_iterable(values):
        context.passes -= 1
        if context.passes < 0:
            raise ConversionError(f"a template loops at most {MAX_PASSES:,} times", conversion.UNTOLD)
        _charge(context, weight)
        yield value


def _charge(context: RenderContext, length: int) -> None:
    context.room -= length
    if context.room < 0:
        raise ConversionError(f"a template writes at most {filters.MAX_TEXT:,} characters", conversion.UNTOLD)


def _judge(value: Any) -> bool:
    filters.require_defined(value)
    if isinstance(value, bool):
        return value
    raise ConversionError(
        "is neither true nor false", value, cure="compare it, such as {{ record.status == 'paid' }}, or write | boolean"
    )


def _convert(value: Any, kind: str, pattern: str | None, timezone: str | None) -> Any:
    filters.require_defined(value)
    if kind in {"list", "object", "any"}:
        value = _settle(value)
    return conversion.get_conversion(kind, pattern, timezone)(value)


class Environment(ImmutableSandboxedEnvironment):
    """The one Jinja environment: fields before methods, exact arithmetic, bounded operations."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            undefined=Missing,
            finalize=_write_output,
            keep_trailing_newline=True,
            autoescape=False,
            optimized=False,  # folding would run filters while a configuration is being checked
            cache_size=0,
        )
        self.filters = {
            **filters.FILTERS,
            TEXT_FILTER: filters.write_text,
            EXACT_FILTER: filters.make_exact,
            CONVERT_FILTER: _convert,
            JUDGE_FILTER: _judge,
            PASSES_FILTER: _count_passes,
        }
        self.tests = dict(DEFAULT_TESTS)
        self.globals = {"range": filters.limit_range, **functions}
        self.eval_ctx = EvalContext(self)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a field of an object, else what the sandbox allows of a value."""
        if isinstance(obj, dict):
            try:
                return obj[attribute]
            except KeyError:
                if attribute in _MAPPING_METHODS:
                    return getattr(obj, attribute)
                return Missing(obj=obj, name=attribute)
        if isinstance(obj, Undefined):
            return obj
        for kind, names in _ATTRIBUTES:
            if isinstance(obj, kind):
                return getattr(obj, attribute) if attribute in names else Missing(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return a field of an object, or an entry of a list or text."""
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, dict | list | tuple | str):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                return Missing(obj=obj, name=argument)
        return self.getattr(obj, argument) if isinstance(argument, str) else Missing(obj=obj, name=argument)

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function or method a template named, after judging how much it can make."""
        holder = getattr(function, "__self__", None)
        if isinstance(holder, str):
            _judge_method(holder, function.__name__, args)
        return super().call(context, function, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002  # Jinja's signature
        """Compute, with binary fractions taken as the decimals they are written as."""
        if type(left) is float:
            left = filters.make_exact(left)
        if type(right) is float:
            right = filters.make_exact(right)
        return _OPERATIONS[operator](left, right)


_MAPPING_METHODS: Final = frozenset({"items", "keys", "values", "get"})
_ATTRIBUTES: Final[tuple[tuple[Any, frozenset[str]], ...]] = (
    (
        str,
        frozenset(
            [
                "capitalize",
                "casefold",
                "center",
                "count",
                "endswith",
                "find",
                "isalnum",
                "isalpha",
                "isdigit",
                "islower",
                "isnumeric",
                "isspace",
                "isupper",
                "join",
                "ljust",
                "lower",
                "lstrip",
                "partition",
                "removeprefix",
                "removesuffix",
                "replace",
                "rfind",
                "rjust",
                "rpartition",
                "rsplit",
                "rstrip",
                "split",
                "splitlines",
                "startswith",
                "strip",
                "swapcase",
                "title",
                "upper",
                "zfill",
            ]
        ),
    ),
    (list | tuple, frozenset({"count", "index"})),
    (
        date,
        frozenset(
            [
                "date",
                "day",
                "hour",
                "isoformat",
                "isoweekday",
                "microsecond",
                "minute",
                "month",
                "second",
                "strftime",
                "time",
                "weekday",
                "year",
            ]
        ),
    ),
    (timedelta, frozenset({"days", "seconds", "total_seconds"})),
    (int | float | Decimal | None, frozenset()),
)
"""What can be asked of a value besides fields. A list of what is allowed: whatever Python adds stays out."""

_PADDING_METHODS: Final = frozenset({"center", "ljust", "rjust", "zfill"})


def _judge_method(text: str, name: str, args: tuple[Any, ...]) -> None:
    if name in _PADDING_METHODS and args and isinstance(args[0], int) and args[0] > _MAX_WIDTH:
        raise ConversionError(f"is a width of over {_MAX_WIDTH:,}", args[0])
    if name == "replace" and len(args) >= 2 and all(isinstance(arg, str) for arg in args[:2]):
        filters.require_room(len(text) + text.count(args[0]) * len(args[1]))
    if name == "join" and args and hasattr(args[0], "__len__"):
        filters.require_room(len(text) * len(args[0]))


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        filters.require_room(len(left) + len(right))
    return left + right


def _multiply(left: Any, right: Any) -> Any:
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(times, int):
            filters.require_room(len(many) * times)
    return left * right


def _divide(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int:
        return Decimal(left) / right
    return left / right


def _remain(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        filters.check_format(left)
    return left % right


def _raise_power(left: Any, right: Any) -> Any:
    if isinstance(right, int | Decimal) and not -_MAX_EXPONENT <= right <= _MAX_EXPONENT:
        raise ConversionError(f"is an exponent of over {_MAX_EXPONENT:,}", right)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > filters.MAX_NUMBER_BITS:
        raise ConversionError("is too large a number to raise to that power", left)
    return Decimal(left) ** right if isinstance(right, int) and right < 0 else left**right


_OPERATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": _add,
    "-": operator.sub,
    "*": _multiply,
    "/": _divide,
    "//": operator.floordiv,
    "%": _remain,
    "**": _raise_power,
}
