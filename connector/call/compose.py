"""A composite entity carried out: its calls one after another, and a look at the shop when an answer was lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connector import log
from connector.call.plan import fit_payload
from connector.composite.composites import COMPOSITES
from connector.composite.outline import outline
from connector.errors import CallError, ConnectorError, PayloadError, UnknownEntityError
from connector.frozen import dataclass
from connector.request import Answer, PageInput, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from connector.call.plan import PlannedStep
    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Variant
    from connector.composite.flow import Ask, Composite, Flow
    from connector.composite.outline import Outlined
    from connector.interfaces import Client, Session
    from connector.record import Record
    from connector.request import Operation

WAITS_S: Final = (2.0, 8.0, 20.0)
"""Waits before each look for a commit that got no answer of the shop's own, seconds: it may still be working on it."""

_RETRIES_S: Final = (0.0, 2.0, 8.0)
"""Waits before each look where the shop is through with the commit: one look will do, unless it fails."""

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class CatalogOffer:
    """What one dialect has, read from its catalog. Implements `connector.composite.flow.Offer`."""

    catalog: Catalog
    dialect: str

    def has(self, entity: str) -> bool:
        """Whether the dialect has this entity."""
        try:
            return self.dialect in self.catalog.find(entity).variants
        except UnknownEntityError:
            return False

    def takes(self, entity: str, field: str) -> bool:
        """Whether the dialect's entity takes this field."""
        return self.has(entity) and any(one.name == field for one in self._fields(entity))

    def requires(self, entity: str, field: str) -> bool:
        """Whether the dialect's entity cannot do without this field."""
        return self.has(entity) and any(one.name == field and one.is_required for one in self._fields(entity))

    def prepare(self, ask: Ask) -> tuple[Operation, Record]:
        """Return what to call for an ask, and its payload under the dialect's names.

        Raises:
            PayloadError: The payload does not fit the entity.
            UnknownEntityError: The dialect does not have the entity.
        """
        entity = self.catalog.find(ask.entity)
        given = {name: value for name, value in ask.payload.items() if value is not None}
        variant = entity.variant(self.dialect)
        fields = dict(variant.rename(given)) if ask.takes_back else fit_payload(variant, given)
        return entity.operation(self.dialect), fields

    def _fields(self, entity: str) -> Any:
        return self.catalog.find(entity).variant(self.dialect).fields


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One call that a composite would make.

    Attributes:
        entity: Catalog id.
        payload: In the catalog's names; None where it is made of what the shop answers.
        reason: Why there is no payload, else empty.
        note: When the call is made, where that is not always, and whether it is a request of its own; may be empty.
    """

    entity: str
    payload: Record | None
    reason: str
    note: str


def foresee(
    step: PlannedStep, payload: Mapping[str, Any], catalog: Catalog
) -> tuple[tuple[str, ...], tuple[Foreseen, ...]]:
    """Return the calls that a composite stands for, without asking the remote system anything.

    Args:
        step: The composite's step.
        payload: Its payload, in the catalog's names.
        catalog: Where its calls are found.

    Returns:
        Generations that the client may turn out to speak, and their calls in order: the first that takes the payload,
        and those that make the very same calls.

    Raises:
        CallError: No generation takes it, whatever the shop says.
        PayloadError: It, or a call of it, does not fit any generation.
    """
    found: dict[str, tuple[Foreseen, ...]] = {}
    refusal: ConnectorError | None = None
    for variant in step.variants:
        try:
            found[variant.dialect] = _foresee_in(variant, step, payload, catalog)
        except (CallError, PayloadError) as error:
            refusal = refusal or error
    if not found:
        assert refusal is not None, "a composite is an entity, which some generation has"
        raise refusal
    first = next(iter(found.values()))
    return tuple(dialect for dialect, calls in found.items() if calls == first), first


def _foresee_in(
    variant: Variant, step: PlannedStep, payload: Mapping[str, Any], catalog: Catalog
) -> tuple[Foreseen, ...]:
    offer = CatalogOffer(catalog, variant.dialect)
    calls, answer = outline(COMPOSITES[variant.entity], fit_payload(variant, payload), offer)
    if not answer.verdict.is_success:
        raise CallError(variant.entity, step.name, step.operation.effect, answer)
    return tuple(_foresee_call(call, offer) for call in calls)


def _foresee_call(call: Outlined, offer: CatalogOffer) -> Foreseen:
    ask = call.ask
    if not call.is_known:
        return Foreseen(ask.entity, None, call.reason, call.note)
    operation, _ = offer.prepare(ask)
    note = "kept on this side, and sent with every call after it" if operation.is_local else call.note
    return Foreseen(ask.entity, {name: value for name, value in ask.payload.items() if value is not None}, "", note)


class Composer:
    """Carries composites out for one client."""

    def __init__(self, client: Client, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._client = client
        self._sleep = sleep

    async def play(
        self,
        step: PlannedStep,
        payload: Mapping[str, Any],
        offer: CatalogOffer,
        *,
        session: Session,
        send: Callable[[Ask], Awaitable[Answer]],
    ) -> Answer:
        """Return the answer of the whole.

        Args:
            step: The composite's step.
            payload: Its payload, in the catalog's names.
            offer: What the dialect has.
            session: Where an order is looked for after a lost answer.
            send: Sends one call and returns its success; raises what ends the plan, or starts it again.

        Raises:
            CallError: One of its calls was no success, or the composite itself refuses.
            PayloadError: A call's payload does not fit its entity.
        """
        composite = COMPOSITES[step.operation.entity]
        known_id = self._client.memory.get(composite.id_key)  # read now: later ids prove nothing about this commit
        if known_id is None:
            known_id = await self._confirm(composite, offer, send)

        async def send_on(ask: Ask) -> Answer:
            try:
                return await send(ask)
            except CallError as error:
                if not ask.may_fail:
                    raise
                return error.answer

        try:
            answer = await _drive(composite.play(payload, offer), send_on)
        except CallError as error:
            if not error.is_unknown:
                raise
            probe = composite.probe(payload, offer, known_id=known_id)
            if probe is None:
                raise
            probe.close()
            answer = await self._settle(
                error, lambda: composite.probe(payload, offer, known_id=known_id), offer, session
            )
        if not answer.verdict.is_success:
            raise CallError(step.operation.entity, step.name, step.operation.effect, answer)
        self._remember(composite.id_key, answer.value)
        return answer

    def hear(self, step: PlannedStep, value: Any) -> None:
        """Take in an answer that an earlier process got to the same step.

        Args:
            step: The composite's step.
            value: Of the answer; one without an id tells nothing.
        """
        key = COMPOSITES[step.operation.entity].id_key
        heard_id = _read_id(value, key)
        if heard_id is not None:
            self._client.hearsay[key] = max(heard_id, self._client.hearsay.get(key, 0))

    async def _confirm(
        self, composite: Composite, offer: CatalogOffer, send: Callable[[Ask], Awaitable[Answer]]
    ) -> int | None:
        """Return an id that an earlier process knew, where the remote system is seen to have it.

        What is made from now on has a higher one then, as after an id of this process's own. One that it has not, since
        another shop has taken its place or a backup was restored, tells nothing and is forgotten.
        """
        hearsay, key = self._client.hearsay, composite.id_key
        heard_id = hearsay.pop(key, None)
        flow = None if heard_id is None else composite.show(heard_id, offer)
        if heard_id is None or flow is None:
            return None
        try:
            answer = await _drive(flow, send)
        except BaseException as error:
            hearsay.setdefault(key, heard_id)
            if isinstance(error, CallError):
                return None  # the order itself will tell what is wrong
            raise
        if not answer.verdict.is_success:
            return None
        self._remember(key, answer.value)
        return heard_id

    async def look(
        self,
        step: PlannedStep,
        payload: Mapping[str, Any],
        offer: CatalogOffer,
        *,
        session: Session,
        evidence: Mapping[str, int],
    ) -> Answer | None:
        """Return what one look at the remote system says of a composite that was sent some time ago.

        Args:
            step: The composite's step.
            payload: What it was given, in the catalog's names.
            offer: What the dialect has.
            session: Where to ask.
            evidence: The highest ids that were known before it was sent, by kind.

        Returns:
            The answer of the composite's probe; None where the generation cannot be asked.

        Raises:
            CallError: A question was not answered.
            PayloadError: The payload cannot be read.
        """
        composite = COMPOSITES[step.operation.entity]
        flow = composite.probe(payload, offer, known_id=evidence.get(composite.id_key))
        if flow is None:
            return None
        answer = await _drive(flow, _asker(offer, session))
        if answer.verdict.is_success:
            self._remember(composite.id_key, answer.value)
        return answer

    async def _settle(
        self, error: CallError, make_probe: Callable[[], Flow | None], offer: CatalogOffer, session: Session
    ) -> Answer:
        """Return what became of a commit that nobody saw.

        A commit that the shop itself answered is over, however little the answer said, and what is not there then was
        not carried out. Without an answer of the shop's own (none at all, or that of a server in front) it may still be
        worked on, however long that takes: it can be found, and its absence proves nothing.

        Raises:
            CallError: It was certainly not carried out, or it cannot be told.
        """
        look = _asker(offer, session)
        found: Answer | None = None
        is_over = error.answer.is_over
        for wait_s in _RETRIES_S if is_over else WAITS_S:
            await self._sleep(wait_s)
            flow = make_probe()
            assert flow is not None, "the generation could be asked a moment ago"
            try:
                found = await _drive(flow, look)
            except ConnectorError as trouble:  # no absence is proven by it; the next look may do better
                found = Answer(Verdict.UNKNOWN, reason=f"looking for it failed: {trouble.message}")
                continue
            if is_over or found.verdict is not Verdict.REJECTED:
                break
        assert found is not None
        logger.warning(
            log.SETTLED, client=self._client.name, entity=error.entity, outcome=found.verdict.value, reason=found.reason
        )
        if found.verdict.is_success:
            return found
        reason = f"{error.answer.reason}; {found.reason}"
        if found.verdict is Verdict.REJECTED and not is_over:
            reason = f"{error.answer.reason}; it was not there {sum(WAITS_S):g} s later, and may still come"
            answer = replace(error.answer, reason=reason)
        elif found.verdict is Verdict.REJECTED:
            answer = replace(error.answer, verdict=Verdict.FAULT, reason=reason, cure=found.cure, is_undone=True)
        else:
            answer = replace(error.answer, reason=reason)
        raise CallError(error.entity, error.step, error.effect, answer, done=error.done) from error

    def _remember(self, key: str, value: Any) -> None:
        found = _read_id(value, key)
        if found is not None:
            self._client.memory[key] = max(found, self._client.memory.get(key, 0))


def _read_id(value: Any, key: str) -> int | None:
    found = value.get(key) if isinstance(value, dict) else None
    return int(found) if isinstance(found, int | str) and str(found).isdigit() else None


def _asker(offer: CatalogOffer, session: Session) -> Callable[[Ask], Awaitable[Answer]]:
    """Return what sends the questions of a probe: a session that was lost meanwhile is renewed."""

    async def look(ask: Ask) -> Answer:
        operation, fields = offer.prepare(ask)
        answer = await session.send(operation, fields, PageInput())
        if answer.verdict is Verdict.LOST_SESSION and await session.renew() is None:
            answer = await session.send(operation, fields, PageInput())
        if answer.verdict.is_success or (answer.verdict is Verdict.REJECTED and ask.is_refusal_an_answer):
            return answer
        raise CallError(ask.entity, ask.entity, operation.effect, answer)

    return look


async def _drive(flow: Flow, send: Callable[[Ask], Awaitable[Answer]]) -> Answer:
    """Send what a flow asks for until it is done, and return its answer."""
    try:
        ask = next(flow)
        while True:
            ask = flow.send(await send(ask))
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    finally:
        flow.close()
