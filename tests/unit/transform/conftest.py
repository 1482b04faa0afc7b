"""What the tests of the transform floor share: templates with a fixed clock, and steps compiled from YAML."""

from datetime import UTC, datetime

import pytest

from connector.config.document import read_text
from connector.config.place import Place
from connector.errors import TransformError
from connector.transform.template import Templates, compile_value
from connector.transform.transformer import compile_transform

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def templates():
    """Templates whose clock stands still."""
    return Templates(clock=lambda: NOW, make_uuid=lambda: "11111111-2222-3333-4444-555555555555")


@pytest.fixture(scope="session")
def render(templates):
    """Compile a value and render it for a record; the error's text where it cannot be."""

    def _render(value, record=None, **context):
        place = Place.detached("value", value)
        compiled = compile_value(value, place, templates, names=frozenset({"record", "steps", "page", *context}))
        place.faults.raise_if_any()
        return compiled.render({"record": record or {}, **context})

    return _render


@pytest.fixture(scope="session")
def fail(render):
    """Render a value that cannot be, and return the error's text."""

    def _fail(value, record=None, **context):
        with pytest.raises(TransformError) as caught:
            render(value, record, **context)
        return str(caught.value)

    return _fail


@pytest.fixture(scope="session")
def check_value(templates):
    """Return the faults of a value, with their positions left out."""

    def _check(value, **options):
        place = Place.detached("value", value)
        compile_value(value, place, templates, **options)
        return [fault_text(fault) for fault in place.faults]

    return _check


@pytest.fixture(scope="session")
def compile_yaml(templates):
    """Compile the `transform` list of a YAML text."""

    def _compile(text):
        document = read_text(text)
        transformer = compile_transform(document.place("transform"), templates, has_store=True)
        document.faults.raise_if_any()
        return transformer

    return _compile


@pytest.fixture(scope="session")
def compile_steps(templates):
    """Compile steps made in Python."""

    def _compile(*steps):
        place = Place.detached("transform", list(steps))
        transformer = compile_transform(place, templates, has_store=True)
        place.faults.raise_if_any()
        return transformer

    return _compile


@pytest.fixture(scope="session")
def check_steps(templates):
    """Return the faults of steps, with their positions left out."""

    def _check(*steps, has_store=True):
        place = Place.detached("transform", list(steps))
        compile_transform(place, templates, has_store=has_store)
        return [fault_text(fault) for fault in place.faults]

    return _check


def settle(asking, kept=None):
    """Lead a conversation of steps with a value store to its end, and return what they made.

    Args:
        asking: What `Transformer.ask` gave.
        kept: What the store holds: JSON by store and key.
    """
    try:
        needed = next(asking)
        while True:
            needed = asking.send({pair: kept[pair] for pair in needed if pair in (kept or {})})
    except StopIteration as end:
        return end.value


def fault_text(fault):
    """Return where, message and hint of a fault."""
    return f"{fault.where}: {fault.message}" + (f"; {fault.hint}" if fault.hint else "")
