"""What is done to many tasks at once, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.desk.change import Refusal, resolve, retry, skip
from connector.store.rows import Resolution, TaskFilter, TaskStatus
from connector.store.store import open_store
from tests.acceptance.kept import IDS, fill

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with a task in every status."""
    async with open_store(tmp_path / "connector.db") as opened:
        await fill(opened)
        yield opened


async def read(store: Store, status: TaskStatus) -> TaskStatus:
    """Return where the task stands now that stood so at first."""
    return (await store.tasks.statuses([IDS[status]]))[IDS[status]]


async def test_a_retry_of_everything_leaves_alone_what_must_not_be_sent_twice(store: Store):
    """Failed tasks and those that wait for a try are tried; unknown ones are counted and left alone."""
    changed = await retry(store, TaskFilter())

    assert (changed.number, changed.unknown, changed.half_done, changed.refusals) == (2, 1, 0, ())
    assert await read(store, TaskStatus.UNKNOWN) is TaskStatus.UNKNOWN
    assert await read(store, TaskStatus.SKIPPED) is TaskStatus.SKIPPED


async def test_a_dry_run_counts_and_changes_nothing(store: Store):
    """What is told beforehand is what would be done."""
    changed = await skip(store, TaskFilter(route="orders"), by="ann", reason="too late", is_dry=True)

    assert changed.is_dry
    assert changed.number == 4
    assert await read(store, TaskStatus.FAILED) is TaskStatus.FAILED


async def test_tasks_that_are_named_and_stand_otherwise_are_refused_one_by_one(store: Store):
    """Of ids, those that allow it are done and each other one is told with its reason."""
    ids = (IDS[TaskStatus.FAILED], IDS[TaskStatus.FINISHED], IDS[TaskStatus.UNKNOWN], 999)

    changed = await retry(store, TaskFilter(ids=ids))

    assert changed.number == 1
    assert [(one.task, one.status) for one in changed.refusals] == [
        (IDS[TaskStatus.FINISHED], TaskStatus.FINISHED),
        (IDS[TaskStatus.UNKNOWN], TaskStatus.UNKNOWN),
        (999, None),
    ]
    assert changed.refusals[-1] == Refusal(999, None, "there is no task 999")


async def test_statuses_that_do_not_allow_it_mean_no_task(store: Store):
    """A filter for finished tasks is not taken for a filter for all of them."""
    changed = await retry(store, TaskFilter(statuses=(TaskStatus.FINISHED,)))

    assert changed.number == 0
    assert await read(store, TaskStatus.FAILED) is TaskStatus.FAILED


async def test_an_unknown_outcome_is_resolved_and_says_by_whom(store: Store):
    """What a person saw is kept with the task."""
    changed = await resolve(store, TaskFilter(route="orders"), Resolution.DONE, by="ann", reason="it is order 815")

    detail = await store.tasks.show(IDS[TaskStatus.UNKNOWN])
    assert changed.number == 1
    assert detail is not None
    assert detail.row.status is TaskStatus.FINISHED
    assert "ann" in detail.row.reason
    assert "order 815" in detail.row.reason
