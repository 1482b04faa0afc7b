"""Finding entities, and what they are in each dialect."""

import pytest

from connector.catalog.catalog import load_catalog, parse_catalog
from connector.catalog.entity import Need, unlisted_operation
from connector.errors import CatalogError, UnknownEntityError
from connector.request import Effect, Operation, Repeat

CATALOG = load_catalog("opencart")

INDEX = {
    "connector": "toy",
    "system": "Toy Shop",
    "reference": "",
    "dialects": {"1": "Toy Shop 1", "2": "Toy Shop 2", "3": "Toy Shop 3", "4": "Toy Shop 4", "5": "Toy Shop 5"},
    "main_dialect": "1",
    "parts": {},
    "notes": [],
    "field_sets": {
        "person": {
            "name": {"type": "text", "meaning": "Name", "required": True},
            "fax": {"type": "text", "meaning": "Fax"},
        }
    },
}
ROW = {
    "id": "buyer.set",
    "title": "Buyer - Set buyer",
    "summary": "Sets the buyer.",
    "effect": "session",
    "repeat": {"rule": "safe", "meaning": "Nothing more."},
    "fields_from": "person",
    "success": ["ok"],
    "example": {"data": {"name": "Ann"}},
    "dialects": {
        "1": {"route": "buyer"},
        "2": {
            "route": "buyer.save",
            "query_fields": ["name"],
            "renames": {"name": "full_name"},
            "fields": {"fax": None, "name": {"max_length": 9}, "phone": {"type": "text", "meaning": "Telephone"}},
            "success": ["buyer_id"],
            "effect": "commit",
        },
        "3": {"missing": "the buyer is a part of the order", "instead": "order.place"},
        "4": {
            "route": "shop",
            "query": {"call": "buyer"},
            "form": {"who_fax": ""},
            "prefix": "who_",
            "renames": {"name": "who"},
            "codes": {"fax": 2},
            "draft": "buyer",
            "clears": {"success": ["cart"]},
            "also": ["Nothing is kept."],
        },
        "5": {"local": True, "draft": "buyer", "draft_change": "edit"},
    },
}
TOY = parse_catalog(INDEX, [ROW])


@pytest.mark.parametrize(
    ("text", "entity_id"),
    [
        ("coupon.apply", "coupon.apply"),
        ("Coupon - Apply existing coupon", "coupon.apply"),
        ("Shipping - Returning available shipping methods", "shipping.methods"),
        ("  shipping -  returning AVAILABLE\tshipping methods ", "shipping.methods"),
        ("Coupon \N{EN DASH} Apply existing coupon", "coupon.apply"),
        ("Shipping - List methods", "shipping.methods"),
        ("Order - Place order", "order.add"),
        # the vendor's own spelling
        (
            "Order - New order by cart content and payment/delivery information has beeen set by current session",
            "order.add",
        ),
        ("Payment - Setting payment method of available in api/payment/methods", "payment.method"),
    ],
)
def test_find(text, entity_id):
    """An entity is found by id, title or alias, whatever the case, blanks and dash."""
    assert CATALOG.find(text).id == entity_id


@pytest.mark.parametrize("entity", CATALOG.entities, ids=lambda entity: entity.id)
def test_every_name_is_found(entity):
    """Every name of every entity leads to it."""
    assert all(CATALOG.find(name) is entity for name in (entity.id, entity.title, *entity.aliases))


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("coupon.aply", 'did you mean "coupon.apply"?'),
        (
            "Shipping - Returning availble shiping methods",
            'did you mean "Shipping - Returning available shipping methods"?',
        ),
        ("api/coupon", "a route is written under `route:`; this one is the entity coupon.apply"),
        ("api/cart/add", "a route is written under `route:`; this one is the entity cart.add or cart.replace"),
        ("api/sale/cart.add", "a route is written under `route:`; this one is the entity cart.add"),
        ("api/order", "a route is written under `route:`; `connector catalog` lists the entities that go by this one"),
        ("zzz", "`connector catalog` lists them; an unlisted route goes under `route:`"),
    ],
)
def test_find_unknown(text, cure):
    """An unknown name is told with the closest one, or with how to write a route."""
    with pytest.raises(UnknownEntityError) as caught:
        CATALOG.find(text)

    assert caught.value.message == f'no entity "{text}" in the catalog of opencart'
    assert caught.value.cure == cure


def test_connector_without_catalog():
    """A connector without a catalog has an empty one, which says to write a route."""
    catalog = load_catalog("http")

    assert catalog.entities == ()
    with pytest.raises(UnknownEntityError, match="http has no catalog: write `route:` in place of `entity:`"):
        catalog.find("orders.list")


