"""What 4.0 does in its own way: tokens that are sessions, and orders that a session stands for."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from connector.sandbox.controls import run_control
from connector.sandbox.exchange import ShopAnswer
from connector.sandbox.faults import FaultPlan
from connector.sandbox.generation_4_0.lifecycle import Generation40
from connector.sandbox.shop.seed import DEFAULT_KEY
from connector.sandbox.shop.tables import Shop
from connector.sandbox.views import list_orders
from tests.unit.sandbox.conftest import ADDRESS, CUSTOMER, build_request, build_shop

BUYER = {**CUSTOMER, "customer_group_id": "1"}
PLAIN = {"product_id": "40"}
BY_PLAN = {"product_id": "46", "subscription_plan_id": "2"}
DEAR_OPTIONS = {
    "product_id": "42",
    "quantity": "2",
    **{f"option[{option_id}]": "x" for option_id in (208, 209, 219, 220, 221, 222)},
    "option[217]": "4",
    "option[218]": "5",
    "option[223][]": "8",
}


class Session:
    """A session of the API."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.token = self.send("account/login", {"username": "oc_api", "key": DEFAULT_KEY}, token=None)["api_token"]

    def answer(
        self, route: str, form: dict[str, str] | None = None, *, token: str | None = "", **query: str
    ) -> ShopAnswer:
        """Return the answer to one call."""
        sent = {"route": f"api/{route}", **({} if token is None else {"api_token": token or self.token}), **query}
        return Generation40().begin(self.shop, build_request(sent, form)).finish()

    def send(self, route: str, form: dict[str, str] | None = None, *, token: str | None = "", **query: str) -> Any:
        """Return the JSON answered to one call."""
        return json.loads(self.answer(route, form, token=token, **query).body)

    def prepare(self, product: Mapping[str, str] = PLAIN) -> None:
        """Do everything an order needs before it can be confirmed."""
        self.send("sale/customer", BUYER)
        self.send("sale/cart.add", dict(product))
        self.send("sale/shipping_address", {**ADDRESS, "shipping_address_id": "0"})
        self.send("sale/shipping_method")
        self.send("sale/shipping_method.save", {"shipping_method": "flat.flat"})
        self.send("sale/payment_method")
        self.send("sale/payment_method.save", {"payment_method": "cod.cod"})

    def totals(self) -> dict[str, str]:
        """Return the totals of the cart, text by title."""
        return {row["title"]: row["text"] for row in self.send("sale/cart")["totals"]}


@pytest.fixture
def shop() -> Shop:
    """A shop of 4.0."""
    return build_shop(Generation40())


@pytest.fixture
def session(shop: Shop) -> Session:
    """A session of that shop."""
    return Session(shop)


def control(shop: Shop, name: str, **fields: Any) -> None:
    """Use a control."""
    run_control(shop, FaultPlan(), name, fields)


@pytest.mark.parametrize(
    "route", ["sale/cart.add", "sale/cart|add", "sale/cart.ADD", "sale/Cart.add", "sale/ca-rt.add"]
)
def test_ways_to_write_a_route(session, route):
    """Dot or pipe, a method's capitals, a word's first letter and signs no path has: all lead to the same place."""
    assert "success" in session.send(route, PLAIN)


@pytest.mark.parametrize("route", ["sale/cart/add", "sale/cart.nope", "sale/cart%7Cadd", "sale"])
def test_routes_that_lead_nowhere(session, route):
    """Anything else is a page that was not found."""
    answer = session.answer(route, PLAIN)

    assert (answer.status, answer.content_type) == (404, "text/html; charset=utf-8")


def test_call_without_a_token(session):
    """Without a token there is no such page."""
    assert session.answer("sale/cart", token=None).status == 404


def test_capital_that_opens_the_door(session):
    """The check of the token looks at the route as it was written, and the file is found however it was."""
    request = build_request({"route": "Api/sale/cart"})

    answer = Generation40().begin(session.shop, request).finish()

    assert "products" in json.loads(answer.body)


