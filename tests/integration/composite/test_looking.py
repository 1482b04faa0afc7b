"""When a lost order is looked for, and how often: the shop may still be at it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from connector.call.compose import WAITS_S
from connector.errors import CallError
from connector.interfaces import Departure
from connector.request import Verdict
from connector.sandbox.server import SandboxServer
from tests.integration.composite.conftest import ORDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DELAY_S = 1.6


class Sleeper:
    """Takes note of waits instead of waiting; what is planned for one of them is done meanwhile."""

    def __init__(self, *plans: Any) -> None:
        self.waits: list[float] = []
        self._plans = list(plans)

    async def __call__(self, wait_s: float) -> None:
        """Pass the time at once."""
        self.waits.append(wait_s)
        if self._plans:
            plan = self._plans.pop(0)
            if plan is not None:
                await plan()


@pytest.fixture
async def shop() -> AsyncIterator[SandboxServer]:
    """A practice shop whose orders can be shown, with one order that tells the ids."""
    async with SandboxServer(dialect="3.0", error_display=False) as server:
        yield server


async def place_with(shop: SandboxServer, publisher: Any, **fault: Any) -> CallError | None:
    """Place an order, and another one whose `order.add` meets a fault; its error, or None."""
    await publisher.publish({**ORDER, "reference": "WEB-0"})
    shop.control("faults", route="order/add", **fault)
    try:
        await publisher.publish(ORDER)
    except CallError as error:
        return error
    return None


@pytest.mark.parametrize(
    "fault", [{"drop_before_processing": True}, {"status": 500}, {"status": 502}, {"status": 503}, {"status": 504}]
)
async def test_absence_proves_nothing_without_a_word_of_the_shop(shop, open_publisher, fault: dict[str, Any]):
    """A server in front can give up while the shop works on: it is looked for, and stays unknown."""
    sleep = Sleeper()

    async with open_publisher(sleep=sleep) as publisher:
        error = await place_with(shop, publisher, **fault)

    assert error is not None
    assert error.is_unknown
    assert "may still come" in error.answer.reason
    assert tuple(sleep.waits) == WAITS_S


async def test_absence_counts_when_the_shop_itself_broke_off(shop, open_publisher):
    """PHP's own last words say that it is through, so one look will do."""
    sleep = Sleeper()

    async with open_publisher(sleep=sleep) as publisher:
        error = await place_with(shop, publisher, status=500, fatal=True)

    assert error is not None
    assert error.answer.is_undone
    assert sleep.waits == [0.0]


async def test_an_order_that_takes_its_time_is_found_by_a_later_look(shop, open_publisher):
    """The first look comes too early, and its finding nothing is no proof."""

    async def wait_for_the_shop() -> None:
        while len(shop.orders) < 2:  # noqa: ASYNC110  the shop tells nobody when it is through
            await asyncio.sleep(0.02)

    sleep = Sleeper(None, wait_for_the_shop)

    async with open_publisher(sleep=sleep, total="1s") as publisher:
        error = await place_with(shop, publisher, delay_s=DELAY_S)

    assert error is None
    assert tuple(sleep.waits) == WAITS_S[:2]
    assert len(shop.orders) == 2


async def test_a_look_that_fails_proves_nothing(shop, open_publisher):
    """The next one may do better."""

    async def take_down() -> None:
        shop.control("faults", route="order/info", status=503)

    sleep = Sleeper(take_down)

    async with open_publisher(sleep=sleep) as publisher:
        error = await place_with(shop, publisher, drop_after_processing=True)

    assert error is None
    assert tuple(sleep.waits) == WAITS_S[:2]


async def test_a_shop_that_cannot_be_asked_leaves_it_unknown(shop, open_publisher):
    """When no look succeeds, nothing is claimed."""

    async def take_down() -> None:
        shop.control("faults", route="order/info", status=503, calls=100)

    async with open_publisher(sleep=Sleeper(take_down)) as publisher:
        error = await place_with(shop, publisher, drop_before_processing=True)

    assert error is not None
    assert error.is_unknown
    assert "looking for it failed" in error.answer.reason


async def test_a_session_lost_meanwhile_is_replaced_for_the_look(shop, open_publisher):
    """Looking needs a session, not the one of the order."""

    async def revoke() -> None:
        shop.control("revoke")

    async with open_publisher(sleep=Sleeper(revoke)) as publisher:
        error = await place_with(shop, publisher, drop_after_processing=True)

    assert error is None
    assert len(shop.orders) == 2


# --- afterwards, from what was noted ahead of the request ----------------------------------------------------------


