"""Strict options: what is taken as written, what is converted without loss, what is refused."""

import enum
from datetime import timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from connector.config.options import (
    ByteSize,
    Name,
    Options,
    RatePerSecond,
    Seconds,
    Secret,
    Text,
    collect_secrets,
    parse_seconds,
)
from connector.config.scalar import type_scalar


class Color(enum.Enum):
    """An enumeration of text."""

    RED = "red"
    THREE = "3"


class SampleOptions(Options):
    """One field of every type."""

    text: str = ""
    filled: Text = "x"
    name: Name = "x"
    whole: int = 0
    number: float = 0.0
    exact: Decimal = Decimal(0)
    truth: bool = False
    choice: Literal["auto", "2.3", "3.0"] = "auto"
    version: Literal[1, 2] = 1
    color: Color = Color.RED
    secret: Secret | None = None
    duration: Seconds = timedelta(seconds=1)
    rate: RatePerSecond | None = None
    size: ByteSize = 0
    texts: list[str] = Field(default_factory=list)
    wholes: dict[str, int] = Field(default_factory=dict)
    pair: tuple[int, bool] | None = None
    choices: list[Literal["1", "2"]] = Field(default_factory=list)
    is_on: bool | None = Field(None, alias="on")


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("text", 5, "5"),
        ("text", 3.0, "3.0"),
        ("whole", "5", 5),
        ("number", "1.5", 1.5),
        ("number", 2, 2.0),
        ("exact", "1.50", Decimal("1.50")),
        ("exact", 1.5, Decimal("1.5")),
        ("truth", "true", True),
        ("truth", "FALSE", False),
        ("choice", 3.0, "3.0"),
        ("choice", "auto", "auto"),
        ("version", 2, 2),
        ("version", "2", 2),
        ("color", "red", Color.RED),
        ("color", 3, Color.THREE),
        ("duration", "1h30m", timedelta(minutes=90)),
        ("rate", "600/min", 10.0),
        ("size", "10MB", 10_000_000),
        ("texts", ["a", 5], ["a", "5"]),
        ("wholes", {"a": "5"}, {"a": 5}),
        ("pair", ["5", "true"], (5, True)),
        ("choices", [1, "2"], ["1", "2"]),
    ],
)
def test_value_is_taken_where_nothing_is_lost(key, written, value):
    """Text for numbers and truths is read, numbers for text are given back as they were written."""
    taken = getattr(SampleOptions(**{key: written}), key)

    assert (taken, type(taken)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("text", True),
        ("text", None),
        ("text", ["a"]),
        ("filled", ""),
        ("name", "my shop"),
        ("name", ""),
        ("whole", True),
        ("whole", "true"),
        ("whole", 1.5),
        ("number", False),
        ("number", "nan"),
        ("number", float("inf")),
        ("exact", True),
        ("truth", 1),
        ("truth", 0),
        ("truth", "yes"),
        ("truth", "1"),
        ("truth", None),
        ("choice", 2.4),
        ("choice", True),
        ("version", 3),
        ("secret", True),
        ("duration", 10),
        ("duration", "10"),
        ("duration", True),
        ("rate", 20),
        ("rate", "20"),
        ("size", 10),
        ("texts", "a"),
        ("texts", [True]),
        ("wholes", {"a": True}),
        ("pair", [True, True]),
        ("pair", [1]),
        ("on", "on"),
        ("unknown", 1),
    ],
)
def test_value_that_would_have_to_be_guessed_is_refused(key, written):
    """Truths are no numbers, numbers no truths, quantities need units, and unknown keys are refused."""
    with pytest.raises(ValidationError):
        SampleOptions(**{key: written})


@given(
    st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1).map(str)
    | st.from_regex(r"-?\d{1,6}\.\d{1,6}", fullmatch=True)
)
def test_number_where_text_is_wanted_is_the_text_that_was_written(text):
    """However YAML types a number, a text field gets exactly what stands in the file."""
    assert SampleOptions(text=type_scalar(text)).text == text


def test_key_of_a_field_is_its_alias():
    """What is written in YAML is the alias, not the attribute."""
    assert SampleOptions(on="true").is_on is True
    with pytest.raises(ValidationError):
        SampleOptions(is_on=True)


def test_options_are_frozen():
    """Options cannot be changed once they are checked."""
    options = SampleOptions()

    with pytest.raises(ValidationError):
        options.text = "x"


def test_secret_does_not_show():
    """A secret is in neither `repr` nor text nor JSON."""
    options = SampleOptions(secret=12345678)

    shown = f"{options!r} {options} {options.model_dump_json()}"

    assert options.secret.get_secret_value() == "12345678"
    assert "12345678" not in shown


def test_secrets_are_collected_from_every_depth():
    """Secrets in models, lists and mappings are found, each once."""

    class OuterOptions(Options):
        key: Secret
        inner: list[SampleOptions]
        named: dict[str, SampleOptions]

    options = OuterOptions(key="one", inner=[SampleOptions(secret="two")], named={"a": SampleOptions(secret="one")})

    assert collect_secrets(options) == ("one", "two")


def test_quantities_are_written_as_text_in_json():
    """Durations, rates and sizes come out as people write them."""
    options = SampleOptions(duration="90s", rate="100/h", size="10MB")

    shown = options.model_dump(mode="json")

    assert (shown["duration"], shown["rate"], shown["size"]) == ("1m30s", "100/h", "10MB")


def test_duration_within_a_text_of_its_own():
    """A validator can read a duration, and gets an error it need not translate."""
    assert parse_seconds("10s") == timedelta(seconds=10)
    with pytest.raises(ValueError, match="a duration such as"):
        parse_seconds("10")


@pytest.mark.parametrize("key", ["duration", "rate", "size"])
def test_no_unit_is_proposed_for_zero(key):
    """A field that refuses zero does not propose zero with a unit."""
    with pytest.raises(ValidationError) as caught:
        SampleOptions.model_validate({key: 0})

    assert caught.value.errors()[0]["ctx"]["hint"] is None
