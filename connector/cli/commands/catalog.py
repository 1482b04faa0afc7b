"""`connector catalog`: what a remote system's API can be asked."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from connector.cli.exits import OK, ArgumentError
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import align

if TYPE_CHECKING:
    from connector.catalog.listing import EntityDetail
    from connector.cli.screen import Screen

EPILOG = """\b
Examples:
  connector catalog
  connector catalog coupon.apply
  connector catalog "Shipping - Returning available shipping methods"
  connector catalog --search voucher --output json
"""


@click.command(epilog=EPILOG)
@click.argument("entity", required=False)
@click.option("--connector", "system", default="opencart", show_default=True, help="Whose catalog.")
@click.option("--dialect", default="3.0", show_default=True, help="Generation of the remote system.")
@click.option("--search", default="", help="Only entities whose id, title or summary has this text.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, entity: str | None, system: str, dialect: str, search: str) -> int:
    """Show what a remote system's API can be asked.

    Without ENTITY, every entity is listed. ENTITY is an id or a title; it is shown with its fields, what it changes,
    what a second call does, and how it is written in YAML.
    """
    from connector.catalog.catalog import load_catalog
    from connector.catalog.listing import describe_entity, list_entities
    from connector.components import CONNECTORS
    from connector.config.wording import did_you_mean, join_names

    if system not in CONNECTORS:
        raise ArgumentError(
            f'no connector is called "{system}", there are: {join_names(CONNECTORS)}',
            cure=did_you_mean(system, CONNECTORS),
        )
    catalog = load_catalog(system)
    if not catalog.entities:
        raise ArgumentError(f"{system} has no catalog", cure="calls of its clients name their route")
    if dialect not in catalog.dialects:
        raise ArgumentError(f'{catalog.system} has no dialect "{dialect}", there are: {join_names(catalog.dialects)}')
    screen = invocation.screen
    if entity is not None:
        detail = describe_entity(catalog, catalog.find(entity), dialect)
        if invocation.is_json:
            screen.show_json(asdict(detail))
        else:
            _show_detail(screen, detail)
        return OK
    rows = list_entities(catalog, dialect, search=search)
    if invocation.is_json:
        screen.show_json([asdict(row) for row in rows])
        return OK
    if not rows:
        screen.tell(f'no entity of {catalog.system} {dialect} has "{search}" in its id, title or summary')
        return OK
    screen.show_table(
        ["entity", "effect", "repeat", "title"], [(row.id, row.effect, row.repeat, row.title) for row in rows]
    )
    screen.tell("connector catalog ENTITY shows one of them, with its fields and an example")
    return OK


def _show_detail(screen: Screen, detail: EntityDetail) -> None:
    screen.show(f"{detail.id}: {detail.title}")
    for alias in detail.aliases:
        screen.show(f"also called: {alias}")
    screen.show()
    screen.show(detail.summary)
    screen.show()
    facts = [
        ("route", f"{detail.route} (dialect {detail.dialect})"),
        ("effect", detail.effect),
        ("repeat", detail.repeat),
        ("", detail.reserved),
        ("needs", ", ".join(detail.needs)),
        ("stores", detail.stores),
        ("clears", detail.clears_on_success),
        ("clears on a refusal", detail.clears_on_failure),
        ("success has", " or ".join(detail.success_keys)),
        ("[] means", detail.empty),
        ("records at", detail.records if detail.records != "$" else "the whole answer"),
        ("pages", "yes" if detail.is_paged else "one"),
    ]
    for line in align([fact for fact in facts if fact[1]]):
        screen.show(line)
    _show_fields(screen, detail)
    for warning in detail.warnings:
        screen.show()
        screen.show(f"Note: {warning}")
    screen.show()
    screen.show("In YAML:")
    screen.show()
    for line in _write_yaml(detail):
        screen.show(f"  {line}")


def _show_fields(screen: Screen, detail: EntityDetail) -> None:
    screen.show()
    if not detail.fields:
        screen.show("It takes no fields.")
        return
    screen.show("Fields (* required):")
    for row in detail.fields:
        star = "*" if row.is_required else ""
        default = f"; left out: {row.default}" if row.default else ""
        query = "; travels in the query" if row.name in detail.query_fields else ""
        screen.show(f"  {row.name}{star}: {row.accepts}{default}{query}")
        screen.show(f"      {row.meaning}")
        if row.why:
            screen.show(f"      checked here because {row.why}")


def _write_yaml(detail: EntityDetail) -> list[str]:
    """Return the example as a user would write it, under `publisher` or `subscriber`."""
    lines = [("subscriber:" if detail.effect.startswith("read") else "publisher:"), "  client: shop"]
    if detail.before:
        lines.append("  before:")
        lines += [f"    - entity: {step}  # with its own data" for step in detail.before]
    lines.append(f"  entity: {detail.id}")
    if detail.example:
        lines.append("  data:")
        lines += [f"    {line}" for line in _write_mapping(detail.example)]
    return lines


def _write_mapping(value: dict[str, Any]) -> list[str]:
    from connector.cli.yaml_text import write_yaml

    return write_yaml(value)
