"""How OpenCart 3.0 speaks: requests, and what its answers come to."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.opencart.sessions import SessionDialect
from connector.client.opencart.v3_0 import TRAITS
from connector.errors import PayloadError
from connector.interfaces import Credential, SessionState
from connector.request import Answer, Effect, FieldError, Operation, PageInput, Repeat, Response, Verdict

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DIALECT = SessionDialect(TRAITS, now=lambda: NOW)
CREDENTIAL = Credential("Default", "s3cr3t-key")
STATE = SessionState(query={"api_token": "tok"})


def operation(route, effect=Effect.SESSION, success_keys=("success",), **more):
    """Return an operation with what matters to these tests."""
    return Operation(
        entity=route.removeprefix("api/").replace("/", "."),
        title=route,
        route=route,
        effect=effect,
        repeat=Repeat.SAFE,
        success_keys=success_keys,
        **more,
    )


COUPON = operation("api/coupon")
CART_ADD = operation("api/cart/add")
PRODUCTS = operation("api/cart/products", success_keys=("products",))
MAXIMUM = operation("api/reward/maximum", Effect.READ, ("maximum",))
POINTS = operation("api/reward/available", Effect.READ, ("points",))
METHODS = operation("api/shipping/methods", success_keys=("shipping_methods",), is_empty_success=True)
ORDER_ADD = operation("api/order/add", Effect.NOTIFY, ("order_id",))
ORDER_INFO = operation("api/order/info", Effect.READ, ("order",), query_fields=frozenset({"order_id"}))
UNLISTED = operation("api/extension/do", success_keys=())


def respond(body, status=200, **headers):
    """Return a response; anything but bytes is sent as JSON, header names written with `_`."""
    return Response(
        status=status,
        headers={"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )


def build(payload=None, *, on=COUPON, page=None, base_url="https://shop.example/", state=STATE):
    """Return the request for a call."""
    return DIALECT.build_request(base_url, on, payload or {}, page or PageInput(), state, CREDENTIAL)


# Requests


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://shop.example", "https://shop.example/index.php"),
        ("https://shop.example/", "https://shop.example/index.php"),
        ("https://shop.example/sub", "https://shop.example/sub/index.php"),
        ("https://shop.example/sub/", "https://shop.example/sub/index.php"),
        ("https://shop.example/index.php", "https://shop.example/index.php"),
        ("https://shop.example:8443/sub/index.php", "https://shop.example:8443/sub/index.php"),
        ("http://[::1]:8080/", "http://[::1]:8080/index.php"),
    ],
)
def test_calls_go_to_index_php(base_url, url):
    """A base address may be written with or without a slash or index.php at its end."""
    assert DIALECT.build_login(base_url, CREDENTIAL).url == url
    assert build(base_url=base_url).url == url


def test_the_log_in_sends_username_and_key_as_form():
    """The log-in is a POST of two fields, with the route in the query and no token."""
    request = DIALECT.build_login("https://shop.example/", CREDENTIAL)

    assert (request.method, request.query) == ("POST", (("route", "api/login"),))
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(request.body.decode()) == [("username", "Default"), ("key", "s3cr3t-key")]


def test_a_call_carries_route_and_token_in_the_query():
    """The payload is the form, route and token stand in the address, and the key is nowhere."""
    request = build({"coupon": "2222", "option": {"226": 15}})

    assert request.query == (("route", "api/coupon"), ("api_token", "tok"))
    assert request.form == (("coupon", "2222"), ("option[226]", "15"))
    assert request.body == b"coupon=2222&option%5B226%5D=15"
    assert "s3cr3t-key" not in repr(request)


def test_fields_of_the_query_leave_the_form():
    """`order_id` is read from the address only, so it goes there."""
    request = build({"order_id": 7, "comment": "x"}, on=ORDER_INFO)

    assert request.query == (("route", "api/order/info"), ("order_id", "7"), ("api_token", "tok"))
    assert request.form == (("comment", "x"),)


def test_a_session_may_hold_headers_and_cookies():
    """What a log-in gave is attached, whatever kind it is."""
    state = SessionState(query={"api_token": "tok"}, headers={"X-Shop": "1"}, cookies={"a": "1", "b": "2"})

    request = build(state=state)

    assert request.headers["x-shop"] == "1"
    assert request.headers["cookie"] == "a=1; b=2"


def test_a_page_goes_into_form_query_and_header():
    """A page's fields replace those of the payload; its header and parameter stand beside the others."""
    page = PageInput(form={"page": "2"}, query={"start": "20"}, headers={"X-Page": "2"})

    request = build({"page": 1, "limit": 10}, page=page)

    assert request.form == (("limit", "10"), ("page", "2"))
    assert ("start", "20") in request.query
    assert request.headers["x-page"] == "2"


