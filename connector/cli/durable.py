"""One run by way of the store: what comes in is kept first, and delivered meanwhile, with what earlier runs left."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connector.app.durable import open_installation
from connector.cli.exits import ArgumentError
from connector.cli.owners import Owners
from connector.cli.report import Remains
from connector.cli.screen import count
from connector.desk.moment import show_local
from connector.errors import Recovery, StoreError
from connector.frozen import dataclass
from connector.record_codec import decode_value
from connector.request import Verdict
from connector.route.result import FILTERED, Result, Status
from connector.store.rows import RouteState, TaskFilter, TaskStatus
from connector.task.worker import make_dispatcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connector.app.durable import Installation
    from connector.app.project import Project
    from connector.cli.invocation import Invocation
    from connector.cli.report import RunReport
    from connector.errors import ConnectorError
    from connector.record import Record
    from connector.store.rows import TaskDetail
    from connector.store.store import Store
    from connector.task.ingest import Kept
    from connector.task.worker import Dispatcher

_LEFT: Final = (TaskStatus.NEW, TaskStatus.PROCESSING, TaskStatus.RETRY, TaskStatus.WAITING)
"""Where a task can stand that a run leaves for the next one."""

_TOLD: Final = {
    TaskStatus.FINISHED: Status.FINISHED,
    TaskStatus.SKIPPED: Status.SKIPPED,
    TaskStatus.FAILED: Status.FAILED,
    TaskStatus.UNKNOWN: Status.UNKNOWN,
}
"""What is told of a task that will not be tried again by itself."""

_LOOK_S: Final = 1.0
_MOST_LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Errand:
    """What a run is to do.

    Attributes:
        route: Name of the route.
        command: `run` or `push`.
        lines: Records that are handed in; None for those of the route's own incoming.
        limit: The most records.
        wait_s: How far ahead a try may be due and still be waited for, seconds.
    """

    route: str
    command: str
    lines: AsyncIterator[list[Record]] | None
    limit: int | None
    wait_s: float


class DurableRun:
    """One run of one route.

    Attributes:
        has_begun: Whether the store is open and the route is delivered, so that there is something to tell.
        taken: Records that came in and are kept.
        stopped: Why the route stopped itself, or None.
    """

    def __init__(self, invocation: Invocation, project: Project, errand: Errand, report: RunReport) -> None:
        """Prepare.

        Args:
            invocation: Of the command.
            project: Where the route is.
            errand: What to do.
            report: Takes the results, and at the end what remains.
        """
        self.has_begun = False
        self.taken = 0
        self.stopped: ConnectorError | None = None
        self._invocation = invocation
        self._screen = invocation.screen
        self._project = project
        self._errand = errand
        self._route = errand.route
        self._report = report
        self._owners = Owners()
        self._others: Counter[str] = Counter()
        self._duplicates = self._updated = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Take the records in and deliver, until there is nothing left that is due soon, or until asked to stop.

        Raises:
            ArgumentError: The route is paused.
            StoreError: The store cannot be used.
            ConnectorError: The incoming failed; what was taken in before has been delivered.
        """
        url = self._invocation.load_settings().store_url
        command = f"{self._errand.command} {self._route}"
        redactor = self._invocation.redactor
        async with open_installation(self._project, url, command=command, redactor=redactor) as installation:
            await self._begin(installation.store)
            self.has_begun = True
            try:
                await self._carry_out(installation, stop)
            finally:
                await self._read_remains(installation.store)

    async def _begin(self, store: Store) -> None:
        """Refuse a paused route, and say what else is delivered.

        Raises:
            ArgumentError: The route is paused.
        """
        row = (await store.routes.states()).get(self._route)
        if row is not None and row.state is RouteState.PAUSED:
            why = f": {row.reason}" if row.reason else ""
            raise ArgumentError(
                f"the route {self._route} is paused since {show_local(row.since_ms)} by {row.by}{why}",
                cure=f"connector routes resume {self._route}",
            )
        if row is not None and row.state is RouteState.STOPPED:
            self._screen.tell(f"the route had stopped itself, and is tried again: {row.reason}")
        earlier = await store.tasks.count(TaskFilter(route=self._route, statuses=_LEFT))
        if earlier:
            tasks = count(earlier, "open task of earlier runs is", "open tasks of earlier runs are")
            self._screen.tell(f"{tasks} delivered too")

    async def _carry_out(self, installation: Installation, stop: asyncio.Event) -> None:
        dispatcher = self._make_dispatcher(installation)
        fed = asyncio.Event()
        feeding = asyncio.ensure_future(self._feed(installation, dispatcher, fed, stop))
        watching = asyncio.ensure_future(self._watch(installation.store))
        try:
            drained = await dispatcher.drain(self._route, stop=stop, wait_s=self._errand.wait_s, fed=fed)
            if drained.stopped is not None:
                self._tell_stopped(drained.stopped, is_fed=fed.is_set())
            elif drained.state is RouteState.PAUSED:
                why = f": {drained.reason}" if drained.reason else ""
                self._screen.tell(f"the route was paused meanwhile{why}; connector routes resume {self._route}")
            elif drained.state is RouteState.STOPPED:
                self._screen.tell(f"the route was stopped meanwhile, by another process: {drained.reason}")
            await feeding
        finally:
            feeding.cancel()
            watching.cancel()
            await asyncio.wait({feeding, watching})
        await self._tell_others(installation.store)

    def _make_dispatcher(self, installation: Installation) -> Dispatcher:
        """Return what delivers the route, and has workers deliver others that get tasks, where there may be some."""
        runtime, store = installation.runtime, installation.store
        plan = self._project.routes[self._route].incoming
        fed = () if plan is None else self._project.fed_by(plan.name)
        return make_dispatcher(
            {name: runtime.work(name) for name in dict.fromkeys([self._route, *(other.name for other in fed)])},
            store,
            self._invocation.load_settings().store_url,
            redactor=self._invocation.redactor,
            on_result=lambda _, result: self._take(result),
        )

    async def _watch(self, store: Store) -> None:
        """Tell meanwhile what other workers have made of this run's tasks."""
        after = 0
        while store.is_shared:
            await asyncio.sleep(_LOOK_S)
            with suppress(StoreError):  # it is looked for again
                after = await self._tell_some(store, after)

    async def _tell_others(self, store: Store) -> None:
        """Tell what became of those of this run's tasks that other workers have settled."""
        after = await self._tell_some(store, 0) if store.is_shared else 0
        while after:
            after = await self._tell_some(store, after)

    async def _tell_some(self, store: Store, after: int) -> int:
        """Look at some tasks behind one that were not told yet; return the last of them, 0 where there is none."""
        untold = self._owners.untold(_MOST_LOOKED_AT, after=after)
        if not untold:
            return 0
        statuses = await store.tasks.statuses(untold)
        settled = tuple(task for task, status in statuses.items() if status in _TOLD)
        if settled:
            async for detail in store.tasks.export(TaskFilter(ids=settled)):
                self._take(_read_result(detail))
        return untold[-1]

    async def _feed(
        self, installation: Installation, dispatcher: Dispatcher, fed: asyncio.Event, stop: asyncio.Event
    ) -> None:
        """Take the records in."""
        errand = self._errand
        ingest = installation.runtime.ingest(installation.store)

        def note(kept: Kept) -> None:
            self._note(kept)
            for route in dict.fromkeys(made.route for made in kept.tasks):
                dispatcher.wake(route)

        try:
            if errand.lines is not None:
                await ingest.push(self._route, errand.lines, limit=errand.limit, stop=stop, on_kept=note)
            else:
                plan = self._project.routes[self._route].incoming
                if plan is None or plan.webhook is not None:  # its records are sent in: what is there is delivered
                    return
                await ingest.fetch(plan.name, limit=errand.limit, stop=stop, on_kept=note)
        finally:
            fed.set()
            dispatcher.wake(self._route)

    def _note(self, kept: Kept) -> None:
        """Take note of which tasks were made of which records, and tell of the records that became none."""
        self.taken += kept.count
        accounted: set[int] = set()
        renewals = frozenset(kept.renewals)
        for place, (made, owner, task) in enumerate(zip(kept.tasks, kept.owners, kept.ids, strict=True)):
            is_new = place not in renewals
            if made.route != self._route:
                self._others[made.route] += is_new and task is not None and made.status is TaskStatus.NEW
                continue
            accounted.add(owner)
            self._updated += not is_new
            if task is None:
                self._duplicates += 1
                self._report.leave_out(owner, made.key)
            elif made.status is TaskStatus.NEW:
                self._owners.add(task, owner)
            else:  # it could not be shaped
                reason = f"{made.reason}; {made.cure}" if made.cure else made.reason
                result = Result(owner, made.key, Status.FAILED, None, made.step, reason, 0, task=task)
                self._report.take(replace(result, recovery=Recovery.PARK))
        for index in range(kept.first, kept.first + kept.count):
            if index not in accounted:
                self._report.take(Result(index, None, Status.SKIPPED, reason=FILTERED, attempts=0))

    def _take(self, result: Result) -> None:
        """Tell what became of a task, by the record it was made of, once."""
        if result.task is not None and not self._owners.mark(result.task):
            return
        index = None if result.task is None else self._owners.find(result.task)
        if index is None:
            self._report.take(result, is_earlier=True)
        else:
            self._report.take(replace(result, index=index))

    def _tell_stopped(self, error: ConnectorError, *, is_fed: bool) -> None:
        self.stopped = error
        self._screen.tell_error(error)
        kept = "its tasks are kept" if is_fed else "its tasks are kept, and records are still taken in"
        self._screen.tell(f"the route has stopped, since every record would be refused as well; {kept}")

    async def _read_remains(self, store: Store) -> None:
        """Find out what the run leaves behind; where the store is away that cannot be told."""
        counts: dict[TaskStatus, int] = {}
        try:
            for status in (*_LEFT, TaskStatus.UNKNOWN):
                counts[status] = await store.tasks.count(TaskFilter(route=self._route, statuses=(status,)))
            due_ms = await store.tasks.next_due(self._route)
        except StoreError:
            return
        self._report.remains = Remains(
            duplicates=self._duplicates,
            updated=self._updated,
            others={route: number for route, number in self._others.items() if number},
            left={status: counts[status] for status in _LEFT if counts[status]},
            unknown=counts[TaskStatus.UNKNOWN],
            next_due_ms=None if due_ms is None else due_ms - store.now_ms(),
        )


def _read_result(detail: TaskDetail) -> Result:
    """Return what is told of a task that somebody else has settled."""
    row = detail.row
    reason = f"{row.reason}; {row.cure}" if row.cure else row.reason
    return Result(
        row.position,
        row.key,
        _TOLD[row.status],
        None if row.verdict is None else Verdict(row.verdict),
        row.step,
        reason,
        row.attempts,
        None if detail.value is None else decode_value(detail.value),
        task=row.id,
    )
