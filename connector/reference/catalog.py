"""`catalog.md`: what every entity takes, does and needs, with an example that can be copied."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from connector.catalog.catalog import load_catalog
from connector.catalog.difference import find_differences
from connector.catalog.listing import (
    EFFECT_WORDS,
    REPEAT_WORDS,
    describe_entity,
    find_main_dialect,
    list_entities,
    tell_call,
)
from connector.request import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connector.catalog.catalog import Catalog
    from connector.catalog.difference import Difference
    from connector.catalog.entity import Entity
    from connector.catalog.listing import EntityDetail, EntityRow

_CONNECTOR: Final = "opencart"
_PLAIN_TEXT: Final = re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[A-Za-z][A-Za-z0-9 _.@/-]*", re.IGNORECASE)


def write_catalog_page(folder: Path) -> Path:
    """Write `catalog.md` into a folder and return its path."""
    path = folder / "catalog.md"
    path.write_text(render_catalog_page(), encoding="utf-8")
    return path


def render_catalog_page() -> str:
    """Return the page, in Markdown."""
    catalog = load_catalog(_CONNECTOR)
    lines = [*_render_head(catalog), *_render_matrix(catalog)]
    for entity in catalog.entities:
        lines += ["", *_render_entity(catalog, entity)]
    return "\n".join(lines) + "\n"


def render_example(catalog: Catalog, entity: Entity, dialect: str) -> str:
    """Return a configuration that calls an entity, in YAML: a subscriber where it gives records, else a publisher.

    It names a client `shop`, which it does not configure.
    """
    variant = entity.variant(dialect)
    reads = variant.records != "$" or variant.effect is Effect.READ
    kind, role = ("incoming", "subscriber") if reads else ("outgoing", "publisher")
    lines = [f"{kind}:", f"  {entity.id.replace('.', '-')}:", f"    {role}:", "      client: shop"]
    if variant.example.before:
        lines.append("      before:")
    for step in variant.example.before:
        lines.append(f"        - entity: {step.entity}")
        payload = step.payload or catalog.find(step.entity).variant(dialect).example.payload
        if payload:
            lines.append(f"          data: {_render_flow(payload)}")
    lines.append(f"      entity: {entity.id}")
    if variant.example.payload:
        lines.append("      data:")
        lines += _render_block(variant.example.payload, " " * 8)
    if variant.records != "$":
        lines.append(f'      records: "{variant.records}"')
    return "\n".join(lines)


def _render_head(catalog: Catalog) -> Iterator[str]:
    yield "# Catalog"
    yield ""
    yield "<!-- Written by `python -m connector.reference docs/reference` from connector/catalog/data; do not edit. -->"
    yield ""
    yield (
        f"Every entity of {catalog.system}, in every generation of its API. Under `entity:` stands an id or a title; "
        "letter case and blanks do not matter. "
        f"Titles follow the [vendor's reference]({catalog.reference}). "
        "`connector catalog` shows the same on a terminal."
    )
    yield ""
    yield "A generation is a client's `dialect`:"
    yield ""
    for dialect, words in catalog.dialects.items():
        yield f"- `{dialect}`: {words}"
    yield ""
    yield (
        f"An entity is told as `{catalog.main_dialect}` has it, and then what the others do otherwise; one that "
        f"`{catalog.main_dialect}` lacks, as the oldest has it that does not."
    )
    yield ""
    yield "A route that is not listed here, such as an extension's, is written under `route:`, with its `effect:`."
    yield ""
    yield "**Effect**: what a call changes."
    yield ""
    for effect, words in EFFECT_WORDS.items():
        yield f"- `{effect.value}`: {words}."
    yield ""
    yield "**Repeat**: what a second, equal call does."
    yield ""
    for repeat, words in REPEAT_WORDS.items():
        yield f"- `{repeat.value}`: {words}."
    yield ""
    yield "**What to know about all of them**"
    yield ""
    for note in catalog.notes:
        yield f"- {note}"
    for dialect, notes in catalog.dialect_notes.items():
        yield ""
        yield f"**And about `{dialect}`**"
        yield ""
        for note in notes:
            yield f"- {note}"


def _render_matrix(catalog: Catalog) -> Iterator[str]:
    yield ""
    yield "## All entities"
    yield ""
    yield (
        "In an order in which they can be called. Where a generation lacks an entity, the table names what does the "
        "same there, or has a dash where nothing does."
    )
    yield ""
    names = " | ".join(f"`{dialect}`" for dialect in catalog.dialects)
    yield f"| Entity | Title | {names} | Effect | Repeat |"
    yield f"| --- | --- |{' :-: |' * len(catalog.dialects)} --- | --- |"
    for row in list_entities(catalog):
        cells = " | ".join(_render_cell(row, dialect) for dialect in catalog.dialects)
        yield f"| {_link(row.id)} | {row.title} | {cells} | `{row.effect}` | `{row.repeat}` |"


def _render_cell(row: EntityRow, dialect: str) -> str:
    if dialect in row.dialects:
        return "\N{CHECK MARK}"
    return _link(row.instead[dialect]) if dialect in row.instead else "\N{EN DASH}"


def _link(entity_id: str) -> str:
    return f"[`{entity_id}`](#{entity_id.replace('.', '')})"


def _render_entity(catalog: Catalog, entity: Entity) -> Iterator[str]:
    dialect = find_main_dialect(catalog, entity)
    detail = describe_entity(catalog, entity, dialect)
    yield f"## {detail.id}"
    yield ""
    yield f"**{detail.title}**" + "".join(f" · {alias}" for alias in detail.aliases)
    yield ""
    yield detail.summary
    if detail.reserved:
        yield ""
        yield detail.reserved
    yield ""
    yield from _render_facts(detail)
    if detail.fields:
        yield ""
        yield from _render_fields(detail)
    if detail.warnings:
        yield ""
        yield "Mind:"
        yield ""
        yield from (f"- {warning}" for warning in detail.warnings)
    if not detail.reserved:
        yield ""
        yield "```yaml"
        yield render_example(catalog, entity, dialect)
        yield "```"
    yield ""
    yield from _render_differences(find_differences(catalog, entity))


def _render_differences(differences: list[Difference]) -> Iterator[str]:
    yield "Other generations:"
    yield ""
    for difference in differences:
        names = ", ".join(f"`{dialect}`" for dialect in difference.dialects)
        if difference.is_absent:
            yield f"- {names} lacks it: {difference.lines[0]}."
        elif not difference.lines:
            yield f"- {names}: the same."
        else:
            yield f"- {names}:"
            yield from (f"    - {_finish(line)}" for line in difference.lines)


def _finish(line: str) -> str:
    """Return a phrase as a sentence; a field's meaning already may be one."""
    return line if line.endswith(".") else f"{line}."


