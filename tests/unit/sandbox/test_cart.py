"""The cart: what goes in, what comes out, and what is dropped without a word."""

import pytest

from tests.unit.sandbox.conftest import CUSTOMER


@pytest.mark.parametrize(
    ("quantity", "kept"),
    [("2", "2"), ("1.9", "1"), ("1e2", "100"), ("3abc", "3"), ("0", None), ("-1", None), ("abc", None)],
)
def test_quantity_is_cast(caller, quantity, kept):
    """Any quantity is a success; a line of none or less is gone at the next reading."""
    told = caller.send("cart/add", {"product_id": "40", "quantity": quantity})

    lines = caller.send("cart/products")["products"]
    assert ("success" in told, [line["quantity"] for line in lines]) == (True, [kept] if kept else [])


def test_same_options_raise_the_quantity(caller):
    """Options that differ in case only make no second line."""
    for text in ("Soon", "soon"):
        caller.send("cart/add", {"product_id": "47", "option[225]": text})

    (line,) = caller.send("cart/products")["products"]
    assert (line["quantity"], line["option"][0]["value"]) == ("2", "Soon")


def test_missing_options(caller):
    """Every required option that is missing is named."""
    answer = caller.send("cart/add", {"product_id": "30"})

    assert answer == {"error": {"option": {"226": "Select required!"}}}


def test_unknown_option_value_is_lost(caller):
    """A value the option has not got is a success, and the line has no option."""
    caller.send("cart/add", {"product_id": "30", "option[226]": "9999"})

    assert caller.send("cart/products")["products"][0]["option"] == []


def test_array_form_replaces_without_checking(caller):
    """Replacing all products never fails, and unknown ones are gone at the next reading."""
    caller.send("cart/add", {"product_id": "40"})

    told = caller.send("cart/add", {"product[0][product_id]": "99999", "product[0][quantity]": "1"})

    assert ("success" in told, caller.send("cart/products")["products"]) == (True, [])


def test_registered_customer_has_another_cart(caller):
    """Lines added as a guest are not there once a customer is logged in, nor the other way round."""
    caller.send("cart/add", {"product_id": "40"})

    caller.send("customer", {**CUSTOMER, "customer_id": "1"})

    assert caller.send("cart/products")["products"] == []


def test_unknown_store_deletes_lines(caller):
    """Reading the cart for a store that sells nothing deletes its lines for good."""
    caller.send("cart/add", {"product_id": "40"})

    caller.send("cart/products", store_id="5")

    assert caller.send("cart/products")["products"] == []


def test_change_of_the_cart_drops_the_methods(caller):
    """Any change of the cart drops the lists of methods and what was chosen from them."""
    caller.prepare()

    caller.send("cart/add", {"product_id": "43"})

    assert caller.send("order/add")["error"] == "Warning: Shipping method required!"


def test_lines_come_by_product_or_by_age(caller):
    """Two lines come by product, three by age: the database decides."""
    for product_id in ("49", "40"):
        caller.send("cart/add", {"product_id": product_id})
    two = [line["product_id"] for line in caller.send("cart/products")["products"]]

    caller.send("cart/add", {"product_id": "28"})

    three = [line["product_id"] for line in caller.send("cart/products")["products"]]
    assert (two, three) == (["40", "49"], ["49", "40", "28"])


def test_stock_and_minimum_stand_beside_the_lines(caller):
    """What is wrong with lines comes beside them, as text for stock and as a list for minimum quantities."""
    caller.send("cart/add", {"product[0][product_id]": "42", "product[0][quantity]": "1"})
    caller.send("cart/add", {"product_id": "49"})

    answer = caller.send("cart/products")

    assert isinstance(answer["error"]["stock"], str)
    assert answer["error"]["minimum"] == ["Minimum order amount for Apple Cinema 30&quot; is 2!"]
    assert [line["stock"] for line in answer["products"]] == [True, False]
