"""`connector demo`: the main flow against a practice shop of its own, and the YAML that made it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from connector.cli.exits import FAILED, OK, ArgumentError
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import align

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connector.app.project import Project
    from connector.app.runtime import Runtime
    from connector.cli.interrupt import Stop
    from connector.record import Record
    from connector.request import Exchange
    from connector.sandbox.server import SandboxServer

EPILOG = """\b
Examples:
  connector demo
  connector demo --output json
  connector demo --serve               the dashboard, with live traffic
"""

_DATA: Final = Path(__file__).parent.parent / "data"
_YAML: Final = _DATA / "demo.yaml"
_ORDER: Final = _DATA / "demo-order.json"


@click.command(epilog=EPILOG)
@click.option("--serve", is_flag=True, help="Run the service on the practice shop, with live traffic, until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="With --serve: port of the dashboard; 0 takes a free one.  [default: 8484, or a free one where it is taken]",
)
@shared_options
@click.pass_obj
def command(invocation: Invocation, serve: bool, port: int | None) -> int:
    """Place an order in a practice shop, from YAML to order number.

    Starts a practice shop on a free port of this machine, asks it for shipping methods through a subscriber, applies a
    coupon through a publisher and places a complete order through a route. Then a worker that places orders is killed
    in the middle and started again: every order is in the shop once. Needs no configuration and leaves nothing behind.

    With --serve, the shop stays, and so does the service: orders come in every few seconds as a marketplace sends them,
    shipping methods are fetched every half a minute, and some of it goes wrong. The dashboard shows all of it.
    """
    if port is not None and not serve:
        raise ArgumentError("--port is the dashboard's", cure="write --serve with it")
    if serve:
        return _run_live(invocation, port)
    from connector.sandbox.server import SandboxServer

    invocation.log_level = invocation.log_level or "warning"
    invocation.start_logging()

    async def work(_stop: Stop) -> int:
        async with SandboxServer(error_display=False) as shop:
            return await _Demo(invocation, shop).run()

    return run_stoppable(work, invocation.screen, in_hand="the demo")


def _run_live(invocation: Invocation, port: int | None) -> int:
    if invocation.log_level is None:  # the page Log shows what a service logs, and the terminal what the traffic is
        invocation.log_level, invocation.written_level = "info", "error"

    async def work(stop: Stop) -> int:
        from connector.cli.live import run_live

        await run_live(invocation, stop, port=port)
        return OK

    return run_stoppable(work, invocation.screen, in_hand="what is in hand")


class _Demo:
    """The demo, told step by step, or collected for JSON."""

    def __init__(self, invocation: Invocation, shop: SandboxServer) -> None:
        self._invocation = invocation
        self._shop = shop
        self._told: dict[str, Any] = {}

    async def run(self) -> int:
        """Run it and return the exit code.

        Raises:
            ConnectorError: Something that works in this version does not.
        """
        from connector.app.project import load
        from connector.app.runtime import open_project

        project = load(_YAML, environment={"SHOP_URL": self._shop.base_url, "SHOP_KEY": self._shop.key})
        self._say(f"A practice shop (OpenCart 3.0) runs at {self._shop.base_url}/ for the length of this demo.")
        async with open_project(project, redactor=self._invocation.redactor) as runtime:
            await self._fetch_quotes(runtime)
            await self._apply_coupon(runtime)
            code = await self._place_order(runtime)
        if code == OK:
            code = await self._kill_a_worker(project)
        if self._invocation.is_json:
            self._invocation.screen.show_json(self._told)
        elif code == OK:
            self._show_way_on()
        return code

    async def _fetch_quotes(self, runtime: Runtime) -> None:
        self._say()
        self._say('1. The subscriber shipping-quotes asks for "Shipping - Returning available shipping methods":')
        exchanges: list[Exchange] = []
        records = [record async for record in runtime.incoming("shipping-quotes").records(observe=exchanges.append)]
        self._show_sent(exchanges)
        for record in records:
            self._say(f"   record: {_to_text(record)}")
        self._told["quotes"] = records

    async def _apply_coupon(self, runtime: Runtime) -> None:
        self._say()
        self._say("2. The publisher apply-coupon sends coupon 2222:")
        exchanges: list[Exchange] = []
        published = await runtime.publisher("apply-coupon").publish({"code": "2222"}, observe=exchanges.append)
        self._show_sent(exchanges)
        self._say(f"   answer: {published.value['success']}")
        self._told["coupon"] = published.value

    async def _place_order(self, runtime: Runtime) -> int:
        import orjson

        self._say()
        self._say("3. The route orders-into-shop takes one record, and places the whole order:")
        order: Record = orjson.loads(_ORDER.read_bytes())
        self._say(f"   record: {_to_text(order)}")
        exchanges: list[Exchange] = []
        results: list[Any] = []
        summary = await runtime.route("orders-into-shop").push(
            _one_batch(order), on_result=results.append, observe=exchanges.append
        )
        self._show_sent(exchanges)
        if summary.failed or summary.unknown:
            self._invocation.screen.tell(f"error: the order was not placed: {results[0].step}: {results[0].reason}")
            return FAILED
        totals = _find_totals(exchanges)
        order_id = results[0].value["order_id"]
        for line in align([(f"   {total['title']}", total["text"]) for total in totals]):
            self._say(line)
        self._say(f"   order number: {order_id}")
        self._told["order"] = {"order_id": order_id, "totals": totals, "verdict": results[0].verdict.value}
        return OK

    async def _kill_a_worker(self, project: Project) -> int:
        import orjson

        from connector.cli.rehearsal import ORDERS, ROUTE, Rehearsal

        self._say()
        self._say(f"4. A worker takes {ORDERS} orders through the route {ROUTE}, and is killed in the middle of them:")
        order: Record = orjson.loads(_ORDER.read_bytes()) | {"lines": [{"product_id": 40, "quantity": 1}]}
        orders = [order | {"reference": f"WEB-{2001 + number}"} for number in range(ORDERS)]
        outcome = await Rehearsal(self._shop, project, _YAML, self._say).run(orders)
        self._told["killed_worker"] = asdict(outcome)
        tasks = ", ".join(f"{number} {status}" for status, number in outcome.statuses.items())
        self._say(f"   tasks: {tasks}; the shop has {sum(outcome.placed.values())} of these orders")
        if not outcome.is_sound:
            self._invocation.screen.tell(f"error: not every order is in the shop once: {outcome.placed}")
            return FAILED
        self._say("   every order was placed once")
        return OK

    def _show_sent(self, exchanges: list[Exchange]) -> None:
        """Tell each request in one line, secrets and personal data masked."""
        from connector.client.client import show_exchange

        shown = [show_exchange(exchange, self._invocation.redactor) for exchange in exchanges]
        rows = []
        for sent in shown:
            fields = "  ".join(f"{name}={value}" for name, value in sent["request"].items())
            rows.append((f"   sent: {sent['query']['route']}", sent["verdict"], fields))
        for line in align(rows):
            self._say(line)
        self._told.setdefault("sent", []).extend(shown)

    def _show_way_on(self) -> None:
        self._say()
        self._say(f"The YAML that did it ({_YAML}):")
        self._say()
        for line in _YAML.read_text(encoding="utf-8").splitlines():
            self._say(f"   {line}".rstrip())
        self._say()
        self._say("Where to go next:")
        self._say(
            "   connector demo --serve                           the dashboard, with live traffic (or: make serve-demo)"
        )
        self._say(
            "   connector sandbox                                a practice shop that stays, where the YAML leads"
        )
        self._say(f"   connector run shipping-quotes -c {_YAML}")
        self._say("   connector catalog                                everything the shop can be asked")
        self._say("   connector --help                                 every command, each with examples")

    def _say(self, text: str = "") -> None:
        if not self._invocation.is_json:
            self._invocation.screen.show(text)
            self._invocation.screen.flush()


async def _one_batch(record: Record) -> AsyncIterator[list[Record]]:
    yield [record]


def _find_totals(exchanges: list[Exchange]) -> list[dict[str, Any]]:
    """Return the totals that the shop gave with the cart, ahead of the order."""
    from connector.client.reading import read_body

    for exchange in reversed(exchanges):
        if exchange.entity == "cart.products" and exchange.response is not None:
            reading = read_body(exchange.response.body, exchange.response.headers.get("content-type", ""))
            totals: list[dict[str, Any]] = reading.value["totals"]
            return totals
    return []


def _to_text(value: Any) -> str:
    from connector.desk.json_text import encode_json

    return encode_json(value).decode()
