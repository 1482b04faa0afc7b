"""Phrases that several statements are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, Text, case, func, literal_column, null, select, update

from connector.store.rows import OPEN, TERMINAL, TaskStatus
from connector.store.tables import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import FromClause
    from sqlalchemy.sql.dml import Update
    from sqlalchemy.sql.expression import ColumnElement, ScalarSelect

NOTHING: Final = literal_column("''", Text())
ZERO: Final[ColumnElement[int]] = literal_column("0", Integer())
ONE: Final[ColumnElement[int]] = literal_column("1", Integer())


def said(status: TaskStatus) -> ColumnElement[str]:
    """Return a status as a constant of the statement: a parameter would keep partial indexes from being used."""
    return literal_column(f"'{status.value}'", Text())


def among(column: ColumnElement[str], statuses: Iterable[TaskStatus]) -> ColumnElement[bool]:
    """Return whether a column holds one of these statuses."""
    return column.in_([said(status) for status in sorted(statuses)])


def stands(*statuses: TaskStatus) -> ColumnElement[bool]:
    """Return whether a task that is found by its id has one of these statuses.

    Written so that no index of statuses fits: SQLite would rather walk through all tasks of a status than look the
    ids of a batch up, one by one.
    """
    return among(tasks.c.status.concat(NOTHING), statuses)


def placed(occurrence: ColumnElement[int], status: ColumnElement[str]) -> ColumnElement[int]:
    """Return what becomes of `occurrence` with a new status: see `tables`."""
    return case((among(status, TERMINAL), -func.abs(occurrence)), else_=func.abs(occurrence))


def first_open(route: ColumnElement[str], key: ColumnElement[str]) -> ScalarSelect[int]:
    """Return the id of the first open task of a key."""
    first = tasks.alias("first_open")
    return (
        select(first.c.id)
        .where(first.c.route == route, first.c.key == key, first.c.occurrence >= ZERO, among(first.c.status, OPEN))
        .order_by(first.c.occurrence)
        .limit(literal_column("1"))
        .scalar_subquery()
    )


def released(keys: FromClause, now: Any) -> Update:
    """Return the statement that lets the first task of each key go, where it waits.

    Args:
        keys: Rows with `route` and `key`.
        now: The time.
    """
    return (
        update(tasks)
        .where(
            tasks.c.id.in_(select(first_open(keys.c.route, keys.c.key)).select_from(keys)),
            stands(TaskStatus.WAITING),
        )
        .values(status=said(TaskStatus.NEW), reason=NOTHING, updated_at=now, due_at=null())
    )
