"""What a template may hold: judged once, when the configuration is loaded.

The checker walks a parsed template, reports what is unknown or refused at its position, and puts in what keeps the
template exact and bounded when it runs.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from connector.config.wording import did_you_mean
from connector.transform.environment import EXACT_FILTER, PASSES_FILTER, TEXT_FILTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connector.config.place import Place
    from connector.transform.environment import Environment

MARKS: Final = ("{{", "{%", "{#")
"""What begins a template within a text."""


def has_template(text: Any) -> bool:
    """Whether a value is a text that holds a template."""
    return isinstance(text, str) and any(mark in text for mark in MARKS)


class Checker(NodeTransformer):
    """Reports what a template may not hold, and puts in what keeps it exact and bounded."""

    def __init__(self, environment: Environment, text: str, place: Place) -> None:
        self.is_sound = True
        self.chains: dict[tuple[Any, ...], None] = {}
        self._environment = environment
        self._text = text
        self._place = place

    def _refuse(self, message: str, hint: str | None = None, *, word: str = "") -> None:
        self.is_sound = False
        self._place.fault(message, hint, index=find_word(self._text, word))

    def _refuse_statement(self, node: nodes.Node) -> nodes.Node:
        word = _STATEMENTS[type(node).__name__]
        self._refuse(f"{{% {word} %}} does not exist here, accepted are if, for, set, with, filter, raw", word=word)
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
        node.iter = nodes.Filter(node.iter, PASSES_FILTER, [nodes.Const(weight)], [], None, None)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Join texts (`~`) by their text forms, not by Python's."""
        self.generic_visit(node)
        node.nodes = [call_filter(TEXT_FILTER, part) for part in node.nodes]
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
        self._check_arguments(node)
        for argument in (*node.args, *(pair.value for pair in node.kwargs)):
            # map(attribute='email') reads a field too, and its name says whether its values may be shown.
            if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
                self.chains["", argument.value] = None
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

    def _check_arguments(self, node: nodes.Filter) -> None:
        function = self._environment.filters.get(node.name)
        if function is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            return
        signature = inspect.signature(function)
        # Jinja gives some of its filters the context or the environment, and all of them the value.
        given = 2 if hasattr(inspect.unwrap(function), "jinja_pass_arg") else 1
        try:
            signature.bind(*[None] * (given + len(node.args)), **{str(pair.key): None for pair in node.kwargs})
        except TypeError:
            shown = ", ".join(
                str(one.replace(annotation=one.empty)) for one in [*signature.parameters.values()][given:]
            )
            self._refuse(f"{node.name} is written {node.name}({shown})", word=node.name)

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


def call_filter(name: str, node: nodes.Expr, arguments: Sequence[nodes.Expr] = ()) -> nodes.Filter:
    """Return the expression that sends another one through a filter."""
    return nodes.Filter(node, name, [*arguments], [], None, None)


def _make_exact(node: nodes.Expr) -> nodes.Expr:
    """Return what a comparison compares; only what can be a fraction needs a call."""
    if isinstance(node, nodes.Const) and not isinstance(node.value, float):
        return node
    if isinstance(node, nodes.List | nodes.Tuple | nodes.Dict):
        return node
    return call_filter(EXACT_FILTER, node)


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


def find_word(text: str, word: str) -> int | None:
    """Return where a word of a template stands, after its first mark; None where it cannot be told."""
    start = min((text.find(mark) for mark in MARKS if mark in text), default=0)
    found = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)").search(text, start) if word else None
    return found.start() if found else None
