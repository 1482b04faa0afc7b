"""How OpenCart 4.0 speaks: what differs from 3.0, whose tests hold what they share."""

import json
from datetime import UTC, datetime

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.entity import unlisted_operation
from connector.client.opencart.sessions import SessionDialect
from connector.client.opencart.v4_0 import TRAITS
from connector.interfaces import Credential, SessionState
from connector.request import Answer, Effect, FieldError, PageInput, Response, Verdict

DIALECT = SessionDialect(TRAITS, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
CREDENTIAL = Credential("oc_api", "s3cr3t-key")
STATE = SessionState(query={"api_token": "tok"})
CATALOG = load_catalog("opencart")
PAGE = b"<!DOCTYPE html><html><head><title>The page you requested cannot be found!</title></head></html>"
LOST = (
    b"<b>Typed property Opencart\\System\\Library\\Session::$session_id must not be accessed before initialization</b>:"
    b" in <b>/var/www/system/library/session.php</b> on line <b>56</b>"
)
MAIL = (
    b"<b>Warning</b>: fsockopen(): Unable to connect to 127.0.0.1:1 (Connection refused) in <b>/x/smtp.php</b> on line "
    b"<b>142</b><b>Error: Connection refused (111)</b>: in <b>/x/smtp.php</b> on line <b>268</b>"
)


def operation(entity):
    """Return an entity as 4.0 has it."""
    return CATALOG.find(entity).operation("4.0")


def respond(body, status=200, **headers):
    """Return a response; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "text/html"} | headers, raw)


def build(entity, payload, dialect=DIALECT):
    """Return the request for a call."""
    return dialect.build_request("https://shop.example/", operation(entity), payload, PageInput(), STATE, CREDENTIAL)


def test_the_log_in_has_a_route_of_its_own():
    """User and key go to `api/account/login`."""
    request = DIALECT.build_login("https://shop.example/", CREDENTIAL)

    assert request is not None
    assert request.query == (("route", "api/account/login"),)
    assert request.form == (("username", "oc_api"), ("key", "s3cr3t-key"))


def test_routes_have_a_pipe_and_the_token():
    """A method is set off by a pipe, which every 4.0 understands; no cookie goes along."""
    request = build("cart.add", {"product_id": 40, "option": {"226": 15}})

    assert request.query == (("route", "api/sale/cart|add"), ("api_token", "tok"))
    assert request.form == (("product_id", "40"), ("option[226]", "15"))
    assert "cookie" not in request.headers


def test_fixed_fields_go_along_and_give_way():
    """What 4.0 must be sent stands in the catalog; the payload's own value goes before it."""
    fields = {"firstname": "Ann", "lastname": "Lee", "address_1": "1 High St", "city": "London"}

    plain = dict(build("shipping.address", fields).form)
    own = dict(build("shipping.address", fields | {"shipping_address_id": 7, "company": "Lee & Co"}).form)

    assert (plain["shipping_address_id"], plain["company"]) == ("0", "")
    assert (own["shipping_address_id"], own["company"]) == ("7", "Lee & Co")


def test_fields_of_the_query_leave_the_form():
    """`order.load` reads its id from the address."""
    request = build("order.load", {"order_id": 5})

    assert ("order_id", "5") in request.query
    assert request.form == ()


def test_store_and_language_go_along():
    """A store other than the first and a language of choice are parameters of every call."""
    request = build("cart.products", {}, SessionDialect(TRAITS, store_id=2, language="de-de"))

    assert request.query == (
        ("route", "api/sale/cart"),
        ("store_id", "2"),
        ("language", "de-de"),
        ("api_token", "tok"),
    )


def test_a_log_in_gives_the_token():
    """The token becomes the session; the cookies of the log-in are another session's."""
    response = Response(200, {}, b'{"success": "x", "api_token": "tok"}', cookies={"OCSESSID": "other"})

    assert DIALECT.read_login(response) == SessionState(query={"api_token": "tok"})


@pytest.mark.parametrize(
    ("response", "verdict", "reason", "cure"),
    [
        (respond({"error": "Warning: Incorrect API Key!"}), Verdict.DENIED, "Incorrect API Key!", "does not say which"),
        (
            respond({"error": "Warning: Your IP 10.0.0.9 is not allowed to access this API!"}),
            Verdict.DENIED,
            "the address 10.0.0.9",
            "add 10.0.0.9",
        ),
        (respond(PAGE, 404), Verdict.FAULT, "there is no api/account/login", "OpenCart 4.0"),
        (respond({"error": "You do not have permission to access this page."}, 403), Verdict.DENIED, "403", None),
    ],
)
def test_a_failed_log_in_names_its_cause(response, verdict, reason, cure):
    """One text says wrong user, wrong key and disabled user; the cure names all of them."""
    answer = DIALECT.read_login(response)

    assert isinstance(answer, Answer)
    assert answer.verdict is verdict
    assert reason in answer.reason
    assert (cure in (answer.cure or "")) if cure else True


@pytest.mark.parametrize("status", [500, 200])
@pytest.mark.parametrize("entity", ["cart.products", "customer.set", "order.add"])
def test_phps_text_about_the_session_is_a_lost_session(entity, status):
    """A token that the shop does not know makes PHP break off before any route runs, so nothing was done."""
    answer = DIALECT.read(operation(entity), respond(LOST, status))

    assert answer.verdict is Verdict.LOST_SESSION
    assert "session_id" in answer.reason


def test_an_answer_in_front_of_that_text_is_no_lost_session():
    """Whatever was answered before PHP broke off may have been done."""
    answer = DIALECT.read(operation("order.add"), respond(b'{"order_id":7,"success":"x"}' + LOST))

    assert answer.verdict is Verdict.UNKNOWN


def test_the_shops_page_is_a_lost_session_for_a_route_that_exists():
    """The shop shows its 404 page where the session holds no permission; an unlisted route may just not be there."""
    listed = DIALECT.read(operation("order.add"), respond(PAGE, 404))
    unlisted = DIALECT.read(unlisted_operation("api/my/extension", Effect.READ), respond(PAGE, 404))

    assert listed.verdict is Verdict.LOST_SESSION
    assert "has no api/sale/order|confirm" in listed.reason
    assert unlisted.verdict is Verdict.FAULT
    assert "or the session is gone" in unlisted.reason


@pytest.mark.parametrize(
    ("entity", "verdict"),
    [("order.add", Verdict.UNKNOWN), ("order.history", Verdict.UNKNOWN), ("shipping.address", Verdict.FAULT)],
)
@pytest.mark.parametrize("location", ["error.html", "https://shop.example/error.html", "/sub/error.html?x"])
def test_a_redirect_to_error_html_is_work_stopped_half_way(entity, verdict, location):
    """With the display of errors off the shop hides a PHP warning behind a redirect, in the middle of what it does."""
    answer = DIALECT.read(operation(entity), respond(b"", 302, location=location))

    assert answer.verdict is verdict
    assert "error.html" in answer.reason
    assert "base_url" not in (answer.cure or "")


def test_another_redirect_asks_for_another_base_url():
    """A redirect to another host is what it is everywhere."""
    answer = DIALECT.read(operation("coupon.apply"), respond(b"", 301, location="https://www.shop.example/"))

    assert answer.verdict is Verdict.FAULT
    assert answer.cure == "change base_url to https://www.shop.example/"


def test_a_broken_mail_leaves_an_order_unknown():
    """The mail server's `Connection refused` is not the database's: the order is stored by then."""
    answer = DIALECT.read(operation("order.add"), respond(MAIL))

    assert answer.verdict is Verdict.UNKNOWN
    assert "may have been carried out" in answer.reason


@pytest.mark.parametrize(
    ("error", "errors"),
    [
        ("Warning: Products required!", [(None, "Warning: Products required!")]),
        ({"option_226": "Select required!"}, [("option.226", "Select required!")]),
        ({"custom_field_901": "VAT required!"}, [("custom_field.901", "VAT required!")]),
        ({"warning": "No such product!"}, [(None, "No such product!")]),
        ({"shipping_method": "Required!"}, [("shipping_method", "Required!")]),
        ({"optional": "x", "address_1": "y"}, [("optional", "x"), ("address_1", "y")]),
    ],
)
def test_fields_with_numbers_are_named_as_the_payload_names_them(error, errors):
    """4.0 writes `option_226` where the payload has `option.226`."""
    answer = DIALECT.read(operation("cart.add"), respond({"error": error}))

    assert answer.verdict is Verdict.REJECTED
    assert answer.errors == tuple(FieldError(field, message) for field, message in errors)


@pytest.mark.parametrize(
    ("entity", "error", "cure"),
    [
        ("order.add", {"product": "Warning: Products required!"}, "call cart.add first"),
        ("order.add", {"customer": "Warning: Customer details required!"}, "call customer.set first"),
        ("order.add", {"payment_method": "Warning: Payment method required!"}, "payment.methods and payment.method"),
        ("shipping.method", "Warning: Shipping method required!", "call shipping.methods first"),
        ("payment.methods", "Warning: Payment address required!", "call payment.address first"),
        ("order.add", {"stock": "Warning: Products marked with *** are not available!"}, None),
        ("coupon.apply", "Warning: Coupon is either invalid!", None),
    ],
)
def test_an_error_gets_a_cure_where_words_do_not_do(entity, error, cure):
    """What to do is said for the calls of this generation."""
    answer = DIALECT.read(operation(entity), respond({"error": error}))

    assert answer.verdict is Verdict.REJECTED
    assert (cure in answer.cure) if cure else answer.cure is None


def test_words_about_the_api_are_no_lost_session():
    """A lost session has other signs here, so an error that speaks of an API is just an error."""
    answer = DIALECT.read(operation("coupon.apply"), respond({"error": "The coupon API is off"}))

    assert answer.verdict is Verdict.REJECTED


def test_the_shop_keeps_the_session():
    """A success changes nothing on this side."""
    assert DIALECT.advance(operation("order.add"), {}, Answer(Verdict.OK), STATE) is STATE


@pytest.mark.parametrize("code", ["cod", "cod.cod"])
@pytest.mark.parametrize(
    ("methods", "sent"),
    [
        ({"cod": {"code": "cod", "title": "Cash"}}, "cod"),
        ({"cod": {"code": "cod", "name": "Cash", "option": {"cod": {"code": "cod.cod"}}}}, "cod.cod"),
    ],
    ids=["4.0.1", "4.0.2"],
)
def test_a_payment_method_is_chosen_by_the_code_that_was_listed(methods, sent, code):
    """One part up to 4.0.1, two since: the list says which, whatever the payload has."""
    answer = Answer(Verdict.OK, value={"payment_methods": methods})
    state = DIALECT.advance(operation("payment.methods"), {}, answer, STATE)

    request = DIALECT.build_request(
        "https://shop.example/", operation("payment.method"), {"payment_method": code}, PageInput(), state, CREDENTIAL
    )

    assert request.form == (("payment_method", sent),)
    assert request.query[-1] == ("api_token", "tok")


def test_a_method_that_is_not_listed_is_left_to_the_shop():
    """The shop refuses it in its own words."""
    answer = Answer(Verdict.OK, value={"payment_methods": {"cod": {"code": "cod"}}})
    state = DIALECT.advance(operation("payment.methods"), {}, answer, STATE)

    request = DIALECT.build_request(
        "https://shop.example/", operation("payment.method"), {"payment_method": "x.x"}, PageInput(), state, CREDENTIAL
    )

    assert request.form == (("payment_method", "x.x"),)
