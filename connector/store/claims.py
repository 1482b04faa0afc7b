"""Tasks go into a worker's hands, and back where it never began with them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Integer,
    SmallInteger,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    select,
    union_all,
    update,
)

from connector.store.phrases import ZERO, among, released, said, stands
from connector.store.rows import OPEN, Claimed, TaskStatus
from connector.store.tables import lanes, tasks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from connector.store.database import Database, Transaction
    from connector.store.rows import Lease
    from connector.store.statement import Statement

_NEW, _RETRY, _WAITING, _PROCESSING = (
    TaskStatus.NEW,
    TaskStatus.RETRY,
    TaskStatus.WAITING,
    TaskStatus.PROCESSING,
)
_READY = (_NEW, _RETRY)
_CLAIMED = (
    tasks.c.id,
    tasks.c.route,
    tasks.c.key,
    tasks.c.record,
    tasks.c.attempts,
    tasks.c.tried_before,
    tasks.c.sent,
    tasks.c.parcels,
    tasks.c.created_at,
    tasks.c.source,
    tasks.c.position,
)
_SUSPICIOUS: Final = 2
"""After how many workers that ended with a task in their hands it is claimed by itself."""


def _set_apart(ready: Sequence[tuple[int, int]]) -> tuple[list[tuple[int]], bool]:
    """Return what is claimed together, and whether it is a suspect, which is claimed by itself when its turn has come.

    Args:
        ready: Tasks in their order, each with how many workers have ended with it in their hands.
    """
    if ready and ready[0][1] >= _SUSPICIOUS:
        return [(ready[0][0],)], True
    first = next((place for place, (_, crashes) in enumerate(ready) if crashes >= _SUSPICIOUS), len(ready))
    return [(task,) for task, _ in ready[:first]], False


class Claims:
    """Claims tasks inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements
        self._candidates: dict[int, Statement] = {}

    def claim(
        self,
        transaction: Transaction,
        lease: Lease,
        limit: int,
        longest_wait_ms: int,
        known: Collection[tuple[int, int]] | None = None,
    ) -> tuple[list[Claimed], bool]:
        """Take up to `limit` tasks that are ready, in the order they came.

        Args:
            transaction: Under way.
            lease: What is worked on.
            limit: How many at most.
            longest_wait_ms: The longest a try is ever put off.
            known: Tasks and attempts that whoever holds the lease knows to be in hand; others in hand are given first,
                without regard to the limit. None: there are none.

        Returns:
            The tasks, and whether there may be more that are ready.
        """
        held = transaction.run(self._hold, route=lease.route, token=lease.token)
        if len(held) != len(lease.lanes):
            return [], False  # somebody has taken over
        now = transaction.now_ms
        if known is not None:
            in_hand = transaction.run_batch(
                self._find_in_hand, [(lease.route, lane) for lane in lease.lanes], token=lease.token
            )
            forgotten = [row for row in in_hand if (row[0], row[4]) not in known]
            if forgotten:
                return self._read(forgotten, lease), True
        places = {f"lane{place}": lane for place, lane in enumerate(lease.lanes)}
        candidates = transaction.run(
            self._find(len(lease.lanes)),
            route=lease.route,
            now=now,
            far=now + longest_wait_ms,
            limit=limit,
            **places,
        )
        blocked = [
            (task, f"behind task {behind} of the same key") for task, behind, _ in candidates if behind is not None
        ]
        if blocked:
            transaction.run_batch(self._wait, blocked, now=now)
        ready, is_suspect = _set_apart([(task, crashes) for task, behind, crashes in candidates if behind is None])
        rows = transaction.run_batch(self._take, ready, now=now, token=lease.token) if ready else ()
        is_cut = len(candidates) == limit or len(ready) + len(blocked) < len(candidates)
        return self._read(rows, lease, is_suspect=is_suspect), is_cut

    @staticmethod
    def _read(rows: Iterable[Any], lease: Lease, *, is_suspect: bool = False) -> list[Claimed]:
        return [
            Claimed(
                task,
                route,
                key,
                record.encode(),
                attempts,
                attempts - tried_before,
                sent,
                parcels,
                created_at,
                source,
                position,
                lease.token,
                is_suspect,
            )
            for task, route, key, record, attempts, tried_before, sent, parcels, created_at, source, position in sorted(
                rows
            )
        ]

    def give_back(self, transaction: Transaction, lease: Lease, ids: Sequence[int]) -> None:
        """Make tasks ready again that were claimed and never begun; the attempt does not count."""
        transaction.run(self._hold, route=lease.route, token=lease.token)
        keys = transaction.run_batch(
            self._give_back, [(task,) for task in ids], now=transaction.now_ms, token=lease.token
        )
        self.release_next(transaction, [(route, key) for route, key in keys if key is not None])

    def release_next(self, transaction: Transaction, keys: Sequence[tuple[str, str]]) -> None:
        """Let the first task of each key go, where it waits: what it waited for has moved."""
        if keys:
            transaction.run_batch(self._release, sorted(set(keys)), now=transaction.now_ms)

    def _find(self, count: int) -> Statement:
        if count not in self._candidates:
            self._candidates[count] = self._write_find(count)
        return self._candidates[count]

    def _write_find(self, count: int) -> Statement:
        """Return the statement that finds what is ready in so many lanes.

        Each lane is asked by itself and gives its first ones: sorted by the index, whatever the lanes hold.
        """
        now, limit = bindparam("now", type_=BigInteger()), bindparam("limit", type_=Integer())
        far = bindparam("far", type_=BigInteger())
        parts = []
        for place in range(count):
            in_lane = and_(
                tasks.c.route == bindparam("route", type_=Text()),
                tasks.c.lane == bindparam(f"lane{place}", type_=SmallInteger()),
            )
            parts += [
                select(tasks.c.id).where(tasks.c.status == said(_NEW), in_lane).order_by(tasks.c.id).limit(limit),
                *(
                    select(tasks.c.id)
                    .where(tasks.c.status == said(_RETRY), in_lane, is_due)
                    .order_by(tasks.c.due_at)
                    .limit(limit)
                    for is_due in (tasks.c.due_at <= now, tasks.c.due_at > far)
                ),
            ]
        ready = union_all(*(select(part.subquery().c.id) for part in parts)).subquery("ready")
        first = select(ready.c.id).order_by(ready.c.id).limit(limit).subquery("first")
        task, earlier, in_hand = tasks.alias("task"), tasks.alias("earlier"), tasks.alias("in_hand")
        before = (
            select(earlier.c.id)
            .where(
                earlier.c.route == task.c.route,
                earlier.c.key == task.c.key,
                earlier.c.occurrence >= ZERO,
                earlier.c.occurrence < task.c.id,
                earlier.c.id < task.c.id,
                among(earlier.c.status, OPEN),
            )
            .order_by(earlier.c.occurrence)
            .limit(literal_column("1"))
            .scalar_subquery()
        )
        # A task of the same key with a higher id may be in hand: an earlier one was asked for anew by a person, or two
        # machines wrote at once.
        beside = (
            select(in_hand.c.id)
            .where(
                in_hand.c.status == said(_PROCESSING),
                in_hand.c.route == task.c.route,
                in_hand.c.lane == task.c.lane,
                in_hand.c.id > task.c.id,  # the others stand before it; and there are seldom any
                in_hand.c.key == task.c.key,
            )
            .limit(literal_column("1"))
            .scalar_subquery()
        )
        # One that is `new` after attempts was in the hands of workers that ended; one that failed is `retry`.
        crashes = case((task.c.status == said(_NEW), task.c.attempts - task.c.tried_before), else_=ZERO)
        return self._statements.prepare(
            select(task.c.id, func.coalesce(before, beside), crashes)
            .select_from(first.join(task, task.c.id == first.c.id))
            .order_by(task.c.id)
        )

    @cached_property
    def _hold(self) -> Statement:
        """Hold a lease's lanes against whoever would take them over or settle tasks in them, until the end."""
        return self._statements.prepare(
            select(lanes.c.lane)
            .where(lanes.c.route == bindparam("route"), lanes.c.token == bindparam("token", type_=BigInteger()))
            .order_by(lanes.c.lane)
            .with_for_update()
        )

    @cached_property
    def _wait(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger(), reason=Text())
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id == rows.c.id, stands(*_READY))
            .values(
                status=said(_WAITING),
                reason=rows.c.reason,
                due_at=null(),
                updated_at=bindparam("now", type_=BigInteger()),
            )
        )

    @cached_property
    def _take(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id == rows.c.id, stands(*_READY))
            .values(
                status=said(_PROCESSING),
                claim=bindparam("token", type_=BigInteger()),
                attempts=tasks.c.attempts + literal_column("1"),
                due_at=null(),
                updated_at=bindparam("now", type_=BigInteger()),
            )
            .returning(*_CLAIMED)
        )

    @cached_property
    def _find_in_hand(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), lane=SmallInteger())
        in_lane = and_(tasks.c.status == said(_PROCESSING), tasks.c.route == rows.c.route, tasks.c.lane == rows.c.lane)
        return self._statements.prepare(
            select(*_CLAIMED)
            .join_from(rows, tasks, in_lane)
            .where(tasks.c.claim == bindparam("token", type_=BigInteger()))
        )

    @cached_property
    def _give_back(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            update(tasks)
            .where(
                tasks.c.id == rows.c.id,
                tasks.c.claim == bindparam("token", type_=BigInteger()),
                stands(_PROCESSING),
            )
            .values(
                status=said(_NEW),
                claim=null(),
                attempts=tasks.c.attempts - literal_column("1"),
                updated_at=bindparam("now", type_=BigInteger()),
            )
            .returning(tasks.c.route, tasks.c.key)
        )

    @cached_property
    def _release(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), key=Text())
        return self._statements.prepare(released(rows, bindparam("now", type_=BigInteger())))
