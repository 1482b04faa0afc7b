"""Tasks as people look for them."""

from __future__ import annotations

from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import (
    BigInteger,
    SmallInteger,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)

from connector.store.phrases import ZERO, among, said
from connector.store.rows import LANES, OPEN, AttemptRow, ExchangeRow, Found, TaskDetail, TaskRow, TaskStatus
from connector.store.statement import mend
from connector.store.tables import attempts, exchanges, lanes, tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Select
    from sqlalchemy.sql.expression import ColumnElement

    from connector.store.database import Database, Transaction
    from connector.store.rows import TaskFilter
    from connector.store.statement import Statement

_COLUMNS = (
    tasks.c.id,
    tasks.c.route,
    tasks.c.key,
    tasks.c.status,
    tasks.c.source,
    tasks.c.position,
    tasks.c.lane,
    tasks.c.created_at,
    tasks.c.updated_at,
    tasks.c.due_at,
    tasks.c.attempts,
    tasks.c.sent,
    tasks.c.parcels,
    tasks.c.verdict,
    tasks.c.step,
    tasks.c.reason,
    tasks.c.cure,
    tasks.c.done,
)
_LAST = "\U0010ffff"
"""Behind whatever follows in a text, by bytes."""

_MOST: frozenset[TaskStatus] = frozenset({TaskStatus.FINISHED})
"""Statuses that most tasks have: walking through all, newest first, is quicker than sorting what an index holds."""


