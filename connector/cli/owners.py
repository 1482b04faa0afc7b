"""Which record of a run a task was made of, and whether that was told, in little memory: there may be millions."""

from __future__ import annotations

from array import array
from bisect import bisect_right


class Owners:
    """Remembers the index of a record by the number of its task.

    Tasks are numbered as they are made, so a stretch of records that became tasks one after another is remembered as
    two numbers and a length. A task that is older and took a newer record has an entry of its own.
    """

    def __init__(self) -> None:
        self._tasks = array("q")  # the first task of each stretch, ascending
        self._indexes = array("q")  # of its record
        self._lengths = array("q")
        self._starts = array("q")  # of its marks
        self._marks = bytearray()  # for each task: whether its result was told
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
                self._marks.append(0)
                return
            if task < self._tasks[-1] + length:
                self._older[task] = index
                return
        self._tasks.append(task)
        self._indexes.append(index)
        self._lengths.append(1)
        self._starts.append(len(self._marks))
        self._marks.append(0)

    def find(self, task: int) -> int | None:
        """Return the index of a task's record, or None where it was made of none of this run's."""
        if task in self._older:
            return self._older[task]
        place = self._locate(task)
        return None if place is None else self._indexes[place] + task - self._tasks[place]

    def mark(self, task: int) -> bool:
        """Take note that a task's result was told, and return whether it was not before.

        A task that is none of this run's, or older than it, is told each time.
        """
        place = None if task in self._older else self._locate(task)
        if place is None:
            return True
        spot = self._starts[place] + task - self._tasks[place]
        was_told, self._marks[spot] = self._marks[spot], 1
        return not was_told

    def untold(self, most: int, *, after: int = 0) -> list[int]:
        """Return the first tasks whose results were not told yet.

        Args:
            most: So many at most.
            after: Only those with a higher number.
        """
        found: list[int] = []
        place = max(bisect_right(self._tasks, after) - 1, 0)
        while place < len(self._tasks) and len(found) < most:
            first, start = self._tasks[place], self._starts[place]
            end = start + self._lengths[place]
            spot = self._marks.find(0, start + max(after + 1 - first, 0), end)
            while spot >= 0 and len(found) < most:
                found.append(first + spot - start)
                spot = self._marks.find(0, spot + 1, end)
            place += 1
        return found

    def _locate(self, task: int) -> int | None:
        """Return the place of the stretch that has a task."""
        place = bisect_right(self._tasks, task) - 1
        return place if place >= 0 and task < self._tasks[place] + self._lengths[place] else None
