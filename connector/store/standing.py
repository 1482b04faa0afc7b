"""How things stand: how many tasks there are, what is due, what waits the longest."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    SmallInteger,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)

from connector.store.phrases import ZERO, said
from connector.store.rows import LANES, OPEN, TaskStatus
from connector.store.tables import lanes, tasks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import CTE

    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

_QUEUED: Final = OPEN - {TaskStatus.UNKNOWN}
"""What waits to be sent, or is on its way; what is unknown was sent, and waits for a person."""


class Standing:
    """Reads how tasks stand, inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def count_all(self, transaction: Transaction) -> dict[str, dict[TaskStatus, int]]:
        """Return how many tasks there are by route and status."""
        counts: dict[str, dict[TaskStatus, int]] = {}
        for route, status, count in transaction.run(self._count_all):
            counts.setdefault(route, {})[TaskStatus(status)] = count
        return counts

    def find_oldest(self, transaction: Transaction) -> dict[str, int]:
        """Return when the oldest task was made of those that wait to be sent, by route."""
        return {row[0]: row[1] for row in transaction.run(self._oldest)}

    def list_routes(self, transaction: Transaction, statuses: Iterable[TaskStatus]) -> list[tuple[TaskStatus, str]]:
        """Return which routes have tasks of which of these statuses."""
        rows = transaction.run_batch(self._routes, [(status,) for status in statuses])
        return [(TaskStatus(status), route) for status, route in rows]

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
    def _routes(self) -> Statement:
        rows = self._statements.rows("rows", status=Text())
        known = _list_known(select(rows.c.status).subquery("asked"))
        return self._statements.prepare(select(known.c.status, known.c.route).where(known.c.route.is_not(None)))

    @cached_property
    def _oldest(self) -> Statement:
        """Look up the first task of each status, route and lane, and see which of a route is the oldest."""
        asked = union_all(*(select(said(status).label("status")) for status in sorted(_QUEUED))).subquery("asked")
        known = _list_known(asked)
        every = union_all(*(select(literal_column(str(lane), SmallInteger()).label("lane")) for lane in range(LANES)))
        lane = every.subquery("every")
        first = (
            select(func.min(tasks.c.id))
            .where(tasks.c.status == known.c.status, tasks.c.route == known.c.route, tasks.c.lane == lane.c.lane)
            .scalar_subquery()
            .label("id")
        )
        firsts = select(first).select_from(known.join(lane, literal_column("true"))).where(known.c.route.is_not(None))
        return self._statements.prepare(
            select(tasks.c.route, func.min(tasks.c.created_at))
            .where(tasks.c.id.in_(select(firsts.subquery("firsts").c.id)))
            .group_by(tasks.c.route)
        )


def _list_known(asked: Any) -> CTE:
    """Return which routes there are to each status, looked up one after the other in the index; None ends a list."""
    this, next_one = tasks.alias("this"), tasks.alias("next_one")
    first = select(func.min(this.c.route)).where(this.c.status == asked.c.status).scalar_subquery()
    known = select(asked.c.status, first.label("route")).cte("known", recursive=True)
    following = (
        select(func.min(next_one.c.route))
        .where(next_one.c.status == known.c.status, next_one.c.route > known.c.route)
        .scalar_subquery()
    )
    return known.union_all(select(known.c.status, following).where(known.c.route.is_not(None)))
