"""A walk through the orders of a practice shop, which cannot list them; on 4.1 no call reads an order at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import load, open_project
from connector.sandbox.server import SandboxServer
from connector.store.rows import TaskFilter
from connector.store.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

ORDER: dict[str, Any] = {
    "customer": {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "telephone": "0612345678"},
    "lines": [{"product_id": 40, "quantity": 1}],
    "payment_address": {
        "address_1": "1 High Street",
        "city": "London",
        "postcode": "NW1 6XE",
        "country_id": 222,
        "zone_id": 3553,
    },
    "shipping_method": "cheapest",
    "payment_method": "cod",
}


SHOWN = {"entity": "order.info", "data": {"order_id": "{{ state.id }}"}}
LOADED = {
    "before": [{"entity": "order.load", "data": {"order_id": "{{ state.id }}"}}],
    "entity": "cart.products",
}


def configuration(shop: SandboxServer, subscriber: dict[str, Any]) -> dict[str, Any]:
    """Orders of the shop, found by walking, for a route that is never delivered."""
    return {
        "clients": {
            "shop": {
                "connector": "opencart",
                "base_url": shop.base_url,
                "username": shop.username,
                "key": shop.key,
                "dialect": shop.dialect,
            },
            "erp": {"connector": "http", "base_url": "http://erp.test/"},
        },
        "incoming": {
            "orders": {
                "subscriber": {"client": "shop", **subscriber},
                "state": {"walk": {"gap": 3, "into": "order_id"}},
            }
        },
        "outgoing": {
            "place": {"publisher": {"client": "shop", "entity": "order.place"}},
            "erp": {"publisher": {"client": "erp", "route": "orders"}},
        },
        "routes": {"orders": {"incoming": "orders", "outgoing": "erp", "key": "{{ record.order_id }}"}},
    }


@pytest.mark.parametrize(
    ("dialect", "subscriber", "asks"),
    [("2.3", SHOWN, "order.info"), ("3.0", SHOWN, "order.info"), ("4.0", LOADED, "order.load")],
)
async def test_orders_that_cannot_be_listed_are_found(
    dialect: str, subscriber: dict[str, Any], asks: str, tmp_path: Path
):
    """Every order becomes a task, and the next walk finds those that were placed since."""
    async with SandboxServer(dialect=dialect, error_display=False) as shop:
        project = load(configuration(shop, subscriber), environment={})
        async with open_project(project) as runtime, open_store(tmp_path / "tasks.db") as store:
            ingest, place = runtime.ingest(store), runtime.publisher("place")
            await place.publish(ORDER)
            await place.publish(ORDER)
            exchanges: list[Any] = []

            first = await ingest.fetch("orders", observe=exchanges.append)
            await place.publish(ORDER)
            second = await ingest.fetch("orders")

            tasks = await store.tasks.find(TaskFilter(route="orders"))
            assert [task.key for task in reversed(tasks)] == ["1", "2", "3"]
            assert (first.taken, second.taken) == (2, 1)
            asked = [exchange.entity for exchange in exchanges]
            assert asked.count(asks) == 5
            assert asked.count("session.login") <= (1 if subscriber is SHOWN else 5)  # what leaves nothing shares one
