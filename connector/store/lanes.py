"""Who works on which lanes; and what becomes of the tasks of one who stopped."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, SmallInteger, Text, and_, bindparam, literal_column, null, select, update

from connector.store.phrases import NOTHING, ZERO, first_open, placed, said, stands
from connector.store.rows import LaneRow, Lease, TaskStatus
from connector.store.tables import attempts, lanes, tasks, workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.activity import Tally
    from connector.store.attempts import Attempts
    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

DEAD_AFTER_MS: Final = 30_000
"""A worker that was not heard of for so long is taken for dead. Heartbeats come every 5 s."""

_STOPPED: Final = "stopped"


def draw_token() -> int:
    """Return a token for a lease: random, so that no two are the same."""
    return secrets.randbits(63) | 1


class Lanes:
    """`Store.lanes`: the right to work on lanes of a route. Every method is one transaction."""

    def __init__(self, database: Database, attempts: Attempts, tally: Tally, *, may_take: bool) -> None:
        self._database = database
        self._attempts = attempts
        self._tally = tally
        self._may_take = may_take
        self._statements = database.statements

    async def acquire(
        self,
        worker: str,
        route: str,
        wanted: Sequence[int],
        *,
        most_attempts: int,
        token: int | None = None,
        may_take_over: bool = True,
    ) -> Lease | None:
        """Take those of the lanes that nobody alive holds, and decide about what a dead holder left in them.

        A task that was in its hands becomes `unknown` where a commit note says that a request left, `failed` where it
        has outlived too many workers, and else `new` again. On SQLite any other holder is dead, since one process at a
        time works on the file; on PostgreSQL one that was not heard of for 30 s.

        A lane in which somebody writes at this moment counts as held: whoever stands still in the middle of a
        transaction must not stop all others.

        Args:
            worker: Who takes them; it has joined (`Store.workers`). Lanes it holds by another lease are not taken.
            route: The route.
            wanted: Lanes, from 0 to 7.
            most_attempts: Tries, ended by the worker's own end, after which a task is taken for poisonous.
            token: From `draw_token`, for whoever repeats a call of which it is not known what became: lanes that are
                held by it already are those of the lease. Drawn here where left out.
            may_take_over: Whether those that a dead holder has may be taken. Not by one that could not reach the
                database itself just now: the others could not be heard of either.

        Returns:
            The lease, of those lanes that were to be had, or None where there was none.

        Raises:
            RuntimeError: The store is on SQLite and was not opened for work: whoever does work on it is not dead.
        """
        if not self._may_take:
            raise RuntimeError("only a store that was opened for work gives leases")
        return await self._database.write(
            lambda transaction: self._acquire(
                transaction, worker, route, wanted, most_attempts, token or draw_token(), may_take_over=may_take_over
            )
        )

    async def release(self, lease: Lease) -> None:
        """Let go of a lease's lanes. Tasks still in hand wait there for whoever takes the lanes next."""
        await self._database.write(
            lambda transaction: transaction.run(self._release, token=lease.token, route=lease.route)
        )

    async def held(self) -> list[LaneRow]:
        """Return the lanes that are held, by route and lane."""
        return await self._database.read(lambda transaction: [LaneRow(*row) for row in transaction.run(self._list)])

    def _acquire(
        self,
        transaction: Transaction,
        worker: str,
        route: str,
        wanted: Sequence[int],
        most_attempts: int,
        token: int,
        *,
        may_take_over: bool,
    ) -> Lease | None:
        now = transaction.now_ms
        places = [(route, lane) for lane in sorted(set(wanted))]
        transaction.run_batch(self._make, places)
        held = transaction.run_batch(self._hold, places)
        kept = tuple([lane for lane, held_by, _ in held if held_by == token])
        if kept:
            return Lease(route, kept, token, worker)
        holders = {held_by: holder for _, held_by, holder in held if held_by is not None}
        alive = self._find_alive(transaction, now) if transaction.is_postgres and holders else set()
        taken = [
            lane
            for lane, held_by, holder in held
            if held_by is None or (may_take_over and holder != worker and holder not in alive)
        ]
        if not taken:
            return None
        rows = [(route, lane) for lane in taken]
        transaction.run_batch(self._take, rows, token=token, worker=worker, now=now)
        self._recover(transaction, route, taken, holders, most_attempts)
        transaction.run_batch(self._let_go, [(lane,) for lane in taken], route=route, now=now)
        return Lease(route, tuple(taken), token, worker)

    def _find_alive(self, transaction: Transaction, now: int) -> set[str]:
        # A heartbeat out of the future was written before the server's clock was set back.
        rows = transaction.run(self._list_alive, oldest=now - DEAD_AFTER_MS, newest=now + DEAD_AFTER_MS)
        return {row[0] for row in rows}

    def _recover(
        self,
        transaction: Transaction,
        route: str,
        taken: Sequence[int],
        holders: dict[int, str],
        most_attempts: int,
    ) -> None:
        """Decide about what was in the hands of somebody who stopped."""
        now = transaction.now_ms
        left = transaction.run_batch(self._find_left, [(route, lane) for lane in taken])
        changes: list[tuple[Any, ...]] = []
        ended: list[tuple[int, int, str, int, str, str]] = []
        for task, number, tried_before, claim, updated_at, commit_at, step in left:
            tries = number - tried_before
            due_at = None
            if commit_at is not None:
                status, outcome, due_at = TaskStatus.UNKNOWN, TaskStatus.UNKNOWN.value, now
                reason = f"the worker stopped after the request of {step} was sent, and before its answer was kept"
            elif tries >= most_attempts:
                status, outcome = TaskStatus.FAILED, _STOPPED
                reason = f"the worker stopped {tries} times while working on it"
            else:
                status, outcome = TaskStatus.NEW, _STOPPED
                reason = "the worker stopped while working on it"
            changes.append((task, status, reason, due_at))
            ended.append((task, number, holders.get(claim, ""), updated_at, outcome, reason))
        if changes:
            transaction.run_batch(self._recover_tasks, changes, now=now)
            self._attempts.end_stopped(transaction, ended)
            self._tally.count(transaction, settled=[(route, change[1]) for change in changes])

    @cached_property
    def _make(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), lane=SmallInteger())
        return self._statements.prepare(
            self._statements.insert(lanes)
            .from_select(
                ["route", "lane", "worker", "acquired_at"],
                select(rows.c.route, rows.c.lane, NOTHING, ZERO).where(literal_column("true")),
            )
            .on_conflict_do_nothing()
        )

    @cached_property
    def _hold(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), lane=SmallInteger())
        return self._statements.prepare(
            select(lanes.c.lane, lanes.c.token, lanes.c.worker)
            .join_from(rows, lanes, and_(lanes.c.route == rows.c.route, lanes.c.lane == rows.c.lane))
            .order_by(lanes.c.lane)
            .with_for_update(of=lanes, skip_locked=True)
        )

    @cached_property
    def _take(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), lane=SmallInteger())
        return self._statements.prepare(
            update(lanes)
            .where(lanes.c.route == rows.c.route, lanes.c.lane == rows.c.lane)
            .values(
                token=bindparam("token", type_=BigInteger()),
                worker=bindparam("worker", type_=Text()),
                acquired_at=bindparam("now", type_=BigInteger()),
            )
        )

    @cached_property
    def _release(self) -> Statement:
        return self._statements.prepare(
            update(lanes)
            .where(lanes.c.route == bindparam("route"), lanes.c.token == bindparam("token", type_=BigInteger()))
            .values(token=null())
        )

    @cached_property
    def _list(self) -> Statement:
        return self._statements.prepare(
            select(lanes.c.route, lanes.c.lane, lanes.c.token, lanes.c.worker, lanes.c.acquired_at)
            .where(lanes.c.token.is_not(None))
            .order_by(lanes.c.route, lanes.c.lane)
        )

    @cached_property
    def _list_alive(self) -> Statement:
        return self._statements.prepare(
            select(workers.c.id).where(
                workers.c.heartbeat_at.between(
                    bindparam("oldest", type_=BigInteger()), bindparam("newest", type_=BigInteger())
                )
            )
        )

    @cached_property
    def _find_left(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), lane=SmallInteger())
        open_attempt = and_(
            attempts.c.task_id == tasks.c.id,
            attempts.c.number == tasks.c.attempts,
            attempts.c.ended_at.is_(None),
        )
        in_lane = and_(
            tasks.c.status == said(TaskStatus.PROCESSING), tasks.c.route == rows.c.route, tasks.c.lane == rows.c.lane
        )
        return self._statements.prepare(
            select(
                tasks.c.id,
                tasks.c.attempts,
                tasks.c.tried_before,
                tasks.c.claim,
                tasks.c.updated_at,
                attempts.c.commit_at,
                attempts.c.commit_step,
            )
            .select_from(rows.join(tasks, in_lane).outerjoin(attempts, open_attempt))
            .order_by(tasks.c.id)
        )

    @cached_property
    def _recover_tasks(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger(), status=Text(), reason=Text(), due_at=BigInteger())
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id == rows.c.id, stands(TaskStatus.PROCESSING))
            .values(
                status=rows.c.status,
                occurrence=placed(tasks.c.occurrence, rows.c.status),
                claim=null(),
                reason=rows.c.reason,
                due_at=rows.c.due_at,
                looks=ZERO,
                updated_at=bindparam("now", type_=BigInteger()),
            )
        )

    @cached_property
    def _let_go(self) -> Statement:
        """Let tasks go that wait for nothing any more: what they waited for was settled here, or in nobody's sight."""
        rows = self._statements.rows("rows", lane=SmallInteger())
        waiting = tasks.alias("waiting")
        stuck = select(waiting.c.id).where(
            waiting.c.status == said(TaskStatus.WAITING),
            waiting.c.route == bindparam("route", type_=Text()),
            waiting.c.lane.in_(select(rows.c.lane)),
            waiting.c.id == first_open(waiting.c.route, waiting.c.key),
        )
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id.in_(stuck))
            .values(status=said(TaskStatus.NEW), reason=NOTHING, updated_at=bindparam("now", type_=BigInteger()))
        )
