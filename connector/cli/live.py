"""The practice shop with live traffic: what `connector demo --serve` shows.

The shop, a warehouse, a marketplace and the service run in this process, on a database that is gone in the end. Traffic
comes in as it does from other systems, over HTTP: signed webhooks and pushes. Some of it goes wrong on purpose, so that
there is something to see to.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import random
import secrets
import shutil
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson
from aiohttp import web

from connector.app.project import load
from connector.cli.commands.serve import serve
from connector.errors import ServerError
from connector.sandbox.server import SandboxServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.app.project import Project
    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.config.settings import Settings
    from connector.server.process import Process

PORT: Final = 8484
"""Where the dashboard is, where no port is named and no other program has it."""

_YAML: Final = Path(__file__).parent / "data" / "serve-demo.yaml"
_EVERY_S: Final = 3.0
_PATIENCE_S: Final = 10.0
_GRACE_S: Final = 5.0
_SOLD_OUT: Final = 49
_ON_SALE: Final = (28, 29, 31, 32, 33, 34, 40, 41, 44, 45, 48)  # what is shipped: else the shop offers no payment
_PEOPLE: Final = (("Ann", "Lee"), ("Bo", "Jansen"), ("Cara", "Diaz"), ("Dev", "Patel"), ("Eva", "Novak"))
_PLACES: Final = (
    {"street": "1 High Street", "city": "London", "postcode": "NW1 6XE", "country": "GB", "region": "Greater London"},
    {"street": "Oudegracht 12", "city": "Utrecht", "postcode": "3511 AP", "country": "NL", "region": "Utrecht"},
)


async def run_live(invocation: Invocation, stop: Stop, *, port: int | None) -> None:
    """Run the shop, its neighbours and the service until asked to stop, with live traffic.

    Args:
        invocation: Where to tell what happens.
        stop: Set by a signal.
        port: Of the dashboard; 0 takes a free one. None: the usual one, or a free one where another program has it.

    Raises:
        ServerError: The port cannot be had.
    """
    own = invocation.load_settings()
    with tempfile.TemporaryDirectory(prefix="connector-demo-") as folder:
        config = Path(folder) / "serve-demo.yaml"
        shutil.copy(_YAML, config)
        async with SandboxServer(error_display=False) as shop, _open_warehouse() as warehouse:
            secret = secrets.token_hex(16)
            environment = {
                "SHOP_URL": f"{shop.base_url}/",
                "SHOP_KEY": shop.key,
                "WAREHOUSE_URL": warehouse,
                "MARKETPLACE_SECRET": secret,
            }

            def load_demo() -> Project:
                return load(config, environment=environment)

            project = load_demo()
            invocation.redactor.add(*project.document.secrets)
            flowing: set[asyncio.Task[None]] = set()

            def begin(process: Process) -> None:
                _show(invocation, process, shop, config)
                traffic = _Traffic(process.server.url, secret, shop, invocation.screen.tell)
                flowing.add(asyncio.ensure_future(traffic.run(stop.event)))

            try:
                await serve(
                    invocation,
                    project,
                    _set_up(own, Path(folder), _choose_port(port)),
                    stop,
                    load=load_demo,
                    grace_s=_GRACE_S,
                    on_ready=begin,
                )
            finally:
                for task in flowing:
                    task.cancel()
                if flowing:
                    await asyncio.wait(flowing)


def _set_up(own: Settings, folder: Path, port: int) -> Settings:
    """Return settings for the demo, which has nothing to do with the database and the doors of any other service."""
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in type(own).model_fields.items()
        if name not in {"log_format", "log_level", "color"}
    }
    return own.model_copy(update={**defaults, "data_dir": folder, "port": port})


def _choose_port(port: int | None) -> int:
    if port is not None:
        return port
    from connector.server.http import bind

    try:
        bind("127.0.0.1", PORT).close()
    except ServerError:
        return 0
    return PORT


class _Traffic:
    """What the marketplace and others send."""

    def __init__(self, url: str, secret: str, shop: SandboxServer, tell: Callable[[str], None]) -> None:
        self._url = url
        self._secret = secret.encode()
        self._shop = shop
        self._tell = tell
        self._random = random.Random()  # noqa: S311 - which customer orders what is no secret
        self._numbers = itertools.count(1001)
        self._last: bytes | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Send something every few seconds until asked to stop: first one of each kind, then as it comes."""
        usual = (self._send_order, self._send_several, self._push_coupon)
        odd = (self._lose_order, self._send_sold_out, self._send_unmapped, self._send_again, self._delay_order)
        acts = itertools.chain(
            (self._send_several, self._lose_order, self._send_sold_out, self._send_unmapped, self._push_coupon),
            (self._random.choice(odd if number % 5 == 4 else usual) for number in itertools.count()),
        )
        async with httpx.AsyncClient(base_url=self._url, timeout=_PATIENCE_S) as client:
            for act in acts:
                try:
                    self._tell(await act(client))
                except httpx.HTTPError as error:
                    self._tell(f"the service did not answer: {error}")
                try:
                    await asyncio.wait_for(stop.wait(), _EVERY_S)
                except TimeoutError:
                    continue
                return

    async def _send_order(self, client: httpx.AsyncClient) -> str:
        order = self._make_order()
        return f"an order: {await self._call_hook(client, [order])}"

    async def _send_several(self, client: httpx.AsyncClient) -> str:
        orders = [self._make_order() for _ in range(self._random.randint(2, 5))]
        return f"{len(orders)} orders: {await self._call_hook(client, orders)}"

    async def _lose_order(self, client: httpx.AsyncClient) -> str:
        # The connection ends before the shop has read the order: nobody can say from here whether it was placed.
        self._shop.control("faults", route="order/add", drop_before_processing=True)
        told = await self._call_hook(client, [self._make_order()])
        return f"an order, and the shop hangs up on it: {told}; see /unknown"

    async def _delay_order(self, client: httpx.AsyncClient) -> str:
        self._shop.control("faults", route="order/add", delay_s=4.0)
        return f"an order, and the shop takes its time: {await self._call_hook(client, [self._make_order()])}"

    async def _send_sold_out(self, client: httpx.AsyncClient) -> str:
        order = self._make_order() | {"lines": [{"product_id": _SOLD_OUT, "quantity": 1}]}
        return f"an order for what is sold out: {await self._call_hook(client, [order])}"

    async def _send_unmapped(self, client: httpx.AsyncClient) -> str:
        order = self._make_order() | {"country": "FR", "region": "Bretagne"}
        return f"an order from a country that nobody has mapped: {await self._call_hook(client, [order])}"

    async def _send_again(self, client: httpx.AsyncClient) -> str:
        if self._last is None:
            return await self._send_order(client)
        return f"the last delivery a second time: {await self._post_hook(client, self._last)}"

    async def _push_coupon(self, client: httpx.AsyncClient) -> str:
        code = self._random.choice(["2222", "3333", "NOSUCH"])
        answer = await client.post("/api/v1/routes/coupons-into-shop/push", json={"code": code})
        return f"coupon {code}: {_read(answer)}"

    async def _call_hook(self, client: httpx.AsyncClient, orders: list[dict[str, Any]]) -> str:
        return await self._post_hook(client, orjson.dumps({"orders": orders}))

    async def _post_hook(self, client: httpx.AsyncClient, body: bytes) -> str:
        """Call the webhook as the marketplace does: with a time, and a signature over both."""
        self._last = body
        timestamp = str(int(time.time()))
        signature = hmac.new(self._secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json", "X-Timestamp": timestamp, "X-Signature": f"sha256={signature}",
        }  # fmt: skip
        return _read(await client.post("/hooks/marketplace", content=body, headers=headers))

    def _make_order(self) -> dict[str, Any]:
        first, last = self._random.choice(_PEOPLE)
        lines = [
            {"product_id": product, "quantity": self._random.randint(1, 2)}
            for product in self._random.sample(_ON_SALE, self._random.randint(1, 3))
        ]
        return {
            "reference": f"WEB-{next(self._numbers)}",
            "first_name": first,
            "last_name": last,
            "email": f"{first.lower()}@example.com",
            "phone": "0612345678",
            **self._random.choice(_PLACES),
            "lines": lines,
        }


