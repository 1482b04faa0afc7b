"""What every endpoint gets: the parts of the service, put together once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.redaction import Redactor
    from connector.server.doors.doors import Doors
    from connector.server.observe.metrics import Metrics
    from connector.server.observe.ring import LogRing
    from connector.server.service import Service
    from connector.store.store import Store
    from connector.task.accept import Acceptor


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of a service.

    Attributes:
        store: Where tasks, accounts and everything else is kept.
        service: What runs: the present configuration, the workers, the scheduler. Its parts change with a reload, so
            an endpoint asks for them anew with every request.
        doors: Who calls, and what they may.
        acceptor: Makes tasks of records that are sent in.
        redactor: Masks secrets in everything that is shown.
        settings: How this process runs.
        ring: The last log lines of this process.
        metrics: What Prometheus is told.
    """

    store: Store
    service: Service
    doors: Doors
    acceptor: Acceptor
    redactor: Redactor
    settings: Settings
    ring: LogRing
    metrics: Metrics
