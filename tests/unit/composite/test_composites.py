"""The table of composite entities."""

from __future__ import annotations

from connector.catalog.catalog import load_catalog
from connector.composite.composites import COMPOSITES


def test_every_composite_of_the_catalog_can_be_carried_out() -> None:
    """What the catalog calls a composite is in the table, and nothing else is."""
    catalog = load_catalog("opencart")

    composites = {entity.id for entity in catalog.entities if entity.is_composite}

    assert set(COMPOSITES) == composites
