"""What the steps of the present configuration make of a stored record: what a dry run of it would show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.app.runtime import open_project
from connector.cli.timeline import Reshaped
from connector.errors import ConfigError, ConnectorError, StoreError
from connector.publisher.publisher import preview_call
from connector.store.rows import Claimed
from connector.task.ingest import is_raw
from connector.task.shaper import Shaper

if TYPE_CHECKING:
    from connector.app.runtime import Runtime
    from connector.cli.invocation import Invocation
    from connector.publisher.publisher import Preview
    from connector.store.rows import TaskDetail
    from connector.store.store import Store


async def reshape(invocation: Invocation, store: Store, detail: TaskDetail) -> Reshaped:
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
    if detail.row.route not in project.routes:
        return Reshaped(obstacle="not known: the configuration has no route of this name any more")
    async with open_project(project, redactor=invocation.redactor) as runtime:
        try:
            return Reshaped(tuple(await _preview(runtime, store, detail)))
        except StoreError:
            raise
        except ConnectorError as error:
            return Reshaped(obstacle=f"they fail: {error}")


async def _preview(runtime: Runtime, store: Store, detail: TaskDetail) -> list[Preview]:
    """Return the payloads of every parcel.

    Raises:
        ConnectorError: The record, or a payload, cannot be shaped.
    """
    plan = runtime.project.routes[detail.row.route]
    shaper = Shaper(runtime.work(plan.name).shaping, store.state)
    records = [detail.record]
    if is_raw(detail.row.source):
        records = [task.record for task in runtime.ingest(store).reshape(_as_claimed(detail))]
    return [
        preview
        for record in records
        for parcel in await shaper.parcels(record)
        for preview in preview_call(plan.outgoing.call, parcel.record)
    ]


def _as_claimed(detail: TaskDetail) -> Claimed:
    """Return a task as if it were in hand, for who shapes records of those that are."""
    row = detail.row
    return Claimed(
        row.id,
        row.route,
        row.key,
        detail.record,
        attempt=row.attempts + 1,
        tries=1,
        sent=row.sent,
        parcels=row.parcels,
        created_at_ms=row.created_at_ms,
        source=row.source,
        position=row.position,
        token=0,
    )
