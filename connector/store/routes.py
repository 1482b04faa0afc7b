"""`Store.routes`: which routes are paused, by a person, or stopped, by themselves."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Text, bindparam, literal_column, select

from connector.store.rows import RouteRow, RouteState
from connector.store.statement import mend
from connector.store.tables import routes

if TYPE_CHECKING:
    from connector.store.database import Database
    from connector.store.statement import Statement

_ITSELF: Final = "connector"


class Routes:
    """States of routes. One that is not kept is active. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def states(self) -> dict[str, RouteRow]:
        """Return the routes whose state was ever changed, by name; any other is active."""
        rows = await self._database.read(lambda transaction: transaction.run(self._list))
        return {row[0]: RouteRow(row[0], RouteState(row[1]), *row[2:]) for row in rows}

    async def pause(self, route: str, *, by: str, reason: str = "") -> None:
        """Have no more tasks of a route claimed, as a person wants it."""
        await self._put(route, RouteState.PAUSED, reason, by)

    async def stop(self, route: str, reason: str) -> bool:
        """Have no more tasks of a route claimed: every one would fail the same way.

        Returns:
            Whether this call stopped it; a route that a person paused, or that is stopped, stays as it is.
        """
        return await self._database.write(
            lambda transaction: bool(
                transaction.run(
                    self._stop,
                    name=route,
                    state=RouteState.STOPPED.value,
                    reason=mend(reason),
                    now=transaction.now_ms,
                    by=_ITSELF,
                )
            )
        )

    async def resume(self, route: str, *, by: str) -> None:
        """Have tasks of a route claimed again."""
        await self._put(route, RouteState.ACTIVE, "", by)

    async def resume_stopped(self, route: str, *, by: str) -> None:
        """Have tasks of a route claimed again that had stopped itself; one that a person paused stays paused."""
        await self._database.write(
            lambda transaction: transaction.run(
                self._resume_stopped,
                name=route,
                state=RouteState.ACTIVE.value,
                reason="",
                now=transaction.now_ms,
                by=mend(by),
            )
        )

    async def _put(self, route: str, state: RouteState, reason: str, by: str) -> None:
        await self._database.write(
            lambda transaction: transaction.run(
                self._keep, name=route, state=state.value, reason=mend(reason), now=transaction.now_ms, by=mend(by)
            )
        )

    @cached_property
    def _list(self) -> Statement:
        return self._statements.prepare(
            select(routes.c.name, routes.c.state, routes.c.reason, routes.c.since, routes.c.by).order_by(routes.c.name)
        )

    @cached_property
    def _keep(self) -> Statement:
        return self._statements.prepare(self._upsert(None))

    @cached_property
    def _stop(self) -> Statement:
        active = literal_column(f"'{RouteState.ACTIVE.value}'", Text())
        return self._statements.prepare(self._upsert(routes.c.state == active).returning(routes.c.name))

    @cached_property
    def _resume_stopped(self) -> Statement:
        stopped = literal_column(f"'{RouteState.STOPPED.value}'", Text())
        return self._statements.prepare(self._upsert(routes.c.state == stopped))

    def _upsert(self, where: Any) -> Any:
        fresh = self._statements.insert(routes).values(
            name=bindparam("name", type_=Text()),
            state=bindparam("state", type_=Text()),
            reason=bindparam("reason", type_=Text()),
            since=bindparam("now", type_=BigInteger()),
            by=bindparam("by", type_=Text()),
        )
        changes = {name: fresh.excluded[name] for name in ("state", "reason", "since", "by")}
        return fresh.on_conflict_do_update(index_elements=[routes.c.name], set_=changes, where=where)
