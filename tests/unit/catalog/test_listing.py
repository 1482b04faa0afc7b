"""Rows for the list of entities and for one entity."""

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.listing import EntityRow, FieldRow, describe_entity, find_main_dialect, list_entities, tell_call
from connector.errors import UnknownEntityError

CATALOG = load_catalog("opencart")


def test_list():
    """The list has one row for each entity, in the catalog's order."""
    rows = list_entities(CATALOG)

    assert [row.id for row in rows] == [entity.id for entity in CATALOG.entities]
    assert (
        EntityRow(
            id="cart.add",
            title="Cart - Adding product to cart",
            effect="session",
            repeat="adds",
            fields="product_id*, quantity, option",
            summary="Adds one product to the cart, or raises the quantity of its line.",
            dialects=("2.3", "3.0", "4.0", "4.1"),
            instead={},
        )
        in rows
    )


def test_list_says_which_dialects():
    """A row says which dialects have the entity, and what there is in place of it elsewhere."""
    rows = {row.id: row for row in list_entities(CATALOG)}

    assert rows["order.load"].dialects == ("4.0",)
    assert rows["order.load"].instead == {"2.3": "order.edit", "3.0": "order.edit", "4.1": "order.edit"}
    assert rows["order.info"].instead == {"4.0": "order.load"}


def test_list_of_one_dialect():
    """The list of one dialect has what that one has, as that one has it."""
    rows = {row.id: row for row in list_entities(CATALOG, "4.1")}

    assert "voucher.add" not in rows
    assert rows["cart.products"].effect == "read"


def test_main_dialect():
    """An entity is told in the main dialect, or in the oldest that has it."""
    assert find_main_dialect(CATALOG, CATALOG.find("cart.add")) == "3.0"
    assert find_main_dialect(CATALOG, CATALOG.find("affiliate.set")) == "4.0"


@pytest.mark.parametrize(
    ("dialect", "search"),
    [
        ("3.0", "COUPON"),
        ("3.0", "apply existing coupon"),
        ("3.0", "api/coupon"),
        (None, "api/coupon"),
        ("4.1", "code=coupon"),
    ],
)
def test_search(dialect, search):
    """The list can be narrowed by id, title and call, whatever the case."""
    assert [row.id for row in list_entities(CATALOG, dialect, search=search)] == ["coupon.apply"]


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
        wire_name="",
        is_masked=True,
    )


def test_fields_of_a_record_follow_it():
    """The fields of a record are told after it, under its name."""
    detail = describe_entity(CATALOG, CATALOG.find("subscription.confirm"), "4.1")

    assert "payment_method.code" in [row.name for row in detail.fields]


def test_names_on_the_wire():
    """A field that is called otherwise on the wire is told with that name, and so is what is always sent."""
    detail = describe_entity(CATALOG, CATALOG.find("payment.address"), "4.1")

    assert {row.name: row.wire_name for row in detail.fields}["city"] == "payment_city"
    assert "payment_address_id=0" in detail.fixed


@pytest.mark.parametrize(
    ("entity_id", "told"),
    [
        (
            "customer.set",
            "The client keeps the fields, and sends them with later calls; the shop itself keeps nothing.",
        ),
        ("order.comment", "Nothing is sent: the client keeps the fields, and sends them with later calls."),
        ("cart.remove", "Nothing is sent: the client takes the line out of its draft."),
        ("order.add", ""),
    ],
)
def test_draft(entity_id, told):
    """Where the client holds the draft, an entity says what it does to it."""
    assert describe_entity(CATALOG, CATALOG.find(entity_id), "4.1").draft == told


def test_codes():
    """A code that is written otherwise on the wire is told."""
    detail = describe_entity(CATALOG, CATALOG.find("payment.method"), "4.0")

    assert detail.codes == ("of `payment_method`, `cod` is sent as `cod.cod`",)


@pytest.mark.parametrize(
    ("route", "query", "told"),
    [("api/order", {"call": "cart"}, "api/order&call=cart"), ("api/coupon", {}, "api/coupon"), ("", {}, "")],
)
def test_call(route, query, told):
    """A call is told with its fixed query parameters."""
    assert tell_call(route, query) == told


def test_reserved_entity_says_so():
    """The detail of the log-in says that it cannot be chosen."""
    detail = describe_entity(CATALOG, CATALOG.find("session.login"), "3.0")

    assert detail.reserved.startswith("Cannot be chosen: ")


def test_detail_in_unknown_dialect():
    """An entity that a dialect lacks has no detail there."""
    with pytest.raises(UnknownEntityError):
        describe_entity(CATALOG, CATALOG.find("cart.add"), "9")
