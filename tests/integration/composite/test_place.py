"""One configuration on every generation: the order that comes of it, as it is told and in the shop's own books."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector import load, open_project
from tests.integration.composite.conftest import ORDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.app.project import Project
    from connector.sandbox.server import SandboxServer

CONFIGS = Path(__file__).parents[3] / "configs"

ECO_TAX = {"4.1": "6.00"}
"""4.1.0.4 counts the tax of 2.00 once a line; the others, and it up to 4.1.0.3, once a piece."""

DIALECTS = ["auto", "fixed"]


@pytest.fixture
def place(shop: SandboxServer, tmp_path: Path) -> Callable[..., Any]:
    """Push the first sample through the configuration; return its result."""

    async def push(dialect: str = "auto") -> Any:
        return await _push(_read(shop, dialect, tmp_path))

    return push


def _read(shop: SandboxServer, dialect: str, folder: Path) -> Project:
    """Return the whole folder as it is, or the two files of it that an order needs, with the dialect written out."""
    environment = {"SHOP_URL": shop.base_url, "SHOP_USERNAME": shop.username, "SHOP_KEY": shop.key}
    if dialect == "auto":
        return load(CONFIGS, environment=environment)
    for name in ("shop.yaml", "place.yaml"):
        text = (CONFIGS / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("dialect: auto", f"dialect: {dialect}"), encoding="utf-8")
    project = load(folder, environment=environment)
    assert project.clients["shop"].options.dialect == dialect
    return project


async def _push(project: Project) -> Any:
    record = json.loads((CONFIGS / "samples" / "place.jsonl").read_text(encoding="utf-8").splitlines()[0])
    results: list[Any] = []

    async def batches() -> AsyncIterator[list[Any]]:
        yield [record]

    async with open_project(project) as runtime:
        await runtime.route("place").push(batches(), on_result=results.append)
    (result,) = results
    return result


@pytest.mark.parametrize("choice", DIALECTS)
async def test_one_configuration_places_the_same_order_everywhere(shop, place, choice: str):
    """Lines, options, methods, status and totals are equal, but for a tax that 4.1 counts otherwise."""
    eco_tax = Decimal(ECO_TAX.get(shop.dialect, "8.00"))

    result = await place(shop.dialect if choice == "fixed" else "auto")

    assert (result.status, result.reason) == ("finished", "")
    value = result.value
    assert (value["order_id"], value["reference"], value["status_id"]) == (1, "WEB-2001", 2)
    assert sorted(
        (line["product_id"], line["quantity"], line["option"], line["amount"]) for line in value["lines"]
    ) == [
        ("40", 2, [], Decimal("246.40")),
        ("47", 1, [{"option": "225", "name": "Delivery Date", "value": "2026-12-24"}], Decimal("122.00")),
    ]
    assert {row["title"]: row["amount"] for row in value["totals"]} == {
        "Sub-Total": Decimal("302.00"),
        "Flat Shipping Rate": Decimal("5.00"),
        "Coupon (2222)": Decimal("-30.20"),
        "Eco Tax (-2.00)": eco_tax,
        "VAT (20%)": Decimal("55.36"),
        "Total": Decimal("332.16") + eco_tax,
    }
    assert value["total"] == Decimal("332.16") + eco_tax
    assert value["shipping_method"]["code"] == "flat.flat"
    assert value["payment_method"]["code"].split(".")[0] == "cod"


async def test_what_is_told_of_an_order_is_what_the_shop_has(shop, place):
    """The shop's own books agree with the result."""
    result = await place()

    (order,) = shop.orders
    value = result.value
    assert order.order_id == value["order_id"]
    assert order.order_status_id == value["status_id"]
    assert order.total == value["total"]
    assert order.comment == "Please ring twice\nReference: WEB-2001"
    assert {(str(line.product_id), line.quantity) for line in order.lines} == {
        (line["product_id"], line["quantity"]) for line in value["lines"]
    }
    assert {option for line in order.lines for option in line.options} == {("Delivery Date", "2026-12-24")}
    assert [(row.title, row.value) for row in order.totals] == [
        (row["title"], row["amount"]) for row in value["totals"]
    ]
    assert order.payment_code == value["payment_method"]["code"]
    assert order.shipping_code == value["shipping_method"]["code"]


async def test_a_changed_order_is_written_anew(shop, open_publisher):
    """Lines and totals are the new ones, the coupon is gone, and there is no second order."""
    async with open_publisher() as publisher:
        placed = await publisher.publish(ORDER)
    lines = [{"product_id": 40, "quantity": 1}, {"product_id": 31}]
    change = {**ORDER, "lines": lines, "coupon": None, "order_id": placed.value["order_id"], "order_status_id": 2}

    async with open_publisher("order.change") as publisher:
        changed = await publisher.publish(change)

    (order,) = shop.orders
    assert order.order_id == changed.value["order_id"] == placed.value["order_id"]
    assert {(line.product_id, line.quantity) for line in order.lines} == {(40, 1), (31, 1)}
    assert order.order_status_id == changed.value["status_id"] == 2
    assert "Coupon (2222)" not in {row.title for row in order.totals}
    assert order.total == changed.value["total"] == Decimal("229.20")