def _read(answer: httpx.Response) -> str:
    """Return what the service said of a delivery, in a few words."""
    if not answer.is_success:
        return f"{answer.status_code}"
    taken = answer.json()
    if taken.get("is_repeat"):
        return f"{answer.status_code}, known already"
    tasks = taken.get("tasks", [])
    return f"{answer.status_code}, {'task' if len(tasks) == 1 else 'tasks'} {', '.join(map(str, tasks))}"


@asynccontextmanager
async def _open_warehouse() -> AsyncIterator[str]:
    """Run a system that takes what it is sent, but not every time; give its address."""
    calls = itertools.count(1)

    async def take(_request: web.BaseRequest) -> web.Response:
        if next(calls) % 7 == 0:
            return web.json_response({"error": "stocktaking"}, status=503)
        return web.json_response({"is_taken": True})

    runner = web.ServerRunner(web.Server(take, access_log=None), handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _show(invocation: Invocation, process: Process, shop: SandboxServer, config: Path) -> None:
    screen, url = invocation.screen, process.server.url
    if invocation.is_json:
        screen.show_json({"url": url, "shop": f"{shop.base_url}/", "config": str(config)})
    else:
        screen.show(f"dashboard: {url}")
        screen.show(f"  shop     {shop.base_url}/  (a practice shop, OpenCart 3.0)")
        screen.show(f"  config   {config}")
        screen.show(f"  metrics  {url}metrics")
    screen.flush()
    screen.tell("Ctrl-C stops it, and leaves nothing behind")
