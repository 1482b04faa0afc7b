"""What a `TaskFilter` means, as conditions of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import BigInteger, and_, false, func, literal, or_, select

from connector.store.phrases import NOTHING, said
from connector.store.statement import mend
from connector.store.tables import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select
    from sqlalchemy.sql.expression import ColumnElement

    from connector.store.database import Transaction
    from connector.store.rows import TaskFilter
    from connector.store.statement import Statements

_LAST: Final = "\U0010ffff"
"""Behind whatever follows in a text, by bytes."""


class Sift:
    """Puts conditions together. Those that an index answers are told apart from those that a row has to be read for."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def quick(self, sought: TaskFilter, *, is_by_index: bool = True) -> Iterator[ColumnElement[bool]]:
        """Give the conditions that an index answers.

        Args:
            sought: What is meant.
            is_by_index: Whether tasks are to be found by them; else by something better, or one after the other, and
                the conditions are written so that no index fits.
        """
        route, key, status = (_plain if is_by_index else _hidden)(tasks.c.route, tasks.c.key, tasks.c.status)
        if sought.ids:
            rows = self._statements.rows("ids", id=BigInteger())
            packed = orjson.dumps([[task] for task in sought.ids]).decode()
            yield tasks.c.id.in_(select(rows.c.id).params(ids=packed))
        if sought.route is not None:
            yield route == mend(sought.route)
        elif has_key(sought) and is_by_index:
            yield route.in_(_list_routes())
        if sought.key is not None:
            yield key == mend(sought.key)
        if sought.keys_starting:
            start = mend(sought.keys_starting)
            yield and_(key >= start, key < start + _LAST)
        if sought.statuses:
            if sought.ids or has_key(sought):
                (status,) = _hidden(tasks.c.status)
            yield status.in_([said(one) for one in sorted(set(sought.statuses))])

    def slow(self, sought: TaskFilter, transaction: Transaction) -> Iterator[ColumnElement[bool]]:
        """Give the conditions for which a task itself is read."""
        if sought.older_than_ms is not None:
            yield tasks.c.created_at < transaction.now_ms - sought.older_than_ms
        if sought.newer_than_ms is not None:
            yield tasks.c.created_at >= transaction.now_ms - sought.newer_than_ms
        if sought.updated_since_ms is not None:
            yield tasks.c.updated_at >= sought.updated_since_ms
        if sought.sources:
            yield or_(*(tasks.c.source == mend(source) for source in sought.sources))
        if sought.is_half_done is not None:
            yield tasks.c.done.is_not(None) if sought.is_half_done else tasks.c.done.is_(None)
        if sought.text:
            yield self._hold_text(sought.text)

    def _hold_text(self, text: str) -> ColumnElement[bool]:
        """Return whether record, key or reason hold a text; in the record also as JSON writes it."""
        text = mend(text)
        written = orjson.dumps(text).decode()[1:-1]
        columns = [(tasks.c.record, written), (tasks.c.key, text), (tasks.c.reason, text)]
        if self._statements.is_postgres or text.isascii():
            return or_(*(column.icontains(needle, autoescape=True) for column, needle in columns))
        # SQLite itself folds the case of ASCII only.
        return or_(
            *(func.instr(func.casefold(column), literal(needle.casefold())) > 0 for column, needle in columns), false()
        )


def has_key(sought: TaskFilter) -> bool:
    """Whether tasks are sought by their keys."""
    return sought.key is not None or bool(sought.keys_starting)


def has_slow(sought: TaskFilter) -> bool:
    """Whether tasks have to be read to tell whether they are meant; their ages are told by their ids."""
    return bool(sought.updated_since_ms is not None or sought.sources or sought.is_half_done is not None or sought.text)


def _list_routes() -> Select[Any]:
    """Return the query for all routes that have keys, looked up one after the other in the index of keys."""
    this, next_one = tasks.alias("this"), tasks.alias("next_one")
    first = select(func.min(this.c.route)).where(this.c.key.is_not(None)).scalar_subquery()
    known = select(first.label("route")).cte("keyed", recursive=True)
    following = (
        select(func.min(next_one.c.route))
        .where(next_one.c.key.is_not(None), next_one.c.route > known.c.route)
        .scalar_subquery()
    )
    known = known.union_all(select(following).where(known.c.route.is_not(None)))
    return select(known.c.route)


def _plain(*columns: ColumnElement[str]) -> tuple[ColumnElement[str], ...]:
    return columns


def _hidden(*columns: ColumnElement[str]) -> tuple[ColumnElement[str], ...]:
    """Return columns so that no index of theirs fits."""
    return tuple(column.concat(NOTHING) for column in columns)
