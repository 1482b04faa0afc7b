"""`kill -9` around the work: while tables are made, while a dead worker's work is taken over, while old tasks go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.conftest import KINDS
from tests.faults.shop import Shop, Source, make_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

RECORDS: Final = 20
ORPHANS: Final = """
SELECT (SELECT count(*) FROM attempts WHERE task_id NOT IN (SELECT id FROM tasks)),
       (SELECT count(*) FROM exchanges WHERE task_id NOT IN (SELECT id FROM tasks))
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passing", [1, 9, 17])
def test_killed_while_tables_are_made(
    install: Callable[..., Installation], shop: Shop, kind: str, passing: int
) -> None:
    """Tables that were half made are made whole by the next process."""
    shop.source = Source(make_records(RECORDS))
    here = install(kind)

    killed = here.work(at=f"table.making:{passing}")
    whole = here.work()

    assert killed.is_killed, killed.stderr
    assert whole.code == 0, whole.stderr
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", ["recovery.begun", "recovery.written"])
def test_killed_while_taking_over(install: Callable[..., Installation], shop: Shop, kind: str, point: str) -> None:
    """A process that is killed while it takes over what a killed one left leaves it to the next."""
    shop.source = Source(make_records(RECORDS))
    here = install(kind)
    here.work(at="delivery.answered:7")
    before = [(task.id, task.status) for task in here.tasks]

    killed = here.work(at=f"{point}:1")
    after = [(task.id, task.status) for task in here.tasks]
    looked_for = here.recover()

    assert killed.is_killed, killed.stderr
    assert kind == "postgres" or before == after  # there lanes are taken over a few at a time
    assert looked_for
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.parametrize("kind", KINDS)
def test_killed_while_old_tasks_go(install: Callable[..., Installation], shop: Shop, kind: str) -> None:
    """A task goes with its attempts and exchanges, or stays with them."""
    shop.source = Source(make_records(RECORDS))
    here = install(kind)
    here.work()

    killed = here.run("tasks", "prune", "--older", "0s", at="prune.written:3")
    left = len(here.tasks)
    pruned = here.run("tasks", "prune", "--older", "0s")

    assert killed.is_killed, killed.stderr
    assert 0 < left < RECORDS
    assert here.query(ORPHANS) == [(0, 0)]
    assert pruned.code == 0, pruned.stderr
    assert here.tasks == []
