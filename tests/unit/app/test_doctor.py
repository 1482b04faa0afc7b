"""The checks of the doctor, on exchanges made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from connector.app.doctor.access import check_key, check_log_in, check_other_dialect, check_session
from connector.app.doctor.address import (
    Hop,
    check_folder,
    check_hops,
    check_page,
    check_reached,
    find_hop,
    is_nowhere,
    list_folders,
)
from connector.app.doctor.clock import check_clock, find_skew_s
from connector.app.doctor.finding import Finding, Severity
from connector.app.doctor.php import check_messages
from connector.app.doctor.signature import Way, check_ways, list_ways
from connector.app.doctor.speed import check_speed
from connector.request import Answer, Exchange, FieldError, Request, Response, Verdict

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
NOTICE = b'<b>Warning</b>: Undefined array key "key" in <b>/shop/login.php</b> on line <b>1</b>[]'


def exchange(
    status: int | None = 200,
    body: bytes = b'{"success":"x"}',
    *,
    verdict: Verdict = Verdict.OK,
    duration_ms: float = 20.0,
    url: str = "http://shop.example/index.php",
    route: str = "api/login",
    cookie: str | None = None,
    **headers: str,
) -> Exchange:
    """Return an exchange; a status of None is one without an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = None if status is None else Response(status, {"content-type": "application/json"} | named, body)
    sent = {"cookie": cookie} if cookie else {}
    request = Request("POST", url, query=(("route", route),), headers=sent)
    return Exchange("session.login", request, response, None, NOW, duration_ms, verdict)


def text_of(finding: Finding | None) -> str:
    """Return everything a finding says."""
    assert finding is not None
    return " / ".join(filter(None, (finding.title, finding.cause, finding.cure)))


@pytest.mark.parametrize(
    ("base_url", "location", "to", "change"),
    [
        ("http://shop.example/", "https://shop.example/index.php?route=api/login", "https://shop.example/", "https"),
        ("https://shop.example/", "https://www.shop.example/index.php", "https://www.shop.example/", "www. differs"),
        ("https://shop.example/", "/en/index.php?route=api/login", "https://shop.example/en/", "language"),
        (
            "https://shop.example/",
            "https://other.example/shop/index.php",
            "https://other.example/shop/",
            "another host",
        ),
    ],
)
def test_a_redirect_names_the_base_url_to_write(base_url, location, to, change):
    """Scheme, www, language and host of a redirect end in an absolute base_url, and in words for what changed."""
    sent = exchange(301, b"", url=f"{base_url}index.php", location=location)

    hop = find_hop(base_url, sent)
    assert hop is not None
    finding = check_hops([hop], is_arrived=True)

    assert finding.severity is Severity.PROBLEM
    assert finding.cure == f"write base_url: {to}"
    assert change in text_of(finding)


def test_a_redirect_in_a_circle_is_named():
    """Where a redirect comes back, no base_url is advised."""
    hops = [Hop(301, "http://a.example/", "https://a.example/"), Hop(301, "https://a.example/", "http://a.example/")]

    finding = check_hops(hops, is_arrived=False)

    assert "circle" in finding.title
    assert "base_url" not in str(finding.cure)


@pytest.mark.parametrize("location", ["error.html", "/shop/error.html", "", "http://["])
def test_what_leads_to_no_other_address(location):
    """PHP's own error page, and what cannot be read, is no redirect."""
    sent = exchange(302, b"", location=location)

    hop = find_hop("http://shop.example/", sent)

    assert hop is None


def test_plain_http_is_told_off_this_machine():
    """A key over http:// is a note, but for a shop on this very machine."""
    far = check_reached(None, [exchange()], "http://shop.example/")
    near = check_reached(None, [exchange()], "http://127.0.0.1:8030/")

    assert [finding.check for finding in far] == ["address", "encryption"]
    assert [finding.check for finding in near] == ["address"]


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        (
            exchange(401, b"", www_authenticate='Basic realm="staging"', content_type="text/html"),
            'Basic realm="staging"',
        ),
        (exchange(403, b"<html><title>Just a moment...</title></html>", server="cloudflare"), "Cloudflare"),
        (exchange(406, b"<html><title>Not Acceptable!</title></html>"), "ModSecurity"),
        (exchange(503, b"<html><title>Maintenance</title></html>"), "leaves the API alone"),
    ],
    ids=["password", "cloudflare", "mod_security", "maintenance"],
)
def test_what_stands_in_front_of_a_shop_is_named(answered, words):
    """A password, a guard and a maintenance page are told from the shop's own refusals."""
    finding = check_page(Answer(Verdict.DENIED), answered)

    assert finding is not None
    assert finding.severity is Severity.PROBLEM
    assert words in text_of(finding)


def test_a_refusal_of_the_shop_is_no_page():
    """JSON is the shop's word, whatever its status and whatever CDN it comes by."""
    refused = exchange(403, b'{"error":"no"}', server="cloudflare")

    finding = check_page(Answer(Verdict.DENIED), refused)

    assert finding is None


