"""Payloads held against their entity."""

from datetime import date
from decimal import Decimal

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.payload import Problem, check_anywhere, check_payload
from connector.config.place import Place

CATALOG = load_catalog("opencart")
TEMPLATED = object()
ANN = {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "telephone": "0612345678"}
ADDRESS = {
    "firstname": "Ann",
    "lastname": "Lee",
    "address_1": "1 High Street",
    "city": "London",
    "country_id": 222,
    "zone_id": 3553,
}
GIFT = {
    "from_name": "Ann",
    "from_email": "ann@example.com",
    "to_name": "Bo",
    "to_email": "bo@example.com",
    "amount": 25,
}


def check(entity_id, payload, dialect="3.0"):
    """Return the problems as text."""
    variant = CATALOG.find(entity_id).variant(dialect)
    return [str(problem) for problem in check_payload(variant, payload, is_templated=lambda value: value is TEMPLATED)]


@pytest.mark.parametrize(
    ("entity_id", "payload"),
    [
        ("cart.add", {"product_id": 40}),
        ("cart.add", {"product_id": "40", "quantity": "2"}),
        ("cart.add", {"product_id": Decimal(40), "quantity": Decimal("1E+1")}),
        ("cart.add", {"product_id": 30, "option": {226: 15}}),
        (
            "cart.add",
            {"product_id": 30, "option": {"226": "15", "223": [8, 9], "224": {"0": 8}, "225": date(2026, 12, 24)}},
        ),
        ("cart.add", {"product_id": 30, "option": []}),
        ("cart.add", {"product_id": 30, "option": {}}),
        ("cart.add", {"product_id": 30, "quantity": None}),
        ("cart.add", {"product_id": TEMPLATED, "quantity": TEMPLATED, "option": {"226": TEMPLATED}}),
        ("cart.add", {"product_id": 30, "option": TEMPLATED}),
        ("cart.replace", {"product": [{"product_id": 40, "quantity": 2}, {"product_id": "30", "quantity": "1"}]}),
        ("cart.replace", {"product": [{"product_id": 40, "quantity": TEMPLATED}, TEMPLATED]}),
        ("cart.edit", {"key": "7", "quantity": 0}),
        ("cart.remove", {"key": 1483193620}),
        ("cart.products", {}),
        ("coupon.apply", {"coupon": 2222}),
        ("coupon.apply", {"coupon": "2222"}),
        ("currency.set", {"currency": "EUR"}),
        ("customer.set", ANN),
        ("customer.set", {**ANN, "customer_id": 0, "custom_field": {"1": "12345"}}),
        ("customer.set", {**ANN, "firstname": "T"}),
        ("customer.set", {**ANN, "firstname": "x" * 32}),
        ("shipping.address", {**ADDRESS, "city": "x" * 128}),
        ("shipping.address", {**ADDRESS, "zone_id": 0, "company": "", "postcode": ""}),
        ("shipping.method", {"shipping_method": "flat.flat"}),
        ("voucher.add", {**GIFT, "amount": "25.50"}),
        ("voucher.add", {**GIFT, "amount": Decimal("25.50")}),
        ("voucher.add", {**GIFT, "amount": 25.5}),
        ("voucher.replace", {"voucher": [{**GIFT, "code": "A", "voucher_theme_id": 8, "message": ""}]}),
        ("order.add", {}),
        ("order.add", {"comment": "", "order_status_id": 1, "affiliate_id": "0"}),
        ("order.history", {"order_id": 1, "order_status_id": 2, "notify": True, "override": "0", "comment": ""}),
    ],
)
def test_fits(entity_id, payload):
    """What the shop takes and treats well is accepted, in every form that a template can give."""
    assert check(entity_id, payload) == []


@pytest.mark.parametrize(
    ("entity_id", "payload", "problem"),
    [
        (
            "coupon.apply",
            {},
            "coupon: required, but missing: an empty code removes the coupon and answers with an error",
        ),
        (
            "coupon.apply",
            {"coupon": None},
            "coupon: required, but null: an empty code removes the coupon and answers with an error",
        ),
        (
            "coupon.apply",
            {"coupon": " "},
            "coupon: required, but empty: an empty code removes the coupon and answers with an error",
        ),
        (
            "cart.edit",
            {"key": "7"},
            "quantity: required, but missing: the shop answers success to anything and drops the line",
        ),
        ("customer.set", {**ANN, "lastname": "   "}, "lastname: required, but empty"),
        (
            "order.history",
            {"order_id": 1},
            (
                "order_status_id: required, but missing: without a status the shop takes 0, which hides the order "
                "in its list and puts the stock back"
            ),
        ),
        (
            "voucher.replace",
            {"voucher": [{**GIFT, "code": "A", "message": "Enjoy"}]},
            "voucher[0].voucher_theme_id: required, but missing",
        ),
    ],
)
def test_missing(entity_id, payload, problem):
    """A required field that is missing, null or empty is told, with what the shop would do."""
    assert check(entity_id, payload) == [problem]