def test_token_nobody_gave_out(session):
    """A token that is no good leaves the shop without a session, of which it dies twice."""
    answer = session.answer("sale/cart", token="0" * 26)

    assert (answer.status, b"Session::$session_id must not be accessed" in answer.body) == (500, True)


def test_token_ends_before_its_session(session):
    """A token ends after an idle hour, while its session's data live for a day."""
    session.shop.clock.shift_s += 3_500
    session.send("sale/cart.add", PLAIN)
    session.shop.clock.shift_s += 3_500
    seen = len(session.send("sale/cart")["products"])

    session.shop.clock.shift_s += 3_700

    assert (seen, session.answer("sale/cart").status) == (1, 500)


def test_pages_of_other_sites(session):
    """Every site may call."""
    headers = dict(session.answer("sale/cart").headers)

    assert headers["Access-Control-Allow-Origin"] == "*"


def test_shop_that_hides_its_errors(session):
    """Where errors are hidden, the first warning ends the request, and nothing of it is kept."""
    session.prepare()
    session.send("sale/cart.add", BY_PLAN)
    control(session.shop, "settings", config_error_display=False)

    answer = session.answer("sale/order.confirm")

    assert (answer.status, dict(answer.headers)["Location"]) == (302, "error.html")
    assert [order.status for order in list_orders(session.shop)] == [""]


def test_session_orders_once(session):
    """Confirming again changes the order that is there, which is void in between."""
    session.prepare()

    ids = [session.send("sale/order.confirm")["order_id"] for _ in range(2)]

    assert ids == [1, 1]
    assert [row.order_status_id for row in session.shop.orders[1].history] == [1, 0, 1]


def test_order_that_is_gone(session):
    """A session whose order was deleted says success and stores nothing."""
    session.prepare()
    session.send("sale/order.confirm")
    session.send("sale/order.delete", order_id="1")

    told = session.send("sale/order.confirm")

    assert (told["success"], told["order_id"], len(session.shop.orders)) == ("Success: You have modified orders!", 1, 0)


def test_new_status_of_an_order(session):
    """A status can be named with the confirmation, and another one set later."""
    session.prepare()
    session.send("sale/order.confirm", {"order_status_id": "2"})

    session.send("sale/order.addHistory", {"order_id": "1", "order_status_id": "3", "comment": "sent"})

    (order,) = list_orders(session.shop)
    assert (order.status, [row.comment for row in order.history]) == ("Shipped", ["", "sent"])


def test_text_arrives_whole(session):
    """An order keeps what it is told, rare characters as well."""
    session.prepare()
    session.send("sale/order.comment", {"comment": "ring 🎈 twice"})

    session.send("sale/order.confirm")

    assert [order.comment for order in list_orders(session.shop)] == ["ring 🎈 twice"]


def test_deleting_what_is_not_there(session):
    """Deleting says success whatever is named."""
    assert "success" in session.send("sale/order.delete", {"selected[]": "77"})


def test_loaded_order_lies_on_top(session):
    """Loading an order puts its lines on those of the cart."""
    session.prepare()
    session.send("sale/order.confirm")

    session.send("sale/order.load", order_id="1")

    assert [line["quantity"] for line in session.send("sale/cart")["products"]] == ["2"]


def test_loaded_order_grows_dearer(session):
    """A line comes back at the price it was sold for, to which its options are added once more."""
    session.prepare(DEAR_OPTIONS)
    (sold,) = session.send("sale/cart")["products"]
    session.send("sale/order.confirm")
    other = Session(session.shop)

    other.send("sale/order.load", order_id="1")

    (loaded,) = other.send("sale/cart")["products"]
    assert (sold["price"], loaded["price"]) == ("$138.80", "$167.60")


def test_loaded_order_is_changed_by_another_session(session):
    """A session that loads an order stands for it."""
    session.prepare()
    session.send("sale/order.confirm")
    other = Session(session.shop)
    other.send("sale/order.load", order_id="1")

    other.send("sale/order.comment", {"comment": "changed"})
    other.send("sale/order.confirm")

    assert [order.comment for order in list_orders(session.shop)] == ["changed"]


