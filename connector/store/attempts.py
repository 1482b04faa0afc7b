"""Tries, as they begin, are noted and end. Whoever writes of a try writes it here."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, Text, and_, literal_column, null, select, update

from connector.store.phrases import NOTHING
from connector.store.tables import attempts, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.store.database import Database, Transaction
    from connector.store.rows import Settlement
    from connector.store.statement import Statement

LATE: Final = "late: "
"""How the outcome of a try begins that ended after somebody else had taken its task over."""

Place = tuple[int, int]
"""Id of a task and number of an attempt."""


class Attempts:
    """Writes tries inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def find(self, transaction: Transaction, places: Sequence[Place]) -> Sequence[Any]:
        """Return task, number, beginning, end and outcome of those that are there."""
        return transaction.run_batch(self._find, places)

    def note(self, transaction: Transaction, rows: Sequence[tuple[Any, ...]]) -> Sequence[Place]:
        """Note that requests are about to leave, and return the tries whose tasks are still in hand.

        Args:
            transaction: Under way.
            rows: Task, number, token of the lease, worker, time, step, entity and evidence of each.
        """
        return transaction.run_batch(self._note, rows) if rows else ()

    def clear_notes(self, transaction: Transaction, places: Sequence[Place]) -> None:
        """Take back what was noted: the answer was seen, and the next request has not left."""
        transaction.run_batch(self._clear_notes, places)

    def end(
        self,
        transaction: Transaction,
        settlements: Sequence[Settlement],
        workers: Mapping[int, str],
        *,
        is_late: bool = False,
    ) -> None:
        """Write how tries ended, as those who made them tell it.

        Args:
            transaction: Under way.
            settlements: The ends.
            workers: Who holds each lease, by its token.
            is_late: Whether somebody else had taken the tasks over.
        """
        rows = [
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
        ]
        if rows:
            transaction.run_batch(self._end_late if is_late else self._end, rows)

    def end_stopped(self, transaction: Transaction, rows: Sequence[tuple[int, int, str, int, str, str]]) -> None:
        """Write how tries ended whose workers cannot tell it.

        What they noted of the beginning stays; how long a try took, nobody knows.

        Args:
            transaction: Under way.
            rows: Task, number, worker, beginning as far as that is known, outcome and reason of each.
        """
        now = transaction.now_ms
        ends = [
            (task, number, worker, started_at, now, outcome, None, "", reason, None)
            for task, number, worker, started_at, outcome, reason in rows
        ]
        transaction.run_batch(self._end_stopped, ends)

    @cached_property
    def _find(self) -> Statement:
        rows = self._statements.rows("rows", task=BigInteger(), number=Integer())
        return self._statements.prepare(
            select(
                attempts.c.task_id,
                attempts.c.number,
                attempts.c.started_at,
                attempts.c.ended_at,
                attempts.c.outcome,
            ).join_from(rows, attempts, and_(attempts.c.task_id == rows.c.task, attempts.c.number == rows.c.number))
        )

    @cached_property
    def _note(self) -> Statement:
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
    def _clear_notes(self) -> Statement:
        rows = self._statements.rows("rows", task=BigInteger(), attempt=Integer())
        return self._statements.prepare(
            update(attempts)
            .where(attempts.c.task_id == rows.c.task, attempts.c.number == rows.c.attempt)
            .values(commit_at=null())
        )

    @cached_property
    def _end(self) -> Statement:
        return self._write_end("started_at", "verdict", "step", "duration_ms")

    @cached_property
    def _end_late(self) -> Statement:
        return self._write_end("started_at", "verdict", "step", "duration_ms", prefix=LATE)

    @cached_property
    def _end_stopped(self) -> Statement:
        return self._write_end()

    def _write_end(self, *known: str, prefix: str = "") -> Statement:
        """Return the statement that ends tries, also such as left no note.

        Args:
            known: Columns that are known better than where a note was left, besides how and when it ended, and why.
            prefix: What the outcome begins with.
        """
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
                literal_column(f"'{prefix}'", Text()) + rows.c.outcome,
                rows.c.verdict,
                rows.c.step,
                rows.c.reason,
                rows.c.duration_ms,
            ).select_from(rows.join(tasks, tasks.c.id == rows.c.task)),  # a late one's task may be gone
        )
        changes = {name: fresh.excluded[name] for name in ("ended_at", "outcome", "reason", *known)}
        return self._statements.prepare(
            fresh.on_conflict_do_update(index_elements=[attempts.c.task_id, attempts.c.number], set_=changes)
        )
