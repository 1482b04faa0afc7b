"""What a configuration asks of a shop, held against what the shop's generation has.

A fixed dialect is held against the configuration when that is loaded. With `dialect: auto` it is known only once the
shop was asked: then every call of the client is made ready once more, for the one dialect, and what does not fit is
reported where it is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connector.app.doctor.finding import Finding, Severity, from_fault
from connector.call.compose import CatalogOffer
from connector.call.plan import compile_call
from connector.composite.composites import COMPOSITES
from connector.composite.draft import Draft, Line
from connector.composite.place import find_missing
from connector.config.place import Faults
from connector.errors import Fault
from connector.frozen import dataclass
from connector.transform.template import TEMPLATED, Templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.app.project import IncomingPlan, Project
    from connector.call.options import CallOptions
    from connector.call.plan import CallPlan, PlannedStep
    from connector.config.place import Place

CHECK: Final = "configuration"

_SAMPLE: Final = {"reference": "any", "customer": {}, "lines": [], "payment_address": {}}
"""A payload with a reference, to find out whether a generation can be asked what became of a commit."""

_NOBODY: Final = Draft(
    reference=None,
    customer={},
    lines=(),
    coupon=None,
    voucher=None,
    reward=None,
    payment_address={},
    shipping_address={},
    shipping_method=(),
    payment_method=(),
    comment="",
    order_status_id=None,
    currency=None,
    affiliate_id=None,
)
_WISHES: Final = {
    "coupon": replace(_NOBODY, coupon="any"),
    "voucher": replace(_NOBODY, voucher="any"),
    "reward": replace(_NOBODY, reward=1),
    "currency": replace(_NOBODY, currency="EUR"),
}
"""By key of a composite's payload: an order that asks for this alone."""


@dataclass(frozen=True, slots=True)
class Use:
    """One call of a client, as the configuration has it.

    Attributes:
        options: As written.
        place: Where it stands.
        call: Compiled, for the dialect that is written.
        is_publisher: Whether it stands in an outgoing.
    """

    options: CallOptions
    place: Place
    call: CallPlan
    is_publisher: bool


def list_uses(project: Project, client: str) -> Iterator[Use]:
    """Give every call that is made to a client, those written inside a route included, in the order of the document."""
    document = project.document
    for name, incoming in project.incoming.items():
        place = document.place("incoming", name, "subscriber")
        yield from _ask(client, incoming, place)
    for name, outgoing in project.outgoing.items():
        place = document.place("outgoing", name, "publisher")
        yield from _use(client, outgoing.options.publisher, place, outgoing.call, is_publisher=True)
    for name, route in project.routes.items():
        if route.incoming is not None and isinstance(route.options.incoming, dict):
            place = document.place("routes", name, "incoming", "subscriber")
            yield from _ask(client, route.incoming, place)
        if isinstance(route.options.outgoing, dict):
            place = document.place("routes", name, "outgoing", "publisher")
            yield from _use(client, route.outgoing.options.publisher, place, route.outgoing.call, is_publisher=True)


def _ask(client: str, incoming: IncomingPlan, place: Place) -> Iterator[Use]:
    """Give the call by which an incoming asks for records; a webhook makes none."""
    if incoming.call is not None and incoming.options.subscriber is not None:
        yield from _use(client, incoming.options.subscriber, place, incoming.call, is_publisher=False)


def _use(client: str, options: CallOptions, place: Place, call: CallPlan, *, is_publisher: bool) -> Iterator[Use]:
    if call.target.client == client:
        yield Use(options, place, call, is_publisher)


def find_misfits(project: Project, client: str, dialect: str) -> list[Fault]:
    """Return what the configuration asks of a client that this dialect does not have, each at its place.

    Args:
        project: Without faults for the dialect that is written.
        client: Whose calls are looked at.
        dialect: The one that is spoken.
    """
    faults = Faults()
    templates = Templates()
    for use in list_uses(project, client):
        compile_call(
            use.options,
            replace(use.place, faults=faults),
            target=replace(use.call.target, dialect=dialect),
            templates=templates,
            is_publisher=use.is_publisher,
            warnings=[],
        )
    return list(faults)


