"""What is old goes, in small bites: a worker writes between two of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Integer, SmallInteger, Text, bindparam, delete, func, select, tuple_

from connector.store.phrases import stands
from connector.store.rows import TERMINAL
from connector.store.tables import audit, commits, deliveries, receipts, sessions, tasks, workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.store.database import Database, Transaction
    from connector.store.rows import TaskStatus
    from connector.store.statement import Statement

BITE: Final = 500
"""Tasks deleted in one transaction."""

_DELIVERIES: Final = 2_000
"""Deliveries forgotten in one transaction."""

AUDIT_KEPT_MS: Final = 400 * 86_400_000
"""How long the audit log goes back: a year can be looked back on, with some time to do so."""

_DELIVERIES_KEPT_MS: Final = 3_600_000  # beyond their window, for whoever repeats a call in doubt
_RECEIPTS_KEPT_MS: Final = 86_400_000
_WORKERS_KEPT_MS: Final = 86_400_000
_COMMITS_KEPT_MS: Final = 86_400_000  # nobody asks after a transaction for longer than a few minutes


class Prune:
    """Deletes what is old, inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def list_routes(self, transaction: Transaction, status: TaskStatus) -> list[str]:
        """Return the routes that have tasks of a status, looking up one after the other in the index."""
        found: list[str] = []
        route = ""
        while True:
            rows = transaction.run(self._next_route, status=status.value, route=route)
            route = rows[0][0]
            if route is None:
                return found
            found.append(route)

    def find_old(
        self,
        transaction: Transaction,
        route: str,
        status: TaskStatus,
        *,
        before_ms: int,
        lane: int,
        after: int,
        until: int,
    ) -> list[int]:
        """Return ids of tasks of a lane that were settled before a time, behind one id and below another."""
        rows = transaction.run(
            self._find_old,
            route=route,
            status=status.value,
            lane=lane,
            after=after,
            until=until,
            before=before_ms,
            limit=BITE,
        )
        return [row[0] for row in rows]

    def delete(self, transaction: Transaction, ids: Iterable[int], before_ms: int) -> int:
        """Delete tasks with their attempts and exchanges, those that are still settled and old; return how many."""
        return len(transaction.run_batch(self._delete, [(task,) for task in ids], before=before_ms))

    def sweep(self, transaction: Transaction) -> None:
        """Delete what only the store itself needs, and needs no more."""
        transaction.run(self._sweep_receipts, before=transaction.now_ms - _RECEIPTS_KEPT_MS)
        transaction.run(self._sweep_workers, before=transaction.now_ms - _WORKERS_KEPT_MS)
        transaction.run(self._sweep_commits, before=transaction.now_ms - _COMMITS_KEPT_MS)

    def forget_deliveries(self, transaction: Transaction) -> bool:
        """Delete deliveries that nobody would repeat any more, so many at once; return whether there may be more."""
        before = transaction.now_ms - _DELIVERIES_KEPT_MS
        return transaction.change(self._forget_deliveries, before=before, limit=_DELIVERIES) == _DELIVERIES

    def forget_accounts(self, transaction: Transaction) -> None:
        """Delete sessions that have expired, and what is too old in the audit log."""
        transaction.run(self._forget_sessions, before=transaction.now_ms)
        transaction.run(self._forget_audit, before=transaction.now_ms - AUDIT_KEPT_MS)

    @cached_property
    def _next_route(self) -> Statement:
        return self._statements.prepare(
            select(func.min(tasks.c.route)).where(
                tasks.c.status == bindparam("status", type_=Text()), tasks.c.route > bindparam("route", type_=Text())
            )
        )

    @cached_property
    def _find_old(self) -> Statement:
        return self._statements.prepare(
            select(tasks.c.id)
            .where(
                tasks.c.status == bindparam("status", type_=Text()),
                tasks.c.route == bindparam("route", type_=Text()),
                tasks.c.lane == bindparam("lane", type_=SmallInteger()),
                tasks.c.id > bindparam("after", type_=BigInteger()),
                tasks.c.id < bindparam("until", type_=BigInteger()),
                tasks.c.updated_at < bindparam("before", type_=BigInteger()),
            )
            .order_by(tasks.c.id)
            .limit(bindparam("limit", type_=Integer()))
        )

    @cached_property
    def _delete(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            delete(tasks)
            .where(
                tasks.c.id.in_(select(rows.c.id)),
                stands(*TERMINAL),
                tasks.c.updated_at < bindparam("before", type_=BigInteger()),
            )
            .returning(tasks.c.id)
        )

    @cached_property
    def _sweep_receipts(self) -> Statement:
        return self._statements.prepare(
            delete(receipts).where(receipts.c.made_at < bindparam("before", type_=BigInteger()))
        )

    @cached_property
    def _sweep_workers(self) -> Statement:
        return self._statements.prepare(
            delete(workers).where(workers.c.heartbeat_at < bindparam("before", type_=BigInteger()))
        )

    @cached_property
    def _sweep_commits(self) -> Statement:
        return self._statements.prepare(
            delete(commits).where(commits.c.made_at < bindparam("before", type_=BigInteger()))
        )

    @cached_property
    def _forget_deliveries(self) -> Statement:
        old = (
            select(deliveries.c.source, deliveries.c.digest)
            .where(deliveries.c.expires_at < bindparam("before", type_=BigInteger()))
            .order_by(deliveries.c.expires_at)
            .limit(bindparam("limit", type_=Integer()))
        )
        return self._statements.prepare(
            delete(deliveries).where(tuple_(deliveries.c.source, deliveries.c.digest).in_(old))
        )

    @cached_property
    def _forget_sessions(self) -> Statement:
        return self._statements.prepare(
            delete(sessions).where(sessions.c.expires_at <= bindparam("before", type_=BigInteger()))
        )

    @cached_property
    def _forget_audit(self) -> Statement:
        return self._statements.prepare(delete(audit).where(audit.c.at < bindparam("before", type_=BigInteger())))
