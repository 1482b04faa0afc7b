"""`Store.alarms`: what a person should know, told once by whichever process gets to it first.

An alarm lasts from `raise_` to `clear`. It is handed out by `take_to_tell` when it is new, when it is to be told again,
and when it is over; whoever told it says so by `told`. One that dies in between loses it to the next after a minute.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, delete, null, or_, select, tuple_, update

from connector.store.rows import AlarmRow
from connector.store.statement import mend
from connector.store.tables import alarms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

_COLUMNS: Final = (
    alarms.c.kind,
    alarms.c.subject,
    alarms.c.text,
    alarms.c.since,
    alarms.c.told_at,
    alarms.c.detail,
    alarms.c.repeat_ms,
    alarms.c.cleared_at,
)


class Alarms:
    """What is wrong at present. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def raise_(
        self, kind: str, subject: str, text: str, detail: bytes = b"{}", *, repeat_ms: int | None = None
    ) -> bool:
        """Say that something is wrong, and return whether that is new.

        One that is known gets the new words, and stays as old as it is. One that was cleared, and of which nobody was
        told that it is over, goes on.

        Args:
            kind: What sort of thing.
            subject: What it is about.
            text: What is wrong, in a sentence.
            detail: JSON of what else is known.
            repeat_ms: How long after it was told it is to be told again, or None for never.
        """
        values = {
            "kind": kind,
            "subject": mend(subject),
            "text": mend(text),
            "detail": detail.decode(),
            "repeat_ms": repeat_ms,
        }

        def work(transaction: Transaction) -> bool:
            is_new = transaction.change(self._add, now=transaction.now_ms, **values) > 0
            if not is_new:
                transaction.run(self._renew, **values)
            return is_new

        return await self._database.write(work)

    async def clear(self, kind: str, subject: str) -> bool:
        """Say that something is over, and return whether it was wrong before; what nobody was told of is forgotten."""

        def work(transaction: Transaction) -> bool:
            place = {"kind": kind, "subject": mend(subject), "now": transaction.now_ms}
            return transaction.change(self._forget, **place) > 0 or transaction.change(self._clear, **place) > 0

        return await self._database.write(work)

    async def open(self) -> list[AlarmRow]:
        """Return what is wrong at present, the longest first."""
        rows = await self._database.read(lambda transaction: transaction.run(self._list))
        return [_read(row) for row in rows]

    async def take_to_tell(
        self, now_ms: int | None = None, *, limit: int = 100, hold_ms: int = 60_000
    ) -> list[AlarmRow]:
        """Return alarms that are to be told now, each to one process alone; those with `cleared_at_ms` are over.

        Args:
            now_ms: What time it is, ms since the epoch; the store's where left out.
            limit: How many at most.
            hold_ms: For how long nobody else gets them; then, without a `told`, they are handed out again.
        """

        def work(transaction: Transaction) -> list[AlarmRow]:
            now = transaction.now_ms if now_ms is None else now_ms
            rows = transaction.run(self._take, now=now, until=now + hold_ms, limit=limit)
            return sorted((_read(row) for row in rows), key=lambda row: (row.since_ms, row.kind, row.subject))

        return await self._database.write(work)

    async def told(self, rows: Sequence[AlarmRow]) -> None:
        """Say that alarms from `take_to_tell` were told; what was told to be over is forgotten."""

        def work(transaction: Transaction) -> None:
            over = [(row.kind, row.subject) for row in rows if row.cleared_at_ms is not None]
            lasting = [(row.kind, row.subject) for row in rows if row.cleared_at_ms is None]
            if lasting:
                transaction.run_batch(self._note, lasting, now=transaction.now_ms)
            if over:
                transaction.run_batch(self._end, over)
                transaction.run_batch(self._begin_anew, over)

        if rows:
            await self._database.write(work)

    @cached_property
    def _add(self) -> Statement:
        return self._statements.prepare(
            self._statements.insert(alarms)
            .values(
                kind=bindparam("kind", type_=Text()),
                subject=bindparam("subject", type_=Text()),
                text=bindparam("text", type_=Text()),
                detail=bindparam("detail", type_=Text()),
                repeat_ms=bindparam("repeat_ms", type_=BigInteger()),
                since=bindparam("now", type_=BigInteger()),
            )
            .on_conflict_do_nothing()
        )

    @cached_property
    def _renew(self) -> Statement:
        return self._statements.prepare(
            update(alarms)
            .where(_is_this())
            .values(
                text=bindparam("text", type_=Text()),
                detail=bindparam("detail", type_=Text()),
                repeat_ms=bindparam("repeat_ms", type_=BigInteger()),
                cleared_at=null(),
            )
        )

    @cached_property
    def _forget(self) -> Statement:
        now = bindparam("now", type_=BigInteger())
        is_held = and_(alarms.c.held_until.is_not(None), alarms.c.held_until > now)
        return self._statements.prepare(
            delete(alarms).where(_is_this(), alarms.c.cleared_at.is_(None), alarms.c.told_at.is_(None), ~is_held)
        )

    @cached_property
    def _clear(self) -> Statement:
        return self._statements.prepare(
            update(alarms)
            .where(_is_this(), alarms.c.cleared_at.is_(None))
            .values(cleared_at=bindparam("now", type_=BigInteger()))
        )

    @cached_property
    def _list(self) -> Statement:
        return self._statements.prepare(
            select(*_COLUMNS)
            .where(alarms.c.cleared_at.is_(None))
            .order_by(alarms.c.since, alarms.c.kind, alarms.c.subject)
        )

    @cached_property
    def _take(self) -> Statement:
        now = bindparam("now", type_=BigInteger())
        is_free = or_(alarms.c.held_until.is_(None), alarms.c.held_until <= now)
        is_due = or_(
            alarms.c.cleared_at.is_not(None),
            alarms.c.told_at.is_(None),
            alarms.c.told_at + alarms.c.repeat_ms <= now,
        )
        chosen = (
            select(alarms.c.kind, alarms.c.subject)
            .where(is_free, is_due)
            .order_by(alarms.c.since)
            .limit(bindparam("limit", type_=Integer()))
            .with_for_update(skip_locked=True)
        )
        return self._statements.prepare(
            update(alarms)
            .where(tuple_(alarms.c.kind, alarms.c.subject).in_(chosen), is_free, is_due)
            .values(held_until=bindparam("until", type_=BigInteger()))
            .returning(*_COLUMNS)
        )

    @cached_property
    def _note(self) -> Statement:
        rows = self._statements.rows("rows", kind=Text(), subject=Text())
        return self._statements.prepare(
            update(alarms)
            .where(alarms.c.kind == rows.c.kind, alarms.c.subject == rows.c.subject)
            .values(told_at=bindparam("now", type_=BigInteger()), held_until=null())
        )

    @cached_property
    def _end(self) -> Statement:
        rows = self._statements.rows("rows", kind=Text(), subject=Text())
        pairs = select(rows.c.kind, rows.c.subject)
        return self._statements.prepare(
            delete(alarms).where(tuple_(alarms.c.kind, alarms.c.subject).in_(pairs), alarms.c.cleared_at.is_not(None))
        )

    @cached_property
    def _begin_anew(self) -> Statement:
        """Have what began again while its end was told be told as new."""
        rows = self._statements.rows("rows", kind=Text(), subject=Text())
        return self._statements.prepare(
            update(alarms)
            .where(alarms.c.kind == rows.c.kind, alarms.c.subject == rows.c.subject, alarms.c.cleared_at.is_(None))
            .values(told_at=null(), held_until=null())
        )


def _is_this() -> Any:
    return and_(
        alarms.c.kind == bindparam("kind", type_=Text()), alarms.c.subject == bindparam("subject", type_=Text())
    )


def _read(row: Sequence[Any]) -> AlarmRow:
    kind, subject, text, since, told_at, detail, repeat_ms, cleared_at = row
    return AlarmRow(kind, subject, text, since, told_at, detail.encode(), repeat_ms, cleared_at)
