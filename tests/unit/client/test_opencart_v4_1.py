"""How OpenCart 4.1 speaks: signed calls, the whole order in each, and a draft that takes in what was accepted."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.catalog.catalog import load_catalog
from connector.client.opencart.signature import sign
from connector.client.opencart.v4_1 import OpenCart41, find_folder
from connector.errors import PayloadError
from connector.interfaces import Credential, SessionState
from connector.request import Answer, FieldError, PageInput, Response, Verdict

NOW = datetime(2026, 11, 22, 12, 0, 0, 900_000, tzinfo=UTC)
TIME = "1795348800"
HOST = "shop.example"
DIALECT = OpenCart41(host=HOST, path="/", now=lambda: NOW)
CREDENTIAL = Credential("oc_api", "s3cr3t-key")
CATALOG = load_catalog("opencart")
REFUSED = {"error": "You do not have permission to access this page."}
CUSTOMER = {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "customer_group_id": 1}
ADDRESS = {"firstname": "Ann", "lastname": "Lee", "address_1": "1 High St", "city": "London", "country_id": 222}
SHIPPING_METHODS = {
    "shipping_methods": {
        "flat": {
            "code": "flat",
            "name": "Flat Rate",
            "quote": {
                "flat": {
                    "code": "flat.flat",
                    "name": 'Flat "Rate"',
                    "cost": "5.00",
                    "tax_class_id": "9",
                    "text": "$8.00",
                }
            },
        },
        "pickup": {
            "code": "pickup",
            "quote": {"pickup": {"code": "pickup.pickup", "name": "Pickup", "cost": 0, "tax_class_id": 0}},
        },
    }
}
PAYMENT_METHODS = {
    "payment_methods": {
        "cod": {"code": "cod", "name": "Cash", "option": {"cod": {"code": "cod.cod", "name": "Cash On Delivery"}}}
    }
}


def operation(entity):
    """Return an entity as 4.1 has it."""
    return CATALOG.find(entity).operation("4.1")


def rename(entity, payload):
    """Return a payload under the names of the wire."""
    return dict(CATALOG.find(entity).variant("4.1").rename(payload))


def respond(body, status=200, **headers):
    """Return a response; anything but bytes is sent as JSON, under the type that the shop gives it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "text/html; charset=utf-8"} | headers, raw)


class Session:
    """A session as a client leads it: requests are built and answers taken in, with nothing between."""

    def __init__(self, dialect=DIALECT):
        self.dialect = dialect
        self.state = SessionState()

    def build(self, entity, payload=None, page=None):
        """Return the request for a call."""
        op = operation(entity)
        payload = rename(entity, payload or {})
        return self.dialect.build_request(
            "https://shop.example/", op, payload, page or PageInput(), self.state, CREDENTIAL
        )

    def form(self, entity, payload=None):
        """Return the fields of a call."""
        return dict(self.build(entity, payload).form)

    def call(self, entity, payload=None, answer=None):
        """Make a call, or a local change, that is answered with a success; return the fields that were sent."""
        op, payload = operation(entity), rename(entity, payload or {})
        form = None
        if not op.is_local:
            form = dict(self.build(entity, payload).form)
        success = Answer(Verdict.OK, value={"success": "x"} if answer is None else answer)
        self.state = self.dialect.advance(op, payload, success, self.state)
        return form


def products(*lines):
    """Return an answer with product lines: pairs of `cart_id` and `product_id`."""
    return {"products": [{"cart_id": str(cart_id), "product_id": str(product_id)} for cart_id, product_id in lines]}


# The request


def test_a_call_is_signed_over_what_it_sends():
    """Eight parameters go along, the last of them the signature of all the others and of the form."""
    request = Session().build("customer.set", CUSTOMER)

    query = dict(request.query)
    assert list(query) == [
        "route",
        "call",
        "username",
        "store_id",
        "language",
        "currency",
        "time",
        "signature",
    ]
    assert (query["route"], query["call"], query["username"]) == ("api/order", "customer", "oc_api")
    assert (query["store_id"], query["language"], query["currency"], query["time"]) == ("0", "en-gb", "", TIME)
    assert query["signature"] == sign(
        request.form,
        key="s3cr3t-key",
        route="api/order",
        call="customer",
        username="oc_api",
        host=HOST,
        path="/",
        store_id=0,
        language="en-gb",
        currency="",
        time=int(TIME),
    )


