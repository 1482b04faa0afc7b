"""Values with templates, compiled once and rendered per record.

A value is what a user writes for a field: text, a number, a list, a mapping, with `{{ … }}` anywhere in its texts.
`compile_value` checks all of it when the configuration is loaded and turns it into **one** function, however many
templates it holds. Rules, each tested:

- A template gives text. `{value: "{{ record.total }}", type: decimal}` gives another type; nothing is ever guessed.
- Null, lists and objects have no text form: they are errors with a cure, and so is a field that is not there.
- `record.items` is the field `items`. Methods of lists and texts can be called where they change nothing.
- A template cannot run on: loops, texts, powers and ranges are bounded, macros, imports and recursion do not exist.
"""

from __future__ import annotations

import functools
import operator
import re
import uuid
import zoneinfo
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.meta import find_undeclared_variables
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, StrictUndefined, Undefined, missing
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as DEFAULT_TESTS
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

from connector.config.wording import describe, did_you_mean, find_closest, join_names
from connector.errors import TransformError
from connector.redaction import is_private
from connector.transform import conversion, filters
from connector.transform.conversion import ConversionError
from connector.transform.path import describe_absence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jinja2 import Template

    from connector.config.place import Place

CONTEXT_NAMES: Final = frozenset({"record", "steps", "page"})
"""What a template can speak of unless its place says otherwise."""

MAX_PASSES: Final = 100_000
"""Passes through loops in one rendering, nested loops counted together."""

_MARKS: Final = ("{{", "{%", "{#")
_MAX_EXPONENT: Final = 1_000
_MAX_WIDTH: Final = 1_000
_RESULT: Final = "_result"

