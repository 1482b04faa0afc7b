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

from connector.store.phrases import NOTHING, ZERO, among, said, stands
from connector.store.rows import LANES, OPEN, Ingested, OnDuplicate, TaskStatus
from connector.store.statement import NUL, mend
from connector.store.tables import receipts, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql.expression import ColumnElement

    from connector.store.activity import Tally
    from connector.store.cursors import Cursors
    from connector.store.database import Database, Transaction
    from connector.store.rows import CursorMove, NewTask
    from connector.store.statement import Statement

_LOCKS: Final = 0x636F6E6E << 32  # keeps our advisory locks apart from those of others in the same database
_SEQUENCE: Final = table("sqlite_sequence", column("name"), column("seq"))
_NEW: Final[dict[str, ColumnElement[Any]]] = {
    "status": said(TaskStatus.NEW),
    "step": NOTHING,
    "reason": NOTHING,
    "attempts": ZERO,
    "tried_before": ZERO,
    "sent": ZERO,
    "parcels": ZERO,
    "looks": ZERO,
}
"""What all new tasks have in common."""

_TAKES_RECORDS: Final = (TaskStatus.NEW, TaskStatus.RETRY, TaskStatus.WAITING)


class Ingest:
    """Writes batches of new tasks."""

    def __init__(self, database: Database, cursors: Cursors, tally: Tally) -> None:
        self._statements = database.statements
        self._cursors = cursors
        self._tally = tally

    def write(
        self, transaction: Transaction, batch: Sequence[NewTask], cursor: CursorMove | None, token: str
    ) -> Ingested:
        """Write a batch, its cursor and a receipt; with a token that was seen before, return what came of it then."""
        kept = transaction.run(self._find_receipt, token=token)
        if kept:
            result = orjson.loads(kept[0][0])
            return Ingested(tuple(result["ids"]), result["duplicates"], tuple(result["renewals"]))
        if cursor is not None:
            self._cursors.move(transaction, cursor)
        ingested = self.add(transaction, batch)
        result = {"ids": ingested.ids, "duplicates": ingested.duplicates, "renewals": ingested.renewals}
        transaction.run(self._keep_receipt, token=token, now=transaction.now_ms, result=orjson.dumps(result).decode())
        return ingested

    def add(self, transaction: Transaction, batch: Sequence[NewTask]) -> Ingested:
        """Write a batch and nothing else, inside a transaction that is carried out once by what else it does."""
        if not any(_may_update(task) for task in batch):
            ids = self._insert(transaction, batch)
            return Ingested(tuple(ids), duplicates=ids.count(None))
        left, followed = _fold(batch)
        taken = self._update(transaction, left)
        rest = [(place, task) for place, task in left if place not in taken]
        made = self._insert(transaction, [task for _, task in rest])
        found = taken | {place: number for (place, _), number in zip(rest, made, strict=True) if number is not None}
        ids = [found.get(followed.get(place, place)) for place in range(len(batch))]
        return Ingested(tuple(ids), duplicates=ids.count(None), renewals=tuple(sorted({*taken, *followed})))

    def _insert(self, transaction: Transaction, batch: Sequence[NewTask]) -> list[int | None]:
        """Insert what is not there yet, and return the new ids, aligned with the batch."""
        if not batch:
            return []
        numbers = self._number(transaction, len(batch))
        fresh: list[tuple[Any, ...]] = []
        settled: list[tuple[Any, ...]] = []
        has_keys = False
        for number, task in zip(numbers, batch, strict=True):
            key, occurrence = task.key, 0
            if key is None:
                lane = (number - 1) % LANES  # not by the place in its batch: of those sent one by one, that is 0
            else:
                has_keys = True
                if not key.isascii() or NUL in key:
                    key = mend(key)
                lane = crc32(key.encode()) % LANES
                if task.on_duplicate is not OnDuplicate.SKIP:
                    occurrence = number if task.status.is_open else -number
            row = (number, task.route, key, occurrence, lane, task.source, task.position, task.record.decode())
            if task.status is TaskStatus.NEW:
                fresh.append(row)
            else:
                settled.append((*row, task.status, task.step, task.reason, task.cure))
        statement = self._insert_keyed if has_keys else self._insert_keyless
        made = transaction.change_batch(statement, fresh, now=transaction.now_ms) if fresh else 0
        made += transaction.change_batch(self._insert_settled, settled, now=transaction.now_ms) if settled else 0
        ids: list[int | None] = list(numbers)
        if made != len(ids):
            there = {row[0] for row in transaction.run_batch(self._find_made, [(number,) for number in numbers])}
            ids = [number if number in there else None for number in numbers]
        kept = [task for number, task in zip(ids, batch, strict=True) if number is not None]
        settled = [(task.route, task.status) for task in kept if task.status is not TaskStatus.NEW]
        self._tally.count(transaction, [task.route for task in kept], settled)
        return ids

    def _number(self, transaction: Transaction, count: int) -> Sequence[int]:
        """Return ids for new tasks, ascending. Taken ahead, they keep the order of the batch whatever is left out."""
        if transaction.is_postgres:
            return sorted(row[0] for row in transaction.run(self._take_numbers, count=count))
        rows = transaction.run(self._last_number)
        last = rows[0][0] if rows else 0
        return range(last + 1, last + 1 + count)

    def _update(self, transaction: Transaction, left: Sequence[tuple[int, NewTask]]) -> dict[int, int]:
        """Put records into open tasks of their keys, and return those tasks' ids by place in the batch."""
        asking = [(place, task) for place, task in left if _may_update(task)]
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
    def _insert_keyless(self) -> Statement:
        return self._write_insert(is_keyed=False, is_settled=False)

    @cached_property
    def _insert_keyed(self) -> Statement:
        return self._write_insert(is_keyed=True, is_settled=False)

    @cached_property
    def _insert_settled(self) -> Statement:
        return self._write_insert(is_keyed=True, is_settled=True)

    def _write_insert(self, *, is_keyed: bool, is_settled: bool) -> Statement:
        """Return the statement that inserts tasks; what all have in common is not sent with each.

        Args:
            is_keyed: Whether some have keys: those that are known are left out.
            is_settled: Whether they say how they stand and why; else they are new.
        """
        kinds = {"status": Text(), "step": Text(), "reason": Text(), "cure": Text()} if is_settled else {}
        rows = self._statements.rows(
            "rows",
            id=BigInteger(),
            route=Text(),
            key=Text(),
            occurrence=BigInteger(),
            lane=SmallInteger(),
            source=Text(),
            position=Integer(),
            record=Text(),
            **kinds,
        )
        now = bindparam("now", type_=BigInteger())
        values: dict[str, ColumnElement[Any]] = {
            **_NEW,
            "created_at": now,
            "updated_at": now,
            **{field.name: field for field in rows.c},
        }
        query = select(*values.values())
        fresh = self._statements.insert(tasks)
        if not is_keyed:
            return self._statements.prepare(fresh.from_select(list(values), query))
        known = tasks.alias("known")
        is_known = exists(select(known.c.id).where(known.c.route == rows.c.route, known.c.key == rows.c.key))
        query = query.where(or_(rows.c.occurrence != ZERO, ~is_known))
        return self._statements.prepare(fresh.from_select(list(values), query).on_conflict_do_nothing())

    @cached_property
    def _find_made(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger())
        return self._statements.prepare(select(tasks.c.id).join_from(rows, tasks, tasks.c.id == rows.c.id))

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


def _fold(batch: Sequence[NewTask]) -> tuple[list[tuple[int, NewTask]], dict[int, int]]:
    """Leave out what the same batch brings a newer record of.

    Returns:
        What is left, by place in the batch; and for each that was left out: where its newer one stands.
    """
    last = {(task.route, task.key): place for place, task in enumerate(batch) if _may_update(task)}
    followed = {
        place: last[task.route, task.key]
        for place, task in enumerate(batch)
        if _may_update(task) and last[task.route, task.key] != place
    }
    return [(place, task) for place, task in enumerate(batch) if place not in followed], followed


def _may_update(task: NewTask) -> bool:
    return task.on_duplicate is OnDuplicate.UPDATE and task.key is not None and task.status is TaskStatus.NEW
