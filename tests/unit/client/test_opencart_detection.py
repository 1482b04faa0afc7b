"""Which generation of OpenCart a shop is of: what is asked, and what each answer tells."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.opencart.detection import STRANGER
from connector.client.opencart.dialects import build_opencart
from connector.client.options import OpenCartOptions
from connector.interfaces import Probe
from connector.request import Answer, Response, Verdict

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PAGE = b"<!DOCTYPE html><html><head><title>The page you requested cannot be found!</title></head></html>"


def options(**more):
    """Return the options of a client that finds the dialect out."""
    fields = {"connector": "opencart", "base_url": "https://shop.example/sub/", "key": "s3cr3t-key", "dialect": "auto"}
    return OpenCartOptions.model_validate(fields | more)


def begin(**more):
    """Return the first question."""
    probe, _ = build_opencart(options(**more), now=lambda: NOW)
    assert isinstance(probe, Probe)
    return probe


def respond(body, status=200, cookies=(), **headers):
    """Return a response; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "text/html"} | headers, raw, cookies=dict.fromkeys(cookies, "x"))


def test_the_question_is_a_log_in_that_cannot_succeed():
    """Neither user nor key of the client go along, and nothing is changed by it."""
    request = begin(username="api-user").request

    assert (request.url, request.query) == ("https://shop.example/sub/index.php", (("route", "api/account/login"),))
    assert request.form == (("username", STRANGER), ("key", STRANGER))
    assert "s3cr3t" not in repr(request)
    assert "api-user" not in repr(request)


@pytest.mark.parametrize(
    ("response", "name"),
    [
        (respond({"error": "Warning: Incorrect API Key!"}), "4.0"),
        (respond({"error": "Warning: Your IP 10.0.0.9 is not allowed to access this API!"}), "4.0"),
        (respond(b'<b>Deprecated</b>: x in <b>y</b> on line <b>1</b>{"error":"Incorrect API Key!"}'), "4.0"),
        (respond({"error": "You do not have permission to access this page."}, 403, ["OCSESSID", "currency"]), "4.1"),
        (respond(PAGE, 404, ["OCSESSID", "language", "currency"]), "3.0"),
        (respond(PAGE, 404, ["OCSESSID", "PHPSESSID"]), "3.0"),
        (respond(PAGE, 200, ["OCSESSID"]), "3.0"),
        (respond(PAGE, 404, ["PHPSESSID", "default", "language", "currency"]), "2.3"),
    ],
)
def test_one_answer_tells_the_generation(response, name):
    """JSON or page, status and names of cookies tell them apart."""
    found = begin().read(response)

    assert not isinstance(found, Answer | Probe)
    assert found.name == name


@pytest.mark.parametrize(
    "response", [respond(PAGE, 404), respond(PAGE, 404, ["PHPSESSID", "__cf_bm"]), respond(b"", 404), respond(PAGE)]
)
def test_a_page_without_telling_cookies_leads_to_a_log_in(response):
    """2.0 to 3.0 share `api/login`; a log-in in earnest, in words that all of them understand, tells them apart."""
    probe = begin(username="api-user").read(response)

    assert isinstance(probe, Probe)
    assert probe.request.query == (("route", "api/login"),)
    assert probe.request.form == (("username", "api-user"), ("password", "s3cr3t-key"), ("key", "s3cr3t-key"))
    assert "s3cr3t" not in repr(probe)


@pytest.mark.parametrize(
    ("given", "name"),
    [({"api_token": "t"}, "3.0"), ({"token": "t"}, "2.3"), ({"cookie": "t"}, "2.3")],
)
def test_what_a_log_in_gives_tells_the_generation(given, name):
    """Each of the three names what it gives in its own way."""
    probe = begin().read(respond(PAGE, 404))

    found = probe.read(respond({"success": "x"} | given))

    assert found.name == name


