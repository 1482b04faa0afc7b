"""A project opened together with the store that keeps its tasks.

```python
from connector import load
from connector.app.durable import open_installation

project = load("configs/")
async with open_installation(project, "configs/.connector/connector.db", command="import") as installation:
    intake = await installation.runtime.ingest(installation.store).fetch("marketplace-orders")
```
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from connector.app.runtime import open_project
from connector.frozen import dataclass
from connector.store.store import open_store
from connector.task.turns import StoreTurns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from connector.app.project import Project
    from connector.app.runtime import Runtime, TurnSources
    from connector.redaction import Redactor
    from connector.store.store import Store


@dataclass(frozen=True, slots=True)
class Installation:
    """A project opened on its store.

    Attributes:
        runtime: The project's clients, incomings and routes.
        store: Where tasks, cursors and values are kept.
    """

    runtime: Runtime
    store: Store


@asynccontextmanager
async def open_installation(
    project: Project,
    database: str | Path,
    *,
    command: str,
    redactor: Redactor | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Installation]:
    """Open a project and its store for work, for the length of a block.

    Rate limits hold over all processes on one PostgreSQL database.

    Args:
        project: Checked configuration.
        database: A path, `sqlite:///…`, or `postgresql://…`. Older tables are upgraded.
        command: What this process does, for others that find the file in use.
        redactor: Masks what is shown and kept; one with the configuration's secrets where left out.
        transport: Replaces the network for every client, for tests.

    Raises:
        StoreInUseError: Another process works on the same SQLite file.
        SchemaError: The tables are newer than this program.
        StoreError: The store cannot be opened.
    """
    async with (
        open_store(database, purpose="work", command=command) as store,
        open_project(project, redactor=redactor, transport=transport, turns=share_turns(store)) as runtime,
    ):
        yield Installation(runtime, store)


def share_turns(store: Store) -> TurnSources | None:
    """Return who gives out the turns of rate limits, where other processes may take some."""
    return (lambda client, per_second: StoreTurns(store, client, per_second)) if store.is_shared else None
