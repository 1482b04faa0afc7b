"""Asked to end, once and twice: what is in hand is finished, or told as unknown; the rest is for the next one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.conftest import KINDS
from tests.faults.shop import SILENT, Shop, Source, make_records, slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

RECORDS: Final = 20
CONCURRENCY: Final = 4


@pytest.mark.parametrize("kind", KINDS)
def test_asked_once(install: Callable[..., Installation], shop: Shop, kind: str) -> None:
    """What is in hand is finished; what was not begun waits for the next run, as if nothing was."""
    shop.source.records = make_records(RECORDS)
    shop.otherwise = slow(0.3)
    here = install(kind)
    working = here.start(*here.command)
    shop.wait_for(6)
    working.terminate()
    ran = here.finish(working)

    assert ran.code == 143
    assert here.find_faults(still={"finished", "new"}) == []
    assert 6 <= len(shop.taken) <= 6 + 2 * CONCURRENCY
    assert here.work().code == 0
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.parametrize("kind", KINDS)
def test_asked_twice(install: Callable[..., Installation], shop: Shop, kind: str) -> None:
    """The second time what is on its way is broken off, and told as unknown."""
    shop.source.records = make_records(RECORDS)
    shop.otherwise = SILENT
    here = install(kind)
    working = here.start(*here.command)
    shop.wait_for(CONCURRENCY)
    for _ in range(2):
        working.terminate()
        time.sleep(0.5)
    ran = here.finish(working, timeout_s=10)

    assert ran.code == 143
    assert here.find_faults(still={"unknown", "new"}) == []
    assert list(here.statuses.values()).count("unknown") == CONCURRENCY
    assert ran.stderr.count("interrupted after it was sent") == CONCURRENCY


@pytest.mark.parametrize("kind", KINDS)
def test_grace_is_over(install: Callable[..., Installation], shop: Shop, kind: str) -> None:
    """A worker that was asked to end does so within its grace, whatever the shop does; the rest is unknown."""
    shop.source = Source(make_records(RECORDS), page_size=RECORDS)
    shop.otherwise = SILENT
    here = install(kind)
    here.work(at="ingest.kept:1")
    working = here.start("worker", "--grace", "1s")
    shop.wait_for(CONCURRENCY)
    began_s = time.monotonic()
    working.terminate()
    ran = here.finish(working, timeout_s=15)

    assert ran.code == 143
    assert time.monotonic() - began_s < 8
    assert any(line["event"] == "broken_off" for line in ran.logged)
    assert here.find_faults(still={"unknown", "new"}) == []
    assert list(here.statuses.values()).count("unknown") >= CONCURRENCY
