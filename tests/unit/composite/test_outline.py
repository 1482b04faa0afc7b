"""What a composite would ask a shop, told without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.composite.change import CHANGE
from connector.composite.outline import outline
from connector.composite.place import PLACE
from connector.request import Verdict
from tests.unit.composite.test_order import LOADS, NEW, OLD, PAYLOAD, Catalog

if TYPE_CHECKING:
    from connector.composite.outline import Outlined


def find(calls: tuple[Outlined, ...], entity: str) -> Outlined:
    """Return the only call of an entity."""
    (call,) = (call for call in calls if call.ask.entity == entity)
    return call


def test_the_calls_of_an_order_are_told_in_their_order():
    """They are those of the flow itself, all the way to the order and what is asked after it."""
    calls, answer = outline(PLACE, {**PAYLOAD, "coupon": "2222"}, Catalog(OLD))

    assert answer.verdict is Verdict.OK
    assert [call.ask.entity for call in calls] == [
        "customer.set",
        "cart.add",
        "cart.products",
        "coupon.apply",
        "payment.address",
        "shipping.address",
        "shipping.methods",
        "shipping.method",
        "payment.methods",
        "payment.method",
        "cart.products",
        "order.add",
        "order.info",
    ]


def test_what_is_known_is_told_with_its_payload():
    """A payload that no answer goes into is the one that will be sent."""
    calls, _answer = outline(PLACE, PAYLOAD, Catalog(OLD))

    known = {call.ask.entity: call.ask.payload for call in calls if call.is_known}
    assert known["cart.add"] == {"product_id": 40, "quantity": 2}
    assert known["order.add"] == {"order_status_id": 1, "comment": "Reference: MP-1"}


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        ("shipping.method", "the shop's list decides the code; wanted is cheapest"),
        ("payment.method", "the shop's list decides the code; wanted is cod, else bank_transfer"),
        ("order.info", "the shop gives the order its id"),
    ],
)
def test_what_only_the_shop_knows_is_left_open(entity: str, reason: str):
    """A payload that is made of an answer is not made up; it is told why."""
    calls, _answer = outline(PLACE, {**PAYLOAD, "payment_method": ["cod", "bank_transfer"]}, Catalog(OLD))

    call = find(calls, entity)
    assert (call.is_known, call.reason) == (False, reason)


def test_calls_that_not_every_order_takes_say_so():
    """Whether there is anything to ship is for the shop to say."""
    calls, _answer = outline(PLACE, PAYLOAD, Catalog(OLD))

    noted = {call.ask.entity for call in calls if call.note == "where there is anything to ship"}
    assert noted == {"shipping.address", "shipping.methods", "shipping.method"}


@pytest.mark.parametrize(
    ("shipping", "payment"),
    [
        (None, None),
        ("", ""),
        ("cheapest", "first"),
        ("flat", "cod"),
        ("flat.flat", "cod.cod"),
        (["a.b", "cheapest"], ["first", "cod"]),
        (["cheapest", "a.b"], ["bank_transfer", "cod"]),
    ],
)
def test_any_wish_for_a_method_is_taken_to_be_granted(shipping: Any, payment: Any):
    """Rules, codes, first parts of codes, several and none lead on to the order."""
    payload = {**PAYLOAD, "shipping_method": shipping, "payment_method": payment}

    calls, answer = outline(PLACE, payload, Catalog(NEW, "4.0"))

    assert answer.verdict is Verdict.OK
    assert calls[-1].ask.entity == "order.add"


@pytest.mark.parametrize(
    "options",
    [{"226": 15}, {"208": "Engrave this"}, {"223": [8, 10]}, {"219": "2026-12-24", "221": "10:30:00"}, {"222": ""}],
    ids=str,
)
def test_lines_of_every_kind_are_taken_to_be_kept(options: dict[str, Any]):
    """The cart that is compared holds what was put into it, equal lines together."""
    lines = [{"product_id": 42, "quantity": 2, "option": options}] * 2

    _calls, answer = outline(PLACE, {**PAYLOAD, "lines": lines}, Catalog(OLD))

    assert answer.verdict is Verdict.OK


def test_what_the_composite_refuses_by_itself_is_refused():
    """An order that no shop would be asked for is told before it is sent."""
    calls, answer = outline(PLACE, {**PAYLOAD, "voucher": "GIFT"}, Catalog(NEW, "4.1"))

    assert (calls, answer.verdict) == ((), Verdict.REJECTED)
    assert "a gift voucher cannot be used" in answer.reason


def test_an_order_that_is_changed_keeps_its_currency():
    """Which currency that is, is asked first, and not known before."""
    calls, answer = outline(CHANGE, {**PAYLOAD, "order_id": 7}, Catalog(OLD))

    assert answer.verdict is Verdict.OK
    assert [call.ask.entity for call in calls][:2] == ["order.info", "currency.set"]
    assert find(calls, "currency.set").reason == "it is the currency that the order has in the shop"
    assert find(calls, "order.edit").ask.payload["order_id"] == 7


def test_an_order_that_is_loaded_is_emptied_first():
    """How many lines it has is for the shop to say."""
    calls, answer = outline(CHANGE, {**PAYLOAD, "order_id": 7, "currency": "EUR"}, Catalog(LOADS, "4.0"))

    assert answer.verdict is Verdict.OK
    assert find(calls, "cart.remove").reason == "there is one for each line that the order has in the shop"
    assert calls[-1].ask.entity == "order.add"
