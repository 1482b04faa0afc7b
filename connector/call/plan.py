"""A call made ready: everything that can be looked up, compiled or refused before a record comes is done here.

`compile_call` takes what a user wrote and returns a frozen plan, or adds faults with positions. It opens nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connector.call.paging import Paging, compile_paging
from connector.catalog.entity import unlisted_operation
from connector.catalog.payload import check_anywhere, check_payload
from connector.errors import CatalogError, Fault, PayloadError
from connector.frozen import dataclass
from connector.request import Effect, Repeat
from connector.transform.path import compile_path
from connector.transform.template import CONTEXT_NAMES, TEMPLATED, compile_mapping, limit_members
from connector.transform.transformer import compile_transform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.call.options import CallOptions, TargetOptions
    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Entity, Variant
    from connector.catalog.payload import Problem
    from connector.config.place import Place
    from connector.record import Record
    from connector.request import Operation
    from connector.transform.path import Selector
    from connector.transform.template import Templates, Value
    from connector.transform.transformer import Transformer


_SOURCE: Final = "source"
"""What steps on a payload call the record on its way, since `record` is the payload under shaping."""

_ANSWERS: Final = "steps"
"""What templates call the answers of earlier steps."""

_STATE: Final = "state"
"""What templates call how far an incoming has read."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a call can be made to, known without opening anything.

    Attributes:
        client: Name of the client.
        catalog: What its remote system offers; an empty one where only routes can be named.
        dialect: Which generation it speaks, as the catalog names it, or `auto` where that is found out when it is used.
        has_sessions: Whether the remote system remembers anything from one call to the next.
    """

    client: str
    catalog: Catalog
    dialect: str
    has_sessions: bool = True


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One call of a plan.

    Attributes:
        name: Under which its answer is found by later steps.
        operation: What to call; where the dialect is found out later, as the first that has the entity has it.
        entity: Its row in the catalog, or None for an unlisted route.
        variants: The entity in every dialect that the client may turn out to speak; empty for an unlisted route.
        value: The payload's template; None where the payload starts as the record itself.
        transformer: Shapes the payload; None where there is nothing to do.
        uses_answers: Whether a template of the payload or of its steps speaks of earlier answers.
        uses_state: Whether one speaks of how far an incoming has read.
    """

    name: str
    operation: Operation
    entity: Entity | None
    variants: tuple[Variant, ...]
    value: Value | None
    transformer: Transformer | None
    uses_answers: bool = False
    uses_state: bool = False

    @property
    def is_composite(self) -> bool:
        """Whether it stands for several calls, asked for one after another."""
        return self.entity is not None and self.entity.is_composite

    def operation_in(self, dialect: str) -> Operation:
        """Return what to call in the dialect that the client speaks.

        Raises:
            UnknownEntityError: The dialect does not have the entity; the cure names what does the same.
        """
        return self.operation if self.entity is None else self.entity.operation(dialect)

    def payloads(
        self,
        record: Record | None,
        steps: Mapping[str, Any],
        page_number: int = 1,
        *,
        dialect: str | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> list[Record]:
        """Return the payloads of this step for one record: none where a filter left it out, several after a split.

        Args:
            record: The record on its way, or None in a subscriber.
            steps: Decoded answers of earlier steps, by name.
            page_number: From 1.
            dialect: The one that is spoken, for names and checks; None where it is not known, as in a preview: the
                names are the catalog's then.
            state: How far an incoming has read, for a subscriber that has a state; else None.

        Raises:
            TransformError: A template or step failed.
            PayloadError: A payload does not fit the entity.
            UnknownEntityError: The dialect does not have the entity.
        """
        context = {"record": record or {}, "steps": steps, "page": {"number": page_number}}
        if state is not None:
            context[_STATE] = state
        payload = dict(record or {}) if self.value is None else self.value.render(context)
        shaped = (
            [payload] if self.transformer is None else self.transformer.apply(payload, {**context, _SOURCE: record})
        )
        if self.entity is None:
            return shaped
        if dialect is None:
            for each in shaped:
                _require_fit(self.entity.id, check_anywhere(self.variants, each))
            return shaped
        variant = self.entity.variant(dialect)
        return [fit_payload(variant, each) for each in shaped]


def fit_payload(variant: Variant, payload: Mapping[str, Any]) -> Record:
    """Return a payload under the names of a dialect.

    Raises:
        PayloadError: It does not fit the entity.
    """
    _require_fit(variant.entity, check_payload(variant, payload))
    return dict(variant.rename(payload))


def _require_fit(entity: str, problems: list[Problem]) -> None:
    if problems:
        raise PayloadError(entity, map(str, problems))


@dataclass(frozen=True, slots=True)
class CallPlan:
    """A whole call: the steps ahead of it, the call itself, its pages and its records.

    Attributes:
        where: Its place in the configuration, for messages.
        target: What it is made to.
        before: Steps in the same session, in order.
        final: The call whose answer counts.
        paging: How to ask for further pages.
        records: Where the records stand in an answer; None for the whole answer.
        reads_records: Whether the records of an answer matter: they are what a subscriber is for, while a publisher
            looks for them to find the end of its pages alone. An answer that has none is no failure of a publish.
    """

    where: str
    target: Target
    before: tuple[PlannedStep, ...]
    final: PlannedStep
    paging: Paging
    records: Selector | None
    reads_records: bool

    @property
    def steps(self) -> tuple[PlannedStep, ...]:
        """All steps in the order of sending."""
        return (*self.before, self.final)

    def commits_after(self, step: PlannedStep) -> bool:
        """Whether a later step has the effect `commit`."""
        later = self.steps[self.steps.index(step) + 1 :]
        return any(other.operation.effect.commits for other in later)

    @property
    def is_stateful(self) -> bool:
        """Whether any step uses or changes what the session holds."""
        return self.target.has_sessions and any(step.operation.is_stateful for step in self.steps)

    @property
    def commits(self) -> bool:
        """Whether any step changes business data."""
        return any(step.operation.effect.commits for step in self.steps)

    @property
    def doubles(self) -> bool:
        """Whether carrying it out twice makes a second business object."""
        return any(step.operation.effect.commits and step.operation.repeat is Repeat.DUPLICATES for step in self.steps)

    @property
    def uses_state(self) -> bool:
        """Whether a template speaks of how far an incoming has read."""
        return any(step.uses_state for step in self.steps)


def compile_call(
    options: CallOptions,
    place: Place,
    *,
    target: Target,
    templates: Templates,
    is_publisher: bool,
    warnings: list[Fault],
    state: Iterable[str] | None = None,
) -> CallPlan | None:
    """Make a call ready.

    Args:
        options: What the user wrote, checked for form.
        place: Where it stands; every fault found is added there.
        target: The client that `options.client` names.
        templates: Compiles templates.
        is_publisher: Whether records are sent (the payload starts as the record) or asked for.
        warnings: Takes what is no fault and most likely not meant.
        state: What templates find under `state`; None where there is none.

    Returns:
        The plan, or None after adding at least one fault.
    """
    before: list[PlannedStep] = []
    known = CONTEXT_NAMES if state is None else CONTEXT_NAMES | {_STATE} | limit_members(_STATE, state)
    names: Counter[str] = Counter()
    taken: set[str] = set()
    for index, step_options in enumerate(options.before):
        spot = place.child("before", index)
        earlier = taken if len(before) == index else None
        step = _compile_step(
            step_options, spot, target, templates, known, earlier, is_publisher=is_publisher, is_final=False
        )
        if step is None:
            continue
        name = step_options.name or _default_name(step.name, names)
        if name in taken:
            spot.child("name").fault(f"two steps are called {name!r}; a step's name is used once")
        taken.add(name)
        before.append(replace(step, name=name))
    earlier = taken if len(before) == len(options.before) else None
    final = _compile_step(options, place, target, templates, known, earlier, is_publisher=is_publisher, is_final=True)
    paging = compile_paging(options.pagination, place.child("pagination"))
    path = options.records
    if path is None and final is not None and final.variants:
        path = final.variants[0].records
    records = compile_path(path, place.child("records")) if path is not None else None
    if final is None or paging is None or len(before) != len(options.before) or (path is not None and records is None):
        return None
    plan = CallPlan(
        where=place.where,
        target=target,
        before=tuple(before),
        final=final,
        paging=paging,
        records=records,
        reads_records=not is_publisher or paging.is_paged,
    )
    _warn(plan, place, warnings)
    return plan


def _compile_step(
    options: TargetOptions,
    place: Place,
    target: Target,
    templates: Templates,
    known: frozenset[str],
    earlier: Iterable[str] | None,
    *,
    is_publisher: bool,
    is_final: bool,
) -> PlannedStep | None:
    """Make one step ready, or add faults and return None.

    Args:
        options: What the user wrote.
        place: Where.
        target: What it is made to.
        templates: Compiles templates.
        known: What templates may speak of, in a payload.
        earlier: Names of the steps before it; None where one of them has faults, and so no name.
        is_publisher: As `compile_call`.
        is_final: Whether it is the call itself.
    """
    found = _find_operation(options, place, target, Effect.COMMIT if is_publisher else Effect.READ)
    operation, entity, variants = found or (None, None, ())
    names = known if earlier is None else known | limit_members(_ANSWERS, earlier)
    takes_record = options.data is None and (
        bool(options.transform) or (is_publisher and is_final and (not variants or bool(variants[0].fields)))
    )
    count = len(place.faults)
    value = None
    if not takes_record:
        value = compile_mapping(options.data or {}, place.child("data"), templates, names=names)
    transformer = None
    if options.transform:
        transformer = compile_transform(place.child("transform"), templates, names=names | {_SOURCE})
    if operation is None or len(place.faults) > count:
        return None
    if value is not None and transformer is None and variants:
        written = value.literal_or(TEMPLATED)
        for problem in check_anywhere(variants, written, is_templated=lambda leaf: leaf is TEMPLATED):
            problem.report(place.child("data"))
    return PlannedStep(
        name=operation.entity.replace(".", "_").replace("/", "_"),
        operation=operation,
        entity=entity,
        variants=variants,
        value=value,
        transformer=transformer,
        uses_answers=_uses(_ANSWERS, value, options.transform),
        uses_state=_uses(_STATE, value, options.transform),
    )


def _uses(name: str, value: Value | None, steps: Any) -> bool:
    """Whether a payload, or the steps on it, speak of a name; a preview has no earlier answers."""
    return (value is not None and name in value.names) or _mentions(name, steps)


def _mentions(name: str, steps: Any) -> bool:
    match steps:
        case dict():
            return any(_mentions(name, child) for child in steps.values())
        case list():
            return any(_mentions(name, child) for child in steps)
        case str():
            return "{" in steps and re.search(rf"\b{name}\b", steps) is not None
        case _:
            return False


def _find_operation(
    options: TargetOptions, place: Place, target: Target, unlisted_effect: Effect
) -> tuple[Operation, Entity | None, tuple[Variant, ...]] | None:
    if options.route is not None:
        effect = Effect(options.effect) if options.effect else unlisted_effect
        return unlisted_operation(options.route, effect), None, ()
    assert options.entity is not None
    try:
        entity = target.catalog.find(options.entity)
        variants = entity.offered(target.catalog.resolve(target.dialect))
        return entity.operation(variants[0].dialect), entity, variants
    except CatalogError as error:
        place.child("entity").fault(error.message, error.cure)
        return None


def _warn(plan: CallPlan, place: Place, warnings: list[Fault]) -> None:
    """Take note of what is known to disappoint: steps that lack what they build on, pages where there is one."""
    earlier: list[str] = []
    for number, step in enumerate(plan.steps):
        spot = place.child("before", number, "entity") if number < len(plan.before) else place.child("entity")
        for need in step.variants[0].unmet(earlier) if step.variants else ():
            wanted = " or ".join(need.any_of)
            _add(warnings, spot, f"{step.operation.entity} builds on {wanted}, and no step before it is one")
        earlier.append(step.operation.entity)
    if plan.paging.is_paged and plan.final.operation.is_paged is False:
        message = f"{plan.final.operation.entity} answers with everything at once, further pages would repeat it"
        _add(warnings, place.child("pagination"), message, "write pagination: none")


def _add(warnings: list[Fault], place: Place, message: str, hint: str | None = None) -> None:
    warnings.append(Fault(place.file, place.line, place.column, place.where, message, hint))


def _default_name(name: str, names: Counter[str]) -> str:
    names[name] += 1
    return name if names[name] == 1 else f"{name}_{names[name]}"
