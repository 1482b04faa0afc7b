"""A dry run of a whole order: the calls it stands for, as they are sent later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import load, open_project
from connector.errors import CallError, PayloadError
from tests.integration.composite.conftest import ORDER

if TYPE_CHECKING:
    from connector.publisher.publisher import Preview
    from connector.sandbox.server import SandboxServer

LOCAL = "kept on this side, and sent with every call after it"


async def preview(dialect: str, record: dict[str, Any], entity: str = "order.place") -> list[Preview]:
    """Return what a dry run of a record shows, for a shop that nobody asks."""
    document = {
        "clients": {"shop": {"connector": "opencart", "base_url": "http://shop.test/", "key": "k", "dialect": dialect}},
        "outgoing": {"orders": {"publisher": {"client": "shop", "entity": entity}}},
    }
    async with open_project(load(document, environment={})) as runtime:
        return runtime.outgoing("orders").preview(record)


@pytest.mark.parametrize("currency", [None, "USD"])
async def test_the_calls_that_are_shown_are_sent(shop: SandboxServer, open_publisher, currency: str | None):
    """A shop of each generation gets the calls that were shown, in that order, and no others."""
    record = {**ORDER, "currency": currency}
    called: list[str] = []
    shown = await preview(shop.dialect, record)

    async with open_publisher() as publisher:
        await publisher.publish(record, observe=lambda exchange: called.append(exchange.entity))

    assert [call.entity for call in shown[1:] if call.note != LOCAL] == [
        entity for entity in called if entity != "session.login"
    ]


async def test_calls_that_change_an_order_are_sent_as_shown(shop: SandboxServer, open_publisher):
    """An order that is written anew takes the calls that were shown."""
    called: list[str] = []
    async with open_publisher() as publisher:
        order_id = (await publisher.publish(ORDER)).value["order_id"]
    record = {**ORDER, "order_id": order_id}
    shown = await preview(shop.dialect, record, "order.change")

    async with open_publisher("order.change") as publisher:
        await publisher.publish(record, observe=lambda exchange: called.append(exchange.entity))

    assert [call.entity for call in shown[1:] if call.note != LOCAL] == [
        entity for entity in called if entity != "session.login"
    ]


async def test_the_order_itself_comes_first():
    """The record as it was shaped, then its calls, each under the name of its step, and by which generation."""
    first, *calls = await preview("3.0", ORDER)

    assert (first.step, first.entity, first.payload) == ("order_place", "order.place", ORDER)
    assert {(call.step, call.dialect) for call in calls} == {("order_place", "3.0")}


async def test_a_payload_of_the_shops_making_is_not_shown():
    """What the shop decides is told in place of the payload."""
    shown = await preview("3.0", ORDER)

    (call,) = (call for call in shown if call.entity == "payment.method")
    assert (call.payload, call.reason) == (None, "the shop's list decides the code; wanted is cod")


@pytest.mark.parametrize(
    ("record", "dialect"),
    [(ORDER, "2.3, 3.0"), ({**ORDER, "customer": {**ORDER["customer"], "telephone": None}}, "4.0")],
    ids=["any", "without a telephone number"],
)
async def test_a_generation_that_is_not_known_yet_is_the_first_that_takes_it(record: dict[str, Any], dialect: str):
    """Where the shop is yet to be asked which it is, the calls are those of the first that takes the record."""
    _order, *calls = await preview("auto", record)

    assert {call.dialect for call in calls} == {dialect}


@pytest.mark.parametrize(("dialect", "record"), [("4.1", {"voucher": "GIFT"}), ("auto", {"order_status_id": 0})])
async def test_what_no_shop_would_be_asked_is_refused(dialect: str, record: dict[str, Any]):
    """A record that the composite refuses by itself fails in the dry run as well."""
    with pytest.raises((CallError, PayloadError)):
        await preview(dialect, {**ORDER, **record})
