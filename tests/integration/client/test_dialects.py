"""The generations of OpenCart over real sockets: who is asked, what is sent back, what a session holds."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from connector import load, open_project
from connector.catalog.catalog import load_catalog
from connector.client.client import HttpClient
from connector.client.detection import Detector
from connector.client.http import HttpConnection
from connector.client.opencart.dialects import build_opencart
from connector.client.options import OpenCartOptions
from connector.client.pool import SessionPool
from connector.client.session import HttpSession, LoginGate
from connector.errors import PayloadError, UnknownEntityError
from connector.redaction import Redactor
from connector.request import Answer, Exchange, PageInput, Verdict
from connector.sandbox.server import SandboxServer
from connector.testing.server import Received, Reply, ScriptedServer

CATALOG = load_catalog("opencart")
PAGE = b"<!DOCTYPE html><html><head><title>The page you requested cannot be found!</title></head></html>"
KEY = "the-key"


class Shop:
    """A shop of one generation, as far as these tests go."""

    def __init__(self, generation: str) -> None:
        self.generation = generation
        self.calls: Counter[str] = Counter()
        self.refuses: dict[str, Any] = {}

    def __call__(self, request: Received) -> Reply:
        """Answer as the generation does."""
        route = request.query["route"]
        call = request.query.get("call", route)
        self.calls[call] += 1
        if self.generation == "4.1":
            return self._answer_signed(request, call)
        if route == {"4.0": "api/account/login"}.get(self.generation, "api/login"):
            return self._log_in(request)
        if route in {"api/login", "api/account/login"}:
            cookie = {"2.3": "default=x", "3.0": "OCSESSID=x"}.get(self.generation, "currency=USD")
            return Reply(404, body=PAGE, headers={"content-type": "text/html", "set-cookie": f"{cookie}; path=/"})
        if self.generation == "2.3" and request.headers.get("cookie") != f"PHPSESSID=s-{request.query['token']}":
            return Reply(json={"error": "Warning: You do not have permission to access the API!"})
        return Reply(json={"success": "x"})

    def _log_in(self, request: Received) -> Reply:
        if request.form["key"] != KEY:
            return Reply(json={"error": "Warning: Incorrect API Key!"})
        if self.generation == "2.3":
            token = f"t{self.calls['api/login']}"
            return Reply(
                json={"success": "x", "token": token}, headers={"set-cookie": f"PHPSESSID=s-{token}; path=/; HttpOnly"}
            )
        return Reply(json={"success": "x", "api_token": "tok"})

    def _answer_signed(self, request: Received, call: str) -> Reply:
        headers = {"set-cookie": "OCSESSID=never-send-me; path=/"}
        if request.query.get("signature") != sign_as_the_shop(request):
            return Reply(403, json={"error": "You do not have permission to access this page."}, headers=headers)
        return Reply(json=self.refuses.get(call, {"success": "x"}), headers=headers)


def sign_as_the_shop(request: Received) -> str:
    """Return the signature of a call with plain words in its form, from what arrived."""
    form = urlencode(parse_qsl(request.body.decode(), keep_blank_values=True))
    names = ("route", "call", "username")
    lines = [
        *(request.query.get(name, "") for name in names),
        request.headers["host"],
        request.path.removesuffix("index.php"),
        *(request.query.get(name, "") for name in ("store_id", "language", "currency")),
        hashlib.md5(form.encode()).hexdigest(),
        request.query.get("time", ""),
    ]
    text = "".join(f"{line}\n" for line in lines)
    return base64.b64encode(hmac.digest(KEY.encode(), text.encode(), "sha1")).decode()


class Access:
    """What a client is made of, for one scripted shop."""

    def __init__(self, server: ScriptedServer, dialect: str, **more: Any) -> None:
        fields = {"connector": "opencart", "base_url": server.url, "key": KEY, "dialect": dialect}
        start, self.credential = build_opencart(OpenCartOptions.model_validate(fields | more))
        self.detector = Detector(start)
        self.gate = LoginGate()
        self.base_url = server.url
        self.made: list[HttpSession] = []
        self.pool = SessionPool(8, self.make_session)
        self.client = HttpClient(
            "shop", pool=self.pool, redactor=Redactor(), detector=self.detector, logs_requests=False
        )

    def make_session(self) -> HttpSession:
        """Return a new session."""
        return HttpSession(
            base_url=self.base_url,
            detector=self.detector,
            credential=self.credential,
            connection=HttpConnection(connect_s=1, total_s=2, max_bytes=100_000),
            gate=self.gate,
            redactor=Redactor(),
        )


async def send(session: HttpSession, entity: str, payload: dict[str, Any] | None = None) -> Answer:
    """Make a call of the dialect that the session speaks."""
    dialect = await session.find_dialect()
    assert isinstance(dialect, str)
    found = CATALOG.find(entity)
    fields = dict(found.variant(dialect).rename(payload or {}))
    return await session.send(found.operation(dialect), fields, PageInput())


@pytest.mark.parametrize(
    ("generation", "calls"),
    [
        ("2.3", {"api/account/login": 1, "api/login": 1, "api/coupon": 1}),
        ("3.0", {"api/account/login": 1, "api/login": 1, "api/coupon": 1}),
        ("4.0", {"api/account/login": 2, "api/sale/coupon": 1}),
        ("4.1", {"api/account/login": 1, "extension": 1}),
    ],
)
async def test_one_question_tells_the_generation(generation: str, calls: dict[str, int]):
    """One log-in that cannot succeed goes ahead, then the shop is spoken to in its own way."""
    async with ScriptedServer(shop := Shop(generation)) as server:
        access = Access(server, "auto")
        before = access.client.dialect
        async with access.client.lease(is_stateful=True) as session:
            answer = await send(session, "coupon.apply", {"coupon": "2222"})
        await access.client.aclose()

    assert answer.verdict is Verdict.OK
    assert shop.calls == calls
    assert (before, access.client.dialect) == ("auto", generation)


async def test_sessions_that_start_together_ask_once():
    """Eight sessions ask one question and log in eight times."""
    async with ScriptedServer(shop := Shop("3.0")) as server:
        access = Access(server, "auto")

        async def work() -> str | Answer:
            async with access.client.lease(is_stateful=True) as session:
                await session.renew()
                return await session.find_dialect()

        names = await asyncio.gather(*(work() for _ in range(8)))
        await access.client.aclose()

    assert names == ["3.0"] * 8
    assert shop.calls == {"api/account/login": 1, "api/login": 8}


async def test_a_shop_that_cannot_be_told_is_the_answer_to_the_call():
    """Without a generation nothing is sent, and the reason says so."""
    async with ScriptedServer(lambda _: Reply(drop=True)) as server:
        access = Access(server, "auto")
        async with access.client.lease(is_stateful=True) as session:
            found = await session.find_dialect()
            answer = await session.send(CATALOG.find("order.add").operation("3.0"), {}, PageInput())
        await access.client.aclose()

    assert isinstance(found, Answer)
    assert found.verdict is answer.verdict is Verdict.UNREACHABLE
    assert answer.reason.startswith("the dialect could not be found out: ")


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [("3.0", "4.0", Verdict.FAULT), ("4.0", "4.1", Verdict.DENIED)]
)
async def test_a_shop_that_was_updated_meanwhile_is_asked_again(before: str, after: str, verdict: Verdict):
    """A log-in that the generation does not answer to fails, and throws the guess away."""
    async with ScriptedServer(shop := Shop(before)) as server:
        access = Access(server, "auto")
        first = await access.client.log_in()
        shop.generation = after
        second = await access.client.log_in()
        third = await access.client.log_in()
        await access.client.aclose()

    assert first is third is None
    assert second is not None
    assert second.verdict is verdict
    assert access.client.dialect == after


async def test_a_wrong_key_does_not_make_the_generation_doubtful():
    """A refusal in the generation's own words says that it is the right one."""
    async with ScriptedServer(shop := Shop("4.0")) as server:
        access = Access(server, "auto", key="another-key")
        for _ in range(2):
            refused = await access.client.log_in()
        await access.client.aclose()

    assert refused is not None
    assert refused.verdict is Verdict.DENIED
    assert access.client.dialect == "4.0"
    assert shop.calls == {"api/account/login": 3}


