"""`Store.tasks`: from the record that came in to the task that is pruned."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connector.store.boundary import Boundary
from connector.store.claims import Claims
from connector.store.decide import MAY_RESOLVE, MAY_RETRY, MAY_SKIP, Decide
from connector.store.deliveries import Deliveries
from connector.store.detail import Details
from connector.store.find import Find
from connector.store.ingest import Ingest
from connector.store.prune import BITE, Prune
from connector.store.rows import LANES, Resolution, TaskFilter, TaskStatus
from connector.store.settle import Settle
from connector.store.standing import Standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
    from typing import TypeAlias

    from connector.store.activity import Tally
    from connector.store.attempts import Attempts
    from connector.store.cursors import Cursors
    from connector.store.database import Database, Transaction
    from connector.store.rows import (
        Accepted,
        Checkpoint,
        Claimed,
        CommitNote,
        CursorMove,
        Delivery,
        Found,
        Ingested,
        Lease,
        Look,
        NewTask,
        Settlement,
        TaskDetail,
        TaskRow,
        UnknownTask,
    )
    from connector.store.values import Values

    Counts: TypeAlias = dict[str, dict[TaskStatus, int]]

_USABLE_MS: Final = 60_000
"""Counts that are older than this are not shown, however long new ones take."""


class Tasks:
    """The tasks of a store. Every method is one transaction, unless it says otherwise.

    All of them raise `StoreError` where the database cannot be used; then nothing was changed by that transaction.
    """

    def __init__(
        self,
        database: Database,
        claims: Claims,
        cursors: Cursors,
        values: Values,
        attempts: Attempts,
        tally: Tally,
    ) -> None:
        self._database = database
        self._claims = claims
        self._ingest = Ingest(database, cursors, tally)
        self._deliveries = Deliveries(database, self._ingest)
        self._settle = Settle(database, claims, values, attempts, tally)
        self._standing = Standing(database)
        self._boundary = Boundary(database)
        self._find = Find(database, self._standing, self._boundary)
        self._details = Details(database)
        self._decide = Decide(database, claims, self._settle, tally)
        self._prune = Prune(database)
        self._counting: asyncio.Future[tuple[int, Counts]] | None = None
        self._counted: tuple[int, Counts] | None = None

    def hurry(self, patience_s: float) -> None:
        """Have every call wait no longer than this for a server that is away, seconds: whoever calls wants to end."""
        self._database.hurry(patience_s)

    def cut(self, after_s: float) -> None:
        """Give up a server that has not answered for so long, seconds; see `Database.cut`."""
        self._database.cut(after_s)

    async def ingest(self, batch: Sequence[NewTask], *, cursor: CursorMove | None = None, token: str) -> Ingested:
        """Keep a batch of records as tasks, together with the cursor they were read with.

        Args:
            batch: What came in, in order; of as many routes as need be. Empty, only the cursor moves.
            cursor: How far the incoming has read with this batch, or None.
            token: Random, new for each batch. A second call with the same token changes nothing and returns what the
                first one returned; it is remembered for a day.

        Raises:
            CursorMovedError: The cursor does not stand where the fetch began; nothing was kept.
        """
        return await self._database.write(lambda transaction: self._ingest.write(transaction, batch, cursor, token))

    async def accept(self, batches: Sequence[Delivery]) -> list[Accepted]:
        """Keep deliveries as tasks, many of them in one transaction, and return what became of each, in order.

        A delivery whose digest its source has sent within its window is a repeat: nothing is made of it, and it is told
        what came of the first one; with other content than that (`Delivery.content`) it is none, and nothing is made of
        it either. A call with the same tokens changes nothing and returns what the first one returned; that is
        remembered for an hour beyond the window.
        """
        if not batches:
            return []
        return await self._database.write(
            lambda transaction: self._deliveries.accept(transaction, batches), is_repeatable=True
        )

    async def claim(
        self,
        lease: Lease,
        *,
        limit: int,
        longest_wait_ms: int,
        known: Collection[tuple[int, int]] | None = None,
    ) -> list[Claimed]:
        """Take tasks that are ready into hand, oldest first.

        Of a key only the first open one is taken; those behind it become `waiting`. May take several transactions,
        where very many wait.

        Args:
            lease: What is worked on. Where somebody has taken it over, nothing is claimed.
            limit: How many at most.
            longest_wait_ms: The longest a try is ever put off; a task due later than that from now is due at once,
                since the clock must have been set back.
            known: For whoever repeats a call of which it is not known what became: tasks and attempts that are known
                to be in hand under the lease. If there are others, they are what is returned, however many.
        """
        while True:
            claimed, is_more = await self._database.write(
                lambda transaction: self._claims.claim(transaction, lease, limit, longest_wait_ms, known)
            )
            if claimed or not is_more:
                return claimed

    async def release(self, lease: Lease, ids: Sequence[int]) -> None:
        """Give tasks back that were claimed and never begun; the attempt does not count."""
        if ids:
            await self._database.write(lambda transaction: self._claims.give_back(transaction, lease, ids))

    async def write(
        self,
        notes: Sequence[CommitNote] = (),
        checkpoints: Sequence[Checkpoint] = (),
        settlements: Sequence[Settlement] = (),
    ) -> frozenset[tuple[int, int]]:
        """Keep what workers report, in one transaction: notes first, then checkpoints, then settlements.

        Of several notes or checkpoints of one attempt the last counts.

        Returns:
            Task and attempt of those that were fenced off: somebody has taken the task over. Their notes, checkpoints
            and stored values are not kept, their tasks not touched; outcomes and exchanges are kept with the attempt.
            Not among them is an end that an earlier call had written, nor that of an attempt which stands in doubt:
            whatever it tells, other than that it is unknown, settles the task.
        """
        if not notes and not checkpoints and not settlements:
            return frozenset()

        def work(transaction: Transaction) -> frozenset[tuple[int, int]]:
            fenced, written = self._settle.write(transaction, notes, checkpoints, settlements)
            passed = fenced | written
            kept = [entry for entry in settlements if entry.becomes and (entry.task, entry.attempt) not in passed]
            if kept:
                self._ingest.add(transaction, [task for entry in kept for task in entry.becomes])
            return fenced

        return await self._database.write(work)

    async def find(self, sought: TaskFilter, *, limit: int = 50, before_id: int | None = None) -> list[TaskRow]:
        """Return tasks, newest first.

        Args:
            sought: Which.
            limit: How many at most.
            before_id: Only those with a lower id: the next page.
        """
        return await self._database.read(lambda transaction: self._find.find(transaction, sought, limit, before_id))

    async def search(
        self, sought: TaskFilter, *, limit: int = 50, before_id: int | None = None, most_rows: int = 20_000
    ) -> Found:
        """Return tasks, newest first, looking through a part of them at most: what no index finds is found bit by bit.

        Args:
            sought: Which.
            limit: How many at most.
            before_id: Only those with a lower id: the next page, or what was not looked through yet.
            most_rows: How many tasks are looked through at most.
        """
        return await self._database.read(
            lambda transaction: self._find.search(transaction, sought, limit, before_id, most_rows)
        )

    async def count(self, sought: TaskFilter) -> int:
        """Return how many tasks are meant."""
        return await self._database.read(lambda transaction: self._find.count(transaction, sought))

    async def counts(self) -> dict[str, dict[TaskStatus, int]]:
        """Return how many tasks there are by route and status; what there is none of is left out."""
        return await self._database.read(self._standing.count_all)

    async def counts_cached(self, max_age_ms: int = 2_000, *, patience_s: float = 0.05) -> Counts:
        """Return what `counts` does, as it was up to so many milliseconds ago; whoever asks meanwhile gets the same.

        Counting a million tasks takes a tenth of a second. Where it takes longer than the patience, what was counted
        last is returned, up to a minute old, and the next one gets the new counts.

        Args:
            max_age_ms: How old they may be without counting anew.
            patience_s: How long new ones are waited for where there are older ones.
        """
        counted = self._counted
        age_ms = math.inf if counted is None else abs(self._database.now_ms() - counted[0])
        if age_ms > max_age_ms:
            if self._counting is None or self._counting.done():
                self._counting = asyncio.ensure_future(self._count())
                self._counting.add_done_callback(_see)  # nobody may be left to hear of a failure
            is_usable = age_ms <= _USABLE_MS
            await asyncio.wait({self._counting}, timeout=patience_s if is_usable else None)
            if self._counting.done():
                counted = self._counting.result()
        assert counted is not None, "it was waited for"
        return {route: dict(statuses) for route, statuses in counted[1].items()}

    async def _count(self) -> tuple[int, Counts]:
        begun_ms = self._database.now_ms()
        self._counted = counted = (begun_ms, await self.counts())
        return counted

    async def oldest(self) -> dict[str, int]:
        """Return when the oldest task of each route was made that is to be sent or on its way, ms since the epoch.

        Routes without one are left out. What is unknown was sent, and waits for a person: it is no queue.
        """
        return await self._database.read(self._standing.find_oldest)

    async def show(self, task: int) -> TaskDetail | None:
        """Return all that is kept of a task, or None where there is no such task."""
        found = await self._database.read(lambda transaction: self._details.show(transaction, [task]))
        return found[0] if found else None

    async def export(self, sought: TaskFilter, *, limit: int | None = None) -> AsyncIterator[TaskDetail]:
        """Give all that is kept of tasks, oldest first, read in bites: one transaction for each."""
        after, left = 0, limit
        while left is None or left > 0:
            bite = BITE if left is None else min(BITE, left)
            found = await self._database.read(
                lambda transaction, after=after, bite=bite: self._details.show(  # type: ignore[misc]
                    transaction, self._find.find_ids(transaction, sought, bite, after)
                )
            )
            for detail in found:
                yield detail
            if len(found) < bite:
                return
            after = found[-1].row.id
            left = None if left is None else left - len(found)

    async def next_due(self, route: str) -> int | None:
        """Return when the first of a route's tries is due, ms since the epoch; None where none waits for its time."""
        return await self._database.read(lambda transaction: self._standing.find_next_due(transaction, route))

    async def last_value(self, route: str) -> bytes | None:
        """Return JSON of the answer to a route's newest task that is finished; None where there is none."""
        return await self._database.read(lambda transaction: self._standing.find_last_value(transaction, route))

    async def list_due(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return when the first task in each of some lanes can be claimed, ms since the epoch; 0 where one is `new`.

        It is 0 as well where nobody has the lane and a task in it is in hand: it has to be seen to.

        Args:
            places: Routes, each with one of its lanes. Those where nothing can be claimed are not in the result.
        """
        return await self._database.read(lambda transaction: self._standing.list_due(transaction, places))

    async def statuses(self, ids: Sequence[int]) -> dict[int, TaskStatus]:
        """Return where tasks stand; one that is gone is not in the result."""
        return await self._database.read(lambda transaction: self._standing.list_statuses(transaction, ids))

    async def retry(
        self, sought: TaskFilter, *, may_repeat: bool = False, limit: int | None = None, is_dry: bool = False
    ) -> int:
        """Have tasks tried anew: `failed` and `skipped` ones, and `retry` before it is due. Their tries start at one.

        Others among those meant are left alone: what is finished or unknown must not be sent twice, and neither must
        what was carried out for a record before it failed (`done`).

        Args:
            sought: Which.
            may_repeat: Whether what was carried out already may be done a second time.
            limit: How many at most, oldest first.
            is_dry: Only count them.

        Returns:
            How many.
        """
        return await self._change(
            sought if may_repeat else replace(sought, is_half_done=False),
            MAY_RETRY,
            limit,
            is_dry,
            lambda transaction, ids: self._decide.retry(transaction, ids, may_repeat=may_repeat),
        )

    async def skip(self, sought: TaskFilter, reason: str, *, limit: int | None = None, is_dry: bool = False) -> int:
        """Leave tasks out for good: `new`, `retry`, `waiting` and `failed` ones. Arguments and result as `retry`."""
        return await self._change(
            sought, MAY_SKIP, limit, is_dry, lambda transaction, ids: self._decide.skip(transaction, ids, reason)
        )

    async def resolve(
        self,
        sought: TaskFilter,
        outcome: Resolution,
        *,
        by: str,
        reason: str = "",
        may_repeat: bool = False,
        limit: int | None = None,
        is_dry: bool = False,
    ) -> int:
        """Settle `unknown` tasks as a person says; others are left alone. Arguments and result as `retry`."""
        is_free = may_repeat or outcome is not Resolution.RETRY
        return await self._change(
            sought if is_free else replace(sought, is_half_done=False),
            MAY_RESOLVE,
            limit,
            is_dry,
            lambda transaction, ids: self._decide.resolve(transaction, ids, outcome, by, reason, may_repeat=may_repeat),
        )

    async def unknown_due(self, route: str, *, limit: int, hold_ms: int = 60_000) -> list[UnknownTask]:
        """Return `unknown` tasks that are to be looked for now.

        Args:
            route: Whose.
            limit: How many at most.
            hold_ms: For how long nobody else gets them; then, without a `note_looks`, they are due again.
        """
        return await self._database.write(
            lambda transaction: self._decide.list_unknown(transaction, route, limit, hold_ms)
        )

    async def show_unknown(self, ids: Sequence[int]) -> list[UnknownTask]:
        """Return what is known of `unknown` tasks, due or not; others are left out."""
        return await self._database.read(lambda transaction: self._decide.show_unknown(transaction, ids))

    async def note_looks(self, looks: Sequence[Look]) -> frozenset[int]:
        """Keep what came of looking for unknown outcomes.

        Returns:
            Ids of the tasks that were settled otherwise meanwhile, and were not touched.
        """
        if not looks:
            return frozenset()
        return await self._database.write(lambda transaction: self._decide.note_looks(transaction, looks))

    async def prune(
        self, older: Mapping[str | None, Mapping[TaskStatus, int]], *, is_dry: bool = False
    ) -> dict[str, dict[TaskStatus, int]]:
        """Delete settled tasks that are old, with their attempts and exchanges, and what of the store's own is old.

        Many small transactions, so that others write between them; broken off, what was deleted is deleted.

        Args:
            older: By route (None: every route that is not named), for each status: how many ms after it was settled a
                task goes. A status that is not named stays for ever.
            is_dry: Only count them.

        Returns:
            How many, by route and status; what there is none of is left out.

        Raises:
            ValueError: A status is named that is not settled: open tasks are never pruned.
        """
        for status in {status for ages in older.values() for status in ages}:
            if status.is_open:
                raise ValueError(f"{status.value} tasks are open, and open tasks are never pruned")
        counts: dict[str, dict[TaskStatus, int]] = {}
        for status in TaskStatus:
            if not any(status in ages for ages in older.values()):
                continue
            for route in await self._database.read(
                lambda transaction, status=status: self._prune.list_routes(transaction, status)  # type: ignore[misc]
            ):
                age_ms = older.get(route, older.get(None, {})).get(status)
                if age_ms is not None:
                    count = await self._prune_route(route, status, self._database.now_ms() - age_ms, is_dry=is_dry)
                    if count:
                        counts.setdefault(route, {})[status] = count
        if not is_dry:
            await self._database.write(self._prune.sweep)
        return counts

    async def _prune_route(self, route: str, status: TaskStatus, before_ms: int, *, is_dry: bool) -> int:
        until = await self._database.read(lambda transaction: self._boundary.find(transaction, before_ms))
        count = 0
        for lane in range(LANES):
            after = 0
            while True:
                ids = await self._database.read(
                    lambda transaction, lane=lane, after=after: self._prune.find_old(  # type: ignore[misc]
                        transaction, route, status, before_ms=before_ms, lane=lane, after=after, until=until
                    )
                )
                if is_dry:
                    count += len(ids)
                elif ids:
                    count += await self._database.write(
                        lambda transaction, ids=ids: self._prune.delete(transaction, ids, before_ms)  # type: ignore[misc]
                    )
                if len(ids) < BITE:
                    break
                after = ids[-1]
        return count

    async def _change(
        self,
        sought: TaskFilter,
        allowed: frozenset[TaskStatus],
        limit: int | None,
        is_dry: bool,
        change: Callable[[Transaction, Sequence[int]], int],
    ) -> int:
        """Carry out a decision about the tasks that are meant and allow it, in bites."""
        statuses = allowed.intersection(sought.statuses) if sought.statuses else allowed
        if not statuses:
            return 0
        meant = replace(sought, statuses=tuple(sorted(statuses)))
        if is_dry:
            count = await self.count(meant)
            return count if limit is None else min(count, limit)
        after, changed = 0, 0
        while limit is None or changed < limit:
            bite = BITE if limit is None else min(BITE, limit - changed)
            ids = await self._database.read(
                lambda transaction, after=after, bite=bite: self._find.find_ids(transaction, meant, bite, after)  # type: ignore[misc]
            )
            if not ids:
                break
            changed += await self._database.write(lambda transaction, ids=ids: change(transaction, ids))  # type: ignore[misc]
            after = ids[-1]
        return changed


def _see(task: asyncio.Future[Any]) -> None:
    """Take note of how a task ended."""
    if not task.cancelled():
        task.exception()