def test_options_are_signed_and_sent():
    """Store, language and currency are the client's; host and folder are signed and not sent."""
    dialect = OpenCart41(host="a:81", path="/s/", store_id=2, language="de-de", currency="EUR", now=lambda: NOW)

    query = dict(Session(dialect).build("cart.products").query)
    others = [
        dict(Session(OpenCart41(host=host, path=path, now=lambda: NOW)).build("cart.products").query)["signature"]
        for host, path in [("a:81", "/"), ("a", "/s/"), ("a:81", "/s/")]
    ]

    assert (query["store_id"], query["language"], query["currency"]) == ("2", "de-de", "EUR")
    assert len({query["signature"], *others}) == 4
    assert "a:81" not in query.values()


def test_the_time_is_whole_seconds_of_the_clock_at_the_call():
    """Every call is signed with the time at which it is made, cut to the second."""
    at = iter([NOW, NOW + timedelta(seconds=2)])
    session = Session(OpenCart41(host=HOST, path="/", now=lambda: next(at)))

    times = [dict(session.build("cart.products").query)["time"] for _ in range(2)]

    assert times == [TIME, str(int(TIME) + 2)]


def test_no_cookie_goes_along_but_the_currency():
    """Cookies would pile up carts; the currency of an order is told by one."""
    plain = Session().build("cart.products")
    priced = Session(OpenCart41(host=HOST, path="/", currency="EUR", now=lambda: NOW)).build("cart.products")

    assert "cookie" not in plain.headers
    assert priced.headers["cookie"] == "currency=EUR"


def test_the_key_is_nowhere():
    """The key signs and is never sent."""
    assert "s3cr3t" not in repr(Session().build("customer.set", CUSTOMER))


def test_an_extension_is_named_beside_the_call():
    """A coupon is checked by the call `extension`, with its code."""
    request = Session().build("coupon.apply", {"coupon": "2222"})

    assert request.query[:3] == (("route", "api/order"), ("call", "extension"), ("code", "coupon"))


def test_a_page_is_signed_with_the_form():
    """What a page adds to the form is part of what is signed, and what it adds to the query goes along."""
    page = PageInput(form={"page": "2"}, query={"limit": "5"}, headers={"X-Page": "2"})

    request = Session().build("cart.products", page=page)

    assert request.form == (("page", "2"),)
    assert ("limit", "5") in request.query
    assert request.headers["x-page"] == "2"
    assert dict(request.query)["signature"] != dict(Session().build("cart.products").query)["signature"]


def test_more_fields_than_php_reads_are_refused():
    """A form that PHP cuts gets another hash, so it is refused here, with a cure that helps."""
    session = Session()
    lines = [{"product_id": 40, "quantity": 1}] * 500
    session.call("cart.replace", {"product": lines}, products())

    with pytest.raises(PayloadError, match=r"1,00\d form fields.*the whole order.*max_input_vars"):
        session.build("customer.set", CUSTOMER)


def test_the_proof_of_the_credential_changes_nothing():
    """Whether user, key, address and clock are fine is asked by a call that does least."""
    request = DIALECT.build_login("https://shop.example/", CREDENTIAL)

    assert request.form == ()
    assert (dict(request.query)["call"], DIALECT.needs_login) == ("affiliate", False)
    assert DIALECT.read_login(respond({"success": "x"})) == SessionState()
    refused = DIALECT.read_login(respond(REFUSED, 403))
    assert isinstance(refused, Answer)
    assert refused.verdict is Verdict.DENIED


@pytest.mark.parametrize(
    ("base_url", "folder"),
    [
        ("https://shop.example", "/"),
        ("https://shop.example/", "/"),
        ("https://shop.example/index.php", "/"),
        ("https://shop.example/sub", "/sub/"),
        ("https://shop.example/a/b/index.php", "/a/b/"),
        ("https://shop.example/my%20shop/", "/my shop/"),
    ],
)
def test_the_folder_is_that_of_index_php(base_url, folder):
    """PHP sees the folder decoded, with a slash at both ends."""
    assert find_folder(base_url) == folder


