"""`Store.schedules`: each due time fires once, over all processes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Text, bindparam, delete, func, null, or_, select, update

from connector.store.phrases import NOTHING
from connector.store.rows import ScheduleRow
from connector.store.statement import mend
from connector.store.tables import schedules

if TYPE_CHECKING:
    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

_CLOCKS_DIFFER_MS: Final = 60_000
_COLUMNS: Final = (
    schedules.c.name,
    schedules.c.spec,
    schedules.c.last_due_at,
    schedules.c.last_started_at,
    schedules.c.last_result,
    schedules.c.next_at,
    schedules.c.asked_at,
    func.coalesce(schedules.c.asked_by, NOTHING),
    schedules.c.last_ended_at,
    schedules.c.last_records,
    schedules.c.last_tasks,
)


class Schedules:
    """What was due when, and what came of it. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def declare(self, name: str, spec: str, *, next_at_ms: int | None = None) -> None:
        """Say that a schedule is there; what it did before is kept.

        Args:
            name: Of the incoming.
            spec: As it is written in the configuration.
            next_at_ms: When it is due next, for people to see; None where that is never.
        """
        await self._database.write(
            lambda transaction: transaction.run(self._declare, name=name, spec=spec, next_at=next_at_ms)
        )

    async def fire(self, name: str, due_at_ms: int) -> bool:
        """Begin what was due at a time, and return whether nobody has begun it before.

        A due time that lies before one that fired already does not fire, unless that one lies in the future: then the
        clock was set back since.

        Args:
            name: Of the incoming.
            due_at_ms: The due time itself, which is the same in all processes; not the time of the call.
        """
        return await self._database.write(
            lambda transaction: bool(
                transaction.run(
                    self._fire,
                    name=name,
                    due_at=due_at_ms,
                    now=transaction.now_ms,
                    latest=transaction.now_ms + _CLOCKS_DIFFER_MS,
                )
            )
        )

    async def note_result(
        self,
        name: str,
        result: str,
        *,
        next_at_ms: int | None = None,
        records: int | None = None,
        tasks: int | None = None,
    ) -> None:
        """Keep what came of it.

        Args:
            name: Of the incoming.
            result: In one sentence.
            next_at_ms: When it is due next.
            records: How many records were read, or None where that is not known.
            tasks: How many tasks were made of them, likewise.
        """
        values = {"result": mend(result), "next_at": next_at_ms, "records": records, "tasks": tasks}
        await self._database.write(
            lambda transaction: transaction.run(self._note, name=name, now=transaction.now_ms, **values)
        )

    async def ask(self, name: str, by: str) -> bool:
        """Ask for a run now, due or not, and return whether nobody had asked before who is still waiting.

        Args:
            name: Of the incoming; it need not have a schedule.
            by: Who asks.
        """
        return await self._database.write(
            lambda transaction: bool(transaction.run(self._ask, name=name, by=mend(by), now=transaction.now_ms))
        )

    async def asked(self) -> list[ScheduleRow]:
        """Return the schedules that were asked for and that nobody has begun yet, the longest waiting first."""
        rows = await self._database.read(lambda transaction: transaction.run(self._list_asked))
        return [ScheduleRow(*row) for row in rows]

    async def take_asked(self, name: str) -> ScheduleRow | None:
        """Begin what was asked for; return the row as it was with the asking, or None where somebody else has begun it.

        The run counts as begun, like one that was due (`fire`); `note_result` ends it.
        """

        def work(transaction: Transaction) -> ScheduleRow | None:
            rows = transaction.run(self._find_asked, name=name)
            if not rows or not transaction.run(self._take_asked, name=name, now=transaction.now_ms):
                return None
            return ScheduleRow(*rows[0])

        return await self._database.write(work)

    async def all(self) -> list[ScheduleRow]:
        """Return all schedules by name."""
        rows = await self._database.read(lambda transaction: transaction.run(self._list))
        return [ScheduleRow(*row) for row in rows]

    async def forget(self, name: str) -> None:
        """Delete a schedule, and what is known of it."""
        await self._database.write(lambda transaction: transaction.run(self._forget, name=name))

    @cached_property
    def _declare(self) -> Statement:
        fresh = self._statements.insert(schedules).values(
            name=bindparam("name", type_=Text()),
            spec=bindparam("spec", type_=Text()),
            last_result=NOTHING,
            next_at=bindparam("next_at", type_=BigInteger()),
        )
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[schedules.c.name],
                set_={"spec": fresh.excluded.spec, "next_at": fresh.excluded.next_at},
            )
        )

    @cached_property
    def _fire(self) -> Statement:
        due_at, now = bindparam("due_at", type_=BigInteger()), bindparam("now", type_=BigInteger())
        fresh = self._statements.insert(schedules).values(
            name=bindparam("name", type_=Text()),
            spec=NOTHING,
            last_due_at=due_at,
            last_started_at=now,
            last_result=NOTHING,
            next_at=null(),
        )
        new = fresh.excluded
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[schedules.c.name],
                set_={
                    "last_due_at": new.last_due_at,
                    "last_started_at": new.last_started_at,
                    "last_result": new.last_result,
                    "last_ended_at": null(),
                },
                where=or_(
                    schedules.c.last_due_at.is_(None),
                    schedules.c.last_due_at < new.last_due_at,
                    schedules.c.last_due_at > bindparam("latest", type_=BigInteger()),
                ),
            ).returning(schedules.c.name)
        )

    @cached_property
    def _note(self) -> Statement:
        return self._statements.prepare(
            update(schedules)
            .where(schedules.c.name == bindparam("name", type_=Text()))
            .values(
                last_result=bindparam("result", type_=Text()),
                last_ended_at=bindparam("now", type_=BigInteger()),
                last_records=bindparam("records", type_=BigInteger()),
                last_tasks=bindparam("tasks", type_=BigInteger()),
                next_at=bindparam("next_at", type_=BigInteger()),
            )
        )

    @cached_property
    def _list(self) -> Statement:
        return self._statements.prepare(select(*_COLUMNS).order_by(schedules.c.name))

    @cached_property
    def _ask(self) -> Statement:
        fresh = self._statements.insert(schedules).values(
            name=bindparam("name", type_=Text()),
            spec=NOTHING,
            last_result=NOTHING,
            asked_at=bindparam("now", type_=BigInteger()),
            asked_by=bindparam("by", type_=Text()),
        )
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[schedules.c.name],
                set_={"asked_at": fresh.excluded.asked_at, "asked_by": fresh.excluded.asked_by},
                where=schedules.c.asked_at.is_(None),
            ).returning(schedules.c.name)
        )

    @cached_property
    def _list_asked(self) -> Statement:
        return self._statements.prepare(
            select(*_COLUMNS).where(schedules.c.asked_at.is_not(None)).order_by(schedules.c.asked_at, schedules.c.name)
        )

    @cached_property
    def _find_asked(self) -> Statement:
        return self._statements.prepare(
            select(*_COLUMNS)
            .where(schedules.c.name == bindparam("name", type_=Text()), schedules.c.asked_at.is_not(None))
            .with_for_update()
        )

    @cached_property
    def _take_asked(self) -> Statement:
        return self._statements.prepare(
            update(schedules)
            .where(schedules.c.name == bindparam("name", type_=Text()), schedules.c.asked_at.is_not(None))
            .values(
                asked_at=null(),
                asked_by=null(),
                last_started_at=bindparam("now", type_=BigInteger()),
                last_result=NOTHING,
                last_ended_at=null(),
            )
            .returning(schedules.c.name)
        )

    @cached_property
    def _forget(self) -> Statement:
        return self._statements.prepare(delete(schedules).where(schedules.c.name == bindparam("name")))