def check_usage(project: Project, client: str, dialect: str) -> list[Finding]:
    """Return what a configuration asks of a client that its generation cannot do, or does otherwise than one may think.

    Args:
        project: Without faults for the dialect that is written.
        client: Whose calls are looked at.
        dialect: The one that is spoken.
    """
    findings = [from_fault(CHECK, Severity.PROBLEM, fault) for fault in find_misfits(project, client, dialect)]
    uses = list(list_uses(project, client))
    for use in uses:
        for step, place in _list_steps(use):
            if step.is_composite:
                findings += _check_composite(step, place, CatalogOffer(use.call.target.catalog, dialect))
    if not findings:
        count = len(uses)
        told = f"{count} calls of the configuration fit" if count != 1 else "the one call of the configuration fits"
        findings.append(
            Finding(CHECK, Severity.OK, f"{told} OpenCart {dialect}" if uses else "no call uses this client")
        )
    return findings


def _list_steps(use: Use) -> Iterator[tuple[PlannedStep, Place]]:
    for number, step in enumerate(use.call.before):
        yield step, use.place.child("before", number)
    yield use.call.final, use.place


def _check_composite(step: PlannedStep, place: Place, offer: CatalogOffer) -> Iterator[Finding]:
    entity = step.operation.entity
    if not offer.has(entity):
        return
    written: dict[str, Any] | None = None
    if step.value is not None and step.transformer is None:
        written = step.value.literal_or(TEMPLATED)
    for key, wish in _WISHES.items():
        if written is not None and written.get(key) is not None:
            yield from _tell_missing(find_missing(wish, offer), place.child("data", key), is_always=written[key])
    if _has_plan(written):
        line = Line(product_id=1, quantity=1, subscription_plan_id=1)
        yield from _tell_missing(
            find_missing(replace(_NOBODY, lines=(line,)), offer), place.child("data", "lines"), is_always=True
        )
    yield from _check_probe(step, place, offer, written)


def _has_plan(written: dict[str, Any] | None) -> bool:
    lines = (written or {}).get("lines")
    return isinstance(lines, list) and any(
        isinstance(line, dict) and line.get("subscription_plan_id") is not None for line in lines
    )


def _tell_missing(missing: list[str], place: Place, *, is_always: Any) -> Iterator[Finding]:
    for words in missing:
        if is_always is TEMPLATED:
            yield _at(place, Severity.NOTE, words, cure="records that ask for it are refused before anything is sent")
        else:
            yield _at(place, Severity.PROBLEM, words, cure="leave it out; as it is, every record is refused")


def _check_probe(
    step: PlannedStep, place: Place, offer: CatalogOffer, written: dict[str, Any] | None
) -> Iterator[Finding]:
    """Give what becomes of an answer that is lost on the way: whether somebody can look, and has what to look for."""
    entity = step.operation.entity
    probe = COMPOSITES[entity].probe(_SAMPLE, offer, known_id=1)
    spot = place.child("entity")
    if probe is None:
        yield _at(
            spot,
            Severity.NOTE,
            f"a lost answer to {entity} stays unknown: OpenCart {offer.dialect} cannot be asked what became of it",
            cure="such a record is kept for a person, who looks for its reference in the shop's list of orders",
        )
        return
    probe.close()
    if written is not None and written.get("reference") is None:
        yield _at(
            place.child("data"),
            Severity.NOTE,
            f"{entity} has no reference, so an order whose answer is lost cannot be found and stays unknown",
            cure='give your own number for the order under reference, such as "{{ record.reference }}"',
        )


def _at(place: Place, severity: Severity, message: str, *, cure: str) -> Finding:
    return from_fault(CHECK, severity, Fault(place.file, place.line, place.column, place.where, message, cure))
