"""A call carried out: steps in one session, pages as they come, the plan played again after a lost session.

The rule that keeps orders single: once a step with effect `commit` was sent, nothing of the plan is sent again.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from connector import log
from connector.config.wording import describe
from connector.errors import CallError, PayloadError, PublisherError, SubscriberError, TransformError
from connector.request import PageInput, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from connector.call.plan import CallPlan, PlannedStep
    from connector.interfaces import Client, Session
    from connector.record import Record
    from connector.request import Answer, Exchange

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the call that counts.

    Attributes:
        number: From 1.
        answer: The answer; its verdict is `ok` or `empty`.
        records: The records in it, in order.
        calls: How many calls were sent for it, log-ins not counted.
    """

    number: int
    answer: Answer
    records: list[Record]
    calls: int


@dataclass(slots=True)
class _Play:
    """How far one playing of a plan has come.

    Attributes:
        answers: Decoded answers by step name, for templates.
        position: How many steps of `before` are through.
        done: Names of the commit steps that were carried out.
        has_sent_commit: Whether a request with effect commit may have left this machine.
        may_renew: Whether a lost session may be renewed; once between two answers.
        calls: How many calls were sent.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    position: int = 0
    done: list[str] = field(default_factory=list)
    has_sent_commit: bool = False
    may_renew: bool = True
    calls: int = 0


class CallRun:
    """Carries a plan out against its client. One instance serves any number of records, side by side."""

    def __init__(self, plan: CallPlan, client: Client) -> None:
        self._plan = plan
        self._client = client
        self._noticed: set[str] = set()

    async def pages(
        self, record: Record | None = None, *, observe: Callable[[Exchange], None] | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the pages of one call, each before the next is asked for. Close the iterator when leaving early.

        Args:
            record: The record on its way, or None in a subscriber.
            observe: Called with every exchange.

        Yields:
            One page an answer; nothing at all where a filter left the call out.

        Raises:
            CallError: A step was not answered with a success.
            TransformError: A payload could not be shaped.
            PayloadError: A payload does not fit its entity; nothing with effect commit was sent before.
            PublisherError: The same two, after a step with effect commit was carried out; the message names it.
            SubscriberError: The records or the next page cannot be found in an answer, or answers repeat.
        """
        plan, paging, play = self._plan, self._plan.paging.begin(), _Play()
        page: PageInput | None = paging.first()
        number = 0
        headers: Mapping[str, str] = {}

        def watch(exchange: Exchange) -> None:
            nonlocal headers
            headers = exchange.response.headers if exchange.response else {}
            if observe is not None:
                observe(exchange)

        async with self._client.lease(is_stateful=plan.is_stateful, observe=watch) as session:
            while page is not None:
                number += 1
                play.calls = 0
                answer = await self._answer(session, play, record, page, number)
                if answer is None:
                    return
                play.may_renew = True
                records = self._records(answer)
                decision = paging.next(answer, self._unfiltered(answer, records), headers=headers)
                yield Page(number, answer, records if decision.take is None else records[: decision.take], play.calls)
                page = decision.page
                if decision.limit is not None:
                    logger.warning(log.PAGING_STOPPED, where=plan.where, limit=decision.limit, pages=number)

    async def last_page(
        self, record: Record | None = None, *, observe: Callable[[Exchange], None] | None = None
    ) -> tuple[Page | None, int, int]:
        """Play the call to its end and return the last page, the number of pages and of records; see `pages`."""
        last: Page | None = None
        pages = records = 0
        async with aclosing(self.pages(record, observe=observe)) as stream:
            async for last in stream:
                pages += 1
                records += len(last.records)
        return last, pages, records

    async def _answer(
        self, session: Session, play: _Play, record: Record | None, page: PageInput, number: int
    ) -> Answer | None:
        """Return a success, playing the whole plan again when the session was lost; None where it was left out."""
        while True:
            while play.position < len(self._plan.before):
                step = self._plan.before[play.position]
                if not await self._send_before(session, play, step, record):
                    break
                play.position += 1
            else:
                payloads = self._payloads(self._plan.final, play, record, number)
                if not payloads:
                    return None
                answer = await self._send(session, play, self._plan.final, payloads[0], page)
                if answer is not None:
                    return answer
            refused = await session.renew()
            if refused is not None:
                raise self._error(self._plan.final, play, refused)
            logger.info(log.SESSION_RENEWED, client=self._client.name, where=self._plan.where)
            play.position, play.may_renew = 0, False
            play.answers.clear()

    async def _send_before(self, session: Session, play: _Play, step: PlannedStep, record: Record | None) -> bool:
        """Send one step ahead of the call, once per payload; False when the session is lost and may be renewed."""
        for payload in self._payloads(step, play, record, 1):
            answer = await self._send(session, play, step, payload, PageInput())
            if answer is None:
                return False
            play.answers[step.name] = answer.value
        return True

    def _payloads(self, step: PlannedStep, play: _Play, record: Record | None, number: int) -> list[Record]:
        try:
            payloads = step.payloads(record, play.answers, number)
        except (TransformError, PayloadError) as error:
            if play.done:
                raise PublisherError(f"{error} (already carried out: {', '.join(play.done)})") from error
            raise
        if step is self._plan.final and len(payloads) > 1:
            raise TransformError(
                f"the steps gave {len(payloads)} payloads, one call takes one",
                step=f"{self._plan.where}.transform",
                cure="split the records on the route instead",
            )
        return payloads

    async def _send(
        self, session: Session, play: _Play, step: PlannedStep, payload: Record, page: PageInput
    ) -> Answer | None:
        """Send one call; None when the session is lost and the plan may start again.

        Raises:
            CallError: Any other answer that is no success.
        """
        commits = step.operation.effect.commits
        may_replay = play.may_renew and not play.has_sent_commit and not commits
        play.calls += 1
        answer = await session.send(step.operation, payload, page)
        for notice in answer.notices:
            self._note(step, notice)
        if answer.verdict is Verdict.LOST_SESSION and may_replay:
            return None
        if commits and answer.verdict is not Verdict.UNREACHABLE:
            play.has_sent_commit = True
        if not answer.verdict.is_success:
            raise self._error(step, play, answer)
        if answer.errors and step is not self._plan.final and self._plan.commits_after(step):
            raise self._error(step, play, _with_reservation(answer))
        if commits:
            play.done.append(step.name)
        return answer

    def _error(self, step: PlannedStep, play: _Play, answer: Answer) -> CallError:
        operation = step.operation
        return CallError(operation.entity, step.name, operation.effect, answer, done=tuple(play.done))

    def _records(self, answer: Answer) -> list[Record]:
        """Return the records of an answer.

        Raises:
            SubscriberError: The beginning of the path is not in the answer, or a match is no JSON object.
        """
        value, selector = answer.value, self._plan.records
        if value is None or value == []:
            return []
        if selector is None:
            found = value if isinstance(value, list) else [value]
        else:
            try:
                selector.require(value)
                found = selector.find(value)
            except TransformError as error:
                raise SubscriberError(str(error)) from error
        for match in found:
            if not isinstance(match, dict):
                origin = selector.text if selector else "the answer"
                raise SubscriberError(
                    f"{self._plan.where}.records: a record is a JSON object, {origin} gives {describe(match)}",
                    cure="choose a path that ends at objects",
                )
        return found

    def _unfiltered(self, answer: Answer, records: list[Record]) -> list[Any]:
        """Return the records before a filter in the path (`$.orders[?(@.paid)]`): a page that it empties is no end."""
        selector = self._plan.records
        if selector is None or not selector.is_filtered:
            return records
        whole = selector.find_base(answer.value)
        return whole if isinstance(whole, list) else records

    def _note(self, step: PlannedStep, notice: str) -> None:
        """Report each different warning of the remote system once a run, not once a record."""
        if notice not in self._noticed and len(self._noticed) < 1000:
            self._noticed.add(notice)
            logger.warning(
                log.NOTICE,
                client=self._client.name,
                entity=step.operation.entity,
                notice=notice,
                cure="switch off the display of errors in the shop's settings",
            )


def _with_reservation(answer: Answer) -> Answer:
    """Return an answer that gave what was asked and objected to it (a cart with a line out of stock) as a refusal."""
    told = "; ".join(error.message for error in answer.errors)
    cure = "mend what the remote system objects to; nothing was committed"
    return replace(answer, verdict=Verdict.REJECTED, reason=f"answered, with a reservation: {told}", cure=cure)
