"""Records sent out, one call each."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from connector.call.compose import foresee
from connector.errors import PublisherError, SubscriberError
from connector.frozen import dataclass
from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.call.plan import CallPlan, PlannedStep
    from connector.call.run import CallRun, Page
    from connector.catalog.catalog import Catalog
    from connector.interfaces import BeforeCommit, Departure
    from connector.record import Record
    from connector.request import Answer, Exchange
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

    A composite is followed by the calls that it stands for, each under the composite's step.

    Attributes:
        step: The step's name.
        entity: Catalog id or route.
        payload: What would be sent; None where it needs the answer of an earlier step, or of an earlier call.
        reason: Why there is no payload, else empty.
        dialect: Of a composite's call: the generation that makes it so; several where which is spoken is not known yet.
        note: Of a composite's call: when it is made, where that is not always; may be empty.
    """

    step: str
    entity: str
    payload: Record | None = None
    reason: str = ""
    dialect: str = ""
    note: str = ""


class Publisher:
    """Sends records to a remote system."""

    def __init__(self, run: CallRun) -> None:
        self._run = run

    async def publish(
        self,
        record: Record,
        *,
        observe: Callable[[Exchange], None] | None = None,
        before_commit: BeforeCommit | None = None,
    ) -> Published:
        """Send one record: the steps ahead of the call, then the call, in a session of its own.

        Args:
            record: A JSON object; it is not changed.
            observe: Called with every exchange.
            before_commit: Awaited before each request that commits; whoever stores what was tried does it there.

        Raises:
            CallError: The remote system did not say yes; `recovery` and `is_unknown` say what that means.
            TransformError: A payload could not be shaped; nothing was committed.
            PayloadError: A payload does not fit its entity; nothing was committed.
            UnknownEntityError: The dialect that was found out lacks a step's entity; nothing was sent.
            PublisherError: Any of these three after something was committed, which `done` and the message then name;
                or the next page cannot be found in an answer.
        """
        last: Page | None = None
        try:
            async with aclosing(self._run.pages(record, observe=observe, before_commit=before_commit)) as pages:
                async for page in pages:
                    last = page
        except SubscriberError as error:  # of this record's answer alone; the records after it have their own
            raise PublisherError(error.message, cure=error.cure, step=self._run.final_step) from error
        if last is None:
            return Published(verdict=None)
        return Published(verdict=last.answer.verdict, value=last.answer.value, pages=last.number)

    @property
    def can_look(self) -> bool:
        """Whether the remote system may be asked what became of a record; some of its generations cannot."""
        return self._run.can_look

    def hear(self, value: Any) -> None:
        """Take in an answer that an earlier process got: what it made is older than all that is sent from now on.

        It counts as evidence once the remote system is seen to have it, which is asked ahead of the next record.

        Args:
            value: As `Published.value`.
        """
        self._run.hear(value)

    async def look(
        self, record: Record, departure: Departure, *, observe: Callable[[Exchange], None] | None = None
    ) -> Answer | None:
        """Ask the remote system what became of a record that was sent, and of which no answer was seen.

        Args:
            record: As it was given to `publish`.
            departure: The last request that was about to leave for it.
            observe: Called with every exchange.

        Returns:
            `ok` with the value of the call, found afterwards; `rejected` where nothing is there now, which proves
            nothing as long as the remote system may still be working on it; `unknown` where it cannot be told; None
            where there is nobody to ask.

        Raises:
            ConnectorError: Asking failed; the next look may do better.
        """
        return await self._run.look(record, departure, observe=observe)


class Outgoing:
    """A publisher, and the steps on each record ahead of it.

    Attributes:
        name: Its name in the configuration; that of its route where it is written in place.
        publisher: Sends what the steps made.
        transformer: The steps, or None.
    """

    def __init__(self, name: str, publisher: Publisher, transformer: Transformer | None, plan: CallPlan) -> None:
        self.name = name
        self.publisher = publisher
        self.transformer = transformer
        self._plan = plan

    def shape(self, record: Record) -> list[Record]:
        """Return the records that the steps make of one: none where filtered, several where split.

        Raises:
            TransformError: A step failed.
        """
        return [record] if self.transformer is None else self.transformer.apply(record)

    def preview(self, record: Record) -> list[Preview]:
        """Return what would be sent for a shaped record, without sending anything.

        Raises:
            TransformError: A payload cannot be shaped, and not for want of an earlier answer.
            PayloadError: A payload does not fit its entity.
            CallError: A composite refuses the record, whatever the remote system says.
        """
        return preview_call(self._plan, record)


def preview_call(plan: CallPlan, record: Record) -> list[Preview]:
    """Return what a call would send for a shaped record, without sending anything. Raises as `Outgoing.preview`."""
    return [preview for step in plan.steps for preview in _preview_step(step, record, plan.target.catalog)]


def _preview_step(step: PlannedStep, record: Record, catalog: Catalog) -> list[Preview]:
    entity = step.operation.entity
    if step.uses_answers:
        return [Preview(step.name, entity, reason="it uses the answer of an earlier step")]
    previews: list[Preview] = []
    for payload in step.payloads(record, {}):
        previews.append(Preview(step.name, entity, payload))
        if step.is_composite:
            dialects, calls = foresee(step, payload, catalog)
            previews += (
                Preview(step.name, call.entity, call.payload, call.reason, ", ".join(dialects), call.note)
                for call in calls
            )
    return previews
