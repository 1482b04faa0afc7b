"""`Store.workers`: the processes that deliver."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import BigInteger, Integer, Text, bindparam, delete, select, update

from connector.store.lanes import DEAD_AFTER_MS
from connector.store.rows import WorkerRow
from connector.store.tables import workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.store.database import Database
    from connector.store.statement import Statement


class Workers:
    """Who is alive. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def join(self, worker: str, *, host: str, pid: int, routes: Iterable[str] = ()) -> None:
        """Say that a worker is there.

        Args:
            worker: Its id, new with every start of a process.
            host: Name of its machine.
            pid: Its process id there.
            routes: What it delivers; none: everything.
        """
        named = orjson.dumps(sorted(routes)).decode()
        await self._database.write(
            lambda transaction: transaction.run(
                self._join, id=worker, host=host, pid=pid, now=transaction.now_ms, routes=named
            )
        )

    async def beat(self, worker: str) -> bool:
        """Say that a worker is still alive; to be called every 5 s. Sets the store's clock by the server's as well.

        Returns:
            Whether it is still known; one that is not joins again.
        """
        await self._database.anchor()
        return await self._database.write(
            lambda transaction: transaction.change(self._beat, id=worker, now=transaction.now_ms) > 0
        )

    async def leave(self, worker: str) -> None:
        """Say that a worker is gone; what it still holds may be taken over at once."""
        await self._database.write(lambda transaction: transaction.run(self._leave, id=worker))

    async def alive(self) -> list[WorkerRow]:
        """Return the workers that were heard of within 30 s, by the time they joined."""
        rows = await self._database.read(
            lambda transaction: transaction.run(
                self._list, oldest=transaction.now_ms - DEAD_AFTER_MS, newest=transaction.now_ms + DEAD_AFTER_MS
            )
        )
        return [
            WorkerRow(worker, host, pid, started, heartbeat, tuple(orjson.loads(routes)))
            for worker, host, pid, started, heartbeat, routes in rows
        ]

    @cached_property
    def _join(self) -> Statement:
        now = bindparam("now", type_=BigInteger())
        fresh = self._statements.insert(workers).values(
            id=bindparam("id", type_=Text()),
            host=bindparam("host", type_=Text()),
            pid=bindparam("pid", type_=Integer()),
            started_at=now,
            heartbeat_at=now,
            routes=bindparam("routes", type_=Text()),
        )
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[workers.c.id],
                set_={"heartbeat_at": fresh.excluded.heartbeat_at, "routes": fresh.excluded.routes},
            )
        )

    @cached_property
    def _beat(self) -> Statement:
        return self._statements.prepare(
            update(workers)
            .where(workers.c.id == bindparam("id"))
            .values(heartbeat_at=bindparam("now", type_=BigInteger()))
        )

    @cached_property
    def _leave(self) -> Statement:
        return self._statements.prepare(delete(workers).where(workers.c.id == bindparam("id")))

    @cached_property
    def _list(self) -> Statement:
        return self._statements.prepare(
            select(
                workers.c.id,
                workers.c.host,
                workers.c.pid,
                workers.c.started_at,
                workers.c.heartbeat_at,
                workers.c.routes,
            )
            .where(
                workers.c.heartbeat_at.between(
                    bindparam("oldest", type_=BigInteger()), bindparam("newest", type_=BigInteger())
                )
            )
            .order_by(workers.c.started_at, workers.c.id)
        )