# The draft


def test_what_was_accepted_goes_along_with_every_later_call():
    """Customer, lines, addresses and coupon are gathered, each under its own names."""
    session = Session()
    session.call("customer.set", CUSTOMER)
    session.call("cart.add", {"product_id": 42, "quantity": 2, "option": {"223": ["8", "9"], "208": "x"}})
    session.call("shipping.address", ADDRESS | {"zone_id": 3563})
    session.call("coupon.apply", {"coupon": "2222"})

    form = session.form("cart.products")

    assert form["firstname"] == "Ann"
    assert form["customer_id"] == "0"
    assert form["shipping_firstname"] == "Ann"
    assert form["shipping_address_id"] == "0"
    assert form["coupon"] == "2222"
    assert form["product[0][product_id]"] == "42"
    assert form["product[0][quantity]"] == "2"
    assert form["product[0][option][223][1]"] == "9"
    assert form["product[0][option][208]"] == "x"


def test_a_line_is_checked_beside_those_of_before():
    """`cart.add` sends its own fields, and the lines that are there already; the new one is numbered next."""
    session = Session()

    first = session.call("cart.add", {"product_id": 40})
    second = session.call("cart.add", {"product_id": 41, "quantity": 3})

    assert first == {"quantity": "1", "product_id": "40"}
    assert second == {
        "product[0][quantity]": "1",
        "product[0][product_id]": "40",
        "quantity": "3",
        "product_id": "41",
    }
    assert session.form("cart.products") == {
        "product[0][quantity]": "1",
        "product[0][product_id]": "40",
        "product[1][quantity]": "3",
        "product[1][product_id]": "41",
    }


def test_a_part_is_replaced_as_a_whole():
    """A second customer leaves nothing of the first, neither in its own call nor after it."""
    session = Session()
    session.call("customer.set", CUSTOMER | {"customer_id": 5, "telephone": "020", "custom_field": {"1": "x"}})

    sent = session.call("customer.set", CUSTOMER)

    assert sent["customer_id"] == "0"
    assert "custom_field[1]" not in sent
    assert session.form("cart.products") == sent


def test_a_list_of_lines_replaces_the_cart():
    """`cart.replace` sends its own list in place of the draft's, and keeps it."""
    session = Session()
    session.call("cart.add", {"product_id": 40})

    sent = session.call("cart.replace", {"product": [{"product_id": 41, "quantity": 2}]}, products((9, 41)))

    assert sent == {"product[0][product_id]": "41", "product[0][quantity]": "2"}
    assert session.form("cart.products") == sent


@pytest.mark.parametrize(
    ("entity", "given", "nothing"),
    [
        ("coupon.apply", {"coupon": "2222"}, {"coupon": ""}),
        ("affiliate.set", {"affiliate_id": 2}, {"affiliate_id": 0}),
        ("order.comment", {"comment": "hello"}, {"comment": ""}),
    ],
)
def test_saying_nothing_takes_a_part_out(entity, given, nothing):
    """An empty coupon and affiliate 0 are no fields of an order: the shop would refuse the order for them."""
    session = Session()
    session.call(entity, given)
    kept = session.form("cart.products")

    session.call(entity, nothing)

    assert kept == {name: str(value) for name, value in given.items()}
    assert session.form("cart.products") == {}


def test_a_currency_goes_into_cookie_and_query_not_into_the_form():
    """A chosen currency goes before the client's own."""
    session = Session(OpenCart41(host=HOST, path="/", currency="GBP", now=lambda: NOW))
    session.call("currency.set", {"currency": "EUR"})

    request = session.build("cart.products")

    assert request.headers["cookie"] == "currency=EUR"
    assert dict(request.query)["currency"] == "EUR"
    assert request.form == ()


def test_an_order_carries_everything_and_its_own_fields():
    """`order.add` sends the draft with status and comment; after it the cart is empty, so that no second order is."""
    session = Session()
    session.call("customer.set", CUSTOMER)
    session.call("order.comment", {"comment": "first"})
    session.call("cart.add", {"product_id": 40})

    form = session.call("order.add", {"order_status_id": 1, "comment": "second"}, {"order_id": 7} | products((1, 40)))

    assert (form["order_status_id"], form["comment"], form["product[0][product_id]"]) == ("1", "second", "40")
    assert "product[0][product_id]" not in session.form("order.add", {"order_status_id": 1})