def test_buyer_without_a_group(session):
    """A buyer without a group is taken, and belongs to none from the next call on: no taxes, no plans."""
    session.send("sale/cart.add", PLAIN)
    before = session.totals()

    told = session.send("sale/customer", CUSTOMER)

    assert "success" in told
    assert ("VAT (20%)" in before, "VAT (20%)" in session.totals()) == (True, False)


def test_coupon_that_is_refused(session):
    """A code that does not count leaves the one before it."""
    session.send("sale/cart.add", PLAIN)
    session.send("sale/coupon", {"coupon": "2222"})

    refused = session.send("sale/coupon", {"coupon": "OLD2019"})

    assert "error" in refused
    assert "Coupon (2222)" in session.totals()


def test_key_of_a_gift_voucher(session):
    """The cart counts gift vouchers anew each time, while removing one goes by the place it was put in."""
    gift = {
        "from_name": "A",
        "from_email": "a@example.com",
        "to_name": "B",
        "to_email": "b@example.com",
        "voucher_theme_id": "8",
        "amount": "10",
    }
    for _ in range(2):
        session.send("sale/voucher.add", gift)
    session.send("sale/voucher.remove", {"key": "0"})

    (left,) = session.send("sale/cart")["vouchers"]

    assert (left["key"], session.send("sale/voucher.remove", {"key": "0"})) == (0, {"error": "error_voucher"})


def test_calls_at_once_lose_one(session):
    """Two calls that both read the session before the other writes it: the last one wins."""
    session.send("sale/cart.add", PLAIN)
    query = {"api_token": session.token}
    calls = [
        build_request({**query, "route": "api/localisation/currency"}, {"currency": "EUR"}),
        build_request({**query, "route": "api/sale/coupon"}, {"coupon": "2222"}),
    ]

    for handling in [Generation40().begin(session.shop, call) for call in calls]:
        handling.finish()

    assert session.totals()["Coupon (2222)"] == "$-10.10"


def test_session_that_does_not_fit(session):
    """A session too long for its column is cut off, and is of no use from the next call on."""
    session.send("sale/order.comment", {"comment": "x" * 70_000})

    assert session.answer("sale/cart").status == 404


@pytest.mark.parametrize("query", [{"language": "de-de"}, {"store_id": "1"}])
def test_other_languages_and_stores(session, query):
    """A language or store that the shop has not got knows no products, and such a call empties the cart."""
    session.send("sale/cart.add", PLAIN)

    session.send("sale/cart", **query)

    assert session.send("sale/cart")["products"] == []


def test_coupon_used_up_in_between(session):
    """An order that waits for its status while another uses up its coupon becomes a case of fraud."""
    other = Session(session.shop)
    for one in (session, other):
        one.prepare()
        one.send("sale/coupon", {"coupon": "ONCE"})
    session.send("sale/order.confirm", {"order_status_id": "0"})
    other.send("sale/order.confirm")

    session.send("sale/order.addHistory", {"order_id": "1", "order_status_id": "1"})

    assert [session.shop.orders[order_id].order_status_id for order_id in (1, 2)] == [8, 1]


def test_order_of_a_plan(session):
    """What a plan costs is lost on the way to the order, of which PHP complains four times."""
    session.prepare()
    session.send("sale/cart.add", BY_PLAN)

    answer = session.answer("sale/order.confirm")

    assert answer.body.count(b"Undefined array key") == 4


def test_mail_that_fails(session):
    """When mail fails, the order is there without a status, and so is the session that stands for it."""
    session.prepare()
    session.shop.is_mail_broken = True

    answer = session.answer("sale/order.confirm")

    assert (answer.status, b"Connection refused" in answer.body) == (200, True)
    assert [order.status for order in list_orders(session.shop)] == [""]


def test_database_that_is_down(session):
    """Without its database the shop says so, and to anybody."""
    session.shop.is_database_up = False

    answer = session.answer("sale/cart")

    assert (answer.status, b"Could not make a database link" in answer.body) == (200, True)
