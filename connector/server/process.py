"""One process of `connector serve`: the service, the doors and the HTTP server, from the first to the last moment."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from connector import log
from connector.server.application import make_application
from connector.server.assembly import make_context
from connector.server.http import HttpServer
from connector.server.roles import ProcessRole, choose_roles
from connector.server.service import Service
from connector.store.store import open_store
from connector.task.supervise import GRACE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from connector.app.project import Project
    from connector.config.settings import Settings
    from connector.redaction import Redactor
    from connector.server.context import Context
    from connector.server.observe.ring import LogRing

logger = log.get_logger()


class Process:
    """Everything that runs in a process.

    Attributes:
        context: The parts of the service.
        server: Where it answers.
    """

    def __init__(self, context: Context, server: HttpServer, *, grace_s: float) -> None:
        """Take what `open_process` has put together."""
        self.context = context
        self.server = server
        self._grace_s = grace_s

    @property
    def service(self) -> Service:
        """What runs."""
        return self.context.service

    async def run(self, stop: asyncio.Event) -> bool:
        """Work and answer until asked to stop, and bring what is in hand to its end.

        Args:
            stop: Set by whoever wants it to stop. No request is taken from then on; those in flight, and the tasks in
                hand, have the grace to come to their end.

        Returns:
            Whether all of it did; False where something was broken off.

        Raises:
            StoreError: The database cannot be used, or was away for too long.
        """
        service, is_full = self.service, ProcessRole.HTTP in self.service.roles
        application = _Using(make_application(self.context, is_full=is_full), service)
        ending = asyncio.Event()
        serving = asyncio.ensure_future(self.server.run(application, ending, grace_s=self._grace_s))
        working = asyncio.ensure_future(service.run(ending))
        stopping = asyncio.ensure_future(stop.wait())
        logger.info(
            log.SERVICE_STARTED,
            url=self.server.url,
            roles=sorted(role.value for role in service.roles),
            database=self.context.store.name,
        )
        parts = {serving, working}
        try:
            await asyncio.wait({*parts, stopping}, return_when=asyncio.FIRST_COMPLETED)
            ending.set()
            await asyncio.wait(parts)
            await self.context.acceptor.aclose()
        finally:
            for task in (serving, working, stopping):
                task.cancel()
            await asyncio.wait({serving, working, stopping})
        is_whole = working.result()
        return serving.result() and is_whole


@asynccontextmanager
async def open_process(
    project: Project,
    settings: Settings,
    *,
    redactor: Redactor,
    ring: LogRing,
    load: Callable[[], Project] | None = None,
    roles: Iterable[str] = (),
    most_at_once: int | None = None,
    grace_s: float = GRACE_S,
) -> AsyncIterator[Process]:
    """Take the address, open the store, and put everything together, for the length of a block; `run` begins it.

    Args:
        project: The configuration, checked.
        settings: How this process runs.
        redactor: Masks what is shown and kept.
        ring: Keeps the last log lines.
        load: Loads the configuration anew; None: there are no reloads.
        roles: Names of roles; `all`, or none, for all.
        most_at_once: How many tasks are worked on at once over all routes; None: as many as the routes allow.
        grace_s: How long what is in hand may take after a stop, seconds.

    Raises:
        ServerError: The address cannot be had, or somebody would be let in who should not be.
        StoreInUseError: Another process works on the same SQLite file.
        StoreError: The store cannot be opened.
        ConnectorError: Something of the configuration cannot be used here.
    """
    names = list(roles)
    async with AsyncExitStack() as opened:
        server = HttpServer(settings)
        opened.callback(server.close)
        url = settings.store_url
        store = await opened.enter_async_context(open_store(url, purpose="work", command="serve"))
        chosen = choose_roles(names, is_shared=store.is_shared, database=store.name)
        service = Service(
            project,
            store,
            url,
            redactor=redactor,
            load=load,
            roles=chosen,
            most_at_once=most_at_once,
            grace_s=grace_s,
            on_reload=server.renew_certificate,
            public_url=settings.public_url,
        )
        opened.push_async_callback(service.aclose)
        context = await opened.enter_async_context(make_context(store, service, settings, redactor=redactor, ring=ring))
        yield Process(context, server, grace_s=grace_s)


class _Using:
    """Keeps the clients of a configuration open for as long as a request uses them."""

    def __init__(self, application: ASGIApp, service: Service) -> None:
        self._application = application
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        with self._service.in_use():
            await self._application(scope, receive, send)
