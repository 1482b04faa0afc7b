"""Sessions and their pool, over real sockets: one log-in, one lease at a time, nothing handed on."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from connector.catalog.catalog import load_catalog
from connector.client.detection import Detector
from connector.client.http import HttpConnection
from connector.client.opencart.sessions import SessionDialect
from connector.client.opencart.v3_0 import TRAITS
from connector.client.pool import SessionPool
from connector.client.session import HttpSession, LoginGate
from connector.interfaces import Credential, SessionState
from connector.redaction import Redactor
from connector.request import Exchange, Operation, PageInput, Verdict
from connector.testing.server import Received, Reply, ScriptedServer

PERMISSION = "Warning: You do not have permission to access the API!"


class Shop:
    """Answers log-ins with tokens in order, and every other call as told."""

    def __init__(self, *, login: Reply | None = None, answer: Reply | None = None) -> None:
        self.calls: Counter[str] = Counter()
        self.tokens: list[str] = []
        self.lost: set[str] = set()
        self.login = login
        self.answer = answer or Reply(json={"success": "done"})

    def __call__(self, request: Received) -> Reply:
        """Answer one request."""
        route = request.query["route"]
        self.calls[route] += 1
        if route == "api/login":
            token = f"token-{self.calls[route]}"
            return self.login or Reply(json={"success": "open", "api_token": token})
        self.tokens.append(request.query["api_token"])
        if request.query["api_token"] in self.lost:
            return Reply(json={"error": PERMISSION})
        return self.answer


def make_session(server: ScriptedServer, *, gate: LoginGate | None = None, redactor: Redactor | None = None):
    """A session with the scripted shop."""
    return HttpSession(
        base_url=server.url,
        detector=Detector(SessionDialect(TRAITS)),
        credential=Credential("Default", "the-key"),
        connection=HttpConnection(connect_s=1, total_s=1, max_bytes=100_000),
        gate=gate or LoginGate(),
        redactor=redactor or Redactor(),
    )


def operation(entity: str) -> Operation:
    """An entity of OpenCart 3.0."""
    return load_catalog("opencart").find(entity).operation("3.0")


async def test_the_first_call_logs_in_and_later_ones_do_not():
    """A session logs in once, with username and key in the form, and sends the token in the query."""
    async with ScriptedServer(shop := Shop()) as server:
        session = make_session(server)
        await session.send(operation("coupon.apply"), {"coupon": "2222"}, PageInput())
        answer = await session.send(operation("coupon.apply"), {"coupon": "2222"}, PageInput())
        await session.aclose()

    assert answer.verdict is Verdict.OK
    assert shop.calls == {"api/login": 1, "api/coupon": 2}
    assert shop.tokens == ["token-1", "token-1"]
    assert server.requests[0].form == {"username": "Default", "key": "the-key"}
    assert server.requests[1].form == {"coupon": "2222"}


async def test_a_refused_log_in_is_the_answer_to_the_call():
    """Nothing but the log-in is sent, and the verdict says denied with a cure."""
    async with ScriptedServer(shop := Shop(login=Reply(json=[]))) as server:
        session = make_session(server)
        answer = await session.send(operation("coupon.apply"), {"coupon": "2222"}, PageInput())
        await session.aclose()

    assert answer.verdict is Verdict.DENIED
    assert answer.reason.startswith("the log-in failed:")
    assert answer.cure
    assert shop.calls == {"api/login": 1}


async def test_a_lost_session_is_forgotten():
    """After the permission text the next call logs in anew."""
    async with ScriptedServer(shop := Shop()) as server:
        session = make_session(server)
        shop.lost.add("token-1")
        first = await session.send(operation("coupon.apply"), {"coupon": "2222"}, PageInput())
        second = await session.send(operation("coupon.apply"), {"coupon": "2222"}, PageInput())
        await session.aclose()

    assert (first.verdict, second.verdict) == (Verdict.LOST_SESSION, Verdict.OK)
    assert shop.calls["api/login"] == 2


async def test_transport_trouble_is_a_verdict():
    """A dropped connection is unknown, a closed port unreachable; neither is an exception."""
    async with ScriptedServer(Shop(answer=Reply(drop=True))) as server:
        session = make_session(server)
        dropped = await session.send(operation("order.add"), {}, PageInput())
        await session.aclose()

    session = make_session(server)
    refused = await session.send(operation("order.add"), {}, PageInput())
    await session.aclose()

    assert dropped.verdict is Verdict.UNKNOWN
    assert refused.verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize(
    ("entity", "reply", "cure"),
    [
        ("order.add", Reply(drop=True), "look on the other side whether it was done, before sending it again"),
        ("cart.products", Reply(drop=True), None),
        (
            "order.add",
            Reply(json={"a": "b" * 200_000}),
            (
                "look on the other side whether it was done, before sending it again; ask for less, or raise "
                "max_response of the client"
            ),
        ),
    ],
    ids=["a commit", "a question", "a commit with a cure of its own"],
)
async def test_a_lost_answer_to_a_commit_is_to_be_looked_for(entity: str, reply: Reply, cure: str | None):
    """Whoever reads that an order got no answer is told to look before sending it again."""
    async with ScriptedServer(Shop(answer=reply)) as server:
        session = make_session(server)
        answer = await session.send(operation(entity), {}, PageInput())
        await session.aclose()

    assert answer.verdict is Verdict.UNKNOWN
    assert answer.cure == cure


async def test_every_exchange_can_be_watched():
    """Log-ins and calls are handed to the observer in order, with their verdicts."""
    seen: list[Exchange] = []

    async with ScriptedServer(Shop()) as server:
        session = make_session(server)
        session.observe = seen.append
        await session.send(operation("coupon.apply"), {"coupon": "2222"}, PageInput())
        await session.aclose()

    assert [(exchange.entity, exchange.verdict) for exchange in seen] == [
        ("session.login", Verdict.OK),
        ("coupon.apply", Verdict.OK),
    ]


async def test_a_token_becomes_a_secret():
    """What a log-in gave is masked from then on."""
    redactor = Redactor()

    async with ScriptedServer(Shop()) as server:
        session = make_session(server, redactor=redactor)
        await session.renew()
        await session.aclose()

    assert redactor.mask_text("GET /?api_token=token-1") == "GET /?api_token=***"


async def test_one_refused_log_in_speaks_for_all_that_wait():
    """Eight sessions with a wrong key cost the shop one log-in."""
    async with ScriptedServer(shop := Shop(login=Reply(json=[], delay_s=0.05))) as server:
        gate = LoginGate()
        sessions = [make_session(server, gate=gate) for _ in range(8)]
        refused = await asyncio.gather(*(session.renew() for session in sessions))
        await asyncio.gather(*(session.aclose() for session in sessions))

    assert {answer.verdict for answer in refused if answer} == {Verdict.DENIED}
    assert shop.calls["api/login"] == 1


async def test_after_one_success_sessions_log_in_side_by_side():
    """Once the credential is proven, log-ins do not wait for one another."""
    gate, barrier = LoginGate(), asyncio.Barrier(5)

    async def log_in() -> SessionState:
        return SessionState()

    async def log_in_together() -> SessionState:
        await barrier.wait()  # opens only when all five are inside at once
        return SessionState()

    await gate.enter(log_in)
    async with asyncio.timeout(5):
        states = await asyncio.gather(*(gate.enter(log_in_together) for _ in range(5)))

    assert states == [SessionState()] * 5


@pytest.mark.parametrize(
    ("entity", "payload", "log_ins"),
    [("coupon.apply", {"coupon": "2222"}, 3), ("order.info", {"order_id": 1}, 1)],
    ids=["leaves something in the session", "leaves nothing"],
)
async def test_only_a_session_without_leftovers_serves_again(entity: str, payload: dict, log_ins: int):
    """After a call that uses the session the next lease logs in; after one that does not, the session is used again."""
    async with ScriptedServer(shop := Shop(answer=Reply(json={"success": "x", "order": {"order_id": "1"}}))) as server:
        pool = SessionPool(1, lambda: make_session(server))
        op = operation(entity)
        for _ in range(3):
            async with pool.lease(is_stateful=op.is_stateful) as session:
                await session.send(op, payload, PageInput())
        await pool.aclose()

    assert shop.calls["api/login"] == log_ins


async def test_no_more_sessions_than_allowed_are_made():
    """Twenty leases at once share three sessions, one lease each."""
    made: list[HttpSession] = []
    held: set[int] = set()
    most = 0

    async with ScriptedServer(Shop()) as server:

        def make() -> HttpSession:
            made.append(make_session(server))
            return made[-1]

        pool = SessionPool(3, make)

        async def work() -> None:
            nonlocal most
            async with pool.lease(is_stateful=True) as session:
                assert id(session) not in held
                held.add(id(session))
                most = max(most, len(held))
                await asyncio.sleep(0.005)
                held.remove(id(session))

        await asyncio.gather(*(work() for _ in range(20)))
        await pool.aclose()

    assert (len(made), most) == (3, 3)
