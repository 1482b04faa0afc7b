"""All generations that know a session by its token: nonsense is answered as a shop does, not by a fault of this one."""

import json

import pytest

from connector.sandbox.exchange import ShopAnswer
from connector.sandbox.generations import GENERATIONS
from connector.sandbox.shop.seed import DEFAULT_KEY
from connector.sandbox.shop.tables import Shop
from tests.unit.sandbox.conftest import ADDRESS, CUSTOMER, build_request, build_shop, spoil

OLD_ROUTES = (
    "login",
    "currency",
    "customer",
    "cart/add",
    "cart/edit",
    "cart/products",
    "coupon",
    "voucher",
    "voucher/add",
    "reward",
    "reward/available",
    "shipping/address",
    "shipping/methods",
    "shipping/method",
    "payment/address",
    "payment/methods",
    "payment/method",
    "order/add",
    "order/edit",
    "order/info",
    "order/history",
    "order/delete",
    "cart/remove",
)
NEW_ROUTES = (
    "account/login",
    "localisation/currency",
    "sale/customer",
    "sale/cart.add",
    "sale/cart.edit",
    "sale/cart",
    "sale/coupon",
    "sale/voucher",
    "sale/voucher.add",
    "sale/voucher.remove",
    "sale/reward",
    "sale/reward.maximum",
    "sale/affiliate",
    "sale/payment_address",
    "sale/shipping_address",
    "sale/shipping_method",
    "sale/shipping_method.save",
    "sale/payment_method",
    "sale/payment_method.save",
    "sale/order.comment",
    "sale/order.confirm",
    "sale/order.addHistory",
    "sale/order.load",
    "sale/order.delete",
    "sale/cart.remove",
)
FORM = {
    **CUSTOMER,
    **ADDRESS,
    "fax": "",
    "customer_id": "1",
    "customer_group_id": "1",
    "company": "",
    "address_2": "",
    "shipping_address_id": "0",
    "payment_address_id": "0",
    "custom_field[1]": "x",
    "username": "Default",
    "key": "1",
    "currency": "EUR",
    "product_id": "40",
    "quantity": "1",
    "option[226]": "15",
    "subscription_plan_id": "2",
    "coupon": "2222",
    "voucher": "GIFT25",
    "reward": "10",
    "from_name": "A",
    "from_email": "a@example.com",
    "to_name": "B",
    "to_email": "b@example.com",
    "voucher_theme_id": "8",
    "message": "",
    "amount": "10",
    "affiliate_id": "2",
    "shipping_method": "flat.flat",
    "payment_method": "cod",
    "comment": "",
    "order_status_id": "1",
    "notify": "1",
    "order_id": "1",
    "selected[]": "1",
}
FIRST_LOGIN = {
    "2.3": ("login", "token", {"username": "Default", "key": DEFAULT_KEY}),
    "3.0": ("login", "api_token", {"username": "Default", "key": DEFAULT_KEY}),
    "4.0": ("account/login", "api_token", {"username": "oc_api", "key": DEFAULT_KEY}),
}


class Visitor:
    """A caller of a shop of any of these generations."""

    def __init__(self, dialect: str) -> None:
        self.generation = GENERATIONS[dialect]
        self.shop: Shop = build_shop(self.generation)
        self.query: dict[str, str] = {}
        self.cookies = ""
        route, name, form = FIRST_LOGIN[dialect]
        answer = self.ask(route, form)
        self.cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies)
        self.query = {name: json.loads(answer.body)[name]}

    def ask(self, route: str, form: dict[str, str], **query: str) -> ShopAnswer:
        """Return the answer to one call."""
        request = build_request({"route": f"api/{route}", **self.query, **query}, form, cookie=self.cookies)
        return self.generation.begin(self.shop, request).finish()


@pytest.mark.parametrize(
    ("dialect", "route"),
    [("2.3", route) for route in OLD_ROUTES]
    + [("3.0", route) for route in OLD_ROUTES]
    + [("4.0", route) for route in NEW_ROUTES],
)
def test_nonsense_is_answered(dialect, route):
    """Whatever a field holds, there is an answer, and the shop goes on answering."""
    visitor = Visitor(dialect)
    for one in OLD_ROUTES if dialect != "4.0" else NEW_ROUTES[:-2]:
        visitor.ask(one, FORM)

    statuses = {visitor.ask(route, form, order_id="1").status for form in spoil(FORM)}

    assert statuses <= {200, 302, 500}
