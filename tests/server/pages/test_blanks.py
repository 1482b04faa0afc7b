"""Forms made of an entity's fields, and the payloads that come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.catalog.catalog import load_catalog
from connector.server.pages.blanks import is_open, list_blanks, make_blanks, read_blanks, write_texts

if TYPE_CHECKING:
    from connector.catalog.entity import Variant

CATALOG = load_catalog("opencart")
VARIANTS = [variant for entity in CATALOG.entities for variant in entity.variants.values()]


def find(entity: str, dialect: str = "3.0") -> Variant:
    """Return an entity in a dialect."""
    return CATALOG.find(entity).variants[dialect]


def plain(value: Any) -> Any:
    """Return a value in which numbers are text: a form knows no other."""
    match value:
        case dict():
            return {str(name): plain(child) for name, child in value.items()}
        case list():
            return [plain(child) for child in value]
        case _:
            return str(value)


def test_an_empty_field_is_left_out() -> None:
    """What nobody filled in is no part of the payload."""
    filled = read_blanks(find("cart.add"), {"product_id": "40", "quantity": "", "option": "  "})

    assert filled.payload == {"product_id": 40}
    assert filled.problems == {}


def test_whole_numbers_are_numbers_and_codes_stay_text() -> None:
    """A number is sent as one where the field is one, and a text that looks like a number stays as typed."""
    cart = read_blanks(find("cart.add"), {"product_id": " 40 ", "quantity": "2"})
    coupon = read_blanks(find("coupon.apply"), {"coupon": "007"})

    assert cart.payload == {"product_id": 40, "quantity": 2}
    assert coupon.payload == {"coupon": "007"}


def test_parts_of_a_group_are_nested() -> None:
    """An input called `customer.email` fills in the field of that mapping."""
    filled = read_blanks(find("order.place"), {"customer.email": "ann@example.com"})

    assert filled.payload["customer"] == {"email": "ann@example.com"}
    assert filled.problems["customer.firstname"] == ("required, but missing",)


def test_a_group_that_need_not_be_there_is_left_out_when_it_is_empty() -> None:
    """An optional mapping with nothing in it is no empty mapping."""
    filled = read_blanks(find("order.place"), {"shipping_address.city": ""})

    assert "shipping_address" not in filled.payload


def test_json_is_read_with_the_place_of_what_is_wrong() -> None:
    """A text that is no JSON is told with line and column, once, and is not called missing besides."""
    filled = read_blanks(find("order.place"), {"lines": '[{"product_id": 40},\n {"quantity" 2}]'})

    (problem,) = filled.problems["lines"]
    assert problem.startswith("not JSON: ")
    assert "line 2" in problem


def test_every_problem_within_json_is_told_at_its_place() -> None:
    """Each entry of a list that does not fit is named by its position."""
    filled = read_blanks(find("order.place"), {"lines": '[{"product_id": 0}, {"quantity": 2}]'})

    assert [problem.partition(":")[0] for problem in filled.problems["lines"]] == ["[0].product_id", "[1].product_id"]


def test_one_line_is_a_text_and_several_are_wishes() -> None:
    """Wishes in the order of preference are written one a line."""
    one = read_blanks(find("order.place"), {"shipping_method": "cheapest\r\n"})
    two = read_blanks(find("order.place"), {"shipping_method": "flat\r\nfirst"})

    assert one.payload["shipping_method"] == "cheapest"
    assert two.payload["shipping_method"] == ["flat", "first"]


def test_a_field_for_a_credential_does_not_show_what_is_typed() -> None:
    """A secret field is an input for passwords."""
    blanks = make_blanks(find("session.login").fields, {})

    assert {blank.name: blank.kind for blank in blanks}["key"] == "secret"


def test_what_need_not_be_filled_in_is_folded_up() -> None:
    """Only required fields, and those with something in them, are shown at once."""
    blanks = make_blanks(find("order.place").fields, {"coupon": "2222", "shipping_address.city": "London"})

    shown = {blank.name for blank in blanks if blank.is_shown}
    assert shown == {"customer", "lines", "payment_address", "coupon", "shipping_address"}


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: f"{variant.entity}-{variant.dialect}")
def test_the_example_of_every_entity_fills_its_form(variant: Variant) -> None:
    """What is written of an example into a form comes back the same, apart from what a record would fill in."""
    texts = write_texts(variant.example.payload, variant.fields)

    filled = read_blanks(variant, texts)

    names = {blank.name for blank in list_blanks(make_blanks(variant.fields, texts))}
    assert set(texts) <= names
    open_fields = {name for name in variant.example.payload if name not in filled.payload}
    assert set(filled.problems) <= open_fields
    for name, value in filled.payload.items():
        assert is_open(variant.example.payload[name]) or plain(value) == plain(variant.example.payload[name])
