"""The doctor's further questions over real sockets: redirects, signatures, other generations, other folders."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from connector.app.doctor.examination import examine
from connector.app.doctor.finding import Report, Severity
from connector.app.project import load
from connector.app.runtime import open_project
from connector.testing.server import Received, Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "the-key-of-the-shop"
REFUSAL = Reply(403, json={"error": "You do not have permission to access this page."})
PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body>%s</body></html>"


async def examine_shop(base_url: str, uses: dict[str, Any] | None = None, **more: Any) -> Report:
    """Return what is found about a client of a shop."""
    shop = {"connector": "opencart", "base_url": base_url, "key": KEY, "username": "api"} | more
    project = load({"clients": {"shop": shop}} | (uses or {}), environment={})
    async with open_project(project) as runtime:
        return await examine(runtime, "shop")


def find(report: Report, check: str) -> Any:
    """Return the one finding of a check."""
    (finding,) = [finding for finding in report.findings if finding.check == check]
    return finding


def page(title: str, body: str = "", status: int = 200, **headers: str) -> Reply:
    """Return a web page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, body=PAGE % (title.encode(), body.encode()), headers={"content-type": "text/html"} | named)


def sign(request: Received, host: str, path: str = "/", username: str = "api") -> str:
    """Return the signature that a 4.1 expects whose PHP sees this host and folder."""
    query = request.query
    form = urlencode(parse_qsl(request.body.decode(), keep_blank_values=True))
    lines = [query.get("route", ""), query.get("call", ""), username, host, path]
    lines += [query.get(name, "") for name in ("store_id", "language", "currency")]
    lines += [hashlib.md5(form.encode()).hexdigest(), query.get("time", "")]
    text = "".join(f"{line}\n" for line in lines)
    return base64.b64encode(hmac.digest(KEY.encode(), text.encode(), "sha1")).decode()


def shop_41(
    host: Callable[[Received], str], *, path: str = "/", ahead_s: int = 0, username: str = "api"
) -> Callable[[Received], Reply]:
    """Return a 4.1 that sees this host and folder, and whose clock is so far ahead."""

    def answer(request: Received) -> Reply:
        date = {"date": formatdate(time.time() + ahead_s, usegmt=True)}
        is_signed = request.query.get("signature") == sign(request, host(request), path, username)
        is_now = abs(int(request.query.get("time", "0")) - time.time() - ahead_s) <= 450
        refused = Reply(403, json=REFUSAL.json, headers=date)
        return Reply(json={"success": "x"}, headers=date) if is_signed and is_now else refused

    return answer


async def test_host_line_without_the_port_is_found():
    """A web server that passes the host without its port is found by trying, and nothing but proofs is sent."""
    async with ScriptedServer(shop_41(lambda request: request.headers["host"].partition(":")[0])) as server:
        report = await examine_shop(server.url)

    finding = find(report, "signature")
    assert (report.dialect, finding.severity) == ("4.1", Severity.PROBLEM)
    assert finding.cure == "write signature: {host: 127.0.0.1} in the client"
    assert {request.query.get("call") for request in server.requests} <= {None, "affiliate"}


async def test_folder_and_letters_of_the_name_are_found():
    """A folder that a proxy takes away, and a user's name in other letters, are found by trying."""
    async with ScriptedServer(shop_41(lambda request: request.headers["host"])) as server:
        folder = find(await examine_shop(f"{server.url}shop/"), "signature")
        letters = find(await examine_shop(server.url, username="API"), "signature")

    assert folder.cure == "write signature: {path: /} in the client"
    assert letters.cure == "write username: api"


async def test_clock_that_is_off_is_found_by_signing_with_the_shops_time():
    """A clock 900 s off is told, proven by a call at the shop's own time."""
    async with ScriptedServer(shop_41(lambda request: request.headers["host"], ahead_s=900)) as server:
        report = await examine_shop(server.url)

    assert find(report, "signature").cure == "set this machine's clock"
    assert find(report, "clock").severity is Severity.PROBLEM


async def test_what_is_right_needs_no_further_questions():
    """A 4.1 that lets us in is sent the question for the generation and one proof, since every call leaves a row."""
    async with ScriptedServer(shop_41(lambda request: request.headers["host"])) as server:
        report = await examine_shop(server.url)

    assert not report.has_problem
    assert (report.calls, len(server.requests)) == (2, 2)


async def test_refusal_of_every_way_leaves_the_key_or_the_address():
    """Where no way to sign helps, the causes that are left are named."""
    async with ScriptedServer(lambda _request: REFUSAL) as server:
        report = await examine_shop(server.url)

    assert find(report, "log-in").severity is Severity.PROBLEM
    assert find(report, "signature").severity is Severity.NOTE


