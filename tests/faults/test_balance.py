"""The reckoning itself: it finds every fault that it is there for, and no other."""

from __future__ import annotations

import pytest

from tests.faults.balance import SETTLED, TaskSeen, find_faults
from tests.faults.shop import Arrival


def arrive(number: int, *, key: str = "C-1", is_taken: bool = True) -> Arrival:
    """Return an arrival."""
    return Arrival(f"R-{number:05}", key, number, is_taken, 0.0)


def make_task(number: int, status: str, *, is_noted: bool = False) -> TaskSeen:
    """Return a task."""
    return TaskSeen(number, f"R-{number:05}", None, status, is_noted=is_noted)


@pytest.mark.parametrize(
    ("status", "is_noted", "taken", "is_sound"),
    [
        ("finished", False, 1, True),
        ("finished", False, 0, False),
        ("unknown", False, 0, True),
        ("unknown", False, 1, True),
        ("failed", False, 0, True),
        ("failed", False, 1, False),
        ("skipped", False, 1, False),
        ("new", False, 0, True),
        ("new", False, 1, False),
        ("retry", False, 1, False),
        ("waiting", False, 1, False),
        ("processing", False, 0, True),
        ("processing", False, 1, False),
        ("processing", True, 1, True),
        ("processing", True, 0, True),
        ("lost", False, 0, False),
    ],
)
def test_status_fits_the_count(status: str, is_noted: bool, taken: int, is_sound: bool) -> None:
    """Each status allows the shop to have taken a record so often, and no more."""
    arrivals = [arrive(1)] * taken

    faults = find_faults(
        [make_task(1, status, is_noted=is_noted)], arrivals, expected=["R-00001"], still=[status, *SETTLED]
    )

    assert bool(faults) is not is_sound


@pytest.mark.parametrize("status", ["finished", "unknown"])
def test_double_is_found(status: str) -> None:
    """A record that was taken twice is a fault under every status."""
    faults = find_faults([make_task(1, status)], [arrive(1), arrive(1)], expected=["R-00001"])

    assert "R-00001 was taken 2 times" in faults


def test_lost_record_is_found() -> None:
    """A record without a task is a fault once all should have one."""
    partly = find_faults([], [], expected=["R-00001"], is_complete=False)
    wholly = find_faults([], [], expected=["R-00001"])

    assert partly == []
    assert wholly == ["R-00001 has no task: it is lost"]


def test_second_task_is_found() -> None:
    """A record with two tasks is a fault, even before either was sent."""
    faults = find_faults([make_task(1, "new"), make_task(1, "new")], [], expected=["R-00001"])

    assert faults == ["R-00001 has 2 tasks"]


def test_open_task_is_found_when_all_should_be_done() -> None:
    """An open task is a fault where everything should be done."""
    faults = find_faults([make_task(1, "retry")], [], expected=["R-00001"], still=SETTLED)

    assert faults == ["task 1 (R-00001) is retry: "]


def test_wrong_order_is_found() -> None:
    """Records of one customer that were taken out of their order are a fault; what was not taken does not count."""
    tasks = [make_task(number, "finished") for number in (1, 2)]

    wrong = find_faults(tasks, [arrive(2), arrive(1)], expected=["R-00001", "R-00002"])
    right = find_faults(tasks, [arrive(2, is_taken=False), arrive(1), arrive(2)], expected=["R-00001", "R-00002"])

    assert wrong == ["C-1 was served out of order: [2, 1]"]
    assert right == []
