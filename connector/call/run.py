"""A call carried out: steps in one session, pages as they come, the plan played again after a lost session.

The rule that keeps orders single: once a step with effect `commit` was sent, nothing of the plan is sent again.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from connector import log
from connector.call.compose import CatalogOffer, Composer
from connector.config.wording import describe
from connector.errors import CallError, ConnectorError, PublisherError, SubscriberError, TransformError
from connector.interfaces import Departure
from connector.request import Answer, PageInput, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from connector.call.plan import CallPlan, PlannedStep
    from connector.composite.flow import Ask
    from connector.interfaces import BeforeCommit, Client, Session
    from connector.record import Record
    from connector.request import Exchange, Operation

_MOST_NOTICES: Final = 1000
"""Different warnings of a remote system that are remembered, so that each is told once."""

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the call that counts.

    Attributes:
        number: From 1.
        answer: The answer; its verdict is `ok` or `empty`.
        records: The records in it, in order; always empty where the plan does not read them.
        is_last: Whether the remote system has no more; where a limit of the configuration ended the pages, it may have.
    """

    number: int
    answer: Answer
    records: list[Record]
    is_last: bool = True


@dataclass(slots=True)
class _Play:
    """How far one playing of a plan has come.

    Attributes:
        record: The record on its way, or None in a subscriber.
        before_commit: Awaited before a request with effect commit is sent, or None.
        state: How far an incoming has read, or None.
        answers: Decoded answers by step name, for templates.
        position: How many steps of `before` are through.
        done: Names of the commit steps that were carried out.
        has_sent_commit: Whether a request with effect commit may have left this machine.
        may_renew: Whether a lost session may be renewed; once between two answers of the call.
        headers: Of the last response, for paging.
        url: The address that it came from, or None before the first.
        dialect: The one that is spoken.
        step: Name of the step that it has come to.
    """

    record: Record | None
    before_commit: BeforeCommit | None
    state: Mapping[str, Any] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    position: int = 0
    done: list[str] = field(default_factory=list)
    has_sent_commit: bool = False
    may_renew: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    dialect: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as it is sent.

    Attributes:
        name: What people know it by: its step, and within a composite its entity.
        operation: What to call.
        stops_on_errors: Whether a success that carries errors (a cart with a line out of stock) ends the plan.
        accepts_refusal: Whether a refusal is an answer like any other.
    """

    name: str
    operation: Operation
    stops_on_errors: bool = False
    accepts_refusal: bool = False


class _LostSessionError(Exception):
    """The session is gone, and the plan may start again."""

    def __init__(self, call: _Call) -> None:
        super().__init__(call.name)
        self.call = call


class CallRun:
    """Carries a plan out against its client. One instance serves any number of records, side by side."""

    def __init__(self, plan: CallPlan, client: Client, *, composer: Composer | None = None) -> None:
        """Prepare; nothing is sent.

        Args:
            plan: What to carry out.
            client: Whom to call.
            composer: Carries composites out; one that really waits where left out.
        """
        self._plan = plan
        self._client = client
        self._composer = composer or Composer(client)
        self._noticed: set[str] = set()

    @property
    def commits(self) -> bool:
        """Whether a call changes business data."""
        return self._plan.commits

    @property
    def final_step(self) -> str:
        """Name of the call that counts."""
        return self._plan.final.name

    @property
    def state_steps(self) -> frozenset[str]:
        """Names of the steps that speak of how far an incoming has read."""
        return frozenset(step.name for step in self._plan.steps if step.uses_state)

    @property
    def can_look(self) -> bool:
        """Whether `look` may have somebody to ask."""
        return self._plan.final.is_composite and not self._plan.final.uses_answers

    async def pages(
        self,
        record: Record | None = None,
        *,
        observe: Callable[[Exchange], None] | None = None,
        before_commit: BeforeCommit | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Page, None]:
        """Yield the pages of one call, each before the next is asked for. Close the iterator when leaving early.

        No session is held while a page is out, unless the next one needs what the session holds: whoever works on the
        page may need a session of the same client.

        Args:
            record: The record on its way, or None in a subscriber.
            observe: Called with every exchange.
            before_commit: Awaited before each request with effect commit: from then on nobody but the remote system
                knows what came of it, until there is an answer.
            state: How far an incoming has read, for templates; None where there is no such thing.

        Yields:
            One page an answer; nothing at all where a filter left the call out.

        Raises:
            CallError: A step was not answered with a success.
            TransformError: A payload could not be shaped.
            PayloadError: A payload does not fit its entity, or cannot be sent.
            SubscriberError: The records or the next page cannot be found in an answer, or answers repeat.
            UnknownEntityError: The dialect that was found out lacks a step's entity; no step was sent.
            PublisherError: Any of these but the first, after a step with effect commit was carried out, which the
                message names.
        """
        plan, paging, play = self._plan, self._plan.paging.begin(), _Play(record, before_commit, state)
        page: PageInput | None = paging.first()
        number = 0

        def watch(exchange: Exchange) -> None:
            play.headers = exchange.response.headers if exchange.response else {}
            play.url = exchange.request.url
            if observe is not None:
                observe(exchange)

        async with AsyncExitStack() as leases:
            session: Session | None = None
            while page is not None:
                if session is None:
                    lease = self._client.lease(is_stateful=plan.is_stateful, observe=watch)
                    session = await leases.enter_async_context(lease)
                number += 1
                try:
                    answer = await self._answer(session, play, page, number)
                    if answer is None:
                        return
                    everything, records = self._records(answer)
                    decision = paging.next(answer, everything, headers=play.headers, url=play.url)
                    if decision.take is not None:
                        records = self._take(answer, records, decision.take)
                except CallError:
                    raise  # it names by itself what was done
                except ConnectorError as error:
                    if not play.done:
                        raise
                    step = error.step if isinstance(error, TransformError) and error.step else play.step
                    raise PublisherError(error.message, cure=error.cure, step=step, done=tuple(play.done)) from error
                page = decision.page
                if decision.limit is not None:
                    logger.warning(log.PAGING_STOPPED, where=plan.where, limit=decision.limit, pages=number)
                if page is None or not plan.is_stateful:
                    await leases.aclose()
                    session = None
                yield Page(number, answer, records, is_last=page is None and decision.limit is None)

    def hear(self, value: Any) -> None:
        """Take in an answer that an earlier process got to the call that counts."""
        if self._plan.final.is_composite:
            self._composer.hear(self._plan.final, value)

    async def look(
        self, record: Record, departure: Departure, *, observe: Callable[[Exchange], None] | None = None
    ) -> Answer | None:
        """Ask the remote system, in a session of its own, what became of a call whose answer nobody saw.

        Args:
            record: The one that was on its way; its payload is shaped anew.
            departure: The request that left last.
            observe: Called with every exchange.

        Returns:
            `ok` with the value that the call would have had; `rejected` where nothing is there now, although all that
            came after the known id was looked at; `unknown` where it cannot be told. That nothing is there proves
            nothing as long as the remote system may still be working on it. None where nobody can be asked: the call
            that counts is no composite with a probe, it was not the one that left, or its payload speaks of answers
            that are gone.

        Raises:
            CallError: A question was not answered.
            TransformError: The payload cannot be shaped any more.
            PayloadError: The payload does not fit its entity.
            UnknownEntityError: The dialect that was found out lacks the entity.
        """
        plan, final = self._plan, self._plan.final
        if not self.can_look or departure.step != final.name:
            return None
        play = _Play(record, before_commit=None)
        async with self._client.lease(is_stateful=plan.is_stateful, observe=observe) as session:
            await self._learn_dialect(session, play)
            payloads = final.payloads(record, {}, dialect=play.dialect)
            if len(payloads) != 1:
                return None
            offer = CatalogOffer(plan.target.catalog, play.dialect)
            return await self._composer.look(final, payloads[0], offer, session=session, evidence=departure.evidence)

    async def _answer(self, session: Session, play: _Play, page: PageInput, number: int) -> Answer | None:
        """Return a success, playing the whole plan again when the session was lost; None where it was left out."""
        play.may_renew = True
        while True:
            try:
                return await self._play(session, play, page, number)
            except _LostSessionError as lost:
                refused = await session.renew()
                if refused is not None:
                    raise self._error(lost.call, play, refused) from None
                logger.info(log.SESSION_RENEWED, client=self._client.name, where=self._plan.where)
                play.position, play.may_renew = 0, False
                play.answers.clear()

    async def _play(self, session: Session, play: _Play, page: PageInput, number: int) -> Answer | None:
        """Send what is left of the plan; a step of `before` once for each of its payloads."""
        await self._learn_dialect(session, play)
        for step in self._plan.before[play.position :]:
            play.step = step.name
            for payload in step.payloads(play.record, play.answers, dialect=play.dialect, state=play.state):
                answer = await self._carry(session, play, step, payload, PageInput())
                play.answers[step.name] = answer.value
            play.position += 1
        final = self._plan.final
        play.step = final.name
        payloads = final.payloads(play.record, play.answers, number, dialect=play.dialect, state=play.state)
        if not payloads:
            return None
        if len(payloads) > 1:
            raise TransformError(
                f"the steps gave {len(payloads)} payloads, one call takes one",
                step=f"{self._plan.where}.transform",
                cure="split the records on the route instead",
            )
        return await self._carry(session, play, final, payloads[0], page)

    async def _learn_dialect(self, session: Session, play: _Play) -> None:
        """Find out what is spoken, and see that it has the entity of every step before the first one is sent.

        Raises:
            CallError: It could not be found out.
            UnknownEntityError: It lacks an entity.
        """
        found = await session.find_dialect()
        if isinstance(found, Answer):
            first = self._plan.steps[0]
            raise self._error(_Call(first.name, first.operation), play, found)
        for step in self._plan.steps:
            if step.entity is not None:
                step.entity.variant(found)
        play.dialect = found

    async def _carry(
        self, session: Session, play: _Play, step: PlannedStep, payload: Record, page: PageInput
    ) -> Answer:
        """Carry one step out: a call, or the calls of a composite."""
        if not step.is_composite:
            is_final = step is self._plan.final
            stops = not is_final and self._plan.commits_after(step)
            call = _Call(step.name, step.operation_in(play.dialect), stops_on_errors=stops)
            return await self._send(session, play, call, payload, page)
        offer = CatalogOffer(self._plan.target.catalog, play.dialect)

        async def send(ask: Ask) -> Answer:
            operation, fields = offer.prepare(ask)
            call = _Call(f"{step.name}: {ask.entity}", operation, accepts_refusal=ask.is_refusal_an_answer)
            return await self._send(session, play, call, fields, PageInput())

        return await self._composer.play(step, payload, offer, session=session, send=send)

    async def _send(self, session: Session, play: _Play, call: _Call, payload: Record, page: PageInput) -> Answer:
        """Send one call and return its success.

        Raises:
            _LostSessionError: The session is lost and the plan may start again.
            CallError: Any other answer that is no success.
        """
        commits = call.operation.effect.commits
        may_replay = play.may_renew and not commits and not play.has_sent_commit

        async def depart() -> None:
            if play.before_commit is not None:
                await play.before_commit(Departure(play.step, call.operation.entity, dict(self._client.memory)))
            play.has_sent_commit = True

        answer = await session.send(call.operation, payload, page, depart=depart if commits else None)
        for notice in answer.notices:
            self._note(call, notice)
        if answer.verdict is Verdict.LOST_SESSION and may_replay:
            raise _LostSessionError(call)
        if call.accepts_refusal and answer.verdict is Verdict.REJECTED:
            return answer
        if not answer.verdict.is_success:
            raise self._error(call, play, answer)
        if commits:
            play.done.append(call.name)
        if answer.errors and call.stops_on_errors:
            cure = "mend what the remote system objects to; nothing was committed after it"
            raise self._error(call, play, replace(answer, verdict=Verdict.REJECTED, cure=cure))
        return answer

    def _error(self, call: _Call, play: _Play, answer: Answer) -> CallError:
        operation = call.operation
        return CallError(operation.entity, call.name, operation.effect, answer, done=tuple(play.done))

    def _records(self, answer: Answer) -> tuple[list[Any], list[Record]]:
        """Return what a page has before a filter in the path (`$.orders[?(@.paid)]`), and its records.

        A page that a filter empties is no end of the pages.

        Raises:
            SubscriberError: The beginning of the path is not in the answer, or a match is no JSON object.
        """
        value, selector = answer.value, self._plan.records
        if not self._plan.reads_records or value in (None, [], {}):
            return [], []
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
        whole = selector.find_base(value) if selector is not None and selector.is_filtered else None
        return whole if isinstance(whole, list) else found, found

    def _take(self, answer: Answer, records: list[Record], count: int) -> list[Record]:
        """Return the records among the first so many of a page; a filter chooses among those alone."""
        selector = self._plan.records
        if selector is None or not selector.is_filtered or not isinstance(selector.find_base(answer.value), list):
            return records[:count]
        depth = len(selector.base)
        spots = selector.locate(answer.value)
        return [record for record, spot in zip(records, spots, strict=True) if int(spot[depth]) < count]

    def _note(self, call: _Call, notice: str) -> None:
        """Report each different warning of the remote system once a run, not once a record."""
        if notice not in self._noticed and len(self._noticed) < _MOST_NOTICES:
            self._noticed.add(notice)
            logger.warning(
                log.NOTICE,
                client=self._client.name,
                entity=call.operation.entity,
                notice=notice,
                cure="switch off the display of errors in the shop's settings",
            )