@pytest.mark.parametrize(
    ("response", "verdict", "reason"),
    [
        (respond([]), Verdict.DENIED, "wrong username or key"),
        (
            respond({"error": {"ip": "Warning: Your IP 10.0.0.9 is not allowed!", "key": "Incorrect!"}}),
            Verdict.DENIED,
            "the address 10.0.0.9",
        ),
        (respond(PAGE, 404), Verdict.FAULT, "there is no api/login at this address"),
        (respond(PAGE), Verdict.FAULT, "a web page instead of JSON"),
        (respond({"success": "x", "other": "y"}), Verdict.FAULT, "neither success"),
        (respond(b"", 503), Verdict.BUSY, "out of service"),
    ],
)
def test_a_log_in_that_fails_says_why(response, verdict, reason):
    """Where the log-in gives nothing, the generation stays open and the cause is named."""
    probe = begin().read(respond(PAGE, 404))

    answer = probe.read(response)

    assert isinstance(answer, Answer)
    assert answer.verdict is verdict
    assert reason in answer.reason


@pytest.mark.parametrize(
    ("response", "verdict", "reason"),
    [
        (respond(b"", 301, location="https://www.shop.example/"), Verdict.FAULT, "https://www.shop.example/"),
        (respond(b"<html><title>Blocked</title>", 403), Verdict.DENIED, "Blocked"),
        (respond({"error": "x", "ray": "1"}, 403), Verdict.DENIED, "HTTP 403"),
        (respond(b"", 401), Verdict.DENIED, "HTTP 401"),
        (respond(b"", 429, **{"retry-after": "7"}), Verdict.BUSY, "too many requests"),
        (respond(b"<title>Maintenance</title>", 503), Verdict.BUSY, "out of service"),
        (respond(b"", 500), Verdict.FAULT, "HTTP 500"),
        (respond(b"<b>Error: Could not make a database link using oc@db!"), Verdict.BUSY, "database"),
        (respond(b"<b>x(): Argument #1 must be of type array</b>: in <b>y</b>"), Verdict.FAULT, "web page"),
        (respond(b'{"err'), Verdict.UNKNOWN, "cut off"),
        (respond([]), Verdict.FAULT, "no OpenCart that is known"),
        (respond({"hello": "world"}), Verdict.FAULT, "api_token"),
        (respond({"error": "no such route"}, 404), Verdict.FAULT, "no OpenCart that is known"),
        (respond(b"", 405), Verdict.FAULT, "no OpenCart that is known"),
    ],
)
def test_an_answer_that_tells_nothing_says_why(response, verdict, reason):
    """Nothing is guessed: what stands in front of the shop, or is no shop at all, is told as such."""
    answer = begin().read(response)

    assert isinstance(answer, Answer)
    assert answer.verdict is verdict
    assert reason in answer.reason
    assert answer.cure


@given(st.integers(100, 599), st.binary(max_size=60), st.sets(st.sampled_from(["OCSESSID", "default", "PHPSESSID"])))
def test_any_response_is_read(status, body, cookies):
    """No answer breaks the reading, and what is no generation has a reason."""
    found = begin().read(Response(status, {}, body, cookies=dict.fromkeys(cookies, "x")))

    assert not isinstance(found, Answer) or found.reason


@pytest.mark.parametrize("name", ["2.3", "3.0", "4.0", "4.1"])
def test_a_named_dialect_is_taken_as_it_is(name):
    """Nothing is asked where the options say which generation it is."""
    dialect, credential = build_opencart(options(dialect=name))

    assert not isinstance(dialect, Probe)
    assert dialect.name == name
    assert (credential.username, credential.key) == ("Default", "s3cr3t-key")


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, "OpenCart41(host='shop.example', path='/sub/')"),
        ({"base_url": "http://Shop.Example:80"}, "OpenCart41(host='shop.example', path='/')"),
        ({"base_url": "http://shop.example:8041/"}, "OpenCart41(host='shop.example:8041', path='/')"),
        ({"base_url": "https://käse.example/"}, "OpenCart41(host='xn--kse-qla.example', path='/')"),
        ({"headers": {"Host": "inner"}}, "OpenCart41(host='inner', path='/sub/')"),
        (
            {"signature": {"host": "a:1", "path": "/b/"}, "headers": {"host": "c"}},
            "OpenCart41(host='a:1', path='/b/')",
        ),
    ],
)
def test_host_and_folder_of_the_signature_are_those_of_the_address(more, shown):
    """What is signed is what is sent, unless the options say what the shop sees."""
    dialect, _ = build_opencart(options(dialect="4.1", **more))

    assert repr(dialect) == shown
