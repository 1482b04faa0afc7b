"""`connector db`: the database in which tasks are kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from connector.cli.exits import FAILED, OK
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import align

if TYPE_CHECKING:
    from connector.store.measure import Measure
    from connector.store.schema import SchemaStatus

EPILOG = """\b
Examples:
  connector db status
  connector db upgrade
"""


@click.group(cls=CommandGroup, epilog=EPILOG)
@shared_options
def command() -> None:
    """See to the database in which tasks are kept.

    It is `connector.db` in the data folder, or what CONNECTOR_DATABASE names: a path, or the address of a PostgreSQL
    database.
    """


@command.command(
    "status",
    epilog="""\b
Examples:
  connector db status
  connector db status --output json
""",
)
@shared_options
@click.pass_obj
def show_status(invocation: Invocation) -> int:
    """Show where the database is, how its tables stand, and how much is in it.

    The exit code is 1 where the tables are missing, older or newer than this version needs.
    """
    invocation.start_logging(is_late=True)
    return asyncio.run(_show_status(invocation, invocation.load_settings().store_url))


async def _show_status(invocation: Invocation, url: str) -> int:
    from connector.store.measure import measure_store
    from connector.store.store import read_schema_status

    status = await read_schema_status(url)
    measure = await measure_store(url) if status.is_current else None
    if invocation.is_json:
        invocation.screen.show_json(
            {
                "database": status.database,
                "revision": status.found,
                "needed": status.wanted,
                "is_current": status.is_current,
                "size_bytes": None if measure is None else measure.size_bytes,
                "rows": None if measure is None else measure.rows,
            }
        )
    else:
        _tell_status(invocation, status, measure)
    return OK if status.is_current else FAILED


def _tell_status(invocation: Invocation, status: SchemaStatus, measure: Measure | None) -> None:
    facts = [("database", status.database), ("tables", _describe_tables(status))]
    if measure is not None:
        facts.append(("size", show_size(measure.size_bytes)))
    for line in align(facts):
        invocation.screen.show(line)
    if measure is not None:
        for line in align([(f"  {name}", f"{number:,}") for name, number in measure.rows.items()]):
            invocation.screen.show(line)


def _describe_tables(status: SchemaStatus) -> str:
    if status.is_current:
        return f"revision {status.found}, as this version needs them"
    if status.found is None:
        return "none yet; connector db upgrade, run, push and worker make them"
    if status.is_newer:
        return f"revision {status.found}, of a later version than this one, which needs {status.wanted}"
    return f"revision {status.found}, older than {status.wanted}; connector db upgrade brings them there"


@command.command(
    "upgrade",
    epilog="""\b
Examples:
  connector db upgrade
""",
)
@shared_options
@click.pass_obj
def upgrade_tables(invocation: Invocation) -> int:
    """Bring the tables to what this version needs, or make them.

    `run`, `push` and `worker` do so by themselves when they start; this is for when you want to see it, or when the
    account of the workers may not change tables. There is no way back: take a backup first.
    """
    invocation.start_logging(is_late=True)
    return asyncio.run(_upgrade(invocation, invocation.load_settings().store_url))


async def _upgrade(invocation: Invocation, url: str) -> int:
    from connector.store.store import upgrade_store

    before = await upgrade_store(url)
    if invocation.is_json:
        invocation.screen.show_json({"database": before.database, "from": before.found, "to": before.wanted})
    elif before.is_current:
        invocation.screen.show(f"{before.database}: nothing to do, the tables are at revision {before.wanted}")
    elif before.found is None:
        invocation.screen.show(f"{before.database}: tables made, at revision {before.wanted}")
    else:
        invocation.screen.show(f"{before.database}: upgraded from revision {before.found} to {before.wanted}")
    return OK


def show_size(size_bytes: int) -> str:
    """Return a size for people: `812 bytes`, `56.2 kB`, `1.4 GB`."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"
