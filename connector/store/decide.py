"""What people decide about tasks, and what is learnt of those whose outcome is unknown."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, case, func, null, or_, select, update

from connector.store.phrases import NOTHING, ONE, placed, said, stands
from connector.store.rows import Resolution, TaskStatus, UnknownTask
from connector.store.tables import attempts, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.activity import Tally
    from connector.store.claims import Claims
    from connector.store.database import Database, Transaction
    from connector.store.rows import Look
    from connector.store.settle import Settle
    from connector.store.statement import Statement

MAY_RETRY: Final = frozenset({TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.RETRY})
MAY_SKIP: Final = frozenset({TaskStatus.NEW, TaskStatus.RETRY, TaskStatus.WAITING, TaskStatus.FAILED})
MAY_RESOLVE: Final = frozenset({TaskStatus.UNKNOWN})

_OUTCOMES: Final = {
    Resolution.DONE: TaskStatus.FINISHED,
    Resolution.RETRY: TaskStatus.NEW,
    Resolution.FAILED: TaskStatus.FAILED,
}


class Decide:
    """Changes tasks that nobody has in hand, inside transactions."""

    def __init__(self, database: Database, claims: Claims, settle: Settle, tally: Tally) -> None:
        self._statements = database.statements
        self._claims = claims
        self._settle = settle
        self._tally = tally

    def retry(self, transaction: Transaction, ids: Sequence[int], *, may_repeat: bool) -> int:
        """Have failed and skipped tasks, and those whose next try is not due yet, tried now; return how many.

        What was carried out for one of them already is done again only with `may_repeat`.
        """
        return self._change(transaction, self._retry, ids, may_repeat=int(may_repeat))

    def skip(self, transaction: Transaction, ids: Sequence[int], reason: str) -> int:
        """Leave tasks out for good, and return how many."""
        return self._change(transaction, self._skip, ids, reason=reason)

    def resolve(
        self,
        transaction: Transaction,
        ids: Sequence[int],
        outcome: Resolution,
        by: str,
        reason: str,
        *,
        may_repeat: bool,
    ) -> int:
        """Settle tasks whose outcome was unknown, and return how many.

        What was carried out for one ahead of the request in doubt is done again only with `may_repeat`. Of a task in
        parcels, the one in doubt is meant: where it is done, those behind it are still to be sent.
        """
        text = f"resolved as {outcome.value} by {by}" + (f": {reason}" if reason else "")
        status = _OUTCOMES[outcome].value
        return self._change(transaction, self._resolve, ids, reason=text, status=status, may_repeat=int(may_repeat))

    def list_unknown(self, transaction: Transaction, route: str, limit: int, hold_ms: int) -> list[UnknownTask]:
        """Return tasks that are to be looked for now, and put their next look off, so that nobody else does it too."""
        now = transaction.now_ms
        rows = transaction.run(self._hold_unknown, route=route, limit=limit, now=now, until=now + hold_ms)
        return self.show_unknown(transaction, [row[0] for row in rows])

    def show_unknown(self, transaction: Transaction, ids: Sequence[int]) -> list[UnknownTask]:
        """Return what is known of tasks with an unknown outcome; others are left out."""
        found = []
        for task, route, key, record, *rest in transaction.run_batch(self._show_unknown, [(task,) for task in ids]):
            number, sent, parcels, created_at, source, position, looks, commit_at, step, entity, evidence = rest
            found.append(
                UnknownTask(
                    task,
                    route,
                    key,
                    record.encode(),
                    number,
                    sent,
                    parcels,
                    created_at,
                    source,
                    position,
                    commit_at,
                    step or "",
                    entity or "",
                    None if evidence is None else evidence.encode(),
                    looks,
                )
            )
        return found

    def note_looks(self, transaction: Transaction, looks: Sequence[Look]) -> frozenset[int]:
        """Write what came of looking, and return the tasks that were settled otherwise meanwhile."""
        last = {look.task: look for look in looks}
        self._settle.hold_lanes(transaction, list(last))
        rows = [
            (
                look.task,
                look.attempt,
                look.status,
                look.next_at_ms,
                look.verdict,
                look.reason,
                None if look.value is None else look.value.decode(),
                look.sent,
            )
            for look in last.values()
        ]
        changed = transaction.run_batch(self._note_looks, rows, now=transaction.now_ms)
        done = {row[0] for row in changed}
        there = transaction.run_batch(self._find_attempts, [(task, last[task].attempt) for task in sorted(done)])
        kept = ((task, number, last[task].exchanges) for task, number in there)
        self._settle.keep_exchanges(transaction, kept, is_more=True)
        self._settle.keep_values(transaction, [value for task in sorted(done) for value in last[task].values])
        self._claims.release_next(transaction, [(route, key) for _, route, key in changed if key is not None])
        settled = [(route, last[task].status) for task, route, _ in changed]
        self._tally.count(transaction, settled=[entry for entry in settled if entry[1].is_terminal])
        return frozenset(set(last) - done)

    def _change(self, transaction: Transaction, statement: Statement, ids: Sequence[int], **values: Any) -> int:
        self._settle.hold_lanes(transaction, ids)
        changed = transaction.run_batch(statement, [(task,) for task in ids], now=transaction.now_ms, **values)
        self._claims.release_next(transaction, [(route, key) for route, key, _ in changed if key is not None])
        settled = [(route, TaskStatus(status)) for route, _, status in changed]
        self._tally.count(transaction, settled=[entry for entry in settled if entry[1].is_terminal])
        return len(changed)

    @cached_property
    def _retry(self) -> Statement:
        return self._decision(
            MAY_RETRY,
            _may_go_again(),
            status=said(TaskStatus.NEW),
            done=null(),
            occurrence=func.abs(tasks.c.occurrence),
            due_at=null(),
            reason=NOTHING,
            cure=null(),
            step=NOTHING,
            verdict=null(),
            tried_before=tasks.c.attempts,
        )

    @cached_property
    def _skip(self) -> Statement:
        return self._decision(
            MAY_SKIP,
            status=said(TaskStatus.SKIPPED),
            occurrence=-func.abs(tasks.c.occurrence),
            due_at=null(),
            reason=bindparam("reason", type_=Text()),
            cure=null(),
        )

    @cached_property
    def _resolve(self) -> Statement:
        said_now = bindparam("status", type_=Text())
        is_done = said_now == said(TaskStatus.FINISHED)
        # What is said of a task in parcels is said of the one in doubt; those behind it are still to be sent.
        status = case((and_(is_done, tasks.c.sent + ONE < tasks.c.parcels), said(TaskStatus.NEW)), else_=said_now)
        sent = case((and_(is_done, tasks.c.sent < tasks.c.parcels), tasks.c.sent + ONE), else_=tasks.c.sent)
        return self._decision(
            MAY_RESOLVE,
            or_(said_now != said(TaskStatus.NEW), _may_go_again()),
            status=status,
            sent=sent,
            done=case((status == said(TaskStatus.FAILED), tasks.c.done), else_=null()),
            occurrence=placed(tasks.c.occurrence, status),
            due_at=null(),
            reason=bindparam("reason", type_=Text()),
            cure=null(),
            tried_before=tasks.c.attempts,
        )

    def _decision(self, allowed: frozenset[TaskStatus], *conditions: Any, **values: Any) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id == rows.c.id, stands(*allowed), *conditions)
            .values(updated_at=bindparam("now", type_=BigInteger()), **values)
            .returning(tasks.c.route, tasks.c.key, tasks.c.status)
        )

    @cached_property
    def _hold_unknown(self) -> Statement:
        now = bindparam("now", type_=BigInteger())
        due = (
            select(tasks.c.id)
            .where(
                tasks.c.status == said(TaskStatus.UNKNOWN),
                tasks.c.route == bindparam("route", type_=Text()),
                tasks.c.due_at <= now,
            )
            .order_by(tasks.c.due_at)
            .limit(bindparam("limit", type_=Integer()))
            .with_for_update(skip_locked=True)
        )
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id.in_(due), stands(TaskStatus.UNKNOWN), tasks.c.due_at <= now)
            .values(due_at=bindparam("until", type_=BigInteger()))
            .returning(tasks.c.id)
        )

    @cached_property
    def _show_unknown(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        in_doubt = and_(attempts.c.task_id == tasks.c.id, attempts.c.number == tasks.c.attempts)
        return self._statements.prepare(
            select(
                tasks.c.id,
                tasks.c.route,
                tasks.c.key,
                tasks.c.record,
                tasks.c.attempts,
                tasks.c.sent,
                tasks.c.parcels,
                tasks.c.created_at,
                tasks.c.source,
                tasks.c.position,
                tasks.c.looks,
                attempts.c.commit_at,
                attempts.c.commit_step,
                attempts.c.commit_entity,
                attempts.c.commit_evidence,
            )
            .select_from(rows.join(tasks, tasks.c.id == rows.c.id).outerjoin(attempts, in_doubt))
            .where(stands(TaskStatus.UNKNOWN))
            .order_by(tasks.c.id)
        )

    @cached_property
    def _note_looks(self) -> Statement:
        rows = self._statements.rows(
            "rows",
            task=BigInteger(),
            attempt=Integer(),
            status=Text(),
            next_at=BigInteger(),
            verdict=Text(),
            reason=Text(),
            value=Text(),
            sent=Integer(),
        )
        return self._statements.prepare(
            update(tasks)
            .where(
                tasks.c.id == rows.c.task,
                tasks.c.attempts == rows.c.attempt,
                stands(TaskStatus.UNKNOWN),
            )
            .values(
                status=rows.c.status,
                occurrence=placed(tasks.c.occurrence, rows.c.status),
                due_at=rows.c.next_at,
                verdict=func.coalesce(rows.c.verdict, tasks.c.verdict),
                reason=func.coalesce(func.nullif(rows.c.reason, NOTHING), tasks.c.reason),
                value=func.coalesce(rows.c.value, tasks.c.value),
                sent=func.coalesce(rows.c.sent, tasks.c.sent),
                looks=tasks.c.looks + ONE,
                updated_at=bindparam("now", type_=BigInteger()),
            )
            .returning(tasks.c.id, tasks.c.route, tasks.c.key)
        )

    @cached_property
    def _find_attempts(self) -> Statement:
        rows = self._statements.rows("rows", task=BigInteger(), number=Integer())
        return self._statements.prepare(
            select(attempts.c.task_id, attempts.c.number).join_from(
                rows, attempts, and_(attempts.c.task_id == rows.c.task, attempts.c.number == rows.c.number)
            )
        )


def _may_go_again() -> Any:
    """Return the condition that nothing would be done twice by another try, unless that is meant."""
    return or_(tasks.c.done.is_(None), bindparam("may_repeat", type_=Integer()) == ONE)