def test_a_page_cannot_go_into_json():
    """The shop reads forms, so a JSON path has no place to go, and the message says what has."""
    with pytest.raises(PayloadError, match=r"\$\.page: a page cannot go into JSON.*write in: form"):
        build(page=PageInput(json={"$.page": 2}))


def test_a_page_counts_among_the_fields():
    """PHP's limit holds for payload and page together."""
    with pytest.raises(PayloadError, match="1,001 form fields with those of the page"):
        build({"a": ["x"] * 1000}, page=PageInput(form={"page": "2"}))


@pytest.mark.parametrize(
    ("link", "url", "query"),
    [
        (
            "https://shop.example/index.php?route=api/coupon&page=2&api_token=old",
            "https://shop.example/index.php",
            {"route": "api/coupon", "page": "2", "api_token": "tok"},
        ),
        (
            "https://SHOP.example:443/other.php?x=",
            "https://SHOP.example:443/other.php",
            {"route": "api/coupon", "x": "", "api_token": "tok"},
        ),
        ("?route=api/next", "https://shop.example/index.php", {"route": "api/next", "api_token": "tok"}),
        ("/a/b?page=3", "https://shop.example/a/b", {"route": "api/coupon", "page": "3", "api_token": "tok"}),
    ],
)
def test_a_next_link_is_followed_on_the_shops_own_host(link, url, query):
    """The link's address and parameters are used, with the session's token in place of its own."""
    request = build(page=PageInput(url=link))

    assert (request.url, dict(request.query)) == (url, query)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/index.php",
        "http://shop.example/index.php",
        "https://shop.example:8443/index.php",
        "//evil.example/x",
        "https://shop.example@evil.example/",
        "https://user:pw@shop.example/",
        "javascript:alert(1)",
        "https://[",
    ],
)
def test_a_next_link_away_from_the_shop_is_refused(link):
    """The token goes to no other scheme, host or port."""
    with pytest.raises(PayloadError, match="away from the shop"):
        build(page=PageInput(url=link))


def test_a_payload_that_is_no_form_is_refused_by_entity():
    """The error names the entity it was meant for."""
    with pytest.raises(PayloadError, match="the payload does not fit coupon: file: a value of type bytes"):
        build({"file": b""})


# Log-in


def test_a_log_in_gives_the_token():
    """The token becomes the session's one parameter."""
    state = DIALECT.read_login(respond({"success": "Success: …", "api_token": "0123456789abcdef0123456789"}))

    assert isinstance(state, SessionState)
    assert state.query == {"api_token": "0123456789abcdef0123456789"}
    assert "0123456789abcdef" not in repr(state)


IP_REFUSED = {
    "error": {
        "ip": "Warning: Your IP 127.0.0.2 is not allowed to access this API!",
        "key": "Warning: Incorrect API Key!",
    }
}


