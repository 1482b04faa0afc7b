"""`Store.activity`: what happened on each route, by the minute.

The counts are written in the very transactions that make and settle tasks: what happened is counted, and nothing else.
Each connection counts in rows of its own (`slot`), so that no two wait for each other; what is older than an hour is
summed up, and what is older than two days is kept by the hour.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, delete, func, literal_column, or_, select

from connector.store.phrases import ZERO
from connector.store.rows import ActivityRow, TaskStatus
from connector.store.statement import mend
from connector.store.tables import activity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.sql.expression import ColumnElement

    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

KEPT_MS: Final = 35 * 86_400_000
"""How long activity is kept: a month can be looked back on."""

MINUTE_MS: Final = 60_000

_DAY: Final = 1440
_BY_SLOTS: Final = 60
_BY_HOURS: Final = 2 * _DAY
_LOCK: Final = 0x636F6E6E_00000001  # as `ingest` does, apart from those of others in the same database
_PLACE: Final = (activity.c.minute, activity.c.route, activity.c.slot)
_COUNTS: Final = ("received", "finished", "failed", "skipped", "unknown", "retried")
_PLACES: Final = {
    TaskStatus.FINISHED.value: 1,
    TaskStatus.FAILED.value: 2,
    TaskStatus.SKIPPED.value: 3,
    TaskStatus.UNKNOWN.value: 4,
    TaskStatus.RETRY.value: 5,
}
"""Where the count of a status stands among the counts; the others are not counted."""


class Tally:
    """Counts activity inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def count(
        self, transaction: Transaction, received: Iterable[str] = (), settled: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Add to the counts of this minute.

        Args:
            transaction: Under way; the counts come last in it.
            received: Routes of tasks that were made, one for each.
            settled: Route and status of tasks that changed, one for each.
        """
        counts: dict[str, list[int]] = {}
        for route in received:
            if route not in counts:
                counts[route] = [0] * len(_COUNTS)
            counts[route][0] += 1
        for route, status in settled:
            place = _PLACES.get(status)
            if place is not None:
                if route not in counts:
                    counts[route] = [0] * len(_COUNTS)
                counts[route][place] += 1
        if counts:
            rows = [(route, *numbers) for route, numbers in sorted(counts.items())]
            minute = transaction.now_ms // MINUTE_MS
            transaction.run_batch(self._add, rows, minute=minute, slot=transaction.slot)

    @cached_property
    def _add(self) -> Statement:
        rows = self._statements.rows("rows", route=Text(), **{name: Integer() for name in _COUNTS})
        fresh = self._statements.insert(activity).from_select(
            ["minute", "slot", "route", *_COUNTS],
            select(
                bindparam("minute", type_=Integer()),
                bindparam("slot", type_=Integer()),
                *rows.c,
            ).where(literal_column("true")),
        )
        changes = {name: activity.c[name] + fresh.excluded[name] for name in _COUNTS}
        return self._statements.prepare(fresh.on_conflict_do_update(index_elements=_PLACE, set_=changes))


class Activity:
    """What happened when. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def read(
        self, since_ms: int, until_ms: int, step_ms: int = MINUTE_MS, route: str | None = None
    ) -> list[ActivityRow]:
        """Return what happened, by route and stretch of time; stretches in which nothing did are left out.

        Args:
            since_ms: From here on, ms since the epoch; the first stretch begins in the minute it lies in.
            until_ms: Until here; what happened in the minute it lies in counts as well, unless it is its beginning.
            step_ms: How long a stretch is; whole minutes, at least one. What is older than two days is known by the
                hour, and counts where the hour begins.
            route: Of this one alone.
        """
        first, last = since_ms // MINUTE_MS, -(-until_ms // MINUTE_MS)
        step = max(1, step_ms // MINUTE_MS)
        values: dict[str, Any] = {"first": first, "last": last, "step": step}
        if route is not None:
            values["route"] = mend(route)
        statement = self._read if route is None else self._read_route
        rows = await self._database.read(lambda transaction: transaction.run(statement, **values))
        return [ActivityRow(name, (first + place * step) * MINUTE_MS, *counts) for name, place, *counts in rows]

    async def prune(self) -> None:
        """Sum up what is older than an hour, and older than two days; delete what is too old. A transaction a day."""
        now = self._database.now_ms() // MINUTE_MS
        oldest = now - KEPT_MS // MINUTE_MS
        await self._database.write(lambda transaction: transaction.run(self._forget, oldest=oldest))
        for size, age in ((60, _BY_HOURS), (1, _BY_SLOTS)):
            end = (now - age) // size * size
            rows = await self._database.read(partial(self._find_loose, start=0, stop=end, size=size))
            start = end if rows[0][0] is None else rows[0][0] // size * size
            while start < end:
                stop = min(start + _DAY, end)
                await self._database.write(partial(self._sum_up, start=start, stop=stop, size=size))
                start = stop

    def _find_loose(self, transaction: Transaction, **values: int) -> Sequence[Any]:
        return transaction.run(self._first, **values)

    def _sum_up(self, transaction: Transaction, *, start: int, stop: int, size: int) -> None:
        """Put what was counted within so many minutes, in whichever slot, into one row for each route."""
        if transaction.is_postgres:  # two at once would each add what both have read
            transaction.run(self._lock)
        values = {"start": start, "stop": stop, "size": size}
        transaction.run(self._add_up, **values)
        transaction.run(self._clear, **values)

    @cached_property
    def _first(self) -> Statement:
        return self._statements.prepare(select(func.min(activity.c.minute)).where(_is_loose()))

    @cached_property
    def _forget(self) -> Statement:
        return self._statements.prepare(
            delete(activity).where(activity.c.minute < bindparam("oldest", type_=Integer()))
        )

    @cached_property
    def _lock(self) -> Statement:
        return self._statements.prepare(select(func.pg_advisory_xact_lock(literal_column(str(_LOCK), BigInteger()))))

    @cached_property
    def _add_up(self) -> Statement:
        loose = select(
            (activity.c.minute - activity.c.minute % bindparam("size", type_=Integer())).label("minute"),
            activity.c.route,
            *(activity.c[name] for name in _COUNTS),
        ).where(_is_loose())
        rows = loose.subquery("loose")
        fresh = self._statements.insert(activity).from_select(
            ["minute", "route", "slot", *_COUNTS],
            select(rows.c.minute, rows.c.route, ZERO, *(func.sum(rows.c[name]) for name in _COUNTS)).group_by(
                rows.c.minute, rows.c.route
            ),
        )
        changes = {name: activity.c[name] + fresh.excluded[name] for name in _COUNTS}
        return self._statements.prepare(fresh.on_conflict_do_update(index_elements=_PLACE, set_=changes))

    @cached_property
    def _clear(self) -> Statement:
        return self._statements.prepare(delete(activity).where(_is_loose()))

    @cached_property
    def _read(self) -> Statement:
        return self._statements.prepare(self._query())

    @cached_property
    def _read_route(self) -> Statement:
        return self._statements.prepare(self._query().where(activity.c.route == bindparam("route", type_=Text())))

    @staticmethod
    def _query() -> Any:
        first = bindparam("first", type_=Integer())
        place = ((activity.c.minute - first) // bindparam("step", type_=Integer())).label("place")
        sums = [func.sum(activity.c[name]).label(name) for name in _COUNTS]
        return (
            select(activity.c.route, place, *sums)
            .where(and_(activity.c.minute >= first, activity.c.minute < bindparam("last", type_=Integer())))
            .group_by(activity.c.route, literal_column("place"))
            .order_by(activity.c.route, literal_column("place"))
        )


def _is_loose() -> ColumnElement[bool]:
    """Return the condition that a row lies between two minutes, and not where sums are kept."""
    minute = activity.c.minute
    return and_(
        minute >= bindparam("start", type_=Integer()),
        minute < bindparam("stop", type_=Integer()),
        or_(minute % bindparam("size", type_=Integer()) != ZERO, activity.c.slot != ZERO),
    )
