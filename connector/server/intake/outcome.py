"""What becomes of tasks, for whoever waits for it: one look at the store for all who wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from connector.desk.shown import show_value
from connector.errors import StoreError
from connector.record_codec import decode_value
from connector.store.rows import TaskFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.redaction import Redactor
    from connector.store.store import Store

MOST_WAITED_FOR: Final = 1_000
"""Tasks that are waited for at once; who waits for more is answered as one whose time is over."""

_FIRST_LOOK_S: Final = 0.02
_LONGEST_LOOK_S: Final = 0.25


class Outcomes:
    """Watches tasks until nothing more is done about them. One for a process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: Counter[int] = Counter()
        self._settled: set[int] = set()
        self._looked: asyncio.Event = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._pause_s = _FIRST_LOOK_S

    async def wait(self, ids: Sequence[int], *, wait_s: float, stop: asyncio.Event) -> bool:
        """Return whether all of some tasks are settled, as soon as they are, time is over, or a stop is asked for.

        Where the store cannot be asked, they count as not settled.

        Args:
            ids: Of the tasks.
            wait_s: For how long, seconds.
            stop: Set when this process is to end.
        """
        if not ids or len(self._wanted) + len(ids) > MOST_WAITED_FOR:
            return not ids
        self._wanted.update(ids)
        self._pause_s = _FIRST_LOOK_S
        stopping = asyncio.ensure_future(stop.wait())
        try:
            async with asyncio.timeout(wait_s):
                while not self._settled.issuperset(ids) and not stop.is_set():
                    if self._looking is None:
                        self._looking = asyncio.create_task(self._look(), name="connector-outcomes")
                    looked = asyncio.ensure_future(self._looked.wait())
                    try:
                        await asyncio.wait({looked, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        looked.cancel()
        except TimeoutError:
            pass
        finally:
            stopping.cancel()
            is_settled = self._settled.issuperset(ids)
            self._wanted.subtract(ids)
            self._wanted += Counter()  # leaves out what nobody waits for any more
            self._settled.intersection_update(self._wanted)
        return is_settled

    async def tell(self, ids: Sequence[int], redactor: Redactor) -> list[dict[str, Any]]:
        """Return how tasks stand, in their order; those that are gone are left out.

        Args:
            ids: Of the tasks; at most `MOST_WAITED_FOR`.
            redactor: Masks what is told.

        Raises:
            StoreError: The database cannot be used.
        """
        told: dict[int, dict[str, Any]] = {}
        if ids:
            async for detail in self._store.tasks.export(TaskFilter(ids=tuple(ids))):
                row = detail.row
                value = None if detail.value is None else decode_value(detail.value)
                told[row.id] = {
                    "id": row.id,
                    "route": row.route,
                    "status": row.status.value,
                    "verdict": row.verdict,
                    "value": show_value(value, redactor),
                    "step": row.step,
                    "reason": redactor.mask_text(row.reason),
                    "cure": row.cure,
                }
        return [told[task] for task in ids if task in told]

    async def _look(self) -> None:
        """Look until nobody waits any more: soon at first, then less often."""
        try:
            while open_ids := [task for task in self._wanted if task not in self._settled]:
                await asyncio.sleep(self._pause_s)
                self._pause_s = min(self._pause_s * 1.5, _LONGEST_LOOK_S)
                try:
                    statuses = await self._store.tasks.statuses(open_ids)
                except StoreError:  # whoever waits is told the time is over, unless it is back before
                    continue
                self._settled.update(task for task in open_ids if task not in statuses or statuses[task].is_terminal)
                looked, self._looked = self._looked, asyncio.Event()
                looked.set()
        finally:
            self._looking = None
