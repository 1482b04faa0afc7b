"""Unknown outcomes looked for because a person asks, not because their time has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.frozen import dataclass
from connector.store.rows import TaskStatus
from connector.task.deliver import RouteDelivery
from connector.task.journal import Journal
from connector.task.looking import Looker
from connector.task.places import Places

if TYPE_CHECKING:
    from connector.app.runtime import Runtime
    from connector.redaction import Redactor
    from connector.store.rows import UnknownTask
    from connector.store.store import Store

NOBODY: Final = "nobody can be asked: what it was sent to cannot say; look there yourself, then say what you found"
NO_ROUTE: Final = "the configuration has no route of this name any more"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of looking for one task.

    Attributes:
        task: Its id.
        route: Its route.
        status: What it is now; `unknown` where nothing was found out.
        reason: What was seen, one sentence, secrets masked.
    """

    task: int
    route: str
    status: TaskStatus
    reason: str

    @property
    def is_settled(self) -> bool:
        """Whether it is known now what became of it."""
        return self.status is not TaskStatus.UNKNOWN


class Looking:
    """Asks the remote systems what became of tasks, and keeps what they say."""

    def __init__(self, runtime: Runtime, store: Store, redactor: Redactor) -> None:
        """Prepare.

        Args:
            runtime: The present configuration, opened.
            store: Where the tasks are.
            redactor: Masks secrets.
        """
        self._runtime = runtime
        self._store = store
        self._redactor = redactor
        self._journal = Journal(store.tasks)
        self._deliveries: dict[str, RouteDelivery] = {}

    async def look(self, task: UnknownTask) -> Seen:
        """Look for one, keep what was seen, and return it.

        Raises:
            StoreError: The store cannot be used.
        """
        if task.route not in self._runtime.project.routes:
            return Seen(task.id, task.route, TaskStatus.UNKNOWN, NO_ROUTE)
        delivery = self._find_delivery(task.route)
        if not delivery.work.publisher.can_look:
            return Seen(task.id, task.route, TaskStatus.UNKNOWN, NOBODY)
        look = await Looker(delivery).look(task)
        return Seen(task.id, task.route, look.status, self._redactor.mask_text(look.reason or NOBODY))

    def _find_delivery(self, route: str) -> RouteDelivery:
        if route not in self._deliveries:
            self._deliveries[route] = RouteDelivery(
                self._runtime.work(route), self._store, self._journal, redactor=self._redactor, places=Places()
            )
        return self._deliveries[route]


async def look_for(runtime: Runtime, store: Store, redactor: Redactor, task: int) -> Seen | None:
    """Ask the remote system what became of one task; None where there is none whose outcome is unknown.

    Args:
        runtime: The present configuration, opened.
        store: Where the task is.
        redactor: Masks secrets.
        task: Its id.

    Raises:
        StoreError: The store cannot be used.
    """
    found = await store.tasks.show_unknown([task])
    return await Looking(runtime, store, redactor).look(found[0]) if found else None
