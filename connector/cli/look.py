"""Unknown outcomes looked for because a person asks: `connector tasks resolve --look`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.app.runtime import open_project
from connector.cli.exits import OK, UNKNOWN
from connector.cli.screen import count
from connector.cli.stored import run_on_store
from connector.store.rows import TaskStatus
from connector.task.deliver import RouteDelivery
from connector.task.journal import Journal
from connector.task.looking import Looker
from connector.task.places import Places

if TYPE_CHECKING:
    from connector.app.runtime import Runtime
    from connector.cli.change import Change
    from connector.cli.filters import Selection
    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.store.rows import UnknownTask
    from connector.store.store import Store

_NOBODY: Final = "nobody can be asked: what it was sent to cannot say; look there yourself, then say what you found"
_NO_ROUTE: Final = "the configuration has no route of this name any more"


def look_for(
    invocation: Invocation, selection: Selection, change: Change, *, limit: int | None, is_all: bool, is_dry: bool
) -> int:
    """Ask the remote systems about unknown tasks, tell what each came to, and return the exit code.

    Args:
        invocation: Of the command.
        selection: Which tasks are meant.
        change: Says which of them can be looked for.
        limit: At most so many, the oldest first.
        is_all: Whether a selection that leaves nothing out is meant so.
        is_dry: Whether nobody is asked.

    Raises:
        ArgumentError: As `Change.carry_out`.
        ConfigError: The configuration has faults.
        StoreError: The store cannot be used.
    """
    meant = change.choose(selection, is_all=is_all)
    project = invocation.load_project()
    invocation.log_level = invocation.log_level or "error"  # what comes of it is told here
    invocation.start_logging()

    async def work(store: Store, stop: Stop) -> int:
        await change.check_ids(store, selection)
        ids = [detail.row.id async for detail in store.tasks.export(meant, limit=limit)]
        if is_dry:
            invocation.screen.show(f"dry run: {count(len(ids), 'task')} would be looked for, nobody was asked")
            return OK
        async with open_project(project, redactor=invocation.redactor) as runtime:
            looking = _Looking(invocation, runtime, store)
            for task in await store.tasks.show_unknown(ids):
                if stop.is_asked:
                    break
                await looking.look(task)
        return looking.show_end()

    return run_on_store(invocation, "admin", work)


class _Looking:
    """Looks for one task after another, and tells what came of each."""

    def __init__(self, invocation: Invocation, runtime: Runtime, store: Store) -> None:
        self._invocation = invocation
        self._runtime = runtime
        self._store = store
        self._journal = Journal(store.tasks)
        self._deliveries: dict[str, RouteDelivery] = {}
        self._told: list[dict[str, Any]] = []

    async def look(self, task: UnknownTask) -> None:
        """Look for one."""
        if task.route not in self._runtime.project.routes:
            self._tell(task, TaskStatus.UNKNOWN, _NO_ROUTE)
            return
        delivery = self._find_delivery(task.route)
        if not delivery.work.publisher.can_look:
            self._tell(task, TaskStatus.UNKNOWN, _NOBODY)
            return
        look = await Looker(delivery).look(task)
        self._tell(task, look.status, look.reason or _NOBODY)

    def show_end(self) -> int:
        """Return the exit code, after showing the whole as JSON where that is wanted."""
        if self._invocation.is_json:
            self._invocation.screen.show_json(self._told)
        elif not self._told:
            self._invocation.screen.tell("no unknown task among those that are meant")
        return UNKNOWN if any(told["status"] == TaskStatus.UNKNOWN.value for told in self._told) else OK

    def _find_delivery(self, route: str) -> RouteDelivery:
        if route not in self._deliveries:
            self._deliveries[route] = RouteDelivery(
                self._runtime.work(route),
                self._store,
                self._journal,
                redactor=self._invocation.redactor,
                places=Places(),
            )
        return self._deliveries[route]

    def _tell(self, task: UnknownTask, status: TaskStatus, reason: str) -> None:
        mask = self._invocation.screen.mask
        self._told.append({"task": task.id, "route": task.route, "status": status.value, "reason": mask(reason)})
        if not self._invocation.is_json:
            still = "still unknown" if status is TaskStatus.UNKNOWN else status.value
            self._invocation.screen.show(mask(f"task {task.id}: {still}: {reason}"))
