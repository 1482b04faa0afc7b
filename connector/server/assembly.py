"""Puts the parts of the service together: the context that every endpoint gets."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from connector.server.context import Context
from connector.server.doors.doors import Doors
from connector.server.observe.metrics import Metrics
from connector.server.roles import ProcessRole
from connector.task.accept import Acceptor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connector.config.settings import Settings
    from connector.redaction import Redactor
    from connector.server.observe.ring import LogRing
    from connector.server.service import Service
    from connector.store.store import Store


@asynccontextmanager
async def make_context(
    store: Store, service: Service, settings: Settings, *, redactor: Redactor, ring: LogRing
) -> AsyncIterator[Context]:
    """Put everything together for the length of a block, and bring to its end what was begun in it.

    Args:
        store: Where tasks, accounts and everything else is kept.
        service: What runs.
        settings: How this process runs, the address it listens on as it really is.
        redactor: Masks what is shown and kept.
        ring: The last log lines of this process.

    Raises:
        SettingsError: The administrator's password is too easy to guess.
        AccessError: Callers of other machines are meant to come in, and there is nobody who could.
        StoreError: The database cannot be used.
    """
    async with AsyncExitStack() as made:
        doors = Doors(store, settings, redactor)
        made.push_async_callback(doors.aclose)
        if ProcessRole.HTTP in service.roles:  # others answer whoever watches over them, and nobody else
            await doors.open()
            await store.tasks.counts_cached()  # the longest that the first page would wait for
        acceptor = Acceptor(lambda: service.ingest, store, wake=service.wake)
        made.push_async_callback(acceptor.aclose)
        yield Context(store, service, doors, acceptor, redactor, settings, ring, Metrics(service.tally))