@pytest.mark.parametrize(
    ("entity_id", "payload", "problem"),
    [
        (
            "cart.add",
            {"product_id": 40, "quantiy": 2},
            'quantiy: unknown field; cart.add takes product_id, quantity, option; did you mean "quantity"?',
        ),
        ("cart.products", {"page": 1}, "page: unknown field; cart.products takes none"),
        (
            "cart.add",
            {"product_id": 30, "option[226]": 15},
            '["option[226]"]: write it nested, option: {226: …}, not with brackets',
        ),
        (
            "cart.add",
            {"product_id": 30, "product": []},
            (
                "product: not a field of cart.add: cart.add takes one product; cart.replace takes a list of them, in "
                "place of the whole cart"
            ),
        ),
        (
            "voucher.add",
            {**GIFT, "code": "VOU-7177"},
            (
                "code: not a field of voucher.add: the shop makes the code itself and ignores this one; "
                "voucher.replace takes a code"
            ),
        ),
        (
            "order.add",
            {"order_id": 1},
            "order_id: not a field of order.add: order.add makes a new order; order.edit changes one",
        ),
        (
            "cart.replace",
            {"product": [{"product_id": 1, "quantity": 1, "qty": 1}]},
            "product[0].qty: unknown field; an entry of product takes product_id, quantity, option",
        ),
    ],
)
def test_unknown(entity_id, payload, problem):
    """A field that nothing reads is told with the accepted ones, and with where it belongs."""
    assert check(entity_id, payload) == [problem]


