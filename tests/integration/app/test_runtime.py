"""A project opened from Python: what it hands out, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from connector import ConnectorError, load, open_project
from connector.client.client import show_exchange
from connector.errors import UnknownNameError, UnreachableError
from connector.redaction import Redactor
from connector.request import Effect, Operation, PageInput, Repeat, Verdict
from connector.sandbox.server import SandboxServer
from connector.testing.server import Reply, ScriptedServer

OPERATION = Operation(entity="x", title="x", route="x", effect=Effect.READ, repeat=Repeat.SAFE)

QUOTES = {
    "client": "shop",
    "before": [
        {"entity": "cart.add", "data": {"product_id": 40, "quantity": 1}},
        {
            "entity": "shipping.address",
            "data": {
                "firstname": "Ann",
                "lastname": "Lee",
                "address_1": "1 High Street",
                "city": "London",
                "postcode": "NW1 6XE",
                "country_id": 222,
                "zone_id": 3553,
            },
        },
    ],
    "entity": "Shipping - Returning available shipping methods",
    "records": "$.shipping_methods.*.quote.*",
}


def document(client: dict[str, Any]) -> dict[str, Any]:
    """An incoming, an outgoing and a route on one shop."""
    return {
        "clients": {"shop": client},
        "incoming": {"quotes": {"subscriber": QUOTES, "transform": [{"pick": ["code", "cost"]}]}},
        "outgoing": {
            "apply": {
                "publisher": {
                    "client": "shop",
                    "before": [{"entity": "cart.add", "data": {"product_id": 40, "quantity": 1}}],
                    "entity": "coupon.apply",
                    "data": {"coupon": "{{ record.code }}"},
                }
            }
        },
        "routes": {"coupons": {"outgoing": "apply", "key": "{{ record.code }}"}},
    }


async def coupons(*codes: str):
    """Records with these codes, in one batch."""
    yield [{"code": code} for code in codes]


async def test_the_main_flow_from_python():
    """A subscriber gives records, a publisher sends one, a route sends many and tells of each."""
    results: list[Any] = []

    async with SandboxServer(error_display=False) as shop:
        client = {"connector": "opencart", "base_url": shop.base_url, "key": shop.key}
        async with open_project(load(document(client), environment={})) as runtime:
            quotes = [record async for record in runtime.incoming("quotes").records()]
            raw = [record async for page in runtime.subscriber("quotes").pages() for record in page.records]
            published = await runtime.publisher("apply").publish({"code": "2222"})
            summary = await runtime.route("coupons").push(coupons("2222", "nope", "1111"), on_result=results.append)

    assert quotes == [{"code": "flat.flat", "cost": "5.00"}]
    assert raw[0]["title"] == "Flat Shipping Rate"
    assert published.verdict is Verdict.OK
    assert sorted((result.index, result.key, result.status) for result in results) == [
        (0, "2222", "finished"),
        (1, "nope", "failed"),
        (2, "1111", "finished"),
    ]
    assert summary.verdicts == {"ok": 2, "rejected": 1}


@pytest.mark.parametrize("kind", ["client", "incoming", "outgoing", "subscriber", "publisher", "route"])
async def test_an_unknown_name_is_answered_with_those_there_are(kind: str):
    """Whatever is asked for by a name that nothing has: the message lists the names and suggests the closest."""
    client = {"connector": "opencart", "base_url": "http://shop.test/", "key": "k"}
    near = {"client": "shpo", "incoming": "quote", "outgoing": "aply", "subscriber": "quote", "publisher": "aply"}

    async with open_project(load(document(client), environment={})) as runtime:
        with pytest.raises(UnknownNameError, match=r"there are: .*did you mean"):
            getattr(runtime, kind)(near.get(kind, "coupon"))


async def test_every_door_leads_to_the_same_client():
    """A client is built once, so that its sessions, its limit and its log-in are shared."""
    client = {"connector": "opencart", "base_url": "http://shop.test/", "key": "k"}

    async with open_project(load(document(client), environment={})) as runtime:
        first, second = runtime.client("shop"), runtime.client("shop")

    assert first is second
    assert "shop" in repr(first)


async def test_nothing_is_opened_before_it_is_used():
    """A project on a shop that is not there opens, and closes."""
    client = {"connector": "opencart", "base_url": "http://127.0.0.1:9/", "key": "k"}

    async with open_project(load(document(client), environment={})) as runtime:
        await runtime.aclose()
        await runtime.aclose()


async def test_an_authority_that_cannot_be_read_is_named_when_the_client_is_used():
    """A `ca_file` that is not there is one clear message."""
    client = {"connector": "opencart", "base_url": "HTTPS://shop.test/", "key": "k", "ca_file": "/nowhere/ca.pem"}

    async with open_project(load(document(client), environment={})) as runtime:
        with pytest.raises(UnreachableError, match=r"ca_file /nowhere/ca\.pem cannot be used"):
            runtime.client("shop")


async def test_closing_goes_on_after_a_failure():
    """One client that cannot be closed does not keep the others open."""
    closed: list[str] = []

    class Transport(httpx.AsyncBaseTransport):
        """Fails to close for the first that is closed."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={})

        async def aclose(self) -> None:
            closed.append("closed")
            if len(closed) == 1:
                raise OSError("cannot close")

    clients = {name: {"connector": "http", "base_url": f"http://{name}.test/"} for name in ("a", "b")}
    outgoing = {name: {"publisher": {"client": name, "route": "x"}} for name in clients}
    project = load({"clients": clients, "outgoing": outgoing}, environment={})

    async def use_both() -> None:
        async with open_project(project, transport=Transport()) as runtime:
            for name in clients:
                await runtime.publisher(name).publish({"a": 1})

    with pytest.raises(OSError, match="cannot close"):
        await use_both()

    assert len(closed) == 2


