"""What the steps of the present configuration make of a stored record: what a dry run of it would show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.desk.steps import Stretch, walk
from connector.errors import ConnectorError, StoreError
from connector.frozen import dataclass
from connector.publisher.publisher import preview_call
from connector.record_codec import decode_record
from connector.store.rows import Claimed
from connector.task.ingest import is_raw
from connector.task.shaper import Shaper

if TYPE_CHECKING:
    from connector.app.project import Project
    from connector.app.runtime import Runtime
    from connector.desk.steps import Step
    from connector.publisher.publisher import Preview
    from connector.store.rows import TaskDetail
    from connector.store.store import Store

NO_ROUTE: Final = "not known: the configuration has no route of this name any more"
"""Why nothing can be told of a task whose route is gone."""


@dataclass(frozen=True, slots=True)
class Reshaped:
    """What the steps of the present configuration make of a record, or why that cannot be told.

    Attributes:
        previews: What would be sent, in order.
        obstacle: Why there are none, else empty.
        steps: What each step made of it, in order; empty where the route has none, or is gone.
    """

    previews: tuple[Preview, ...] = ()
    obstacle: str = ""
    steps: tuple[Step, ...] = ()


async def reshape(runtime: Runtime, store: Store, detail: TaskDetail) -> Reshaped:
    """Return what would be sent for a task's record now, or why that cannot be told. Nothing is sent.

    Args:
        runtime: The present configuration, opened.
        store: Has the values that steps may ask for.
        detail: The task.

    Raises:
        StoreError: The store cannot be used.
    """
    if detail.row.route not in runtime.project.routes:
        return Reshaped(obstacle=NO_ROUTE)
    steps = await _walk(runtime, store, detail)
    try:
        return Reshaped(tuple(await _preview(runtime, store, detail)), steps=steps)
    except StoreError:
        raise
    except ConnectorError as error:
        return Reshaped(obstacle=f"they fail: {error}", steps=steps)


async def _walk(runtime: Runtime, store: Store, detail: TaskDetail) -> tuple[Step, ...]:
    """Return what each step makes of the record as it is kept."""
    stretches = find_stretches(runtime.project, detail.row.route, with_incoming=_is_unshaped(detail.row.source))
    record = decode_record(detail.record)
    return (await walk(stretches, record, source=store.state, redactor=runtime.redactor)).steps


def find_stretches(project: Project, route: str, *, with_incoming: bool = False) -> list[Stretch]:
    """Return the steps on the way of a route's records, with where they are written.

    Args:
        project: Has the route.
        route: Its name.
        with_incoming: Whether the steps of its incoming come first: a record that is kept has been through them.
    """
    plan = project.routes[route]
    top = project.document.place("routes", route)
    stretches = []
    incoming = plan.incoming
    if with_incoming and incoming is not None and incoming.transformer is not None:
        is_inline = incoming.name not in project.incoming
        place = top.child("incoming") if is_inline else project.document.place("incoming", incoming.name)
        stretches.append(Stretch("incoming", incoming.transformer, place.child("transform")))
    if plan.transformer is not None:
        stretches.append(Stretch("route", plan.transformer, top.child("transform")))
    outgoing = plan.outgoing
    if outgoing.transformer is not None:
        is_inline = isinstance(top.child("outgoing").value, dict)
        place = top.child("outgoing") if is_inline else project.document.place("outgoing", outgoing.name)
        stretches.append(Stretch("outgoing", outgoing.transformer, place.child("transform")))
    return stretches


def _is_unshaped(source: str) -> bool:
    """Whether a task of this source holds a record that its incoming has yet to shape."""
    return is_raw(source) and source.startswith(("incoming.", "routes."))


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
