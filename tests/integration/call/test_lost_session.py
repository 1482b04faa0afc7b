"""A session that is lost on the way: the plan is played again from step one, and never after a commit was sent."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from connector.errors import CallError, Recovery
from connector.request import Exchange, Verdict
from connector.testing.server import Received, Reply

STEPS = [
    "customer.set",
    "cart.add",
    "coupon.apply",
    "payment.address",
    "shipping.address",
    "shipping.methods",
    "shipping.method",
    "payment.methods",
    "payment.method",
    "cart.products",
    "order.add",
]
PERMISSION = "Warning: You do not have permission to access the API!"
RECORD = {"reference": "WEB-1"}


@pytest.mark.parametrize("position", range(len(STEPS) - 1), ids=STEPS[:-1])
async def test_a_session_lost_at_any_step_costs_one_log_in_and_a_new_start(shop, place_order, position: int):
    """Whichever step finds the session gone, one log-in follows, then every step again, and there is one order."""
    seen: list[str] = []
    # The shop asks for something to ship before it asks for the session, so that this step answers `[]` without one.
    noticed = position + 1 if STEPS[position] == "shipping.address" else position

    def revoke_ahead_of_the_step(exchange: Exchange) -> None:
        seen.append(exchange.entity)
        if len(seen) == 1 + position:
            shop.control("revoke")

    async with place_order() as runtime:
        published = await runtime.publisher("place-order").publish(RECORD, observe=revoke_ahead_of_the_step)

    assert published.verdict is Verdict.OK
    assert seen == ["session.login", *STEPS[: noticed + 1], "session.login", *STEPS]
    assert [len(order.lines) for order in shop.orders] == [1]


async def test_a_session_lost_at_the_read_that_counts_starts_anew(shop, place_order):
    """A subscriber whose last call finds the session gone gives its records all the same, after one more log-in."""
    seen: list[str] = []

    def revoke_ahead_of_the_read(exchange: Exchange) -> None:
        seen.append(exchange.entity)
        if len(seen) == 3:
            shop.control("revoke")

    async with place_order() as runtime:
        quotes = [record async for record in runtime.incoming("quotes").records(observe=revoke_ahead_of_the_read)]

    plan = ["session.login", "cart.add", "shipping.address", "shipping.methods"]
    assert seen == plan + plan
    assert [quote["code"] for quote in quotes] == ["flat.flat"]


async def test_a_commit_that_finds_the_session_gone_is_not_sent_again(shop, place_order):
    """The shop's own refusal of the commit is an error that may be retried as a whole: it did nothing, once."""
    seen: Counter[str] = Counter()

    def revoke_ahead_of_the_commit(exchange: Exchange) -> None:
        seen[exchange.entity] += 1
        if exchange.entity == "cart.products":
            shop.control("revoke")

    async with place_order() as runtime:
        with pytest.raises(CallError) as caught:
            await runtime.publisher("place-order").publish(RECORD, observe=revoke_ahead_of_the_commit)

    error = caught.value
    assert (error.answer.verdict, error.recovery) == (Verdict.LOST_SESSION, Recovery.RETRY)
    assert (error.step, error.is_unknown, error.done) == ("order_add", False, ())
    assert (seen["order.add"], seen["session.login"], shop.orders) == (1, 1, ())


async def test_a_second_loss_in_a_row_is_an_error(shop, place_order):
    """A session that is gone again before the call was answered is not renewed for ever."""
    seen: Counter[str] = Counter()

    def revoke_each_session(exchange: Exchange) -> None:
        seen[exchange.entity] += 1
        if exchange.entity == "cart.add":
            shop.control("revoke")

    async with place_order() as runtime:
        with pytest.raises(CallError) as caught:
            await runtime.publisher("place-order").publish(RECORD, observe=revoke_each_session)

    assert (caught.value.step, caught.value.answer.verdict) == ("coupon_apply", Verdict.LOST_SESSION)
    assert caught.value.recovery is Recovery.RETRY
    assert (seen["session.login"], seen["order.add"]) == (2, 0)


async def test_a_log_in_refused_after_a_loss_names_the_step_that_needed_it(shop, place_order):
    """When the API user was switched off meanwhile, that is the reason, and the run should end."""

    def switch_off(exchange: Exchange) -> None:
        if exchange.entity == "cart.add":
            shop.control("revoke")
            shop.control("api-user", enabled=False)

    async with place_order() as runtime:
        with pytest.raises(CallError, match="the log-in failed: wrong username or key") as caught:
            await runtime.publisher("place-order").publish(RECORD, observe=switch_off)

    assert (caught.value.step, caught.value.recovery) == ("coupon_apply", Recovery.ABORT)