def _render_facts(detail: EntityDetail) -> Iterator[str]:
    call = tell_call(detail.route, detail.query)
    if detail.is_composite:
        yield f"- Calls: several, one after another, as they are in `{detail.dialect}`"
    elif call:
        yield f"- Route: `{call}` in `{detail.dialect}`"
    yield f"- Effect: {_mark_first(detail.effect)}"
    yield f"- Repeat: {_mark_first(detail.repeat)}"
    if detail.needs:
        yield f"- Needs before: {'; '.join(detail.needs)}."
    if detail.stores:
        yield f"- Stores in the session: {detail.stores}."
    if detail.clears_on_success:
        yield f"- A success clears: {detail.clears_on_success}."
    if detail.clears_on_failure:
        yield f"- A refusal clears: {detail.clears_on_failure}."
    for codes in detail.codes:
        yield f"- Codes: {codes}."
    yield f"- A success has: {_mark_all(detail.success_keys)}."
    if detail.empty:
        yield f"- `[]` means: {detail.empty}"
    if detail.records != "$":
        yield f"- Records: `{detail.records}`, unless `records:` says otherwise."


def _render_fields(detail: EntityDetail) -> Iterator[str]:
    yield "| Field | Accepted | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    for row in detail.fields:
        name = f"`{row.name}`" + ("\\*" if row.is_required else "")
        meaning = f"{row.meaning}."
        if row.name in detail.query_fields:
            meaning += " Travels in the query."
        if row.wire_name:
            meaning += f" Sent as `{row.wire_name}`."
        if row.why:
            meaning += f" What does not fit is refused before it is sent: {row.why}."
        yield f"| {name} | {_escape(row.accepts)} | {row.default} | {_escape(meaning)} |"


def _mark_first(text: str) -> str:
    word, _, rest = text.partition(":")
    return f"`{word}`:{rest}"


def _mark_all(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def _render_block(value: Any, indent: str) -> Iterator[str]:
    """Give the lines of a mapping, one key a line; lists of mappings one entry a line."""
    for key, child in value.items():
        if isinstance(child, list):
            yield f"{indent}{key}:"
            yield from (f"{indent}  - {_render_flow(entry)}" for entry in child)
        else:
            yield f"{indent}{key}: {_render_flow(child)}"


def _render_flow(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_render_flow(child)}" for key, child in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_render_flow, value)) + "]"
        case str() if _PLAIN_TEXT.fullmatch(value):
            return value
        case _:
            return json.dumps(value)
