"""Every bad day at every step of an order: never two orders, and the verdict says the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from connector.errors import CallError, Recovery
from connector.request import Exchange, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

STEPS = [
    "login",
    "customer",
    "cart/add",
    "coupon",
    "payment/address",
    "shipping/address",
    "shipping/methods",
    "shipping/method",
    "payment/methods",
    "payment/method",
    "cart/products",
    "order/add",
]
COMMIT = "order/add"
LOGIN = "login"
SLOW_S = 0.8
IN_AN_HOUR = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and what it must come to.

    Attributes:
        plan: What the practice shop is asked to do with the call.
        verdict: For a step that commits nothing; None where the call is a success all the same.
        commit_verdict: For the commit; None likewise.
        is_stored: Whether the shop places the order when the commit meets the fault.
        retry_after_s: What the shop asks for, about; None where it asks for nothing.
        login_verdict: For the log-in, where it is another one than for a step.
    """

    plan: Mapping[str, Any]
    verdict: Verdict | None
    commit_verdict: Verdict | None
    is_stored: bool
    retry_after_s: float | None = None
    login_verdict: Verdict | None = field(default=None)


FAULTS = {
    "dropped unworked": Fault(
        {"drop_before_processing": True}, Verdict.UNKNOWN, Verdict.UNKNOWN, False, login_verdict=Verdict.UNREACHABLE
    ),
    "dropped after work": Fault(
        {"drop_after_processing": True}, Verdict.UNKNOWN, Verdict.UNKNOWN, True, login_verdict=Verdict.UNREACHABLE
    ),
    "half an answer": Fault({"truncate": 9}, Verdict.UNKNOWN, Verdict.UNKNOWN, True, login_verdict=Verdict.UNREACHABLE),
    "too slow": Fault({"delay_s": SLOW_S}, Verdict.UNKNOWN, Verdict.UNKNOWN, True, login_verdict=Verdict.UNREACHABLE),
    "huge": Fault({"huge_body": 200_000}, Verdict.UNKNOWN, Verdict.UNKNOWN, True, login_verdict=Verdict.UNREACHABLE),
    "a web page": Fault({"html": True}, Verdict.FAULT, Verdict.UNKNOWN, True),
    "not UTF-8": Fault({"non_utf8": True}, Verdict.FAULT, Verdict.UNKNOWN, True),
    "500 unworked": Fault({"status": 500}, Verdict.FAULT, Verdict.UNKNOWN, False),
    "502": Fault({"status": 502}, Verdict.BUSY, Verdict.UNKNOWN, False),
    "503": Fault({"status": 503}, Verdict.BUSY, Verdict.UNKNOWN, False),
    "503, in 7 s": Fault({"status": 503, "headers": {"Retry-After": "7"}}, Verdict.BUSY, Verdict.UNKNOWN, False, 7),
    "429, in 7 s": Fault({"status": 429, "headers": {"Retry-After": "7"}}, Verdict.BUSY, Verdict.BUSY, False, 7),
    "429, by date": Fault(
        {"status": 429, "headers": {"Retry-After": IN_AN_HOUR}}, Verdict.BUSY, Verdict.BUSY, False, 3600
    ),
    "a notice in front": Fault({"notice": True}, None, None, True),
}


def client_for(fault: Fault) -> dict[str, Any]:
    """Client options: little patience where the fault is that the shop takes its time, else more than it needs."""
    total = "500ms" if "delay_s" in fault.plan else "20s"
    return {"timeout": {"connect": "20s", "total": total}, "max_response": "100KB"}


RETRIED = {Verdict.UNKNOWN, Verdict.BUSY, Verdict.UNREACHABLE}
"""Verdicts of steps that commit nothing, after which the record may be tried again; so it may after any HTTP 5xx."""