async def test_a_log_in_that_gives_another_generations_token_is_told():
    """A dialect that is written and wrong cannot be missed: the log-in fails and names the right one."""
    async with ScriptedServer(Shop("3.0")) as server:
        access = Access(server, "2.3")
        refused = await access.client.log_in()
        await access.client.aclose()

    assert refused is not None
    assert refused.verdict is Verdict.FAULT
    assert "as OpenCart 3.0 does" in refused.reason
    assert "write dialect: 3.0" in (refused.cure or "")


async def test_each_session_of_2_3_has_its_own_cookie():
    """The cookie of a log-in goes with that session's token, and never into another log-in."""
    async with ScriptedServer(shop := Shop("2.3")) as server:
        access = Access(server, "2.3")
        answers = []
        for _ in range(2):
            async with access.client.lease(is_stateful=True) as session:
                answers.append(await send(session, "coupon.apply", {"coupon": "2222"}))
        await access.client.aclose()

    assert [answer.verdict for answer in answers] == [Verdict.OK, Verdict.OK]
    assert [request.headers.get("cookie") for request in server.requests] == [
        None,
        "PHPSESSID=s-t1",
        None,
        "PHPSESSID=s-t2",
    ]
    assert shop.calls == {"api/login": 2, "api/coupon": 2}