def test_operation():
    """An operation says all that a client needs for a call."""
    operation = CATALOG.find("order.history").operation("3.0")

    assert operation == Operation(
        entity="order.history",
        title="Order - Add history entry",
        route="api/order/history",
        effect=Effect.NOTIFY,
        repeat=Repeat.ADDS,
        success_keys=("success",),
        query_fields=frozenset({"order_id"}),
        is_stateful=False,
        is_paged=False,
        is_empty_success=False,
    )


@pytest.mark.parametrize(
    ("entity_id", "is_answer"), [("shipping.methods", True), ("shipping.address", True), ("cart.add", False)]
)
def test_empty_answer(entity_id, is_answer):
    """`[]` is an answer where nothing is shipped, and a sign that nothing was done elsewhere."""
    assert CATALOG.find(entity_id).operation("3.0").is_empty_success is is_answer


def test_log_in_is_reserved():
    """The log-in is in the catalog but cannot be called: the client does it by itself."""
    login = CATALOG.find("Session - Log in")

    with pytest.raises(CatalogError, match=r"session\.login cannot be called: the client does it by itself"):
        login.operation("3.0")


@pytest.mark.parametrize(
    ("effect", "repeat", "is_answer"),
    [
        (Effect.READ, Repeat.SAFE, True),
        (Effect.SESSION, Repeat.ADDS, False),
        (Effect.COMMIT, Repeat.DUPLICATES, False),
        (Effect.NOTIFY, Repeat.DUPLICATES, False),
    ],
)
def test_unlisted_operation(effect, repeat, is_answer):
    """A route outside the catalog is taken at its effect, and otherwise with care."""
    operation = unlisted_operation("api/my_extension/do", effect)

    assert operation == Operation(
        entity="api/my_extension/do",
        title="api/my_extension/do",
        route="api/my_extension/do",
        effect=effect,
        repeat=repeat,
        is_paged=None,
        is_empty_success=is_answer,
    )


def test_unlisted_operation_commits_by_default():
    """A route of which nothing is known is never sent twice."""
    assert unlisted_operation("api/my_extension/do").effect is Effect.COMMIT


def test_unmet_needs():
    """A need is met by any of its entities; a conditional one is never called unmet."""
    variant = CATALOG.find("payment.methods").variant("3.0")

    assert variant.unmet(["payment.address", "cart.replace"]) == ()
    assert variant.unmet(["cart.add"]) == (Need(("payment.address",)),)
    assert CATALOG.find("coupon.apply").variant("3.0").unmet([]) == ()


def test_shared_fields_come_first_and_required_ones_lead():
    """An entity has the fields of the set that it names, the required ones in front."""
    variant = TOY.find("buyer.set").variant("1")

    assert [(field.name, field.is_required) for field in variant.fields] == [("name", True), ("fax", False)]


def test_dialect_patches_row():
    """A dialect adds, drops and changes fields, and whatever else differs there."""
    variant = TOY.find("buyer.set").variant("2")

    assert [field.name for field in variant.fields] == ["name", "phone"]
    assert variant.fields[0].max_length == 9
    assert (variant.route, variant.effect, variant.success_keys) == ("buyer.save", Effect.COMMIT, ("buyer_id",))


def test_dialect_renames_fields():
    """A field that is called otherwise on the wire is renamed in the payload and in the operation."""
    entity = TOY.find("buyer.set")

    assert entity.variant("2").rename({"name": "Ann", "phone": "1"}) == {"full_name": "Ann", "phone": "1"}
    assert entity.variant("1").rename({"name": "Ann"}) == {"name": "Ann"}
    assert entity.operation("2").query_fields == {"full_name"}


def test_absent_entity_names_alternative():
    """An entity that a generation lacks is told with the reason, and with what does the same there."""
    with pytest.raises(UnknownEntityError) as caught:
        TOY.find("buyer.set").operation("3")

    assert str(caught.value) == "buyer.set does not exist in 3: the buyer is a part of the order; use order.place"


def test_unknown_dialect():
    """A dialect that the catalog does not know is told with those that it does."""
    with pytest.raises(UnknownEntityError, match=r"does not exist in 9: .*; it exists in 1, 2, 4, 5"):
        TOY.find("buyer.set").variant("9")


def test_operation_of_a_dialect_without_sessions():
    """An operation says what is always sent, and where its fields belong in the draft that the client holds."""
    assert TOY.find("buyer.set").operation("4") == Operation(
        entity="buyer.set",
        title="Buyer - Set buyer",
        route="shop",
        effect=Effect.SESSION,
        repeat=Repeat.SAFE,
        success_keys=("ok",),
        query=(("call", "buyer"),),
        form=(("who_fax", ""),),
        draft="buyer",
        draft_change="put",
        clears=("cart",),
    )


