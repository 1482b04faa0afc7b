"""Records sent out, one call each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.call.plan import CallPlan, PlannedStep
    from connector.call.run import CallRun
    from connector.record import Record
    from connector.request import Exchange
    from connector.transform.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Published:
    """What became of one record that was sent, or left out.

    Attributes:
        verdict: `ok` or `empty`; None where a filter left the record out, and nothing was sent.
        value: The decoded answer of the last page.
        pages: How many pages the call had; 0 where nothing was sent.
    """

    verdict: Verdict | None
    value: Any = None
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """One payload that would be sent.

    Attributes:
        step: The step's name.
        entity: Catalog id or route.
        payload: What would be sent; None where it needs the answer of an earlier step.
        reason: Why there is no payload, else empty.
    """

    step: str
    entity: str
    payload: Record | None = None
    reason: str = field(default="")


class Publisher:
    """Sends records to a remote system."""

    def __init__(self, run: CallRun) -> None:
        self._run = run

    async def publish(self, record: Record, *, observe: Callable[[Exchange], None] | None = None) -> Published:
        """Send one record: the steps ahead of the call, then the call, in a session of its own.

        Args:
            record: A JSON object; it is not changed.
            observe: Called with every exchange.

        Raises:
            CallError: The remote system did not say yes; `recovery` and `is_unknown` say what that means.
            TransformError: A payload could not be shaped; nothing was committed.
            PayloadError: A payload does not fit its entity; nothing was committed.
            PublisherError: One of these two after something was committed; the message names it.
        """
        page, pages, _records = await self._run.last_page(record, observe=observe)
        if page is None:
            return Published(verdict=None)
        return Published(verdict=page.answer.verdict, value=page.answer.value, pages=pages)


class Outgoing:
    """A publisher, and the steps on each record ahead of it."""

    def __init__(self, name: str, publisher: Publisher, transformer: Transformer | None, plan: CallPlan) -> None:
        self.name = name
        self.publisher = publisher
        self._transformer = transformer
        self._plan = plan

    def shape(self, record: Record) -> list[Record]:
        """Return the records that the steps make of one: none where filtered, several where split.

        Raises:
            TransformError: A step failed.
        """
        return [record] if self._transformer is None else self._transformer.apply(record)

    def preview(self, record: Record) -> list[Preview]:
        """Return what would be sent for a shaped record, without sending anything.

        Raises:
            TransformError: A payload cannot be shaped, and not for want of an earlier answer.
            PayloadError: A payload does not fit its entity.
        """
        return [preview for step in self._plan.steps for preview in _preview_step(step, record)]


def _preview_step(step: PlannedStep, record: Record) -> list[Preview]:
    entity = step.operation.entity
    if step.uses_answers:
        return [Preview(step.name, entity, reason="it uses the answer of an earlier step")]
    return [Preview(step.name, entity, payload) for payload in step.payloads(record, {})]