def test_a_call_by_id_carries_nothing_else():
    """History belongs to an order, not to the draft, and leaves it as it is."""
    session = Session()
    session.call("cart.add", {"product_id": 40})
    before = session.state

    form = session.call("order.history", {"order_id": 3, "order_status_id": 2})

    assert form == {"order_id": "3", "order_status_id": "2"}
    assert session.state is before


def test_a_state_is_never_changed_in_place():
    """Each success makes a new draft; the old one still says what it said."""
    session = Session()
    session.call("cart.add", {"product_id": 40})
    state, form = session.state, session.form("cart.products")

    session.call("cart.add", {"product_id": 41})
    session.call("coupon.apply", {"coupon": "x"})
    session.state = state

    assert session.form("cart.products") == form


# Methods


def choose(session, methods=SHIPPING_METHODS, entity="shipping.methods"):
    """Have a session list methods."""
    session.call(entity, {}, methods)
    return session


@pytest.mark.parametrize("code", ["flat.flat", "flat"])
def test_a_method_is_copied_from_its_list(code):
    """The shop wants the entry of the list back: name, code, cost and tax class, and nothing else."""
    session = choose(Session())

    form = session.call("shipping.method", {"shipping_method": code})

    assert form == {
        "shipping_method[code]": "flat.flat",
        "shipping_method[name]": 'Flat "Rate"',
        "shipping_method[cost]": "5.00",
        "shipping_method[tax_class_id]": "9",
    }
    assert session.form("cart.products") == form


@pytest.mark.parametrize("code", ["cod", "cod.cod"])
def test_a_payment_method_has_name_and_code(code):
    """Payment methods are listed under `option` and cost nothing; `cod` and `cod.cod` are one."""
    session = choose(Session(), PAYMENT_METHODS, "payment.methods")

    form = session.call("payment.method", {"payment_method": code})

    assert form == {"payment_method[code]": "cod.cod", "payment_method[name]": "Cash On Delivery"}


@pytest.mark.parametrize("zero", [0, "0", "", 0.0])
def test_zeros_are_written_so_that_they_are_not_missing(zero):
    """4.1.0.4 takes a cost and a tax class of 0 for missing, and `0.00` and `0.0` for what they are."""
    methods = {
        "shipping_methods": {"a": {"quote": {"a": {"code": "a.a", "name": "A", "cost": zero, "tax_class_id": zero}}}}
    }
    session = choose(Session(), methods)

    form = session.form("shipping.method", {"shipping_method": "a.a"})

    assert (form["shipping_method[cost]"], form["shipping_method[tax_class_id]"]) == ("0.00", "0.0")


@pytest.mark.parametrize(
    ("listed", "code", "words"),
    [
        (None, "flat.flat", "cannot be chosen before shipping.methods has listed what there is"),
        (SHIPPING_METHODS, "air.mail", "'air.mail' is not listed, there are: flat.flat, pickup.pickup"),
        ({"shipping_methods": []}, "flat.flat", "'flat.flat' is not listed, there are: none"),
        ({"shipping_methods": {"a": "broken", "b": {"quote": {"c": "broken"}}}}, "x.y", "there are: none"),
    ],
)
def test_a_method_that_is_not_listed_is_refused(listed, code, words):
    """The shop would take any method at any price, so what it did not list is not sent."""
    session = Session() if listed is None else choose(Session(), listed)

    with pytest.raises(PayloadError, match=words):
        session.build("shipping.method", {"shipping_method": code})


def test_a_change_of_the_cart_drops_methods_and_choices():
    """What was listed and chosen for another cart is neither sent nor chosen from."""
    session = choose(Session())
    session.call("shipping.method", {"shipping_method": "flat"})

    session.call("cart.add", {"product_id": 40})

    assert "shipping_method[code]" not in session.form("cart.products")
    with pytest.raises(PayloadError, match=r"before shipping\.methods"):
        session.build("shipping.method", {"shipping_method": "flat"})


# Lines by cart_id


