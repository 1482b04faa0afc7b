"""What 4.1 does in its own way: signed calls without a session, each with the whole order."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from connector.sandbox.controls import run_control
from connector.sandbox.exchange import ShopAnswer
from connector.sandbox.faults import FaultPlan
from connector.sandbox.generation_4_1.lifecycle import Generation41
from connector.sandbox.shop.seed import DEFAULT_KEY
from connector.sandbox.shop.tables import ApiUserRow, Shop
from connector.sandbox.views import OrderView, list_orders
from tests.conformance.signing import Manner, Signer
from tests.unit.sandbox.conftest import ADDRESS, CUSTOMER, build_request, build_shop, spoil

NOW = 1_795_326_775
HOST = "shop.example"
COOKIE = "OCSESSID"

GUEST = {**CUSTOMER, "customer_id": "0", "customer_group_id": "1"}
JANE = {**GUEST, "customer_id": "1", "email": "jane.roe@example.com"}
LINE = {"product[0][product_id]": "40", "product[0][quantity]": "1"}
ADDRESSES = {
    f"{kind}_{name}": value
    for kind in ("payment", "shipping")
    for name, value in {**ADDRESS, "address_id": "0", "company": "", "address_2": ""}.items()
}
SHIPPING = {
    "shipping_method[name]": "Flat Shipping Rate",
    "shipping_method[code]": "flat.flat",
    "shipping_method[cost]": "5.00",
    "shipping_method[tax_class_id]": "9",
}
PAYMENT = {"payment_method[name]": "Cash On Delivery", "payment_method[code]": "cod.cod"}
WITH_OPTIONS = {
    "product[0][product_id]": "42",
    **{f"product[0][option][{option_id}]": "x" for option_id in (208, 209, 219, 220, 221, 222)},
    "product[0][option][217]": "4",
    "product[0][option][218]": "5",
    "product[0][option][223][]": "8",
}
SUBSCRIPTION = {
    "customer_id": "1",
    "payment_address_id": "1",
    "shipping_address_id": "1",
    "subscription_plan_id": "2",
    "product[0][product_id]": "46",
    "product[0][quantity]": "1",
    "product[0][subscription_plan_id]": "2",
    **SHIPPING,
    **PAYMENT,
}
ORDER = {**GUEST, **LINE, **ADDRESSES, **SHIPPING, **PAYMENT, "order_status_id": "1"}


class Caller:
    """Calls a shop as its API user does; keeps no cookies."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def answer(
        self, call: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None, **query: str
    ) -> ShopAnswer:
        """Return the answer to one signed call."""
        sent = {
            "route": "api/order",
            "call": call,
            "username": "oc_api",
            "store_id": "0",
            "language": "en-gb",
            "currency": "USD",
            "time": str(int(self.shop.clock.now())),
            **query,
        }
        signer = Signer(HOST, {user.username: user.key for user in self.shop.users})
        sent["signature"] = signer.sign(sent, list(form.items()), Manner())
        request = build_request(sent, dict(form), **{"host": HOST, **(headers or {})})
        return Generation41().begin(self.shop, request).finish()

    def send(self, call: str, form: Mapping[str, str], cookie: str = "", **query: str) -> Any:
        """Return the JSON answered to one signed call."""
        return json.loads(self.answer(call, form, {"cookie": cookie} if cookie else None, **query).body)

    def totals(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return the totals of an order that is not placed, text by title."""
        return {row["title"]: row["text"] for row in self.send("cart", form)["totals"]}

    @property
    def orders(self) -> tuple[OrderView, ...]:
        """The orders there are."""
        return list_orders(self.shop)

    @property
    def stock(self) -> int:
        """How many pieces of the product are left."""
        return self.shop.products[40].quantity


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop of 4.1, at an instant that stays."""
    shop = build_shop(Generation41())
    monkeypatch.setattr(shop.clock, "now", lambda: float(NOW))
    return shop


@pytest.fixture
def caller(shop: Shop) -> Caller:
    """A caller of that shop."""
    return Caller(shop)


def control(shop: Shop, name: str, **fields: Any) -> None:
    """Use a control."""
    run_control(shop, FaultPlan(), name, fields)


@pytest.mark.parametrize(
    ("call", "currency", "form", "signature"),
    [
        ("cart", "USD", {"product[0][product_id]": "40", "product[0][quantity]": "2"}, "HRkvhmi99r41dtxP9zrh8suVgbc="),
        ("cart", "USD", {}, "mTlSTg6/6iLgEe1d0qWYkxr6V1g="),
        (
            "customer",
            "EUR",
            {
                "customer_id": "0",
                "customer_group_id": "1",
                "firstname": ' Zoë & "Co" <x> ',
                "lastname": "O'Neil~",
                "email": "zoe+shop@example.com",
                "telephone": "",
            },
            "W4MDV49FMkf6GnCDPRQA2ghHtmQ=",
        ),
    ],
)
def test_signatures_a_real_shop_took(shop, call, currency, form, signature):
    """Signatures that a real 4.1.0.4 took at that second are taken, and nothing else is."""
    shop.users.append(ApiUserRow(9, "vector", "opencart-signature-test-vector-key", True, ["127.0.0.1"]))
    query = {
        "route": "api/order",
        "call": call,
        "username": "VECTOR",
        "store_id": "0",
        "language": "en-gb",
        "currency": currency,
        "time": str(NOW),
    }

    answers = [
        Generation41().begin(shop, build_request({**query, "signature": sent}, form, host="shop.example.com")).finish()
        for sent in (signature, f"x{signature[1:]}")
    ]

    assert [answer.status for answer in answers] == [200, 403]


@pytest.mark.parametrize(("offset", "status"), [(-451, 403), (-450, 200), (450, 200), (451, 403)])
def test_clock_of_the_caller(caller, offset, status):
    """A caller's clock may be off by 450 seconds."""
    assert caller.answer("cart", LINE, time=str(NOW + offset)).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_forwarded_for": "10.0.0.9, 127.0.0.1"}, 403),
        ({"x_forwarded_for": "unknown"}, 200),
        ({"x_real_ip": "10.0.0.9"}, 403),
        ({"client_ip": "10.0.0.9", "cf_connecting_ip": "127.0.0.1"}, 200),
        ({"forwarded": "for=10.0.0.9"}, 200),
    ],
)
def test_headers_that_name_an_address(caller, headers, status):
    """The shop believes what some headers say of the caller's address, where they say one."""
    assert caller.answer("cart", LINE, headers).status == status