@pytest.mark.parametrize(
    ("status", "body", "is_nothing"),
    [
        (404, b"<html><title>Not found</title></html>", True),
        (200, b"<html><title>Welcome</title></html>", True),
        (500, b"<html><title>Oops</title></html>", False),
        (200, b"<b>Fatal error</b>: Uncaught x in <b>a.php</b> on line <b>1</b>", False),
    ],
)
def test_pages_that_say_there_is_no_api(status, body, is_nothing):
    """A page or a 404 leaves the address in doubt; a broken PHP does not."""
    answered = exchange(status, body, content_type="text/html")

    assert is_nowhere(Answer(Verdict.FAULT), answered) is is_nothing


def test_folders_above_are_looked_at_and_the_administration_is_not():
    """A shop is looked for at the address and above it."""
    assert list_folders("https://a.example/shop/admin/") == ["https://a.example/shop/", "https://a.example/"]
    assert list_folders("https://a.example/index.php") == ["https://a.example/"]


@pytest.mark.parametrize(
    ("base_url", "folder", "words"),
    [
        ("https://a.example/admin/", "https://a.example/", "base_url names the administration"),
        ("https://a.example/x/y", "https://a.example/x/", "write base_url: https://a.example/x/"),
        ("https://a.example/", None, "no page of an OpenCart"),
        ("https://a.example", "https://a.example/", "older than OpenCart 2.0"),
    ],
)
def test_where_the_shop_is(base_url, folder, words):
    """What was found above an address becomes the base_url to write."""
    assert words in text_of(check_folder(base_url, folder))


def test_ip_and_key_together_mean_the_address():
    """The shop's word about the key is named as the false clue it is."""
    errors = (FieldError("ip", "Your IP 10.0.0.9 is not allowed!"), FieldError("key", "Incorrect API Key!"))
    refused = Answer(
        Verdict.DENIED,
        {"error": {}},
        errors=errors,
        reason="the log-in failed: the address is not let in",
        cure="add it",
    )

    finding = check_log_in(refused, "3.0", proxy="http://proxy.example:3128")

    assert finding.title == "the address is not let in"
    assert "false clue" in str(finding.cause)
    assert "it is the proxy's address" in str(finding.cure)


def test_an_empty_list_means_user_or_key():
    """`[]` is not about the address, which is looked at later."""
    finding = check_log_in(Answer(Verdict.DENIED, value=[], reason="wrong username or key", cure="compare"), "3.0")

    assert (finding.check, finding.severity) == ("log-in", Severity.PROBLEM)
    assert "only after that" in str(finding.cause)


def test_a_refusal_without_a_word_of_the_shop_is_no_log_in():
    """A bare HTTP 403 comes from what stands in front of the shop, so nothing is said of user and key."""
    finding = check_log_in(Answer(Verdict.DENIED, reason="the web server refuses the call", status=403), "auto")

    assert (finding.check, finding.severity) == ("answer", Severity.PROBLEM)


@pytest.mark.parametrize("text", [" key", "key\n", "first\nsecond"])
def test_a_key_that_was_copied_badly(text):
    """Blanks and line breaks in a key are a problem; the key does not show."""
    finding = check_key("Default", text)

    assert finding is not None
    assert finding.title == "key of the client has blanks or line breaks in it"
    assert check_key("Default", "key") is None


def test_a_lost_session_is_told_from_a_missing_permission():
    """A session that is gone at once has causes of its own; on 2.3, a cookie that is taken away comes first."""
    lost = Answer(Verdict.LOST_SESSION, reason="permission")

    without = check_session(lost, "2.3", [exchange()], "reward.maximum")
    with_cookie = check_session(lost, "2.3", [exchange(cookie="PHPSESSID=x")], "reward.maximum")

    assert "false clue" in str(without.cause)
    assert "PHPSESSID" in str(without.cause)
    assert "PHPSESSID" not in str(with_cookie.cause)


@pytest.mark.parametrize(
    ("ahead_s", "dialect", "severity"),
    [
        (0, "4.1", Severity.OK),
        (200, "4.1", Severity.NOTE),
        (-451, "4.1", Severity.PROBLEM),
        (3600, "3.0", Severity.OK),
    ],
)
def test_clocks_matter_to_signed_calls_alone(ahead_s, dialect, severity):
    """Over 450 s a 4.1 refuses; earlier generations do not look at the time."""
    date = format_datetime(NOW + timedelta(seconds=ahead_s), usegmt=True)

    skew_s = find_skew_s([exchange(date=date), exchange(date="nonsense"), exchange(None)])
    finding = check_clock(skew_s, dialect)

    assert skew_s == ahead_s
    assert finding is not None
    assert finding.severity is severity
    assert ("behind" in finding.title) is (ahead_s > 0)


