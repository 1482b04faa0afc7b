"""What a process of the service does: schedule, work, answer HTTP, or all of it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from connector.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable


class ProcessRole(enum.StrEnum):
    """One part of what a service does. A process has one, several, or all of them."""

    SCHEDULER = "scheduler"  # has incomings fetched when they are due
    WORKER = "worker"  # delivers tasks, and fetches
    HTTP = "http"  # takes pushes and webhooks, answers the API, shows the dashboard


ALL: frozenset[ProcessRole] = frozenset(ProcessRole)
"""What a process does that was told nothing else."""


def choose_roles(names: Iterable[str], *, is_shared: bool, database: str) -> frozenset[ProcessRole]:
    """Return the roles of a process.

    Args:
        names: Of roles; `all`, or none, for all of them.
        is_shared: Whether other processes may work on the same database.
        database: As messages name it.

    Raises:
        ServerError: The database allows one process only, which has to do everything.
    """
    chosen = set(names)
    roles = ALL if not chosen or "all" in chosen else frozenset(ProcessRole(name) for name in chosen)
    if roles != ALL and not is_shared:
        raise ServerError(
            f"on SQLite one process does everything, and {database} is a SQLite file: the roles cannot be split up",
            cure="leave --role out, or keep tasks in PostgreSQL by setting CONNECTOR_DATABASE",
        )
    return roles