def test_a_line_is_changed_and_removed_by_its_cart_id():
    """The shop numbers lines anew in every answer; the latest numbers count, and nothing is sent for it."""
    session = Session()
    session.call("cart.add", {"product_id": 40}, products((11, 40)))
    session.call("cart.add", {"product_id": 41}, products((22, 41), (21, 40)))

    session.call("cart.edit", {"key": 22, "quantity": 5})
    session.call("cart.remove", {"key": "21"})

    assert session.form("cart.products") == {"product[0][quantity]": "5", "product[0][product_id]": "41"}


def test_lines_that_are_equal_are_one():
    """Lines with the same product and options share a `cart_id`: changing it sets the sum, removing it removes all."""
    session = Session()
    for option in ("15", "16", 15):
        session.call("cart.add", {"product_id": 30, "option": {"226": option}})
    session.call("cart.products", {}, products((5, 30), (6, 30)))

    session.call("cart.edit", {"key": 5, "quantity": 4})

    assert session.form("cart.products") == {
        "product[0][quantity]": "4",
        "product[0][product_id]": "30",
        "product[0][option][226]": "15",
        "product[1][quantity]": "1",
        "product[1][product_id]": "30",
        "product[1][option][226]": "16",
    }
    session.call("cart.remove", {"key": 6})
    assert "product[1][product_id]" not in session.form("cart.products")


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (products((11, 40)), 12),
        ({"success": "x"}, 11),
        (products((11, 40), (12, 41)), 11),
        (products((11, 41)), 11),
        ({"products": [{"cart_id": "x", "product_id": "40"}, "broken"]}, 11),
    ],
    ids=["another", "no products", "more lines", "another product", "broken"],
)
def test_a_line_that_cannot_be_told_is_not_changed(answer, key):
    """Where the answer does not fit the draft, no line has a number, rather than perhaps the wrong one."""
    session = Session()
    session.call("cart.add", {"product_id": 40}, answer)
    before = session.state

    for entity, payload in (("cart.edit", {"key": key, "quantity": 2}), ("cart.remove", {"key": key})):
        with pytest.raises(PayloadError, match=r"call cart\.products first"):
            session.call(entity, payload)

    assert session.state == before


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "edit"]), st.integers(1, 3), st.integers(1, 9)),
        max_size=8,
    )
)
def test_the_draft_agrees_with_a_shop_that_keeps_a_cart(steps):
    """Adding, changing and removing lines by number comes to the same quantities as in a cart of the shop."""
    session, cart = Session(), {}
    numbers: dict[int, int] = {}
    fresh = itertools.count(1)

    for change, product_id, quantity in steps:
        if change == "add":
            session.call("cart.add", {"product_id": product_id, "quantity": quantity})
            cart[product_id] = cart.get(product_id, 0) + quantity
        elif product_id not in cart:
            continue
        elif change == "edit":
            session.call("cart.edit", {"key": numbers[product_id], "quantity": quantity})
            cart[product_id] = quantity
        else:
            session.call("cart.remove", {"key": numbers[product_id]})
            del cart[product_id]
        numbers = {each: next(fresh) for each in dict(read_lines(session))}  # at the first of equal lines
        session.call("cart.products", {}, products(*((number, each) for each, number in numbers.items())))

    assert {each: sum(n for other, n in read_lines(session) if other == each) for each in cart} == cart


def read_lines(session):
    """Return product and quantity of each line that a session would send, in order."""
    form = session.form("cart.products")
    numbers = itertools.takewhile(lambda at: f"product[{at}][product_id]" in form, itertools.count())
    return [(int(form[f"product[{at}][product_id]"]), int(form[f"product[{at}][quantity]"])) for at in numbers]


# Answers


def test_a_refusal_names_its_causes_most_likely_first():
    """The shop says one sentence to everything; what to check is ranked, and names what was signed."""
    answer = DIALECT.read(operation("cart.products"), respond(REFUSED, 403))

    assert answer.verdict is Verdict.DENIED
    assert "does not say which" in answer.reason
    causes = [answer.cure.index(word) for word in ("IP addresses", "host shop.example", "username and key", "clock")]
    assert causes == sorted(causes)


