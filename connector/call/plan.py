"""A call made ready: everything that can be looked up, compiled or refused before a record comes is done here.

`compile_call` takes what a user wrote and returns a frozen plan, or adds faults with positions. It opens nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connector.call.paging import Paging, compile_paging
from connector.catalog.catalog import unlisted_operation
from connector.catalog.payload import check_payload
from connector.errors import PayloadError, UnknownEntityError
from connector.request import Effect
from connector.transform.path import compile_path
from connector.transform.template import TEMPLATED, compile_value
from connector.transform.transformer import compile_transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.call.options import CallOptions, TargetOptions
    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Entity
    from connector.config.place import Place
    from connector.record import Record
    from connector.request import Operation
    from connector.transform.path import Selector
    from connector.transform.template import Templates, Value
    from connector.transform.transformer import Transformer

LOGIN_ENTITY: Final = "session.login"


@dataclass(frozen=True, slots=True)
class Target:
    """What a call can be made to, known without opening anything.

    Attributes:
        client: Name of the client.
        catalog: What its remote system offers; None where only routes can be named.
        dialect: Which generation it speaks, as the catalog names it.
    """

    client: str
    catalog: Catalog | None
    dialect: str


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One call of a plan.

    Attributes:
        name: Under which its answer is found by later steps.
        operation: What to call.
        entity: Its row in the catalog, or None for an unlisted route.
        dialect: For the check of payloads.
        value: The payload's template; None where the payload starts as the record itself.
        transformer: Shapes the payload; None where there is nothing to do.
    """

    name: str
    operation: Operation
    entity: Entity | None
    dialect: str
    value: Value | None
    transformer: Transformer | None

    def payloads(self, record: Record | None, context: Mapping[str, Any]) -> list[Record]:
        """Return the payloads of this step for one record: none where a filter left it out, several after a split.

        Args:
            record: The record on its way, or None in a subscriber.
            context: What templates see: `record`, `steps`, `page`.

        Raises:
            TransformError: A template or step failed.
            PayloadError: A payload does not fit the entity.
        """
        payload = dict(record or {}) if self.value is None else self.value.render(context)
        shaped = [payload] if self.transformer is None else self.transformer.apply(payload, context)
        if self.entity is not None:
            for each in shaped:
                problems = check_payload(self.entity, self.dialect, each)
                if problems:
                    raise PayloadError(self.entity.id, problems)
        return shaped


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
        records_path: The same, as written; None likewise.
    """

    where: str
    target: Target
    before: tuple[PlannedStep, ...]
    final: PlannedStep
    paging: Paging
    records: Selector | None
    records_path: str | None

    @property
    def steps(self) -> tuple[PlannedStep, ...]:
        """All steps in the order of sending."""
        return (*self.before, self.final)

    @property
    def is_stateful(self) -> bool:
        """Whether any step uses or changes what the session holds."""
        return any(step.operation.is_stateful for step in self.steps)


def compile_call(
    options: CallOptions, place: Place, *, target: Target, templates: Templates, is_publisher: bool
) -> CallPlan | None:
    """Make a call ready.

    Args:
        options: What the user wrote, checked for form.
        place: Where it stands; every fault found is added there.
        target: The client that `options.client` names.
        templates: Compiles templates.
        is_publisher: Whether records are sent (the payload starts as the record) or asked for.

    Returns:
        The plan, or None after adding at least one fault.
    """
    before = []
    names: Counter[str] = Counter()
    taken: set[str] = set()
    for index, step_options in enumerate(options.before):
        spot = place.child("before", index)
        step = _compile_step(step_options, spot, target, templates, is_publisher=is_publisher, is_final=False)
        if step is None:
            continue
        name = step_options.name or _default_name(step.name, names)
        if name in taken:
            spot.child("name").fault(f"two steps are called {name!r}; a step's name is used once")
        taken.add(name)
        before.append(_renamed(step, name))
    final = _compile_step(options, place, target, templates, is_publisher=is_publisher, is_final=True)
    paging = compile_paging(options.pagination, place.child("pagination"))
    path = options.records
    if path is None and final is not None and final.entity is not None:
        path = final.entity.records
    records = compile_path(path, place.child("records")) if path is not None else None
    if final is None or paging is None or len(before) != len(options.before) or (path is not None and records is None):
        return None
    return CallPlan(
        where=place.where,
        target=target,
        before=tuple(before),
        final=final,
        paging=paging,
        records=records,
        records_path=path,
    )


def _compile_step(
    options: TargetOptions,
    place: Place,
    target: Target,
    templates: Templates,
    *,
    is_publisher: bool,
    is_final: bool,
) -> PlannedStep | None:
    found = _find_operation(options, place, target, Effect.COMMIT if is_publisher else Effect.READ)
    if found is None:
        return None
    operation, entity = found
    takes_record = options.data is None and (
        bool(options.transform) or (is_publisher and is_final and (entity is None or bool(entity.fields)))
    )
    value = None if takes_record else compile_value(options.data or {}, place.child("data"), templates)
    transformer = compile_transform(place.child("transform"), templates) if options.transform else None
    if not takes_record and value is None:
        return None
    if options.transform and transformer is None:
        return None
    if value is not None and transformer is None and entity is not None:
        _check_literals(entity, target.dialect, value, place)
    return PlannedStep(
        name=operation.entity.replace(".", "_").replace("/", "_"),
        operation=operation,
        entity=entity,
        dialect=target.dialect,
        value=value,
        transformer=transformer,
    )


def _find_operation(
    options: TargetOptions, place: Place, target: Target, unlisted_effect: Effect
) -> tuple[Operation, Entity | None] | None:
    if options.route is not None:
        effect = Effect(options.effect) if options.effect else unlisted_effect
        return unlisted_operation(options.route, effect), None
    assert options.entity is not None
    spot = place.child("entity")
    if target.catalog is None:
        spot.fault(
            f"client {target.client!r} has no catalog, so it has no entity {options.entity!r}",
            "write route: in place of entity:",
        )
        return None
    try:
        entity = target.catalog.find(options.entity)
        if entity.id == LOGIN_ENTITY:
            spot.fault(f"{LOGIN_ENTITY} is what the client does by itself", "leave it out")
            return None
        return entity.operation(target.dialect), entity
    except UnknownEntityError as error:
        spot.fault(error.message, error.cure)
        return None


def _check_literals(entity: Entity, dialect: str, value: Value, place: Place) -> None:
    known = value.literal_or(TEMPLATED)
    for problem in check_payload(entity, dialect, known, is_templated=lambda leaf: leaf is TEMPLATED):
        place.child("data").fault(f"the payload does not fit {entity.id}: {problem}")


def _default_name(name: str, names: Counter[str]) -> str:
    names[name] += 1
    return name if names[name] == 1 else f"{name}_{names[name]}"


def _renamed(step: PlannedStep, name: str) -> PlannedStep:
    return PlannedStep(
        name=name,
        operation=step.operation,
        entity=step.entity,
        dialect=step.dialect,
        value=step.value,
        transformer=step.transformer,
    )
