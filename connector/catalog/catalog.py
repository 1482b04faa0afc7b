"""The catalog of a remote system: its entities, found by id or title."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector.catalog.entity import Absence, Entity, Example, ExampleStep, Field, FieldType, Need, Variant
from connector.config.wording import did_you_mean, quote
from connector.errors import UnknownEntityError
from connector.frozen import dataclass
from connector.request import Effect, Repeat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A plain path, since importlib.resources costs more to import than the whole catalog does to load.
_DATA: Final = Path(__file__).parent / "data"

AUTO: Final = "auto"
"""What a user writes under `dialect` to have the client find out."""

_MANY: Final = 3  # more than this, and a list of entities helps nobody

_DASHES: Final = str.maketrans({"\N{EN DASH}": "-", "\N{EM DASH}": "-"})


@dataclass(frozen=True, slots=True)
class Catalog:
    """What one kind of remote system offers, over all its generations.

    Attributes:
        connector: What a user writes under `connector`, such as `opencart`.
        system: The vendor's name for it.
        reference: Address of the vendor's reference, which the titles come from; empty where there is none.
        dialects: What each dialect speaks to, in words, by its name; oldest first.
        main_dialect: The dialect that the catalog is told in; what others do otherwise is told beside it.
        parts: What a session or a draft holds, in words, by the names that `sets`, `clears_*` and `draft` use.
        notes: What a user must know about all entities, in sentences.
        dialect_notes: What a user must know about all entities of one dialect, in sentences, by its name.
        entities: In an order in which they can be called.
    """

    connector: str
    system: str
    reference: str = ""
    dialects: Mapping[str, str] = field(default_factory=dict)
    main_dialect: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dialect_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    entities: tuple[Entity, ...] = ()
    _by_name: Mapping[str, Entity] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {_fold(name): entity for entity in self.entities for name in _names(entity)}
        object.__setattr__(self, "_by_name", names)

    def find(self, text: str) -> Entity:
        """Return the entity with this id or title; letter case, runs of blanks and the kind of dash do not matter.

        Raises:
            UnknownEntityError: No entity has it; the cure names the closest, or how to call a route.
        """
        entity = self._by_name.get(_fold(text))
        if entity is None:
            raise UnknownEntityError(
                f"no entity {quote(text)} in the catalog of {self.connector}", cure=self._cure(text)
            )
        return entity

    def resolve(self, dialect: str) -> tuple[str, ...]:
        """Return the dialects that a client may turn out to speak: the one it names, or every one for `auto`."""
        return tuple(self.dialects) if dialect == AUTO else (dialect,)

    def find_route(self, route: str, dialect: str, query: Mapping[str, str] | None = None) -> tuple[Entity, ...]:
        """Return the entities that a dialect calls by this route; empty for an unlisted route.

        Args:
            route: With a pipe or a point in front of the method, where the dialect has one.
            dialect: Such as `4.1`.
            query: The other query parameters; only entities whose fixed ones are among them are returned. None for
                all of the route.
        """
        wanted = _fold_route(route)
        return tuple(
            entity
            for entity in self.entities
            if wanted
            and dialect in entity.variants
            and _fold_route(entity.variants[dialect].route) == wanted
            and (query is None or entity.variants[dialect].query.items() <= query.items())
        )

    def _cure(self, text: str) -> str:
        if not self.entities:
            return f"{self.connector} has no catalog: write `route:` in place of `entity:`"
        same_route = {entity.id: None for dialect in self.dialects for entity in self.find_route(text, dialect)}
        if len(same_route) > _MANY:
            return "a route is written under `route:`; `connector catalog` lists the entities that go by this one"
        if same_route:
            return f"a route is written under `route:`; this one is the entity {' or '.join(same_route)}"
        names = [name for entity in self.entities if entity.reserved is None for name in _names(entity)]
        return did_you_mean(text, names) or "`connector catalog` lists them; an unlisted route goes under `route:`"


@functools.cache
def load_catalog(connector: str) -> Catalog:
    """Return the catalog of a kind of remote system, read once a process.

    Args:
        connector: Such as `opencart`. One without a catalog, such as `http`, gets an empty one.
    """
    folder = _DATA / connector
    if not folder.is_dir():
        return Catalog(connector, connector)
    index = _read(folder / "catalog.json")
    rows = [row for group in index["groups"] for row in _read(folder / f"{group}.json")]
    return parse_catalog(index, rows)


def parse_catalog(index: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Catalog:
    """Return a catalog from its data; `connector.catalog.schema` says what that looks like.

    The data is trusted: a test holds the files that come with the package against the schema, which would cost more
    at run time than reading them does.

    Args:
        index: What `catalog.json` holds.
        rows: What the files of the groups hold, one row an entity.
    """
    return Catalog(
        connector=index["connector"],
        system=index["system"],
        reference=index["reference"],
        dialects=index["dialects"],
        main_dialect=index["main_dialect"],
        parts=index["parts"],
        notes=tuple(index["notes"]),
        dialect_notes={dialect: tuple(notes) for dialect, notes in index.get("dialect_notes", {}).items()},
        entities=tuple(_parse_entity(row, index) for row in rows),
    )


class _Variants(Mapping[str, Variant]):
    """The variants of one entity, each made when it is first asked for: a command needs few of them."""

    def __init__(self, row: Mapping[str, Any], index: Mapping[str, Any]) -> None:
        self._row = row
        self._index = index
        self._patches = {name: patch for name, patch in row["dialects"].items() if "missing" not in patch}
        self._made: dict[str, Variant] = {}

    def __getitem__(self, dialect: str) -> Variant:
        if dialect not in self._made:
            row = merge_patch(_expand(self._row, self._index), self._patches[dialect])
            self._made[dialect] = _parse_variant(self._row["id"], dialect, row, self._index)
        return self._made[dialect]

    def __contains__(self, dialect: object) -> bool:
        return dialect in self._patches

    def __iter__(self) -> Iterator[str]:
        return iter(self._patches)

    def __len__(self) -> int:
        return len(self._patches)


def _parse_entity(row: Mapping[str, Any], index: Mapping[str, Any]) -> Entity:
    absences = {
        dialect: Absence(patch["missing"], patch.get("instead"))
        for dialect, patch in row["dialects"].items()
        if "missing" in patch
    }
    return Entity(
        id=row["id"],
        title=row["title"],
        aliases=tuple(row.get("aliases", ())),
        is_composite=row.get("kind") == "composite",
        reserved=row.get("reserved"),
        variants=_Variants(row, index),
        absences=absences,
    )


def _parse_variant(entity: str, dialect: str, row: Mapping[str, Any], index: Mapping[str, Any]) -> Variant:
    clears = row.get("clears", {})
    empty = row.get("empty", {})
    example = row["example"]
    fields = _parse_fields(row.get("fields", {}))
    prefix = row.get("prefix", "")
    renames = {field.name: prefix + field.name for field in fields} if prefix else {}
    return Variant(
        entity=entity,
        dialect=dialect,
        route=row.get("route", ""),
        summary=row["summary"],
        effect=Effect(row["effect"]),
        repeat=Repeat(row["repeat"]["rule"]),
        repeat_meaning=row["repeat"]["meaning"],
        success_keys=tuple(row["success"]),
        example=Example(tuple(map(_parse_step, example.get("before", ()))), example["data"]),
        fields=fields,
        refuses=row.get("refuses", {}),
        query=row.get("query", {}),
        form=row.get("form", {}),
        query_fields=frozenset(row.get("query_fields", ())),
        renames=renames | row.get("renames", {}),
        codes=row.get("codes", {}),
        draft=row.get("draft"),
        draft_change=row.get("draft_change", "put"),
        is_local=row.get("local", False),
        needs=tuple(Need(tuple(need["any_of"]), need.get("when")) for need in row.get("needs", ())),
        sets=tuple(row.get("sets", ())),
        clears_on_success=tuple(clears.get("success", ())),
        clears_on_failure=tuple(clears.get("failure", ())),
        empty_meaning=empty.get("meaning"),
        is_empty_success=empty.get("is_answer", False),
        records=row.get("records", "$"),
        is_paged=row.get("paged", False),
        is_stateful=row.get("stateful", True),
        warnings=(*row.get("warnings", ()), *row.get("also", ())),
        counts_escaped=index.get("length_counts") == "html",
    )


def _parse_step(step: str | Mapping[str, Any]) -> ExampleStep:
    return ExampleStep(step) if isinstance(step, str) else ExampleStep(step["entity"], step["data"])


def _parse_fields(rows: Mapping[str, Any]) -> tuple[Field, ...]:
    fields = (_parse_field(name, row) for name, row in rows.items())
    return tuple(sorted(fields, key=lambda field: not field.is_required))


def _parse_field(name: str, row: Mapping[str, Any]) -> Field:
    return Field(
        name=name,
        type=FieldType(row["type"]),
        meaning=row["meaning"],
        is_required=row.get("required", False),
        may_be_empty=row.get("may_be_empty", False),
        default=row.get("default"),
        minimum=row.get("minimum"),
        min_length=row.get("min_length"),
        max_length=row.get("max_length"),
        pattern=row.get("pattern"),
        pattern_words=row.get("accepts"),
        why=row.get("why"),
        is_personal=row.get("personal", False),
        is_secret=row.get("secret", False),
        fields=_parse_fields(row.get("fields", {})),
    )


def _expand(row: Mapping[str, Any], index: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row, or a list field, with the fields of the set it names under its own."""
    expanded = dict(row)
    shared = index["field_sets"].get(expanded.pop("fields_from", None), {})
    if shared or "fields" in row:
        fields = merge_patch(shared, row.get("fields", {}))
        expanded["fields"] = {name: _expand(field, index) for name, field in fields.items()}
    return expanded


def merge_patch(row: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with a patch applied: null takes a key away, a mapping is merged. Source: RFC 7386."""
    merged = dict(row)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            old = merged.get(key)
            merged[key] = merge_patch(old if isinstance(old, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _names(entity: Entity) -> tuple[str, ...]:
    return (entity.id, entity.title, *entity.aliases)


def _fold(name: str) -> str:
    return " ".join(name.translate(_DASHES).split()).casefold()


def _fold_route(route: str) -> str:
    """Return a route in the form in which two are compared; a method is set off by a pipe up to 4.0.1, then a point."""
    return route.strip("/").replace("|", ".")
