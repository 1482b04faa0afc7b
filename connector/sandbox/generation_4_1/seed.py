"""What a shop of 4.1 starts with."""

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from connector.sandbox.shop.accounts import build_seed_4
from connector.sandbox.shop.seed import ProductSeed, Seed, Zone, load_zones

ADDRESS: Final[dict[str, Any]] = {
    "address_id": 1,
    "customer_id": 1,
    "firstname": "Jane",
    "lastname": "Roe",
    "company": "",
    "address_1": "1 High Street",
    "address_2": "",
    "city": "Preston",
    "postcode": "PR1 1AA",
    "country_id": 222,
    "zone_id": 3563,
}
"""The one address a customer has on file; only subscriptions name addresses by id."""

PLAN_IDS: Final = frozenset({1, 2, 3})
"""The subscription plans there are; only the second is offered for a product."""


def build_seed(key: str, ips: tuple[str, ...]) -> Seed:
    """Return the seed.

    Args:
        key: The key of the API user ``oc_api``; the keys of the others are made from it.
        ips: Addresses the API users may call from.
    """
    seed = build_seed_4(key, ips)
    return replace(seed, products=_drop_specials(seed.products), zones=_load_zones())


def _drop_specials(products: tuple[ProductSeed, ...]) -> tuple[ProductSeed, ...]:
    """Return the catalogue without specials; its discounts are percentages here, though of the same figures."""
    return tuple(replace(product, special=None) for product in products)


@cache
def _load_zones() -> MappingProxyType[int, Zone]:
    path = files(__package__).joinpath("..", "data", "zones_later.json")
    later: dict[str, list[tuple[int, str, str]]] = json.loads(path.read_text(encoding="utf-8"))
    added = {
        row[0]: Zone(row[0], int(country_id), row[1], row[2]) for country_id, rows in later.items() for row in rows
    }
    return MappingProxyType({**load_zones(), **added})
