"""The tables of procrastinate, which hands work to workers on PostgreSQL. They lie beside ours and move with them.

Procrastinate brings SQL for a fresh database and one file for each later step, and keeps no account of what was done.
`queue_steps` does: a fresh database has all steps of the version that made it, a later version adds those it brings.
Source: procrastinate, "Apply migrations".
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, select

from connector.store.tables import queue_steps

if TYPE_CHECKING:
    from sqlalchemy import Connection


def apply_queue_schema(connection: Connection, now_ms: int) -> None:
    """Make or upgrade procrastinate's tables, in the transaction of the connection. Without the package: nothing."""
    try:
        folder = resources.files("procrastinate.sql")
    except ModuleNotFoundError:  # psycopg was installed by hand: the store works, only `worker` needs procrastinate
        return
    known = sorted(entry.name for entry in (folder / "migrations").iterdir() if entry.name.endswith(".sql"))
    done = {row[0] for row in connection.execute(select(queue_steps.c.name))}
    new = [name for name in known if name not in done]
    if not new:
        return
    if not done:
        if not inspect(connection).has_table("procrastinate_jobs"):  # else somebody else has seen to it
            _execute(connection, (folder / "schema.sql").read_text("utf-8"))
    else:
        for name in new:
            _execute(connection, (folder / "migrations" / name).read_text("utf-8"))
    connection.execute(queue_steps.insert(), [{"name": name, "made_at": now_ms} for name in new])


def _execute(connection: Connection, script: str) -> None:
    """Execute a script of many statements; the driver takes one without parameters as it is."""
    driver: Any = connection.connection.driver_connection
    driver.execute(script)
