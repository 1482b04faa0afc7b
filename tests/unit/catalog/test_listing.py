"""Rows for the list of entities and for one entity."""

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.listing import EntityRow, FieldRow, describe_entity, list_entities
from connector.errors import UnknownEntityError

CATALOG = load_catalog("opencart")


def test_list():
    """The list has one row for each entity, in the catalog's order."""
    rows = list_entities(CATALOG, "3.0")

    assert [row.id for row in rows] == [entity.id for entity in CATALOG.entities]
    assert (
        EntityRow(
            id="cart.add",
            title="Cart - Adding product to cart",
            effect="session",
            repeat="adds",
            fields="product_id*, quantity, option",
            summary="Adds one product to the cart, or raises the quantity of its line.",
        )
        in rows
    )


@pytest.mark.parametrize("search", ["COUPON", "apply existing coupon", "api/coupon"])
def test_search(search):
    """The list can be narrowed by id, title and route, whatever the case."""
    assert [row.id for row in list_entities(CATALOG, "3.0", search=search)] == ["coupon.apply"]


def test_list_of_unknown_dialect():
    """A dialect without entities has an empty list."""
    assert list_entities(CATALOG, "9") == []


def test_detail():
    """The detail of an entity tells its effects on the session in words."""
    detail = describe_entity(CATALOG, CATALOG.find("shipping.address"), "3.0")

    assert detail.route == "api/shipping/address"
    assert detail.effect == "session: a call changes the session, and is gone with it."
    assert detail.needs == ("`cart.add` or `cart.replace`",)
    assert detail.stores == "the shipping address"
    assert detail.clears_on_success == "the list of shipping methods, the chosen shipping method"
    assert detail.clears_on_failure.startswith("the shipping address, ")
    assert detail.empty == "The cart holds nothing to ship, or nothing at all; the address is not stored."


def test_detail_has_conditional_needs():
    """A need with a condition is told with it."""
    detail = describe_entity(CATALOG, CATALOG.find("cart.add"), "3.0")

    assert detail.needs == ("`customer.set`, where a registered customer buys",)


def test_fields_of_entries_follow_their_list():
    """The fields of a list's entries are told after it, under its name."""
    detail = describe_entity(CATALOG, CATALOG.find("cart.replace"), "3.0")

    assert [row.name for row in detail.fields] == [
        "product",
        "product[].product_id",
        "product[].quantity",
        "product[].option",
    ]


def test_field_row():
    """A field is told with what is accepted, its default and whether logs mask it."""
    detail = describe_entity(CATALOG, CATALOG.find("customer.set"), "3.0")

    assert detail.fields[0] == FieldRow(
        name="firstname",
        is_required=True,
        accepts="text of 1 to 32 characters",
        default="",
        meaning="First name",
        why="",
        is_masked=True,
    )


def test_reserved_entity_says_so():
    """The detail of the log-in says that it cannot be chosen."""
    detail = describe_entity(CATALOG, CATALOG.find("session.login"), "3.0")

    assert detail.reserved.startswith("Cannot be chosen: ")


def test_detail_in_unknown_dialect():
    """An entity that a dialect lacks has no detail there."""
    with pytest.raises(UnknownEntityError):
        describe_entity(CATALOG, CATALOG.find("cart.add"), "9")
