"""Faults: which calls they meet, and what they do to an answer."""

import pytest

from connector.sandbox.exchange import JSON, ShopAnswer
from connector.sandbox.faults import NOTICE, Fault, FaultPlan

ANSWER = ShopAnswer(200, JSON, b'{"success":"done"}')


def count(plan, route, calls):
    """Return which of some calls of a route meet a fault."""
    return [plan.take(route) is not None for _ in range(calls)]


def test_fault_meets_as_many_calls_as_asked():
    """A fault is over after its calls."""
    plan = FaultPlan()

    plan.add(Fault(calls=2, notice=True))

    assert count(plan, "api/cart/add", 3) == [True, True, False]


def test_fault_lets_calls_through_first():
    """A fault can wait for a later call."""
    plan = FaultPlan()

    plan.add(Fault(skip=2, notice=True))

    assert count(plan, "api/cart/add", 4) == [False, False, True, False]


@pytest.mark.parametrize("name", ["order/add", "api/order/add", "order.add", "sale/order|add", "api/sale/order.add"])
def test_fault_of_one_route(name):
    """A fault of a route leaves other routes alone, however the route is written."""
    plan = FaultPlan()

    plan.add(Fault(route=name, notice=True))

    assert count(plan, "api/cart/add", 1) + count(plan, "api/order/add", 1) == [False, True]


def test_refusal():
    """A status in place of the answer comes with its headers and a page."""
    refused = Fault(status=429, headers={"Retry-After": "2"}).refuse()

    assert (refused.status, refused.headers, refused.content_type) == (429, (("Retry-After", "2"),), "text/html")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(notice=True), NOTICE.encode() + ANSWER.body),
        (Fault(non_utf8=True), b'{"success":"\xffdone"}'),
        (Fault(huge_body=20), b'{"success":"done"}  '),
        (Fault(), ANSWER.body),
    ],
)
def test_spoilt_body(fault, expected):
    """A fault spoils the body of an answer the shop gave."""
    assert fault.spoil(ANSWER).body == expected


def test_page_in_place_of_json():
    """The fault html keeps the status and says it is HTML."""
    spoilt = Fault(html=True).spoil(ANSWER)

    assert (spoilt.status, spoilt.content_type, spoilt.body[:6]) == (200, "text/html; charset=utf-8", b"<html>")
