"""Tasks whose outcome nobody has seen, looked for on the other side.

Where the remote system can be asked whether it has what was sent, it is: when a worker takes over what another one
left, and again after a minute, ten minutes and an hour. What is found settles the task. What is not found proves
nothing: the remote system answered nothing, and may still be working on it. Such a task stays `unknown`, for a person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import orjson

from connector import log
from connector.errors import ConnectorError, PayloadError, StoreError, TransformError
from connector.interfaces import Departure
from connector.request import Verdict
from connector.store.rows import Look, StoredValue, TaskStatus
from connector.task.transcript import MOST_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.request import Answer, Exchange
    from connector.store.rows import UnknownTask
    from connector.task.deliver import RouteDelivery
    from connector.transform.ledger import Shaped

WAITS_MS: Final = (60_000, 600_000, 3_600_000)
"""After the first look, the second and the third: how long until the next one, milliseconds."""

MOST_AT_ONCE: Final = 10
"""Unknown tasks that are taken up at a time."""

HOLD_MS: Final = 600_000
"""For how long nobody else takes them up, milliseconds: one look may ask for some hundred orders."""

NOBODY: Final = "nobody can be asked: look on the other side, and say what became of it with `connector tasks resolve`"
"""What is told where the remote system has no way to be asked; the task keeps the words it has."""

logger = log.get_logger()


class Looker:
    """Looks for the unknown outcomes of one route."""

    def __init__(self, delivery: RouteDelivery) -> None:
        """Prepare.

        Args:
            delivery: Delivers the route, and has all that is needed to ask about what it sent.
        """
        self._work = delivery.work
        self._store = delivery.store
        self._journal = delivery.journal
        self._shaper = delivery.shaper
        self._transcript = delivery.transcript

    async def look_at_due(self) -> int:
        """Look for some of those that are due, and return how many there were: fewer than `MOST_AT_ONCE` is all.

        Raises:
            StoreError: The store was away for too long.
        """
        due = await self._journal.bear(
            lambda: self._store.tasks.unknown_due(self._work.name, limit=MOST_AT_ONCE, hold_ms=HOLD_MS)
        )
        for task in due:
            await self.look(task)
        return len(due)

    async def look(self, task: UnknownTask) -> Look:
        """Look for one, keep what was seen, and return it.

        Raises:
            StoreError: The store was away for too long.
        """
        exchanges: list[Exchange] = []

        def watch(exchange: Exchange) -> None:
            if len(exchanges) < MOST_KEPT:
                exchanges.append(exchange)

        look = await self._look(task, watch)
        look = replace(look, exchanges=self._transcript.write(exchanges))
        logger.warning(
            log.SETTLED,
            route=task.route,
            task_id=task.id,
            record_key=task.key,
            entity=task.entity,
            outcome=look.status.value,
            reason=look.reason or NOBODY,
        )
        await self._journal.bear(lambda: self._store.tasks.note_looks([look]))
        return look

    async def _look(self, task: UnknownTask, watch: Callable[[Exchange], None]) -> Look:
        """Ask the remote system, and return what its answer makes of the task."""
        wait_ms = WAITS_MS[task.looks] if task.looks < len(WAITS_MS) else None
        try:
            parcels = await self._shaper.parcels(task.record)
            if task.sent >= len(parcels) or (task.parcels and task.parcels != len(parcels)):
                return self._leave(task, None, "what was sent cannot be told: its steps make other parcels by now")
            evidence = orjson.loads(task.evidence) if task.evidence else {}
            departure = Departure(task.step, task.entity, evidence)
            answer = await self._work.publisher.look(parcels[task.sent].record, departure, observe=watch)
        except StoreError:
            raise
        except ConnectorError as error:
            # Whoever is away now may be back later; what cannot be shaped any more never can.
            again_ms = None if isinstance(error, TransformError | PayloadError) else wait_ms or WAITS_MS[-1]
            return self._leave(task, again_ms, f"looking for it failed: {error.message}")
        if answer is None:
            return self._leave(task, None, "")
        if not answer.verdict.is_success:
            is_missing = answer.verdict is Verdict.REJECTED
            seen = "it is not there by now, which proves nothing: it may still come" if is_missing else answer.reason
            return self._leave(task, wait_ms, seen)
        return self._settle(task, parcels, answer)

    def _leave(self, task: UnknownTask, wait_ms: int | None, reason: str) -> Look:
        next_at_ms = None if wait_ms is None else self._store.now_ms() + wait_ms
        return Look(task.id, task.attempt, TaskStatus.UNKNOWN, next_at_ms, reason=reason)

    def _settle(self, task: UnknownTask, parcels: Sequence[Shaped], answer: Answer) -> Look:
        """Return what becomes of a task whose parcel was found: the next one's turn, or the end."""
        sent = task.sent + 1
        if sent < len(parcels):
            reason = f"parcel {sent} of {len(parcels)} was found; the next one is to be sent"
            return Look(task.id, task.attempt, TaskStatus.NEW, reason=reason, sent=sent)
        puts = [StoredValue(put.store, put.key, put.value) for parcel in parcels for put in parcel.puts]
        return Look(
            task.id,
            task.attempt,
            TaskStatus.FINISHED,
            verdict=answer.verdict.value,
            reason=answer.reason,
            value=self._transcript.write_value(answer.value),
            sent=sent,
            values=tuple(puts),
        )
