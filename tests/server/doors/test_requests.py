"""What no endpoint sees: limits, hosts, proxies; and the headers of every answer."""

from __future__ import annotations

import asyncio

import pytest

from connector.server.doors.middleware import (
    FORM_BYTES,
    LONGEST_TARGET,
    MOST_HEADER_BYTES,
    MOST_HEADERS,
    DoorMiddleware,
)
from connector.server.doors.policy import CONTENT_POLICY

ACCEPT = ("accept", "text/html")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/page", 200), ("/nowhere", 404), ("/api/v1/look", 200), ("/login", 303), ("/livez", 200), ("/static/x", 404)],
)
async def test_every_answer_protects_whoever_reads_it(house, path, status):
    """Whatever is answered carries the headers, and stays in no cache."""
    reply = await house.ask("GET", path, ACCEPT)

    assert reply.status == status
    assert reply["content-security-policy"] == CONTENT_POLICY
    assert reply["x-content-type-options"] == "nosniff"
    assert reply["x-frame-options"] == "DENY"
    assert reply["referrer-policy"] == "same-origin"
    assert reply["cross-origin-opener-policy"] == "same-origin"
    assert reply["cross-origin-resource-policy"] == "same-origin"
    assert reply["cache-control"] == "no-store"
    assert "unsafe" not in reply["content-security-policy"]


async def test_static_files_may_be_kept(house):
    """Their address changes with their content."""
    reply = await house.ask("GET", "/static/abc/app.css")

    assert reply["cache-control"] == "public, max-age=31536000, immutable"


async def test_browsers_are_told_to_speak_tls_alone_where_a_name_is_served_so(public_house):
    """Never for an address or for this machine: that would be said for every other service there."""
    forwarded = ("x-forwarded-proto", "https")

    by_name = await public_house.ask("GET", "/login", forwarded, host="hub.test", peer="10.0.0.1")
    by_address = await public_house.ask("GET", "/login", forwarded, host="10.1.2.3", peer="10.0.0.1")
    here = await public_house.ask("GET", "/login", host="localhost:8484")

    assert by_name["strict-transport-security"] == "max-age=31536000"
    assert by_address["strict-transport-security"] == here["strict-transport-security"] == ""


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:8484",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "",
        "127.0.0.1:8484:1",
        "127.0.0.1:99999",
        "127.0.0.1 ",
        "a@127.0.0.1",
        "127.0.0.1/x",
        "[::1",
        "192.168.1.5",
        "2130706433",
        "0x7f.0.0.1",
    ],
)
async def test_a_name_of_somebody_else_is_refused(house, host):
    """A page whose own name leads to this machine reaches nothing through the browser of who sits here."""
    expected = 200 if host == "127.0.0.1 " else 421  # a blank at the end of a header's value is not part of it

    assert (await house.ask("GET", "/page", ACCEPT, host=host)).status == expected


async def test_a_request_without_a_host_is_refused(house):
    """Nobody can tell what it was meant for."""
    assert (await house.ask("GET", "/page", host=None)).status == 421


async def test_two_hosts_are_refused(house):
    """One would be checked, and another one used."""
    assert (await house.ask("GET", "/page", ("host", "evil.test"))).status == 400


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8484", "app.localhost", "127.0.0.1", "127.1.2.3:80", "[::1]:8484", "localhost."]
)
async def test_names_of_this_machine_are_known(house, host):
    """However this machine is called, it is meant."""
    assert (await house.ask("GET", "/page", ACCEPT, host=host)).status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("hub.test", 303), ("HUB.test:443", 303), ("10.9.8.7:8484", 303), ("[2001:db8::1]", 303), ("connector", 421)],
)
async def test_a_public_service_knows_its_name_and_any_address(public_house, host, status):
    """Where it listens on all addresses, any of them is its own; names are those that were set."""
    assert (await public_house.ask("GET", "/page", ACCEPT, host=host)).status == status


async def test_names_can_be_added(open_house):
    """A service among containers is called by the name of its container."""
    async with open_house(host="0.0.0.0", allowed_hosts="connector, Hub.Internal") as house:
        by_name = await house.ask("GET", "/login", ACCEPT, host="connector:8484")
        by_other = await house.ask("GET", "/login", ACCEPT, host="hub.internal")

    assert (by_name.status, by_other.status) == (200, 200)


