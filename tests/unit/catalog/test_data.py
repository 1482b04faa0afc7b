"""The catalog's files: their form, their references, and what the redactor makes of them."""

import json
from pathlib import Path

import pytest

from connector.catalog import catalog as catalog_module
from connector.catalog import schema
from connector.catalog.catalog import load_catalog
from connector.catalog.payload import check_payload
from connector.redaction import is_private, is_secret

FOLDER = Path(catalog_module.__file__).parent / "data" / "opencart"
INDEX = json.loads((FOLDER / "catalog.json").read_text(encoding="utf-8"))
ROWS = {
    row["id"]: (group, row) for group in INDEX["groups"] for row in json.loads((FOLDER / f"{group}.json").read_text())
}
CATALOG = load_catalog("opencart")
VARIANTS = [
    pytest.param(entity, variant, id=f"{entity.id} {dialect}")
    for entity in CATALOG.entities
    for dialect, variant in entity.variants.items()
]


def _is_template(value):
    return isinstance(value, str) and "{{" in value


def _all_fields(fields):
    for field in fields:
        yield field
        yield from _all_fields(field.fields)


def test_index_follows_schema():
    """The index has the form that the schema gives it."""
    schema.Index.model_validate_json((FOLDER / "catalog.json").read_text(), strict=True)


@pytest.mark.parametrize("entity_id", ROWS)
def test_row_follows_schema(entity_id):
    """Every row has the form that the schema gives it, strictly."""
    schema.EntityRow.model_validate_json(json.dumps(ROWS[entity_id][1]), strict=True)


@pytest.mark.parametrize(
    ("entity_id", "dialect"),
    [
        pytest.param(entity_id, dialect, id=f"{entity_id} {dialect}")
        for entity_id, (_, row) in ROWS.items()
        for dialect, patch in row["dialects"].items()
        if "missing" not in patch
    ],
)
def test_patched_row_follows_schema(entity_id, dialect):
    """Every row has that form once a dialect's patch is applied, with no key that nobody reads."""
    row = ROWS[entity_id][1]
    shared = {
        key: value
        for key, value in row.items()
        if key not in {"id", "title", "aliases", "kind", "reserved", "dialects"}
    }
    patched = catalog_module.merge_patch(shared, row["dialects"][dialect])

    schema.PatchedRow.model_validate_json(json.dumps(patched), strict=True)


def test_schema_refuses_unknown_keys():
    """A slip in a patch is noticed."""
    row = ROWS["coupon.apply"][1]
    patched = {"summary": "Does.", "effect": "read", "repeat": row["repeat"], "success": ["x"], "example": {"data": {}}}

    with pytest.raises(ValueError, match="rename"):
        schema.PatchedRow.model_validate_json(json.dumps({**patched, "rename": {}}), strict=True)


def test_files_and_groups_match():
    """Every file is a group of the index, and every group has its file."""
    files = {path.stem for path in FOLDER.glob("*.json")}

    assert files == {*INDEX["groups"], "catalog"}


@pytest.mark.parametrize("entity_id", ROWS)
def test_row_stands_in_its_group(entity_id):
    """A row stands in the file that its id begins with."""
    assert entity_id.startswith(f"{ROWS[entity_id][0]}.")


def test_names_are_unique():
    """No id, title or alias means two entities."""
    names = [name.casefold() for entity in CATALOG.entities for name in (entity.id, entity.title, *entity.aliases)]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("entity_id", ROWS)
def test_dialects_are_those_of_the_index(entity_id):
    """A row speaks of every dialect that the index explains, in its order."""
    assert list(ROWS[entity_id][1]["dialects"]) == list(INDEX["dialects"])


