"""Steps ahead of a call in the same session, as a person writes them on a page: YAML, with the position of a fault."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from connector.config.place import Faults, Place
from connector.config.syntax import parse_yaml
from connector.config.wording import describe
from connector.desk.yaml_text import write_yaml
from connector.errors import UnknownEntityError
from connector.frozen import dataclass
from connector.server.pages.blanks import is_open

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Variant

MOST_TEXT: Final = 50_000
"""Characters of steps that are read."""

_FILE: Final = "steps before"
_KEYS: Final = frozenset({"entity", "route", "data"})


@dataclass(frozen=True, slots=True)
class Before:
    """One step.

    Attributes:
        target: Catalog id, or a route.
        payload: Its fields.
        is_route: Whether it is a route, which no catalog lists.
    """

    target: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    is_route: bool = False

    @property
    def written(self) -> dict[str, Any]:
        """The step as it stands in a configuration."""
        written: dict[str, Any] = {"route" if self.is_route else "entity": self.target}
        return written | ({"data": dict(self.payload)} if self.payload else {})


def write_before(catalog: Catalog, variant: Variant) -> str:
    """Return the steps of an entity's example as YAML, each with what its own example sends; empty for none."""
    steps = [
        Before(step.entity, _fill(catalog, step.entity, variant.dialect) if step.payload is None else step.payload)
        for step in variant.example.before
    ]
    return "\n".join(write_yaml([step.written for step in steps])) if steps else ""


def _fill(catalog: Catalog, entity: str, dialect: str) -> Mapping[str, Any]:
    payload = catalog.find(entity).variant(dialect).example.payload
    return {name: value for name, value in payload.items() if not is_open(value)}


def read_before(text: str, catalog: Catalog) -> tuple[tuple[Before, ...], tuple[str, ...]]:
    """Return the steps that are written, and what is wrong with them, each with its line and column.

    Args:
        text: A YAML list of mappings with `entity` (or `route`) and `data`; blank for none.
        catalog: Where entities are looked up.
    """
    if not text.strip():
        return (), ()
    if len(text) > MOST_TEXT:
        return (), (f"found {len(text):,} characters, accepted are {MOST_TEXT:,}",)
    faults = Faults()
    tree = parse_yaml(text, _FILE, faults)
    steps: list[Before] = []
    if tree is not None:
        place = Place((), tree, tree.position, faults)
        if isinstance(place.value, list):
            steps = [step for child in place.children() if (step := _read_step(child, catalog)) is not None]
        else:
            place.fault(f"found {describe(place.value)}, accepted is a list of steps", "- entity: cart.add")
    told = tuple(
        f"line {fault.line}, column {fault.column}: {fault.message}" + (f"; {fault.hint}" if fault.hint else "")
        for fault in faults
    )
    return ((), told) if told else (tuple(steps), ())


def _read_step(place: Place, catalog: Catalog) -> Before | None:
    value = place.value
    if place.is_broken:
        return None
    if not isinstance(value, dict):
        place.fault(f"found {describe(value)}, accepted is a step with entity and data")
        return None
    for name in value.keys() - _KEYS:
        place.child(name).key_fault(f'unknown key "{name}", accepted are entity, route and data')
    chosen = [name for name in ("entity", "route") if name in value]
    if len(chosen) != 1:
        place.fault(f"found {'both' if chosen else 'neither'} of entity and route, accepted is exactly one")
        return None
    spot = place.child(chosen[0])
    payload = value.get("data") or {}
    if not isinstance(spot.value, str) or not spot.value:
        spot.fault(f"found {describe(spot.value)}, accepted is the id of an entity, or a route")
    elif not isinstance(payload, dict):
        place.child("data").fault(f"found {describe(payload)}, accepted is a mapping of fields")
    else:
        return _find(spot, payload, catalog, is_route=chosen[0] == "route")
    return None


def _find(spot: Place, payload: Mapping[str, Any], catalog: Catalog, *, is_route: bool) -> Before | None:
    if is_route or not catalog.entities:
        return Before(spot.value, payload, is_route=True)
    try:
        return Before(catalog.find(spot.value).id, payload)
    except UnknownEntityError as error:
        spot.fault(error.message, error.cure)
        return None
