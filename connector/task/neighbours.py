"""Who else is at work, and on which lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from connector import log
from connector.frozen import dataclass
from connector.store.rows import LANES
from connector.task.dispatch import Balance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.store.rows import LaneRow, WorkerRow
    from connector.store.store import Store
    from connector.task.journal import Journal
    from connector.task.membership import Membership

    Place: TypeAlias = tuple[str, int]

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds which lanes.

    Attributes:
        alive: Lanes that somebody alive holds, each with its route.
        dead: Lanes whose holder was not heard of any more: what it left in them has to be seen to. None for as long as
            this worker may not tell (`Membership.may_take_over`).
    """

    alive: frozenset[Place]
    dead: frozenset[Place]


class Neighbours:
    """The workers of a store, as one of them sees them.

    Attributes:
        balance: Decides what is whose, by what was seen last.
    """

    def __init__(self, store: Store, journal: Journal, membership: Membership, concurrency: Mapping[str, int]) -> None:
        """Prepare.

        Args:
            store: Where workers and lanes are known.
            journal: Bears a store that is away.
            membership: Of the one that looks.
            concurrency: Of the routes it knows, by name.
        """
        self.balance = Balance(membership.worker)
        self._store = store
        self._journal = journal
        self._membership = membership
        self._worker = membership.worker
        self._concurrency = concurrency
        self._mourned: frozenset[str] = frozenset()

    async def look(self) -> Holders:
        """Return who holds which lanes, and learn how much each of the others has to do.

        A worker that died is told in the log, once.

        Raises:
            StoreError: The store was away for too long.
        """
        held, alive = await self._read()
        if self._find_gone(held, alive) - self._mourned:  # or it has let go and left between the two questions
            held, alive = await self._read()
        gone = self._find_gone(held, alive) if self._membership.may_take_over else frozenset()
        for worker in sorted(gone - self._mourned):
            lanes = [f"{row.route}/{row.lane}" for row in held if row.worker == worker]
            logger.warning(log.WORKER_DIED, worker=worker, lanes=", ".join(lanes))
        if self._membership.may_take_over:
            self._mourned = gone
        self.balance.learn({row.id: row.routes for row in alive}, self._weigh(held))
        return Holders(
            frozenset((row.route, row.lane) for row in held if row.worker not in gone),
            frozenset((row.route, row.lane) for row in held if row.worker in gone),
        )

    async def _read(self) -> tuple[list[LaneRow], list[WorkerRow]]:
        held = await self._journal.bear(self._store.lanes.held)
        return held, await self._journal.bear(self._store.workers.alive)

    def _find_gone(self, held: Iterable[LaneRow], alive: Iterable[WorkerRow]) -> frozenset[str]:
        return frozenset(row.worker for row in held) - {row.id for row in alive} - {self._worker}

    def _weigh(self, held: Iterable[LaneRow]) -> dict[str, float]:
        """Return how many tasks each worker may have on their way at once, by the lanes it holds."""
        loads: dict[str, float] = {}
        for row in held:
            width = self._concurrency.get(row.route, 0) / LANES
            loads[row.worker] = loads.get(row.worker, 0.0) + width
        return loads
