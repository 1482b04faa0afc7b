"""Unknown outcomes looked for because a person asks: `connector tasks resolve --look`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.app.runtime import open_project
from connector.cli.exits import OK, UNKNOWN
from connector.cli.screen import count
from connector.cli.stored import run_on_store
from connector.desk.looking import Looking
from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from connector.cli.change import TypedChange
    from connector.cli.filters import Selection
    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.desk.looking import Seen
    from connector.store.store import Store


def look_for(
    invocation: Invocation, selection: Selection, change: TypedChange, *, limit: int | None, is_all: bool, is_dry: bool
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
        told = _Told(invocation)
        async with open_project(project, redactor=invocation.redactor) as runtime:
            looking = Looking(runtime, store, invocation.redactor)
            for task in await store.tasks.show_unknown(ids):
                if stop.is_asked:
                    break
                told.add(await looking.look(task))
        await change.note(store, selection, told.number)
        return told.show_end()

    return run_on_store(invocation, "admin", work)


class _Told:
    """What came of looking for one task after another, as a person follows it."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._seen: list[dict[str, Any]] = []

    def add(self, seen: Seen) -> None:
        """Tell what came of one."""
        screen = self._invocation.screen
        entry = {"task": seen.task, "route": seen.route, "status": seen.status.value, "reason": seen.reason}
        self._seen.append(entry)
        if not self._invocation.is_json:
            still = seen.status.value if seen.is_settled else "still unknown"
            screen.show(screen.mask(f"task {seen.task}: {still}: {seen.reason}"))

    @property
    def number(self) -> int:
        """How many were looked for."""
        return len(self._seen)

    def show_end(self) -> int:
        """Return the exit code, after showing the whole as JSON where that is wanted."""
        if self._invocation.is_json:
            self._invocation.screen.show_json(self._seen)
        elif not self._seen:
            self._invocation.screen.tell("no unknown task among those that are meant")
        return UNKNOWN if any(seen["status"] == TaskStatus.UNKNOWN.value for seen in self._seen) else OK