def test_refusal_says_nothing(caller):
    """Who is refused learns neither why nor that it is JSON."""
    answer = caller.answer("cart", LINE, username="oc_off")

    assert (answer.status, answer.content_type) == (403, "text/html; charset=utf-8")
    assert json.loads(answer.body) == {"error": "You do not have permission to access this page."}


def test_form_with_too_many_fields(caller):
    """PHP drops the fields beyond a thousand and one, so the signature over all of them is wrong."""
    form = {f"field_{place}": "" for place in range(1001)}

    statuses = [caller.answer("cart", sent).status for sent in (form, form | {"another": ""})]

    assert statuses == [200, 403]


def test_every_call_is_a_session(caller):
    """A caller without cookies starts anew with each call."""
    for _ in range(2):
        told = caller.send("cart", LINE)

    assert [line["quantity"] for line in told["products"]] == ["1"]


def test_cookie_that_is_kept(caller):
    """For a caller that keeps the session's cookie what each call sends is laid upon what is there."""
    (first, *_) = caller.answer("cart", LINE).cookies

    told = caller.send("cart", LINE, f"{COOKIE}={first.value}")

    assert (first.name, [line["quantity"] for line in told["products"]]) == (COOKIE, ["2"])


def test_cookie_that_is_too_long(caller):
    """A line filed under a session's id that its column cuts off is not found again, not even by the same call."""
    told = caller.send("cart", LINE, f"{COOKIE}={'a' * 40}")

    assert (told["success"], told["products"]) == ("Success: You have modified your shopping cart!", [])


