"""Requests as commands that repeat them."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from connector import load
from connector.app.call import compile_typed_call
from connector.app.runtime import open_project
from connector.cli.arguments import parse_data, parse_payload, parse_step
from connector.desk.call import carry_out, plan_call
from connector.desk.repeat import as_call, note_on_call
from connector.publisher.publisher import Preview, preview_call
from connector.sandbox.server import SandboxServer
from connector.store.rows import ExchangeRow
from connector.task.transcript import Transcript
from tests.desk.installation import configure

PROJECT = load(configure(), environment={})


def read_command(command: str) -> tuple[str, str, dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """Return client, entity, payload and steps of a command, as `connector call` reads them."""
    program, call, client, entity, *words = shlex.split(command)
    assert (program, call) == ("connector", "call")
    before, fields, data = [], [], None
    while words:
        word = words.pop(0)
        if word == "--before":
            before.append(parse_step(words.pop(0)))
        elif word == "--data":
            data = words.pop(0)
        else:
            fields.append(word)
    return client, entity, parse_payload(fields, parse_data(data)), before


def exchange(
    request: str, *, entity: str = "cart.add", url: str = "http://x/index.php?route=api/cart/add"
) -> ExchangeRow:
    """Return a request as it is kept."""
    return ExchangeRow(entity, "POST", url, 0, 1, 200, "ok", None, request, "{}")


@pytest.mark.parametrize(
    "payload",
    [
        {"coupon": "2222"},
        {"coupon": 'it\'s $HOME `ls` "quoted" & new\nline; é'},
        {"product_id": 40, "option": {"226": ["15", 16]}, "note": None, "flag": True},
        {"odd:name": "x", "b": "c"},
        {"list": [{"a": 1.5}], "empty": {}, "text": ""},
    ],
)
def test_a_payload_that_would_be_sent_is_typed_so_that_it_is_read_again(payload: dict[str, Any]):
    """The command of a preview gives the very payload, whatever a shell would make of its characters."""
    command = as_call(PROJECT, "shop", Preview("step", "cart.add", payload))

    assert read_command(command) == ("shop", "cart.add", payload, [])


def test_a_text_that_looks_like_a_template_stays_a_text():
    """Braces that came with the record are not taken for a template when the command is run."""
    payload = {"coupon": 'a {{ 1 + 1 }} {% raw %} "b" é'}

    command = as_call(PROJECT, "shop", Preview("step", "coupon.apply", payload))

    client, entity, typed, _ = read_command(command)
    plan = compile_typed_call(PROJECT, client, entity, typed)
    assert [preview.payload for preview in preview_call(plan, {})] == [payload]


def test_what_needs_an_earlier_answer_has_no_command():
    """A payload that is not known before something else is sent cannot be typed."""
    preview = Preview("step", "order.add", None, "it uses the answer of an earlier step")

    assert as_call(PROJECT, "shop", preview) == ""
    assert note_on_call(PROJECT, "shop", preview)


async def test_a_request_that_was_sent_is_repeated_with_the_steps_ahead_of_it():
    """A kept exchange comes back in the words of the catalog, with what its session needs in front."""
    async with SandboxServer(error_display=False) as shop:
        config = configure()
        config["clients"]["shop"] |= {"base_url": shop.base_url, "key": shop.key}
        project = load(config, environment={})
        async with open_project(project) as runtime:
            payload = {"product_id": "30", "option": {"226": "15"}, "quantity": "2"}
            planned = plan_call(project, "shop", "coupon.apply", {"coupon": "2222"}, before=[("cart.add", payload)])
            called = await carry_out(runtime, planned.plan)
            *before, last = Transcript(runtime.redactor).write(called.exchanges)

        command = as_call(project, "shop", last, before=before)

    assert called.is_success
    assert read_command(command) == ("shop", "coupon.apply", {"coupon": "2222"}, [("cart.add", payload)])
    assert shop.key not in command


@pytest.mark.parametrize("dialect", ["3.0", "4.1"])
async def test_a_request_is_told_in_the_words_of_the_catalog_in_every_generation(dialect: str):
    """Where requests carry along what was said before, the command has the fields of its own call alone."""
    async with SandboxServer(dialect, error_display=False) as shop:
        config = configure()
        config["clients"]["shop"] |= {"base_url": shop.base_url, "key": shop.key, "username": shop.username}
        config["clients"]["shop"]["dialect"] = dialect
        project = load(config, environment={})
        async with open_project(project) as runtime:
            first, second = {"product_id": "40", "quantity": "1"}, {"product_id": "30", "option": {"226": "15"}}
            planned = plan_call(project, "shop", "cart.add", second, before=[("cart.add", first)])
            called = await carry_out(runtime, planned.plan)
            *before, last = Transcript(runtime.redactor).write(called.exchanges)

        command = as_call(project, "shop", last, before=before)

    _, entity, payload, steps = read_command(command)
    assert entity == "cart.add"
    assert {name: payload[name] for name in second} == second
    assert [(name, fields["product_id"]) for name, fields in steps] == [("cart.add", "40")]


def test_a_log_in_has_no_command():
    """The program logs in by itself, and the key is nobody's to type."""
    said = exchange('{"username":"Default","key":"***"}', entity="session.login", url="http://x/?route=api/login")

    assert as_call(PROJECT, "shop", said) == ""
    assert "by itself" in note_on_call(PROJECT, "shop", said)


def test_what_commits_says_so():
    """Whoever runs a command that makes an order is told that it may make a second one."""
    said = exchange('{"comment":"x"}', entity="order.add", url="http://x/?route=api/order/add")

    assert "a second time" in note_on_call(PROJECT, "shop", said)
    assert "a second time" not in note_on_call(PROJECT, "shop", exchange('{"product_id":"40"}'))


def test_a_masked_field_is_named():
    """A field that is kept masked stands as a mask in the command, and the note says to fill it in."""
    said = exchange('{"product_id":"30","option[email]":"***"}')

    assert "***" in as_call(PROJECT, "shop", said)
    assert "option.email" in note_on_call(PROJECT, "shop", said)


def test_a_request_that_was_cut_cannot_be_repeated():
    """Of a long request only the beginning is kept: there is no command, and a note says why."""
    said = exchange('{"product_id":"3… (9,000 characters)')

    assert as_call(PROJECT, "shop", said) == ""
    assert "too long" in note_on_call(PROJECT, "shop", said)


def test_a_route_that_no_catalog_lists_is_called_by_its_name():
    """A request to an unlisted route repeats the route with the fields as they were sent."""
    said = exchange('{"since":"2026-01-01"}', entity="api/mine/do", url="http://x/index.php?route=api/mine/do")

    command = as_call(PROJECT, "shop", said)

    assert read_command(command) == ("shop", "api/mine/do", {"since": "2026-01-01"}, [])
