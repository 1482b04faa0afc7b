"""How an API without a catalog is spoken to."""

import json
from base64 import b64decode
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.generic import GenericHttp, StaticAuth, build_generic
from connector.client.options import GenericOptions
from connector.errors import PayloadError
from connector.interfaces import Credential, SessionState
from connector.request import Answer, Effect, FieldError, Operation, PageInput, Repeat, Response, Verdict

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def operation(route="orders/search", effect=Effect.READ, **more):
    """Return an operation with what matters to these tests."""
    return Operation(entity=route, title=route, route=route, effect=effect, repeat=Repeat.SAFE, **more)


def build(payload=None, *, dialect=None, on=None, page=None, base_url="https://erp.example/api/"):
    """Return the request for a call."""
    return (dialect or GenericHttp()).build_request(
        base_url, on or operation(), payload or {}, page or PageInput(), SessionState(), Credential("", "")
    )


def respond(body, status=200, **headers):
    """Return a response; anything but bytes is sent as JSON, header names written with `_`."""
    is_json = not isinstance(body, bytes)
    return Response(
        status=status,
        headers=({"content-type": "application/json"} if is_json else {})
        | {name.replace("_", "-"): text for name, text in headers.items()},
        body=json.dumps(body).encode() if is_json else body,
    )


def read(response, on=None):
    """Return what a response comes to."""
    return GenericHttp(now=lambda: NOW).read(on or operation(), response)


# Requests


@pytest.mark.parametrize(
    ("base_url", "route", "url"),
    [
        ("https://erp.example", "orders", "https://erp.example/orders"),
        ("https://erp.example/api", "orders", "https://erp.example/api/orders"),
        ("https://erp.example/api/", "/v1/orders", "https://erp.example/api/v1/orders"),
        ("https://erp.example/api/", "orders:batch", "https://erp.example/api/orders:batch"),
        ("https://erp.example/api/", "orders?kind=new", "https://erp.example/api/orders?kind=new"),
        ("https://erp.example/api/", "https://erp.example/other", "https://erp.example/other"),
        ("https://erp.example/api/", "", "https://erp.example/api/"),
    ],
)
def test_a_route_stands_below_the_base_address(base_url, route, url):
    """A route is appended, with or without slashes at the seam; a whole address on the same host is taken as it is."""
    assert build(base_url=base_url, on=operation(route)).url == url


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        (StaticAuth(), {}, {}),
        (StaticAuth.from_header("X-Api-Key", "s3cr3t"), {"x-api-key": "s3cr3t"}, {}),
        (StaticAuth.from_query("key", "s3cr3t"), {}, {"key": "s3cr3t"}),
        (StaticAuth.from_bearer("s3cr3t"), {"authorization": "Bearer s3cr3t"}, {}),
        (StaticAuth.from_basic("ann", "s3cr3t:é"), {"authorization": "Basic YW5uOnMzY3IzdDrDqQ=="}, {}),
    ],
)
def test_the_credential_goes_with_every_request(auth, headers, query):
    """Each kind of credential has its place, and shows in no `repr`."""
    request = build(dialect=GenericHttp(auth=auth))

    assert headers.items() <= request.headers.items()
    assert dict(request.query) == query
    assert "s3cr3t" not in repr(auth)


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (None, None),
        ({"header": {"name": "X-Key", "value": "abc"}}, ("x-key", "abc")),
        ({"bearer": "abc"}, ("authorization", "Bearer abc")),
        ({"basic": {"username": "u", "password": "p"}}, ("authorization", "Basic dTpw")),
    ],
)
def test_options_become_a_dialect(auth, expected):
    """What a user writes under `auth` and `payload` is what is sent."""
    options = GenericOptions(connector="http", base_url="https://erp.example/", auth=auth, payload="form")

    dialect, credential = build_generic(options)
    request = build({"a": 1}, dialect=dialect)

    assert credential == Credential("", "")
    assert request.body == b"a=1"
    assert expected is None or expected in request.headers.items()


def test_a_credential_in_the_query_comes_from_options():
    """`auth: {query: …}` puts the credential into the address."""
    options = GenericOptions(
        connector="http", base_url="https://erp.example/", auth={"query": {"name": "key", "value": "abc"}}
    )

    assert build(dialect=build_generic(options)[0]).query == (("key", "abc"),)


