"""What workers report: commit notes, checkpoints and settlements, many of them in one transaction.

Everything holds only under the lease it was made under. Where somebody else has taken a task over, it is fenced off:
the task is not touched, and what the slow worker saw is kept with its attempt.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, case, func, literal_column, null, select, update

from connector.store.phrases import NOTHING, ONE, ZERO, placed, said
from connector.store.rows import TaskStatus
from connector.store.tables import attempts, exchanges, lanes, tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connector.store.claims import Claims
    from connector.store.database import Database, Transaction
    from connector.store.rows import Checkpoint, CommitNote, ExchangeRow, Settlement, StoredValue
    from connector.store.statement import Statement
    from connector.store.values import Values

_LATE: Final = "late: "

Place = tuple[int, int]
"""Id of a task and number of an attempt."""


class Settle:
    """Writes what workers report, inside transactions."""

    def __init__(self, database: Database, claims: Claims, values: Values) -> None:
        self._statements = database.statements
        self._claims = claims
        self._values = values

    def write(
        self,
        transaction: Transaction,
        notes: Sequence[CommitNote],
        checkpoints: Sequence[Checkpoint],
        settlements: Sequence[Settlement],
    ) -> frozenset[Place]:
        """Write a batch of reports, and return the attempts that were fenced off."""
        tokens = {note.token for note in notes} | {check.token for check in checkpoints}
        tokens |= {settlement.token for settlement in settlements}
        workers = dict(transaction.run_batch(self._hold, [(token,) for token in tokens]))
        fenced: set[Place] = set()
        if notes:
            fenced |= self._note(transaction, notes, workers)
        if checkpoints:
            fenced |= self._check(transaction, checkpoints, workers)
        if settlements:
            fenced |= self._settle(transaction, settlements, workers)
        return frozenset(fenced)

    def keep_exchanges(
        self,
        transaction: Transaction,
        said_of: Iterable[tuple[int, int, Sequence[ExchangeRow]]],
        *,
        is_more: bool = False,
    ) -> None:
        """Keep exchanges.

        Args:
            transaction: Under way.
            said_of: Task, attempt and what was said in it, in order.
            is_more: Whether the attempt may have some already, behind which these belong.
        """
        rows = [
            (
                task,
                attempt,
                position,
                exchange.entity,
                exchange.method,
                exchange.url,
                exchange.started_at_ms,
                exchange.duration_ms,
                exchange.status,
                exchange.verdict,
                exchange.failure,
                exchange.request,
                exchange.response,
            )
            for task, attempt, said_there in said_of
            for position, exchange in enumerate(said_there)
        ]
        if rows:
            transaction.run_batch(self._add_exchanges if is_more else self._keep_exchanges, rows)

    def keep_values(self, transaction: Transaction, values: Sequence[StoredValue]) -> None:
        """Keep values, where there are any."""
        if values:
            self._values.write(transaction, values)

    def _note(self, transaction: Transaction, notes: Sequence[CommitNote], workers: dict[int, str]) -> set[Place]:
        last = {(note.task, note.attempt): note for note in notes}
        rows = [
            (
                note.task,
                note.attempt,
                note.token,
                workers[note.token],
                note.at_ms,
                note.step,
                note.entity,
                None if note.evidence is None else note.evidence.decode(),
            )
            for note in last.values()
            if note.token in workers
        ]
        kept = transaction.run_batch(self._keep_notes, rows) if rows else ()
        split = [
            (note.task, note.attempt, note.token, note.parcels)
            for note in last.values()
            if note.parcels > 1 and note.token in workers
        ]
        if split:
            transaction.run_batch(self._keep_parcels, split)
        return set(last) - {(task, number) for task, number in kept}

    def _check(
        self, transaction: Transaction, checkpoints: Sequence[Checkpoint], workers: dict[int, str]
    ) -> set[Place]:
        last = {(check.task, check.attempt): check for check in checkpoints}
        rows = [
            (check.task, check.attempt, check.token, check.sent, check.parcels)
            for check in last.values()
            if check.token in workers
        ]
        kept = transaction.run_batch(self._keep_checkpoints, rows, now=transaction.now_ms) if rows else ()
        if kept:  # the answer to the last request was seen, and the next one has not left
            transaction.run_batch(self._clear_notes, kept)
        return set(last) - {(task, number) for task, number in kept}

    def _settle(
        self, transaction: Transaction, settlements: Sequence[Settlement], workers: dict[int, str]
    ) -> set[Place]:
        by_place = {(settlement.task, settlement.attempt): settlement for settlement in settlements}
        rows = [
            (
                settlement.task,
                settlement.attempt,
                settlement.token,
                settlement.status,
                settlement.due_at_ms,
                settlement.verdict,
                settlement.step,
                settlement.reason,
                settlement.cure,
                None if settlement.value is None else settlement.value.decode(),
                settlement.sent,
                settlement.parcels,
            )
            for settlement in by_place.values()
            if settlement.token in workers
        ]
        settled = transaction.run_batch(self._settle_tasks, rows, now=transaction.now_ms) if rows else ()
        done = {(task, number) for task, number, _, _ in settled}
        late = set(by_place) - done
        held = [by_place[place] for place in by_place if place in done]
        self._keep_attempts(transaction, self._end_attempts, held, workers)
        self.keep_exchanges(transaction, ((entry.task, entry.attempt, entry.exchanges) for entry in held))
        self.keep_values(transaction, [value for entry in held for value in entry.values])
        self._claims.release_next(transaction, [(route, key) for _, _, route, key in settled if key is not None])
        if late:
            outcomes = [by_place[place] for place in sorted(late)]
            self._keep_attempts(transaction, self._keep_late, outcomes, workers)
            there = {(task, number) for task, number in transaction.run_batch(self._find_attempts, sorted(late))}
            self.keep_exchanges(
                transaction,
                (
                    (entry.task, entry.attempt, entry.exchanges)
                    for entry in outcomes
                    if (entry.task, entry.attempt) in there
                ),
                is_more=True,
            )
        return late

    @staticmethod
    def _keep_attempts(
        transaction: Transaction, statement: Statement, settlements: Sequence[Settlement], workers: dict[int, str]
    ) -> None:
        if settlements:
            transaction.run_batch(
                statement,
                [
                    (
                        entry.task,
                        entry.attempt,
                        workers.get(entry.token, ""),
                        entry.started_at_ms,
                        entry.ended_at_ms,
                        entry.status,
                        entry.verdict,
                        entry.step,
                        entry.reason,
                        max(0, entry.ended_at_ms - entry.started_at_ms),
                    )
                    for entry in settlements
                ],
            )

    @cached_property
    def _hold(self) -> Statement:
        """Hold the lanes of leases against being taken over until the end, and return who has them."""
        rows = self._statements.rows("rows", token=BigInteger())
        return self._statements.prepare(
            select(lanes.c.token, lanes.c.worker)
            .where(lanes.c.token.in_(select(rows.c.token)))
            .order_by(lanes.c.route, lanes.c.lane)
            .with_for_update(read=True, of=lanes)
        )

    @cached_property
    def _keep_notes(self) -> Statement:
        rows = self._statements.rows(
            "rows",
            task=BigInteger(),
            attempt=Integer(),
            token=BigInteger(),
            worker=Text(),
            at_ms=BigInteger(),
            step=Text(),
            entity=Text(),
            evidence=Text(),
        )
        fresh = self._statements.insert(attempts).from_select(
            [
                "task_id",
                "number",
                "worker",
                "started_at",
                "commit_at",
                "commit_step",
                "commit_entity",
                "commit_evidence",
                "step",
                "reason",
            ],
            select(
                rows.c.task,
                rows.c.attempt,
                rows.c.worker,
                tasks.c.updated_at,
                rows.c.at_ms,
                rows.c.step,
                rows.c.entity,
                rows.c.evidence,
                NOTHING,
                NOTHING,
            )
            .select_from(rows.join(tasks, tasks.c.id == rows.c.task))
            .where(tasks.c.claim == rows.c.token, tasks.c.attempts == rows.c.attempt),
        )
        new = fresh.excluded
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[attempts.c.task_id, attempts.c.number],
                set_={
                    "commit_at": new.commit_at,
                    "commit_step": new.commit_step,
                    "commit_entity": new.commit_entity,
                    "commit_evidence": new.commit_evidence,
                },
            ).returning(attempts.c.task_id, attempts.c.number)
        )

    @cached_property
    def _keep_parcels(self) -> Statement:
        rows = self._statements.rows(
            "rows", task=BigInteger(), attempt=Integer(), token=BigInteger(), parcels=Integer()
        )
        return self._statements.prepare(
            update(tasks)
            .where(
                tasks.c.id == rows.c.task,
                tasks.c.claim == rows.c.token,
                tasks.c.attempts == rows.c.attempt,
                tasks.c.parcels != rows.c.parcels,
            )
            .values(parcels=rows.c.parcels)
        )

    @cached_property
    def _keep_checkpoints(self) -> Statement:
        rows = self._statements.rows(
            "rows", task=BigInteger(), attempt=Integer(), token=BigInteger(), sent=Integer(), parcels=Integer()
        )
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id == rows.c.task, tasks.c.claim == rows.c.token, tasks.c.attempts == rows.c.attempt)
            .values(sent=rows.c.sent, parcels=rows.c.parcels, updated_at=bindparam("now", type_=BigInteger()))
            .returning(tasks.c.id, tasks.c.attempts)
        )

    @cached_property
    def _clear_notes(self) -> Statement:
        rows = self._statements.rows("rows", task=BigInteger(), attempt=Integer())
        return self._statements.prepare(
            update(attempts)
            .where(attempts.c.task_id == rows.c.task, attempts.c.number == rows.c.attempt)
            .values(commit_at=null())
        )

    @cached_property
    def _settle_tasks(self) -> Statement:
        rows = self._statements.rows(
            "rows",
            task=BigInteger(),
            attempt=Integer(),
            token=BigInteger(),
            status=Text(),
            due_at=BigInteger(),
            verdict=Text(),
            step=Text(),
            reason=Text(),
            cure=Text(),
            value=Text(),
            sent=Integer(),
            parcels=Integer(),
        )
        # A task that goes back because its route was stopped has lost nothing: the try does not count.
        given_back = case((rows.c.status == said(TaskStatus.NEW), ONE), else_=ZERO)
        return self._statements.prepare(
            update(tasks)
            .where(tasks.c.id == rows.c.task, tasks.c.claim == rows.c.token, tasks.c.attempts == rows.c.attempt)
            .values(
                status=rows.c.status,
                occurrence=placed(tasks.c.occurrence, rows.c.status),
                claim=null(),
                due_at=rows.c.due_at,
                verdict=rows.c.verdict,
                step=rows.c.step,
                reason=rows.c.reason,
                cure=rows.c.cure,
                value=rows.c.value,
                sent=rows.c.sent,
                parcels=rows.c.parcels,
                looks=ZERO,
                tried_before=tasks.c.tried_before + given_back,
                updated_at=bindparam("now", type_=BigInteger()),
            )
            .returning(tasks.c.id, tasks.c.attempts, tasks.c.route, tasks.c.key)
        )

    @cached_property
    def _end_attempts(self) -> Statement:
        return self._write_attempts(literal_column("''", Text()))

    @cached_property
    def _keep_late(self) -> Statement:
        return self._write_attempts(literal_column(f"'{_LATE}'", Text()))

    def _write_attempts(self, prefix: Any) -> Statement:
        rows = self._statements.rows(
            "rows",
            task=BigInteger(),
            number=Integer(),
            worker=Text(),
            started_at=BigInteger(),
            ended_at=BigInteger(),
            outcome=Text(),
            verdict=Text(),
            step=Text(),
            reason=Text(),
            duration_ms=BigInteger(),
        )
        fresh = self._statements.insert(attempts).from_select(
            [
                "task_id",
                "number",
                "worker",
                "started_at",
                "commit_step",
                "commit_entity",
                "ended_at",
                "outcome",
                "verdict",
                "step",
                "reason",
                "duration_ms",
            ],
            select(
                rows.c.task,
                rows.c.number,
                rows.c.worker,
                rows.c.started_at,
                NOTHING,
                NOTHING,
                rows.c.ended_at,
                prefix + rows.c.outcome,
                rows.c.verdict,
                rows.c.step,
                rows.c.reason,
                rows.c.duration_ms,
            ).select_from(rows.join(tasks, tasks.c.id == rows.c.task)),  # a late one's task may be gone
        )
        new = fresh.excluded
        changes = {
            name: new[name]
            for name in ("started_at", "ended_at", "outcome", "verdict", "step", "reason", "duration_ms")
        }
        return self._statements.prepare(
            fresh.on_conflict_do_update(index_elements=[attempts.c.task_id, attempts.c.number], set_=changes)
        )

    @cached_property
    def _find_attempts(self) -> Statement:
        rows = self._statements.rows("rows", task=BigInteger(), number=Integer())
        return self._statements.prepare(
            select(attempts.c.task_id, attempts.c.number).join_from(
                rows, attempts, and_(attempts.c.task_id == rows.c.task, attempts.c.number == rows.c.number)
            )
        )

    @cached_property
    def _keep_exchanges(self) -> Statement:
        return self._insert_exchanges(ZERO)

    @cached_property
    def _add_exchanges(self) -> Statement:
        return self._insert_exchanges(None)

    def _insert_exchanges(self, start: Any) -> Statement:
        rows = self._statements.rows(
            "rows",
            task=BigInteger(),
            attempt=Integer(),
            position=Integer(),
            entity=Text(),
            method=Text(),
            url=Text(),
            started_at=BigInteger(),
            duration_ms=BigInteger(),
            status=Integer(),
            verdict=Text(),
            failure=Text(),
            request=Text(),
            response=Text(),
        )
        if start is None:
            there = exchanges.alias("there")
            start = (
                select(func.coalesce(func.max(there.c.position) + ONE, ZERO))
                .where(there.c.task_id == rows.c.task, there.c.attempt == rows.c.attempt)
                .scalar_subquery()
            )
        columns = {"task_id": rows.c.task, "attempt": rows.c.attempt, "position": start + rows.c.position}
        names = (
            "entity",
            "method",
            "url",
            "started_at",
            "duration_ms",
            "status",
            "verdict",
            "failure",
            "request",
            "response",
        )
        columns |= {name: rows.c[name] for name in names}
        return self._statements.prepare(
            self._statements.insert(exchanges)
            .from_select(list(columns), select(*columns.values()).where(literal_column("true")))
            .on_conflict_do_nothing()
        )