def test_lines_of_a_customer_come_back(caller):
    """Every call leaves its lines behind; a session that remembers its customer takes along those of all others."""
    for _ in range(2):
        caller.send("cart", {**JANE, **LINE})
    (cookie, *_) = caller.answer("customer", JANE).cookies

    told = caller.send("cart", JANE, f"{COOKIE}={cookie.value}")

    assert [line["quantity"] for line in told["products"]] == ["1", "1"]


def test_currency_kept_by_a_cookie(caller):
    """The currency of the query is read by nobody but the signature; the cookie is."""
    told = caller.send("cart", LINE, "currency=EUR", currency="GBP")

    assert [line["total_text"] for line in told["products"]] == ["96.66€"]


def test_order_with_a_status(caller):
    """An order that names its status is there, and takes its pieces."""
    before = caller.stock

    told = caller.send("confirm", ORDER)

    (order,) = caller.orders
    assert (told["order_id"], order.status, order.email) == (1, "Pending", CUSTOMER["email"])
    assert caller.stock == before - 1


def test_order_without_a_status(caller):
    """An order that names no status is stored where nobody sees it, and takes nothing."""
    before = caller.stock
    form = {name: value for name, value in ORDER.items() if name != "order_status_id"}

    told = caller.send("confirm", form)

    assert (told["success"], told["order_id"]) == ("Success: You have modified orders!", 1)
    assert [(order.status, len(order.history)) for order in caller.orders] == [("", 1)]
    assert caller.stock == before


def test_changed_order(caller):
    """Confirming under an order's id puts the new order in its place, by way of a void one."""
    caller.send("confirm", ORDER)

    told = caller.send("confirm", {**ORDER, "order_id": "1", "product[0][quantity]": "3", "comment": "three"})

    (order,) = caller.orders
    assert told["order_id"] == 1
    assert ([line.quantity for line in order.lines], order.comment) == ([3], "three")
    assert [row.order_status_id for row in order.history] == [1, 16, 1]


def test_change_of_an_order_that_is_not_there(caller):
    """Changing what is not there says success and stores nothing."""
    before = caller.stock

    told = caller.send("confirm", {**ORDER, "order_id": "77"})

    assert (told["success"], told["order_id"]) == ("Success: You have modified orders!", 77)
    assert (caller.orders, caller.stock) == ((), before)


@pytest.mark.parametrize(("cost", "is_taken"), [("5.00", True), ("0.00", True), ("0", False), ("", False)])
def test_cost_of_shipping(caller, cost, is_taken):
    """The shop believes any cost the caller names, so long as PHP takes it for something."""
    told = caller.send("confirm", {**ORDER, "shipping_method[cost]": cost})

    assert ("success" in told) is is_taken


def test_status_that_is_not_named(caller):
    """A new entry without a status hides the order and gives its pieces back."""
    before = caller.stock
    caller.send("confirm", ORDER)

    caller.send("history_add", {"order_id": "1", "comment": "packed"})

    (order,) = caller.orders
    assert (order.status, order.history[-1].comment, caller.stock) == ("", "packed", before)


def test_mail_that_fails(caller):
    """When mail fails the order is there without a status."""
    control(caller.shop, "mail", broken=True)

    answer = caller.answer("confirm", ORDER)

    assert (answer.status, b"Connection refused" in answer.body) == (200, True)
    assert [(order.status, order.history) for order in caller.orders] == [("", ())]