_CANNOT_RENDER: Final = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template can raise while it is rendered; `ConversionError` is a ValueError."""


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


class _Context(Context):
    """What one rendering sees; slimmer than Jinja's own, since nothing here exports or inherits."""

    def __init__(self, environment: _Environment, parent: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
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
def _write_output(context: _Context, value: Any) -> str:
    """Return the text form of what stands between `{{` and `}}` in a template with statements, counting it."""
    text = filters.write_text(value)
    _charge(context, len(text))
    return text


@pass_context
def _count_passes(context: _Context, values: Any, weight: int) -> Iterator[Any]:
    """Give what a loop runs over, charging each pass with the fixed text it writes."""
    for value in filters.is_iterable(values):
        context.passes -= 1
        if context.passes < 0:
            raise ConversionError(f"a template loops at most {MAX_PASSES:,} times", conversion.UNTOLD)
        _charge(context, weight)
        yield value


def _charge(context: _Context, length: int) -> None:
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
    return conversion.get_conversion(kind, pattern, timezone)(value)


# Names no template can write, so that they cannot be taken away or called by one.
_TEXT, _EXACT, _CONVERT, _JUDGE, _PASSES = "@text", "@exact", "@convert", "@judge", "@passes"


class _Environment(ImmutableSandboxedEnvironment):
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
            _TEXT: filters.write_text,
            _EXACT: filters.make_exact,
            _CONVERT: _convert,
            _JUDGE: _judge,
            _PASSES: _count_passes,
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
        if obj is None or isinstance(obj, str) and attribute in _REFUSED_METHODS:
            return Missing(obj=obj, name=attribute)
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
        return super().getitem(obj, argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # Jinja's signature
        """Call a function or method a template named, after judging how much it can make."""
        holder = getattr(__obj, "__self__", None)
        if isinstance(holder, str):
            _judge_method(holder, __obj.__name__, args)
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute, with binary fractions taken as the decimals they are written as."""
        if type(left) is float:
            left = filters.make_exact(left)
        if type(right) is float:
            right = filters.make_exact(right)
        return _OPERATIONS[operator](left, right)


_MAPPING_METHODS: Final = frozenset({"items", "keys", "values", "get"})
_REFUSED_METHODS: Final = frozenset({"format", "format_map", "translate", "maketrans", "encode"})
_PADDING_METHODS: Final = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs"})


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
    if isinstance(right, int | Decimal) and abs(right) > _MAX_EXPONENT:
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


class Templates:
    """Compiles templates. One for a process; it holds the filters, the functions and the clock.

    Args:
        clock: What `now()` gives: an aware datetime.
        make_uuid: What `uuid()` gives: a new identifier.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = filters.read_system_clock,
        make_uuid: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.environment = _Environment({"now": clock, "uuid": make_uuid})

    def __repr__(self) -> str:
        return f"Templates({len(self.environment.filters)} filters)"


class _Templated:
    """The sentinel `TEMPLATED`."""

    def __repr__(self) -> str:
        return "TEMPLATED"


TEMPLATED: Final = _Templated()
"""Stands in for a leaf whose value is known only when a record is there."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One text with templates, or one typed value.

    Attributes:
        where: Its place in the configuration.
        name: The field it gives a value to, empty where it stands for a whole.
        chains: The fields it names, such as `("record", "customer", "email")`.
        expression: What gives its value; for a leaf with statements, what is made of the text they write.
        body: Its statements, or None.
    """

    where: str
    name: str
    chains: tuple[tuple[Any, ...], ...]
    expression: nodes.Expr
    body: list[nodes.Node] | None = None

    @property
    def is_private(self) -> bool:
        """Whether the value is personal or secret, judged by the names it goes by."""
        names = [self.name, *(key for chain in self.chains for key in chain if isinstance(key, str))]
        return any(is_private(name) for name in names)


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where the value of a leaf goes: its number, from 1."""

    number: int


class Value:
    """A compiled value. Immutable once made; one may be rendered from several threads.

    Attributes:
        where: Its place in the configuration, for errors.
        names: What it speaks of: `record`, `steps`, …; empty for a literal.
    """

    __slots__ = ("_environment", "_fixed", "_leaves", "_shape", "_template", "names", "where")

    def __init__(
        self,
        shape: Any,
        leaves: Sequence[_Leaf] = (),
        *,
        where: str,
        names: frozenset[str] = frozenset(),
        environment: _Environment,
    ) -> None:
        self.where = where
        self.names = names
        self._shape = shape
        self._leaves = tuple(leaves)
        self._environment = environment
        self._template: Template | None = None
        self._fixed: dict[str, Any] = {}
        if any(leaf.body is not None for leaf in leaves):
            self._template = self._compile()  # statements can be refused as late as this

    def __repr__(self) -> str:
        return f"Value({self.where!r}, {len(self._leaves)} templates)"

    @property
    def is_literal(self) -> bool:
        """Whether it is the same for every record."""
        return not self._leaves

    @property
    def literal(self) -> Any:
        """The value itself where it is a literal, a fresh copy each time.

        Raises:
            ValueError: It is not a literal.
        """
        if self._leaves:
            raise ValueError(f"{self.where} holds templates")
        return _copy(self._shape, None)

    def literal_or(self, placeholder: Any = TEMPLATED) -> Any:
        """Return the value with every templated leaf replaced by the placeholder, a fresh copy each time."""
        return _copy(self._shape, placeholder)

    def render(self, context: Mapping[str, Any]) -> Any:
        """Return the value for one record; lists and mappings written in the configuration are fresh each time.

        Args:
            context: `record`, `steps`, `page`, … by name.

        Raises:
            TransformError: A template cannot be computed on this record; `step` is the place of that very template.
        """
        if not self._leaves:
            return _copy(self._shape, None)
        template = self._template
        if template is None:
            # Put off until a record is there: it takes 0.1 ms a template, and checking a configuration needs none.
            self._template = template = self._compile()
        slim = _Context(self._environment, context, self._fixed)
        try:
            for _ in template.root_render_func(slim):  # runs it; nothing is ever written at its top
                pass
        except _CANNOT_RENDER as error:
            raise self._explain(error, context) from error
        return slim.vars[_RESULT]

    def _compile(self) -> Template:
        body: list[nodes.Node] = []
        for number, leaf in enumerate(self._leaves, 1):
            target = _name_leaf(number)
            # Every leaf has a line of its own, so that a traceback says which one failed.
            if leaf.body is not None:
                body.append(nodes.AssignBlock(nodes.Name(target, "store"), None, leaf.body))
                body[-1].set_lineno(number, override=True)
            body.append(nodes.Assign(nodes.Name(target, "store"), leaf.expression))
            body[-1].set_lineno(number, override=True)
        body.append(nodes.Assign(nodes.Name(_RESULT, "store"), _build_display(self._shape, self._fixed)))
        body[-1].set_lineno(len(self._leaves) + 1)
        tree = nodes.Template(body, lineno=1)
        tree.set_environment(self._environment)
        return self._environment.from_string(tree)

    def _explain(self, error: Exception, context: Mapping[str, Any]) -> TransformError:
        leaf = self._find_leaf(error)
        if leaf is None:
            return TransformError(_word_error(error, is_private=True)[0], step=self.where)
        if isinstance(error, AbsenceError):
            message, cure = _word_absence(error, leaf, context, self._environment)
        else:
            message, cure = _word_error(error, is_private=leaf.is_private)
        return TransformError(message, step=leaf.where, cure=cure)

    def _find_leaf(self, error: Exception) -> _Leaf | None:
        template = self._template
        assert template is not None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is template.root_render_func.__code__:
                number = template.get_corresponding_lineno(trace.tb_lineno)
                return self._leaves[number - 1] if number <= len(self._leaves) else None
            trace = trace.tb_next
        return None


class Condition:
    """A compiled template that says yes or no.

    Attributes:
        where: Its place in the configuration, for errors.
    """

    __slots__ = ("_value", "where")

    def __init__(self, value: Value) -> None:
        self.where = value.where
        self._value = value

    def __repr__(self) -> str:
        return f"Condition({self.where!r})"

    def holds(self, context: Mapping[str, Any]) -> bool:
        """Return whether the condition is true for this record.

        Raises:
            TransformError: It cannot be computed, or gives something that is neither true nor false.
        """
        return self._value.render(context)  # type: ignore[no-any-return]


def compile_value(value: Any, place: Place, templates: Templates, *, names: frozenset[str] = CONTEXT_NAMES) -> Value:
    """Return the compiled form of a value, reporting every fault of every template in it.

    After a fault the value returned is good for `literal_or` only.

    Args:
        value: Text, number, boolean, null, list or mapping, as YAML gave it. A mapping with the keys `value` and
            `type` (of `TYPES`, with `format` and `timezone` for dates) is a typed value; the mapping or list directly
            under its `value` is taken as it is, which is how a mapping that happens to have these keys is written.
        place: Where it stands.
        templates: What compiles it.
        names: What its templates may speak of.
    """
    builder = _Builder(templates.environment, names)
    shape = builder.build(value, place)
    return Value(
        shape, builder.leaves, where=place.where, names=frozenset(builder.used), environment=templates.environment
    )


def compile_mapping(
    fields: Mapping[str, Any], place: Place, templates: Templates, *, names: frozenset[str] = CONTEXT_NAMES
) -> Value:
    """Return the compiled form of a mapping of fields, which is never a typed value itself; else as `compile_value`.

    For what has the names of fields at its top, such as a payload: a field may well be called `value`, or `type`.
    """
    builder = _Builder(templates.environment, names)
    shape = builder.build_mapping(fields, place)
    return Value(
        shape, builder.leaves, where=place.where, names=frozenset(builder.used), environment=templates.environment
    )


def compile_condition(
    value: Any, place: Place, templates: Templates, *, names: frozenset[str] = CONTEXT_NAMES
) -> Condition:
    """Return the compiled form of a yes-or-no template such as `{{ record.total | decimal > 0 }}`.

    Args:
        value: Text that is one `{{ … }}`, or true or false.
        place: Where it stands; faults go there.
        templates: What compiles it.
        names: What it may speak of.
    """
    builder = _Builder(templates.environment, names)
    shape = builder.build_condition(value, place)
    return Condition(
        Value(
            shape, builder.leaves, where=place.where, names=frozenset(builder.used), environment=templates.environment
        )
    )


class _Builder:
    """Turns a raw value into a shape with slots, and its texts into leaves."""

    def __init__(self, environment: _Environment, names: frozenset[str]) -> None:
        self.leaves: list[_Leaf] = []
        self.used: set[str] = set()
        self._environment = environment
        self._names = names

    def build(self, value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            typed = _read_type(value, place)
            return self._build_typed(value["value"], typed, place) if typed else self.build_mapping(value, place)
        return self._build_plain(value, place)

    def build_condition(self, value: Any, place: Place) -> Any:
        if isinstance(value, bool):
            return value
        hint = "write an expression that is true or false, such as {{ record.status == 'paid' }}"
        if not isinstance(value, str) or not _has_template(value):
            place.fault(f"found {describe(value)}, accepted: a template", hint)
            return None
        parsed = self._parse(value, place)
        if parsed is None:
            return None
        expression = _get_only_expression(parsed.body)
        if expression is None:
            place.fault("a condition is one expression in {{ }}, with nothing beside it", hint)
            return None
        return self._add(parsed, place, _call(_JUDGE, expression))

    def _build_plain(self, value: Any, place: Place) -> Any:
        match value:
            case dict():
                return self.build_mapping(value, place)
            case list() | tuple():
                return [self.build(child, place.child(index)) for index, child in enumerate(value)]
            case str() if _has_template(value):
                return self._build_text(value, place)
            case _:
                return value

    def build_mapping(self, value: Mapping[str, Any], place: Place) -> dict[str, Any]:
        for key in value:
            if _has_template(key):
                place.child(key).key_fault("templates stand in values, not in keys")
        return {key: self.build(child, place.child(key)) for key, child in value.items()}

    def _build_text(self, text: str, place: Place) -> Any:
        parsed = self._parse(text, place)
        if parsed is None:
            return text
        if not parsed.body:
            return ""
        constant = _get_constant(parsed.body)
        return constant if constant is not None else self._add(parsed, place, None)

    def _build_typed(self, value: Any, typed: _Type, place: Place) -> Any:
        inner = place.child("value")
        arguments: list[nodes.Expr] = [nodes.Const(typed.kind), nodes.Const(typed.pattern), nodes.Const(typed.timezone)]
        if isinstance(value, str) and _has_template(value):
            parsed = self._parse(value, inner)
            if parsed is None:
                return None
            expression = _get_only_expression(parsed.body)
            if expression is not None:
                return self._add(parsed, place, _call(_CONVERT, expression, arguments))
            return self._add(parsed, place, None, arguments)
        shape = self._build_plain(value, inner)
        if isinstance(value, dict | list):
            if typed.kind not in {"any", "object" if isinstance(value, dict) else "list"}:
                inner.fault(f"found {describe(value)}, accepted for type {typed.kind}: text or a template")
            return shape
        try:
            return conversion.get_conversion(typed.kind, typed.pattern, typed.timezone)(value)
        except ConversionError as error:
            inner.fault(error.describe(is_private=inner.is_secret), error.cure)
            return None

    def _add(
        self,
        parsed: _Parsed,
        place: Place,
        expression: nodes.Expr | None,
        arguments: list[nodes.Expr] | None = None,
    ) -> _Slot:
        """Take a leaf: a ready expression, or the template's text, given a type where there are arguments."""
        number = len(self.leaves) + 1
        body: list[nodes.Node] | None = None
        if expression is None:
            if _is_plain(parsed.body):
                expression = _build_text(parsed.body)
            else:
                body, expression = parsed.body, nodes.Name(_name_leaf(number), "load")
            if arguments is not None:
                expression = _call(_CONVERT, expression, arguments)
        name = next((key for key in reversed(place.keys) if isinstance(key, str)), "")
        self.leaves.append(_Leaf(place.where, name.rpartition(".")[2], parsed.chains, expression, body))
        self.used |= parsed.names
        return _Slot(number)

    def _parse(self, text: str, place: Place) -> _Parsed | None:
        """Return a template's checked and prepared tree, or report its faults and return None."""
        try:
            tree = self._environment.parse(text)
        except TemplateSyntaxError as error:
            place.fault(f"the template cannot be read: {_word_syntax(error)}", index=_find_line(text, error.lineno))
            return None
        except (RecursionError, ValueError, OverflowError):
            place.fault("the template cannot be read: it nests too deep, or holds a number too long")
            return None
        checker = _Checker(self._environment, text, place)
        tree = checker.visit(tree)
        if not checker.is_sound:
            return None
        plain = _is_plain(tree.body)
        names = {node.name for node in tree.find_all(nodes.Name)} if plain else find_undeclared_variables(tree)
        used = {name for name in names if name not in self._environment.globals}
        unknown = sorted(used - self._names)
        for name in unknown:
            self._report_name(name, text, place)
        return None if unknown else _Parsed(tree.body, frozenset(used), tuple(checker.chains))

    def _report_name(self, name: str, text: str, place: Place) -> None:
        functions = [f"{function}()" for function in sorted(self._environment.globals)]
        known = [*sorted(self._names), *functions]
        hint = did_you_mean(name, [*self._names, *self._environment.globals])
        if hint is None and "record" in self._names:
            hint = f"a field of the record is written record.{name}"
        place.fault(f'there is no "{name}" here, known are: {join_names(known)}', hint, index=_find_word(text, name))


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A template that was checked: its statements, the names it speaks of, and the fields it asks for."""

    body: list[nodes.Node]
    names: frozenset[str]
    chains: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class _Type:
    """What a typed value asks for."""

    kind: str
    pattern: str | None = None
    timezone: str | None = None


class _Checker(NodeTransformer):
    """Reports what a template may not hold, and puts in what keeps it exact and bounded."""

    def __init__(self, environment: _Environment, text: str, place: Place) -> None:
        self.is_sound = True
        self.chains: dict[tuple[Any, ...], None] = {}
        self._environment = environment
        self._text = text
        self._place = place

    def _refuse(self, message: str, hint: str | None = None, *, word: str = "") -> None:
        self.is_sound = False
        self._place.fault(message, hint, index=_find_word(self._text, word))

    def _refuse_statement(self, node: nodes.Node) -> nodes.Node:
        word = _STATEMENTS[type(node).__name__]
        self._refuse(f"{{% {word} %}} does not exist here, accepted are: if, for, set, with, filter, raw", word=word)
        return node

    visit_Block = visit_CallBlock = visit_Extends = visit_FromImport = _refuse_statement  # noqa: N815  # Jinja's names
    visit_Import = visit_Include = visit_Macro = visit_ScopedEvalContextModifier = _refuse_statement  # noqa: N815

    def visit_NSRef(self, node: nodes.NSRef) -> nodes.Node:  # noqa: N802
        """Refuse to change a part of a value."""
        self._refuse(f"{node.name}.{node.attr} cannot be set: {{% set %}} makes a new name", word=node.name)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        """Count the passes of a loop, each with the fixed text it writes."""
        if node.recursive:
            self._refuse("a loop cannot be recursive here", word="recursive")
        weight = sum(len(fixed.data) for fixed in node.find_all(nodes.TemplateData))
        self.generic_visit(node)
        node.iter = _call(_PASSES, node.iter, [nodes.Const(weight)])
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Join texts (`~`) by their text forms, not by Python's."""
        self.generic_visit(node)
        node.nodes = [_call(_TEXT, part) for part in node.nodes]
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """Compare fractions as the decimals they are written as."""
        self.generic_visit(node)
        node.expr = _make_exact(node.expr)
        for operand in node.ops:
            operand.expr = _make_exact(operand.expr)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        """Check a filter's name, and the name of one that `map` applies."""
        names = [node.name]
        if node.name == "map" and node.args and isinstance(node.args[0], nodes.Const):
            names.append(str(node.args[0].value))
        for name in names:
            self._check_known(name, "filter", self._environment.filters)
        if node.name in {"select", "reject"} and node.args and isinstance(node.args[0], nodes.Const):
            self._check_known(str(node.args[0].value), "test", self._environment.tests)
        self._check_keywords(node)
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        """Check a test's name."""
        self._check_known(node.name, "test", self._environment.tests)
        self._check_keywords(node)
        return self.generic_visit(node)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        """Check that no argument is given twice, which Python would refuse much later."""
        self._check_keywords(node)
        return self.generic_visit(node)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        """Refuse what is Python's own, and note which field is asked for."""
        if node.attr.startswith("__"):
            self._refuse(f'"{node.attr}" is refused: names with two underscores are not data', word=node.attr)
        self._note_chain(node)
        return self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """Refuse what is Python's own, and note which field is asked for."""
        if isinstance(node.arg, nodes.Const) and str(node.arg.value).startswith("__"):
            self._refuse(f'"{node.arg.value}" is refused: names with two underscores are not data')
        self._note_chain(node)
        return self.generic_visit(node)

    def _note_chain(self, node: nodes.Node) -> None:
        chain = _read_chain(node)
        if chain:
            self.chains[chain] = None

    def _check_known(self, name: str, kind: str, known: Iterable[str]) -> None:
        if name not in known:
            names = sorted(one for one in known if one[0].isalpha())
            # Fifty names would bury the message; the reference page lists them.
            hint = did_you_mean(name, names) or f"the {kind}s are listed in docs/reference/templates.md"
            self._refuse(f'there is no {kind} "{name}"', hint, word=name)

    def _check_keywords(self, node: nodes.Filter | nodes.Test | nodes.Call) -> None:
        keys = [pair.key for pair in node.kwargs]
        for key in {key for key in keys if keys.count(key) > 1}:
            self._refuse(f'"{key}" is given twice', word=str(key))


_STATEMENTS: Final = {
    "Block": "block",
    "CallBlock": "call",
    "Extends": "extends",
    "FromImport": "from",
    "Import": "import",
    "Include": "include",
    "Macro": "macro",
    "ScopedEvalContextModifier": "autoescape",
}

_TYPE_ALIASES: Final = {
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


def _read_type(value: dict[str, Any], place: Place) -> _Type | None:
    """Return what a typed value asks for, or None for a mapping that is none."""
    if not {"value", "type"} <= value.keys() <= {"value", "type", "format", "timezone"}:
        return None
    kind = value["type"]
    if not isinstance(kind, str) or _has_template(kind):
        return None
    if kind not in conversion.TYPES:
        closest = _TYPE_ALIASES.get(kind) or find_closest(kind, conversion.TYPES)
        # A payload may well have these two keys; only what looks like one of our types is taken for a slip.
        if closest is not None and isinstance(value["value"], str) and _has_template(value["value"]):
            place.child("type").fault(
                f'there is no type "{kind}", accepted: {join_names(conversion.TYPES)}', f'did you mean "{closest}"?'
            )
        return None
    return read_date_options(kind, place)


def read_date_options(kind: str, place: Place) -> _Type:
    """Return a type with the `format` and `timezone` that stand beside it, reporting what is wrong with them."""
    found: dict[str, str | None] = {"format": None, "timezone": None}
    for key in found:
        option = place.child(key)
        if not option.is_present:
            continue
        wanted = {"format": {"date", "datetime"}, "timezone": {"datetime"}}[key]
        text = option.value
        if kind not in wanted:
            option.key_fault(f"only a {' or '.join(sorted(wanted))} has a {key}, and the type is {kind}")
        elif not isinstance(text, str) or _has_template(text):
            option.fault(f"found {describe(text)}, accepted: text without templates")
        else:
            problem = _check_timezone(text) if key == "timezone" else _check_format(kind, text)
            if problem is None:
                found[key] = text
            else:
                option.fault(*problem)
    return _Type(kind, found["format"], found["timezone"])


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


def _has_template(text: Any) -> bool:
    return isinstance(text, str) and any(mark in text for mark in _MARKS)


def _is_plain(body: list[nodes.Node]) -> bool:
    """Whether a template is text and expressions only, without statements."""
    return all(isinstance(node, nodes.Output) for node in body)


def _list_parts(body: list[nodes.Node]) -> list[nodes.Expr]:
    return [part for node in body if isinstance(node, nodes.Output) for part in node.nodes]


def _get_only_expression(body: list[nodes.Node]) -> nodes.Expr | None:
    """Return the expression of a template that is one `{{ … }}` and nothing else."""
    if not _is_plain(body):
        return None
    parts = [part for part in _list_parts(body) if not (isinstance(part, nodes.TemplateData) and not part.data.strip())]
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData) else None


def _get_constant(body: list[nodes.Node]) -> str | None:
    """Return the text of a template that has no expression: comments and raw text only."""
    if not _is_plain(body):
        return None
    parts = _list_parts(body)
    if all(isinstance(part, nodes.TemplateData) for part in parts):
        return "".join(part.data for part in parts if isinstance(part, nodes.TemplateData))
    return None


def _build_text(body: list[nodes.Node]) -> nodes.Expr:
    parts = [
        nodes.Const(part.data) if isinstance(part, nodes.TemplateData) else _call(_TEXT, part)
        for part in _list_parts(body)
    ]
    return parts[0] if len(parts) == 1 else nodes.Concat(parts)


def _call(name: str, node: nodes.Expr, arguments: list[nodes.Expr] | None = None) -> nodes.Filter:
    return nodes.Filter(node, name, arguments or [], [], None, None)


def _make_exact(node: nodes.Expr) -> nodes.Expr:
    """Return what a comparison compares; only what can be a fraction needs a call."""
    if isinstance(node, nodes.Const) and not isinstance(node.value, float):
        return node
    if isinstance(node, nodes.List | nodes.Tuple | nodes.Dict):
        return node
    return _call(_EXACT, node)


def _name_leaf(number: int) -> str:
    return f"_leaf{number}"


def _build_display(shape: Any, fixed: dict[str, Any]) -> nodes.Expr:
    """Return the expression that puts the leaves where they belong; what cannot be written in it goes to `fixed`."""
    match shape:
        case dict():
            return nodes.Dict(
                [nodes.Pair(nodes.Const(key), _build_display(child, fixed)) for key, child in shape.items()]
            )
        case list():
            return nodes.List([_build_display(child, fixed) for child in shape])
        case _Slot():
            return nodes.Name(_name_leaf(shape.number), "load")
        case Decimal() | date():
            # Jinja writes constants into code by their repr, which names what is not there: these come by name.
            name = f"_fixed{len(fixed) + 1}"
            fixed[name] = shape
            return nodes.Name(name, "load")
        case _:
            return nodes.Const(shape)


def _copy(shape: Any, placeholder: Any) -> Any:
    match shape:
        case dict():
            return {key: _copy(child, placeholder) for key, child in shape.items()}
        case list():
            return [_copy(child, placeholder) for child in shape]
        case _Slot():
            return placeholder
        case _:
            return shape


def _read_chain(node: nodes.Node) -> tuple[Any, ...]:
    """Return `("record", "customer", "email")` for `record.customer.email`; empty for what is computed."""
    keys: list[Any] = []
    while True:
        match node:
            case nodes.Getattr():
                keys.append(node.attr)
                node = node.node
            case nodes.Getitem(arg=nodes.Const()):
                assert isinstance(node.arg, nodes.Const)
                keys.append(node.arg.value)
                node = node.node
            case nodes.Name():
                return (node.name, *reversed(keys))
            case _:
                return ()


def _find_word(text: str, word: str) -> int | None:
    """Return where a word of a template stands, after its first mark; None where it cannot be told."""
    start = min((text.find(mark) for mark in _MARKS if mark in text), default=0)
    found = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)").search(text, start) if word else None
    return found.start() if found else None


def _find_line(text: str, line: int) -> int:
    """Return where a line of a text begins; lines count from 1."""
    return sum(len(one) for one in text.splitlines(keepends=True)[: line - 1])


_BLOCK_END: Final = re.compile(r"'(end of print statement|end of statement block)'")


def _word_syntax(error: TemplateSyntaxError) -> str:
    return _BLOCK_END.sub(lambda found: f"the {found[1]}", error.message or "syntax error").rstrip(".")


def _word_absence(
    error: AbsenceError, leaf: _Leaf, context: Mapping[str, Any], environment: _Environment
) -> tuple[str, str | None]:
    """Return which field is missing, what is there instead, and what to do."""
    if error.name is None:
        return error.message or "something is missing", "write | default('') where it may be missing"
    if error.holder is missing:
        return f'there is no "{error.name}" at this point', None
    path = next((found for chain in leaf.chains if (found := _retrace(chain, error, context, environment))), error.name)
    suggestion = did_you_mean(error.name, error.holder) if isinstance(error.holder, dict) else None
    return (
        f"{path} is missing: {describe_absence(error.holder, error.name)}",
        suggestion or "write | default('') where it may be missing",
    )


def _retrace(
    chain: tuple[Any, ...], error: AbsenceError, context: Mapping[str, Any], environment: _Environment
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


def _word_error(error: Exception, *, is_private: bool) -> tuple[str, str | None]:
    """Return what went wrong while rendering, and what to do. Foreign words are shown only where they hold no values."""
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
            return error.message or "the template failed", None
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
    return _name_kinds(words).replace("_Environment.", ""), None


def _name_kinds(words: str) -> str:
    return _NAMED_KIND.sub(lambda found: _KINDS[found[0]], words)
