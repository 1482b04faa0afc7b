"""The steps on the page of operations: a backup under a worker, its restore, and the way from SQLite to PostgreSQL."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.installation import wait_until
from tests.faults.shop import Shop, make_records, slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.installation import Installation

RECORDS: Final = 30


def test_restored_backup(install: Callable[..., Installation], shop: Shop, tmp_path: Path) -> None:
    """A backup made under a worker is whole; restored by the steps on the page, nothing is sent a second time."""
    shop.source.records = make_records(RECORDS // 2)
    shop.otherwise = slow(0.1)
    here = install(route="new-orders")
    assert isinstance(here.database, Path)
    working = here.start("worker")
    shop.wait_for(8)
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(here.database)) as source:
        source.execute(f"VACUUM INTO '{backup}'")
    shop.source.records += make_records(RECORDS // 2, first=RECORDS // 2 + 1)
    shop.wait_for(RECORDS - 3)
    working.kill()
    here.finish(working)
    shop.settle()

    for path in here.database.parent.glob("connector.db*"):
        path.unlink()
    shutil.copy(backup, here.database)
    here.run("routes", "pause", here.route)
    working = here.start("worker")
    wait_until(lambda: len(here.tasks) == RECORDS, "everything is fetched again")
    wait_until(lambda: "processing" not in here.statuses.values(), "what was in hand is seen to")
    there = [task for task in here.tasks if shop.counts[task.reference]]
    skipped = [str(task.id) for task in there if task.status in {"new", "retry", "waiting"}]
    here.run("tasks", "skip", *skipped, "--reason", "the shop has it")
    here.resolve_unknown(has_ended=False)
    here.run("routes", "resume", here.route)
    wait_until(lambda: set(here.statuses.values()) <= {"finished", "skipped"}, "everything is done")
    working.terminate()
    ran = here.finish(working)

    assert ran.code == 143, ran.stderr
    assert skipped
    assert shop.counts == {record["reference"]: 1 for record in shop.source.records}


@pytest.mark.postgres
def test_way_to_postgres(install: Callable[..., Installation], shop: Shop) -> None:
    """With the cursors taken along, what the old database has sent is not fetched again."""
    shop.source.records = make_records(RECORDS)
    old, new = install(route="changed-orders"), install("postgres", route="changed-orders")
    old.work()
    exported = old.run("state", "export")
    shop.source.records += make_records(5, first=RECORDS + 1)

    upgraded = new.run("db", "upgrade")
    imported = new.run("state", "import", stdin=exported.stdout)
    ran = new.work()

    assert (exported.code, upgraded.code, imported.code, ran.code) == (0, 0, 0, 0), imported.stderr + ran.stderr
    assert len(new.tasks) == 5
    assert shop.counts == {record["reference"]: 1 for record in shop.source.records}
