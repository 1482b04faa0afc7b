"""What `/metrics` tells of the database: read at most every few seconds, and never waited for for long.

With a million tasks, counting them takes longer than a scrape may. So whoever asks gets what was counted last, and has
it counted anew for the next one; where counting is quick, it is waited for, and what is told is of this moment.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from connector.alert.figures import read_figures
from connector.alert.plan import judge_all, list_windows
from connector.errors import StoreError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.alert.judge import AlarmKind, Figures
    from connector.server.context import Context
    from connector.store.rows import ScheduleRow, TaskStatus

FRESH_S: Final = 2.0
"""For how long what was read serves all who ask, seconds."""

STALE_S: Final = 90.0
"""Older than this, nothing is told: a line that stays flat would look like a queue that stands still."""

_BRIEF_S: Final = 0.01
_FIRST_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the database says at a moment.

    Attributes:
        counts: Tasks by route and status.
        figures: How routes and fetches stand.
        schedules: Of the incomings of the configuration that are fetched by themselves.
        alarms: How many things need a person, by kind.
        read_s: When it was read, by the monotonic clock.
    """

    counts: Mapping[str, Mapping[TaskStatus, int]]
    figures: Figures
    schedules: tuple[ScheduleRow, ...]
    alarms: Mapping[AlarmKind, int]
    read_s: float

    @property
    def age_s(self) -> float:
        """How old it is, seconds."""
        return time.monotonic() - self.read_s


class Snapshots:
    """Reads the database for metrics. One for a process.

    Attributes:
        is_up: Whether the database answered when it was last asked.
    """

    def __init__(self, context: Context) -> None:
        """Prepare.

        Args:
            context: The parts of the service.
        """
        self.is_up = True
        self._context = context
        self._last: Snapshot | None = None
        self._reading: asyncio.Task[None] | None = None

    async def get(self) -> Snapshot | None:
        """Return what the database says, or said a short while ago; None where that is not known."""
        last = self._last
        if last is not None and last.age_s < FRESH_S:
            return last
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        is_usable = last is not None and last.age_s < STALE_S
        await asyncio.wait({self._reading}, timeout=_BRIEF_S if is_usable else _FIRST_S)
        last = self._last
        return last if last is not None and last.age_s < STALE_S else None

    async def _read(self) -> None:
        store, project = self._context.store, self._context.service.project
        plans = project.alerts.values()
        try:
            figures = await read_figures(
                store, routes=project.routes, fetches=project.scheduled, windows_ms=list_windows(plans)
            )
            counts = await store.tasks.counts_cached()
            schedules = tuple(row for row in await store.schedules.all() if row.name in project.scheduled)
        except StoreError:
            self.is_up = False
            return
        alarms = Counter(alarm.kind for alarm in judge_all(figures, plans))
        self._last = Snapshot(counts, figures, schedules, alarms, time.monotonic())
        self.is_up = True
