"""Whole orders in the practice shop: one whose answer nobody saw is found by its reference, and not placed twice."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.acceptance.conftest import Command, PracticeShop
from tests.faults.installation import ROOT, Installation
from tests.faults.points import DELIVERY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.launcher import Launcher
    from tests.faults.shop import Shop

ORDERS: Final = 8
PLACED: Final = {"delivery.sent", "delivery.answered", "delivery.settling"}
"""Points at which the shop has the order."""


@pytest.fixture
def market(tmp_path: Path, shop: Shop, launcher: Launcher) -> Iterator[tuple[Installation, PracticeShop]]:
    """An installation with the example of whole orders, and a practice shop in a process of its own."""
    here = Installation(tmp_path / "installation", shop, launcher)
    text = (ROOT / "configs" / "shop.yaml").read_text() + (ROOT / "configs" / "place.yaml").read_text()
    here.configure(text.replace("rate_limit: 20/s", "rate_limit: 1000/s"))
    with Command(tmp_path, here.environment).start("sandbox", "--port", "0", "--output", "json") as process:
        assert process.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            told += process.stdout.readline()
        practice = PracticeShop(**{name: json.loads(told)[name] for name in ("base_url", "key", "controls")})
        here.environment |= practice.settings
        with closing(here):
            yield here, practice
        process.kill()


def make_lines() -> str:
    """Return orders as JSON lines, each with a reference of its own."""
    order = json.loads((ROOT / "configs" / "samples" / "place.jsonl").read_text().splitlines()[1])
    return "".join(json.dumps({**order, "reference": f"R-{number:05}"}) + "\n" for number in range(1, ORDERS + 1))


def count_orders(practice: PracticeShop) -> Counter[str]:
    """Return how often each reference was placed, by what the shop keeps."""
    comments: list[Any] = [order["comment"].strip().splitlines()[-1] for order in practice.orders]
    return Counter(comment.removeprefix("Reference: ") for comment in comments)


@pytest.mark.parametrize("point", ["delivery.noted", *sorted(PLACED & DELIVERY.keys())])
def test_order_in_doubt_is_found(market: tuple[Installation, PracticeShop], point: str) -> None:
    """After a crash the shop is asked; an order that is there is finished, without anybody's help, and not repeated."""
    here, practice = market
    killed = here.run("push", "place", stdin=make_lines(), at=f"{point}:5")
    in_doubt = [task for task in here.tasks if task.is_noted]

    here.run("push", "place", "--wait", "20s")

    placed = count_orders(practice)
    assert killed.is_killed, killed.stderr
    assert in_doubt
    for task in here.tasks:
        assert placed[task.reference] == (task.status == "finished"), task
        assert task.status in {"finished", "unknown"}, task
    assert set(placed.values()) == {1}


def test_lost_answer_is_looked_up(market: tuple[Installation, PracticeShop]) -> None:
    """An order whose answer was lost on the way is finished with its number, and placed once."""
    here, practice = market
    practice.control("faults", route="order/add", skip=2, drop_after_processing=True)

    ran = here.run("push", "place", stdin=make_lines())

    assert ran.code == 0, ran.stderr
    assert count_orders(practice) == dict.fromkeys((f"R-{number:05}" for number in range(1, ORDERS + 1)), 1)
    assert {task.status for task in here.tasks} == {"finished"}
