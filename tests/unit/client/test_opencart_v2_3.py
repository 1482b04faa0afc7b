"""How OpenCart 2.0 to 2.3 speaks: what differs from 3.0, whose tests hold what they share."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from connector.client.opencart.sessions import SessionDialect
from connector.client.opencart.v2_3 import TRAITS
from connector.interfaces import Credential, SessionState
from connector.request import Answer, Effect, Operation, PageInput, Repeat, Response, Verdict

DIALECT = SessionDialect(TRAITS, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
CREDENTIAL = Credential("Default", "s3cr3t-key")
COUPON = Operation("coupon.apply", "Coupon", "api/coupon", Effect.SESSION, Repeat.SAFE, ("success",))
ORDER_ADD = Operation("order.add", "Order", "api/order/add", Effect.NOTIFY, Repeat.DUPLICATES, ("order_id",))
COOKIES = {"PHPSESSID": "abc", "default": "d", "language": "en-gb", "currency": "USD", "api": "x"}


def respond(body, status=200, cookies=None):
    """Return a response with a JSON body."""
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode(), cookies=cookies or {})


def test_the_log_in_names_user_key_and_password():
    """2.1 to 2.3 read the key, 2.0 user and password; all of it is sent, and the route is the same."""
    request = DIALECT.build_login("https://shop.example/sub/", CREDENTIAL)

    assert request is not None
    assert (request.url, request.query) == ("https://shop.example/sub/index.php", (("route", "api/login"),))
    assert parse_qsl(request.body.decode()) == [
        ("username", "Default"),
        ("password", "s3cr3t-key"),
        ("key", "s3cr3t-key"),
    ]


def test_token_and_cookie_go_into_every_call():
    """The token stands in the query as `token`, and the session's cookie goes back; the shop's others do not."""
    state = DIALECT.read_login(respond({"success": "x", "token": "tok"}, cookies=COOKIES))
    assert isinstance(state, SessionState)

    request = DIALECT.build_request("https://shop.example/", COUPON, {"coupon": "2222"}, PageInput(), state, CREDENTIAL)

    assert request.query == (("route", "api/coupon"), ("token", "tok"))
    assert request.headers["cookie"] == "PHPSESSID=abc"
    assert request.form == (("coupon", "2222"),)


def test_a_renamed_session_and_a_load_balancer_keep_their_cookies():
    """Any cookie may be the one that leads to the session, but for those of the shop that are known not to."""
    state = DIALECT.read_login(
        respond({"success": "x", "token": "tok"}, cookies={"sid": "abc", "node": "7", "api": "x"})
    )

    assert isinstance(state, SessionState)
    assert state.cookies == {"sid": "abc", "node": "7"}
    assert set(state.secrets) == {"tok", "abc", "7"}


def test_a_session_of_2_0_is_its_cookie():
    """2.0 names the session in its answer and gives no token."""
    state = DIALECT.read_login(respond({"success": "x", "cookie": "abc"}, cookies={"PHPSESSID": "abc"}))
    renamed = DIALECT.read_login(respond({"success": "x", "cookie": "abc"}, cookies={"sid": "abc"}))
    unsaid = DIALECT.read_login(respond({"success": "x", "cookie": "abc"}))

    assert state == SessionState(cookies={"PHPSESSID": "abc"})
    assert renamed == SessionState(cookies={"sid": "abc"})
    assert unsaid == SessionState(cookies={"PHPSESSID": "abc"})


@pytest.mark.parametrize(
    ("response", "verdict", "reason", "cure"),
    [
        (respond([]), Verdict.DENIED, "wrong username or key", "System > Users > API"),
        (respond({"error": {"key": "Warning: Incorrect API Key!"}}), Verdict.DENIED, "Incorrect API Key!", "compare"),
        (
            respond({"error": {"ip": "Warning: Your IP 10.0.0.9 is not allowed to access this API!"}}),
            Verdict.DENIED,
            "the address 10.0.0.9",
            "add 10.0.0.9",
        ),
        (respond({"success": "x", "token": "t"}), Verdict.FAULT, "a token and no cookie", "Set-Cookie"),
        (respond({"success": "x", "token": ""}, cookies=COOKIES), Verdict.FAULT, "an empty token", None),
        (
            respond({"success": "x", "api_token": "t"}, cookies=COOKIES),
            Verdict.FAULT,
            "api_token in place of token or cookie, as OpenCart 3.0 does",
            "write dialect: 3.0",
        ),
        (respond({"success": "x"}), Verdict.FAULT, "neither success (token, cookie) nor error", "OpenCart 2.3"),
        (Response(200, {}, b"<b>Fatal error</b>: x"), Verdict.FAULT, "PHP broke off", "error log"),
    ],
)
def test_a_failed_log_in_names_its_cause(response, verdict, reason, cure):
    """Each way a log-in fails has its verdict, its cause in plain words and its cure; none speaks of 3.0's troubles."""
    answer = DIALECT.read_login(response)

    assert isinstance(answer, Answer)
    assert answer.verdict is verdict
    assert reason in answer.reason
    assert (cure in (answer.cure or "")) if cure else True
    assert "3.0.2.0" not in (answer.cure or "")


def test_the_permission_text_is_a_lost_session():
    """Token, cookie, address and user are refused in the same words as in 3.0."""
    answer = DIALECT.read(COUPON, respond({"error": "Warning: You do not have permission to access the API!"}))

    assert answer.verdict is Verdict.LOST_SESSION


def test_a_store_is_named_in_every_call():
    """A store other than the first goes along as `store_id`."""
    dialect = SessionDialect(TRAITS, store_id=2)

    request = dialect.build_request("https://shop.example/", COUPON, {}, PageInput(), SessionState(), CREDENTIAL)

    assert ("store_id", "2") in request.query


def test_the_shop_keeps_the_session():
    """A success changes nothing on this side."""
    state = SessionState(query={"token": "t"})

    assert DIALECT.advance(ORDER_ADD, {}, Answer(Verdict.OK, value={"order_id": 1}), state) is state