def test_basic_is_user_colon_password():
    """The header is what RFC 7617 says, in UTF-8."""
    header = StaticAuth.from_basic("ann", "pä").headers["authorization"]

    assert b64decode(header.removeprefix("Basic ")).decode() == "ann:pä"


def test_a_json_payload_keeps_its_types():
    """Decimal keeps its digits as a number, dates are ISO 8601, text stays text."""
    payload = {
        "total": Decimal("12.50"),
        "phone": "+316",
        "on": date(2026, 1, 31),
        "lines": [{"qty": 2, "gift": True}],
        "x": None,
    }

    request = build(payload)

    assert request.body == (
        b'{"total":12.50,"phone":"+316","on":"2026-01-31","lines":[{"qty":2,"gift":true}],"x":null}'
    )
    assert request.headers["content-type"] == "application/json"
    assert request.json == payload
    assert request.form == ()


def test_a_form_payload_nests_with_brackets():
    """The same payload as a form, names untouched, without PHP's limit."""
    request = build({"a.b": {"c": 1}, "many": list(range(2000))}, dialect=GenericHttp(payload="form"))

    assert request.form[0] == ("a.b[c]", "1")
    assert len(request.form) == 2001
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_fields_of_the_query_leave_the_payload():
    """An operation may send some fields in the address."""
    request = build({"id": 7, "a": 1}, on=operation(query_fields=frozenset({"id"})))

    assert (request.query, request.body) == ((("id", "7"),), b'{"a":1}')


@pytest.mark.parametrize(
    ("payload", "path", "body"),
    [
        ({}, "$.page", {"page": 2}),
        ({}, "page", {"page": 2}),
        ({"page": 1}, "$.page", {"page": 2}),
        ({"filter": {"a": 1}}, "$.filter.page", {"filter": {"a": 1, "page": 2}}),
        ({}, "$.a.b.c", {"a": {"b": {"c": 2}}}),
        ({"l": [{"a": 1}, {}]}, "$.l[1].page", {"l": [{"a": 1}, {"page": 2}]}),
        ({"l": [0, 1]}, "$.l[0]", {"l": [2, 1]}),
        ({}, "$['the page']", {"the page": 2}),
        ({}, '$["a.b"].c', {"a.b": {"c": 2}}),
    ],
)
def test_a_page_goes_to_its_path_in_json(payload, path, body):
    """A page's value is put where the path points, objects made on the way; the caller's payload stays as it was."""
    before = json.dumps(payload)

    request = build(payload, page=PageInput(json={path: 2}))

    assert json.loads(request.body) == body
    assert json.dumps(payload) == before


def test_a_page_goes_into_query_header_and_form():
    """The other places of a page work for any payload that has them."""
    page = PageInput(query={"page": "2"}, headers={"X-Page": "2"}, form={"start": "9"})

    request = build({"start": 0, "a": 1}, dialect=GenericHttp(payload="form"), page=page)

    assert request.query == (("page", "2"),)
    assert request.headers["x-page"] == "2"
    assert request.form == (("a", "1"), ("start", "9"))


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://erp.example/api/orders/search?page=2", "https://erp.example/api/orders/search?page=2"),
        ("?page=2", "https://erp.example/api/orders/search?page=2"),
        ("/api/next/3", "https://erp.example/api/next/3"),
    ],
)
def test_a_next_link_is_followed_on_the_same_host(link, url):
    """A link is taken relative to the call it came from."""
    assert build(page=PageInput(url=link)).url == url


@pytest.mark.parametrize("link", ["https://evil.example/", "http://erp.example/api", "//evil.example", "https://["])
def test_a_next_link_to_another_host_is_refused(link):
    """The credential goes nowhere else."""
    with pytest.raises(PayloadError, match=r"the next link leads to .* the credential is sent nowhere else"):
        build(page=PageInput(url=link))


def test_a_route_on_another_host_is_refused():
    """A route cannot take the credential elsewhere either."""
    with pytest.raises(PayloadError, match=r"the route leads to https://evil\.example/x"):
        build(on=operation("https://evil.example/x"))