@pytest.mark.parametrize(
    ("response", "verdict", "reason", "cure"),
    [
        (respond([]), Verdict.DENIED, "wrong username or key, or the API user is off", "System > Users > API"),
        (respond(IP_REFUSED), Verdict.DENIED, "the address 127.0.0.2", "add 127.0.0.2 to the IP addresses"),
        (
            respond({"error": {"ip": "Warnung: Ihre IP 2001:db8::7 darf das nicht!", "key": "Warnung: falsch!"}}),
            Verdict.DENIED,
            "the address 2001:db8::7",
            "add 2001:db8::7 to the IP addresses",
        ),
        (
            respond({"error": {"ip": "Warning: no"}}),
            Verdict.DENIED,
            "this machine's address",
            "add it to the IP addresses",
        ),
        (
            respond({"error": "Warning: Incorrect API Key!"}),
            Verdict.DENIED,
            "Incorrect API Key!",
            "compare username and key",
        ),
        (respond({"error": {"key": "Falsch!"}}), Verdict.DENIED, "key: Falsch!", "compare username and key"),
        (respond({"success": "x", "token": "abc"}), Verdict.FAULT, "as OpenCart 2.3 does", "write dialect: 2.3"),
        (respond({"success": "x", "api_token": ""}), Verdict.FAULT, "an empty api_token", None),
        (respond({"success": "x", "api_token": 5}), Verdict.FAULT, "an empty api_token", None),
        (respond({"success": "x"}), Verdict.FAULT, "neither success (api_token) nor error", "OpenCart 3.0"),
        (respond(b"", 500), Verdict.FAULT, "broke off (HTTP 500)", "error log"),
        (respond(b"<b>Fatal error</b>: Uncaught"), Verdict.FAULT, "PHP broke off", "3.0.3.0 mends it"),
        (respond(b"<html><title>No!</title>", 404), Verdict.FAULT, "there is no api/login", "is base_url right"),
        (respond(b"<html><title>Shop</title>"), Verdict.FAULT, 'web page instead of JSON, "Shop"', "is base_url right"),
        (respond(b"<html><title>Denied</title>", 403), Verdict.DENIED, "HTTP 403): Denied", "let through"),
        (
            respond(b"", 301, location="https://www.shop.example/index.php?route=api/login"),
            Verdict.FAULT,
            "sends the call on to https://www.shop.example/",
            "change base_url to https://www.shop.example/",
        ),
        (respond(b"", 429, retry_after="7"), Verdict.BUSY, "too many requests", "rate_limit"),
        (respond(b'{"succ'), Verdict.UNKNOWN, "cut off", "try again"),
        (respond(b'{"a": "\xff"}'), Verdict.FAULT, "not UTF-8", "name the charset"),
    ],
)
def test_a_failed_log_in_names_its_cause(response, verdict, reason, cure):
    """Each way a log-in fails has its verdict, its cause in plain words and its cure."""
    answer = DIALECT.read_login(response)

    assert isinstance(answer, Answer)
    assert answer.verdict is verdict
    assert reason in answer.reason
    assert (cure in answer.cure) if cure else True


# Verdicts

NO_PERMISSION = "Warning: You do not have permission to access the API!"
STOCK = "Products marked with *** are not available in the desired quantity or not in stock!"
LINE = {"cart_id": "1", "name": "Apple Cinema 30&quot;"}


