"""How the files of a catalog look: `data/<connector>/catalog.json`, and one file a group with one row an entity.

A test holds every file against these models. Nothing imports them at run time: reading the files costs 2 ms, and
checking them as much again, on every start.

A row tells what all dialects have in common. `dialects` holds, for each dialect, a merge patch (RFC 7386) on the row:
at least a route, and whatever differs there, field by field. `null` takes a key away. Every dialect of the index
stands in every row: where it lacks the entity, with the reason.

```json
{"dialects": {"2.3": {"route": "api/customer", "fields": {"fax": {"type": "text", "meaning": "Fax number"}}},
              "3.0": {"route": "api/customer"},
              "4.0": {"missing": "it was left out", "instead": "cart.replace"},
              "4.1": {"route": "api/order", "query": {"call": "customer"}, "draft": "customer"}}}
```

`also` has warnings of this dialect alone, after those of the row. `prefix` renames every field.

A remote system without sessions leaves the draft to the client: `draft` names the part of it (a key of `parts`) that
a success changes, and `draft_change` says how. `local` stands in place of a route where nothing is sent at all.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic import Field as PydanticField

from connector.catalog.entity import FieldType
from connector.request import DraftChange, Effect, Repeat

EntityId = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+$")]
Title = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]+ - [A-Z].*[^.\s]$")]
Sentence = Annotated[str, StringConstraints(pattern=r"(?s)^\S.*\.$")]
Phrase = Annotated[str, StringConstraints(pattern=r"(?s)^\S.*[^.\s]$|^\S$")]
Route = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_/.|]*$")]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldRow(_Row):
    """A field; attributes as in `connector.catalog.entity.Field`, and in a set's or dialect's patch any of them."""

    type: FieldType | None = None
    meaning: Phrase | None = None
    required: bool = False
    may_be_empty: bool = False
    default: Phrase | None = None
    minimum: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    accepts: Phrase | None = None
    why: Phrase | None = None
    personal: bool = False
    secret: bool = False
    fields: dict[str, FieldRow] = {}
    fields_from: str | None = None


class RepeatRow(_Row):
    """What a second, equal call does."""

    rule: Repeat
    meaning: Sentence


class NeedRow(_Row):
    """What must have happened before; `when` completes "where …"."""

    any_of: Annotated[list[EntityId], PydanticField(min_length=1)]
    when: Phrase | None = None


class ClearsRow(_Row):
    """Parts of the session that are gone after a success, and after a refusal."""

    success: list[str] = []
    failure: list[str] = []


class EmptyRow(_Row):
    """What `[]` means, and whether that is an answer."""

    is_answer: bool
    meaning: Sentence


class StepRow(_Row):
    """A step in front of an example, with a payload other than that of its entity's own example."""

    entity: EntityId
    data: dict[str, Any]


class ExampleRow(_Row):
    """A call as a user would write it."""

    before: list[EntityId | StepRow] = []
    data: dict[str, Any]


class AbsenceRow(_Row):
    """Why a dialect does not have the entity, and what does the same there."""

    missing: Phrase
    instead: EntityId | None = None


class CallRow(_Row):
    """How one dialect is called: what a patch has besides changes to the row.

    Attributes as in `connector.catalog.entity.Variant`.
    """

    route: Route | None = None
    query: dict[str, str] = {}
    form: dict[str, str] = {}
    query_fields: list[str] = []
    prefix: str = ""
    renames: dict[str, str] = {}
    codes: dict[str, Literal[1, 2]] = {}
    draft: str | None = None
    draft_change: DraftChange = "put"
    local: bool = False
    also: list[Sentence] = []


class VariantRow(_Row):
    """What a row tells of a call; a dialect's patch may change all of it. Attributes as in `Variant`."""

    summary: Sentence
    effect: Effect
    repeat: RepeatRow
    fields: dict[str, FieldRow] = {}
    fields_from: str | None = None
    refuses: dict[str, Phrase] = {}
    needs: list[NeedRow] = []
    sets: list[str] = []
    clears: ClearsRow = ClearsRow()
    success: Annotated[list[str], PydanticField(min_length=1)]
    empty: EmptyRow | None = None
    records: Annotated[str, StringConstraints(pattern=r"^\$")] = "$"
    paged: bool = False
    stateful: bool = True
    warnings: list[Sentence] = []
    example: ExampleRow


class PatchedRow(VariantRow, CallRow):
    """A row with a dialect's patch applied, which is what a variant is made of."""


class EntityRow(VariantRow):
    """One entity; attributes as in `connector.catalog.entity.Entity`."""

    id: EntityId
    title: Title
    aliases: list[Title] = []
    kind: Literal["call", "composite"] = "call"
    reserved: Phrase | None = None
    dialects: Annotated[dict[str, AbsenceRow | dict[str, Any]], PydanticField(min_length=1)]


class Index(_Row):
    """`catalog.json`: what holds for the whole catalog."""

    connector: str
    system: str
    reference: str
    dialects: Annotated[dict[str, Phrase], PydanticField(min_length=1)]
    main_dialect: str
    groups: Annotated[list[str], PydanticField(min_length=1)]
    length_counts: Literal["characters", "html"] = "characters"
    notes: list[Sentence] = []
    dialect_notes: dict[str, list[Sentence]] = {}
    parts: dict[str, Phrase]
    field_sets: dict[str, dict[str, FieldRow]] = {}
