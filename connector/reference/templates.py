"""`templates.md`: what a template can use, from the functions behind it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from connector.reference.markdown import render_head, render_table
from connector.transform.environment import MAX_PASSES
from connector.transform.filters import FILTERS, MAX_TEXT, OWN_FILTERS
from connector.transform.template import CONTEXT_NAMES, Templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NAMES: Final[dict[str, str]] = {
    "record": "The record on its way. In the `transform` of a call: the payload under shaping. In `each`: the part.",
    "source": "In the `transform` of a call: the record on its way.",
    "steps": "Answers of the steps under `before` that were sent, by name: `steps.cart_products.totals`.",
    "page": "`page.number`, from 1, in the payload of a call with pagination.",
    "parent": "In `each`: the record that holds the part.",
}
"""What templates can speak of."""

FUNCTIONS: Final[dict[str, str]] = {
    "now": "This instant, in UTC: `now() | iso`.",
    "range": "Whole numbers, as Python's `range`; at most 100,000.",
    "uuid": "A new random identifier, a text of 36 characters.",
}
"""What templates can call."""

JINJA_FILTERS: Final[dict[str, str]] = {
    "abs": "A number without its sign.",
    "count": "How many entries a list, object or text has.",
    "dictsort": "An object's pairs, sorted by key; `dictsort(by='value')` by value.",
    "first": "The first entry.",
    "groupby": "Groups of objects that agree in a field: `groupby('country')`; each group is a value and a list.",
    "items": "An object's pairs of key and value.",
    "last": "The last entry.",
    "length": "As `count`.",
    "list": "A list of what a sequence gives.",
    "map": "A filter or a field of each entry: `map('decimal')`, `map(attribute='sku')`.",
    "max": "The largest entry; `max(attribute='price')` by a field.",
    "min": "The smallest entry; likewise.",
    "reject": "The entries for which a test does not hold: `reject('none')`.",
    "rejectattr": "The objects for whose field a test does not hold.",
    "reverse": "The entries, or the letters of a text, from last to first.",
    "select": "The entries for which a test holds: `select('defined')`.",
    "selectattr": "The objects for whose field a test holds: `selectattr('quantity', 'gt', 0)`.",
    "sort": "A sorted list; `sort(attribute='name')` by a field, `sort(reverse=true)` downwards.",
    "unique": "The entries, each once.",
}
"""Jinja's own filters that stay, in our words."""

TESTS: Final[dict[str, str]] = {
    "boolean": "true or false",
    "callable": "a function",
    "defined": "a field that is there",
    "divisibleby": "a number that can be divided: `is divisibleby 3`",
    "eq": "equal; also `==`, `equalto`",
    "escaped": "text that Jinja has marked as safe HTML",
    "even": "an even whole number",
    "false": "false itself",
    "filter": "the name of a filter",
    "float": "a number with a binary fraction",
    "ge": "at least; also `>=`",
    "gt": "more than; also `>`, `greaterthan`",
    "in": "an entry of a list, or a part of a text",
    "integer": "a whole number",
    "iterable": "something with entries",
    "le": "at most; also `<=`",
    "lower": "text in small letters",
    "lt": "less than; also `<`, `lessthan`",
    "mapping": "an object",
    "ne": "not equal; also `!=`",
    "none": "null",
    "number": "a number",
    "odd": "an odd whole number",
    "sameas": "the very same value",
    "sequence": "a list or text",
    "string": "text",
    "test": "the name of a test",
    "true": "true itself",
    "undefined": "a field that is not there",
    "upper": "text in capitals",
}
"""Jinja's tests, in our words: `{{ record.coupon is defined }}`."""


def render_templates_page() -> str:
    """Return the page, in Markdown."""
    lines = [*_render_introduction(), *_render_names(), *_render_own_filters(), *_render_jinja()]
    return "\n".join(lines) + "\n"


def list_own_filters() -> list[tuple[tuple[str, ...], Callable[..., Any]]]:
    """Return each filter of this project with all its names, by first name."""
    names: dict[Callable[..., Any], list[str]] = {}
    for name, function in sorted(OWN_FILTERS.items()):
        names.setdefault(function, []).append(name)
    return [(tuple(one), function) for function, one in names.items()]


def list_kept_filters() -> list[str]:
    """Return the names of Jinja's filters that a template can use."""
    return sorted(FILTERS.keys() - OWN_FILTERS.keys())


def list_functions() -> list[str]:
    """Return the names of the functions that a template can call."""
    return sorted(Templates().environment.globals)


def list_names() -> list[str]:
    """Return what a template can speak of, in any place."""
    return sorted({*CONTEXT_NAMES, "source", "parent"})


def list_tests() -> list[str]:
    """Return the names of the tests, aliases made of symbols and words left out."""
    aliases = {"equalto", "greaterthan", "lessthan"}
    return sorted(name for name in Templates().environment.tests if name.isalpha() and name not in aliases)


def _render_introduction() -> Iterator[str]:
    yield from render_head("Templates", "the functions in `connector/transform/filters.py`")
    yield "What can stand in `{{ … }}`. The language is Jinja, in a sandbox, with these differences: a missing field"
    yield "is an error; fractions are exact decimals; `record.items` is the field `items`; nothing is guessed."
    yield "Statements are `{% if %}`, `{% for %}`, `{% set %}`, `{% with %}`, `{% filter %}` and `{% raw %}`; there are"
    yield f"no macros and no imports. One template loops at most {MAX_PASSES:,} times and writes at most {MAX_TEXT:,}"
    yield "characters."
    yield ""
    yield 'A template gives text. `{value: "{{ … }}", type: decimal}` gives another [type](transforms.md#types).'


def _render_names() -> Iterator[str]:
    yield from _render_section("Names", "Name", ((f"`{name}`", words) for name, words in NAMES.items()))
    yield from _render_section("Functions", "Function", ((f"`{name}()`", words) for name, words in FUNCTIONS.items()))


def _render_own_filters() -> Iterator[str]:
    rows = (
        (", ".join(_write_call(name, function) for name in names), tell(function))
        for names, function in list_own_filters()
    )
    yield from _render_section("Filters", "Filter", rows)


def _render_jinja() -> Iterator[str]:
    kept = ((f"`{name}`", words) for name, words in JINJA_FILTERS.items())
    yield from _render_section("Filters that are Jinja's own", "Filter", kept)
    tests = ((f"`is {name}`", f"Whether it is {words}.") for name, words in TESTS.items())
    yield from _render_section("Tests", "Test", tests)


def _render_section(title: str, column: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield from render_table((column, "Meaning"), rows)


def tell(function: Callable[..., Any]) -> str:
    """Return what a filter gives, from its docstring: "Return a text." tells "A text."."""
    words = (inspect.getdoc(function) or "").partition("\n\n")[0].removeprefix("Return ")
    return words[:1].upper() + words[1:]


def _write_call(name: str, function: Callable[..., Any]) -> str:
    """Return a filter as it is written: `money(digits=2)`, without what stands in front of the bar."""
    _value, *parameters = inspect.signature(function).parameters.values()
    shown = ", ".join(map(_write_parameter, parameters))
    return f"`{name}({shown})`" if shown else f"`{name}`"


def _write_parameter(parameter: inspect.Parameter) -> str:
    if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        return f"{parameter.name}…"
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    return f"{parameter.name}={_write_default(parameter.default)}"


def _write_default(default: object) -> str:
    match default:
        case None:
            return "none"
        case bool():
            return str(default).lower()
        case _:
            return repr(default)
