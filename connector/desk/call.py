"""One call to a client, tried by a person: what would be sent, what came of it, and how it is told as JSON."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from connector.app.call import compile_typed_call
from connector.call.run import CallRun
from connector.client.client import show_exchange
from connector.errors import CallError, ConnectorError, PublisherError, UnconfirmedError
from connector.frozen import dataclass
from connector.publisher.publisher import preview_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.app.project import Project
    from connector.app.runtime import Runtime
    from connector.call.plan import CallPlan
    from connector.errors import Fault
    from connector.publisher.publisher import Preview
    from connector.redaction import Redactor
    from connector.request import Answer, Exchange


@dataclass(frozen=True, slots=True)
class Planned:
    """A call made ready.

    Attributes:
        plan: What would be carried out.
        effects: What its steps change, each once, in order: `read`, `session`, `commit`, `commit+notify`.
        warnings: What is no fault and most likely not meant.
    """

    plan: CallPlan
    effects: tuple[str, ...]
    warnings: tuple[Fault, ...] = ()

    @property
    def needs_confirmation(self) -> bool:
        """Whether it changes anything, so that a person has to say a second time that it is meant."""
        return any(effect != "read" for effect in self.effects)

    def preview(self) -> tuple[Preview, ...]:
        """Return what would be sent, without sending it.

        Raises:
            ConnectorError: A payload cannot be made.
        """
        return tuple(preview_call(self.plan, {}))


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call.

    Attributes:
        entity: What was called.
        answer: The answer; None where nothing could be sent.
        failure: Why it is not a success, or None.
        error: Why nothing could be sent, though steps before it may have been; else None.
        exchanges: What was said, in order.
    """

    entity: str
    answer: Answer | None
    failure: CallError | None = None
    error: ConnectorError | None = None
    exchanges: tuple[Exchange, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether the call did what was asked."""
        return self.answer is not None and self.failure is None


def plan_call(
    project: Project,
    client: str,
    entity: str,
    payload: Mapping[str, Any],
    *,
    before: Iterable[tuple[str, Mapping[str, Any]]] = (),
    effect: str | None = None,
) -> Planned:
    """Return a call made ready, checked as one of a configuration is.

    Args:
        project: Has the client.
        client: Its name.
        entity: Id or title of an entity, or a route.
        payload: Its fields; texts may be templates that speak of `steps`.
        before: Entity and payload of the steps ahead of it, in the same session.
        effect: With a route: what it counts as.

    Raises:
        UnknownNameError: There is no such client.
        ConfigError: An entity is unknown, a field does not fit, or a template cannot be read.
    """
    warnings: list[Fault] = []
    plan = compile_typed_call(project, client, entity, payload, before=before, effect=effect, warnings=warnings)
    return Planned(plan, tuple(dict.fromkeys(step.operation.effect.value for step in plan.steps)), tuple(warnings))


async def carry_out(runtime: Runtime, plan: CallPlan) -> Called:
    """Make a call, and return what came of it, whatever that is.

    Args:
        runtime: The configuration, opened.
        plan: What to call.
    """
    exchanges: list[Exchange] = []
    entity = plan.final.operation.entity
    try:
        run = CallRun(plan, runtime.client(plan.target.client))
        async with aclosing(run.pages({}, observe=exchanges.append)) as pages:
            answer = (await anext(pages)).answer
    except CallError as error:
        return Called(error.entity or entity, error.answer, failure=error, exchanges=tuple(exchanges))
    except ConnectorError as error:
        return Called(entity, None, error=error, exchanges=tuple(exchanges))
    return Called(entity, answer, exchanges=tuple(exchanges))


async def try_call(runtime: Runtime, planned: Planned, *, is_confirmed: bool = False) -> Called:
    """Make a call that a person tries: one that only reads at once, any other when it is confirmed.

    Args:
        runtime: The configuration, opened.
        planned: What to call.
        is_confirmed: Whether a person said, knowing what it changes, that it is meant.

    Raises:
        UnconfirmedError: It changes something, and was not confirmed.
    """
    if planned.needs_confirmation and not is_confirmed:
        changing = [effect for effect in planned.effects if effect != "read"]
        raise UnconfirmedError(
            f"the call changes something ({', '.join(changing)}), and was not confirmed",
            cure='say a second time that it is meant; in the API, with "confirm": true',
        )
    return await carry_out(runtime, planned.plan)


def describe_call(called: Called, redactor: Redactor) -> dict[str, Any]:
    """Return what came of a call as JSON: verdict, data, errors, exchange, and what else there is to say.

    Args:
        called: What came of it.
        redactor: Masks secrets and personal values in the exchanges.
    """
    shown = [show_exchange(exchange, redactor) for exchange in called.exchanges]
    mask = redactor.mask_text
    answer, failure, error = called.answer, called.failure, called.error
    if answer is None:
        result: dict[str, Any] = {"verdict": None, "data": None, "errors": [], "exchange": None}
        if error is not None:
            result |= {"reason": mask(error.message), "cure": None if error.cure is None else mask(error.cure)}
        if isinstance(error, PublisherError):
            result["already_carried_out"] = list(error.done)
        return result | ({"exchanges_before": shown} if shown else {})
    result = {
        "verdict": answer.verdict.value,
        "data": answer.value,
        "errors": [{"field": each.field, "message": each.message} for each in answer.errors],
        "exchange": shown[-1] if shown else None,
    }
    if failure is not None:
        result["step"] = failure.step
        result["reason"] = mask(answer.reason)
        result["cure"] = None if answer.cure is None else mask(answer.cure)
        if failure.done:
            result["already_carried_out"] = list(failure.done)
    if answer.notices:
        result["notices"] = list(answer.notices)
    if len(shown) > 1:
        result["exchanges_before"] = shown[:-1]
    return result
