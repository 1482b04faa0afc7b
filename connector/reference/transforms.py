"""`transforms.md`: every step of a `transform` list, from the table of steps and their docstrings."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from connector.config.describe import describe_model
from connector.reference.markdown import render_head, render_options, render_table
from connector.transform.conversion import TYPES
from connector.transform.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.transform.step import StepKind

_CAPTIONS: Final = ("A record:", "What becomes of it:")


def render_transforms_page() -> str:
    """Return the page, in Markdown."""
    lines = [*_render_introduction()]
    for kind in STEPS.values():
        lines += _render_step(kind)
    lines += [*_render_types()]
    return "\n".join(lines) + "\n"


def summarize(kind: StepKind) -> str:
    """Return the first sentence of a step's docstring."""
    return kind.docs.partition("\n\n")[0].replace("\n", " ")


def _render_introduction() -> Iterator[str]:
    yield from render_head("Transform steps", "the table of steps in `connector/transform/steps.py`")
    yield "A `transform` is a list of steps, carried out in order. Each step is a mapping with one key, its name."
    yield "[Transforming records](../transforms.md) is the guide; [Templates](templates.md) lists filters and"
    yield "functions."
    yield ""
    yield from render_table(("Step", "What it does"), ((_link(kind.name), summarize(kind)) for kind in STEPS.values()))


def _link(name: str) -> str:
    return f"[`{name}`](#{name.replace('.', '')})"


def _render_step(kind: StepKind) -> Iterator[str]:
    yield ""
    yield f"## {kind.name}"
    yield ""
    captions = iter(_CAPTIONS)
    for line in kind.docs.splitlines():
        if line == "```json":
            yield ""
            yield next(captions)
            yield ""
        yield line
    if kind.options is not None:
        yield ""
        yield _name_options(kind)
        yield ""
        yield from render_options(describe_model(kind.options))


def _name_options(kind: StepKind) -> str:
    """Return what stands above the table of keys: the docstring of the model, where it says what it is a form of."""
    words = (inspect.getdoc(kind.options) or "").partition("\n")[0] if kind.options else ""
    return words if words.startswith("The long form") else "Its keys:"


def _render_types() -> Iterator[str]:
    yield ""
    yield "## Types"
    yield ""
    yield "What may stand under `type:`, in `cast` and beside a `value:`."
    yield ""
    yield from render_table(("Type", "What it is"), ((f"`{name}`", _tell(words)) for name, words in TYPES.items()))


def _tell(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
