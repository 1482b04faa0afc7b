"""The reference page of the catalog."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector.catalog.catalog import load_catalog
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


@pytest.mark.parametrize("entity", CALLABLE, ids=lambda entity: entity.id)
def test_example_says_what_the_catalog_says(entity):
    """An example, read as YAML, holds the entity's payload and the steps before it."""
    variant = entity.variant("3.0")
    name = entity.id.replace(".", "-")

    ((kind, written),) = YAML(typ="safe", pure=True).load(render_example(CATALOG, entity, "3.0")).items()

    call = written[name]["subscriber" if kind == "incoming" else "publisher"]
    payload = call.get("data", {})
    if "option" in payload:  # keys of a mapping are text in a configuration, a number to YAML
        payload["option"] = {str(key): value for key, value in payload["option"].items()}
    assert call["entity"] == entity.id
    assert [step["entity"] for step in call.get("before", [])] == [step.entity for step in variant.example.before]
    assert "product" in payload or payload == variant.example.payload