def test_database_that_is_down(caller):
    """Without its database the shop says so, to anybody and under 200."""
    control(caller.shop, "database", up=False)

    answer = caller.answer("cart", LINE, username="nobody")

    assert (answer.status, b"Could not make a database link" in answer.body) == (200, True)


def test_shop_that_hides_its_errors(caller):
    """Where errors are hidden the first warning ends the request elsewhere."""
    control(caller.shop, "settings", config_error_display=False)

    answer = caller.answer("confirm", SUBSCRIPTION, route="api/subscription")

    assert (answer.status, dict(answer.headers).get("Location")) == (302, "error.html")


def test_points_of_a_guest_with_an_account(caller):
    """Points are booked by e-mail address or not at all: a guest's order that used some becomes a case of fraud."""
    line = {"product[0][product_id]": "28", "product[0][quantity]": "1"}
    guest = {**ORDER, **line, "email": JANE["email"], "reward": "200"}

    caller.send("confirm", guest)

    assert [order.order_status_id for order in caller.orders] == [8]


@pytest.mark.parametrize("quantity", ["1", "3"])
def test_tax_of_a_fixed_amount(caller, quantity):
    """A tax of a fixed amount falls due once a line, however many pieces it has."""
    totals = caller.totals({**GUEST, **LINE, **ADDRESSES, "product[0][quantity]": quantity})

    assert totals["Eco Tax (-2.00)"] == "$2.00"


@pytest.mark.parametrize(("quantity", "price"), [("9", 124), ("10", 14.88)])
def test_discount_by_quantity(caller, quantity, price):
    """What the older demo shops call the price of ten is the percentage that comes off here, options included."""
    told = caller.send("cart", {**GUEST, **WITH_OPTIONS, "product[0][quantity]": quantity})

    assert [line["price"] for line in told["products"]] == pytest.approx([price])


def test_subscription_is_never_stored(caller):
    """Confirming a subscription says success and leaves nothing behind, of which PHP complains."""
    told = caller.answer("confirm", {**SUBSCRIPTION, "comment": ""}, route="api/subscription")
    complaint = caller.answer("confirm", SUBSCRIPTION, route="api/subscription")

    assert json.loads(told.body)["success"] == "Success: You have modified orders!"
    assert b'Undefined array key "comment"' in complaint.body
    assert caller.orders == ()


@pytest.mark.parametrize(
    ("route", "call", "status", "told"),
    [
        ("api/order", "nope", 200, "API call not found"),
        ("api/order", "Cart", 200, "API call not found"),
        ("api/cart", "cart", 403, "You do not have permission to access this page."),
        ("api/order.cart", "cart", 403, "You do not have permission to access this page."),
    ],
)
def test_calls_there_are_none_of(caller, route, call, status, told):
    """A call that does not exist is named so; any other route of the API is refused, signed or not."""
    answer = caller.answer(call, LINE, route=route)

    assert (answer.status, json.loads(answer.body)) == (status, {"error": told})


def test_disabled_user_is_let_in_again(caller):
    """The name and the key of a user that is switched on are as good as any."""
    control(caller.shop, "api-user", username="oc_off", enabled=True)

    answer = caller.answer("cart", LINE, username="OC_OFF")

    assert (answer.status, caller.shop.users[1].key) == (200, f"{DEFAULT_KEY}Disabled")


@pytest.mark.parametrize(
    ("route", "call", "form"),
    [
        ("api/order", "confirm", ORDER),
        ("api/order", "product_add", ORDER),
        ("api/subscription", "confirm", SUBSCRIPTION),
    ],
)
def test_nonsense_is_answered(caller, route, call, form):
    """Whatever a field holds, there is an answer, and the shop goes on answering."""
    caller.send("confirm", ORDER)
    form = {**form, "order_id": "1", "affiliate_id": "2", "coupon": "2222", "reward": "10", "comment": ""}

    statuses = {caller.answer(call, spoilt, route=route).status for spoilt in spoil(form)}

    assert statuses == {200}
