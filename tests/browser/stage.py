"""A whole service in a thread: the practice shop, a store, workers and the dashboard, with tasks in every status.

```python
with Stage(tmp_path) as stage:
    stage.fill()                       # tasks in every status
    stage.push("orders", order("WEB-1"))
    browser.goto(stage.url)
```
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from connector import load
from connector.config.settings import Settings
from connector.redaction import Redactor
from connector.sandbox.server import SandboxServer
from connector.server.observe.ring import LogRing
from connector.server.process import Process, open_process
from connector.store.rows import TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from connector.store.rows import TaskRow

PATIENCE_S: Final = 30.0
"""How long a test waits for what must happen."""

NOWHERE: Final = "http://127.0.0.1:9/"

_ADDRESS: Final = {
    "address_1": "{{ record.street }}",
    "city": "{{ record.city }}",
    "postcode": "{{ record.postcode }}",
    "country_id": 222,
    "zone_id": 3553,
}
_NAME: Final = {"firstname": "{{ record.first_name }}", "lastname": "{{ record.last_name }}"}
_PERSON: Final = {**_NAME, "email": "{{ record.email }}"}


def configure(shop: SandboxServer) -> dict[str, Any]:
    """Return the configuration: orders by webhook and by push into the shop, quotes out of it, stock to nowhere."""
    return {
        "clients": {
            "shop": {
                "connector": "opencart",
                "base_url": shop.base_url,
                "username": shop.username,
                "key": shop.key,
                "dialect": "3.0",
                "timeout": {"total": "5s"},
            },
            "warehouse": {"connector": "http", "base_url": NOWHERE},
        },
        "incoming": {
            "marketplace-orders": {
                "webhook": {"path": "/marketplace", "auth": {"none": {}}, "records": "$.orders[*]"},
                "transform": [{"set": {"source": "marketplace"}}],
            },
            "shipping-quotes": {
                "subscriber": {
                    "client": "shop",
                    "before": [
                        {"entity": "cart.add", "data": {"product_id": 40, "quantity": 1}},
                        {
                            "entity": "shipping.address",
                            "data": {
                                "firstname": "Ann",
                                "lastname": "Lee",
                                "address_1": "1 High Street",
                                "city": "London",
                                "postcode": "NW1 6XE",
                                "country_id": 222,
                                "zone_id": 3553,
                            },
                        },
                    ],
                    "entity": "Shipping - Returning available shipping methods",
                    "records": "$.shipping_methods.*.quote.*",
                },
                "transform": [{"pick": ["code", "title", "cost", "text"]}],
                "schedule": {"every": "10m"},
            },
        },
        "outgoing": {
            "place-order": {
                "publisher": {
                    "client": "shop",
                    "entity": "order.place",
                    "data": {
                        "reference": "{{ record.reference }}",
                        "customer": {
                            "firstname": "{{ record.first_name }}",
                            "lastname": "{{ record.last_name }}",
                            "email": "{{ record.email }}",
                            "telephone": "{{ record.phone }}",
                        },
                        "lines": {"value": "{{ record.lines }}", "type": "list"},
                        "payment_address": _ADDRESS,
                        "shipping_method": "cheapest",
                        "payment_method": "cod",
                    },
                },
            },
            "place-by-steps": {  # cannot be looked for when its answer is lost
                "publisher": {
                    "client": "shop",
                    "before": [
                        {"entity": "customer.set", "data": {**_PERSON, "telephone": "{{ record.phone }}"}},
                        {"entity": "cart.add", "transform": [{"split": "$.lines[*]"}]},
                        {"entity": "payment.address", "data": {**_NAME, **_ADDRESS}},
                        {"entity": "shipping.address", "data": {**_NAME, **_ADDRESS}},
                        {"entity": "shipping.methods"},
                        {"entity": "shipping.method", "data": {"shipping_method": "flat.flat"}},
                        {"entity": "payment.methods"},
                        {"entity": "payment.method", "data": {"payment_method": "cod"}},
                    ],
                    "entity": "order.add",
                    "data": {"comment": "Our reference: {{ record.reference }}"},
                },
            },
        },
        "routes": {
            "marketplace-into-shop": {
                "incoming": "marketplace-orders",
                "outgoing": "place-order",
                "key": "{{ record.reference }}",
                "on_duplicate": "new",
                "transform": [
                    {"filter": "{{ record.lines | length > 0 }}"},
                    {"set": {"channel": "web", "email": "{{ record.email | lower }}"}},
                ],
                "retry": {"attempts": 3, "backoff": {"first": "10m"}},
            },
            "orders": {
                "outgoing": "place-by-steps",
                "key": "{{ record.reference }}",
                "on_duplicate": "new",
                "retry": {"attempts": 3},
            },
            "wholesale-orders": {
                "outgoing": "place-order",
                "key": "{{ record.reference }}",
            },
            "quotes-to-warehouse": {
                "incoming": "shipping-quotes",
                "outgoing": {"publisher": {"client": "warehouse", "route": "quotes"}},
                "key": "{{ record.code }}",
                "retry": {"attempts": 20},
            },
        },
    }


def order(reference: str, **changes: Any) -> dict[str, Any]:
    """Return an order that the shop takes."""
    return {
        "reference": reference,
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "Ann@Example.com",
        "phone": "0612345678",
        "street": "1 High Street",
        "city": "London",
        "postcode": "NW1 6XE",
        "lines": [{"product_id": 40, "quantity": 1}],
        **changes,
    }


class Stage:
    """The service, from `with` to its end.

    Attributes:
        url: Of the dashboard, without a slash at its end.
        shop: The practice shop; `shop.control` from a test's own thread goes through `run`.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        """Prepare.

        Args:
            folder: Where the database is put.
            settings: As `Settings` takes them.
        """
        self.url = ""
        self._settings = {"host": "127.0.0.1", "port": 0, "data_dir": folder, **settings}
        self._thread = threading.Thread(target=self._live, name="stage", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self.shop: SandboxServer
        self.process: Process

    def __enter__(self) -> Self:
        """Begin, and return when requests are answered."""
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the service did not begin"
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and wait for its end."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the service did not end"
        if self._error is not None:
            raise self._error

    @property
    def store(self) -> Any:
        """The service's own store; its methods go through `run`."""
        return self.process.context.store

    def run(self, make: Callable[[], Awaitable[Any]]) -> Any:
        """Carry something out where the service lives, and return its result."""
        assert self._loop is not None

        async def work() -> Any:
            return await make()

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(PATIENCE_S)

    def control(self, name: str, **fields: Any) -> dict[str, Any]:
        """Change something about the shop that a person of the shop could change."""

        async def work() -> dict[str, Any]:
            return self.shop.control(name, **fields)

        return self.run(work)

    def push(self, route: str, *records: dict[str, Any]) -> list[int]:
        """Push records into a route, and return the ids of their tasks."""

        async def work() -> list[int]:
            batch = [dict(record) for record in records]
            taken = await self.process.context.acceptor.accept(batch, route=route)
            return [task for task in taken.ids if task is not None]

        return self.run(work)

    def wait(self, task: int, *statuses: TaskStatus) -> TaskRow:
        """Return a task once it stands so."""
        until = time.monotonic() + PATIENCE_S
        while True:
            detail = self.run(lambda: self.store.tasks.show(task))
            if detail.row.status in statuses:
                return detail.row
            assert time.monotonic() < until, f"task {task} is {detail.row.status}: {detail.row.reason}"
            time.sleep(0.05)

    def fill(self, *, many: int = 12) -> dict[TaskStatus, int]:
        """Make tasks in every status, and return one of each; the route `wholesale-orders` stays paused."""
        made: dict[TaskStatus, int] = {}
        self.run(lambda: self.store.routes.pause("wholesale-orders", by="ann", reason="stocktaking until noon"))
        settled = (TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.UNKNOWN, TaskStatus.RETRY)
        sent = [
            order(f"WEB-{1001 + place}", lines=[{"product_id": 40, "quantity": place % 3 + 1}]) for place in range(many)
        ]
        finished = self.push("marketplace-into-shop", *sent)
        made[TaskStatus.FINISHED] = finished[0]
        for task in finished:
            self.wait(task, *settled)
        failed = self.push(
            "marketplace-into-shop",
            order("WEB-2001", lines=[{"product_id": 99999, "quantity": 1}]),
            order("WEB-2002", first_name=""),
            order("WEB-2003", postcode="", city=""),
        )
        for task in failed:
            self.wait(task, *settled)
        made[TaskStatus.FAILED] = failed[0]
        (made[TaskStatus.SKIPPED],) = self.push("marketplace-into-shop", order("WEB-2004", lines=[]))
        self.wait(made[TaskStatus.SKIPPED], *settled)
        self.control("faults", route="order/add", drop_after_processing=True, calls=2)
        doubtful = self.push("orders", order("SHOP-3001"), order("SHOP-3002", last_name="O'Neil"))
        for task in doubtful:
            self.wait(task, TaskStatus.UNKNOWN)
        made[TaskStatus.UNKNOWN] = doubtful[0]
        (made[TaskStatus.WAITING],) = self.push("orders", order("SHOP-3001", comment="behind it"))
        self.wait(made[TaskStatus.WAITING], TaskStatus.WAITING)
        self.control("faults", route="cart/add", status=503, calls=1)
        (made[TaskStatus.RETRY],) = self.push("marketplace-into-shop", order("WEB-4001"))
        self.wait(made[TaskStatus.RETRY], TaskStatus.RETRY)
        self.control("faults", clear=True)
        made[TaskStatus.NEW] = self.push("wholesale-orders", *(order(f"BULK-{place}") for place in range(4)))[0]
        return made

    def count(self, status: TaskStatus) -> int:
        """Return how many tasks stand so."""
        return int(self.run(lambda: self.store.tasks.count(TaskFilter(statuses=(status,)))))

    def _live(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told where the test waits
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as opened:
            self.shop = await opened.enter_async_context(SandboxServer(error_display=False))
            config = configure(self.shop)
            redactor = Redactor()
            self.process = await opened.enter_async_context(
                open_process(
                    load(config),
                    Settings(**self._settings),
                    redactor=redactor,
                    ring=LogRing(),
                    load=lambda: load(json.loads(json.dumps(config))),
                    grace_s=2.0,
                )
            )
            running = asyncio.ensure_future(self.process.run(self._stop))
            serving = asyncio.ensure_future(self.process.server.wait_until_serving())
            await asyncio.wait({running, serving}, return_when=asyncio.FIRST_COMPLETED)
            serving.cancel()
            self.url = self.process.server.url.rstrip("/")
            self._ready.set()
            await running
