"""What shaping one record costs, against what the same costs in plain Python and in the libraries used directly.

    python benchmarks/transform.py

Microseconds a record, the best of seven rounds in one process. Budgets: `set` with five templates within 19 µs, a plain
path within 0.3 µs.
"""

from __future__ import annotations

import timeit
from decimal import Decimal
from typing import TYPE_CHECKING

from jinja2.sandbox import ImmutableSandboxedEnvironment
from jsonpath_ng.ext import parse
from page_server import make_record

from connector.config.place import Place
from connector.transform.path import compile_path
from connector.transform.template import Templates
from connector.transform.transformer import compile_transform

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD = make_record(1234)
FIVE = {
    "name": "{{ record.first }} {{ record.last }}",
    "email": "{{ record.email | lower }}",
    "label": "{{ record.quantity }} x {{ record.price }}",
    "country": "{{ record.country | upper }}",
    "external": "MARKET-{{ record.reference }}",
}
MONEY = {"total": {"value": "{{ (record.price | decimal * record.quantity) | money }}", "type": "decimal"}}
LOOP = {"all": "{% for key, value in record.address.items() %}{{ key }}={{ value }};{% endfor %}"}
STEPS: dict[str, list[dict[str, object]]] = {
    "set, five templates": [{"set": FIVE}],
    "set, four templates and money": [{"set": {**FIVE, "label": "x", **MONEY}}],
    "set, one template": [{"set": {"name": FIVE["name"]}}],
    "set, one nested target": [{"set": {"customer.name": FIVE["name"]}}],
    "set, a loop of three": [{"set": LOOP}],
    "copy, one path": [{"copy": {"city": "$.address.city"}}],
    "move, one path": [{"move": {"city": "$.address.city"}}],
    "remove, two fields": [{"remove": ["first", "last"]}],
    "pick, four fields": [{"pick": ["reference", "email", "price", "quantity"]}],
    "map": [{"map": {"field": "status", "values": {"paid": 2, "open": 1}, "into": "status_id"}}],
    "cast, two fields": [{"cast": {"price": "decimal", "placed_at": "datetime"}}],
    "filter": [{"filter": "{{ record.status == 'paid' }}"}],
    "if": [{"if": {"when": "{{ record.status == 'paid' }}", "then": [{"set": {"paid": True}}]}}],
}
PATHS = ["$.reference", "$.address.city", "$.address.*"]


def main() -> None:
    """Print one line a measurement: microseconds, and the ratio where there is something to compare with."""
    templates = Templates()
    print("step")
    floor_us = measure(shape_by_hand)
    show("by hand, five f-strings", floor_us)
    for name, steps in STEPS.items():
        place = Place.detached("transform", steps)
        transformer = compile_transform(place, templates)
        place.faults.raise_if_any()
        show(name, measure(lambda apply=transformer.apply: apply(RECORD)), floor_us)
    show("five Jinja templates, one by one", measure(build_jinja()), floor_us)
    print("path")
    for text in PATHS:
        ours, theirs = compile_path(text, Place.detached("path", text)), parse(text)
        floor_us = measure(lambda find=theirs.find: find(RECORD))
        show(f"{text} by jsonpath-ng", floor_us)
        take = ours.first if ours.is_definite else ours.find
        show(text, measure(lambda take=take: take(RECORD)), floor_us)
    print("load")
    place = Place.detached("transform", [{"set": FIVE}])
    show("check a set of five templates", measure(lambda: compile_transform(place, templates), number=50))
    show(
        "and compile it, with the first record",
        measure(lambda: compile_transform(place, templates).apply(RECORD), number=50),
    )


def shape_by_hand() -> dict[str, object]:
    """Do in plain Python what the step with five templates does."""
    record = RECORD
    return {
        **record,
        "name": f"{record['first']} {record['last']}",
        "email": str(record["email"]).lower(),
        "label": f"{record['quantity']} x {record['price']}",
        "country": str(record["country"]).upper(),
        "external": f"MARKET-{record['reference']}",
    }


def build_jinja() -> Callable[[], dict[str, object]]:
    """Return a function that renders each field by a template of its own, which is how it is usually done."""
    environment = ImmutableSandboxedEnvironment()
    compiled = {name: environment.from_string(text) for name, text in FIVE.items()}
    return lambda: {**RECORD, **{name: template.render(record=RECORD) for name, template in compiled.items()}}


def measure(call: Callable[[], object], *, number: int = 5000) -> float:
    """Return microseconds a call, the best of seven rounds."""
    call()
    return min(timeit.repeat(call, number=number, repeat=7)) / number * 1e6


def show(name: str, cost_us: float, floor_us: float | None = None) -> None:
    """Print one measurement."""
    ratio = f"{Decimal(cost_us) / Decimal(floor_us):8.2f} x" if floor_us else ""
    print(f"  {name:<40} {cost_us:8.2f} µs {ratio}")


if __name__ == "__main__":
    main()
