"""The catalog told in words: rows of plain text for `connector catalog` and for the reference page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connector.request import Effect, Repeat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Entity, Field, Need, Variant

EFFECT_WORDS: Final = {
    Effect.READ: "changes nothing",
    Effect.SESSION: "changes the session, and is gone with it",
    Effect.COMMIT: "changes the remote system's data",
    Effect.NOTIFY: "changes the remote system's data, and people are told by mail",
}
"""What each effect means, after "a call …"."""

REPEAT_WORDS: Final = {
    Repeat.SAFE: "does the same as the first",
    Repeat.ADDS: "adds once more",
    Repeat.DUPLICATES: "makes a second one",
}
"""What each repeat rule means, after "a second, equal call …"."""


@dataclass(frozen=True, slots=True)
class EntityRow:
    """One line of the list of entities.

    Attributes:
        id: Catalog id.
        title: The vendor's wording.
        effect: `read`, `session`, `commit` or `commit+notify`.
        repeat: `safe`, `adds` or `duplicates`.
        fields: Names of the fields, the required ones with a star, such as `product_id*, quantity`.
        summary: What a call does.
    """

    id: str
    title: str
    effect: str
    repeat: str
    fields: str
    summary: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of an entity.

    Attributes:
        name: With its list in front where it is part of an entry: `product[].quantity`.
        is_required: Whether a payload without it is refused.
        accepts: What is accepted, such as `a whole number of at least 1`.
        default: What counts when it is left out; empty where that is nothing.
        meaning: What it is for.
        why: What the remote system would do with a value that is refused here; empty where it refuses by itself.
        is_masked: Whether logs show `***` in its place.
    """

    name: str
    is_required: bool
    accepts: str
    default: str
    meaning: str
    why: str
    is_masked: bool


@dataclass(frozen=True, slots=True)
class EntityDetail:
    """Everything about one entity in one dialect. Texts are sentences; empty ones have nothing to say.

    Attributes:
        id: Catalog id.
        title: The vendor's wording.
        aliases: Other titles.
        dialect: Such as `3.0`.
        route: What is called.
        summary: What a call does.
        effect: The effect and what it means.
        repeat: The repeat rule and what it means here.
        reserved: Why it cannot be chosen.
        fields: One row a field, the fields of entries after their list.
        query_fields: Names of the fields that travel in the query.
        needs: What must have happened before.
        stores: What a success stores in the session.
        clears_on_success: What is gone from the session after a success.
        clears_on_failure: What is gone from the session after a refusal.
        success_keys: Keys of which one stands in a successful answer.
        empty: What `[]` means.
        records: JSONPath to the records.
        is_paged: Whether there can be more than one page.
        warnings: What a user must know.
        before: Catalog ids of the steps in front of the example.
        example: The payload of the example.
    """

    id: str
    title: str
    aliases: tuple[str, ...]
    dialect: str
    route: str
    summary: str
    effect: str
    repeat: str
    reserved: str
    fields: tuple[FieldRow, ...]
    query_fields: tuple[str, ...]
    needs: tuple[str, ...]
    stores: str
    clears_on_success: str
    clears_on_failure: str
    success_keys: tuple[str, ...]
    empty: str
    records: str
    is_paged: bool
    warnings: tuple[str, ...]
    before: tuple[str, ...]
    example: dict[str, Any]


def list_entities(catalog: Catalog, dialect: str, *, search: str = "") -> list[EntityRow]:
    """Return one row for each entity that a dialect has, in an order in which they can be called.

    Args:
        catalog: The catalog.
        dialect: Such as `3.0`.
        search: Text that id, titles or summary must contain; letter case does not matter. Empty for all.
    """
    wanted = search.casefold()
    return [
        _build_row(entity, entity.variants[dialect])
        for entity in catalog.entities
        if dialect in entity.variants and wanted in _searchable(entity, entity.variants[dialect])
    ]


def describe_entity(catalog: Catalog, entity: Entity, dialect: str) -> EntityDetail:
    """Return everything about one entity, in words.

    Raises:
        UnknownEntityError: The dialect does not have it.
    """
    variant = entity.variant(dialect)
    return EntityDetail(
        id=entity.id,
        title=entity.title,
        aliases=entity.aliases,
        dialect=dialect,
        route=variant.route,
        summary=variant.summary,
        effect=f"{variant.effect.value}: a call {EFFECT_WORDS[variant.effect]}.",
        repeat=f"{variant.repeat.value}: {variant.repeat_meaning}",
        reserved=f"Cannot be chosen: {entity.reserved}." if entity.reserved else "",
        fields=tuple(_build_field_rows(variant.fields)),
        query_fields=tuple(sorted(variant.query_fields)),
        needs=tuple(map(_tell_need, variant.needs)),
        stores=_tell_parts(catalog, variant.sets),
        clears_on_success=_tell_parts(catalog, variant.clears_on_success),
        clears_on_failure=_tell_parts(catalog, variant.clears_on_failure),
        success_keys=variant.success_keys,
        empty=variant.empty_meaning or "",
        records=variant.records,
        is_paged=variant.is_paged,
        warnings=variant.warnings,
        before=tuple(step.entity for step in variant.example.before),
        example=dict(variant.example.payload),
    )


def _build_row(entity: Entity, variant: Variant) -> EntityRow:
    return EntityRow(
        id=entity.id,
        title=entity.title,
        effect=variant.effect.value,
        repeat=variant.repeat.value,
        fields=", ".join(f"{field.name}*" if field.is_required else field.name for field in variant.fields),
        summary=variant.summary,
    )


def _searchable(entity: Entity, variant: Variant) -> str:
    return "\n".join((entity.id, entity.title, *entity.aliases, variant.route, variant.summary)).casefold()


def _build_field_rows(fields: Iterable[Field], owner: str = "") -> Iterator[FieldRow]:
    for field in fields:
        yield FieldRow(
            name=owner + field.name,
            is_required=field.is_required,
            accepts=field.accepts,
            default=field.default or "",
            meaning=field.meaning,
            why=field.why or "",
            is_masked=field.is_personal or field.is_secret,
        )
        yield from _build_field_rows(field.fields, f"{owner}{field.name}[].")


def _tell_need(need: Need) -> str:
    ids = " or ".join(f"`{entity_id}`" for entity_id in need.any_of)
    return f"{ids}, where {need.when}" if need.when else ids


def _tell_parts(catalog: Catalog, parts: tuple[str, ...]) -> str:
    return ", ".join(catalog.parts[part] for part in parts)