@pytest.mark.parametrize(
    ("skew_s", "words"),
    [(3600, "(1) set this machine's clock: it is 3600 s behind"), (-460, "460 s ahead of"), (300, None), (0, None)],
)
def test_a_clock_that_is_wrong_is_seen_in_the_answer(skew_s, words):
    """The date of the refusal tells whether the clock is to blame: then it comes first, else it is not named."""
    date = format_datetime(NOW + timedelta(seconds=skew_s + 0.1), usegmt=False)

    answer = DIALECT.read(operation("cart.products"), respond(REFUSED, 403, date=date))

    assert (words in answer.cure) if words else ("clock" not in answer.cure)


def test_a_refusal_by_something_in_front_is_told_apart():
    """A web page under 403 is not the shop's."""
    answer = DIALECT.read(operation("cart.products"), respond(b"<html><title>Blocked</title>", 403))

    assert answer.verdict is Verdict.DENIED
    assert "Blocked" in answer.reason
    assert "signature" not in answer.cure


@pytest.mark.parametrize(
    ("entity", "body", "verdict"),
    [
        ("customer.set", {"success": "x"}, Verdict.OK),
        ("customer.set", {"error": {"firstname": "Too short!"}}, Verdict.REJECTED),
        ("cart.products", {"success": "x", "products": [], "totals": [{"value": 0}]}, Verdict.OK),
        ("cart.products", {"error": {"warning": "x"}, "products": [{"a": 1}]}, Verdict.OK),
        ("cart.replace", {"error": {"product_1_product": "x"}, "products": [{"a": 1}]}, Verdict.REJECTED),
        ("shipping.method", {"error": "Required!", "products": [{"a": 1}], "totals": []}, Verdict.REJECTED),
        ("order.add", {"order_id": 7, "success": "x", "products": []}, Verdict.OK),
        ("order.add", {"error": {"customer": "Required!"}, "products": [], "totals": [{"value": 0}]}, Verdict.REJECTED),
        ("order.add", {"error": {"customer": "x"}, "order_id": 7}, Verdict.UNKNOWN),
        ("order.add", {"success": "x"}, Verdict.UNKNOWN),
        (
            "order.add",
            b"<b>Warning</b>: fsockopen() in <b>/x</b>Error: Error: Connection refused (111)",
            Verdict.UNKNOWN,
        ),
        ("order.add", b"", Verdict.UNKNOWN),
        ("cart.products", {"error": "API call not found"}, Verdict.REJECTED),
        ("cart.products", b"Error: Error: Could not make a database link using oc@db!", Verdict.BUSY),
    ],
)
def test_answers(entity, body, verdict):
    """Status and body are read together; an error beside the cart refuses a change and not a question."""
    assert DIALECT.read(operation(entity), respond(body)).verdict is verdict


def test_a_redirect_to_error_html_after_an_order_is_unknown():
    """PHP broke off somewhere in the order."""
    assert DIALECT.read(operation("order.add"), respond(b"", 302, location="error.html")).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("entity", "error", "errors", "words"),
    [
        ("shipping.address", {"shipping_city": "Too short!"}, [("city", "Too short!")], "city: Too short!"),
        (
            "payment.address",
            {"payment_custom_field_3": "Required!"},
            [("custom_field.3", "Required!")],
            "custom_field.3: Required!",
        ),
        (
            "cart.add",
            {"product_0_option_226": "Required!", "warning": "Check!"},
            [("product.0.option.226", "Required!"), (None, "Check!")],
            "product.0.option.226: Required!; Check!",
        ),
        ("cart.add", {"product_1_product": "Gone!"}, [("product.1", "Gone!")], "product.1: Gone!"),
    ],
)
def test_errors_name_fields_as_the_payload_does(entity, error, errors, words):
    """Prefixes and numbers of the wire are taken off again."""
    answer = DIALECT.read(operation(entity), respond({"error": error}))

    assert answer.verdict is Verdict.REJECTED
    assert answer.errors == tuple(FieldError(field, message) for field, message in errors)
    assert answer.reason == f"the shop refuses it: {words}"


def test_a_refused_order_says_what_to_call():
    """The cure speaks of a draft, not of a session that dropped something."""
    answer = DIALECT.read(operation("order.add"), respond({"error": {"payment_method": "Payment method required!"}}))

    assert "payment.methods and payment.method ahead of it" in answer.cure
