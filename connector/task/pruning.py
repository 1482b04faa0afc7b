"""Settled tasks that are old are deleted, and what is kept beside them: the same on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector import log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.store.rows import TaskStatus
    from connector.store.store import Store
    from connector.task.journal import Journal
    from connector.task.work import RouteWork

logger = log.get_logger()


async def prune(works: Iterable[RouteWork], store: Store, journal: Journal) -> None:
    """Delete what is older than its route keeps it; a line in the log tells of each route that lost some.

    Args:
        works: The routes.
        store: Where their tasks are.
        journal: Bears a store that is away.

    Raises:
        StoreError: The store was away for too long.
    """
    older: dict[str | None, Mapping[TaskStatus, int]] = {work.name: work.older_ms for work in works if work.older_ms}
    counts = await journal.bear(lambda: store.tasks.prune(older))
    for name, by_status in counts.items():
        logger.info(log.PRUNED, route=name, **{status.value: count for status, count in by_status.items()})
    await journal.bear(store.prune_kept)