async def test_redirects_are_followed_without_the_key():
    """Two redirects in a row end in the base_url to write; the key goes to the configured address alone."""

    def shop(request: Received) -> Reply:
        """A page without a cookie leaves the generation open, which asks for a log-in."""
        return page("Not found", status=404) if request.query["route"] == "api/account/login" else Reply(json=[])

    async with ScriptedServer(shop) as last:

        def middle_answer(request: Received) -> Reply:
            return Reply(301, body=b"", headers={"location": f"{last.url}index.php?route={request.query['route']}"})

        async with ScriptedServer(middle_answer) as middle:

            def first_answer(_request: Received) -> Reply:
                return Reply(302, body=b"", headers={"location": f"{middle.url}index.php?route=common/home"})

            async with ScriptedServer(first_answer) as first:
                report = await examine_shop(first.url, dialect="3.0", headers={"X-Staging": "only-for-the-first"})

    finding = find(report, "redirect")
    assert finding.cure.startswith(f"write base_url: {last.url};")
    assert "api/login" in {request.query["route"] for request in last.requests}
    assert [request for request in first.requests if KEY in request.body.decode()]
    for request in middle.requests + last.requests:
        assert KEY not in request.body.decode()
        assert "x-staging" not in request.headers


async def test_redirect_in_a_circle_ends():
    """A redirect to itself is told after few calls."""
    async with ScriptedServer(lambda _request: Reply(301, body=b"", headers={"location": "/index.php"})) as server:
        report = await examine_shop(server.url)

    assert "circle" in find(report, "redirect").title
    assert report.calls <= 3


async def test_other_generation_is_named_and_what_it_lacks():
    """A dialect that is not the shop's is found out with a stranger's log-in, and the calls are held against it."""
    uses = {"incoming": {"points": {"subscriber": {"client": "shop", "entity": "reward.maximum"}}}}
    async with ScriptedServer(lambda _request: REFUSAL) as server:
        report = await examine_shop(server.url, uses, dialect="3.0")

    assert find(report, "dialect").cure == "write dialect: 4.1, or dialect: auto"
    assert "reward.maximum does not exist in 4.1" in find(report, "configuration").title


async def test_shop_above_the_address_is_found():
    """A base_url below the shop's folder is answered with the shop's own."""

    def answer(request: Received) -> Reply:
        if request.path == "/":
            return page("Your Store", '<a href="index.php?route=common/home">')
        return page("Not found", status=404)

    async with ScriptedServer(answer) as server:
        report = await examine_shop(f"{server.url}shop/api/")

    assert find(report, "answer").cure == f"write base_url: {server.url}"


async def test_session_that_is_lost_at_once():
    """A token that the shop forgets at once is told from a refused log-in, and nothing more is tried in it."""

    def answer(request: Received) -> Reply:
        if request.query["route"] == "api/login":
            return Reply(json={"success": "x", "api_token": "token-of-the-session"})
        return Reply(json={"error": "Warning: You do not have permission to access the API!"})

    async with ScriptedServer(answer) as server:
        report = await examine_shop(server.url, dialect="3.0")

    finding = find(report, "session")
    assert finding.severity is Severity.PROBLEM
    assert "changing addresses" in finding.cause
    assert len(server.requests) == 2


async def test_one_session_is_enough():
    """The doctor needs no more sessions than a client has."""

    def answer(request: Received) -> Reply:
        is_login = request.query["route"] == "api/login"
        return Reply(json={"success": "x", "api_token": "token-of-the-session"} if is_login else {"maximum": 0})

    async with ScriptedServer(answer) as server:
        report = await examine_shop(server.url, dialect="3.0", sessions=1)

    assert find(report, "session").severity is Severity.OK
    assert find(report, "speed").title.endswith("s")


async def test_unusable_authority_is_a_finding(tmp_path):
    """A client that cannot even be opened is a finding too."""
    report = await examine_shop("https://127.0.0.1:1/", ca_file=str(tmp_path / "missing.pem"))

    assert find(report, "address").severity is Severity.PROBLEM
    assert report.calls == 0


async def test_order_that_could_not_be_found_again():
    """An order.place without a reference is told where it can be looked for, at its place."""
    order: dict[str, Any] = {
        "customer": {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "telephone": "0612345678"},
        "lines": [{"product_id": 40}],
        "payment_address": {"address_1": "1 High St", "city": "London", "country_id": 222, "zone_id": 3553},
        "voucher": "{{ record.voucher }}",
    }
    publisher = {"client": "shop", "entity": "order.place", "data": order}
    uses = {"routes": {"orders": {"outgoing": {"publisher": publisher}}}}

    def shop_30(request: Received) -> Reply:
        is_login = request.query["route"] == "api/login"
        return Reply(json={"success": "x", "api_token": "token-of-the-session"} if is_login else {"maximum": 0})

    async with ScriptedServer(shop_30) as old, ScriptedServer(shop_41(lambda one: one.headers["host"])) as new:
        in_30 = await examine_shop(old.url, uses, dialect="3.0")
        in_41 = await examine_shop(new.url, uses)

    without = find(in_30, "configuration")
    assert "has no reference" in without.title
    assert without.where.endswith("routes.orders.outgoing.publisher.data")
    voucher, unknown = [finding for finding in in_41.findings if finding.check == "configuration"]
    assert voucher.where.endswith(".data.voucher")
    assert "stays unknown: OpenCart 4.1 cannot be asked" in unknown.title