class Find:
    """Reads tasks inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def find(self, transaction: Transaction, sought: TaskFilter, limit: int, before_id: int | None) -> list[TaskRow]:
        """Return tasks, newest first."""
        if sought.route is not None and sought.statuses and not sought.ids and sought.key is None:
            query = self._find_by_lanes(transaction, sought, limit, before_id)
        else:
            query = self._sift(select(*_COLUMNS), transaction, sought)
            if before_id is not None:
                query = query.where(tasks.c.id < before_id)
        rows = transaction.fetch(query.order_by(tasks.c.id.desc()).limit(limit))
        return [_read_task(row) for row in rows]

    def search(
        self, transaction: Transaction, sought: TaskFilter, limit: int, before_id: int | None, most_rows: int
    ) -> Found:
        """Return tasks, newest first, of those within reach."""
        below = tasks.c.id < before_id if before_id is not None else literal_column("true")
        reach = select(tasks.c.id).where(below).order_by(tasks.c.id.desc()).limit(1).offset(most_rows - 1)
        ends = transaction.fetch(reach)
        query = self._sift(select(*_COLUMNS), transaction, sought).where(below)
        if ends:
            query = query.where(tasks.c.id >= ends[0][0])
        rows = [_read_task(row) for row in transaction.fetch(query.order_by(tasks.c.id.desc()).limit(limit))]
        if len(rows) == limit:
            return Found(tuple(rows), rows[-1].id, is_complete=False)
        return Found(tuple(rows), ends[0][0] if ends else None, is_complete=not ends)

    def find_oldest(self, transaction: Transaction) -> dict[str, int]:
        """Return when each route's oldest open task was made."""
        query = select(tasks.c.route, func.min(tasks.c.created_at)).where(among(tasks.c.status, OPEN))
        return {row[0]: row[1] for row in transaction.fetch(query.group_by(tasks.c.route))}

    def find_ids(self, transaction: Transaction, sought: TaskFilter, limit: int, after_id: int) -> list[int]:
        """Return ids of tasks, oldest first, behind one."""
        query = self._sift(select(tasks.c.id), transaction, sought)
        query = query.where(tasks.c.id > after_id).order_by(tasks.c.id).limit(limit)
        return [row[0] for row in transaction.fetch(query)]

    def count(self, transaction: Transaction, sought: TaskFilter) -> int:
        """Return how many tasks are meant."""
        rows = transaction.fetch(self._sift(select(func.count()).select_from(tasks), transaction, sought))
        return int(rows[0][0])

    def count_all(self, transaction: Transaction) -> dict[str, dict[TaskStatus, int]]:
        """Return how many tasks there are by route and status."""
        counts: dict[str, dict[TaskStatus, int]] = {}
        for route, status, count in transaction.run(self._count_all):
            counts.setdefault(route, {})[TaskStatus(status)] = count
        return counts

    def find_next_due(self, transaction: Transaction, route: str) -> int | None:
        """Return when the first of a route's tries is due."""
        due: int | None = transaction.run(self._next_due, route=route)[0][0]
        return due

    def find_last_value(self, transaction: Transaction, route: str) -> bytes | None:
        """Return the answer of a route's newest task that is finished."""
        rows = transaction.run(self._last_value, route=route)
        return rows[0][0].encode() if rows and rows[0][0] is not None else None

    def list_due(self, transaction: Transaction, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return when the first task in each of some lanes can be claimed; lanes where none can are left out."""
        rows = transaction.run_batch(self._due, places)
        return {(route, lane): due for route, lane, due in rows if due is not None}

    def list_statuses(self, transaction: Transaction, ids: Iterable[int]) -> dict[int, TaskStatus]:
        """Return where tasks stand; one that is gone is not in the result."""
        rows = transaction.run_batch(self._statuses, [(task,) for task in ids])
        return {task: TaskStatus(status) for task, status in rows}

    def show(self, transaction: Transaction, ids: Sequence[int]) -> list[TaskDetail]:
        """Return all that is kept of tasks, in the order of their ids; those that are gone are left out."""
        rows = [(task,) for task in ids]
        tried: dict[int, list[AttemptRow]] = {}
        spoken: dict[tuple[int, int], tuple[ExchangeRow, ...]] = {
            place: tuple(ExchangeRow(*row[2:]) for row in group)
            for place, group in groupby(transaction.run_batch(self._exchanges, rows), key=itemgetter(0, 1))
        }
        for task, *row in transaction.run_batch(self._attempts, rows):
            number, worker, started, commit_at, step, entity, evidence, ended, outcome, *fault, duration_ms = row
            verdict, failed_step, reason = fault
            tried.setdefault(task, []).append(
                AttemptRow(
                    number,
                    worker,
                    started,
                    commit_at,
                    step,
                    entity,
                    None if evidence is None else evidence.encode(),
                    ended,
                    outcome,
                    verdict,
                    failed_step,
                    reason,
                    duration_ms,
                    spoken.get((task, number), ()),
                )
            )
        return [
            TaskDetail(
                _read_task(row[:-2]),
                row[-2].encode(),
                None if row[-1] is None else row[-1].encode(),
                tuple(tried.get(row[0], ())),
            )
            for row in transaction.run_batch(self._whole, rows)
        ]

    def _find_by_lanes(
        self, transaction: Transaction, sought: TaskFilter, limit: int, before_id: int | None
    ) -> Select[Any]:
        """Return the query that takes the newest of each status and lane of a route, as the index has them.

        So nothing is sorted but what may be shown, however many tasks the route has.
        """
        parts = []
        for status in sorted(set(sought.statuses)):
            for lane in range(LANES):
                part = self._sift(select(tasks.c.id), transaction, sought, has_statuses=False)
                part = part.where(tasks.c.status == said(status), tasks.c.lane == literal_column(str(lane)))
                if before_id is not None:
                    part = part.where(tasks.c.id < before_id)
                parts.append(select(part.order_by(tasks.c.id.desc()).limit(limit).subquery().c.id))
        return select(*_COLUMNS).where(tasks.c.id.in_(union_all(*parts)))

    def _sift(
        self, query: Select[Any], transaction: Transaction, sought: TaskFilter, *, has_statuses: bool = True
    ) -> Select[Any]:
        """Return the query, of those tasks that are meant; the statuses are left to the caller where he asks for it."""
        if sought.ids:
            rows = self._statements.rows("ids", id=BigInteger())
            packed = orjson.dumps([[task] for task in sought.ids]).decode()
            query = query.where(tasks.c.id.in_(select(rows.c.id))).params(ids=packed)
        if sought.route is not None:
            query = query.where(tasks.c.route == sought.route)
        if sought.statuses and has_statuses:
            query = query.where(self._have(sought.statuses, sought))
        if sought.key is not None:
            query = query.where(tasks.c.key == mend(sought.key))
        if sought.older_than_ms is not None:
            query = query.where(tasks.c.created_at < transaction.now_ms - sought.older_than_ms)
        if sought.newer_than_ms is not None:
            query = query.where(tasks.c.created_at >= transaction.now_ms - sought.newer_than_ms)
        if sought.is_half_done is not None:
            query = query.where(tasks.c.done.is_not(None) if sought.is_half_done else tasks.c.done.is_(None))
        if sought.keys_starting:
            start = mend(sought.keys_starting)
            query = query.where(tasks.c.key >= start, tasks.c.key < start + _LAST)
        if sought.updated_since_ms is not None:
            query = query.where(tasks.c.updated_at >= sought.updated_since_ms)
        if sought.sources:
            query = query.where(tasks.c.source.in_([mend(source) for source in sought.sources]))
        if sought.text:
            query = query.where(self._hold_text(sought.text))
        return query

    def _have(self, statuses: Sequence[TaskStatus], sought: TaskFilter) -> ColumnElement[bool]:
        column: ColumnElement[str] = tasks.c.status
        if not self._statements.is_postgres and sought.route is None and _MOST & set(statuses):
            column = tasks.c.status.concat(literal_column("''"))  # keeps SQLite from sorting all of an index's range
        return column.in_([said(status) for status in sorted(set(statuses))])

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

    @cached_property
    def _count_all(self) -> Statement:
        return self._statements.prepare(
            select(tasks.c.route, tasks.c.status, func.count())
            .group_by(tasks.c.status, tasks.c.route)
            .order_by(tasks.c.route, tasks.c.status)
        )

    @cached_property
    def _next_due(self) -> Statement:
        first = [
            select(func.min(tasks.c.due_at).label("due_at")).where(
                tasks.c.status == said(TaskStatus.RETRY),
                tasks.c.route == bindparam("route", type_=Text()),
                tasks.c.lane == literal_column(str(lane), SmallInteger()),
            )
            for lane in range(LANES)
        ]
        firsts = union_all(*first).subquery()
        return self._statements.prepare(select(func.min(firsts.c.due_at)))

    @cached_property
    def _last_value(self) -> Statement:
        newest = [
            select(
                select(tasks.c.id)
                .where(
                    tasks.c.status == said(TaskStatus.FINISHED),
                    tasks.c.route == bindparam("route", type_=Text()),
                    tasks.c.lane == literal_column(str(lane), SmallInteger()),
                )
                .order_by(tasks.c.id.desc())
                .limit(literal_column("1"))
                .scalar_subquery()
                .label("id")
            )
            for lane in range(LANES)
        ]
        newests = union_all(*newest).subquery()
        last = select(func.max(newests.c.id)).scalar_subquery()
        return self._statements.prepare(select(tasks.c.value).where(tasks.c.id == last))

    @cached_property
    def _due(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), lane=SmallInteger())
        in_lane = and_(tasks.c.route == rows.c.route, tasks.c.lane == rows.c.lane)
        is_ready = exists().where(tasks.c.status == said(TaskStatus.NEW), in_lane).correlate(rows)
        # Nobody has the lane, and yet something in it is in hand: whoever takes the lane sees to it.
        is_held = exists().where(lanes.c.route == rows.c.route, lanes.c.lane == rows.c.lane, lanes.c.token.is_not(None))
        is_left = exists().where(tasks.c.status == said(TaskStatus.PROCESSING), in_lane).correlate(rows)
        is_due = or_(is_ready, and_(is_left, not_(is_held.correlate(rows))))
        first_try = (
            select(func.min(tasks.c.due_at))
            .where(tasks.c.status == said(TaskStatus.RETRY), in_lane)
            .correlate(rows)
            .scalar_subquery()
        )
        return self._statements.prepare(select(rows.c.route, rows.c.lane, case((is_due, ZERO), else_=first_try)))

    @cached_property
    def _statuses(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            select(tasks.c.id, tasks.c.status).join_from(rows, tasks, tasks.c.id == rows.c.id)
        )

    @cached_property
    def _whole(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            select(*_COLUMNS, tasks.c.record, tasks.c.value)
            .join_from(rows, tasks, tasks.c.id == rows.c.id)
            .order_by(tasks.c.id)
        )

    @cached_property
    def _attempts(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            select(
                attempts.c.task_id,
                attempts.c.number,
                attempts.c.worker,
                attempts.c.started_at,
                attempts.c.commit_at,
                attempts.c.commit_step,
                attempts.c.commit_entity,
                attempts.c.commit_evidence,
                attempts.c.ended_at,
                attempts.c.outcome,
                attempts.c.verdict,
                attempts.c.step,
                attempts.c.reason,
                attempts.c.duration_ms,
            )
            .join_from(rows, attempts, attempts.c.task_id == rows.c.id)
            .order_by(attempts.c.task_id, attempts.c.number)
        )

    @cached_property
    def _exchanges(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            select(
                exchanges.c.task_id,
                exchanges.c.attempt,
                exchanges.c.entity,
                exchanges.c.method,
                exchanges.c.url,
                exchanges.c.started_at,
                exchanges.c.duration_ms,
                exchanges.c.status,
                exchanges.c.verdict,
                exchanges.c.failure,
                exchanges.c.request,
                exchanges.c.response,
            )
            .join_from(rows, exchanges, exchanges.c.task_id == rows.c.id)
            .order_by(exchanges.c.task_id, exchanges.c.attempt, exchanges.c.position)
        )


def _read_task(row: Sequence[Any]) -> TaskRow:
    task, route, key, status, *rest = row
    return TaskRow(task, route, key, TaskStatus(status), *rest)
