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

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2 import nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables

from connector.config.place import Place
from connector.config.wording import describe, did_you_mean, join_names
from connector.errors import TransformError
from connector.frozen import dataclass
from connector.redaction import is_private
from connector.transform import conversion, filters
from connector.transform.checker import Checker, call_filter, find_word, has_template
from connector.transform.conversion import ConversionError
from connector.transform.environment import (
    CONVERT_FILTER,
    JUDGE_FILTER,
    TEXT_FILTER,
    AbsenceError,
    Environment,
    RenderContext,
)
from connector.transform.typed import TypeRequest, read_typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from jinja2 import Template

CONTEXT_NAMES: Final = frozenset({"record", "steps", "page"})
"""What a template can speak of unless its place says otherwise."""

_RESULT: Final = "_result"
_USUAL_LENGTH: Final = 150  # Python nests 200 brackets, and every one of them takes a character
_USUAL_DEPTH: Final = 20

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


def _make_uuid() -> str:
    import uuid  # noqa: PLC0415 - start-up: few configurations ask for one

    return str(uuid.uuid4())


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
        make_uuid: Callable[[], str] = _make_uuid,
    ) -> None:
        self.environment = Environment({"now": clock, "uuid": make_uuid})

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
        environment: Environment,
    ) -> None:
        self.where = where
        self.names = names
        self._shape = shape
        self._leaves = tuple(leaves)
        self._environment = environment
        self._template: Template | None = None
        self._fixed: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Value({self.where!r}, {len(self._leaves)} templates)"

    @property
    def is_literal(self) -> bool:
        """Whether it is the same for every record."""
        return not self._leaves

    @property
    def reads_private(self) -> bool:
        """Whether it reads a field that is personal or secret, judged by the names on the way to it."""
        names = [key for leaf in self._leaves for chain in leaf.chains for key in chain if isinstance(key, str)]
        return any(map(is_private, names))

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
        template = self._template or self.compile()
        slim = RenderContext(self._environment, context, self._fixed)
        try:
            for _ in template.root_render_func(slim):  # runs it; nothing is ever written at its top
                pass
        except _CANNOT_RENDER as error:
            raise self._explain(error, context) from error
        return slim.vars[_RESULT]

    def compile(self) -> Template:
        """Return the one function for all templates, as Jinja has it.

        Done for the first record, not while a configuration is being checked: it takes 0.1 ms a template.
        """
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
        self._template = self._environment.from_string(tree)
        return self._template

    def _explain(self, error: Exception, context: Mapping[str, Any]) -> TransformError:
        # Imported here: a millisecond of every start, for what goes wrong.
        from connector.transform.explanation import explain_absence, explain_error  # noqa: PLC0415

        leaf = self._find_leaf(error)
        if leaf is None:
            return TransformError(explain_error(error, is_private=True)[0], step=self.where)
        if isinstance(error, AbsenceError):
            message, cure = explain_absence(error, leaf.chains, context, self._environment)
        else:
            message, cure = explain_error(error, is_private=leaf.is_private)
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


def limit_members(name: str, members: Iterable[str]) -> frozenset[str]:
    """Return what says of a name which members it has, to go among the `names` of what is compiled.

    Without it, a name may have any member: what a record holds is known when it comes. With it, `steps.crat` is a
    fault at load where there is only `steps.cart`.

    Args:
        name: Such as `steps`.
        members: All that it has; none is possible.
    """
    return frozenset({f"{name}.", *(f"{name}.{member}" for member in members)})


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
    return builder.finish(builder.build(value, place), place)


def compile_mapping(
    fields: Mapping[str, Any], place: Place, templates: Templates, *, names: frozenset[str] = CONTEXT_NAMES
) -> Value:
    """Return the compiled form of a mapping of fields, which is never a typed value itself; else as `compile_value`.

    For what has the names of fields at its top, such as a payload: a field may well be called `value`, or `type`.
    """
    builder = _Builder(templates.environment, names)
    return builder.finish(builder.build_mapping(fields, place), place)


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
    return Condition(builder.finish(builder.build_condition(value, place), place))


