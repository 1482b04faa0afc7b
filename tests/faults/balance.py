"""The reckoning after a fault: what the database says of each record, against what the shop took.

It reads the tables with a plain driver and shares no code with the program, so it believes nothing that the program
says of itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tests.faults.shop import Arrival

SETTLED: Final = frozenset({"finished", "failed", "skipped"})
"""Statuses from which nothing goes on by itself."""

OPEN: Final = frozenset({"new", "processing", "retry", "waiting", "unknown"})
_TAKEN_BY_STATUS: Final = {
    "finished": (1,),
    "unknown": (0, 1),
    "new": (0,),
    "retry": (0,),
    "waiting": (0,),
    "failed": (0,),
    "skipped": (0,),
}
"""How often the shop may have taken a record, by its task's status."""


@dataclass(frozen=True)
class TaskSeen:
    """A row of the tasks table.

    Attributes:
        id: Its number.
        reference: Of the record in it; empty where it has none.
        key: The key it was made under, or None.
        status: As stored.
        reason: As stored.
        is_noted: Whether an attempt without an end has a commit note: its request may have left.
    """

    id: int
    reference: str
    key: str | None
    status: str
    reason: str = ""
    is_noted: bool = False


_QUERY: Final = """
SELECT id, record, key, status, reason,
       EXISTS (SELECT 1 FROM attempts WHERE task_id = tasks.id AND commit_at IS NOT NULL AND ended_at IS NULL)
FROM tasks ORDER BY id
"""


def read_tasks(database: Path | str) -> list[TaskSeen]:
    """Return every task, in the order of their numbers; none where the tables were never made.

    Args:
        database: File of SQLite, or a `postgresql://` address.
    """
    return [
        TaskSeen(number, _reference_of(record), key, status, reason or "", bool(is_noted))
        for number, record, key, status, reason, is_noted in query(database, _QUERY)
    ]


def query(database: Path | str, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; none where a table is missing."""
    if isinstance(database, Path):
        if not database.exists():
            return []
        with closing(sqlite3.connect(database, timeout=10)) as connection:
            try:
                return connection.execute(sql).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise
    import psycopg  # noqa: PLC0415 - only where there is a server

    with psycopg.connect(database) as connection:
        try:
            return connection.execute(sql).fetchall()
        except psycopg.errors.UndefinedTable:
            return []


def _reference_of(record: Any) -> str:
    value = json.loads(record) if isinstance(record, str | bytes) else record
    return str(value.get("reference", "")) if isinstance(value, dict) else ""


def find_faults(
    tasks: Sequence[TaskSeen],
    arrivals: Sequence[Arrival],
    *,
    expected: Iterable[str],
    is_complete: bool = True,
    still: Collection[str] = OPEN | SETTLED,
    is_ordered: bool = True,
) -> list[str]:
    """Return everything that does not balance, in sentences; an empty list is what a test wants to see.

    Args:
        tasks: What the database says.
        arrivals: What reached the shop.
        expected: References of all records there are.
        is_complete: Whether each of them must have a task by now; false while they are still being fetched.
        still: Statuses that may be there; give `SETTLED` when everything must be done.
        is_ordered: Whether the records of a customer must have been taken in their order.
    """
    faults = [*_compare_records(tasks, expected, is_complete=is_complete), *_compare_counts(tasks, arrivals)]
    faults += [f"task {task.id} ({task.reference}) is {task.status}: {task.reason}" for task in tasks
               if task.status not in still]  # fmt: skip
    if is_ordered:
        faults += _compare_order(arrivals)
    return faults


def _compare_records(tasks: Sequence[TaskSeen], expected: Iterable[str], *, is_complete: bool) -> list[str]:
    wanted = set(expected)
    made = Counter(task.reference for task in tasks)
    faults = [f"{reference} has {count} tasks" for reference, count in sorted(made.items()) if count > 1]
    faults += [f"{reference} has a task and no record" for reference in sorted(set(made) - wanted)]
    if is_complete:
        faults += [f"{reference} has no task: it is lost" for reference in sorted(wanted - set(made))]
    return faults


def _compare_counts(tasks: Sequence[TaskSeen], arrivals: Sequence[Arrival]) -> list[str]:
    taken = Counter(arrival.reference for arrival in arrivals if arrival.is_taken)
    faults = [f"{reference} was taken {count} times" for reference, count in sorted(taken.items()) if count > 1]
    known = {task.reference for task in tasks}
    faults += [f"{reference} was taken and has no task" for reference in sorted(set(taken) - known)]
    for task in tasks:
        count = taken[task.reference]
        if task.status == "processing":
            allowed: tuple[int, ...] = (0, 1) if task.is_noted else (0,)
        else:
            allowed = _TAKEN_BY_STATUS.get(task.status, ())
        if count not in allowed:
            note = " with a commit note" if task.is_noted else ""
            faults.append(f"task {task.id} ({task.reference}) is {task.status}{note}, the shop took it {count} times")
    return faults


def _compare_order(arrivals: Sequence[Arrival]) -> list[str]:
    by_key: defaultdict[str, list[int]] = defaultdict(list)
    for arrival in arrivals:
        if arrival.is_taken:
            by_key[arrival.key].append(arrival.number)
    return [f"{key} was served out of order: {numbers}" for key, numbers in sorted(by_key.items())
            if numbers != sorted(numbers)]  # fmt: skip