@pytest.mark.parametrize(
    ("entity_id", "payload", "problem"),
    [
        (
            "cart.add",
            {"product_id": 1, "quantity": 0},
            "quantity: found the number 0, accepted is a whole number of at least 1",
        ),
        (
            "cart.add",
            {"product_id": 1, "quantity": "-1"},
            'quantity: found text "-1", accepted is a whole number of at least 1',
        ),
        (
            "cart.add",
            {"product_id": 1, "quantity": "abc"},
            'quantity: found text "abc", accepted is a whole number of at least 1',
        ),
        (
            "cart.add",
            {"product_id": 1, "quantity": ""},
            "quantity: found empty text, accepted is a whole number of at least 1",
        ),
        (
            "cart.add",
            {"product_id": 1, "quantity": 1.5},
            "quantity: found the number 1.5, accepted is a whole number of at least 1",
        ),
        (
            "cart.add",
            {"product_id": 1, "quantity": Decimal("2.00")},
            "quantity: found the number 2.00, accepted is a whole number of at least 1",
        ),
        (
            "cart.add",
            {"product_id": 1, "quantity": True},
            "quantity: found true, accepted is a whole number of at least 1",
        ),
        (
            "cart.add",
            {"product_id": 1, "quantity": "٣"},
            'quantity: found text "٣", accepted is a whole number of at least 1',
        ),
        (
            "cart.add",
            {"product_id": "40abc"},
            'product_id: found text "40abc", accepted is a whole number of at least 1',
        ),
        (
            "cart.add",
            {"product_id": 1, "option": "15"},
            'option: found text "15", accepted is a mapping of ids to values',
        ),
        (
            "cart.add",
            {"product_id": 1, "option": {"size": 15}},
            'option.size: found the key text "size", accepted is an id',
        ),
        (
            "cart.add",
            {"product_id": 1, "option": {"7": [[8]]}},
            "option.7: found values nested deeper, accepted is a value or a list",
        ),
        (
            "cart.replace",
            {"product": "40"},
            'product: found text "40", accepted is a list of entries with product_id, quantity, opt',
        ),
        (
            "cart.replace",
            {"product": []},
            "product: found an empty list, accepted is a list of entries with product_id, quantity",
        ),
        (
            "cart.replace",
            {"product": [40]},
            "product[0]: found the number 40, accepted is an entry with product_id, quantity, option",
        ),
        (
            "cart.edit",
            {"key": 1, "quantity": -1},
            "quantity: found the number -1, accepted is a whole number of at least 0",
        ),
        (
            "currency.set",
            {"currency": "eur"},
            'currency: found text "eur", accepted is a currency code of three capital letters',
        ),
        ("coupon.apply", {"coupon": ["2222"]}, "coupon: found a list of 1 entry, accepted is text"),
        ("coupon.apply", {"coupon": True}, "coupon: found true, accepted is text"),
        (
            "order.add",
            {"order_status_id": 0},
            "order_status_id: found the number 0, accepted is a whole number of at least 1",
        ),
        (
            "order.add",
            {"shipping_method": "flat"},
            'shipping_method: found text "flat", accepted is a code in two parts, such as',
        ),
        ("order.info", {"order_id": "1abc"}, 'order_id: found text "1abc", accepted is a whole number of at least 1'),
        ("reward.apply", {"reward": -5}, "reward: found the number -5, accepted is a whole number of at least 1"),
        (
            "voucher.add",
            {**GIFT, "amount": "25,50"},
            'amount: found text "25,50", accepted is a number such as 12.50, of at least 0',
        ),
        (
            "order.history",
            {"order_id": 1, "order_status_id": 2, "notify": "false"},
            'notify: found text "false", accepted is 0 or 1',
        ),
    ],
)
def test_wrong_value(entity_id, payload, problem):
    """A value of the wrong type or range is told with what was found and what is accepted."""
    problems = check(entity_id, payload)

    assert len(problems) == 1
    assert problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("entity_id", "payload", "why"),
    [
        ("cart.add", {"product_id": 1, "quantity": 0}, "the line is wrong, or gone when the cart is next read"),
        ("cart.add", {"product_id": 1, "option": 15}, "the shop breaks off with HTTP 500"),
        ("cart.replace", {"product": [40]}, "the shop would empty the cart and then break off"),
        ("currency.set", {"currency": "eur"}, "goes back to its own currency with the next call"),
        ("order.add", {"order_status_id": "0"}, "hidden in the shop's list of orders and takes no stock"),
        ("order.history", {"order_id": 1, "order_status_id": 0}, "hides the order in its list and puts the stock back"),
        ("payment.address", {**ADDRESS, "company": "x" * 61}, "the shop would cut off the rest without a word"),
        ("reward.apply", {"reward": -5}, "the shop takes a negative number for a positive one"),
    ],
)
def test_silent_harm_is_explained(entity_id, payload, why):
    """What the shop would take to the user's harm is refused with what it would do."""
    (problem,) = check(entity_id, payload)

    assert problem.endswith(why)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"firstname": "x" * 33}, "firstname: found 33 characters, accepted is text of 1 to 32 characters"),
        ({"telephone": "12"}, "telephone: found 2 characters, accepted is text of 3 to 32 characters"),
        (
            {"firstname": 'Tom & "Jerry" <b>'},
            (
                'firstname: found 17 characters, which count as 37 (& < > " are stored as &amp; &lt; &gt; &quot;), '
                "accepted is text of 1 to 32 characters"
            ),
        ),
        (
            {"email": "ann.example.com"},
            "email: found text of 15 characters, accepted is an e-mail address of at most 96 characters",
        ),
        (
            {"telephone": {"home": "06"}},
            "telephone: found a mapping with the keys home, accepted is text of 3 to 32 characters",
        ),
    ],
)
def test_personal_values_do_not_show(changes, problem):
    """Lengths are counted as the shop counts them, and a personal value shows in no message."""
    assert check("customer.set", {**ANN, **changes}) == [problem]


def test_all_problems_at_once():
    """Every problem is told, unknown fields first and then field by field."""
    problems = check("cart.add", {"quantity": 0, "colour": "red"})

    assert [problem.partition(":")[0] for problem in problems] == ["colour", "product_id", "quantity"]


def test_report_points_at_value_and_key():
    """A problem becomes a fault at its value, or at its key where the key is what is wrong."""
    place = Place.detached("data", {"coupn": "2222"})
    variant = CATALOG.find("coupon.apply").variant("3.0")

    for problem in check_payload(variant, place.value):
        problem.report(place)

    assert [(fault.where, fault.hint) for fault in place.faults] == [
        ("data.coupn", 'did you mean "coupon"?'),
        ("data.coupon", None),
    ]


def test_problem_without_keys_has_no_colon():
    """A problem names its place the way faults do."""
    assert str(Problem(("product", 0, "quantity"), "too few")) == "product[0].quantity: too few"


METHOD = {"name": "Flat", "code": "flat.flat", "cost": "5.00", "tax_class_id": 9}