@pytest.mark.parametrize(
    ("on", "body", "verdict"),
    [
        (COUPON, {"success": "Success: …"}, Verdict.OK),
        (COUPON, {"success": ""}, Verdict.OK),
        (COUPON, {"success": "x", "error": []}, Verdict.OK),
        (COUPON, {"success": "x", "error": ""}, Verdict.OK),
        (COUPON, {"error": "Warning: Coupon is either invalid!"}, Verdict.REJECTED),
        (COUPON, {"success": "x", "error": "Warning: no"}, Verdict.REJECTED),
        (COUPON, {"error": True}, Verdict.REJECTED),
        (COUPON, {"error": NO_PERMISSION}, Verdict.LOST_SESSION),
        (CART_ADD, {"error": {"warning": NO_PERMISSION}}, Verdict.LOST_SESSION),
        (COUPON, {"error": "Waarschuwing: U heeft geen toegang tot de API!"}, Verdict.LOST_SESSION),
        (COUPON, {"error": "Attention : vous n'avez pas la permission d'accéder à l'API !"}, Verdict.LOST_SESSION),
        (CART_ADD, {"error": {"store": "Not sold here, says the API"}}, Verdict.REJECTED),
        (CART_ADD, [], Verdict.REJECTED),
        (CART_ADD, {}, Verdict.REJECTED),
        (METHODS, [], Verdict.EMPTY),
        (METHODS, {"shipping_methods": []}, Verdict.EMPTY),
        (METHODS, {"shipping_methods": {"flat": {}}}, Verdict.OK),
        (METHODS, {"error": "Warning: No Shipping options!", "shipping_methods": []}, Verdict.REJECTED),
        (PRODUCTS, {"products": [LINE], "vouchers": [], "totals": []}, Verdict.OK),
        (PRODUCTS, {"products": [], "vouchers": [], "totals": [{"title": "Total", "text": "$0.00"}]}, Verdict.OK),
        (PRODUCTS, {"products": [], "vouchers": [{"code": "x"}], "totals": []}, Verdict.OK),
        (PRODUCTS, {"products": [], "vouchers": [], "totals": []}, Verdict.EMPTY),
        (PRODUCTS, {"error": {"stock": STOCK}, "products": [LINE], "vouchers": [], "totals": []}, Verdict.OK),
        (MAXIMUM, {"maximum": 0}, Verdict.OK),
        (POINTS, {"points": None}, Verdict.OK),
        (ORDER_ADD, {"success": "x", "order_id": 1}, Verdict.OK),
        (ORDER_ADD, {"success": "x"}, Verdict.UNKNOWN),
        (ORDER_ADD, {"error": "Warning: Customer details needs to be set!"}, Verdict.REJECTED),
        (ORDER_ADD, {"error": "Warning: x", "order_id": 1}, Verdict.UNKNOWN),
        (ORDER_ADD, {"error": NO_PERMISSION}, Verdict.LOST_SESSION),
        (ORDER_ADD, [], Verdict.REJECTED),
        (ORDER_ADD, [1], Verdict.UNKNOWN),
        (ORDER_ADD, None, Verdict.UNKNOWN),
        (COUPON, None, Verdict.FAULT),
        (COUPON, "text", Verdict.FAULT),
        (COUPON, False, Verdict.FAULT),
        (COUPON, {"other": 1}, Verdict.FAULT),
        (UNLISTED, {"anything": 1}, Verdict.OK),
        (UNLISTED, {"error": "no"}, Verdict.REJECTED),
        (UNLISTED, {"error": "no", "rows": [1]}, Verdict.REJECTED),
    ],
)
def test_json_under_http_200(on, body, verdict):
    """The body decides, since the shop says HTTP 200 to everything."""
    assert DIALECT.read(on, respond(body)).verdict is verdict


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize(
    ("response", "other", "committing"),
    [
        (respond(b""), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b'{"success":"Succ'), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (respond(b'{"success":"\xe9"}'), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<html><title>Your Store</title>"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<br />\n<b>Fatal error</b>:  Uncaught TypeError"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"some words"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"Error: Invalid session ID!"), Verdict.LOST_SESSION, Verdict.LOST_SESSION),
        (respond(b"", 500), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<b>Warning</b>: fsockopen(): no", 500), Verdict.FAULT, Verdict.UNKNOWN),
        (respond({"success": "x"}, 500), Verdict.FAULT, Verdict.UNKNOWN),
        (respond({"error": "x"}, 500), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"", 502), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"", 504), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"", 524), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"", 408), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"", 503), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"<title>Maintenance</title>", 503, retry_after="3600"), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"", 429), Verdict.BUSY, Verdict.BUSY),
        (respond(b"<html><title>Gone</title>", 404), Verdict.FAULT, Verdict.FAULT),
        (respond({"error": "x"}, 404), Verdict.REJECTED, Verdict.REJECTED),
        (respond({"success": "x"}, 404), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<html>", 413), Verdict.REJECTED, Verdict.REJECTED),
        (respond(b"", 401), Verdict.DENIED, Verdict.DENIED),
        (respond({"success": "x"}, 403), Verdict.DENIED, Verdict.DENIED),
        (respond(b"", 301, location="https://www.x/index.php?route=api/coupon&a=1"), Verdict.FAULT, Verdict.FAULT),
        (respond(b"", 308, location="https://www.x/"), Verdict.FAULT, Verdict.FAULT),
        (respond(b"", 302, location="error.html"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"", 302), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<b>Error: Could not make a database link using oc@db!", 500), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"Error: Could not make a database link using oc@db!"), Verdict.BUSY, Verdict.UNKNOWN),
        (
            respond(b"Fatal error: Uncaught mysqli_sql_exception: Too many connections in /x"),
            Verdict.BUSY,
            Verdict.UNKNOWN,
        ),
        (respond(b"<b>Warning</b>: SMTP: 421 Too many connections", 500), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"SMTP Error: Could not connect to SMTP host"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<b>Error: Connection refused (111)</b>: in <b>/x/smtp.php</b>"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<b>Error: Connection refused (111)</b>: in <b>/x/y.php</b>"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"Error: Connection refused<br />Error No: 2002"), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"Error: Deadlock found when trying to get lock<br />Error No: 1213"), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"Error: MySQL server has gone away", 500), Verdict.BUSY, Verdict.UNKNOWN),
    ],
)
def test_an_answer_that_leaves_the_outcome_open(effect, response, other, committing):
    """After a call that commits, an answer that proves nothing is unknown, and only such a call."""
    on = operation("api/coupon", effect)

    answer = DIALECT.read(on, response)

    assert answer.verdict is (committing if effect.commits else other)
    assert answer.status == response.status
    assert answer.reason


