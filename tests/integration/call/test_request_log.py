"""The request log and what reports show of an exchange: complete, masked, cut."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from structlog.testing import capture_logs

from connector.client.client import show_exchange
from connector.errors import CallError
from connector.redaction import MASK
from connector.testing.server import Received, Reply

if TYPE_CHECKING:
    from connector.request import Exchange

KEY = "k&y <with> 'marks'/+="
LOGGED = {"connector": "opencart", "dialect": "3.0", "key": KEY, "log_requests": True}


def lines_of(logged: list[Any]) -> list[dict[str, Any]]:
    """The lines about exchanges."""
    return [line for line in logged if line["event"] == "exchange"]


async def test_every_exchange_is_logged_the_log_in_included(shop, place_order):
    """One line each: client, entity, method, status, verdict, duration, payload and answer, nobody's name in it."""
    with capture_logs() as logged:
        async with place_order({"log_requests": True}) as runtime:
            await runtime.publisher("place-order").publish({"reference": "WEB-1"})

    lines = lines_of(logged)
    told = json.dumps(lines)
    assert [line["entity"] for line in lines][:2] == ["session.login", "customer.set"]
    assert len(lines) == 12
    assert {(line["client"], line["method"], line["status"], line["verdict"]) for line in lines} == {
        ("shop", "POST", 200, "ok")
    }
    assert all(line["duration_ms"] > 0 for line in lines)
    assert lines[0]["request"] == {"username": "Default", "key": MASK}
    assert lines[0]["response"]["api_token"] == MASK
    assert lines[1]["query"] == {"route": "api/customer", "api_token": MASK}
    assert lines[1]["request"] == dict.fromkeys(("firstname", "lastname", "email", "telephone"), MASK)
    assert not [word for word in (shop.key, "ann@example.com", "High Street", "0612345678") if word in told]


async def test_nothing_is_logged_unless_asked_for(place_order):
    """Without `log_requests` no exchange is logged."""
    with capture_logs() as logged:
        async with place_order() as runtime:
            await runtime.publisher("place-order").publish({"reference": "WEB-1"})

    assert lines_of(logged) == []


@pytest.mark.parametrize(
    "echo",
    [
        lambda form: Reply(json={"error": f"no {form['key']}"}),
        lambda form: Reply(json={"error": {"warning": [f"no {form['key']}"]}}),
        lambda form: Reply(json={form["key"]: 1}),
        lambda form: Reply(body=f"<p>{quote_plus(form['key'])}</p>".encode()),
        lambda form: Reply(500, body=b"<p>k&amp;y &lt;with&gt; &#039;marks&#039;/+=</p>"),
        lambda form: Reply(302, body=b"", headers={"location": f"/?key={quote_plus(form['key'])}"}),
    ],
    ids=["a text", "nested", "a name", "encoded", "escaped", "an address"],
)
async def test_a_key_that_comes_back_is_masked_however_it_is_spelt(open_call, scripted_shop, echo):
    """A shop that quotes the key in its answer does not bring it into the log, nor into the error."""
    script = scripted_shop({"api/login": lambda request: echo(request.form)})

    with capture_logs() as logged:
        async with open_call(script, publisher={"entity": "coupon.apply"}, client=LOGGED) as (runtime, _server):
            with pytest.raises(CallError) as caught:
                await runtime.publisher("out").publish({"coupon": "2222"})

    told = json.dumps(lines_of(logged), ensure_ascii=False) + str(caught.value) + str(caught.value.answer.errors)
    assert len(lines_of(logged)) == 1
    assert not [word for word in ("<with>", "&lt;with", "%3Cwith", "marks") if word in told]


async def test_a_token_is_masked_wherever_it_comes_back(open_call, scripted_shop):
    """What the log-in gave is a secret in every later line."""
    script = scripted_shop({"api/coupon": lambda request: Reply(json={"success": f"in {request.query['api_token']}"})})

    with capture_logs() as logged:
        async with open_call(script, publisher={"entity": "coupon.apply"}, client=LOGGED) as (runtime, _server):
            await runtime.publisher("out").publish({"coupon": "2222"})

    assert lines_of(logged)[1]["response"] == {"success": f"in {MASK}"}


AUTHS = [
    pytest.param({"query": {"name": "code", "value": "s3cret-1"}}, lambda r: r.query["code"], id="query"),
    pytest.param({"header": {"name": "X-Code", "value": "s3cret-1"}}, lambda r: r.headers["x-code"], id="header"),
    pytest.param({"bearer": "s3cret-1"}, lambda r: r.headers["authorization"], id="bearer"),
    pytest.param(
        {"basic": {"username": "ann", "password": "s3cret-1"}},
        lambda r: base64.b64decode(r.headers["authorization"].split()[1]).decode(),
        id="basic",
    ),
]


