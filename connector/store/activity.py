"""`Store.activity`: what happened on each route, by the minute.

The counts are written in the very transactions that make and settle tasks: what happened is counted, and nothing else.
Each connection counts in rows of its own (`slot`), so that no two wait for each other; what is older than an hour is
summed up, and what is older than two days is kept by the hour.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, Text, and_, bindparam, func, literal_column, select

from connector.store.rows import ActivityRow, TaskStatus
from connector.store.statement import mend
from connector.store.tables import activity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

KEPT_MS: Final = 35 * 86_400_000
"""How long activity is kept: a month can be looked back on."""

MINUTE_MS: Final = 60_000

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
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[activity.c.minute, activity.c.route, activity.c.slot], set_=changes
            )
        )


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
            step_ms: How long a stretch is; whole minutes, at least one.
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
