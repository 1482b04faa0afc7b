"""Options models as rows for the reference page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from connector.config.describe import OptionRow, describe_model, describe_type
from connector.config.options import ByteSize, Options, RatePerSecond, Seconds, Secret, Steps, Template


class TimeoutOptions(Options):
    """Nested once."""

    total: Seconds = Field(timedelta(seconds=90), description="As a whole.", gt=timedelta(0))


class StepOptions(Options):
    """Nested in a list."""

    entity: str = Field(description="What to call.", examples=["cart.add"])


class TreeOptions(Options):
    """Holds itself."""

    children: list[TreeOptions] = Field(default_factory=list, description="Below.")


class ShopOptions(Options):
    """Nested in a mapping."""

    url: str = Field(description="Where.")
    dialect: Literal["auto", "3.0"] = Field("auto", description="Which.")
    sessions: int = Field(4, description="How many.", ge=1, le=64, examples=[4, 8])
    is_logged: bool = Field(False, alias="log", description="Whether.")
    timeout: TimeoutOptions = Field(TimeoutOptions(), description="How long.")
    before: list[StepOptions] = Field(default_factory=list, description="First.")
    name: str = Field("", description="Empty.")


class RootOptions(Options):
    """The top."""

    clients: dict[str, ShopOptions] = Field(default_factory=dict, description="By name.")


def test_every_option_is_a_row_with_its_path():
    """Nested models follow their key: by name in a mapping, by `[]` in a list."""
    rows = describe_model(RootOptions)

    shop = "clients.<name>"
    assert rows == [
        OptionRow("clients", "a mapping of names to mappings", "{}", required=False, description="By name."),
        OptionRow(f"{shop}.url", "text", "", required=True, description="Where."),
        OptionRow(f"{shop}.dialect", "one of auto, 3.0", "auto", required=False, description="Which."),
        OptionRow(
            f"{shop}.sessions",
            "a whole number, 1 or more, 64 or less",
            "4",
            required=False,
            description="How many.",
            examples=("4", "8"),
        ),
        OptionRow(f"{shop}.log", "true or false", "false", required=False, description="Whether."),
        OptionRow(f"{shop}.timeout", "a mapping", "", required=False, description="How long."),
        OptionRow(
            f"{shop}.timeout.total",
            "a duration such as 500ms, 10s or 1h30m, more than 0s",
            "1m30s",
            required=False,
            description="As a whole.",
        ),
        OptionRow(f"{shop}.before", "a list of mappings", "[]", required=False, description="First."),
        OptionRow(
            f"{shop}.before[].entity",
            "text",
            "",
            required=True,
            description="What to call.",
            examples=("cart.add",),
        ),
        OptionRow(f"{shop}.name", "text", '""', required=False, description="Empty."),
    ]


def test_model_that_holds_itself_is_described_once():
    """Recursion ends at the first repetition."""
    assert [row.key for row in describe_model(TreeOptions)] == ["children"]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (int | None, "a whole number"),
        (float, "a number"),
        (Literal["none"] | TimeoutOptions, "none or a mapping"),
        (list[str], "a list of text"),
        (list[int], "a list of whole numbers"),
        (dict[str, Any], "a mapping"),
        (dict[str, int], "a mapping of names to whole numbers"),
        (Any, "any value"),
        (Path, "a path"),
        (Secret, "a secret text"),
        (Seconds | None, "a duration such as 500ms, 10s or 1h30m"),
        (RatePerSecond, "a rate such as 20/s, 600/min or 100/h"),
        (ByteSize, "a size such as 512KiB or 10MB"),
        (Template, "text, or a template such as {{ record.name }}"),
        (Steps, "a list of transform steps"),
    ],
)
def test_type_is_told_in_words(annotation, words):
    """Every type that options use has words, without the names of Python."""
    assert describe_type(annotation) == words
