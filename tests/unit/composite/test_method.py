"""Methods, chosen by code or rule."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.composite.method import Method, choose, list_payment, list_shipping

SHIPPING = [
    Method("ups.express", "Express", Decimal("15.00")),
    Method("flat.flat", "Flat", Decimal("5.00")),
    Method("item.item", "Per item", Decimal("5.00")),
]
PAYMENT = [Method("bank_transfer", "Bank"), Method("cod.cod", "Cash")]


@pytest.mark.parametrize(
    ("preferences", "code"),
    [
        (["flat.flat"], "flat.flat"),
        (["ups"], "ups.express"),
        (["cheapest"], "flat.flat"),
        (["first"], "ups.express"),
        (["dhl.parcel", "item.item"], "item.item"),
        (["dhl.parcel", "cheapest"], "flat.flat"),
        (["dhl.parcel"], None),
        ([], None),
    ],
)
def test_a_shipping_method_is_chosen_by_the_first_wish_that_is_offered(preferences: list[str], code: str | None):
    """Codes, first parts of codes, `cheapest` and `first`, in the order written; nothing is guessed."""
    found = choose(SHIPPING, preferences)

    assert (found.code if found else None) == code


@pytest.mark.parametrize(("offered", "code"), [(PAYMENT[1:], "cod.cod"), (PAYMENT, None), ([], None)])
def test_without_a_wish_only_a_single_offer_is_chosen(offered: list[Method], code: str | None):
    """One method needs no choice, two do."""
    found = choose(offered, [])

    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("code", "wish"), [("cod", "cod"), ("cod.cod", "cod"), ("cod", "cod.cod"), ("cod.cod", "cod.cod")]
)
def test_a_payment_code_is_the_same_in_every_generation(code: str, wish: str):
    """`cod` up to 4.0.1 and `cod.cod` from 4.0.2 are one method."""
    assert choose([Method("x", "X"), Method(code, "Cash")], [wish]) == Method(code, "Cash")


def test_shipping_lists_of_both_wordings_are_read():
    """`title` and `name`, text costs; a carrier with an error and an empty list offer nothing."""
    quote = {"code": "flat.flat", "cost": "5.00", "tax_class_id": "9", "text": "$8.00"}
    old = {"flat": {"title": "Flat", "quote": {"flat": {**quote, "title": "Flat rate"}}, "error": False}}
    new = {"flat": {"name": "Flat", "quote": {"flat": {**quote, "name": "Flat rate"}}, "error": False}}
    broken = {"ups": {"title": "UPS", "quote": {"x": {**quote, "code": "ups.x"}}, "error": "no answer"}}

    found = [list_shipping({"shipping_methods": methods}) for methods in (old, new, broken, [])]

    assert found == [[Method("flat.flat", "Flat rate", Decimal("5.00"))]] * 2 + [[], []]


def test_payment_lists_of_both_depths_are_read():
    """A provider is a method up to 4.0.1 and has options from 4.0.2."""
    old = {"cod": {"code": "cod", "title": "Cash", "terms": "", "sort_order": "5"}}
    new = {"cod": {"code": "cod", "name": "Cash", "option": {"cod": {"code": "cod.cod", "name": "Cash"}}}}

    found = [list_payment({"payment_methods": methods}) for methods in (old, new, [])]

    assert found == [[Method("cod", "Cash")], [Method("cod.cod", "Cash")], []]
