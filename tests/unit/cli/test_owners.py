"""Which record of a run a task was made of."""

from __future__ import annotations

from connector.cli.owners import Owners


def test_tasks_in_a_row_are_found():
    """Every task of a stretch leads to its record, those before and behind it to none."""
    owners = Owners()
    for task, index in [(5, 0), (6, 1), (7, 2), (9, 3), (10, 5)]:
        owners.add(task, index)

    assert [owners.find(task) for task in range(4, 12)] == [None, 0, 1, 2, None, 3, 5, None]


def test_a_task_that_took_a_newer_record():
    """A task of this run or an earlier one leads to the record it took last."""
    owners = Owners()
    owners.add(5, 0)
    owners.add(6, 1)

    owners.add(5, 2)
    owners.add(1, 3)

    assert [owners.find(task) for task in (1, 5, 6)] == [3, 2, 1]


def test_a_result_is_told_once():
    """The second mark of a task says that it was told; tasks of nobody's are told each time."""
    owners = Owners()
    owners.add(5, 0)
    owners.add(9, 1)

    assert [owners.mark(task) for task in (9, 9, 5, 5, 99, 99)] == [True, False, True, False, True, True]


def test_what_was_not_told_yet():
    """The first tasks without a mark, so many at most, and from behind one."""
    owners = Owners()
    for index, task in enumerate([1, 2, 3, 7, 8]):
        owners.add(task, index)
    owners.mark(2)
    owners.mark(7)

    assert owners.untold(2) == [1, 3]
    assert owners.untold(10) == [1, 3, 8]
    assert owners.untold(10, after=1) == [3, 8]
    assert owners.untold(10, after=5) == [8]
    assert owners.untold(10, after=8) == []


def test_a_million_tasks_take_little_memory():
    """What is in a row is kept as a row, and one byte each."""
    owners = Owners()

    for task in range(1_000_000):
        owners.add(task + 1, task)

    assert owners.find(777_777) == 777_776
    assert len(owners._tasks) == 1