async def test_a_lost_page_is_asked_for_again_with_fresh_answers(open_call, scripted_shop):
    """On the second page the session is gone: steps ahead are sent again, and the page carries their new answers."""
    pages: list[tuple[str, str]] = []

    def answer(request: Received) -> Reply:
        pages.append((request.form["page"], request.form["ticket"]))
        if pages == [("1", "1")]:
            script.lost.add(script.token)
        rows = [{"id": request.form["page"]}] if request.form["page"] < "4" else []
        return Reply(json={"rows": rows})

    script = scripted_shop(
        {
            "api/ticket": lambda _request: Reply(json={"ticket": script.calls["api/ticket"]}),
            "api/rows": answer,
        }
    )
    subscriber = {
        "before": [{"name": "begin", "route": "api/ticket", "effect": "session"}],
        "route": "api/rows",
        "data": {"ticket": "{{ steps.begin.ticket }}"},
        "pagination": {"page": {"in": "form", "name": "page"}},
        "records": "$.rows[*]",
    }

    async with open_call(script, subscriber=subscriber) as (runtime, _server):
        records = [record async for record in runtime.incoming("in").records()]

    assert records == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert pages == [("1", "1"), ("2", "2"), ("3", "2"), ("4", "2")]
    assert script.routes[3:6] == ["api/rows", "api/login", "api/ticket"]


async def test_each_page_may_lose_its_session_once(open_call, scripted_shop):
    """A shop that forgets the session after every answer is followed to the end."""

    def answer(request: Received) -> Reply:
        script.lost.add(script.token)
        page = int(request.form["page"])
        return Reply(json={"rows": [{"id": page}] if page < 4 else []})

    script = scripted_shop({"api/rows": answer})
    subscriber = {
        "route": "api/rows",
        "effect": "session",
        "pagination": {"page": {"in": "form", "name": "page"}},
        "records": "$.rows[*]",
    }

    async with open_call(script, subscriber=subscriber) as (runtime, _server):
        records = [record async for record in runtime.incoming("in").records()]

    assert [record["id"] for record in records] == [1, 2, 3]
    assert script.calls["api/login"] == 4


async def test_a_step_sent_several_times_is_sent_anew_in_whole(open_call, scripted_shop):
    """A session lost between two payloads of one step leaves nothing of the old session in the new one."""
    carts: dict[str, list[str]] = {}

    def add(request: Received) -> Reply:
        lines = carts.setdefault(request.query["api_token"], [])
        lines.append(request.form["product_id"])
        if lines == ["1", "2"] and script.token == "token-1":
            script.lost.add("token-1")
        return Reply(json={"success": "added"})

    script = scripted_shop({"api/cart/add": add, "api/coupon": Reply(json={"success": "applied"})})
    publisher = {
        "before": [{"entity": "cart.add", "transform": [{"copy": {"lines": "$.lines"}}, {"split": "$.lines[*]"}]}],
        "entity": "coupon.apply",
        "data": {"coupon": "2222"},
    }
    record = {"lines": [{"product_id": number, "quantity": 1} for number in (1, 2, 3)]}

    async with open_call(script, publisher=publisher) as (runtime, _server):
        await runtime.publisher("out").publish(record)

    assert carts == {"token-1": ["1", "2"], "token-2": ["1", "2", "3"]}


async def test_nothing_is_sent_again_after_a_step_that_committed(open_call, scripted_shop):
    """A step ahead of the call that commits bars the way back; the error names it, and a person decides."""
    script = scripted_shop(
        {"api/order/history": Reply(json={"success": "noted"}), "api/coupon": Reply(json={"error": PERMISSION})}
    )
    publisher = {
        "before": [{"entity": "order.history", "data": {"order_id": 1, "order_status_id": 2}}],
        "entity": "coupon.apply",
        "data": {"coupon": "2222"},
    }

    async with open_call(script, publisher=publisher) as (runtime, _server):
        with pytest.raises(CallError, match=r"already carried out: order_history") as caught:
            await runtime.publisher("out").publish({})

    assert (caught.value.recovery, caught.value.done) == (Recovery.PARK, ("order_history",))
    assert caught.value.is_unknown is False
    assert script.calls == {"api/login": 1, "api/order/history": 1, "api/coupon": 1}


