"""The catalog told in words: rows of plain text for `connector catalog` and for the reference page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.catalog.entity import FieldType
from connector.frozen import dataclass
from connector.request import Effect, Repeat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Entity, Field, Need, Variant
    from connector.request import DraftChange

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

_DRAFT_WORDS: Final[dict[DraftChange, str]] = {
    "put": "the client keeps the fields, and sends them with later calls",
    "add": "the client keeps the fields as one more line, and sends it with later calls",
    "edit": "the client changes the line in its draft",
    "remove": "the client takes the line out of its draft",
    "choose": "the client looks the code up in the list, keeps the entry, and sends it with later calls",
    "answer": "the client keeps the list, for the choice to come",
}

_CODE_WORDS: Final = {1: "`cod.cod` is sent as `cod`", 2: "`cod` is sent as `cod.cod`"}


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
        dialects: The dialects that have it.
        instead: What does the same, by the dialect that lacks it; without those where nothing does.
    """

    id: str
    title: str
    effect: str
    repeat: str
    fields: str
    summary: str
    dialects: tuple[str, ...]
    instead: Mapping[str, str]


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
        wire_name: What it is called on the wire; empty where that is the same.
        is_masked: Whether logs show `***` in its place.
    """

    name: str
    is_required: bool
    accepts: str
    default: str
    meaning: str
    why: str
    wire_name: str
    is_masked: bool


@dataclass(frozen=True, slots=True)
class EntityDetail:
    """Everything about one entity in one dialect. Texts are sentences; empty ones have nothing to say.

    Attributes:
        id: Catalog id.
        title: The vendor's wording.
        aliases: Other titles.
        dialect: Such as `3.0`.
        route: What is called; empty where nothing is sent, and where several calls are.
        query: Fixed query parameters, such as `call`: `cart`.
        is_composite: Whether it stands for several calls.
        summary: What a call does.
        effect: The effect and what it means.
        repeat: The repeat rule and what it means here.
        reserved: Why it cannot be chosen.
        fields: One row a field, the fields of entries after their list.
        query_fields: Names of the fields that travel in the query.
        fixed: Fields that are always sent, by their name on the wire, such as `payment_address_id=0`.
        codes: How codes are sent, one phrase a field.
        needs: What must have happened before.
        stores: What a success stores in the session, or in the client's draft.
        draft: What the client does, where it holds what is stored in place of the remote system, in a sentence.
        clears_on_success: What is gone from there after a success.
        clears_on_failure: What is gone from there after a refusal.
        success_keys: Keys of which one stands in a successful answer.
        empty: What `[]` means.
        records: JSONPath to the records.
        is_paged: Whether there can be more than one page.
        warnings: What a user must know.
        refuses: Names that people try, which are no fields, each with the reason.
        before: Catalog ids of the steps in front of the example.
        example: The payload of the example.
    """

    id: str
    title: str
    aliases: tuple[str, ...]
    dialect: str
    route: str
    query: Mapping[str, str]
    is_composite: bool
    summary: str
    effect: str
    repeat: str
    reserved: str
    fields: tuple[FieldRow, ...]
    query_fields: tuple[str, ...]
    fixed: tuple[str, ...]
    codes: tuple[str, ...]
    needs: tuple[str, ...]
    stores: str
    draft: str
    clears_on_success: str
    clears_on_failure: str
    success_keys: tuple[str, ...]
    empty: str
    records: str
    is_paged: bool
    warnings: tuple[str, ...]
    refuses: Mapping[str, str]
    before: tuple[str, ...]
    example: dict[str, Any]


def list_entities(catalog: Catalog, dialect: str | None = None, *, search: str = "") -> list[EntityRow]:
    """Return one row for each entity, in an order in which they can be called.

    Args:
        catalog: The catalog.
        dialect: Only entities that this one has, as it has them; None for all, each as its main dialect has it.
        search: Text that id, titles, route or summary must contain; letter case does not matter. Empty for all.
    """
    wanted = search.casefold()
    found = [
        (entity, entity.variants[dialect or find_main_dialect(catalog, entity)])
        for entity in catalog.entities
        if dialect is None or dialect in entity.variants
    ]
    return [_build_row(entity, variant) for entity, variant in found if wanted in _searchable(entity, variant)]


def find_main_dialect(catalog: Catalog, entity: Entity) -> str:
    """Return the dialect in which an entity is told, with what others do otherwise beside it."""
    if catalog.main_dialect in entity.variants:
        return catalog.main_dialect
    return next(dialect for dialect in catalog.dialects if dialect in entity.variants)


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
        query=variant.query,
        is_composite=entity.is_composite,
        summary=variant.summary,
        effect=f"{variant.effect.value}: a call {EFFECT_WORDS[variant.effect]}.",
        repeat=f"{variant.repeat.value}: {variant.repeat_meaning}",
        reserved=f"Cannot be chosen: {entity.reserved}." if entity.reserved else "",
        fields=tuple(_build_field_rows(variant.fields, variant.renames)),
        query_fields=tuple(sorted(variant.query_fields)),
        fixed=tuple(f"{name}={value}" for name, value in variant.form.items()),
        codes=tuple(f"of `{name}`, {_CODE_WORDS[parts]}" for name, parts in variant.codes.items()),
        needs=tuple(map(_tell_need, variant.needs)),
        stores=_tell_parts(catalog, variant.sets),
        draft=_tell_draft(variant),
        clears_on_success=_tell_parts(catalog, variant.clears_on_success),
        clears_on_failure=_tell_parts(catalog, variant.clears_on_failure),
        success_keys=variant.success_keys,
        empty=variant.empty_meaning or "",
        records=variant.records,
        is_paged=variant.is_paged,
        warnings=variant.warnings,
        refuses=variant.refuses,
        before=tuple(step.entity for step in variant.example.before),
        example=dict(variant.example.payload),
    )


def tell_call(route: str, query: Mapping[str, str]) -> str:
    """Return what is called, with its fixed query parameters: `api/order&call=cart`; empty where there is no route."""
    return "&".join((route, *(f"{name}={value}" for name, value in query.items())))


def _tell_draft(variant: Variant) -> str:
    if variant.draft is None:
        return ""
    words = _DRAFT_WORDS[variant.draft_change]
    if variant.is_local:
        return f"Nothing is sent: {words}."
    return f"{words[0].upper()}{words[1:]}; the shop itself keeps nothing."


def _build_row(entity: Entity, variant: Variant) -> EntityRow:
    return EntityRow(
        id=entity.id,
        title=entity.title,
        effect=variant.effect.value,
        repeat=variant.repeat.value,
        fields=", ".join(f"{field.name}*" if field.is_required else field.name for field in variant.fields),
        summary=variant.summary,
        dialects=tuple(entity.variants),
        instead={dialect: gap.instead for dialect, gap in entity.absences.items() if gap.instead},
    )


def _searchable(entity: Entity, variant: Variant) -> str:
    call = tell_call(variant.route, variant.query)
    return "\n".join((entity.id, entity.title, *entity.aliases, call, variant.summary)).casefold()


def _build_field_rows(fields: Iterable[Field], renames: Mapping[str, str], owner: str = "") -> Iterator[FieldRow]:
    for field in fields:
        yield FieldRow(
            name=owner + field.name,
            is_required=field.is_required,
            accepts=field.accepts,
            default=field.default or "",
            meaning=field.meaning,
            why=field.why or "",
            wire_name=renames.get(field.name, ""),
            is_masked=field.is_personal or field.is_secret,
        )
        dots = "[]." if field.type is FieldType.LIST else "."
        yield from _build_field_rows(field.fields, {}, f"{owner}{field.name}{dots}")


def _tell_need(need: Need) -> str:
    ids = " or ".join(f"`{entity_id}`" for entity_id in need.any_of)
    return f"{ids}, where {need.when}" if need.when else ids


def _tell_parts(catalog: Catalog, parts: tuple[str, ...]) -> str:
    return ", ".join(catalog.parts[part] for part in parts)
