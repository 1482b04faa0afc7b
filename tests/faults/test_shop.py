"""The judge itself: it counts what it took, and misbehaves as told."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.faults import shop as acts
from tests.faults.shop import Act, Shop, Source, make_records


def sell(shop: Shop, number: int = 1) -> httpx.Response:
    """Send one order, and return the answer."""
    (record,) = make_records(1, first=number)
    return httpx.post(f"{shop.url}orders", json=record, timeout=0.5, trust_env=False)


def test_order_is_taken_and_counted(shop: Shop) -> None:
    """An order that is answered counts once."""
    answer = sell(shop)

    assert answer.json() == {"id": 1, "reference": "R-00001"}
    assert shop.counts == {"R-00001": 1}


@pytest.mark.parametrize("act", acts.LOSSES, ids=lambda act: act.name)
def test_loss_is_taken_and_not_told(shop: Shop, act: Act) -> None:
    """An order that is lost after it was read counts, and its sender learns nothing that could be read."""
    shop.plan(act)
    try:
        answer = sell(shop)
    except httpx.TransportError:
        answer = None

    assert answer is None or not answer.content.startswith(b"{")
    assert shop.counts == {"R-00001": 1}


@pytest.mark.parametrize("act", acts.MISSES, ids=lambda act: act.name)
def test_miss_takes_nothing(shop: Shop, act: Act) -> None:
    """An order that is not read whole does not count."""
    shop.plan(act)

    with pytest.raises(httpx.TransportError):
        sell(shop)

    assert shop.counts == {}


@pytest.mark.parametrize(
    ("act", "status"), [(acts.UNAVAILABLE, 503), (acts.REFUSE, 422), (acts.DENY, 401), (acts.too_many(2), 429)]
)
def test_refusal_takes_nothing(shop: Shop, act: Act, status: int) -> None:
    """An order that is refused does not count, and is seen to have arrived."""
    shop.plan(act)

    answer = sell(shop)

    assert answer.status_code == status
    assert (shop.counts, len(shop.arrivals)) == ({}, 1)


def test_wait_is_asked_in_both_forms(shop: Shop) -> None:
    """A 429 asks to wait in seconds, or until a date."""
    shop.plan(acts.too_many(2), acts.too_many_until(2))

    in_seconds, by_date = sell(shop).headers["retry-after"], sell(shop).headers["retry-after"]

    assert in_seconds == "2"
    assert 1 < (parsedate_to_datetime(by_date) - datetime.now(UTC)).total_seconds() <= 3


def test_slow_act_takes_first(shop: Shop) -> None:
    """A slow shop has taken the order long before it says so."""
    shop.plan(acts.slow(0.2))
    began_s = time.monotonic()

    sell(shop)

    assert shop.arrivals[0].at_s - began_s < 0.15
    assert time.monotonic() - began_s > 0.2


def test_record_can_be_met_by_name(shop: Shop) -> None:
    """An act can be meant for one record, whenever it comes."""
    shop.meet("R-00002", acts.REFUSE)

    codes = [sell(shop, number).status_code for number in (1, 2, 2)]

    assert codes == [200, 422, 200]


def test_chance_is_seeded() -> None:
    """What is left to chance is the same for the same seed."""
    seen = []
    for _ in range(2):
        with Shop() as shop:
            shop.leave_to_chance({acts.TAKE: 1, acts.REFUSE: 1}, seed=7)
            seen.append([sell(shop, number).status_code for number in range(12)])

    assert seen[0] == seen[1]
    assert set(seen[0]) == {200, 422}


def test_source_gives_pages() -> None:
    """Records are given out in pages, also only those after a date."""
    records = make_records(5)
    with Shop(source=Source(records, page_size=2)) as shop:
        pages = [httpx.post(f"{shop.url}records", json={"page": number}, trust_env=False).json() for number in (1, 3)]
        since = {"since": records[2]["changed_at"]}
        later = httpx.post(f"{shop.url}records", json=since, trust_env=False).json()

    assert pages == [{"records": records[:2], "pages": 3}, {"records": records[4:], "pages": 3}]
    assert later == {"records": records[3:], "pages": 1}


def test_settle_waits_for_what_was_sent(shop: Shop) -> None:
    """Settling waits for a request whose sender has gone and which the shop is still busy with."""
    shop.plan(acts.slow(1.0))
    with pytest.raises(httpx.ReadTimeout):
        sell(shop)

    shop.settle()

    assert shop.counts == {"R-00001": 1}
