"""A practice shop of each generation, and whole orders published to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from connector import load, open_project
from connector.call.compose import Composer
from connector.call.run import CallRun
from connector.publisher.publisher import Publisher
from connector.sandbox.generations import GENERATIONS
from connector.sandbox.server import SandboxServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

ORDER: dict[str, Any] = {
    "reference": "WEB-1",
    "customer": {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "telephone": "0612345678"},
    "lines": [{"product_id": 40, "quantity": 2}],
    "coupon": "2222",
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
"""A whole order, as `order.place` takes it."""


async def _skip(_wait_s: float) -> None:
    """Pass the time at once."""


@pytest.fixture(params=GENERATIONS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[SandboxServer]:
    """A practice shop, of each generation in turn."""
    async with SandboxServer(dialect=request.param, error_display=False) as server:
        yield server


@pytest.fixture
def open_publisher(shop: SandboxServer) -> Callable[..., Any]:
    """Open a publisher of an entity; it waits as it is told before it looks for an order, or not at all."""

    @asynccontextmanager
    async def open_(
        entity: str = "order.place", *, sleep: Callable[[float], Awaitable[None]] = _skip, total: str = "20s"
    ) -> AsyncIterator[Publisher]:
        document = {
            "clients": {
                "shop": {
                    "connector": "opencart",
                    "base_url": shop.base_url,
                    "username": shop.username,
                    "key": shop.key,
                    "dialect": shop.dialect,
                    "timeout": {"connect": "20s", "total": total},
                }
            },
            "outgoing": {"orders": {"publisher": {"client": "shop", "entity": entity}}},
        }
        async with open_project(load(document, environment={})) as runtime:
            client = runtime.client("shop")
            plan = runtime.project.outgoing["orders"].call
            yield Publisher(CallRun(plan, client, composer=Composer(client, sleep=sleep)))

    return open_
