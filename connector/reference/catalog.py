"""`catalog.md`: what every entity takes, does and needs, with an example that can be copied."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from connector.catalog.catalog import load_catalog
from connector.catalog.listing import EFFECT_WORDS, REPEAT_WORDS, describe_entity, list_entities
from connector.request import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Entity
    from connector.catalog.listing import EntityDetail

_CONNECTOR: Final = "opencart"
_DIALECT: Final = "3.0"
_PLAIN_TEXT: Final = re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[A-Za-z][A-Za-z0-9 _.@/-]*", re.IGNORECASE)


def write_catalog_page(folder: Path) -> Path:
    """Write `catalog.md` into a folder and return its path."""
    path = folder / "catalog.md"
    path.write_text(render_catalog_page(), encoding="utf-8")
    return path


def render_catalog_page() -> str:
    """Return the page, in Markdown."""
    catalog = load_catalog(_CONNECTOR)
    lines = [*_render_head(catalog), *_render_table(catalog)]
    for entity in catalog.entities:
        if _DIALECT in entity.variants:
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
        f"Every entity of {catalog.system}, as dialect `{_DIALECT}` ({catalog.dialects[_DIALECT]}) offers it. "
        f"Under `entity:` stands an id or a title; letter case and blanks do not matter. "
        f"Titles follow the [vendor's reference]({catalog.reference}). "
        "`connector catalog` shows the same on a terminal."
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


def _render_table(catalog: Catalog) -> Iterator[str]:
    yield ""
    yield "## All entities"
    yield ""
    yield "In an order in which they can be called. A star marks a required field."
    yield ""
    yield "| Entity | Title | Fields | Effect | Repeat |"
    yield "| --- | --- | --- | --- | --- |"
    for row in list_entities(catalog, _DIALECT):
        anchor = row.id.replace(".", "")
        fields = f"`{row.fields}`" if row.fields else ""
        yield f"| [`{row.id}`](#{anchor}) | {row.title} | {fields} | `{row.effect}` | `{row.repeat}` |"


def _render_entity(catalog: Catalog, entity: Entity) -> Iterator[str]:
    detail = describe_entity(catalog, entity, _DIALECT)
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
        yield render_example(catalog, entity, _DIALECT)
        yield "```"


def _render_facts(detail: EntityDetail) -> Iterator[str]:
    yield f"- Route: `{detail.route}`"
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
