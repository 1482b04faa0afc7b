"""`connector catalog`: what a remote system's API can be asked."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from connector.cli.exits import OK, ArgumentError
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import align

if TYPE_CHECKING:
    from connector.catalog.catalog import Catalog
    from connector.catalog.listing import EntityDetail, EntityRow
    from connector.cli.screen import Screen
    from connector.desk.catalog import EntityPage

HAS: Final = "\N{CHECK MARK}"
LACKS: Final = "\N{EN DASH}"
INSTEAD: Final = "\N{RIGHTWARDS ARROW}"

EPILOG = """\b
Examples:
  connector catalog
  connector catalog --dialect 4.1
  connector catalog coupon.apply
  connector catalog "Shipping - Returning available shipping methods" --dialect 4.0
  connector catalog --search voucher --output json
"""


@click.command(epilog=EPILOG)
@click.argument("entity", required=False)
@click.option("--connector", "system", default="opencart", show_default=True, help="Whose catalog.")
@click.option("--dialect", help="Only this generation of the remote system; all of them where it is left out.")
@click.option("--search", default="", help="Only entities whose id, title or summary has this text.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, entity: str | None, system: str, dialect: str | None, search: str) -> int:
    """Show what a remote system's API can be asked.

    Without ENTITY, every entity is listed, with the generations that have it. ENTITY is an id or a title; it is shown
    with its fields, what it changes, what a second call does, how it is written in YAML, and what other generations do
    otherwise.
    """
    from connector.desk.catalog import open_catalog

    catalog = open_catalog(system)
    if not catalog.entities:
        raise ArgumentError(f"{system} has no catalog", cure="calls of its clients name their route")
    if entity is not None:
        _show_entity(invocation, catalog, entity, dialect)
    else:
        _list_entities(invocation, catalog, dialect, search)
    return OK


def _list_entities(invocation: Invocation, catalog: Catalog, dialect: str | None, search: str) -> None:
    from connector.desk.catalog import browse

    screen = invocation.screen
    rows = browse(catalog, dialect=dialect, search=search)
    if invocation.is_json:
        screen.show_json([asdict(row) for row in rows])
        return
    if not rows:
        told = f"{catalog.system} {dialect or ''}".rstrip()
        screen.tell(f'no entity of {told} has "{search}" in its id, title or summary')
        return
    dialects = () if dialect is not None else tuple(catalog.dialects)
    screen.show_table(
        ["entity", "effect", "repeat", *dialects, "title"],
        [(row.id, row.effect, row.repeat, *(_mark(row, each) for each in dialects), row.title) for row in rows],
    )
    if dialects:
        screen.tell(f"{HAS} has it, {INSTEAD} something else does it there, {LACKS} nothing does")
    screen.tell("connector catalog ENTITY shows one of them, with its fields and an example")


def _mark(row: EntityRow, dialect: str) -> str:
    if dialect in row.dialects:
        return HAS
    return INSTEAD if dialect in row.instead else LACKS


def _show_entity(invocation: Invocation, catalog: Catalog, name: str, dialect: str | None) -> None:
    from connector.desk.catalog import open_entity

    page = open_entity(catalog, name, dialect=dialect)
    if invocation.is_json:
        value = asdict(page.detail)
        if dialect is None:
            value["differences"] = [asdict(difference) for difference in page.differences]
        invocation.screen.show_json(value)
        return
    _show_detail(invocation.screen, page)
    if page.differences:
        _show_differences(invocation.screen, page)


def _show_detail(screen: Screen, page: EntityPage) -> None:
    from connector.catalog.listing import tell_call

    detail = page.detail
    screen.show(f"{detail.id}: {detail.title}")
    for alias in detail.aliases:
        screen.show(f"also called: {alias}")
    screen.show()
    screen.show(detail.summary)
    screen.show()
    call = "several calls" if detail.is_composite else tell_call(detail.route, detail.query) or "none"
    facts = [
        ("route", f"{call} (dialect {detail.dialect})"),
        ("effect", detail.effect),
        ("repeat", detail.repeat),
        ("", detail.reserved),
        ("draft", detail.draft),
        ("needs", ", ".join(detail.needs)),
        ("stores", detail.stores),
        ("clears", detail.clears_on_success),
        ("clears on a refusal", detail.clears_on_failure),
        ("always sends", ", ".join(detail.fixed)),
        ("codes", "; ".join(detail.codes)),
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
    for line in page.yaml.splitlines():
        screen.show(f"  {line}")


def _show_differences(screen: Screen, page: EntityPage) -> None:
    for difference in page.differences:
        screen.show()
        names = " and ".join(difference.dialects)
        if difference.is_absent:
            screen.show(f"Not in {names}: {difference.lines[0]}.")
        elif not difference.lines:
            screen.show(f"The same in {names}.")
        else:
            screen.show(f"In {names}, other than in {page.detail.dialect}:")
            for line in difference.lines:
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
        wire = f"; sent as {row.wire_name}" if row.wire_name else ""
        screen.show(f"  {row.name}{star}: {row.accepts}{default}{query}{wire}")
        screen.show(f"      {row.meaning}")
        if row.why:
            screen.show(f"      checked here because {row.why}")
