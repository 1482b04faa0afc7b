"""Looks every quarter of a minute for what needs a person, and has it told: once, by one process among many.

What is wrong is kept in the store (`Store.alarms`), so that nothing is told twice over a restart, and nothing is
forgotten that was told and is over by now. On PostgreSQL the processes take turns at looking, by the same means by
which they share a client's rate limit.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import orjson

from connector import log
from connector.alert.figures import read_figures
from connector.alert.judge import judge
from connector.alert.message import read_subject, write_message, write_subject
from connector.alert.plan import list_windows
from connector.alert.sender import AlertSender
from connector.errors import AlertError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from connector.alert.judge import Alarm
    from connector.alert.plan import AlertPlan
    from connector.redaction import Redactor
    from connector.store.rows import AlarmRow
    from connector.store.store import Store

EVERY_S: Final = 15.0
"""How often is looked, over all processes, seconds."""

_TURNS: Final = "@alerts"
"""Under which name the processes take turns; no client is called so."""

_HOLD_MS: Final = 60_000
"""How long an alarm is left to the process that tells it, milliseconds."""

logger = log.get_logger()


class Watch:
    """Looks, and tells. One for a process; where nobody is to be told, there is none."""

    def __init__(
        self,
        store: Store,
        plans: Mapping[str, AlertPlan],
        *,
        routes: Collection[str],
        fetches: Mapping[str, tuple[str, ...]],
        redactor: Redactor,
        public_url: str | None = None,
        make_sender: Callable[[AlertPlan], AlertSender] = AlertSender,
        every_s: float = EVERY_S,
    ) -> None:
        """Put together what `connector.app` has built; nothing runs yet.

        Args:
            store: Where tasks are, and what is wrong.
            plans: Who is told, by name.
            routes: Those of the configuration.
            fetches: The incomings that have a schedule, each with the routes that take its records.
            redactor: Masks what is told.
            public_url: Where the dashboard can be reached, for links; None for no links.
            make_sender: Returns what brings messages to a receiver.
            every_s: How often is looked, over all processes, seconds.
        """
        self._store = store
        self._plans = dict(plans)
        self._routes = tuple(routes)
        self._fetches = dict(fetches)
        self._redactor = redactor
        self._public_url = public_url
        self._senders = {name: make_sender(plan) for name, plan in self._plans.items()}
        self._every_s = every_s
        self._windows = list_windows(self._plans.values())
        self._is_away = False

    async def run(self) -> None:
        """Look and tell until cancelled. Whatever becomes of it, work goes on: trouble is logged and tried again."""
        while True:
            try:
                await asyncio.sleep(await self._await_turn())
                await self.look()
                self._is_away = False
            except StoreError as error:
                if not self._is_away:
                    logger.warning(log.ALERTS_AWAY, reason=error.message, cure=error.cure)
                self._is_away = True
                await asyncio.sleep(self._every_s)
            except Exception:  # the outermost edge of what runs beside the work, which a fault here must not end
                logger.exception(log.FAULT)
                await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Find out what is wrong and what is over, and tell who is to be told.

        Raises:
            StoreError: The store cannot be used.
        """
        figures = await read_figures(self._store, routes=self._routes, fetches=self._fetches, windows_ms=self._windows)
        found = {
            (alarm.kind.value, write_subject(name, alarm.subject)): (plan, alarm)
            for name, plan in self._plans.items()
            for alarm in judge(figures, plan.conditions, routes=plan.routes)
        }
        await self._keep(found)
        await self._tell()

    async def _await_turn(self) -> float:
        """Return after how many seconds this process is to look."""
        if not self._store.is_shared:
            return self._every_s
        turn_ms = await self._store.limits.reserve(_TURNS, 1 / self._every_s)
        return max((turn_ms - self._store.now_ms()) / 1000, 0.0)

    async def _keep(self, found: Mapping[tuple[str, str], tuple[AlertPlan, Alarm]]) -> None:
        """Have the store know what is wrong; what it knows already is written anew only where its words change."""
        known = {(row.kind, row.subject): row for row in await self._store.alarms.open()}
        for (kind, subject), (plan, alarm) in found.items():
            row = known.pop((kind, subject), None)
            text = self._redactor.mask_text(alarm.text)
            if row is not None and (row.text, row.repeat_ms) == (text, plan.repeat_ms):
                continue
            detail = orjson.dumps({"cure": self._redactor.mask_text(alarm.cure), **alarm.detail})
            await self._store.alarms.raise_(kind, subject, text, detail, repeat_ms=plan.repeat_ms)
        for kind, subject in known:
            await self._store.alarms.clear(kind, subject)

    async def _tell(self) -> None:
        """Tell what is to be told, each receiver by itself, so that none waits for another."""
        rows = await self._store.alarms.take_to_tell(hold_ms=_HOLD_MS)
        by_alert: dict[str, list[AlarmRow]] = {}
        for row in rows:
            by_alert.setdefault(read_subject(row)[0], []).append(row)
        await asyncio.gather(*(self._tell_one(name, meant) for name, meant in by_alert.items()))

    async def _tell_one(self, name: str, rows: Sequence[AlarmRow]) -> None:
        plan = self._plans.get(name)
        if plan is None:  # the configuration has no such receiver any more
            await self._store.alarms.told(rows)
            return
        message = write_message(plan, rows, now_ms=self._store.now_ms(), public_url=self._public_url)
        failure: AlertError | None = None
        try:
            await self._senders[name].send(message)
        except AlertError as error:
            failure = error
        if failure is not None:
            logger.error(log.ALERT_UNTOLD, alert=name, reason=failure.message, cure=failure.cure, alarms=len(rows))
            return
        await self._store.alarms.told(rows)
        for row in rows:
            logger.info(
                log.ALERT_TOLD,
                alert=name,
                about=row.kind,
                subject=read_subject(row)[1],
                is_over=row.cleared_at_ms is not None,
            )