@pytest.mark.parametrize(("auth", "read"), AUTHS)
async def test_any_credential_of_a_plain_client_is_masked(open_call, auth: dict[str, Any], read):
    """Written into the configuration as it is and travelling under any name, it does not show when echoed."""

    def echo(request: Received) -> Reply:
        return Reply(json={"you_said": read(request)})

    client = {"connector": "http", "log_requests": True, "auth": auth}

    with capture_logs() as logged:
        async with open_call(echo, publisher={"route": "echo"}, client=client) as (runtime, _server):
            published = await runtime.publisher("out").publish({"a": 1})

    assert "s3cret-1" in published.value["you_said"]
    assert "s3cret-1" not in json.dumps(lines_of(logged))


async def test_personal_fields_are_masked_at_any_depth(open_call):
    """In payload and answer, below lists and objects, whatever the spelling of their names."""
    answer = {"orders": [{"customer": {"name": "Ann", "points": 5}, "phoneNumber": "06", "status": "paid"}]}
    client = {"connector": "http", "log_requests": True}

    with capture_logs() as logged:
        async with open_call(lambda _r: Reply(json=answer), publisher={"route": "x"}, client=client) as (runtime, _s):
            await runtime.publisher("out").publish({"shippingAddress": {"rows": ["1 High St"]}, "n": 1})

    line = lines_of(logged)[0]
    assert line["request"] == {"shippingAddress": {"rows": [MASK]}, "n": 1}
    assert line["response"] == {
        "orders": [{"customer": {"name": MASK, "points": MASK}, "phoneNumber": MASK, "status": "paid"}]
    }


@pytest.mark.parametrize(
    "reply",
    [Reply(json={"rows": ["x" * 100] * 1000}), Reply(body=b"<html>" + b"y" * 100_000)],
    ids=["JSON", "a web page"],
)
async def test_long_bodies_are_cut(open_call, reply: Reply):
    """Of a hundred thousand characters the first four thousand are logged, and how many there were."""
    client = {"connector": "http", "log_requests": True}
    publisher = {"route": "x", "effect": "read"}

    with capture_logs() as logged:
        async with open_call(lambda _r: reply, publisher=publisher, client=client) as (runtime, _server):
            with suppress(CallError):  # a web page is none of an API's answers
                await runtime.publisher("out").publish({"text": "z" * 50_000})

    line = lines_of(logged)[0]
    assert 4000 < len(line["response"]) < 4100
    assert 4000 < len(line["request"]) < 4100
    assert line["response"].endswith(" characters)")


async def test_an_answer_nested_beyond_reason_is_logged(open_call):
    """A thousand levels, which the reader takes, neither break the call nor the log."""
    body = b"[" * 1000 + b"]" * 1000
    client = {"connector": "http", "log_requests": True}

    with capture_logs() as logged:
        async with open_call(lambda _r: Reply(body=body), publisher={"route": "x"}, client=client) as (
            runtime,
            _server,
        ):
            published = await runtime.publisher("out").publish({"a": 1})

    assert published.verdict == "ok"
    assert "…" in json.dumps(lines_of(logged)[0]["response"], ensure_ascii=False)


async def test_an_address_that_was_followed_is_masked_by_the_names_in_it(open_call):
    """A next link carries what its maker put there, such as a token or somebody's address."""

    def answer(request: Received) -> Reply:
        link = "?page=2&sessionToken=abcdef&email=ann%40example.com" if not request.query else ""
        return Reply(json={"rows": [{"n": 1 + bool(link)}], "next": link})

    subscriber = {"route": "rows", "pagination": {"next_link": {"from": "$.next"}}, "records": "$.rows[*]"}
    client = {"connector": "http", "log_requests": True}

    with capture_logs() as logged:
        async with open_call(answer, subscriber=subscriber, client=client) as (runtime, server):
            _ = [record async for record in runtime.incoming("in").records()]

    assert server.requests[1].query["sessionToken"] == "abcdef"
    assert lines_of(logged)[1]["url"] == f"{server.url}rows?page=2&sessionToken={MASK}&email={MASK}"


async def test_a_failed_exchange_is_logged_as_a_warning(open_call):
    """Without an answer there is no status; the transport's words are there in its place."""
    client = {"connector": "http", "log_requests": True}

    with capture_logs() as logged:
        async with open_call(lambda _r: Reply(drop=True), publisher={"route": "x"}, client=client) as (runtime, _s):
            with pytest.raises(CallError):
                await runtime.publisher("out").publish({"a": 1})

    line = lines_of(logged)[0]
    assert (line["log_level"], line["status"], line["verdict"]) == ("warning", None, "unknown")
    assert "broke before a whole answer" in line["failure"]
    assert "response" not in line


async def test_what_is_shown_of_an_exchange_can_be_written_as_json(shop, place_order):
    """Reports of the command line show the same facts as the log."""
    exchanges: list[Exchange] = []

    async with place_order() as runtime:
        await runtime.publisher("place-order").publish({"reference": "WEB-1"}, observe=exchanges.append)
        shown = [show_exchange(exchange, runtime.redactor) for exchange in exchanges]

    assert json.loads(json.dumps(shown))[-1]["response"]["order_id"] == 1
    assert shop.key not in json.dumps(shown)
    assert set(shown[0]) == {
        *["entity", "method", "url", "query", "status", "verdict", "started_at", "duration_ms", "request", "response"]
    }
