"""Orders: what placing, changing and giving them a status does."""

import pytest

from connector.sandbox.views import list_orders


def test_order_empties_the_cart_and_nothing_else(caller):
    """After an order the lines are gone; the coupon stays for the next one."""
    caller.prepare()
    caller.send("coupon", {"coupon": "2222"})

    caller.send("order/add")

    caller.send("cart/add", {"product_id": "43"})
    assert caller.totals()["Coupon (2222)"] == "$-50.00"


def test_view_of_an_order(caller):
    """An order is seen with its lines, totals, status and comment."""
    caller.prepare(quantity="2")

    caller.send("order/add", {"comment": "ring the bell"})

    (order,) = list_orders(caller.shop)
    assert (order.order_id, order.status, order.comment, str(order.total)) == (
        1,
        "Pending",
        "ring the bell",
        "254.4000",
    )
    assert [(line.product_id, line.quantity, str(line.total)) for line in order.lines] == [(40, 2, "202.0000")]
    assert [row.code for row in order.totals] == ["sub_total", "shipping", "tax", "tax", "total"]


@pytest.mark.parametrize(
    ("status", "left"), [("1", 968), ("2", 968), ("5", 968), ("7", 970), ("0", 970), ("1abc", 970)]
)
def test_stock_is_taken_by_statuses_of_processing(caller, status, left):
    """Only a status of processing or completion takes stock."""
    caller.prepare(quantity="2")

    caller.send("order/add", {"order_status_id": status})

    assert caller.shop.products[40].quantity == left


def test_status_without_stock_gives_it_back(caller):
    """An order that is voided gives its stock back, once."""
    caller.prepare(quantity="2")
    caller.send("order/add")

    for _ in range(2):
        caller.send("order/history", {"comment": "just a remark"}, order_id="1")

    assert (caller.shop.products[40].quantity, caller.shop.orders[1].order_status_id) == (970, 0)


def test_used_coupon_counts(caller):
    """A coupon for one order is used up by one, and free again when that order is deleted."""
    caller.prepare()
    caller.send("coupon", {"coupon": "ONEUSE"})
    caller.send("order/add")

    refused = caller.send("coupon", {"coupon": "ONEUSE"})
    caller.send("order/delete", order_id="1")

    assert ("error" in refused, "success" in caller.send("coupon", {"coupon": "ONEUSE"})) == (True, True)


def test_edit_trips_over_its_own_stock(caller):
    """Changing an order that took the last pieces is refused for lack of them."""
    caller.shop.products[40].quantity = 2
    caller.prepare(quantity="2")
    caller.send("order/add")
    caller.prepare(quantity="2")

    assert "not in stock" in caller.send("order/edit", order_id="1")["error"]


def test_mail_that_fails_leaves_an_order_behind(caller):
    """When mail fails there is no answer, but an order without a status, and the cart is still full."""
    caller.prepare()
    caller.shop.is_mail_broken = True

    answer = caller.answer("order/add")

    assert (answer.status, caller.shop.orders[1].order_status_id) == (500, 0)
    assert len(caller.send("cart/products")["products"]) == 1


def test_last_failing_check_wins(caller):
    """With nothing set at all, the caller hears of stock."""
    assert caller.send("order/add")["error"].startswith("Warning: Products marked with ***")


def test_ids_go_on_after_a_deletion(caller):
    """The id of a deleted order is not used again."""
    caller.prepare()
    caller.send("order/add")
    caller.send("order/delete", order_id="1")

    caller.prepare()

    assert caller.send("order/add")["order_id"] == 2
