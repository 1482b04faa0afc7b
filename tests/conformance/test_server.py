"""The practice shop over real HTTP: its doors, and what faults do to connections."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from connector.sandbox.controls import CONTROLS
from connector.sandbox.server import CONTROL_PREFIX, SOURCE_IP_HEADER, SandboxServer
from tests.conformance.signing import Manner, Signer

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


@dataclass(frozen=True)
class Reply:
    """An answer with its body read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)


class Client:
    """Calls a practice shop."""

    def __init__(self, shop: SandboxServer, http: aiohttp.ClientSession) -> None:
        self.shop = shop
        self.http = http
        self.token = ""

    async def call(self, route: str, **form: str) -> Reply:
        """Return the answer to one call."""
        query = {"route": f"api/{route}", **({"api_token": self.token} if self.token else {})}
        async with self.http.post(f"{self.shop.base_url}/index.php", params=query, data=form) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def log_in(self) -> None:
        """Open a session."""
        answer = await self.call("login", username=self.shop.username, key=self.shop.key)
        self.token = answer.json["api_token"]

    async def control(self, name: str, **fields: Any) -> tuple[int, Any]:
        """Return status and body of a control."""
        async with self.http.post(f"{self.shop.base_url}{CONTROL_PREFIX}{name}", json=fields) as answer:
            return answer.status, await answer.json()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    """A logged-in caller of a fresh shop."""
    async with SandboxServer() as shop, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        caller = Client(shop, http)
        await caller.log_in()
        yield caller


async def test_order_over_http(client: Client) -> None:
    """A whole order can be placed, and is seen from outside."""
    address = {"firstname": "J", "lastname": "B", "address_1": "1 High", "city": "London", "postcode": "SW1A 1AA"}
    place = {"country_id": "222", "zone_id": "3553"}
    await client.call("customer", firstname="J", lastname="B", email="j@example.com", telephone="123")
    await client.call("cart/add", product_id="40")
    await client.call("payment/address", **address, **place)
    await client.call("shipping/address", **address, **place)
    await client.call("shipping/methods")
    await client.call("payment/methods")

    answer = await client.call("order/add", shipping_method="flat.flat", payment_method="cod", comment="hello")

    assert answer.json == {"success": "Success: You have modified orders!", "order_id": 1}
    assert [order.comment for order in client.shop.orders] == ["hello"]


async def test_port_that_is_taken(client: Client) -> None:
    """A second shop on one port is refused by the system's own error."""
    port = int(client.shop.base_url.rsplit(":", 1)[1])

    with pytest.raises(OSError, match="address already in use"):
        await SandboxServer(port=port).start()


def test_unknown_dialect() -> None:
    """A dialect the shop does not play is refused with those it does."""
    with pytest.raises(ValueError, match=r"no dialect '9.9'; there are 2.3, 3.0, 4.0, 4.1"):
        SandboxServer("9.9")


@pytest.mark.parametrize(
    ("dialect", "route", "name"),
    [("2.3", "login", "token"), ("3.0", "login", "api_token"), ("4.0", "account/login", "api_token")],
)
async def test_name_and_key_of_a_dialect(dialect: str, route: str, name: str) -> None:
    """A shop of any generation that logs in says with what."""
    async with SandboxServer(dialect) as shop, aiohttp.ClientSession() as http:
        answer = await Client(shop, http).call(route, username=shop.username, key=shop.key)

        assert len(answer.json[name]) >= 26


async def test_calls_without_log_in() -> None:
    """A shop of 4.1 is called with signatures alone, and its calls have names for faults to meet."""
    async with SandboxServer("4.1") as shop, aiohttp.ClientSession() as http:
        shop.control("faults", route="order/customer", status=503)
        signer = Signer(URL(shop.base_url).authority, {shop.username: shop.key})
        fields = {"store_id": "0", "language": "en-gb", "currency": "USD", "time": "{TIME}"}

        for call in ("cart", "customer", "cart"):
            query = {"route": "api/order", "call": call, "username": shop.username, **fields}
            written = signer.write_query([*query.items(), ("signature", "{SIGNATURE}")], [], Manner())
            async with http.post(URL(f"{shop.base_url}/index.php?{written}", encoded=True)) as answer:
                await answer.read()

        notes = [(call.route, call.status) for call in shop.calls]
        assert notes == [("api/order.cart", 200), ("api/order.customer", 503), ("api/order.cart", 200)]


async def test_key_of_the_users_choice() -> None:
    """The key can be given, and is the one that works."""
    async with SandboxServer(key="of my own") as shop, aiohttp.ClientSession() as http:
        caller = Client(shop, http)

        await caller.log_in()

        assert (shop.key, len(caller.token)) == ("of my own", 26)