async def note_departure(publisher: Any, record: dict[str, Any]) -> Departure:
    """Publish a record that is broken off as soon as its commit was noted, and return the note."""
    noted: list[Departure] = []

    async def note(departure: Departure) -> None:
        noted.append(departure)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await publisher.publish(record, before_commit=note)
    return noted[0]


async def test_an_order_is_found_afterwards_by_what_was_noted_before_it_left(shop, open_publisher):
    """The note holds the step, the entity and the ids that were known; the order is told as a placed one."""
    async with open_publisher() as publisher:
        await publisher.publish({**ORDER, "reference": "WEB-0"})
        departure = await note_departure(publisher, ORDER)
        await publisher.publish(ORDER)
        answer = await publisher.look(ORDER, departure)

    assert (departure.step, departure.entity) == ("order_place", "order.add")
    assert departure.evidence == {"order_id": 1}
    assert (answer.verdict, answer.value["order_id"]) == (Verdict.OK, 2)


async def test_a_look_afterwards_says_that_nothing_is_there(shop, open_publisher):
    """No order after the known one carries the reference; what that proves is the caller's to judge."""
    async with open_publisher() as publisher:
        await publisher.publish({**ORDER, "reference": "WEB-0"})
        departure = await note_departure(publisher, ORDER)
        answer = await publisher.look(ORDER, departure)

    assert answer.verdict is Verdict.REJECTED


async def test_nobody_is_asked_about_another_step_than_the_last(shop, open_publisher):
    """What the order's own probe finds says nothing of a request that was another step's."""
    async with open_publisher() as publisher:
        answer = await publisher.look(ORDER, Departure("order_history", "order.history", {"order_id": 1}))

    assert answer is None


async def test_a_look_at_a_shop_that_is_away_is_an_error(shop, open_publisher):
    """The next look may do better."""
    async with open_publisher() as publisher:
        departure = await note_departure(publisher, ORDER)
        shop.control("faults", route="order/info", status=503, calls=100)
        with pytest.raises(CallError):
            await publisher.look(ORDER, departure)


# --- what an earlier process knew -------------------------------------------------------------------------------------


async def lose(shop: SandboxServer, publisher: Any) -> CallError:
    """Publish an order of which the shop itself breaks off the last call, and return the error."""
    shop.control("faults", route="order/add", status=500, fatal=True)
    with pytest.raises(CallError) as caught:
        await publisher.publish(ORDER)
    return caught.value


async def test_an_id_of_an_earlier_process_is_evidence_once_the_shop_is_seen_to_have_it(shop, open_publisher):
    """The first order of a process that is lost is proven not to be there, as any later one."""
    async with open_publisher() as earlier:
        published = await earlier.publish({**ORDER, "reference": "WEB-0"})
    async with open_publisher() as publisher:
        publisher.hear(published.value)
        error = await lose(shop, publisher)

    assert error.answer.is_undone


async def test_an_id_that_the_shop_has_not_is_no_evidence(shop, open_publisher):
    """Another shop may have taken its place: nothing is known, and nothing is proven."""
    async with open_publisher() as publisher:
        publisher.hear({"order_id": 4711})
        error = await lose(shop, publisher)

    assert error.is_unknown
    assert "no order id was known" in error.answer.reason


async def test_a_question_about_an_earlier_id_that_gets_no_answer_costs_no_order(shop, open_publisher):
    """The order is placed all the same."""
    async with open_publisher() as publisher:
        published = await publisher.publish({**ORDER, "reference": "WEB-0"})
    shop.control("faults", route="order/info", status=503)

    async with open_publisher() as publisher:
        publisher.hear(published.value)
        placed = await publisher.publish(ORDER)

    assert placed.value["order_id"] == 2


async def test_an_earlier_id_that_could_not_be_asked_for_is_asked_for_again(shop, open_publisher):
    """The next record does it."""
    async with open_publisher() as publisher:
        published = await publisher.publish({**ORDER, "reference": "WEB-0"})
    shop.control("faults", route="order/info", status=503)

    async with open_publisher() as publisher:
        publisher.hear(published.value)
        with pytest.raises(CallError):
            await publisher.publish({**ORDER, "lines": [{"product_id": 4711, "quantity": 1}]})
        error = await lose(shop, publisher)

    assert error.answer.is_undone


@pytest.mark.parametrize("value", [None, {}, {"order_id": "***"}, ["text"]])
async def test_an_answer_without_an_id_tells_nothing(shop, open_publisher, value: Any):
    """Whatever a store has kept."""
    async with open_publisher() as publisher:
        publisher.hear(value)
        placed = await publisher.publish(ORDER)

    assert placed.value["order_id"] == 1
