"""The controls: what they change, and what they refuse."""

import pytest

from connector.sandbox.controls import ControlError, run_control
from connector.sandbox.faults import FaultPlan

REFUSED = "Warning: You do not have permission to access the API!"


def run(caller, name, **fields):
    """Run a control of the caller's shop."""
    return run_control(caller.shop, FaultPlan(), name, fields)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("api-user", {"enabled": False}),
        ("api-user", {"ips": ["10.0.0.1"]}),
        ("expire", {"what": "token"}),
        ("expire", {"what": "session", "minutes": 25}),
        ("revoke", {}),
        ("clock", {"advance_s": 1441}),
        ("reset", {}),
    ],
)
def test_ways_to_lose_a_session(caller, name, fields):
    """Each of these makes a token that was good useless."""
    run(caller, name, **fields)

    assert caller.send("coupon")["error"] == REFUSED


def test_token_of_another_session_ends(caller, open_session):
    """A control can name the one session it is meant for."""
    other = open_session()

    run(caller, "expire", what="token", token=other.token)

    assert ("error" in other.send("cart/products"), "error" in caller.send("cart/products")) == (True, False)


def test_reset_starts_over(caller):
    """A reset forgets orders, switches and stock, and ids start at 1 again."""
    caller.prepare()
    caller.send("order/add")
    run(caller, "settings", config_maintenance=True)

    run(caller, "reset")

    shop = caller.shop
    assert (shop.orders, shop.last_order_id, shop.products[40].quantity, shop.settings["config_maintenance"]) == (
        {},
        0,
        970,
        "0",
    )


def test_payment_method_switched_on(caller):
    """A payment method the seed has not got can be switched on."""
    run(caller, "payment", bank_transfer=True)
    caller.prepare("36")

    assert list(caller.send("payment/methods")["payment_methods"]) == ["bank_transfer"]


def test_no_payment_method(caller):
    """With all methods off, the error stands beside an empty list."""
    run(caller, "payment", cod=False, free_checkout=False)
    caller.prepare()

    assert caller.send("payment/methods") == {
        "payment_methods": [],
        "error": "Warning: No Payment options are available!",
    }


def test_custom_fields_are_asked_for(caller):
    """The two fields of the shop are required once they are switched on."""
    run(caller, "custom-fields")

    answer = caller.send("customer", {"firstname": "J", "lastname": "B", "email": "j@example.com", "telephone": "123"})

    assert answer == {"error": {"custom_field1": "VAT number required!"}}


def test_stock_of_a_product(caller):
    """A product can be made scarce."""
    run(caller, "product", product_id=40, quantity=1)
    caller.send("cart/add", {"product_id": "40", "quantity": "2"})

    assert "stock" in caller.send("cart/products")["error"]


def test_database_that_is_down(caller):
    """Without its database the shop has nothing to say."""
    run(caller, "database", up=False)

    answer = caller.answer("cart/products")

    assert (answer.status, answer.body, answer.cookies) == (500, b"", ())


def test_orders_are_listed(caller):
    """Orders can be looked at from outside the API."""
    caller.prepare()
    caller.send("order/add", {"comment": "hello"})

    assert [order["comment"] for order in run(caller, "orders")["orders"]] == ["hello"]


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("nope", {}, "no control 'nope'"),
        ("mail", {}, "broken is missing"),
        ("mail", {"broken": "yes"}, "broken is 'yes', expected bool"),
        ("clock", {"advance_s": True}, "advance_s is True, expected int or float"),
        ("reset", {"now": True}, "unknown field now; known: none"),
        ("settings", {"config_colour": "red"}, "unknown field config_colour"),
        ("api-user", {"username": "Nobody"}, "no API user 'Nobody'"),
        ("product", {"product_id": 1}, "no such product"),
        ("coupon", {"code": "x", "enabled": True}, "no coupon 'x'"),
        ("voucher", {"code": "GIFT25", "amount": "lots"}, "amount is 'lots', expected a decimal number"),
        ("expire", {"what": "everything"}, "what is 'everything', expected token or session or cart"),
        ("faults", {"sloth": 1}, "unknown field sloth"),
    ],
)
def test_refusals(caller, name, fields, message):
    """A control that is asked for what it does not do says what it takes."""
    with pytest.raises(ControlError) as caught:
        run(caller, name, **fields)

    assert str(caught.value).startswith(message)


def test_fault_is_planned(caller):
    """The control for faults plans what the next calls meet."""
    plan = FaultPlan()

    run_control(caller.shop, plan, "faults", {"route": "order/add", "status": 503, "headers": {"Retry-After": 1}})

    assert plan.take("api/order/add").headers == {"Retry-After": "1"}