async def test_secrets_of_the_configuration_are_told_to_the_redactor():
    """Keys from variables and from the file itself, and headers of a staging server, are masked from the start."""
    redactor = Redactor()
    clients = {
        "shop": {
            "connector": "opencart",
            "base_url": "http://shop.test/",
            "key": "${SHOP_KEY}",
            "headers": {"Authorization": "Basic c3RhZ2luZw==", "X-Shop": "plainly"},
        },
        "erp": {"connector": "http", "base_url": "http://erp.test/", "auth": {"bearer": "written-down"}},
    }
    project = load({"clients": clients}, environment={"SHOP_KEY": "from-outside"})

    async with open_project(project, redactor=redactor) as runtime:
        runtime.client("shop")
        runtime.client("erp")

    masked = redactor.mask_text("from-outside written-down Basic c3RhZ2luZw== plainly")
    assert masked == "*** *** *** plainly"


async def test_a_proxy_is_told_who_asks_it():
    """The request goes to the proxy with its user and password, which reach nobody else and show nowhere."""
    async with ScriptedServer(lambda _request: Reply(json={})) as proxy:
        client = {
            "connector": "http",
            "base_url": "http://erp.test/",
            "proxy": proxy.url,
            "proxy_auth": {"username": "me", "password": "${PROXY_PASSWORD}"},
        }
        document = {"clients": {"erp": client}, "outgoing": {"out": {"publisher": {"client": "erp", "route": "x"}}}}
        project = load(document, environment={"PROXY_PASSWORD": "hunter22"})
        async with open_project(project) as runtime:
            await runtime.publisher("out").publish({"n": 1})

    (received,) = proxy.requests
    assert received.headers["host"] == "erp.test"
    assert received.headers["proxy-authorization"] == "Basic bWU6aHVudGVyMjI="
    assert "hunter22" not in repr(project)


async def test_a_rate_limit_holds_over_all_sessions():
    """Eight publishes side by side at 50 a second take at least 7 intervals."""
    async with ScriptedServer(lambda _request: Reply(json={})) as server:
        clients = {"erp": {"connector": "http", "base_url": server.url, "rate_limit": "50/s", "sessions": 8}}
        outgoing = {"out": {"publisher": {"client": "erp", "route": "x"}}}
        async with open_project(load({"clients": clients, "outgoing": outgoing}, environment={})) as runtime:
            started_s = asyncio.get_running_loop().time()
            await asyncio.gather(*(runtime.publisher("out").publish({"n": n}) for n in range(8)))
            took_s = asyncio.get_running_loop().time() - started_s

    assert took_s >= 7 / 50 * 0.95


async def test_errors_have_one_root():
    """Whoever uses the package catches one class."""
    client = {"connector": "opencart", "base_url": "http://127.0.0.1:9/", "key": "k"}

    async with open_project(load(document(client), environment={})) as runtime:
        with pytest.raises(ConnectorError, match=r"127\.0\.0\.1:9 refused the connection"):
            await runtime.publisher("apply").publish({"code": "2222"})


async def test_numbers_beyond_64_bits_are_shown():
    """An exchange shows an answer with a long whole number, cut or not."""
    number = 12345678901234567890123
    shown = [{"id": number}, {"id": number, "text": "x" * 5000}]
    replies = iter(shown)

    async with ScriptedServer(lambda _request: Reply(body=json.dumps(next(replies)).encode())) as server:
        clients = {"erp": {"connector": "http", "base_url": server.url}}
        outgoing = {"out": {"publisher": {"client": "erp", "route": "x"}}}
        async with open_project(load({"clients": clients, "outgoing": outgoing}, environment={})) as runtime:
            exchanges: list[Any] = []
            async with runtime.client("erp").lease(is_stateful=False, observe=exchanges.append) as session:
                for _ in shown:
                    await session.send(OPERATION, {}, PageInput())

    texts = [str(show_exchange(exchange, Redactor())["response"]) for exchange in exchanges]
    assert all(str(number) in text for text in texts)


async def test_a_closed_project_does_nothing_any_more():
    """After closing, what was handed out before and what is asked for now both refuse, and nothing is sent."""
    async with ScriptedServer(lambda _request: Reply(json={})) as server:
        clients = {"erp": {"connector": "http", "base_url": server.url}}
        outgoing = {"out": {"publisher": {"client": "erp", "route": "x"}}}
        async with open_project(load({"clients": clients, "outgoing": outgoing}, environment={})) as runtime:
            publisher = runtime.publisher("out")

        with pytest.raises(ConnectorError, match="the client is closed"):
            await publisher.publish({"n": 1})
        with pytest.raises(ConnectorError, match="the project is closed"):
            runtime.publisher("out")

    assert server.requests == []