@pytest.mark.parametrize(
    ("payload", "page", "problem"),
    [
        ({"a": float("nan")}, PageInput(), "a: nan is no JSON value"),
        ({"a": {"b": [b"x"]}}, PageInput(), r"a\.b\[0\]: a value of type bytes is no JSON value"),
        ({"a": Decimal("NaN")}, PageInput(), "a: a value of type Decimal is no JSON value"),
        ({1: "x"}, PageInput(), "the payload: the key 1 is no text"),
        ({"a": 2**70}, PageInput(), "64-bit"),
        ({"a": "\ud800"}, PageInput(), "UTF-8"),
        ({"a": 1}, PageInput(json={"$.a.b": 1}), r"\$\.a\.b: there is no place for it in the payload"),
        ({"l": []}, PageInput(json={"$.l[0]": 1}), r"\$\.l\[0\]: there is no place"),
        ({}, PageInput(json={"$": 1}), r"\$: no path to one spot"),
        ({}, PageInput(json={"$..a": 1}), "no path to one spot"),
        ({}, PageInput(form={"page": "1"}), "page: a page cannot go into a form"),
    ],
)
def test_what_json_cannot_say_is_refused(payload, page, problem):
    """A value without a JSON form, or a page without a place, is refused with its path."""
    with pytest.raises(PayloadError, match=problem):
        build(payload, page=page)


def test_a_payload_nested_too_deep_is_refused():
    """A payload deeper than the encoder writes is a clear error, not a crash."""
    payload = {"a": 1}
    for _ in range(260):
        payload = {"a": payload}

    with pytest.raises(PayloadError, match="nested deeper than 250 levels"):
        build(payload)


def test_a_form_has_no_json_path():
    """A page for a JSON path does not fit a client whose payload is a form."""
    with pytest.raises(PayloadError, match="cannot go into JSON"):
        build(dialect=GenericHttp(payload="form"), page=PageInput(json={"$.page": 2}))