async def publish(shop, runtime) -> tuple[CallError | None, Counter[str]]:
    """Publish one order; the error, or None, and how often each entity was called."""
    calls: Counter[str] = Counter()

    def count(exchange: Exchange) -> None:
        calls[exchange.entity] += 1

    try:
        await runtime.publisher("place-order").publish({"reference": "WEB-1"}, observe=count)
    except CallError as error:
        return error, calls
    return None, calls


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_fault_at_any_step_leaves_one_order_at_most(shop, place_order, step: str, name: str):
    """The order is in the shop or not, once, and what the publisher says of it is true."""
    fault = FAULTS[name]
    shop.control("faults", route=step, **fault.plan)

    async with place_order(client_for(fault)) as runtime:
        error, calls = await publish(shop, runtime)

    if step == COMMIT:
        verdict = fault.commit_verdict
    else:
        verdict = fault.login_verdict or fault.verdict if step == LOGIN else fault.verdict
    assert (error.answer.verdict if error else None) == verdict
    assert calls["order.add"] <= 1
    if error is None:
        assert len(shop.orders) == 1
        return
    assert error.is_unknown is (step == COMMIT and verdict is Verdict.UNKNOWN)
    if error.is_unknown:
        assert error.recovery is Recovery.PARK
        assert len(shop.orders) <= 1
    else:
        may_pass = verdict in RETRIED or (error.answer.status or 0) >= 500
        assert error.recovery is (Recovery.RETRY if may_pass else Recovery.PARK)
        assert shop.orders == ()
    if fault.retry_after_s is None:
        assert error.answer.retry_after_s is None
    else:
        assert error.answer.retry_after_s == pytest.approx(fault.retry_after_s, abs=max(6, fault.retry_after_s / 2))


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.is_stored and fault.commit_verdict])
async def test_an_order_whose_answer_was_lost_is_in_the_shop_once(shop, place_order, name: str):
    """The commit that was worked on and not understood is unknown, and rightly so: the order is there."""
    shop.control("faults", route=COMMIT, **FAULTS[name].plan)

    async with place_order(client_for(FAULTS[name]), {"retry": {"attempts": 3, "backoff": "0s..0s"}}) as runtime:
        results: list[Any] = []
        await runtime.route("orders").push(one_batch({"reference": "WEB-1"}), on_result=results.append)
        while not shop.orders:  # the slow one is still being worked on
            await runtime.client("shop").log_in()

    assert [(result.status, result.attempts) for result in results] == [("unknown", 1)]
    assert len(shop.orders) == 1


async def test_an_order_stored_behind_a_broken_mail_server_is_unknown(shop, place_order):
    """The shop stores the order, fails to send mail and answers 500: nobody may send it again by itself."""
    shop.control("mail", broken=True)

    async with place_order() as runtime:
        error, calls = await publish(shop, runtime)

    assert error is not None
    assert (error.answer.verdict, error.is_unknown, error.recovery) == (Verdict.UNKNOWN, True, Recovery.PARK)
    assert (calls["order.add"], len(shop.orders)) == (1, 1)


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.verdict in RETRIED])
@pytest.mark.parametrize("step", [LOGIN, "cart/add", "cart/products"])
async def test_a_passing_fault_ahead_of_the_commit_ends_in_one_order(shop, place_order, step: str, name: str):
    """The route tries again in a session of its own, so nothing of the first try is in the order."""
    shop.control("faults", route=step, **FAULTS[name].plan)

    async with place_order(client_for(FAULTS[name]), {"retry": {"attempts": 2, "backoff": "0s..0s"}}) as runtime:
        results: list[Any] = []
        await runtime.route("orders").push(one_batch({"reference": "WEB-1"}), on_result=results.append)

    assert [(result.status, result.attempts) for result in results] == [("finished", 2)]
    assert [[line.quantity for line in order.lines] for order in shop.orders] == [[1]]


async def test_a_broken_database_is_tried_again_later(shop, place_order):
    """A shop that cannot reach its database did nothing, and says so."""
    shop.control("php", display_errors=True)
    shop.control("database", up=False)

    async with place_order() as runtime:
        error, _calls = await publish(shop, runtime)

    assert error is not None
    assert (error.answer.verdict, error.recovery) == (Verdict.BUSY, Recovery.RETRY)


async def one_batch(*records):
    """Records as one batch."""
    yield list(records)