@pytest.mark.parametrize(
    ("entity_id", "payload", "problems"),
    [
        ("customer.set", ANN, {"4.0": ["customer_group_id"]}),
        ("customer.set", {**ANN, "customer_group_id": 1}, {}),
        (
            "customer.set",
            {**ANN, "customer_group_id": 1, "telephone": None},
            {"2.3": ["telephone"], "3.0": ["telephone"]},
        ),
        (
            "customer.set",
            {**ANN, "customer_group_id": 1, "fax": "06"},
            {"3.0": ["fax"], "4.0": ["fax"], "4.1": ["fax"]},
        ),
        ("cart.add", {"product_id": 40}, {}),
        (
            "cart.add",
            {"product_id": 46, "subscription_plan_id": 2},
            {"2.3": ["subscription_plan_id"], "3.0": ["subscription_plan_id"]},
        ),
        ("cart.edit", {"key": 1, "quantity": 0}, {"4.0": ["quantity"], "4.1": ["quantity"]}),
        ("shipping.address", ADDRESS, {}),
        ("shipping.address", {**ADDRESS, "city": "x" * 40}, {"2.3": ["city"]}),
        ("shipping.address", {**ADDRESS, "address_id": 1}, {"2.3": ["address_id"], "3.0": ["address_id"]}),
        ("payment.address", {**ADDRESS, "city": "x" * 40}, {"2.3": ["city"], "3.0": ["city"]}),
        ("shipping.method", {"shipping_method": "flat.flat"}, {}),
        ("payment.method", {"payment_method": "cod"}, {}),
        ("order.add", {"order_status_id": 1}, {}),
        ("order.add", {}, {"4.1": ["order_status_id"]}),
        ("order.add", {"order_status_id": 1, "comment": "A-1"}, {"4.0": ["comment"]}),
        (
            "order.add",
            {"order_status_id": 1, "payment_method": "cod"},
            {"4.0": ["payment_method"], "4.1": ["payment_method"]},
        ),
        ("order.history", {"order_id": 1, "order_status_id": 2}, {}),
    ],
)
def test_dialects(entity_id, payload, problems):
    """One payload fits some generations and not others, at the fields that they have otherwise."""
    variants = CATALOG.find(entity_id).offered(CATALOG.resolve("auto"))

    found = {
        variant.dialect: [problem.keys[0] for problem in check_payload(variant, payload)]
        for variant in variants
        if check_payload(variant, payload)
    }

    assert found == problems


@pytest.mark.parametrize(
    ("entity_id", "payload"),
    [
        ("customer.set", ANN),
        ("customer.set", {**ANN, "customer_group_id": 1, "fax": "06"}),
        ("order.add", {"order_status_id": 1, "payment_method": "cod"}),
        ("order.comment", {"comment": TEMPLATED}),
    ],
)
def test_anywhere_is_content_with_one(entity_id, payload):
    """A payload that one generation takes has no problems where the generation is not known yet."""
    variants = CATALOG.find(entity_id).offered(CATALOG.resolve("auto"))

    assert check_anywhere(variants, payload, is_templated=lambda value: value is TEMPLATED) == []


def test_anywhere_tells_the_closest():
    """A payload that no generation takes is told as the one that takes most of it sees it."""
    variants = CATALOG.find("customer.set").offered(("3.0", "4.0"))

    problems = check_anywhere(variants, {**ANN, "telephone": ""})

    assert [str(problem) for problem in problems] == [
        "telephone: required, but empty (in 3.0; the others refuse the payload as well)"
    ]


def test_anywhere_tells_what_is_wrong_for_all_as_it_is():
    """What every generation refuses in the same words is told in these words alone."""
    variants = CATALOG.find("customer.set").offered(("3.0", "4.0"))

    problems = check_anywhere(variants, {**ANN, "email": "x"})

    assert [str(problem) for problem in problems] == [
        "email: found text of 1 character, accepted is an e-mail address of at most 96 characters"
    ]


def test_anywhere_with_one_generation():
    """Where the generation is known, nothing is said of others."""
    variants = CATALOG.find("coupon.apply").offered(("4.0",))

    assert [str(problem) for problem in check_anywhere(variants, {})] == [
        "coupon: required, but missing: an empty code removes the coupon and answers success"
    ]


@pytest.mark.parametrize(
    ("shipping_method", "problems"),
    [
        (METHOD, []),
        (TEMPLATED, []),
        ({**METHOD, "cost": TEMPLATED}, []),
        (
            "flat.flat",
            [
                (
                    'shipping_method: found text "flat.flat", '
                    "accepted is a mapping with name, code, cost, tax_class_id, text"
                ),
            ],
        ),
        (
            {"name": "Flat", "code": "flat", "cost": 5, "tax_class_id": 9},
            [
                'shipping_method.code: found text "flat", accepted is a code in two parts, such as flat.flat',
            ],
        ),
        (
            {**METHOD, "titel": "Flat"},
            [
                "shipping_method.titel: unknown field; shipping_method takes name, code, cost, tax_class_id, text",
            ],
        ),
    ],
)
def test_record(shipping_method, problems):
    """A record is judged field by field, like an entry of a list."""
    payload = {"customer_id": 1, "product": [{"product_id": 46, "quantity": 1}], "shipping_method": shipping_method}

    assert check("subscription.payment_methods", payload, "4.1") == problems
