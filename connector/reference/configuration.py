"""`configuration.md`: every key of a configuration, from the options models that check it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.alert.options import AlertOptions
from connector.app.project import RootOptions
from connector.call.options import CallOptions, StepOptions
from connector.call.paging_options import STRATEGIES, PaginationOptions
from connector.components import CONNECTORS
from connector.config.describe import describe_model
from connector.config.quantity import DURATION, RATE, SIZE
from connector.config.shape import list_keys, split_field
from connector.publisher.options import OutgoingOptions
from connector.reference.markdown import keep_own, read_docstring, render_head, render_options, render_table
from connector.route.options import RouteOptions
from connector.subscriber.options import IncomingOptions, ScheduleOptions, StateOptions
from connector.webhook.options import WebhookOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

_KINDS_OF_VALUES: Final = (
    ("duration", DURATION, "Units, from large to small: `d`, `h`, `m`, `s`, `ms`."),
    ("rate", RATE, "Per `s`, `min`, `h` or `d`."),
    ("size", SIZE, "`B`, `kB`, `MB`, `GB` count by 1000, `KiB`, `MiB`, `GiB` by 1024."),
    ("secret", "a secret text", "Shows in no message, log or echo. Write it as a variable: `${SHOP_KEY}`."),
    ("template", "text with `{{ … }}`", "Computed for each record; see [Templates](templates.md)."),
    ("path", "JSONPath", "`$.orders[*].lines`; the `$.` at its beginning may be left out."),
    ("steps", "a list of transform steps", "See [Transform steps](transforms.md)."),
)


def render_configuration_page() -> str:
    """Return the page, in Markdown."""
    lines = [*_render_introduction(), *_render_clients()]
    lines += _render_model("incoming", IncomingOptions, is_deep=False)
    lines += ["", "`subscriber` takes the keys of [a call](#a-call)."]
    lines += _render_model("incoming: webhook", WebhookOptions, is_deep=True, level=3)
    lines += _render_model("incoming: state", StateOptions, is_deep=True, level=3)
    lines += _render_model("incoming: schedule", ScheduleOptions, is_deep=True, level=3)
    lines += _render_model("outgoing", OutgoingOptions, is_deep=False)
    lines += ["", "`publisher` takes the keys of [a call](#a-call)."]
    lines += _render_model("routes", RouteOptions, is_deep=True)
    lines += _render_model("alerts", AlertOptions, is_deep=True)
    lines += [*_render_call(), *_render_pagination()]
    return "\n".join(lines) + "\n"


def _render_introduction() -> Iterator[str]:
    yield from render_head("Configuration reference", "the options models in `connector/*/options.py`")
    yield "Every key that a configuration can have. [The configuration language](../configuration.md) tells how files,"
    yield "values and variables are read; this page is for looking things up. A star marks a key that must be written."
    yield "Keys that are not listed are refused."
    yield ""
    yield from render_table(
        ("Top-level key", "Holds"),
        ((f"[`{row.key}`](#{row.key})", row.description) for row in describe_model(RootOptions)),
    )
    yield ""
    yield "## Kinds of values"
    yield ""
    yield from render_table(
        ("Kind", "Accepted", "Notes"), ((name, accepted, notes) for name, accepted, notes in _KINDS_OF_VALUES)
    )


def _render_clients() -> Iterator[str]:
    yield ""
    yield "## clients"
    yield ""
    yield "The key `connector` says which package speaks with the remote system, and so which keys there are."
    for package in CONNECTORS.values():
        yield ""
        yield f"### connector: {package.name}"
        yield ""
        yield package.summary
        yield ""
        yield from read_docstring(package.options)
        yield ""
        yield from render_options(describe_model(package.options))


def _render_model(title: str, model: type[BaseModel], *, is_deep: bool, level: int = 2) -> Iterator[str]:
    rows = describe_model(model)
    yield ""
    yield f"{'#' * level} {title}"
    yield ""
    yield from read_docstring(model)
    yield ""
    yield from render_options(rows if is_deep else keep_own(rows))


def _render_call() -> Iterator[str]:
    yield from _render_model("A call", CallOptions, is_deep=False)
    yield ""
    yield "Exactly one of `entity` and `route` is written. The order in which a payload is made: `data`, where it is"
    yield "left out the record; then the steps of `transform`; then the check against the catalog."
    yield from _render_model("A step of before", StepOptions, is_deep=True, level=3)


def _render_pagination() -> Iterator[str]:
    yield from _render_model("pagination", PaginationOptions, is_deep=False)
    fields = list_keys(PaginationOptions)
    for strategy in STRATEGIES:
        (shape,) = split_field(fields[strategy])
        assert shape.model is not None, "every strategy has a model of its own"
        yield from _render_model(f"pagination: {strategy}", shape.model, is_deep=True, level=3)