# Answers


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize(
    ("response", "other", "committing"),
    [
        (respond({"rows": [1]}), Verdict.OK, Verdict.OK),
        (respond({}), Verdict.OK, Verdict.OK),
        (respond({"error": "in a success"}), Verdict.OK, Verdict.OK),
        (respond([1], 201), Verdict.OK, Verdict.OK),
        (respond([]), Verdict.EMPTY, Verdict.EMPTY),
        (respond(b"", 204), Verdict.EMPTY, Verdict.EMPTY),
        (respond(b"OK", content_type="text/plain"), Verdict.OK, Verdict.OK),
        (respond(b'{"a": 1', content_type="application/json"), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (respond(b"\xff\xfe\xff\xff\xff", content_type="application/vnd.api+json"), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (respond(b"\x00\xff", content_type="image/png"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond(b"<html><title>Sign in</title>"), Verdict.FAULT, Verdict.UNKNOWN),
        (respond({"message": "bad"}, 400), Verdict.REJECTED, Verdict.REJECTED),
        (respond(b"", 404), Verdict.REJECTED, Verdict.REJECTED),
        (respond({}, 409), Verdict.REJECTED, Verdict.REJECTED),
        (respond({}, 422), Verdict.REJECTED, Verdict.REJECTED),
        (respond({}, 401), Verdict.DENIED, Verdict.DENIED),
        (respond({}, 403), Verdict.DENIED, Verdict.DENIED),
        (respond({}, 429), Verdict.BUSY, Verdict.BUSY),
        (respond({}, 500), Verdict.FAULT, Verdict.UNKNOWN),
        (respond({}, 502), Verdict.BUSY, Verdict.UNKNOWN),
        (respond({}, 503), Verdict.BUSY, Verdict.UNKNOWN),
        (respond({}, 503, retry_after="1"), Verdict.BUSY, Verdict.UNKNOWN),
        (respond(b"", 301, location="https://www.erp.example/api/orders/search"), Verdict.FAULT, Verdict.FAULT),
        (respond(b"", 303, location="/login"), Verdict.FAULT, Verdict.UNKNOWN),
    ],
)
def test_the_status_decides(effect, response, other, committing):
    """A plain API means its status; what leaves the outcome of a commit open is unknown."""
    answer = read(response, operation(effect=effect))

    assert answer.verdict is (committing if effect.commits else other)
    assert answer.status == response.status
    assert answer.verdict.is_success or answer.reason


def test_an_answer_in_no_known_charset_is_no_web_page():
    """The cure speaks of the charset, not of sign-in pages."""
    answer = read(respond(b"\x00\xff", content_type="image/png"))

    assert "the answer is not UTF-8" in answer.reason
    assert answer.cure == "have the remote system name the charset in its content type"


def test_text_is_the_value():
    """An API that answers with text has it as its value."""
    assert read(respond(b" 42 orders \n")).value == "42 orders"


def test_texts_are_left_as_they_are():
    """Only OpenCart escapes; here an entity is what the API means."""
    assert read(respond({"a": "Tom &amp; Co"})).value == {"a": "Tom &amp; Co"}


def test_a_success_key_that_is_missing_is_no_success():
    """An operation that names its success keys is believed over the status."""
    answer = read(respond({"other": 1}), operation(success_keys=("rows",)))

    assert answer.verdict is Verdict.FAULT
    assert "none of the keys of a success: rows" in answer.reason


def test_a_redirect_says_which_base_url_to_write():
    """The route is taken off the redirect's target."""
    answer = read(respond(b"", 301, location="https://www.erp.example/api/orders/search"))

    assert answer.cure == "change base_url to https://www.erp.example/api/"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"error": "bad"}, [(None, "bad")]),
        ({"error": {"message": "bad", "code": 7}}, [(None, "bad")]),
        ({"errors": [{"field": "sku", "message": "unknown"}, "also"]}, [("sku", "unknown"), (None, "also")]),
        (
            {"errors": {"sku": ["unknown", "too long"], "line": {"qty": "0"}}},
            [("sku", "unknown"), ("sku", "too long"), ("line.qty", "0")],
        ),
        (
            {"type": "about:blank", "title": "Bad", "detail": "sku is unknown", "status": 422},
            [(None, "sku is unknown")],
        ),
        ({"detail": [{"loc": ["body", "sku"], "msg": "x", "message": "required"}]}, [(None, "required")]),
        ({"message": "bad"}, [(None, "bad")]),
        ({"errors": [], "message": "bad"}, [(None, "bad")]),
        ({"ok": False}, []),
        (["x"], []),
    ],
)
def test_reasons_are_found_where_apis_put_them(body, errors):
    """The usual shapes of an error body give field and message."""
    answer = read(respond(body, 422))

    assert answer.errors == tuple(FieldError(field, message) for field, message in errors)
    assert all(message in answer.reason for _, message in errors)


def test_a_page_in_place_of_an_error_is_named():
    """An error page's title is the best there is."""
    answer = read(respond(b"<html><title>No such page</title>", 404))

    assert answer.reason == "the remote system refuses it (HTTP 404): No such page"


@given(st.integers(100, 599), st.binary(max_size=60), st.sampled_from(["application/json", "text/html", ""]))
def test_any_response_gives_a_verdict(status, body, content_type):
    """No status and no body makes the reading fail."""
    answer = read(Response(status, {"content-type": content_type}, body), operation(effect=Effect.COMMIT))

    assert answer.verdict.is_success or answer.reason


def test_it_needs_no_log_in():
    """There is no session, and what the protocol asks of one does nothing."""
    dialect = GenericHttp(auth=StaticAuth.from_bearer("t"))

    assert (dialect.name, dialect.needs_login) == ("http", False)
    assert dialect.build_login("https://erp.example/", Credential("", "")) is None
    assert dialect.read_login(respond({})) == SessionState()
    assert dialect.advance(operation(), {}, Answer(Verdict.OK), SessionState()) == SessionState()


def test_what_a_catalog_fixes_goes_along():
    """Fixed parameters and fields are sent with every call, and a field of the payload goes before a fixed one."""
    request = build({"b": 3}, on=operation(query=(("version", "2"),), form=(("a", "1"), ("b", "2"))))

    assert request.query == (("version", "2"),)
    assert request.json == {"a": "1", "b": 3}