def test_notes_are_about_dialects():
    """Notes of a dialect, and the main one, are about those that the index explains."""
    assert {*INDEX["dialect_notes"], INDEX["main_dialect"]} <= set(INDEX["dialects"])


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_references_lead_somewhere(entity, variant):
    """Needs and examples name entities, sets and clears name parts, query fields and renames name fields."""
    ids = {known.id for known in CATALOG.entities}
    names = {field.name for field in variant.fields}

    assert {needed for need in variant.needs for needed in need.any_of} <= ids
    assert {step.entity for step in variant.example.before} <= ids
    assert {*variant.sets, *variant.clears_on_success, *variant.clears_on_failure} <= set(CATALOG.parts)
    assert {*variant.query_fields, *variant.renames} <= names
    assert not names & set(variant.refuses)


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_needs_come_earlier(entity, variant):
    """Something that meets a need stands above it, so that the catalog's order is an order of calls."""
    ids = [known.id for known in CATALOG.entities]

    for need in variant.needs:
        assert any(ids.index(needed) < ids.index(entity.id) for needed in need.any_of)


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_example_can_be_sent(entity, variant):
    """Every example fits its own entity, and nothing that it needs is missing before it."""
    steps = [(CATALOG.find(step.entity).variant(variant.dialect), step.payload) for step in variant.example.before]

    problems = [
        problem
        for called, payload in [*steps, (variant, variant.example.payload)]
        for problem in check_payload(called, payload or {}, is_templated=_is_template)
        if payload is not None
    ]

    assert problems == []
    assert variant.unmet([called.entity for called, _ in steps]) == ()


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_patterns_are_explained(entity, variant):
    """A field with a pattern says in words what it accepts."""
    for field in _all_fields(variant.fields):
        assert (field.pattern is None) == (field.pattern_words is None)


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_private_fields_are_masked(entity, variant):
    """What the catalog calls personal or secret is masked by name wherever exchanges are shown."""
    for field in _all_fields(variant.fields):
        if field.is_personal:
            assert is_private(field.name), field.name
        if field.is_secret:
            assert is_secret(field.name), field.name


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_lists_and_records_have_fields(entity, variant):
    """Lists and records, and nothing else, have fields of their own."""
    for field in _all_fields(variant.fields):
        assert bool(field.fields) == (field.type in {"list", "record"}), field.name


@pytest.mark.parametrize("dialect", INDEX["dialects"])
@pytest.mark.parametrize("entity", CATALOG.entities, ids=lambda entity: entity.id)
def test_matrix_is_complete(entity, dialect):
    """An entity is either offered by a dialect or absent from it, with a reason."""
    assert (dialect in entity.variants) != (dialect in entity.absences)
    assert dialect in entity.variants or entity.absences[dialect].reason


@pytest.mark.parametrize(
    ("entity", "dialect", "absence"),
    [
        pytest.param(entity, dialect, absence, id=f"{entity.id} {dialect}")
        for entity in CATALOG.entities
        for dialect, absence in entity.absences.items()
        if absence.instead
    ],
)
def test_alternative_exists(entity, dialect, absence):
    """What is named in place of an absent entity can be called in that dialect."""
    assert CATALOG.find(absence.instead).operation(dialect)


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_call_is_complete(entity, variant):
    """A variant has a route, or sends nothing at all, or is planned as several calls."""
    assert bool(variant.route) + variant.is_local + entity.is_composite == 1


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_calls_of_a_dialect_differ(entity, variant):
    """Where two entities of a dialect go by one call, a list of entries or an order to change tells them apart."""
    same = [
        other
        for other in CATALOG.find_route(variant.route, variant.dialect, variant.query)
        if other is not entity and other.variant(variant.dialect).query == variant.query
    ]

    assert variant.is_local or {entity.id, *(other.id for other in same)} in (
        {entity.id},
        {"cart.add", "cart.replace"},
        {"cart.products", "cart.replace"},
        {"voucher.add", "voucher.replace"},
        {"order.add", "order.edit"},
    )


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_draft_is_held_by_the_client_alone(entity, variant):
    """A dialect with sessions has no draft; one without says of every call of effect `session` what it changes."""
    keeps_draft = variant.dialect == "4.1" and variant.effect == "session" and not entity.is_composite

    assert (variant.draft is not None) == keeps_draft
    assert variant.draft is not None or (variant.draft_change == "put" and not variant.is_local)
    assert variant.draft is None or variant.draft in CATALOG.parts


@pytest.mark.parametrize(
    "variant", [each.values[1] for each in VARIANTS if each.values[1].draft is not None], ids=lambda each: each.entity
)
def test_draft_change_has_its_fields(variant):
    """A change of the draft has the fields that it speaks of."""
    names = {field.name for field in variant.fields}

    match variant.draft_change:
        case "edit" | "remove":
            assert "key" in names
        case "choose":
            assert names == {variant.draft}
            assert f"{variant.draft}s" in CATALOG.parts
        case "answer":
            assert variant.draft in variant.success_keys
        case _:
            assert names


@pytest.mark.parametrize(("entity", "variant"), VARIANTS)
def test_wire_names_are_whole(entity, variant):
    """No two fields have one name on the wire, and fixed fields and codes name fields that there are."""
    names = [variant.renames.get(field.name, field.name) for field in variant.fields]

    assert len(names) == len(set(names))
    assert set(variant.form) <= set(names)
    assert set(variant.codes) <= {field.name for field in variant.fields}


def test_personal_fields_are_masked_on_the_wire():
    """What is personal is masked under the name that it has on the wire, too."""
    for each in VARIANTS:
        variant = each.values[1]
        for field in variant.fields:
            assert not field.is_personal or is_private(variant.renames.get(field.name, field.name)), field.name
