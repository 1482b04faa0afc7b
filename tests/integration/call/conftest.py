"""A shop to place orders in, and one that answers as told."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from connector import load, open_project
from connector.sandbox.server import SandboxServer
from connector.testing.server import Received, Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from connector import Runtime

PERMISSION = "Warning: You do not have permission to access the API!"

ADDRESS = {
    "firstname": "Ann",
    "lastname": "Lee",
    "address_1": "1 High Street",
    "city": "London",
    "postcode": "NW1 6XE",
    "country_id": 222,
    "zone_id": 3553,
}

ORDER: dict[str, Any] = {
    "client": "shop",
    "before": [
        {
            "entity": "customer.set",
            "data": {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "telephone": "0612345678"},
        },
        {"entity": "cart.add", "data": {"product_id": 40, "quantity": 1}},
        {"entity": "coupon.apply", "data": {"coupon": "2222"}},
        {"entity": "payment.address", "data": ADDRESS},
        {"entity": "shipping.address", "data": ADDRESS},
        {"entity": "shipping.methods"},
        {"entity": "shipping.method", "data": {"shipping_method": "flat.flat"}},
        {"entity": "payment.methods"},
        {"entity": "payment.method", "data": {"payment_method": "cod"}},
        {"entity": "cart.products"},
    ],
    "entity": "order.add",
    "data": {"comment": "Our reference: {{ record.reference }}"},
}
"""A whole order: every step of it, in the order in which they are sent."""


QUOTES: dict[str, Any] = {
    "client": "shop",
    "before": [
        {"entity": "cart.add", "data": {"product_id": 40, "quantity": 1}},
        {"entity": "shipping.address", "data": ADDRESS},
    ],
    "entity": "shipping.methods",
    "records": "$.shipping_methods.*.quote.*",
}
"""A read that counts, and the steps ahead of it."""


@pytest.fixture
async def shop() -> AsyncIterator[SandboxServer]:
    """A practice shop."""
    async with SandboxServer(error_display=False) as server:
        yield server


@pytest.fixture
def place_order(shop: SandboxServer) -> Callable[..., Any]:
    """Open a project that asks the practice shop for quotes and places orders; some options may be given."""

    @asynccontextmanager
    async def open_(client: Mapping[str, Any] | None = None, route: Mapping[str, Any] | None = None):
        options = {"connector": "opencart", "dialect": "3.0", "base_url": shop.base_url, "key": shop.key}
        options |= client or {}
        outgoing = {"place-order": {"publisher": ORDER}}
        routes = {"orders": {"outgoing": "place-order", **(route or {})}}
        document = {
            "clients": {"shop": options},
            "incoming": {"quotes": {"subscriber": QUOTES}},
            "outgoing": outgoing,
            "routes": routes,
        }
        project = load(document, environment={})
        async with open_project(project) as runtime:
            yield runtime

    return open_


class ScriptedShop:
    """Answers log-ins with tokens in order, and every other route by a function or a reply.

    Attributes:
        calls: How often each route was called.
        routes: The routes in the order they were called, log-ins included.
        lost: Tokens that are refused.
    """

    def __init__(self, answers: Mapping[str, Reply | Callable[[Received], Reply]]) -> None:
        self.calls: Counter[str] = Counter()
        self.routes: list[str] = []
        self.lost: set[str] = set()
        self.answers = dict(answers)

    def __call__(self, request: Received) -> Reply:
        """Answer one request."""
        route = request.query["route"]
        self.calls[route] += 1
        self.routes.append(route)
        if route in self.answers:
            answer = self.answers[route]
            if route != "api/login" and request.query.get("api_token") in self.lost:
                return Reply(json={"error": PERMISSION})
            return answer if isinstance(answer, Reply) else answer(request)
        if route == "api/login":
            return Reply(json={"success": "open", "api_token": f"token-{self.calls[route]}"})
        return Reply(status=404, body=b"<html><title>Not Found</title></html>")

    @property
    def token(self) -> str:
        """The token that was given last."""
        return f"token-{self.calls['api/login']}"


@pytest.fixture
def scripted_shop() -> type[ScriptedShop]:
    """A shop that answers as told."""
    return ScriptedShop


@pytest.fixture
def open_call() -> Callable[..., Any]:
    """Open a project with one client, `remote`, a subscriber, `in`, and a publisher and route, `out`."""

    @asynccontextmanager
    async def open_(
        script: Callable[[Received], Reply],
        *,
        subscriber: Mapping[str, Any] | None = None,
        publisher: Mapping[str, Any] | None = None,
        client: Mapping[str, Any] | None = None,
        route: bool = False,
    ) -> AsyncIterator[tuple[Runtime, ScriptedServer]]:
        async with ScriptedServer(script) as server:
            options: dict[str, Any] = {"base_url": server.url, "timeout": {"connect": "20s", "total": "20s"}}
            options |= client or {"connector": "opencart", "dialect": "3.0", "key": "the-key"}
            document: dict[str, Any] = {"clients": {"remote": options}}
            if subscriber is not None:
                document["incoming"] = {"in": {"subscriber": {"client": "remote", **subscriber}}}
            if publisher is not None:
                document["outgoing"] = {"out": {"publisher": {"client": "remote", **publisher}}}
            if route:
                document["routes"] = {"out": {"outgoing": "out"}}
            async with open_project(load(document, environment={})) as runtime:
                yield runtime, server

    return open_
