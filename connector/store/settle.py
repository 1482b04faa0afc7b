"""What workers report: commit notes, checkpoints and settlements, many of them in one transaction.

Everything holds only under the lease it was made under. Where somebody else has taken a task over, it is fenced off:
the task is not touched, and what the slow worker saw is kept with its attempt. One that stands in doubt is settled all
the same where the outcome is that of the very attempt in doubt: it is the proof that was missing.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, case, func, literal_column, null, select, update

from connector.store.attempts import LATE, Place
from connector.store.phrases import ONE, ZERO, placed, said, stands
from connector.store.rows import TaskStatus
from connector.store.tables import exchanges, lanes, tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connector.store.activity import Tally
    from connector.store.attempts import Attempts
    from connector.store.claims import Claims
    from connector.store.database import Database, Transaction
    from connector.store.rows import Checkpoint, CommitNote, ExchangeRow, Settlement, StoredValue
    from connector.store.statement import Statement
    from connector.store.values import Values


class Settle:
    """Writes what workers report, inside transactions."""

    def __init__(self, database: Database, claims: Claims, values: Values, attempts: Attempts, tally: Tally) -> None:
        self._statements = database.statements
        self._claims = claims
        self._values = values
        self._attempts = attempts
        self._tally = tally

    def write(
        self,
        transaction: Transaction,
        notes: Sequence[CommitNote],
        checkpoints: Sequence[Checkpoint],
        settlements: Sequence[Settlement],
    ) -> tuple[frozenset[Place], frozenset[Place]]:
        """Write a batch of reports.

        Returns:
            The attempts that were fenced off, and those whose end had been written by an earlier call of which it was
            not known what became: nothing of it is to be done again.
        """
        tokens = {note.token for note in notes} | {check.token for check in checkpoints}
        tokens |= {settlement.token for settlement in settlements}
        workers = dict(transaction.run_batch(self._hold, [(token,) for token in tokens]))
        fenced, written = set[Place](), set[Place]()
        if notes:
            fenced |= self._note(transaction, notes, workers)
        if checkpoints:
            fenced |= self._check(transaction, checkpoints, workers)
        if settlements:
            late, written = self._settle(transaction, settlements, workers)
            fenced |= late
        return frozenset(fenced), frozenset(written)

    def hold_lanes(self, transaction: Transaction, ids: Sequence[int]) -> None:
        """Keep workers from claiming in the lanes of tasks until the end, where nobody has these tasks in hand.

        A claim that makes a task wait for one of these must see what became of it, or be seen.
        """
        if transaction.is_postgres:
            transaction.run_batch(self._hold_lanes, [(task,) for task in ids])

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
        kept = self._attempts.note(transaction, rows)
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
            self._attempts.clear_notes(transaction, kept)
        return set(last) - {(task, number) for task, number in kept}

    def _settle(
        self, transaction: Transaction, settlements: Sequence[Settlement], workers: dict[int, str]
    ) -> tuple[set[Place], set[Place]]:
        """Write ends of attempts.

        Returns:
            Those that were fenced off, and those that had been written before.
        """
        by_place = {(settlement.task, settlement.attempt): settlement for settlement in settlements}
        rows = [_list_fields(settlement) for settlement in by_place.values() if settlement.token in workers]
        settled = transaction.run_batch(self._settle_tasks, rows, now=transaction.now_ms) if rows else ()
        fenced = set(by_place) - {(task, number) for task, number, _, _ in settled}
        known: dict[Place, tuple[int, int, str]] = {}
        if fenced:
            known = {
                (task, number): (started_at, ended_at, outcome)
                for task, number, started_at, ended_at, outcome in self._attempts.find(transaction, sorted(fenced))
            }
            written = {place for place in fenced if known.get(place) == _tell_end(by_place[place])}
            proven = self._settle_unknown(transaction, [by_place[place] for place in sorted(fenced - written)])
            settled = [*settled, *proven]
            fenced -= written | {(task, number) for task, number, _, _ in proven}
        else:
            written = set()
        held = [by_place[task, number] for task, number, _, _ in settled]
        self._attempts.end(transaction, held, workers)
        self.keep_exchanges(
            transaction,
            ((entry.task, entry.attempt, entry.exchanges) for entry in held),
            is_more=bool(known),  # of one in doubt, what was said when it was looked for is there
        )
        self.keep_values(transaction, [value for entry in held for value in entry.values])
        self._claims.release_next(transaction, [(route, key) for _, _, route, key in settled if key is not None])
        late = [
            by_place[place] for place in sorted(fenced) if known.get(place) != _tell_end(by_place[place], prefix=LATE)
        ]
        if late:
            self._attempts.end(transaction, late, workers, is_late=True)
            there = {row[:2] for row in self._attempts.find(transaction, sorted(fenced))}
            kept = (
                (entry.task, entry.attempt, entry.exchanges) for entry in late if (entry.task, entry.attempt) in there
            )
            self.keep_exchanges(transaction, kept, is_more=True)
        self._tally.count(
            transaction, settled=[(route, by_place[task, number].status) for task, number, route, _ in settled]
        )
        return fenced, written

    def _settle_unknown(self, transaction: Transaction, settlements: Sequence[Settlement]) -> Sequence[Any]:
        """Settle tasks that stand in doubt because they were taken over, by the end of the very attempt in doubt.

        Whoever made it knows what became of the request; whoever took the task over could only tell that it had left.
        """
        rows = [_list_fields(settlement) for settlement in settlements if settlement.status is not TaskStatus.UNKNOWN]
        if not rows:
            return ()
        self.hold_lanes(transaction, [row[0] for row in rows])
        return transaction.run_batch(self._settle_doubtful, rows, now=transaction.now_ms)

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
    def _hold_lanes(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        routes = select(tasks.c.route).join_from(rows, tasks, tasks.c.id == rows.c.id)
        return self._statements.prepare(
            select(lanes.c.lane)
            .where(lanes.c.route.in_(routes))
            .order_by(lanes.c.route, lanes.c.lane)
            .with_for_update(read=True, of=lanes)
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
    def _settle_tasks(self) -> Statement:
        return self._write_settle(is_doubtful=False)

    @cached_property
    def _settle_doubtful(self) -> Statement:
        return self._write_settle(is_doubtful=True)

    def _write_settle(self, *, is_doubtful: bool) -> Statement:
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
            done=Text(),
        )
        # A task that goes back because its route was stopped has lost nothing: the try does not count.
        given_back = case((rows.c.status == said(TaskStatus.NEW), ONE), else_=ZERO)
        return self._statements.prepare(
            update(tasks)
            .where(
                tasks.c.id == rows.c.task,
                tasks.c.attempts == rows.c.attempt,
                and_(stands(TaskStatus.UNKNOWN), tasks.c.claim.is_(None))
                if is_doubtful
                else tasks.c.claim == rows.c.token,
            )
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
                done=rows.c.done,
                looks=ZERO,
                tried_before=tasks.c.tried_before + given_back,
                updated_at=bindparam("now", type_=BigInteger()),
            )
            .returning(tasks.c.id, tasks.c.attempts, tasks.c.route, tasks.c.key)
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


def _list_fields(settlement: Settlement) -> tuple[Any, ...]:
    """Return a settlement as the statements that settle tasks read it."""
    return (
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
        settlement.done,
    )


def _tell_end(settlement: Settlement, *, prefix: str = "") -> tuple[int, int, str]:
    """Return how the end of an attempt stands with it, once it is written."""
    return settlement.started_at_ms, settlement.ended_at_ms, prefix + settlement.status.value
