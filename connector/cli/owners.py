"""Which record of a run a task was made of, in little memory: a run may have millions."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Owners:
    """Remembers the index of a record by the number of its task.

    Tasks are numbered as they are made, so a stretch of records that became tasks one after another is remembered as
    two numbers and a length. A task that is older and took a newer record has an entry of its own.
    """

    def __init__(self) -> None:
        self._tasks = array("q")  # the first task of each stretch, ascending
        self._indexes = array("q")  # of its record
        self._lengths = array("q")
        self._older: dict[int, int] = {}

    def add(self, task: int, index: int) -> None:
        """Remember a task; one that is known already takes the new index.

        Args:
            task: Its number.
            index: Place of its record in the run, from 0.
        """
        if self._tasks:
            length = self._lengths[-1]
            if task == self._tasks[-1] + length and index == self._indexes[-1] + length:
                self._lengths[-1] = length + 1
                return
            if task < self._tasks[-1] + length:
                self._older[task] = index
                return
        self._tasks.append(task)
        self._indexes.append(index)
        self._lengths.append(1)

    def find(self, task: int) -> int | None:
        """Return the index of a task's record, or None where it was made of none of this run's."""
        if task in self._older:
            return self._older[task]
        place = bisect_right(self._tasks, task) - 1
        if place < 0 or task >= self._tasks[place] + self._lengths[place]:
            return None
        return self._indexes[place] + task - self._tasks[place]

    def tasks(self) -> Iterable[int]:
        """Give the numbers of all tasks that are remembered."""
        for first, length in zip(self._tasks, self._lengths, strict=True):
            yield from range(first, first + length)
        yield from (task for task in self._older if self._is_before_all(task))

    def _is_before_all(self, task: int) -> bool:
        place = bisect_right(self._tasks, task) - 1
        return place < 0 or task >= self._tasks[place] + self._lengths[place]