async def test_probes_and_tokens_need_no_name(house):
    """Who shows a token comes from no page, and a probe is told nothing."""
    token = await house.add_token("read")

    probe = await house.ask("GET", "/livez", host="10.4.5.6:8484")
    program = await house.ask("GET", "/api/v1/look", ("authorization", f"Bearer {token}"), host="connector")
    pretended = await house.ask("GET", "/page", ("authorization", "Bearer x"), host="evil.test")

    assert (probe.status, program.status, pretended.status) == (200, 200, 401)


@pytest.mark.parametrize(
    ("forwarded", "peer", "address"),
    [
        (["203.0.113.9"], "10.0.0.1", "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9"], "10.0.0.1", "203.0.113.9"),
        (["1.1.1.1", "203.0.113.9"], "10.0.0.1", "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9, 10.0.0.2"], "10.0.0.1", "203.0.113.9"),
        (["203.0.113.9:4711"], "10.0.0.1", "203.0.113.9"),
        (["[2001:db8::7]:4711"], "10.0.0.1", "2001:db8::7"),
        (["::ffff:203.0.113.9"], "10.0.0.1", "203.0.113.9"),
        (["10.0.0.9, 10.0.0.2"], "10.0.0.1", "10.0.0.9"),
        (["203.0.113.9, unknown"], "10.0.0.1", "10.0.0.1"),
        (["203.0.113.9, <script>, 10.0.0.2"], "10.0.0.1", "10.0.0.2"),
        ([""], "10.0.0.1", "10.0.0.1"),
        ([], "10.0.0.1", "10.0.0.1"),
        (["203.0.113.9"], "::ffff:10.0.0.1", "203.0.113.9"),
        (["127.0.0.1"], "198.51.100.1", "198.51.100.1"),
        (["203.0.113.9"], "127.0.0.1", "127.0.0.1"),
        (["1.1.1.1, " * 5000 + "203.0.113.9"], "10.0.0.1", ""),
    ],
)
async def test_the_address_is_that_of_the_last_who_is_no_proxy_of_ours(public_house, forwarded, peer, address):
    """What stands further left in the header may be made up, and from others it is not looked at."""
    token = await public_house.add_token("read")
    headers = [("x-forwarded-for", value) for value in forwarded]

    reply = await public_house.ask("GET", "/api/v1/look", ("authorization", f"Bearer {token}"), *headers, peer=peer)

    assert (reply.json["address"] if reply.status == 200 else "") == address


async def test_a_stranger_sets_neither_scheme_nor_name(public_house):
    """Only a trusted proxy says by which name and scheme a request came."""
    headers = [("x-forwarded-host", "hub.test"), ("x-forwarded-proto", "https")]

    by_stranger = await public_house.ask("GET", "/login", ACCEPT, *headers, peer="198.51.100.1", host="evil.test")
    by_proxy = await public_house.ask("GET", "/login", ACCEPT, *headers, peer="10.0.0.1", host="upstream:8484")

    assert (by_stranger.status, by_proxy.status) == (421, 200)
    assert by_proxy.cookies["__Host-connector-form"]["secure"]


@pytest.mark.parametrize("path", ["/api/v1/change", "/change", "/login"])
async def test_a_large_body_is_refused_by_its_length(open_house, path):
    """Nothing of it is read."""
    async with open_house(max_request="20kB") as house:
        reply = await house.ask("POST", path, ("content-length", "20001"), receive=pytest.fail)

    assert (reply.status, reply["connection"]) == (413, "close")


async def test_a_form_to_log_in_is_small(house):
    """Whom nobody knows yet has less to say."""
    reply = await house.ask("POST", "/login", ("content-length", str(FORM_BYTES + 1)), receive=pytest.fail)

    assert reply.status == 413


async def test_a_large_body_is_refused_while_it_comes(open_house):
    """A body that does not say how long it is is counted, whoever reads it, and whatever they make of the break."""
    async with open_house(max_request="20kB") as house:
        chunks = [b"x" * 8000] * 10
        read = await house.ask("POST", "/api/v1/routes/orders/push", body=list(chunks))
        enough = await house.ask("POST", "/api/v1/routes/orders/push", body=list(chunks[:2]))

    assert (read.status, read["connection"], read["content-type"]) == (413, "close", "application/problem+json")
    assert read.json["title"] == "Request Entity Too Large"
    assert enough.json["bytes"] == 16_000


