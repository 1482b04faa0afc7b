"""Workers side by side: one dies, one falls asleep, one is asked to end, one comes too many."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.conftest import ROUNDS
from tests.faults.installation import wait_until
from tests.faults.shop import DENY, Shop, make_records, slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation
    from tests.faults.launcher import Launched

RECORDS: Final = 60
CONCURRENCY: Final = 4


@pytest.fixture
def here(install: Callable[..., Installation], shop: Shop) -> Installation:
    """An installation on PostgreSQL whose tasks are made, and not yet delivered."""
    return fill(install("postgres", route="by-customer"), shop)


def fill(here: Installation, shop: Shop) -> Installation:
    """Make the tasks of an installation, and deliver none."""
    shop.source.records = make_records(RECORDS, customers=15)
    shop.otherwise = DENY  # the route stops itself, and keeps what it was handed
    here.work(stdin="".join(json.dumps(record) + "\n" for record in shop.source.records))
    assert len(here.tasks) == RECORDS
    assert set(here.statuses.values()) <= {"new", "waiting"}
    shop.arrivals.clear()
    shop.otherwise = slow(0.1)
    return here


def is_done(here: Installation) -> bool:
    """Whether nothing is left to do but by a person."""
    return {task.status for task in here.tasks if not task.reason.startswith("behind")} <= {"finished", "unknown"}


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_worker_is_killed_in_mid_publish(here: Installation, shop: Shop, seed: int) -> None:
    """What a killed worker had in hand is taken over by the other one; what may have left is unknown."""
    dice = random.Random(seed)
    victim, heir = here.start("worker"), here.start("worker")
    shop.wait_for(dice.randint(8, 30))
    time.sleep(dice.uniform(0, 0.1))
    victim.kill()
    here.finish(victim)
    wait_until(lambda: is_done(here), "the other worker has done everything", patience_s=30)
    heir.terminate()
    ran = here.finish(heir)
    faults = here.find_faults()
    looked_for = here.recover()

    assert ran.code == 143
    assert faults == []
    assert len(looked_for) <= CONCURRENCY
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.postgres
@pytest.mark.parametrize(("point", "sends"), [("delivery.noting", False), ("delivery.noted", True)])
def test_worker_that_was_asleep_is_fenced_off(here: Installation, shop: Shop, point: str, sends: bool) -> None:
    """A worker that wakes up after it was taken over sends nothing without a note, settles only what is in doubt."""
    sleeper = here.start("worker", at=f"{point}:6:stop")
    wait_until(lambda: is_stopped(sleeper), "the worker has fallen asleep")
    heir = here.start("worker")
    wait_until(lambda: is_done(here), "the other worker has done everything", patience_s=30)
    before = {task.id: task.status for task in here.tasks}
    arrived = len(shop.arrivals)
    os.kill(sleeper.pid, signal.SIGCONT)
    time.sleep(1.0)
    for worker in (sleeper, heir):
        worker.terminate()
    slept, _ = here.finish(sleeper), here.finish(heir)
    after = {task.id: task.status for task in here.tasks}
    waited = [task for task in before if before[task] == "waiting" and after[task] == "finished"]

    doubtful = {task for task, status in before.items() if status == "unknown"}
    changed = {task for task in before if after[task] != before[task]}
    assert {before[task] for task in changed} <= {"unknown", "waiting"}  # waiting behind one that was in doubt
    assert (len(shop.arrivals) > arrived + len(waited)) is sends
    assert sends or any(line["event"] == "fenced" for line in slept.logged), slept.stderr
    assert not sends or any(after[task] == "finished" for task in doubtful)
    assert here.find_faults() == []


def is_stopped(process: Launched) -> bool:
    """Whether a process has been stopped by SIGSTOP."""
    stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii", errors="replace")
    return stat.rpartition(")")[2].split()[0] == "T"


@pytest.mark.postgres
def test_workers_end_when_asked(here: Installation, shop: Shop) -> None:
    """A worker that is asked to end finishes what is in hand, and ends with 143; nothing is unknown."""
    workers = [here.start("worker"), here.start("worker")]
    shop.wait_for(10)
    for worker in workers:
        worker.terminate()
    codes = [here.finish(worker, timeout_s=15).code for worker in workers]

    assert codes == [143, 143]
    assert here.find_faults() == []
    assert "unknown" not in here.statuses.values()
    assert len(shop.taken) < RECORDS


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_workers_are_killed_at_random(here: Installation, shop: Shop, seed: int) -> None:
    """Two workers that are killed and started again, time after time, neither lose nor double anything."""
    dice = random.Random(seed)
    workers = [here.start("worker"), here.start("worker")]
    for count in range(6, RECORDS - 10, 14):
        shop.wait_until(lambda shop, count=count: len(shop.arrivals) >= count or is_done(here), f"{count} arrivals")
        time.sleep(dice.uniform(0, 0.2))
        victim = workers.pop(dice.randrange(2))
        victim.kill()
        here.finish(victim)
        workers.append(here.start("worker"))
    wait_until(lambda: is_done(here), "everything is done", patience_s=30)
    for worker in workers:
        worker.terminate()
        here.finish(worker)
    faults = here.find_faults()
    here.recover()

    assert faults == []
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_workers_that_fetch_are_killed_at_random(install: Callable[..., Installation], shop: Shop, seed: int) -> None:
    """What comes up at the source while workers are killed and started again is fetched once, and sent once."""
    dice = random.Random(seed)
    shop.source.page_size = 5
    here = install("postgres", route="new-orders")
    workers = [here.start("worker"), here.start("worker")]
    for first in range(1, RECORDS, 10):
        shop.source.records += make_records(10, first=first)
        time.sleep(dice.uniform(0.3, 1.5))
        victim = workers.pop(dice.randrange(2))
        victim.kill()
        here.finish(victim)
        workers.append(here.start("worker"))
    wait_until(lambda: len(here.tasks) == RECORDS and is_done(here), "everything is done", patience_s=30)
    for worker in workers:
        worker.terminate()
        here.finish(worker)
    faults = here.find_faults(still={"finished", "unknown"})
    here.recover()

    assert faults == []
    assert here.find_faults(still={"finished"}) == []


def test_second_process_on_a_file_is_refused(install: Callable[..., Installation], shop: Shop) -> None:
    """A second process on the same SQLite file is told who holds it, and what can be done."""
    here = fill(install(route="by-customer"), shop)
    first = here.start("worker")
    shop.wait_for(3)

    second = here.run("worker")

    assert second.code == 1
    assert f"pid {first.pid}" in second.stderr or f"process {first.pid}" in second.stderr
    assert "worker" in second.stderr
    assert "PostgreSQL" in second.stderr
    assert "Traceback" not in second.stderr
    first.terminate()
    assert here.finish(first).code == 143
    assert here.find_faults() == []