async def test_4_1_is_sent_the_whole_order_and_no_cookie():
    """Each call carries what was accepted, signed for the host it goes to; what was refused does not enter."""
    async with ScriptedServer(shop := Shop("4.1")) as server:
        access = Access(server, "4.1")
        async with access.client.lease(is_stateful=True) as session:
            await send(session, "cart.add", {"product_id": 40})
            shop.refuses["extension"] = {"error": "Warning: no such coupon!"}
            refused = await send(session, "coupon.apply", {"coupon": "NONE"})
            answer = await send(session, "cart.add", {"product_id": 41, "quantity": 2})
        await access.client.aclose()

    assert (refused.verdict, answer.verdict) == (Verdict.REJECTED, Verdict.OK)
    assert server.requests[-1].form == {
        "product[0][quantity]": "1",
        "product[0][product_id]": "40",
        "quantity": "2",
        "product_id": "41",
    }
    assert all("cookie" not in request.headers for request in server.requests)


async def test_a_local_operation_sends_nothing():
    """A comment is kept and sent with the next call; a line that is not there is refused here."""
    seen: list[Exchange] = []

    async with ScriptedServer(shop := Shop("4.1")) as server:
        access = Access(server, "4.1")
        async with access.client.lease(is_stateful=True, observe=seen.append) as session:
            kept = await send(session, "order.comment", {"comment": "hello"})
            asked = shop.calls.total()
            with pytest.raises(PayloadError, match="no line has the cart_id"):
                await send(session, "cart.remove", {"key": 7})
            await send(session, "cart.products")
        await access.client.aclose()

    assert (kept.verdict, asked) == (Verdict.OK, 0)
    assert kept.value["success"]
    assert server.requests[-1].form == {"comment": "hello"}
    assert [exchange.entity for exchange in seen] == ["cart.products"]


async def test_a_draft_ends_with_its_lease():
    """The next order starts with nothing, also where only local changes were made."""
    async with ScriptedServer(Shop("4.1")) as server:
        access = Access(server, "4.1")
        for _ in range(2):
            async with access.client.lease(is_stateful=True) as session:
                await send(session, "order.comment", {"comment": "hello"})
                await send(session, "cart.add", {"product_id": 40})
        async with access.client.lease(is_stateful=False) as session:
            await send(session, "cart.products")
        await access.client.aclose()

    assert [request.form.get("product_id") for request in server.requests] == ["40", "40", None]
    assert server.requests[-1].form == {}


@pytest.mark.parametrize(("key", "verdict"), [(KEY, None), ("another-key", Verdict.DENIED)])
async def test_the_credential_of_4_1_can_be_looked_at(key: str, verdict: Verdict | None):
    """Without a log-in, a signed call that changes nothing tells whether user and key are right."""
    async with ScriptedServer(shop := Shop("4.1")) as server:
        access = Access(server, "4.1", key=key)
        refused = await access.client.log_in()
        await access.client.aclose()

    assert (refused and refused.verdict) == verdict
    assert shop.calls == {"affiliate": 1}


async def test_a_step_that_the_shop_lacks_is_found_out_before_any_is_sent():
    """Where the dialect is learnt on the way, a later step that it lacks stops the call ahead of its first commit."""
    async with SandboxServer(error_display=False) as shop:
        publisher = {
            "client": "shop",
            "before": [{"entity": "order.history", "data": {"order_id": 1, "order_status_id": 2}}],
            "entity": "order.comment",
            "data": {"comment": "note"},
        }
        client = {"connector": "opencart", "dialect": "auto", "base_url": shop.base_url, "key": shop.key}
        document = {"clients": {"shop": client}, "outgoing": {"out": {"publisher": publisher}}}
        routes: list[str] = []

        async with open_project(load(document, environment={})) as runtime:
            with pytest.raises(UnknownEntityError, match=r"order\.comment does not exist in 3\.0"):
                await runtime.publisher("out").publish({}, observe=lambda exchange: routes.append(exchange.request.url))

    assert not [url for url in routes if "order" in url]
