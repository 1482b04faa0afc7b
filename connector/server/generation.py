"""One configuration at work, from when it was loaded to when nothing needs it any more."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from connector.app.durable import share_turns
from connector.app.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.app.project import Project
    from connector.redaction import Redactor
    from connector.store.store import Store
    from connector.task.ingest import Ingest
    from connector.task.tally import Tally
    from connector.task.work import RouteWork


class Generation:
    """A configuration with everything that was built of it.

    Attributes:
        number: From 1; each configuration that was loaded has the next one.
        project: The configuration.
        runtime: Its clients, incomings and routes.
        ingest: Makes tasks of records, for its routes.
        works: Its routes, ready to be delivered, by name.
        is_over: Set when another one has taken its place, or the process is to end: nothing new is begun with it.
    """

    def __init__(self, number: int, project: Project, store: Store, redactor: Redactor, tally: Tally) -> None:
        """Build everything, so that what cannot be built is known before anything depends on it.

        Args:
            number: Of this one.
            project: The configuration, checked.
            store: Where its tasks are kept.
            redactor: Masks what is shown; learns the configuration's secrets.
            tally: Counts what becomes of attempts, over all configurations.

        Raises:
            ConnectorError: Something of it cannot be used here, such as a `ca_file` that is not there.
        """
        self.number = number
        self.project = project
        self.runtime = Runtime(project, redactor=redactor, turns=share_turns(store))
        for name in project.clients:
            self.runtime.client(name)
        self.ingest: Ingest = self.runtime.ingest(store)
        self.works: dict[str, RouteWork] = {
            name: self.runtime.work(name, tally=tally.of(name)) for name in project.routes
        }
        self.is_over = asyncio.Event()
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep its clients open for the length of a block, also when another one takes its place."""
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def aclose(self, *, within_s: float = 0.0) -> None:
        """Close its clients as soon as nobody uses them, at the latest after a time, seconds."""
        try:
            async with asyncio.timeout(within_s):
                await self._unused.wait()
        except TimeoutError:
            pass  # whoever still has it in hand is told by its clients that they are closed
        await self.runtime.aclose()
