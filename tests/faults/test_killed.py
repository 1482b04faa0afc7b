"""`kill -9` at every named point: each record stays exactly once where it can be found, and is taken exactly once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.conftest import KINDS
from tests.faults.points import DELIVERY, INGEST
from tests.faults.shop import Shop, Source, make_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

PAGE: Final = 10
CONCURRENCY: Final = 4
NOTED: Final = {"delivery.noted", "delivery.sending", "delivery.sent", "delivery.answered", "delivery.settling"}
"""Points at which the request that is stopped may have left, as far as the database knows."""

PASSING: Final = {"delivery.claiming": 1, "delivery.claimed": 1, "delivery.settled": 2}
"""Which passing, where it is not the seventh: these are passed once a batch."""


def write_lines(records: list[dict[str, object]]) -> str:
    """Return records as JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", INGEST)
def test_killed_while_records_come_in(install: Callable[..., Installation], shop: Shop, kind: str, point: str) -> None:
    """A process that is killed around the transaction of a page leaves whole pages, and the next one goes on."""
    shop.source = Source(make_records(4 * PAGE), page_size=PAGE)
    here = install(kind, route="changed-orders")

    killed = here.work(at=f"{point}:3")
    kept = len(here.tasks)
    faults = here.find_faults(is_complete=False)
    here.recover()

    assert killed.is_killed, killed.stderr
    assert faults == []
    assert kept == (3 if point == "ingest.kept" else 2) * PAGE
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", DELIVERY)
def test_killed_while_records_go_out(install: Callable[..., Installation], shop: Shop, kind: str, point: str) -> None:
    """A process that is killed around a request leaves what may have left as unknown, and nothing else."""
    shop.source = Source(make_records(2 * PAGE), page_size=PAGE)
    here = install(kind)

    killed = here.work(at=f"{point}:{PASSING.get(point, 7)}")
    faults = here.find_faults(is_complete=False)
    looked_for = here.recover()

    assert killed.is_killed, killed.stderr
    assert faults == []
    assert len(looked_for) <= CONCURRENCY
    assert looked_for or point not in NOTED
    assert not looked_for or "claim" not in point
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", ["delivery.sent", "delivery.answered"])
def test_killed_while_records_of_a_customer_go_out(
    install: Callable[..., Installation], shop: Shop, kind: str, point: str
) -> None:
    """A record whose outcome nobody knows holds back those behind it of the same key, and no others."""
    records = shop.source.records = make_records(2 * PAGE, customers=5)
    here = install(kind, route="by-customer")

    killed = here.work(at=f"{point}:7", stdin=write_lines(records))
    taken_up = here.find_faults(is_complete=False)
    shop.source.records = [record for record in records if record["reference"] in here.statuses]
    here.recover()

    assert killed.is_killed, killed.stderr
    assert taken_up == []
    assert here.find_faults(still={"finished"}) == []
