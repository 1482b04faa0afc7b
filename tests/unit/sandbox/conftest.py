"""A shop without HTTP: requests go straight to the generation that answers them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from connector.sandbox.exchange import ShopAnswer, ShopRequest
from connector.sandbox.generation import Generation
from connector.sandbox.generation_3_0.lifecycle import Generation30
from connector.sandbox.shop.seed import DEFAULT_KEY
from connector.sandbox.shop.tables import Shop

ADDRESS = {
    "firstname": "Jane",
    "lastname": "Buyer",
    "address_1": "1 High Street",
    "city": "London",
    "postcode": "SW1A 1AA",
    "country_id": "222",
    "zone_id": "3553",
}
CUSTOMER = {"firstname": "Jane", "lastname": "Buyer", "email": "jane@example.com", "telephone": "5550100"}


def build_request(query: dict[str, str], form: dict[str, str] | None = None, **headers: str) -> ShopRequest:
    """Return a request that posts a form; an underscore in a header's name stands for a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["content-type"] = "application/x-www-form-urlencoded"
    return ShopRequest("POST", "/index.php", urlencode(query).encode(), named, urlencode(form or {}).encode())


def build_shop(generation: Generation) -> Shop:
    """Return a shop fresh from the seed of its generation."""
    return Shop(generation.build_seed(DEFAULT_KEY, ("127.0.0.1",)), "http://shop.example")


def spoil(form: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the form with one field after the other left out or full of nonsense."""
    for name in form:
        base = name.partition("[")[0]
        rest = {other: value for other, value in form.items() if other != name}
        yield rest
        yield {**rest, f"{base}[]": "x"}
        yield {**rest, f"{base}[a][b]": "x"}
        yield {**rest, base: "9" * 40}
        yield {**rest, base: "Zoë 🎈"}


class Caller:
    """One session of the API of one shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.token = self.send("login", {"username": "Default", "key": DEFAULT_KEY}, token=None)["api_token"]

    def answer(
        self, route: str, form: dict[str, str] | None = None, *, token: str | None = "", **query: str
    ) -> ShopAnswer:
        """Return the answer to one call as it leaves the shop."""
        sent = {"route": f"api/{route}", **query}
        if token is not None:
            sent["api_token"] = token or self.token
        return Generation30().begin(self.shop, build_request(sent, form)).finish()

    def send(self, route: str, form: dict[str, str] | None = None, *, token: str | None = "", **query: str) -> Any:
        """Return the JSON answered to one call."""
        return json.loads(self.answer(route, form, token=token, **query).body)

    def prepare(self, product_id: str = "40", quantity: str = "1") -> None:
        """Do everything an order needs before it can be placed."""
        self.send("customer", CUSTOMER)
        self.send("cart/add", {"product_id": product_id, "quantity": quantity})
        self.send("payment/address", ADDRESS)
        self.send("shipping/address", ADDRESS)
        self.send("shipping/methods")
        self.send("shipping/method", {"shipping_method": "flat.flat"})
        self.send("payment/methods")
        self.send("payment/method", {"payment_method": "cod"})

    def totals(self) -> dict[str, str]:
        """Return the totals of the cart, text by title."""
        return {row["title"]: row["text"] for row in self.send("cart/products")["totals"]}


@pytest.fixture
def shop() -> Shop:
    """A shop fresh from its seed."""
    return build_shop(Generation30())


@pytest.fixture
def caller(shop: Shop) -> Caller:
    """A session of that shop."""
    return Caller(shop)


@pytest.fixture
def open_session(shop: Shop) -> Callable[[], Caller]:
    """Opens further sessions of the same shop."""
    return lambda: Caller(shop)
