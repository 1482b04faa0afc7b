"""Tasks as people look for them: lists, newest first, out of a million.

A page of a list takes a few milliseconds where an index leads to its tasks, whatever is sought:

- Keys, and what they begin with, lie in `tasks_by_key` under each route.
- Statuses and routes lie in `tasks_by_status`, where the newest of each status, route and lane stand together: a page
  takes the newest of each place, and the newest of these. No index has the tasks of a route, or of a status, as such;
  but a route has no more than sixty-four places, and most routes have tasks of few statuses.
- Times are found among the ids, since tasks are numbered as they are made.

For the rest (texts, sources) tasks have to be read. `find` reads on until the page is full; `search` reads so many and
says how far it came.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, SmallInteger, Text, bindparam, func, literal_column, select

from connector.store.detail import COLUMNS, read_task
from connector.store.phrases import ZERO
from connector.store.rows import LANES, Found, TaskFilter, TaskStatus
from connector.store.sift import Sift, has_key, has_slow
from connector.store.statement import mend
from connector.store.tables import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Select
    from sqlalchemy.sql.expression import ColumnElement

    from connector.store.boundary import Boundary
    from connector.store.database import Database, Transaction
    from connector.store.rows import TaskRow
    from connector.store.standing import Standing
    from connector.store.statement import Statement

_CLOCKS_DIFFER_MS: Final = 60_000
_TOP: Final = 2**63 - 1
_NEAR: Final = 5_000
"""So many of the newest tasks are read at once to see whether a page of keys that begin alike is among them."""

_MANY_KEYS: Final = 20_000
"""Of so many keys that begin alike, the tasks are not all read, where that has to be, but sought by something else."""


class Find:
    """Reads lists of tasks inside transactions."""

    def __init__(self, database: Database, standing: Standing, boundary: Boundary) -> None:
        self._statements = database.statements
        self._sift = Sift(database.statements)
        self._standing = standing
        self._boundary = boundary

    def find(self, transaction: Transaction, sought: TaskFilter, limit: int, before_id: int | None) -> list[TaskRow]:
        """Return tasks, newest first."""
        low, high = self._bound(transaction, sought, before_id)
        return self._show(transaction, self._find_newest(transaction, sought, limit, low, high))

    def search(
        self, transaction: Transaction, sought: TaskFilter, limit: int, before_id: int | None, most_rows: int
    ) -> Found:
        """Return tasks, newest first, having read so many at most."""
        low, high = self._bound(transaction, sought, before_id)
        if not has_slow(sought) or (_has_quick(sought) and not self._are_more(transaction, sought, most_rows)):
            ids = self._find_newest(transaction, sought, limit, low, high, most_keys=most_rows)
            end = None
        else:
            end = self._reach(transaction, low, high, most_rows) or None
            ids = self._walk(transaction, sought, limit, end or low, high)
        rows = tuple(self._show(transaction, ids))
        if len(rows) == limit:
            return Found(rows, rows[-1].id, is_complete=False)
        return Found(rows, end if end is not None else _last(rows), is_complete=end is None)

    def find_ids(self, transaction: Transaction, sought: TaskFilter, limit: int, after_id: int) -> list[int]:
        """Return ids of tasks, oldest first, behind one."""
        query = self._select(select(tasks.c.id), transaction, sought)
        query = query.where(tasks.c.id > after_id).order_by(tasks.c.id).limit(limit)
        return [row[0] for row in transaction.fetch(query)]

    def count(self, transaction: Transaction, sought: TaskFilter) -> int:
        """Return how many tasks are meant."""
        rows = transaction.fetch(self._select(select(func.count()).select_from(tasks), transaction, sought))
        return int(rows[0][0])

    def _bound(self, transaction: Transaction, sought: TaskFilter, before_id: int | None) -> tuple[int, int]:
        """Return between which ids those lie that are old and young enough; exactly, their times tell."""
        low, high = 0, _TOP if before_id is None else before_id
        if sought.newer_than_ms is not None:
            since_ms = transaction.now_ms - sought.newer_than_ms
            low = self._boundary.find(transaction, since_ms - _CLOCKS_DIFFER_MS)
        if sought.older_than_ms is not None:
            until_ms = transaction.now_ms - sought.older_than_ms
            high = min(high, self._boundary.find(transaction, until_ms + _CLOCKS_DIFFER_MS))
        return low, high

    def _find_newest(
        self,
        transaction: Transaction,
        sought: TaskFilter,
        limit: int,
        low: int,
        high: int,
        *,
        most_keys: int = _MANY_KEYS,
    ) -> Sequence[int]:
        """Return the ids of the newest tasks that are meant, by whichever way is the shortest."""
        if sought.ids or sought.key is not None:
            return self._sort(transaction, sought, limit, low, high)
        if has_key(sought):
            near = self._walk(transaction, sought, limit, max(low, self._reach(transaction, low, high, _NEAR)), high)
            if len(near) == limit:  # so many begin like that that the newest are among the newest of all
                return near
            is_in_index = not sought.statuses and not has_slow(sought) and (low, high) == (0, _TOP)
            if is_in_index or not self._are_more(transaction, replace(sought, statuses=()), most_keys):
                return self._sort(transaction, sought, limit, low, high)
        if not sought.statuses and (sought.route is None or has_key(sought)):
            return self._walk(transaction, sought, limit, low, high)
        newest = _Newest(limit, low)
        self._look_at_places(transaction, sought, newest, high)
        return newest.ids

    def _reach(self, transaction: Transaction, low: int, high: int, most_rows: int) -> int:
        """Return the id down to which so many tasks lie, or 0 where there are no more than these."""
        query = select(tasks.c.id).where(*_between(low, high)).order_by(tasks.c.id.desc())
        ends = transaction.fetch(query.offset(most_rows - 1).limit(2))
        return ends[0][0] if len(ends) > 1 else 0

    def _sort(self, transaction: Transaction, sought: TaskFilter, limit: int, low: int, high: int) -> list[int]:
        """Find what is meant by its index, and sort it."""
        query = self._select(select(tasks.c.id), transaction, sought).where(*_between(low, high))
        rows = transaction.fetch(query.order_by((tasks.c.id + ZERO).desc()).limit(limit))  # and not walk to save it
        return [row[0] for row in rows]

    def _walk(self, transaction: Transaction, sought: TaskFilter, limit: int, low: int, high: int) -> list[int]:
        """Read one task after the other, from the newest on."""
        query = select(tasks.c.id).where(
            *self._sift.quick(sought, is_by_index=False), *self._sift.slow(sought, transaction), *_between(low, high)
        )
        return [row[0] for row in transaction.fetch(query.order_by(tasks.c.id.desc()).limit(limit))]

    def _look_at_places(self, transaction: Transaction, sought: TaskFilter, newest: _Newest, high: int) -> None:
        """Look at the newest of each status, route and lane in `tasks_by_status`."""
        statuses = set(sought.statuses or TaskStatus)
        if sought.route is not None:
            held = [(status, mend(sought.route)) for status in sorted(statuses)]
        else:
            held = self._standing.list_routes(transaction, sorted(statuses))
        places = [(status.value, route, lane) for status, route in held for lane in range(LANES)]
        conditions = self._list_rest(transaction, sought)
        if transaction.is_postgres:
            statement = self._look_at_all(conditions)
            rows = transaction.run_batch(statement, places, low=newest.low, high=high, limit=newest.limit)
            newest.add(row[0] for row in rows)
            return
        statement = self._look_at_one(conditions)
        for status, route, lane in places:  # no round trip: one after the other, each has less to look at
            rows = transaction.run(
                statement, status=status, route=route, lane=lane, low=newest.low, high=high, limit=newest.limit
            )
            newest.add(row[0] for row in rows)

    def _look_at_one(self, conditions: Sequence[ColumnElement[bool]]) -> Statement:
        return self._statements.prepare(
            select(tasks.c.id)
            .where(
                tasks.c.status == bindparam("status", type_=Text(), required=False),
                tasks.c.route == bindparam("route", type_=Text(), required=False),
                tasks.c.lane == bindparam("lane", type_=SmallInteger(), required=False),
                *_BETWEEN,
                *conditions,
            )
            .order_by(tasks.c.id.desc())
            .limit(_LIMIT)
        )

    def _look_at_all(self, conditions: Sequence[ColumnElement[bool]]) -> Statement:
        rows = self._statements.rows("rows", status=Text(), route=Text(), lane=SmallInteger())
        newest = (
            select(tasks.c.id)
            .where(
                tasks.c.status == rows.c.status,
                tasks.c.route == rows.c.route,
                tasks.c.lane == rows.c.lane,
                *_BETWEEN,
                *conditions,
            )
            .order_by(tasks.c.id.desc())
            .limit(_LIMIT)
            .correlate(rows)
            .lateral("newest")
        )
        return self._statements.prepare(
            select(newest.c.id)
            .select_from(rows.join(newest, literal_column("true")))
            .order_by(newest.c.id.desc())
            .limit(_LIMIT)
        )

    def _list_rest(self, transaction: Transaction, sought: TaskFilter) -> list[ColumnElement[bool]]:
        """Return the conditions besides status and route."""
        rest = replace(sought, route=None, statuses=())
        return [*self._sift.quick(rest, is_by_index=False), *self._sift.slow(rest, transaction)]

    def _are_more(self, transaction: Transaction, sought: TaskFilter, most: int) -> bool:
        """Whether an index leads to more tasks than so many."""
        statuses = sought.statuses or (tuple(TaskStatus) if not has_key(sought) and not sought.ids else ())
        query: Select[Any] = select(literal_column("1").label("one")).where(
            *self._sift.quick(replace(sought, statuses=statuses))
        )
        some = query.limit(most + 1).subquery("some")
        return int(transaction.fetch(select(func.count()).select_from(some))[0][0]) > most

    def _select(self, query: Select[Any], transaction: Transaction, sought: TaskFilter) -> Select[Any]:
        """Return the query, of those tasks that are meant."""
        conditions = [*self._sift.quick(sought), *self._sift.slow(sought, transaction)]
        if sought.route is None and TaskStatus.FINISHED in sought.statuses and not transaction.is_postgres:
            # SQLite would sort all that an index says of a status that most tasks have.
            conditions = [
                *self._sift.quick(replace(sought, statuses=())),
                *self._sift.quick(TaskFilter(statuses=sought.statuses), is_by_index=False),
                *self._sift.slow(sought, transaction),
            ]
        return query.where(*conditions)

    def _show(self, transaction: Transaction, ids: Iterable[int]) -> list[TaskRow]:
        """Return tasks, newest first."""
        return [read_task(row) for row in transaction.run_batch(self._rows, [(task,) for task in ids])]

    @cached_property
    def _rows(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            select(*COLUMNS).join_from(rows, tasks, tasks.c.id == rows.c.id).order_by(tasks.c.id.desc())
        )


class _Newest:
    """The highest so many ids of those that were seen.

    Attributes:
        limit: How many.
        low: What is below is not looked for any more: there are enough that are higher.
    """

    def __init__(self, limit: int, low: int) -> None:
        self.limit = limit
        self.low = low
        self._heap: list[int] = []

    def add(self, ids: Iterable[int]) -> None:
        """Take in what was seen."""
        for task in ids:
            if len(self._heap) < self.limit:
                heapq.heappush(self._heap, task)
            else:
                heapq.heappushpop(self._heap, task)
        if len(self._heap) == self.limit:
            self.low = max(self.low, self._heap[0])

    @property
    def ids(self) -> list[int]:
        """The ids, in no order."""
        return list(self._heap)


# Not required: a list of sources beside them is written out when the statement is made, before they have a value.
_LIMIT: Final = bindparam("limit", type_=Integer(), required=False)
_BETWEEN: Final = (
    tasks.c.id >= bindparam("low", type_=BigInteger(), required=False),
    tasks.c.id < bindparam("high", type_=BigInteger(), required=False),
)


def _between(low: int, high: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a task lies from one id on and below another, as far as they say anything."""
    return (
        *((tasks.c.id >= low,) if low > 0 else ()),
        *((tasks.c.id < high,) if high < _TOP else ()),
    )


def _has_quick(sought: TaskFilter) -> bool:
    """Whether an index leads to what is meant."""
    return bool(sought.ids or sought.route is not None or sought.statuses or has_key(sought))


def _last(rows: Sequence[TaskRow]) -> int | None:
    return rows[-1].id if rows else None
