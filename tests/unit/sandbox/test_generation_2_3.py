"""What 2.3 does in its own way: sessions inside a browser's, orders that keep the cart, and the like."""

import json
from typing import Any

import pytest

from connector.sandbox.controls import run_control
from connector.sandbox.exchange import ShopAnswer, ShopRequest
from connector.sandbox.faults import FaultPlan
from connector.sandbox.generation_2_3.lifecycle import Generation23
from connector.sandbox.shop.seed import DEFAULT_KEY
from connector.sandbox.shop.tables import Shop
from connector.sandbox.views import list_orders
from tests.unit.sandbox.conftest import ADDRESS, CUSTOMER, build_request, build_shop

BROWSER = "PHPSESSID"
REFUSED = "Warning: You do not have permission to access the API!"


class Browser:
    """A caller that keeps the cookies it is given."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.cookies: dict[str, str] = {}
        self.token = ""
        self.token = self.send("login", {"username": "Default", "key": DEFAULT_KEY})["token"]

    def build(self, route: str, form: dict[str, str] | None = None, **query: str) -> ShopRequest:
        """Return a request with the cookies and the token there are."""
        sent = {"route": f"api/{route}", **({"token": self.token} if self.token else {}), **query}
        return build_request(sent, form, cookie="; ".join(f"{name}={value}" for name, value in self.cookies.items()))

    def ask(self, request: ShopRequest) -> ShopAnswer:
        """Return the answer to a request, and keep its cookies."""
        answer = Generation23().begin(self.shop, request).finish()
        self.cookies |= {cookie.name: cookie.value for cookie in answer.cookies}
        return answer

    def send(self, route: str, form: dict[str, str] | None = None, **query: str) -> Any:
        """Return the JSON answered to one call."""
        return json.loads(self.ask(self.build(route, form, **query)).body)

    def prepare(self, **customer: str) -> None:
        """Do everything an order needs before it can be placed."""
        self.send("customer", {**CUSTOMER, "fax": "", **customer})
        self.send("cart/add", {"product_id": "40"})
        for kind, method in (("payment", "cod"), ("shipping", "flat.flat")):
            self.send(f"{kind}/address", ADDRESS)
            self.send(f"{kind}/methods")
            self.send(f"{kind}/method", {f"{kind}_method": method})


@pytest.fixture
def shop() -> Shop:
    """A shop of 2.3."""
    return build_shop(Generation23())


@pytest.fixture
def browser(shop: Shop) -> Browser:
    """A logged-in caller of that shop."""
    return Browser(shop)


def control(shop: Shop, name: str, **fields: Any) -> None:
    """Use a control."""
    run_control(shop, FaultPlan(), name, fields)


@pytest.mark.parametrize("cookie", [None, "0123456789abcdefghijklmnop"])
def test_token_without_its_browser(browser, cookie):
    """A token is of no use without the cookie that came with it."""
    browser.cookies = {} if cookie is None else {BROWSER: cookie}

    told = browser.send("cart/products")

    assert told == {"error": {"warning": REFUSED}}


def test_cookie_without_the_token(browser):
    """The cookie alone names a session of the storefront, which may not use the API."""
    browser.token = ""

    assert browser.send("cart/products") == {"error": {"warning": REFUSED}}


def test_two_tokens_of_one_browser(browser):
    """Two log-ins of one browser are two sessions with a cart each."""
    first = browser.token
    second = browser.send("login", {"username": "Default", "key": DEFAULT_KEY}, token="")["token"]
    browser.send("cart/add", {"product_id": "40"})

    seen = {token: len(browser.send("cart/products", token=token)["products"]) for token in (first, second)}

    assert seen == {first: 1, second: 0}


def test_calls_at_once_wait_for_each_other(browser):
    """A call that arrives before another is answered starts from what that one leaves."""
    requests = [
        browser.build("currency", {"currency": "EUR"}),
        browser.build("coupon", {"coupon": "2222"}),
    ]
    browser.send("cart/add", {"product_id": "40"})

    for handling in [Generation23().begin(browser.shop, request) for request in requests]:
        handling.finish()

    titles = {row["title"]: row["text"] for row in browser.send("cart/products")["totals"]}
    assert titles["Coupon (2222)"] == "-7.92€"


@pytest.mark.parametrize(("origin", "allowed"), [("https://panel.example", "https://panel.example"), ("", None)])
def test_pages_of_other_sites(browser, origin, allowed):
    """The API repeats the site a call came from, and says nothing of sites where it came from none."""
    request = build_request({"route": "api/cart/products", "token": browser.token}, origin=origin)

    headers = dict(browser.ask(request).headers)

    assert headers.get("Access-Control-Allow-Origin") == allowed


def test_order_keeps_the_cart(browser):
    """After an order the lines are still there, and can be ordered once more."""
    browser.prepare()

    ids = [browser.send("order/add")["order_id"] for _ in range(2)]

    assert ids == [1, 2]
    assert len(browser.send("cart/products")["products"]) == 1


def test_changed_order_has_two_entries_more(browser):
    """Changing an order first voids it, and both are noted."""
    browser.prepare()
    browser.send("order/add")

    browser.send("order/edit", {"order_status_id": "2"}, order_id="1")

    assert [row.order_status_id for row in browser.shop.orders[1].history] == [1, 0, 2]


def test_spaces_stay(browser):
    """Nothing is cut off what is sent."""
    browser.prepare(firstname="  Jane ")

    browser.send("order/add")

    assert browser.shop.orders[1].columns["firstname"] == "  Jane "


def test_code_beyond_the_bmp(browser):
    """A code of rare characters is simply none the shop knows."""
    assert "invalid" in browser.send("coupon", {"coupon": "🎈"})["error"]


def test_mail_that_fails_comes_after_everything(browser):
    """When mail fails the order has its status already."""
    browser.prepare()
    browser.shop.is_mail_broken = True

    answer = browser.ask(browser.build("order/add"))

    assert (answer.status, [order.status for order in list_orders(browser.shop)]) == (500, ["Pending"])


def test_coupon_takes_off_what_is_not_there(browser):
    """A discount is not held to what is left to pay, here nothing."""
    browser.send("customer", {**CUSTOMER, "customer_id": "1", "fax": ""})
    browser.send("cart/add", {"product_id": "28"})
    browser.send("reward", {"reward": "200"})

    browser.send("coupon", {"coupon": "2222"})

    totals = {row["title"]: row["text"] for row in browser.send("cart/products")["totals"]}
    assert (totals["Reward Points (200)"], totals["Coupon (2222)"]) == ("$-100.00", "$-10.00")


@pytest.mark.parametrize("what", ["token", "session"])
def test_what_is_old_is_gone(browser, what):
    """The control finds rows by the token of the browser they belong to."""
    other = Browser(browser.shop)

    control(browser.shop, "expire", what=what, token=browser.token)

    refused = [REFUSED in str(one.send("cart/products")) for one in (browser, other)]
    assert refused == [True, False]


def test_database_that_is_down(browser):
    """Without its database the shop says nothing."""
    browser.shop.is_database_up = False

    answer = browser.ask(browser.build("cart/products"))

    assert (answer.status, answer.body) == (500, b"")
