"""The reference page of the catalog."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector.catalog.catalog import load_catalog
from connector.catalog.listing import find_main_dialect
from connector.reference.catalog import render_catalog_page, render_example, write_catalog_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "catalog.md"
CATALOG = load_catalog("opencart")
CALLABLE = [entity for entity in CATALOG.entities if entity.reserved is None]


def test_page_is_up_to_date():
    """The page says what the catalog says; `make docs` writes it again."""
    assert PAGE.read_text(encoding="utf-8") == render_catalog_page()


def test_page_is_written(tmp_path):
    """Writing the page gives its path."""
    path = write_catalog_page(tmp_path)

    assert path == tmp_path / "catalog.md"
    assert path.read_text(encoding="utf-8") == render_catalog_page()


@pytest.mark.parametrize("entity", CATALOG.entities, ids=lambda entity: entity.id)
def test_every_entity_has_a_section(entity):
    """Every entity has a section with its title and aliases, and a line in the table that leads there."""
    page = render_catalog_page()

    assert f"\n## {entity.id}\n" in page
    assert f"](#{entity.id.replace('.', '')}) | {entity.title} |" in page
    assert all(alias in page for alias in entity.aliases)


@pytest.mark.parametrize("entity", CATALOG.entities, ids=lambda entity: entity.id)
def test_every_dialect_is_told(entity):
    """A section tells of every dialect: of one as a whole, of the others what they do otherwise."""
    section = render_catalog_page().partition(f"\n## {entity.id}\n")[2].partition("\n## ")[0]

    assert f"in `{find_main_dialect(CATALOG, entity)}`\n" in section
    others = section.partition("\nOther generations:\n")[2]
    assert all(f"`{dialect}`" in others for dialect in set(CATALOG.dialects) - {find_main_dialect(CATALOG, entity)})


@pytest.mark.parametrize("entity", CATALOG.entities, ids=lambda entity: entity.id)
def test_table_is_a_matrix(entity):
    """The table has a mark, an alternative or a dash for every dialect."""
    line = next(line for line in render_catalog_page().splitlines() if line.startswith(f"| [`{entity.id}`]"))

    for dialect, cell in zip(CATALOG.dialects, line.split(" | ")[2:], strict=False):
        absence = entity.absences.get(dialect)
        wanted = "\N{CHECK MARK}" if absence is None else f"`{absence.instead}`" if absence.instead else "\N{EN DASH}"
        assert wanted in cell


@pytest.mark.parametrize(
    ("entity", "dialect"),
    [pytest.param(entity, dialect, id=f"{entity.id} {dialect}") for entity in CALLABLE for dialect in entity.variants],
)
def test_example_says_what_the_catalog_says(entity, dialect):
    """An example, read as YAML, holds the entity's payload and the steps before it, in every dialect."""
    variant = entity.variant(dialect)
    name = entity.id.replace(".", "-")

    ((kind, written),) = YAML(typ="safe", pure=True).load(render_example(CATALOG, entity, dialect)).items()

    call = written[name]["subscriber" if kind == "incoming" else "publisher"]
    payload = call.get("data", {})
    for holder in (payload, *payload.get("lines", ())):
        if "option" in holder:  # keys of a mapping are text in a configuration, a number to YAML
            holder["option"] = {str(key): value for key, value in holder["option"].items()}
    assert call["entity"] == entity.id
    assert [step["entity"] for step in call.get("before", [])] == [step.entity for step in variant.example.before]
    assert "product" in payload or payload == variant.example.payload
