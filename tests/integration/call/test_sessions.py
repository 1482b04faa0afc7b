"""Sessions under calls: who holds one and for how long, and what a cancellation leaves behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from connector.client.session import LoginGate
from connector.errors import TransformError
from connector.interfaces import Departure, SessionState
from connector.request import Answer, Exchange, Verdict
from connector.testing.server import Received, Reply

ONE_SESSION = {"connector": "opencart", "dialect": "3.0", "key": "the-key", "sessions": 1}
ROWS = {"rows": [{"coupon": str(number)} for number in range(2222, 2232)]}
APPLY = {"entity": "coupon.apply"}


def shop_with_rows(scripted_shop):
    """A shop with a list of coupons, and a route that takes them."""
    return scripted_shop({"api/rows": Reply(json=ROWS), "api/coupon": Reply(json={"success": "applied"})})


def pages_of(count: int):
    """A script of so many pages with one row each."""

    def answer(request: Received) -> Reply:
        page = int(request.form["page"])
        return Reply(json={"rows": [{"coupon": f"222{page}"}] if page <= count else []})

    return answer


@pytest.mark.parametrize("effect", ["read", "session"])
async def test_what_was_read_can_be_sent_through_the_only_session(open_call, scripted_shop, effect: str):
    """A subscriber does not keep its session while its records go out, so a client with one does not lock up."""
    subscriber = {"route": "api/rows", "effect": effect, "records": "$.rows[*]"}

    async with (
        asyncio.timeout(20),
        open_call(shop_with_rows(scripted_shop), subscriber=subscriber, publisher=APPLY, client=ONE_SESSION) as (
            runtime,
            _server,
        ),
    ):
        publisher = runtime.publisher("out")
        verdicts = [(await publisher.publish(record)).verdict async for record in runtime.incoming("in").records()]

    assert verdicts == [Verdict.OK] * 10


async def test_pages_without_a_memory_take_any_session(open_call):
    """Where the remote system remembers nothing between calls, the only session is free while a page is out."""

    def answer(request: Received) -> Reply:
        page = int(request.query.get("page", "0"))
        return Reply(json={"rows": [{"id": page}] if page <= 3 else []})

    subscriber = {"route": "rows", "pagination": {"page": {"in": "query", "name": "page"}}, "records": "$.rows[*]"}

    async with (
        asyncio.timeout(20),
        open_call(
            answer, subscriber=subscriber, publisher={"route": "orders"}, client={"connector": "http", "sessions": 1}
        ) as (runtime, server),
    ):
        publisher = runtime.publisher("out")
        async for record in runtime.incoming("in").records():
            await publisher.publish(record)

    assert [request.path for request in server.requests] == ["/rows", "/orders"] * 3 + ["/rows"]


async def test_pages_with_a_memory_keep_their_session(open_call, scripted_shop):
    """Where pages build on what a step put into the session, all of them go through that session, and no one else."""
    tokens: dict[str, list[str]] = {"api/rows": [], "api/coupon": []}
    rows = pages_of(3)

    def note(request: Received) -> Reply:
        tokens[request.query["route"]].append(request.query["api_token"])
        return rows(request) if request.query["route"] == "api/rows" else Reply(json={"success": "applied"})

    script = scripted_shop({"api/rows": note, "api/coupon": note})
    subscriber = {
        "route": "api/rows",
        "effect": "session",
        "pagination": {"page": {"in": "form", "name": "page"}},
        "records": "$.rows[*]",
    }
    two = {**ONE_SESSION, "sessions": 2}

    async with open_call(script, subscriber=subscriber, publisher=APPLY, client=two) as (runtime, _server):
        publisher = runtime.publisher("out")
        async for record in runtime.incoming("in").records():
            await publisher.publish(record)

    assert tokens["api/rows"] == ["token-1"] * 4
    assert "token-1" not in tokens["api/coupon"]


async def test_leaving_early_gives_the_session_back(open_call, scripted_shop):
    """Whoever stops reading after the first page leaves the session free."""
    script = scripted_shop({"api/rows": pages_of(3), "api/coupon": Reply(json={"success": "applied"})})
    subscriber = {
        "route": "api/rows",
        "effect": "session",
        "pagination": {"page": {"in": "form", "name": "page"}},
        "records": "$.rows[*]",
    }

    async with (
        asyncio.timeout(20),
        open_call(script, subscriber=subscriber, publisher=APPLY, client=ONE_SESSION) as (runtime, _server),
    ):
        pages = runtime.incoming("in").pages()
        first = await anext(pages)
        await pages.aclose()
        published = await runtime.publisher("out").publish({"coupon": "2222"})

    assert (first, published.verdict) == ([{"coupon": "2221"}], Verdict.OK)


async def test_a_failing_step_gives_the_session_back(open_call, scripted_shop):
    """An error between two steps leaves the session free for the next record."""
    publisher = {
        "before": [{"entity": "coupon.apply", "data": {"coupon": "2222"}}],
        "entity": "coupon.apply",
        "data": {"coupon": "{{ record.code }}"},
    }

    async with (
        asyncio.timeout(20),
        open_call(shop_with_rows(scripted_shop), publisher=publisher, client=ONE_SESSION) as (runtime, _server),
    ):
        with pytest.raises(TransformError):
            await runtime.publisher("out").publish({})
        published = await runtime.publisher("out").publish({"code": "2222"})

    assert published.verdict is Verdict.OK


async def test_a_call_broken_off_leaves_the_session_to_no_one(open_call, scripted_shop):
    """After a cancelled call the next one gets the place, and logs in: the shop may still be at work in the old one."""
    arrived = asyncio.Event()

    def answer(request: Received) -> Reply:
        arrived.set()
        return Reply(json={"success": "applied"}, delay_s=30 if request.query["api_token"] == "token-1" else 0)

    script = scripted_shop({"api/coupon": answer})

    async with asyncio.timeout(20), open_call(script, publisher=APPLY, client=ONE_SESSION) as (runtime, _server):
        first = asyncio.create_task(runtime.publisher("out").publish({"coupon": "1"}))
        await arrived.wait()
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        published = await runtime.publisher("out").publish({"coupon": "2"})

    assert published.verdict is Verdict.OK
    assert script.calls["api/login"] == 2


async def test_whoever_waits_for_a_session_can_be_broken_off(open_call, scripted_shop):
    """Cancelled while waiting for the only session, a call takes no place with it."""
    arrived, go = asyncio.Event(), asyncio.Event()

    async with (
        asyncio.timeout(20),
        open_call(shop_with_rows(scripted_shop), publisher=APPLY, client=ONE_SESSION) as (runtime, _server),
    ):

        async def hold() -> None:
            async with runtime.client("remote").lease(is_stateful=False):
                arrived.set()
                await go.wait()

        holder = asyncio.create_task(hold())
        await arrived.wait()
        waiting = [asyncio.create_task(runtime.publisher("out").publish({"coupon": str(n)})) for n in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        go.set()
        await holder
        results = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(results[1], asyncio.CancelledError)
    assert [published.verdict for published in (results[0], results[2])] == [Verdict.OK] * 2


async def test_a_log_in_broken_off_lets_the_next_one_go():
    """The one that goes first may be cancelled; those who wait do not take that for a refusal."""
    gate, started = LoginGate(), asyncio.Event()
    log_ins = 0

    async def hang() -> SessionState:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def log_in() -> SessionState:
        nonlocal log_ins
        log_ins += 1
        return SessionState(query={"api_token": "t"})

    first = asyncio.create_task(gate.enter(hang))
    await started.wait()
    waiting = [asyncio.create_task(gate.enter(log_in)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    async with asyncio.timeout(5):
        states = await asyncio.gather(*waiting)

    assert log_ins == 3
    assert all(isinstance(state, SessionState) for state in states)


async def test_a_refusal_after_success_closes_the_gate_again():
    """A key that was changed while a run goes on costs one refused log-in at a time again."""
    gate = LoginGate()
    asked: Counter[str] = Counter()

    async def succeed() -> SessionState:
        return SessionState()

    async def refuse() -> Answer:
        asked["refused"] += 1
        await asyncio.sleep(0)
        return Answer(Verdict.DENIED)

    await gate.enter(succeed)
    await gate.enter(refuse)
    answers = await asyncio.gather(*(gate.enter(refuse) for _ in range(5)))

    assert [answer.verdict for answer in answers if isinstance(answer, Answer)] == [Verdict.DENIED] * 5
    assert asked["refused"] == 2


async def test_a_session_is_watched_by_its_lease_alone(open_call, scripted_shop):
    """An observer hears of no exchange that somebody else made in the same session."""
    seen: list[Exchange] = []

    async with open_call(shop_with_rows(scripted_shop), publisher=APPLY, client=ONE_SESSION) as (runtime, _server):
        await runtime.publisher("out").publish({"coupon": "1"}, observe=seen.append)
        await runtime.publisher("out").publish({"coupon": "2"})

    assert [exchange.entity for exchange in seen] == ["session.login", "coupon.apply"]


async def test_before_commit_is_awaited_ahead_of_each_commit(open_call, scripted_shop):
    """Whoever keeps record of what was tried hears of a commit before the shop does, and of no other call."""
    script = scripted_shop(
        {"api/order/history": Reply(json={"success": "noted"}), "api/coupon": Reply(json={"success": "applied"})}
    )
    publisher = {
        "before": [{"entity": "coupon.apply", "data": {"coupon": "2222"}}],
        "entity": "order.history",
        "data": {"order_id": 1, "order_status_id": 2},
    }
    heard: list[tuple[Departure, list[str]]] = []

    async def before_commit(departure: Departure) -> None:
        heard.append((departure, list(script.routes)))

    async with open_call(script, publisher=publisher) as (runtime, _server):
        await runtime.publisher("out").publish({}, before_commit=before_commit)

    assert heard == [(Departure("order_history", "order.history", {}), ["api/login", "api/coupon"])]
    assert script.routes[-1] == "api/order/history"


async def test_a_commit_is_heard_of_behind_log_in_and_rate_limit(open_call, scripted_shop):
    """What waits for its turn, or for a log-in, has not left: nobody need wonder what came of it."""
    script = scripted_shop({"api/order/history": Reply(json={"success": "noted"})})
    publisher = {"entity": "order.history", "data": {"order_id": 1, "order_status_id": 2}}
    heard: list[Departure] = []
    logged_in = asyncio.Event()

    async def before_commit(departure: Departure) -> None:
        heard.append(departure)

    async with open_call(script, publisher=publisher, client={**ONE_SESSION, "rate_limit": "10/h"}) as (
        runtime,
        _server,
    ):
        waiting = asyncio.create_task(
            runtime.publisher("out").publish({}, before_commit=before_commit, observe=lambda _: logged_in.set())
        )
        await logged_in.wait()
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert heard == []
    assert script.routes == ["api/login"]
