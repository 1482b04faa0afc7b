"""Prices, taxes, totals and money in the practice shop."""

import pytest

from tests.unit.sandbox.conftest import ADDRESS, CUSTOMER


def test_prices_carry_the_tax_of_the_shops_own_address(caller):
    """As long as there is no shipping address, taxes are those of the shop's own."""
    caller.send("cart/add", {"product_id": "40", "quantity": "2"})

    answer = caller.send("cart/products")

    assert (answer["products"][0]["price"], answer["products"][0]["total"]) == ("$123.20", "$246.40")


@pytest.mark.parametrize(
    ("country_id", "zone_id", "price"),
    [("222", "3553", "$123.20"), ("223", "3655", "$101.00"), ("222", "0", "$101.00"), ("222", "3972", "$123.20")],
)
def test_tax_follows_the_shipping_address(caller, country_id, zone_id, price):
    """Only regions of the taxed zone are taxed; the country without a region is not."""
    caller.send("cart/add", {"product_id": "40"})

    caller.send("shipping/address", {**ADDRESS, "country_id": country_id, "zone_id": zone_id})

    assert caller.send("cart/products")["products"][0]["price"] == price


def test_tax_lines_are_ordered_by_title(caller):
    """Two taxes share a place among the totals and stand by title."""
    caller.send("cart/add", {"product_id": "40"})

    assert list(caller.totals()) == ["Sub-Total", "Eco Tax (-2.00)", "VAT (20%)", "Total"]


@pytest.mark.parametrize(("quantity", "price"), [("2", "$90.00"), ("9", "$90.00"), ("10", "$90.00"), ("30", "$90.00")])
def test_special_beats_discounts(caller, quantity, price):
    """A product with a special costs that, whatever quantity its discounts ask for."""
    caller.send("cart/add", {"product[0][product_id]": "42", "product[0][quantity]": quantity})
    caller.send("shipping/address", {**ADDRESS, "country_id": "223", "zone_id": "3655"})

    assert caller.send("cart/products")["products"][0]["price"] == price


def test_option_values_change_the_price(caller):
    """The prices of the values chosen are added to the product's."""
    caller.send("cart/add", {"product_id": "35", "option[224]": "14"})

    assert caller.send("cart/products")["products"][0]["price"] == "$140.00"


@pytest.mark.parametrize(("currency", "total"), [("EUR", "96.66€"), ("GBP", "£75.46"), ("USD", "$123.20")])
def test_prices_are_text_in_the_sessions_currency(caller, currency, total):
    """Each amount is converted and rounded on its own, and carries its symbol."""
    caller.send("cart/add", {"product_id": "40"})

    caller.send("currency", {"currency": currency})

    assert caller.totals()["Total"] == total


def test_percent_coupon_lowers_tax(caller):
    """A coupon in percent takes its share of the percentage tax, but nothing of the tax a piece."""
    caller.send("cart/add", {"product_id": "40"})

    caller.send("coupon", {"coupon": "2222"})

    totals = caller.totals()
    assert (totals["Coupon (2222)"], totals["Eco Tax (-2.00)"], totals["VAT (20%)"]) == ("$-10.10", "$2.00", "$18.18")


def test_free_shipping_coupon(caller):
    """A coupon that gives shipping takes off the chosen method and its percentage tax."""
    caller.prepare()

    caller.send("coupon", {"coupon": "3333"})

    totals = caller.totals()
    assert (totals["Flat Shipping Rate"], totals["Coupon (3333)"], totals["VAT (20%)"]) == ("$5.00", "$-5.00", "$20.20")


def test_points_lower_the_products_that_take_them(caller):
    """Points take off their share of what the cart accepts."""
    caller.send("customer", {**CUSTOMER, "customer_id": "1"})
    caller.send("cart/add", {"product_id": "28"})

    caller.send("reward", {"reward": "150"})

    assert caller.totals()["Reward Points (150)"] == "$-75.00"


def test_gift_voucher_pays_what_is_left(caller):
    """A gift voucher pays the total as far as it goes, and never below zero."""
    caller.shop.vouchers[1].amount = caller.shop.vouchers[1].amount * 100
    caller.send("cart/add", {"product_id": "40"})

    caller.send("voucher", {"voucher": "GIFT25"})

    totals = caller.totals()
    assert (totals["Gift Certificate (GIFT25)"], totals["Total"]) == ("$-123.20", "$0.00")


def test_gift_voucher_without_anything_to_pay_is_forgotten(caller):
    """Reading an empty cart drops the gift voucher from the session."""
    caller.send("voucher", {"voucher": "GIFT25"})
    caller.send("cart/products")

    caller.send("cart/add", {"product_id": "40"})

    assert "Gift Certificate (GIFT25)" not in caller.totals()


def test_order_keeps_amounts_in_the_base_currency(caller):
    """The total of an order is in the base currency with four digits, beside the currency it was shown in."""
    caller.prepare(quantity="2")
    caller.send("currency", {"currency": "EUR"})
    caller.send("shipping/methods")

    caller.send("order/add", {"shipping_method": "flat.flat"})

    order = caller.send("order/info", order_id="1")["order"]
    assert (order["total"], order["currency_code"], order["currency_value"]) == ("254.4000", "EUR", "0.78460002")