def test_an_unseen_clock_matters_to_signed_calls_alone():
    """Without a Date nothing is claimed."""
    assert check_clock(find_skew_s([exchange()]), "3.0") is None
    assert check_clock(None, "4.1") is not None


def test_ways_to_sign_go_from_host_to_folder_to_name():
    """Tried are the host with, without and with the usual port, the root folder, and letters of the user's name."""
    used = Way("shop.example:8041", "/shop/", "Api")

    ways = list_ways(used, scheme="http", sent_host="shop.example:8041", folder="/shop/", skew_s=None)

    assert ways[0] == Way("shop.example", "/shop/", "Api")
    assert Way("shop.example:80", "/", "Api") in ways
    assert ways[-1] == Way("shop.example:8041", "/shop/", "api")
    assert used not in ways
    assert len(ways) == len(set(ways))


def test_a_clock_that_is_off_is_tried_with_the_shops_time():
    """With clocks too far apart, the first way is the one in use, at the shop's time."""
    used = Way("[::1]:8041", "/", "api")

    ways = list_ways(used, scheme="http", sent_host="[::1]:8041", folder="/", skew_s=900)

    assert ways[0] == Way("[::1]:8041", "/", "api", 900)
    assert Way("[::1]", "/", "api", 900) in ways


@pytest.mark.parametrize(
    ("accepted", "cure"),
    [
        (Way("a.example", "/", "api"), "write signature: {host: a.example} in the client"),
        (Way("a.example:1", "/shop/", "api"), "write signature: {path: /shop/} in the client"),
        (Way("a.example:1", "/", "api", 900), "set this machine's clock"),
        (Way("a.example:1", "/", "Api"), "write username: Api"),
    ],
)
def test_the_way_that_is_let_through_is_the_cure(accepted, cure):
    """What differs from the way in use is what was wrong."""
    finding = check_ways(Way("a.example:1", "/", "api"), [accepted], accepted)

    assert finding.severity is Severity.PROBLEM
    assert finding.cure == cure


def test_no_way_let_through_points_at_address_and_key():
    """A refusal of every way is a note beside the refused log-in."""
    finding = check_ways(Way("a.example", "/", "api"), [Way("a.example:443", "/", "api")], None)

    assert finding.severity is Severity.NOTE
    assert "the address is not on the list" in text_of(finding)


@pytest.mark.parametrize(
    ("answered", "dialect", "severity", "words"),
    [
        (exchange(body=NOTICE), "3.0", Severity.NOTE, "switch it off"),
        (exchange(body=NOTICE, content_type="text/html; charset=UTF-8"), "3.0", Severity.NOTE, "php.ini"),
        (exchange(body=NOTICE.replace(b"Warning", b"Deprecated")), "4.0", Severity.NOTE, "newer than this OpenCart"),
        (exchange(body=NOTICE), "4.0", Severity.OK, "leave it on"),
        (
            exchange(body=b"<b>x(): Argument</b>: in <b>/a.php</b> on line <b>15</b>", content_type="text/html"),
            "4.0",
            Severity.OK,
            "leave it on",
        ),
        (exchange(302, b"", location="error.html"), "4.0", Severity.NOTE, "switch it on"),
        (exchange(), "3.0", Severity.OK, "no PHP messages"),
    ],
    ids=["shop", "php itself", "deprecated", "4.0", "4.0 exception", "4.0 hidden", "none"],
)
def test_messages_of_php(answered, dialect, severity, words):
    """Who shows them, and what to do about it, differs by setting and generation."""
    finding = check_messages([answered], dialect, was_provoked=True)

    assert finding is not None
    assert finding.severity is severity
    assert words in text_of(finding)


def test_no_messages_mean_nothing_unprovoked():
    """Silence says nothing where nothing would have warned."""
    assert check_messages([exchange(), exchange(None)], "4.1", was_provoked=False) is None


@pytest.mark.parametrize(("duration_ms", "severity"), [(20.0, Severity.OK), (900.0, Severity.NOTE)])
def test_speed_is_told_by_the_order(duration_ms, severity):
    """What counts is how long a whole order takes."""
    finding = check_speed([exchange(duration_ms=duration_ms)] * 3, "3.0")

    assert finding is not None
    assert finding.severity is severity
    assert f"about {duration_ms / 100:.1f} s" in finding.title


def test_calls_that_were_put_off():
    """A 429 among answers points at the rate limit; where all are put off, the log-in has said so."""
    busy: dict[str, Any] = {"status": 429, "verdict": Verdict.BUSY}

    some = check_speed([exchange(), exchange(**busy)], "3.0")
    every = check_speed([exchange(**busy)], "3.0")

    assert "rate_limit" in text_of(some)
    assert every is None


def test_texts_are_masked():
    """A finding shows no secret."""
    finding = check_other_dialect("3.0", "2.3").mask(lambda text: text.replace("2.3", "***"))

    assert "2.3" not in text_of(finding)
