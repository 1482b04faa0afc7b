"""`kill -9` at any point: by number of the statement, and by the clock."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.conftest import KINDS, ROUNDS
from tests.faults.shop import Shop, Source, make_records, slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

RECORDS: Final = 40
KILLS: Final = 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", ["statement", "commit.before", "commit.after"])
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_at_any_statement(
    install: Callable[..., Installation], shop: Shop, kind: str, point: str, seed: int
) -> None:
    """Killed at a statement, or around a commit, from the making of the tables to the last settlement."""
    dice = random.Random(f"{seed} {point} {kind}")
    shop.source = Source(make_records(RECORDS), page_size=10)
    here = install(kind)
    faults: list[str] = []
    highest = 160 if point == "statement" else 40

    for _ in range(KILLS):
        here.work(at=f"{point}:{dice.randint(1, highest)}")
        faults += here.find_faults(is_complete=False)
    here.recover()

    assert faults == []
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_at_any_time(install: Callable[..., Installation], shop: Shop, kind: str, seed: int) -> None:
    """Killed from outside at random, whatever it was doing."""
    dice = random.Random(f"{seed} {kind}")
    shop.source = Source(make_records(RECORDS), page_size=10, wait_s=0.05)
    shop.otherwise = slow(0.05)
    here = install(kind, route="changed-orders")
    faults: list[str] = []

    for _ in range(KILLS):
        here.kill_after(dice.uniform(0.5, 2.0), *here.command)
        faults += here.find_faults(is_complete=False)
    here.recover()

    assert faults == []
    assert here.find_faults(still={"finished"}) == []