def client_for(reply: Reply) -> dict[str, Any]:
    """Client options with little patience where the reply takes its time."""
    timeout = {"total": "300ms" if reply.delay_s else "20s"}
    return {"connector": "opencart", "dialect": "3.0", "key": "the-key", "timeout": timeout}


COMMIT_ANSWERS = [
    # what the shop does with the commit, the verdict, what can be done, whether the outcome is unknown
    pytest.param(Reply(json={"error": PERMISSION}), "lost_session", "retry", False, id="permission text"),
    pytest.param(Reply(drop=True), "unknown", "park", True, id="dropped"),
    pytest.param(Reply(json={}, delay_s=5), "unknown", "park", True, id="no answer in time"),
    pytest.param(Reply(json={"success": "x" * 99}, cut_after=9), "unknown", "park", True, id="half an answer"),
    pytest.param(Reply(500, body=b""), "unknown", "park", True, id="500, empty"),
    pytest.param(Reply(502, body=b"<html>"), "unknown", "park", True, id="502"),
    pytest.param(Reply(body=b"<html><title>Oops</title>"), "unknown", "park", True, id="a web page"),
    pytest.param(Reply(body=b""), "unknown", "park", True, id="an empty body"),
    pytest.param(Reply(body=b"\xff\xfe\xfa"), "unknown", "park", True, id="bytes that are no text"),
    pytest.param(Reply(body=b"{" + b" " * 2_000_000), "unknown", "park", True, id="a huge body"),
    pytest.param(Reply(json=[]), "rejected", "park", False, id="nothing was done"),
    pytest.param(Reply(json={"error": "no stock"}), "rejected", "park", False, id="refused"),
    pytest.param(Reply(429, body=b"", headers={"retry-after": "7"}), "busy", "retry", False, id="429"),
    pytest.param(Reply(503, body=b"", headers={"retry-after": "7"}), "unknown", "park", True, id="503, to come back"),
    pytest.param(Reply(503, body=b""), "unknown", "park", True, id="503, no word"),
    pytest.param(Reply(403, body=b""), "denied", "abort", False, id="403"),
    pytest.param(Reply(307, body=b"", headers={"location": "/shop/"}), "fault", "park", False, id="307"),
    pytest.param(Reply(404, body=b"<html>"), "fault", "park", False, id="404"),
]


@pytest.mark.parametrize(("reply", "verdict", "recovery", "is_unknown"), COMMIT_ANSWERS)
async def test_a_commit_is_sent_once_whatever_the_answer(
    open_call, scripted_shop, reply: Reply, verdict: str, recovery: str, is_unknown: bool
):
    """The commit goes out exactly once, and the error says what is known of it."""
    script = scripted_shop({"api/order/history": reply})
    publisher = {"entity": "order.history", "data": {"order_id": 1, "order_status_id": 2}}
    client = {**client_for(reply), "max_response": "1MB"}

    async with open_call(script, publisher=publisher, client=client) as (runtime, _server):
        with pytest.raises(CallError) as caught:
            await runtime.publisher("out").publish({})

    error = caught.value
    assert (error.answer.verdict, error.recovery, error.is_unknown) == (verdict, recovery, is_unknown)
    assert script.calls["api/order/history"] == 1


@pytest.mark.parametrize(
    ("reply", "verdict", "recovery"),
    [
        pytest.param(Reply(drop=True), "unreachable", "retry", id="dropped"),
        pytest.param(Reply(json={}, delay_s=5), "unreachable", "retry", id="no answer in time"),
        pytest.param(Reply(500, body=b""), "fault", "retry", id="500"),
        pytest.param(Reply(429, body=b""), "busy", "retry", id="429"),
        pytest.param(Reply(json=[]), "denied", "abort", id="wrong key"),
    ],
)
async def test_a_log_in_that_fails_leaves_no_outcome_unknown(
    open_call, scripted_shop, reply: Reply, verdict: str, recovery: str
):
    """A commit whose log-in got no answer was not sent, so nobody has to look for it."""
    script = scripted_shop({"api/login": reply})
    publisher = {"entity": "order.history", "data": {"order_id": 1, "order_status_id": 2}}

    async with open_call(script, publisher=publisher, client=client_for(reply)) as (runtime, _server):
        with pytest.raises(CallError, match="the log-in failed") as caught:
            await runtime.publisher("out").publish({})

    error = caught.value
    assert (error.answer.verdict, error.recovery, error.is_unknown) == (verdict, recovery, False)
    assert script.calls == {"api/login": 1}
