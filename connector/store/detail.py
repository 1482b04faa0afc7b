"""All that is kept of tasks, for whoever looks at them one by one."""

from __future__ import annotations

from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, select

from connector.store.rows import AttemptRow, ExchangeRow, TaskDetail, TaskRow, TaskStatus
from connector.store.tables import attempts, exchanges, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

COLUMNS: Final = (
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
"""What lists show of a task, as `read_task` reads it."""


class Details:
    """Reads whole tasks inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

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
                read_task(row[:-2]),
                row[-2].encode(),
                None if row[-1] is None else row[-1].encode(),
                tuple(tried.get(row[0], ())),
            )
            for row in transaction.run_batch(self._whole, rows)
        ]

    @cached_property
    def _whole(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            select(*COLUMNS, tasks.c.record, tasks.c.value)
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


def read_task(row: Sequence[Any]) -> TaskRow:
    """Return a task of which `COLUMNS` were read."""
    task, route, key, status, *rest = row
    return TaskRow(task, route, key, TaskStatus(status), *rest)
