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
def test_dialects_are_known(entity_id):
    """A row speaks only of dialects that the index explains."""
    assert set(ROWS[entity_id][1]["dialects"]) <= set(INDEX["dialects"])


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
def test_lists_have_fields(entity, variant):
    """Lists, and nothing else, have entries with fields of their own."""
    for field in _all_fields(variant.fields):
        assert bool(field.fields) == (field.type == "list"), field.name
