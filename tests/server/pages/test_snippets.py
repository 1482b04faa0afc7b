"""Calls written as YAML and as commands."""

from __future__ import annotations

import shlex
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connector import load
from connector.catalog.catalog import load_catalog
from connector.cli.arguments import parse_payload, parse_step
from connector.server.pages.before import Before, read_before, write_before
from connector.server.pages.snippets import write_call, write_command, write_fields

CATALOG = load_catalog("opencart")
SHOP = {"shop": {"connector": "opencart", "base_url": "http://127.0.0.1:9/", "key": "k" * 32, "dialect": "3.0"}}

names = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=6).map("f{}".format)
leaves = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.integers(-5, 99), st.booleans())
payloads = st.dictionaries(
    names, st.recursive(leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner)))
)


@given(payloads)
def test_the_command_line_reads_what_is_written_for_it(payload: dict[str, Any]) -> None:
    """Every payload comes out of `connector call` as it went in, whatever quotes and brackets are in it."""
    words = shlex.split(shlex.join(write_fields(payload)))

    assert parse_payload(words) == payload


def test_a_step_ahead_is_one_word_of_the_command() -> None:
    """What comes first in the same session is written as `--before`, so that the command line reads it back."""
    before = (Before("cart.add", {"product_id": 40, "option": {"226": "it's"}}),)

    words = shlex.split(write_command("shop", "coupon.apply", {"coupon": "22 22"}, before))

    assert words[:5] == ["connector", "call", "shop", "coupon.apply", "coupon=22 22"]
    assert parse_step(words[words.index("--before") + 1]) == ("cart.add", {"product_id": 40, "option": {"226": "it's"}})


def test_the_yaml_of_every_example_is_a_sound_configuration() -> None:
    """A subscriber or publisher that is copied from a page loads, whatever the entity."""
    for entity in CATALOG.entities:
        if entity.reserved is not None or "3.0" not in entity.variants:
            continue
        variant = entity.variants["3.0"]
        before, problems = read_before(write_before(CATALOG, variant), CATALOG)
        assert not problems
        payload = dict(variant.example.payload)
        text = write_call("publisher", "shop", entity.id, payload, before)

        project = load(_read(text) | {"clients": SHOP})

        assert len(project.outgoing) == 1, entity.id


def test_a_fault_in_the_steps_ahead_has_its_place() -> None:
    """What is wrong with the steps is told with line and column."""
    _, problems = read_before("- entity: cart.add\n  date: {}\n- entity: cart.ad\n", CATALOG)

    assert [problem.partition(":")[0] for problem in problems] == ["line 2, column 3", "line 3, column 11"]
    assert 'did you mean "cart.add"' in problems[1]


def _read(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(text))
