"""What the steps of the configuration on disk make of a stored record, or why that cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.app.runtime import open_project
from connector.desk.reshape import Reshaped, reshape
from connector.errors import ConfigError, ConnectorError

if TYPE_CHECKING:
    from connector.cli.invocation import Invocation
    from connector.store.rows import TaskDetail
    from connector.store.store import Store


async def reshape_on_disk(invocation: Invocation, store: Store, detail: TaskDetail) -> Reshaped:
    """Return what would be sent for a task's record now, or why that cannot be told. Nothing is sent.

    Args:
        invocation: Names the configuration; its secrets are masked from here on.
        store: Has the values that steps may ask for.
        detail: The task.

    Raises:
        StoreError: The store cannot be used.
    """
    try:
        project = invocation.load_project()
    except ConfigError as error:
        return Reshaped(obstacle=f"not known: the configuration has faults, such as {error.faults[0]}")
    except ConnectorError as error:
        return Reshaped(obstacle=f"not known: {error.message}")
    async with open_project(project, redactor=invocation.redactor) as runtime:
        return await reshape(runtime, store, detail)
