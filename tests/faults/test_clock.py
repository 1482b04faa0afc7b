"""The clock on the wall is set back: nothing waits longer for it, and nothing comes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import KINDS
from tests.faults.shop import TAKE, Shop, make_records, too_many

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

DAY = "86400"


@pytest.mark.parametrize("kind", KINDS)
def test_clock_is_set_back_under_a_run(install: Callable[..., Installation], shop: Shop, kind: str) -> None:
    """A retry that is due in a second is due in a second, also when the clock is set back by a day meanwhile."""
    shop.source.records = make_records(10)
    shop.plan(*[too_many(1)] * 4)
    here = install(kind)

    ran = here.work(options=("--clock-back", f"{DAY}@1.2"))

    assert ran.code == 0, ran.stderr
    assert here.find_faults(still={"finished"}) == []
    assert shop.arrivals[-1].at_s - shop.arrivals[0].at_s < 8


@pytest.mark.parametrize("kind", KINDS)
def test_clock_is_set_back_between_runs(install: Callable[..., Installation], shop: Shop, kind: str) -> None:
    """A retry left over from before is not put off by a day because the clock was set back by one."""
    shop.source.records = make_records(10)
    shop.otherwise = too_many(2)
    here = install(kind)
    here.work(at="delivery.settled:3:term")
    left = list(here.statuses.values())
    shop.otherwise = TAKE

    ran = here.work(options=("--clock-back", DAY))

    assert "retry" in left
    assert ran.code == 0, ran.stderr
    assert here.find_faults(still={"finished"}) == []
