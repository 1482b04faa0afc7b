"""Where among the ids a time lies: tasks are numbered as they are made."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, func, literal_column, select

from connector.store.tables import tasks

if TYPE_CHECKING:
    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement


class Boundary:
    """Looks ids up by time, inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def find(self, transaction: Transaction, at_ms: int) -> int:
        """Return an id; tasks from there on were made at that time or later.

        The place is found like a word in a dictionary, without reading them all. Where clocks disagreed, a few that are
        older may lie behind it, and a few that are younger before it.
        """
        low, high = (row or 0 for row in transaction.run(self._ends)[0])
        high += 1
        while low < high:
            middle = (low + high) // 2
            rows = transaction.run(self._from, id=middle)
            if rows and rows[0][0] < high and rows[0][1] < at_ms:
                low = rows[0][0] + 1
            else:
                high = middle
        return low

    @cached_property
    def _ends(self) -> Statement:
        return self._statements.prepare(
            select(select(func.min(tasks.c.id)).scalar_subquery(), select(func.max(tasks.c.id)).scalar_subquery())
        )

    @cached_property
    def _from(self) -> Statement:
        return self._statements.prepare(
            select(tasks.c.id, tasks.c.created_at)
            .where(tasks.c.id >= bindparam("id", type_=BigInteger()))
            .order_by(tasks.c.id)
            .limit(literal_column("1"))
        )