def test_local_operation():
    """An operation that sends nothing has no route, and says so."""
    operation = TOY.find("buyer.set").operation("5")

    assert (operation.route, operation.is_local, operation.draft_change) == ("", True, "edit")


def test_operation_can_be_a_key():
    """Operations are values: equal ones are one key of a mapping."""
    entity = TOY.find("buyer.set")

    assert len({entity.operation("4"), entity.operation("4"), entity.operation("5")}) == 2


def test_prefix_renames_every_field():
    """A prefix stands in front of every field on the wire, but for those with a name of their own."""
    variant = TOY.find("buyer.set").variant("4")

    assert variant.rename({"name": "Ann", "fax": "1.2"}) == {"who": "Ann", "who_fax": "1.2"}


@pytest.mark.parametrize(
    ("dialect", "written", "sent"),
    [
        ("3.0", "cod", "cod"),
        ("3.0", "cod.cod", "cod"),
        ("3.0", "stripe.card", "stripe.card"),
        ("4.0", "cod", "cod.cod"),
        ("4.0", "cod.cod", "cod.cod"),
        ("4.0", "stripe.card", "stripe.card"),
        ("4.0", "", ""),
        ("4.0", 1, 1),
        ("4.1", "cod", "cod.cod"),
    ],
)
def test_code_has_the_parts_of_its_dialect(dialect, written, sent):
    """A code is sent in one part or in two, however it was written; what is no code in text stays as it is."""
    variant = CATALOG.find("payment.method").variant(dialect)

    assert variant.rename({"payment_method": written}) == {"payment_method": sent}


def test_warnings_of_one_dialect_come_last():
    """A dialect adds warnings of its own to those of the row."""
    assert TOY.find("buyer.set").variant("4").warnings == ("Nothing is kept.",)
    assert TOY.find("buyer.set").variant("1").warnings == ()


@pytest.mark.parametrize(("dialect", "dialects"), [("4.0", ("4.0",)), ("auto", ("2.3", "3.0", "4.0", "4.1"))])
def test_resolve(dialect, dialects):
    """A fixed dialect is itself; `auto` may turn out to be any."""
    assert CATALOG.resolve(dialect) == dialects


def test_offered():
    """Of several dialects, those that have the entity are given, in their order."""
    variants = CATALOG.find("affiliate.set").offered(CATALOG.resolve("auto"))

    assert [variant.dialect for variant in variants] == ["4.0", "4.1"]


def test_offered_nowhere():
    """An entity that none of several dialects has is told with them, and with what does the same."""
    with pytest.raises(UnknownEntityError) as caught:
        CATALOG.find("order.comment").offered(("2.3", "3.0"))

    assert str(caught.value) == (
        "order.comment does not exist in 2.3 or 3.0: the comment is the field `comment` of the order; use order.add"
    )


@pytest.mark.parametrize(
    ("route", "dialect", "query", "entity_ids"),
    [
        ("api/sale/cart|add", "4.0", None, ["cart.add"]),
        ("api/sale/cart.add", "4.0", None, ["cart.add"]),
        ("api/order", "4.1", {"call": "customer", "username": "Default"}, ["customer.set"]),
        ("api/order", "4.1", {"call": "extension", "code": "reward"}, ["reward.apply"]),
        ("api/order", "4.1", {"call": "extension"}, []),
        ("api/order", "3.0", None, []),
        ("", "4.1", None, []),  # several send nothing, and so have no route
    ],
)
def test_find_route(route, dialect, query, entity_ids):
    """An entity is found by route and fixed query, with a pipe or a point in front of the method."""
    assert [entity.id for entity in CATALOG.find_route(route, dialect, query)] == entity_ids


def test_variants_are_a_mapping():
    """An entity's variants can be counted and asked for without being made, and are made once."""
    variants = TOY.find("buyer.set").variants

    assert list(variants) == ["1", "2", "4", "5"]
    assert len(variants) == 4
    assert "3" not in variants
    assert variants["1"] is variants["1"]


def test_composite():
    """An entity may stand for several calls: it has no route of its own, and says so."""
    row = {**ROW, "id": "order.place", "title": "Order - Place", "kind": "composite", "dialects": {"1": {}}}
    entity = parse_catalog(INDEX, [row]).find("order.place")

    assert entity.is_composite
    assert entity.variant("1").route == ""
    assert not TOY.find("buyer.set").is_composite
