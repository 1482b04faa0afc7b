"""A shop that loses, garbles and delays answers, refuses for a while, and is away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.faults import shop as acts
from tests.faults.conftest import ROUNDS
from tests.faults.shop import Act, Shop, make_records, slow, too_many, too_many_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

RECORDS: Final = 12
WAIT_S: Final = 2


@pytest.fixture
def here(install: Callable[..., Installation], shop: Shop) -> Installation:
    """An installation with records to deliver."""
    shop.source.records = make_records(RECORDS)
    return install()


@pytest.mark.parametrize("lost", [acts.LOSSES, acts.MISSES], ids=["taken", "not taken"])
def test_lost_answers_are_unknown(here: Installation, shop: Shop, lost: tuple[Act, ...]) -> None:
    """A commit without a readable answer is unknown and never sent again by itself, whether or not it was taken."""
    shop.plan(*lost)

    ran = here.work(PATIENCE="0.5s")
    again = here.work()

    assert here.find_faults() == []
    assert list(here.statuses.values()).count("unknown") == len(lost)
    assert list(here.statuses.values()).count("finished") == RECORDS - len(lost)
    assert len(shop.taken) == RECORDS - (0 if lost[0].takes else len(lost))
    assert (ran.code, again.code) == (4, 4)
    assert any("unknown" in line for line in ran.messages)


def test_unknown_is_settled_by_a_person(here: Installation, shop: Shop) -> None:
    """What a person found is what holds: done is finished and not sent, retry is sent, failed is neither."""
    shop.meet("R-00001", acts.LOSE)
    shop.meet("R-00002", acts.RESET_READ)
    shop.meet("R-00003", acts.RESET_READ)
    here.work()
    for task, outcome in ((1, "done"), (2, "retry"), (3, "failed")):
        here.run("tasks", "resolve", str(task), "--as", outcome)

    here.work()

    assert here.find_faults() == []
    assert [here.statuses[f"R-0000{number}"] for number in (1, 2, 3)] == ["finished", "finished", "failed"]


@pytest.mark.parametrize("ask", [too_many(WAIT_S), too_many_until(WAIT_S)], ids=["seconds", "date"])
def test_wait_that_is_asked_for_is_kept(here: Installation, shop: Shop, ask: Act) -> None:
    """After a 429 a record is tried again no sooner than the shop asked, in either form, and is taken once."""
    shop.meet("R-00005", ask)

    ran = here.work()

    first, second = [arrival.at_s for arrival in shop.arrivals if arrival.reference == "R-00005"]
    assert WAIT_S - 0.1 < second - first < WAIT_S + 2.5
    assert here.find_faults(still={"finished"}) == []
    assert ran.code == 0
    assert any(line["event"] == "retry" and line["record_key"] == "R-00005" for line in ran.logged)


def test_outage_ahead_of_the_commit_is_waited_out(install: Callable[..., Installation], shop: Shop) -> None:
    """A shop that answers 503 to the steps ahead of a commit is asked again until it is back; nothing is unknown."""
    shop.source.records = make_records(6)
    shop.plan_stock(*[acts.UNAVAILABLE] * 18)
    here = install(route="careful-orders")

    ran = here.work()

    assert ran.code == 0
    assert here.find_faults(still={"finished"}) == []
    assert shop.asked_for_stock == 24


def test_outage_at_the_commit_is_unknown(here: Installation, shop: Shop) -> None:
    """A 503 to a commit proves nothing, since a cache in front of a slow shop says it too."""
    shop.plan(acts.UNAVAILABLE, acts.UNAVAILABLE)

    ran = here.work()

    assert ran.code == 4
    assert here.find_faults() == []
    assert list(here.statuses.values()).count("unknown") == 2


def test_slow_shop_is_waited_for(here: Installation, shop: Shop) -> None:
    """An answer that comes late, and in time, is an answer."""
    shop.otherwise = slow(1.0)

    ran = here.work(PATIENCE="5s")

    assert ran.code == 0
    assert here.find_faults(still={"finished"}) == []


def test_refused_records_fail_alone(here: Installation, shop: Shop) -> None:
    """A record that the shop refuses has failed; the others are taken."""
    shop.meet("R-00004", acts.REFUSE)

    ran = here.work()

    assert ran.code == 3
    assert here.find_faults(still={"finished", "failed"}) == []
    assert here.statuses["R-00004"] == "failed"
    assert any("R-00004" in line and "the shop does not want it" in line for line in ran.messages)


def test_refused_credential_stops_the_route(here: Installation, shop: Shop) -> None:
    """A refused credential stops the route with a message; no record has failed, and all go out once it is mended."""
    shop.otherwise = acts.DENY

    stopped = here.work()
    arrived = len(shop.arrivals)
    routes = here.run("routes", "list")
    faults = here.find_faults(still={"new"})
    shop.otherwise = acts.TAKE
    mended = here.work()

    assert (stopped.code, arrived <= 4) == (1, True)
    assert "HTTP 401" in stopped.stderr
    assert "stopped" in routes.stdout
    assert faults == []
    assert mended.code == 0
    assert here.find_faults(still={"finished"}) == []


def test_source_that_fails_between_pages(install: Callable[..., Installation], shop: Shop) -> None:
    """A source that breaks off in the middle of its pages loses nothing: what came is kept, the rest comes later."""
    shop.source.records = make_records(30)
    shop.plan_pages(acts.TAKE, acts.LOSE_HARD)
    here = install(route="changed-orders")

    broken = here.work()
    kept = len(here.tasks)
    whole = here.work()

    assert (broken.code, kept) == (1, 10)
    assert whole.code == 0
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_bad_days_at_random(install: Callable[..., Installation], shop: Shop, seed: int) -> None:
    """Whatever mixture of faults the shop comes up with, the books balance, and every record is taken once."""
    shop.source.records = make_records(60)
    bad = dict.fromkeys((*acts.LOSSES, *acts.MISSES), 0.5)
    shop.leave_to_chance({acts.TAKE: 12, too_many(1): 2, **bad}, seed=seed)
    here = install()

    here.work(PATIENCE="0.4s")
    faults = here.find_faults()
    shop.leave_to_chance({})
    here.recover()

    assert faults == []
    assert here.find_faults(still={"finished"}) == []
