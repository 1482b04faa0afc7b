"""A record that is sent in parcels, broken off between any two of them: each parcel is taken once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.conftest import KINDS
from tests.faults.shop import LOSE, RESET_READ, Act, Shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

RECORDS: Final = 4
LINES: Final = 3
ALL: Final = {f"R-{record}/{line}": 1 for record in range(1, RECORDS + 1) for line in range(1, LINES + 1)}


def make_lines() -> str:
    """Return records of three lines each, as JSON lines."""
    return "".join(
        json.dumps(
            {
                "reference": f"R-{record}",
                "lines": [{"reference": f"R-{record}/{line}", "number": line} for line in range(1, LINES + 1)],
            }
        )
        + "\n"
        for record in range(1, RECORDS + 1)
    )


def settle(here: Installation, shop: Shop) -> int:
    """Settle each unknown task as somebody would who looked for the parcel in doubt; return how many there were."""
    shop.settle()
    rows = here.query("SELECT id, sent, record FROM tasks WHERE status = 'unknown'")
    for task, sent, record in rows:
        lines = [line["reference"] for line in json.loads(record)["lines"]]
        taken = sum(shop.counts[reference] for reference in lines)
        assert sent <= taken <= sent + 1, "more is in doubt than one parcel"
        ran = here.run("tasks", "resolve", str(task), "--as", "done" if taken > sent else "retry")
        assert ran.code == 0, ran.stderr
    return len(rows)


def carry_on(here: Installation, shop: Shop) -> None:
    """Work and settle until everything is done."""
    for _ in range(4):
        here.work()
        if not settle(here, shop):
            return


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", ["delivery.noted:1", "delivery.answered:6", "parcel.sent:2", "parcel.kept:2"])
def test_killed_between_parcels(install: Callable[..., Installation], shop: Shop, kind: str, point: str) -> None:
    """Killed around any parcel, the task goes on behind the last parcel that was sent."""
    here = install(kind, route="by-line")

    killed = here.work(at=point, stdin=make_lines())
    settle(here, shop)
    carry_on(here, shop)

    assert killed.is_killed, killed.stderr
    assert shop.counts == ALL
    assert set(here.statuses.values()) == {"finished"}


@pytest.mark.parametrize(("act", "line"), [(LOSE, 1), (LOSE, 3), (RESET_READ, 2)])
def test_answer_of_a_parcel_is_lost(install: Callable[..., Installation], shop: Shop, act: Act, line: int) -> None:
    """What a person says of a task is said of the parcel in doubt; those behind it are sent then."""
    shop.meet(f"R-2/{line}", act)
    here = install(route="by-line")

    lost = here.work(stdin=make_lines())
    settled = settle(here, shop)
    carry_on(here, shop)

    assert (lost.code, settled) == (4, 1)
    assert shop.counts == ALL
    assert set(here.statuses.values()) == {"finished"}