@pytest.mark.parametrize(
    "headers",
    [
        [("content-length", "-1")],
        [("content-length", "+5")],
        [("content-length", "0x10")],
        [("content-length", "5"), ("content-length", "5")],
        [("content-length", "5"), ("content-length", "6")],
        [("content-length", "5"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
        [("content-type", "text/plain"), ("content-type", "application/json")],
        [("origin", "http://127.0.0.1:8484"), ("origin", "https://evil.test")],
        [("x-csrf-token", "a"), ("x-csrf-token", "b")],
    ],
)
async def test_what_two_readers_would_read_differently_is_refused(house, headers):
    """Where a proxy sees another end of a request than we do, somebody else's request begins in the middle of it."""
    assert (await house.ask("POST", "/api/v1/change", *headers, body=b"12345")).status == 400


async def test_a_body_that_does_not_come_is_not_waited_for(house):
    """Who sends nothing, or a byte now and then, holds nothing up."""
    slow = DoorMiddleware(house.app._app, _context(house), body_idle_s=0.01)
    house.app = slow

    async def wait() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    reply = await house.ask("POST", "/api/v1/change", ("content-length", "10"), receive=wait)

    assert (reply.status, reply["connection"]) == (408, "close")


async def test_a_body_that_drips_is_not_waited_for(house):
    """Each piece in time is not enough: there is an end to the whole."""
    house.app = DoorMiddleware(house.app._app, _context(house), body_idle_s=30.0, body_s=0.05)

    async def drip() -> dict[str, object]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    reply = await house.ask("POST", "/api/v1/routes/orders/push", receive=drip)

    assert reply.status == 408


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("cookie", "a=" + "x" * MOST_HEADER_BYTES)], 431),
        ([(f"x-{number}", "1") for number in range(MOST_HEADERS + 1)], 431),
        ([("cookie", "connector=" + "x" * 5000)], 303),
        ([("cookie", "connector")], 303),
        ([("cookie", 'connector="\\303\\251"; ; =; a')], 303),
        ([("cookie", "connector=\xe9\xe8")], 303),
    ],
)
async def test_odd_cookies_and_headers_do_no_harm(house, headers, status):
    """What is too large is refused, what is no session is none."""
    await house.add_user()

    assert (await house.ask("GET", "/page", ACCEPT, *headers)).status == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/page?" + "x" * LONGEST_TARGET, 414),
        ("/static/../page", 400),
        ("/static/..", 400),
        ("/static\\..\\page", 400),
        ("/page\x00", 400),
        ("/page\r\nx: y", 400),
        ("/static/%2e%2e/page", 404),
        ("//evil.test/page", 404),
    ],
)
async def test_odd_paths_lead_nowhere(house, path, status):
    """Nobody climbs out of a folder, and nobody writes a line of their own into a log."""
    assert (await house.ask("GET", path, ACCEPT)).status == status


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get", "BREW"])
async def test_other_methods_are_refused(house, method):
    """There is nothing here that they would do."""
    reply = await house.ask(method, "/page")

    assert reply.status == 405
    assert "GET" in reply["allow"]


async def test_a_method_in_a_header_is_not_believed(house):
    """A GET stays a GET."""
    reply = await house.ask("GET", "/api/v1/change", ("x-http-method-override", "POST"))

    assert reply.status == 405


async def test_there_is_no_websocket(house):
    """It is closed before anything is said."""
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    await house.app({"type": "websocket", "path": "/page", "headers": []}, receive, send)

    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_a_refusal_shows_what_was_sent_as_text(house):
    """A page that refuses holds no markup of whoever was refused."""
    reply = await house.ask("POST", "/login", ACCEPT, ("origin", "https://<script>alert(1)</script>"))

    assert reply.status == 403
    assert "<script>" not in reply.text
    assert "&lt;script&gt;" in reply.text


def _context(house):
    class Parts:
        doors, settings = house.doors, house.settings

    return Parts
