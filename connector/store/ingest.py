"""Records become tasks: a batch and the cursor it was read with, in one transaction."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import orjson
from sqlalchemy import (
    BigInteger,
    Integer,
    SmallInteger,
    Text,
    bindparam,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
    update,
)

from connector.store.phrases import ZERO, among, stands
from connector.store.rows import LANES, OPEN, Ingested, OnDuplicate, TaskStatus
from connector.store.statement import mend
from connector.store.tables import receipts, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.cursors import Cursors
    from connector.store.database import Database, Transaction
    from connector.store.rows import CursorMove, NewTask
    from connector.store.statement import Statement

_LOCKS: Final = 0x636F6E6E << 32  # keeps our advisory locks apart from those of others in the same database
_SEQUENCE: Final = table("sqlite_sequence", column("name"), column("seq"))
_TAKES_RECORDS: Final = (TaskStatus.NEW, TaskStatus.RETRY, TaskStatus.WAITING)


class Ingest:
    """Writes batches of new tasks."""

    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._statements = database.statements
        self._cursors = cursors

    def write(
        self, transaction: Transaction, batch: Sequence[NewTask], cursor: CursorMove | None, token: str
    ) -> Ingested:
        """Write a batch, its cursor and a receipt; with a token that was seen before, return what came of it then."""
        kept = transaction.run(self._find_receipt, token=token)
        if kept:
            result = orjson.loads(kept[0][0])
            return Ingested(tuple(result["ids"]), result["duplicates"], result["updated"])
        if cursor is not None:
            self._cursors.move(transaction, cursor)
        ingested = self._write(transaction, batch)
        result = {"ids": ingested.ids, "duplicates": ingested.duplicates, "updated": ingested.updated}
        transaction.run(self._keep_receipt, token=token, now=transaction.now_ms, result=orjson.dumps(result).decode())
        return ingested

    def _write(self, transaction: Transaction, batch: Sequence[NewTask]) -> Ingested:
        if not batch:
            return Ingested(())
        taken: dict[int, int] = {}
        left: Sequence[tuple[int, NewTask]] = tuple(enumerate(batch))
        followed: dict[int, int] = {}
        if any(task.on_duplicate is OnDuplicate.UPDATE and task.key is not None for task in batch):
            left, followed = _fold(left)
            taken = self._update(transaction, left)
            left = [(place, task) for place, task in left if place not in taken]
        ids: list[int | None] = [None] * len(batch)
        made = self._insert(transaction, left)
        for place, task_id in [*made.items(), *taken.items()]:
            ids[place] = task_id
        for place, last in followed.items():
            ids[place] = ids[last]
        return Ingested(tuple(ids), duplicates=ids.count(None), updated=len(taken) + len(followed))

    def _insert(self, transaction: Transaction, left: Sequence[tuple[int, NewTask]]) -> dict[int, int]:
        """Insert what is not there yet, and return the new ids by place in the batch."""
        if not left:
            return {}
        numbers = self._number(transaction, len(left))
        rows: list[tuple[Any, ...]] = []
        has_keys = False
        for number, (_, task) in zip(numbers, left, strict=True):
            key, occurrence = task.key, 0
            if key is None:
                lane = task.position % LANES
            else:
                has_keys, key = True, mend(key)
                lane = find_lane(key)
                if task.on_duplicate is not OnDuplicate.SKIP:
                    occurrence = number if task.status is TaskStatus.NEW else -number
            rows.append(
                (
                    number,
                    task.route,
                    key,
                    occurrence,
                    lane,
                    task.status,
                    task.record.decode(),
                    task.source,
                    task.position,
                    task.step,
                    task.reason,
                    task.cure,
                )
            )
        made = transaction.run_batch(self._insert_rows, rows, now=transaction.now_ms)
        if not has_keys or len(made) == len(rows):
            return {place: number for number, (place, _) in zip(numbers, left, strict=True)}
        there = {row[0] for row in made}
        return {place: number for number, (place, _) in zip(numbers, left, strict=True) if number in there}

    def _number(self, transaction: Transaction, count: int) -> Sequence[int]:
        """Return ids for new tasks, ascending. Taken ahead, they keep the order of the batch whatever is left out."""
        if transaction.is_postgres:
            return sorted(row[0] for row in transaction.run(self._take_numbers, count=count))
        rows = transaction.run(self._last_number)
        last = rows[0][0] if rows else 0
        return range(last + 1, last + 1 + count)

    def _update(self, transaction: Transaction, left: Sequence[tuple[int, NewTask]]) -> dict[int, int]:
        """Put records into open tasks of their keys, and return those tasks' ids by place in the batch."""
        asking = [
            (place, task)
            for place, task in left
            if task.key is not None and task.on_duplicate is OnDuplicate.UPDATE and task.status is TaskStatus.NEW
        ]
        if not asking:
            return {}
        if transaction.is_postgres:  # two batches at once would each find no open task of a key, and make one
            for route in sorted({task.route for _, task in asking}):
                transaction.run(self._lock_route, number=_LOCKS | crc32(route.encode()))
        keys = [(place, task.route, mend(task.key or "")) for place, task in asking]
        newest = {place: task_id for place, task_id in transaction.run_batch(self._find_newest, keys) if task_id}
        rows = [
            (newest[place], task.record.decode(), task.source, task.position)
            for place, task in asking
            if place in newest
        ]
        changed = {row[0] for row in transaction.run_batch(self._update_rows, rows, now=transaction.now_ms)}
        return {place: task_id for place, task_id in newest.items() if task_id in changed}

    @cached_property
    def _find_receipt(self) -> Statement:
        return self._statements.prepare(select(receipts.c.result).where(receipts.c.token == bindparam("token")))

    @cached_property
    def _keep_receipt(self) -> Statement:
        return self._statements.prepare(
            self._statements.insert(receipts).values(
                token=bindparam("token"), made_at=bindparam("now"), result=bindparam("result")
            )
        )

    @cached_property
    def _last_number(self) -> Statement:
        return self._statements.prepare(
            select(_SEQUENCE.c.seq).where(_SEQUENCE.c.name == literal_column(f"'{tasks.name}'"))
        )

    @cached_property
    def _take_numbers(self) -> Statement:
        return self._statements.prepare(
            select(func.nextval(literal_column("'tasks_id_seq'"))).select_from(
                func.generate_series(literal_column("1"), bindparam("count", type_=Integer())).alias("number")
            )
        )

    @cached_property
    def _lock_route(self) -> Statement:
        return self._statements.prepare(select(func.pg_advisory_xact_lock(bindparam("number", type_=BigInteger()))))

    @cached_property
    def _insert_rows(self) -> Statement:
        rows = self._statements.rows(
            "rows",
            id=BigInteger(),
            route=Text(),
            key=Text(),
            occurrence=BigInteger(),
            lane=SmallInteger(),
            status=Text(),
            record=Text(),
            source=Text(),
            position=Integer(),
            step=Text(),
            reason=Text(),
            cure=Text(),
        )
        known = tasks.alias("known")
        now = bindparam("now", type_=BigInteger())
        values = {
            **{field.name: field for field in rows.c},
            "created_at": now,
            "updated_at": now,
            "attempts": ZERO,
            "tried_before": ZERO,
            "sent": ZERO,
            "parcels": ZERO,
            "looks": ZERO,
        }
        is_known = exists(select(known.c.id).where(known.c.route == rows.c.route, known.c.key == rows.c.key))
        return self._statements.prepare(
            self._statements.insert(tasks)
            .from_select(list(values), select(*values.values()).where(or_(rows.c.occurrence != ZERO, ~is_known)))
            .on_conflict_do_nothing()
            .returning(tasks.c.id)
        )

    @cached_property
    def _update_rows(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger(), record=Text(), source=Text(), position=Integer())
        return self._statements.prepare(
            update(tasks)
            .where(
                tasks.c.id == rows.c.id,
                stands(*_TAKES_RECORDS),
                tasks.c.sent == ZERO,  # parcels of the old record are out: the rest of it must not be another's
            )
            .values(
                record=rows.c.record,
                source=rows.c.source,
                position=rows.c.position,
                updated_at=bindparam("now", type_=BigInteger()),
            )
            .returning(tasks.c.id)
        )

    @cached_property
    def _find_newest(self) -> Statement:
        rows = self._statements.rows("rows", place=Integer(), route=Text(), key=Text())
        newest = tasks.alias("newest")
        found = (
            select(func.max(newest.c.id))
            .where(
                newest.c.route == rows.c.route,
                newest.c.key == rows.c.key,
                newest.c.occurrence >= ZERO,
                among(newest.c.status, OPEN),
            )
            .scalar_subquery()
        )
        return self._statements.prepare(select(rows.c.place, found))


def find_lane(key: str) -> int:
    """Return the lane in which all tasks of a key go."""
    return crc32(key.encode()) % LANES


def _fold(batch: Sequence[tuple[int, NewTask]]) -> tuple[list[tuple[int, NewTask]], dict[int, int]]:
    """Leave out what the same batch brings a newer record of.

    Returns:
        What is left, and for each that was left out: where its newer one stands.
    """
    last: dict[tuple[str, str], int] = {}
    for place, task in batch:
        if _may_fold(task):
            assert task.key is not None
            last[task.route, task.key] = place
    followed = {
        place: last[task.route, task.key]
        for place, task in batch
        if task.key is not None and _may_fold(task) and last[task.route, task.key] != place
    }
    return [(place, task) for place, task in batch if place not in followed], followed


def _may_fold(task: NewTask) -> bool:
    return task.key is not None and task.on_duplicate is OnDuplicate.UPDATE and task.status is TaskStatus.NEW