@given(st.sampled_from([COUPON, ORDER_ADD, PRODUCTS, UNLISTED]), st.integers(100, 599), st.binary(max_size=80))
def test_any_response_gives_a_verdict(on, status, body):
    """No status and no body makes the reading fail, and nothing that is not a success goes without a reason."""
    answer = DIALECT.read(on, Response(status, {"location": body.decode("latin-1"), "retry-after": "soon"}, body))

    assert answer.verdict.is_success or answer.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda child: (
        st.lists(child, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "success", "warning", "products", "order_id", "a"]), child, max_size=3
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from([COUPON, ORDER_ADD, PRODUCTS, UNLISTED]), json_values)
def test_a_commit_is_ok_only_with_its_success_key_and_no_error(on, value):
    """Whatever JSON comes, an order counts as placed only with its number and without an error."""
    answer = DIALECT.read(on, respond(value))

    if on is ORDER_ADD and answer.verdict is Verdict.OK:
        assert "order_id" in value
        assert not answer.errors


# Errors, notices, words


@pytest.mark.parametrize(
    ("error", "errors"),
    [
        ("Warning: Coupon is either invalid!", [(None, "Warning: Coupon is either invalid!")]),
        ({"warning": "You must select a customer!"}, [(None, "You must select a customer!")]),
        ({"option": {"226": "Select required!"}}, [("option.226", "Select required!")]),
        ({"email": "No e-mail!", "telephone": "No phone!"}, [("email", "No e-mail!"), ("telephone", "No phone!")]),
        ({"minimum": ["For A is 2!", "For B is 3!"]}, [("minimum", "For A is 2!"), ("minimum", "For B is 3!")]),
        ({"custom_field1": "VAT required!"}, [("custom_field.1", "VAT required!")]),
        ({"name": "30&quot; &amp; more"}, [("name", '30" & more')]),
        (["one", "two"], [(None, "one"), (None, "two")]),
        ({"a": "", "b": None, "c": "x"}, [("c", "x")]),
        (7, [(None, "7")]),
        (True, [(None, "refused without a reason")]),
    ],
)
def test_every_shape_of_error_is_read(error, errors):
    """Text, fields, nested fields, lists and `warning` all become field and message, entities decoded."""
    answer = DIALECT.read(COUPON, respond({"error": error}))

    assert answer.errors == tuple(FieldError(field, message) for field, message in errors)


def test_a_cart_with_problems_gives_its_lines_and_its_problems():
    """The cart was read, so the answer is usable; what is wrong with it is told for those who would order it."""
    body = {
        "error": {"stock": STOCK, "minimum": ["Minimum order amount for Apple Cinema 30&quot; is 2!"]},
        "products": [LINE],
    }

    answer = DIALECT.read(PRODUCTS, respond(body))

    assert answer.verdict is Verdict.OK
    assert answer.value["products"] == [{"cart_id": "1", "name": 'Apple Cinema 30"'}]
    assert [error.field for error in answer.errors] == ["stock", "minimum"]
    assert answer.reason.startswith("the shop answers with a reservation: stock: Products marked with ***")


def test_a_success_behind_warnings_is_one_and_tells_them():
    """PHP's warnings do not spoil an answer, and they are not hidden either."""
    warning = b'<b>Warning</b>: Undefined array key "quantity" in <b>/x/cart.php</b> on line <b>21</b>'

    answer = DIALECT.read(CART_ADD, respond(warning + b'{"success":"Success: You have modified your shopping cart!"}'))

    assert answer.verdict is Verdict.OK
    assert answer.notices == ('Warning: Undefined array key "quantity" in /x/cart.php on line 21',)
    assert answer.reason == ""


def test_texts_are_decoded_once():
    """The shop escapes on the way in; one layer is taken off on the way out."""
    answer = DIALECT.read(ORDER_INFO, respond({"order": {"comment": "Tom &amp; Co &amp;amp; &quot;x&quot;"}}))

    assert answer.value == {"order": {"comment": 'Tom & Co &amp; "x"'}}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_the_wait_that_the_shop_asks_for_is_read(header, seconds):
    """`Retry-After` is read in both its forms, by the clock that was passed in."""
    answer = DIALECT.read(COUPON, respond(b"", 429, retry_after=header))

    assert answer.retry_after_s == seconds