_MAPPING_METHODS: Final = frozenset({"get", "items", "keys", "values"})


class _Builder:
    """Turns a raw value into a shape with slots, and its texts into leaves."""

    def __init__(self, environment: Environment, names: frozenset[str]) -> None:
        self.leaves: list[_Leaf] = []
        self.used: set[str] = set()
        self._environment = environment
        self._names = frozenset(name for name in names if "." not in name)
        self._members: dict[str, set[str]] = {}
        for name, dot, member in (name.partition(".") for name in names):
            if dot:
                self._members.setdefault(name, set()).update([member] if member else [])
        self._is_unusual = False

    def finish(self, shape: Any, place: Place) -> Value:
        """Return the value; what is out of the ordinary is compiled at once, since Python may refuse it."""
        value = Value(shape, self.leaves, where=place.where, names=frozenset(self.used), environment=self._environment)
        if self._is_unusual or _measure_depth(shape) > _USUAL_DEPTH:
            try:
                value.compile()
            except (TemplateError, SyntaxError, RecursionError, MemoryError):
                place.fault(
                    "the value is too long, or nests too deep, to be compiled", "set parts of it in steps before"
                )
        return value

    def build(self, value: Any, place: Place) -> Any:
        if place.is_broken:
            return value
        if isinstance(value, dict):
            typed = read_typed(value, place)
            return self._build_typed(value["value"], typed, place) if typed else self.build_mapping(value, place)
        return self._build_plain(value, place)

    def build_condition(self, value: Any, place: Place) -> Any:
        if place.is_broken:
            return None
        if isinstance(value, bool):
            return value
        hint = "write an expression that is true or false, such as {{ record.status == 'paid' }}"
        if not isinstance(value, str) or not has_template(value):
            place.fault(f"found {describe(value)}, accepted is a template", hint)
            return None
        parsed = self._parse(value, place)
        if parsed is None:
            return None
        expression = _get_only_expression(parsed.body)
        if expression is None:
            place.fault("a condition is one expression in {{ }}, with nothing beside it", hint)
            return None
        return self._add(parsed, place, call_filter(JUDGE_FILTER, expression))

    def _build_plain(self, value: Any, place: Place) -> Any:
        match value:
            case dict():
                return self.build_mapping(value, place)
            case list() | tuple():
                return [self.build(child, place.child(index)) for index, child in enumerate(value)]
            case str() if has_template(value):
                return self._build_text(value, place)
            case _:
                return value

    def build_mapping(self, value: Mapping[str, Any], place: Place) -> dict[str, Any]:
        for key in value:
            if has_template(key):
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

    def _build_typed(self, value: Any, typed: TypeRequest, place: Place) -> Any:
        inner = place.child("value")
        if inner.is_broken:
            return None
        arguments: list[nodes.Expr] = [nodes.Const(typed.kind), nodes.Const(typed.pattern), nodes.Const(typed.timezone)]
        if isinstance(value, str) and has_template(value):
            parsed = self._parse(value, inner)
            if parsed is None:
                return None
            expression = _get_only_expression(parsed.body)
            if expression is not None:
                return self._add(parsed, place, call_filter(CONVERT_FILTER, expression, arguments))
            return self._add(parsed, place, None, arguments)
        shape = self._build_plain(value, inner)
        if isinstance(value, dict | list):
            if typed.kind not in {"any", "object" if isinstance(value, dict) else "list"}:
                inner.fault(f"found {describe(value)}, accepted for the type {typed.kind} is text or a template")
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
                self._is_unusual = True
                body, expression = parsed.body, nodes.Name(_name_leaf(number), "load")
            if arguments is not None:
                expression = call_filter(CONVERT_FILTER, expression, arguments)
        name = next((key for key in reversed(place.keys) if isinstance(key, str)), "")
        self.leaves.append(_Leaf(place.where, name.rpartition(".")[2], parsed.chains, expression, body))
        self.used |= parsed.names
        return _Slot(number)

    def _parse(self, text: str, place: Place) -> _Parsed | None:
        """Return a template's checked and prepared tree, or report its faults and return None."""
        if not place.is_secret:
            return self._parse_open(text, place)
        # Faults quote the template, and this one came from a secret.
        parsed = self._parse_open(text, Place.detached(place.where))
        if parsed is None:
            place.fault("the text from a secret variable holds {{ or {%, and cannot be read as a template")
        return parsed

    def _parse_open(self, text: str, place: Place) -> _Parsed | None:
        try:
            self._is_unusual |= len(text) > _USUAL_LENGTH
            tree = self._environment.parse(text)
        except TemplateSyntaxError as error:
            place.fault(f"the template cannot be read: {_word_syntax(error)}", index=_find_line(text, error.lineno))
            return None
        except (RecursionError, ValueError, OverflowError):
            place.fault("the template cannot be read: it nests too deep, or holds a number too long")
            return None
        checker = Checker(self._environment, text, place)
        tree = checker.visit(tree)
        if not checker.is_sound:
            return None
        try:
            plain = _is_plain(tree.body)
            names = {node.name for node in tree.find_all(nodes.Name)} if plain else find_undeclared_variables(tree)
        except (TemplateError, RecursionError) as error:
            place.fault(f"the template cannot be compiled: {str(error).rstrip('.')}")
            return None
        used = {name for name in names if name not in self._environment.globals}
        unknown = sorted(used - self._names)
        for name in unknown:
            self._report_name(name, text, place)
        strange = dict.fromkeys(chain[:2] for chain in checker.chains if self._is_strange(chain, used))
        for name, member in strange:
            known = sorted(self._members[name])
            place.fault(
                f'there is no "{name}.{member}" here, known are: {join_names(known) or "none"}',
                did_you_mean(member, known),
                index=find_word(text, member),
            )
        return None if unknown or strange else _Parsed(tree.body, frozenset(used), tuple(checker.chains))

    def _is_strange(self, chain: tuple[Any, ...], used: set[str]) -> bool:
        """Whether a template asks a name for a member that it is known not to have."""
        if len(chain) < 2 or chain[0] not in used or chain[0] not in self._members or not isinstance(chain[1], str):
            return False
        return chain[1] not in self._members[chain[0]] and chain[1] not in _MAPPING_METHODS

    def _report_name(self, name: str, text: str, place: Place) -> None:
        functions = [f"{function}()" for function in sorted(self._environment.globals)]
        known = [*sorted(self._names), *functions]
        hint = did_you_mean(name, [*self._names, *self._environment.globals])
        if name == "parent":
            hint = "only the steps within each know the parent"
        elif name == "state":
            hint = "the subscriber of an incoming has it, where state: is written"
        elif hint is None and "record" in self._names:
            hint = f"a field of the record is written record.{name}"
        place.fault(f'there is no "{name}" here, known are: {join_names(known)}', hint, index=find_word(text, name))


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A template that was checked: its statements, the names it speaks of, and the fields it asks for."""

    body: list[nodes.Node]
    names: frozenset[str]
    chains: tuple[tuple[Any, ...], ...]


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
        nodes.Const(part.data) if isinstance(part, nodes.TemplateData) else call_filter(TEXT_FILTER, part)
        for part in _list_parts(body)
    ]
    return parts[0] if len(parts) == 1 else nodes.Concat(parts)


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


def _measure_depth(shape: Any) -> int:
    match shape:
        case dict():
            return 1 + max(map(_measure_depth, shape.values()), default=0)
        case list():
            return 1 + max(map(_measure_depth, shape), default=0)
        case _:
            return 0


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


def _find_line(text: str, line: int) -> int:
    """Return where a line of a text begins; lines count from 1."""
    return sum(len(one) for one in text.splitlines(keepends=True)[: line - 1])


_BLOCK_END: Final = re.compile(r"'(end of print statement|end of statement block)'")


def _word_syntax(error: TemplateSyntaxError) -> str:
    return _BLOCK_END.sub(lambda found: f"the {found[1]}", error.message or "syntax error").rstrip(".")