async def test_source_address_of_the_callers_choice(client: Client) -> None:
    """A header names the address a call seems to come from."""
    query = {"route": "api/login"}
    form = {"username": client.shop.username, "key": client.shop.key}
    headers = {SOURCE_IP_HEADER: "10.9.8.7"}

    async with client.http.post(f"{client.shop.base_url}/", params=query, data=form, headers=headers) as answer:
        told = await answer.json()

    assert told["error"]["ip"] == "Warning: Your IP 10.9.8.7 is not allowed to access this API!"


async def test_body_that_is_too_large(client: Client) -> None:
    """A body larger than a web server takes is refused before the shop sees it."""
    headers = {"Content-Length": str(33 * 1024 * 1024)}

    async with client.http.post(f"{client.shop.base_url}/index.php", data=b"a=1", headers=headers) as answer:
        assert answer.status == 413


async def test_controls_over_http(client: Client) -> None:
    """Controls answer with what they changed, and say what is wrong with a call."""
    done = await client.control("mail", broken=True)
    refused = await client.control("mail", broke=True)
    unknown = await client.control("nope")

    assert done == (200, {"ok": True, "broken": True})
    assert refused == (400, {"error": "broken is missing"})
    assert (unknown[0], unknown[1]["error"].split(";")[0]) == (400, "no control 'nope'")


async def test_control_without_json(client: Client) -> None:
    """A body that is not JSON is refused."""
    async with client.http.post(f"{client.shop.base_url}{CONTROL_PREFIX}mail", data=b"broken=1") as answer:
        told = await answer.json()

    assert (answer.status, told["error"].split(":")[0]) == (400, "the body is not JSON")


async def test_list_of_controls(client: Client) -> None:
    """The door says which controls there are."""
    async with client.http.get(f"{client.shop.base_url}{CONTROL_PREFIX}") as answer:
        told = await answer.json()

    assert told["controls"] == list(CONTROLS)


async def test_calls_are_noted(client: Client) -> None:
    """The calls the shop answered can be looked at."""
    await client.call("cart/products")

    assert [(call.route, call.status) for call in client.shop.calls] == [("api/login", 200), ("api/cart/products", 200)]


async def test_dropped_before_and_after(client: Client) -> None:
    """A dropped connection looks the same to the caller, whether the call was worked on or not."""
    for fault in ("drop_before_processing", "drop_after_processing"):
        client.shop.control("faults", route="cart/add", **{fault: True})
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.call("cart/add", product_id="40")

    products = (await client.call("cart/products")).json["products"]

    assert [line["quantity"] for line in products] == ["1"]


async def test_half_an_answer(client: Client) -> None:
    """A cut answer names its full length and ends early."""
    client.shop.control("faults", truncate=10)

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.call("cart/products")


async def test_slow_answer(client: Client) -> None:
    """A call can be made to wait."""
    client.shop.control("faults", delay_s=0.1)
    started = time.monotonic()

    await client.call("cart/products")

    assert time.monotonic() - started >= 0.1


async def test_refusal_with_retry_after(client: Client) -> None:
    """A refusal carries its headers, and the next call is answered again."""
    client.shop.control("faults", status=429, headers={"Retry-After": "3"})

    refused, answered = await client.call("cart/products"), await client.call("cart/products")

    assert (refused.status, refused.headers["Retry-After"], answered.status) == (429, "3", 200)


async def test_two_calls_at_once_lose_one(client: Client) -> None:
    """Calls that overlap in one session overwrite what the other did to it."""
    address = {
        "firstname": "J",
        "lastname": "B",
        "address_1": "1 High",
        "city": "London",
        "country_id": "21",
        "zone_id": "0",
    }
    await client.call("cart/add", product_id="40")
    client.shop.control("faults", calls=2, work_s=0.05)

    told = await asyncio.gather(client.call("payment/address", **address), client.call("shipping/address", **address))
    after = await client.call("payment/methods"), await client.call("shipping/methods")

    assert ["success" in answer.json for answer in told] == [True, True]
    assert sorted("error" in answer.json for answer in after) == [False, True]


async def test_head_gets_no_body(client: Client) -> None:
    """A HEAD request is answered without a body."""
    async with client.http.head(f"{client.shop.base_url}/index.php", params={"route": "api/cart/products"}) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


def test_every_control_and_header_is_documented() -> None:
    """The page about the practice shop names every control and the header."""
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in (*CONTROLS, SOURCE_IP_HEADER, CONTROL_PREFIX) if name not in page] == []


async def test_shop_on_ipv6_lets_its_users_in() -> None:
    """Whoever calls from the address the shop listens on may log in."""
    async with SandboxServer(host="::1") as shop, aiohttp.ClientSession() as http:
        caller = Client(shop, http)
        await caller.log_in()

    assert caller.token