@pytest.mark.parametrize(
    ("location", "base_url"),
    [
        ("https://shop.example/index.php?route=api/coupon&api_token=tok", "https://shop.example/"),
        ("https://www.shop.example/sub/index.php?route=api/coupon", "https://www.shop.example/sub/"),
        ("https://shop.example:8443/", "https://shop.example:8443/"),
        ("/sub/index.php?route=api/coupon", "/sub/"),
        ("https://user:pw@shop.example/", "https://shop.example/"),
    ],
)
def test_a_redirect_says_which_base_url_to_write(location, base_url):
    """The new base address is worked out of the redirect, without token and password."""
    answer = DIALECT.read(COUPON, respond(b"<html>Moved</html>", 301, location=location))

    assert answer.verdict is Verdict.FAULT
    assert answer.cure == f"change base_url to {base_url}"
    assert "tok" not in answer.reason


@pytest.mark.parametrize(
    ("route", "body", "words"),
    [
        ("api/cart/add", [], "no product_id reached it"),
        ("api/cart/remove", [], "no key reached it"),
        ("api/shipping/address", [], "nothing that is shipped, or the session is gone"),
        ("api/coupon", [], "the fields it needs did not reach it"),
        ("api/coupon", {"error": "Warning: Coupon is bad!"}, "the shop refuses it: Coupon is bad!"),
        (
            "api/customer",
            {"error": {"email": "E-Mail is bad!", "telephone": "Bad!"}},
            "email: E-Mail is bad!; telephone: Bad!",
        ),
        ("api/customer", {"error": {str(n): "x" for n in range(9)}}, "4: x; and 4 more"),
        ("api/coupon", {"error": "Warning:"}, "the shop refuses it: Warning:"),
    ],
)
def test_a_refusal_says_why(route, body, words):
    """A rejected call has one sentence for people, in our words around the shop's."""
    answer = DIALECT.read(operation(route), respond(body))

    assert answer.verdict is Verdict.REJECTED
    assert words in answer.reason


@pytest.mark.parametrize(
    ("route", "error", "cure"),
    [
        ("api/order/add", f"Warning: {STOCK}", "an empty cart is worded the same"),
        (
            "api/order/edit",
            "Warning: Shipping method required!",
            "call shipping.address, shipping.methods and shipping.method",
        ),
        (
            "api/order/add",
            "Warning: Payment address required!",
            "call payment.address, payment.methods and payment.method",
        ),
        ("api/order/add", "Warning: Customer details needs to be set!", "call customer.set first"),
        ("api/shipping/methods", "Warning: Shipping address required!", "call shipping.address first"),
        ("api/shipping/method", "Warning: No Shipping options are available!", "call shipping.methods first"),
        ("api/payment/methods", "Warning: Payment address required!", "call payment.address first"),
        ("api/payment/method", "Warning: Payment method required!", "call payment.methods first"),
        ("api/cart/add", {"store": "Product can not be bought from the store you have choosen!"}, "switched off"),
        ("api/coupon", "Warning: Coupon is either invalid!", None),
    ],
)
def test_an_error_that_misleads_gets_a_cure(route, error, cure):
    """Where the shop's words do not say what to do, ours do."""
    answer = DIALECT.read(operation(route, Effect.NOTIFY, ("order_id",)), respond({"error": error}))

    assert answer.verdict is Verdict.REJECTED
    assert (cure in answer.cure) if cure else answer.cure is None


def test_a_php_error_is_quoted():
    """The message that ended PHP is what a person needs to see."""
    answer = DIALECT.read(ORDER_ADD, respond(b"<b>Warning</b>: fsockopen(): Unable to connect in <b>/x</b>", 500))

    assert answer.verdict is Verdict.UNKNOWN
    assert answer.reason.endswith("the call may have been carried out: Warning: fsockopen(): Unable to connect in /x")
    assert answer.cure == "look on the other side whether it was done, before sending it again"


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ({"error": "Warning: You do not have permission to access the API!"}, Verdict.LOST_SESSION),
        ({"error": "courier API is down; label queued"}, Verdict.REJECTED),
        ({"error": "The API refused", "queued": 1}, Verdict.REJECTED),
        ({"success": "placed", "order_id": 1, "error": {"warning": "The ERP API was not told"}}, Verdict.UNKNOWN),
    ],
)
def test_a_commit_is_lost_only_by_the_whole_sentence(value, verdict):
    """An extension that complains of some other API after a commit does not make it safe to send again."""
    answer = DIALECT.read(operation("api/order/add", Effect.COMMIT, ("order_id",)), respond(value))

    assert answer.verdict is verdict
