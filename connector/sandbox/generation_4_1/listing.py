"""The cart as 4.1 shows it: each line with the whole row of its product, and the totals as numbers and as text."""

import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from connector.sandbox.generation_4_0.texts import PLAN_LIMITED
from connector.sandbox.generation_4_1.arguments import UPLOAD
from connector.sandbox.php.date import read_time
from connector.sandbox.php.value import PhpArray, describe_type
from connector.sandbox.shop.argument import take_text
from connector.sandbox.shop.cart import CartLine, LineOption
from connector.sandbox.shop.tables import ProductRow
from connector.sandbox.shop.totals import sum_up
from connector.sandbox.shop.visit import Visit

_NO_IMAGE: Final = "placeholder.png"
_SHOWN_DATES: Final = MappingProxyType({"date": "%Y-%m-%d", "time": "%H:%M:%S", "datetime": "%Y-%m-%d %H:%M:%S"})


def show_cart(visit: Visit) -> PhpArray:
    """Return what most calls add to what they say: lines, totals, and whether there is anything to ship."""
    return {"products": show_lines(visit), "totals": _show_totals(visit), **show_shipping(visit)}


def show_shipping(visit: Visit) -> PhpArray:
    """Return whether there is anything to ship."""
    return {"shipping_required": visit.cart.has_shipping()}


def show_lines(visit: Visit) -> list[PhpArray]:
    """Return the lines of the cart."""
    return [_show_line(visit, line) for line in visit.cart.lines()]


def _show_totals(visit: Visit) -> list[PhpArray]:
    return [
        {
            "text": visit.currencies.format(line.value),
            "extension": "opencart",
            "code": line.code,
            "title": line.title,
            "value": line.value,
            "sort_order": line.sort_order,
        }
        for line in sum_up(visit).lines
    ]


def _show_line(visit: Visit, line: CartLine) -> PhpArray:
    price = visit.taxes.add_to(line.price, line.tax_class_id)
    shown = _show_product(line.product)
    subscription = ""
    if plan := line.plan:
        plan_price = visit.currencies.format(visit.taxes.add_to(float(plan.price), line.tax_class_id))
        subscription = PLAN_LIMITED.format(plan_price, plan.cycle, plan.frequency, plan.duration)
    return shown | {
        "subscription_plan_id": str(plan.subscription_plan_id) if plan else 0,
        "subscription": subscription,
        "image": shown["image"] or _NO_IMAGE,
        "option": [_show_option(visit, option) for option in line.options],
        "price_text": visit.currencies.format(price),
        "total_text": visit.currencies.format(price * line.quantity),
        "cart_id": str(line.cart_id),
        "download": [],
        "quantity": str(line.quantity),
        "minimum_status": line.product.minimum <= line.pieces,
        "stock": str(line.product.quantity),
        "stock_status": line.is_in_stock,
        "price": plan.price if plan else line.price,
        "total": line.total,
        "reward": line.reward,
        "points": line.points,
        "weight": _weigh(line),
    }


def _show_option(visit: Visit, option: LineOption) -> PhpArray:
    seed = option.seed
    shown: PhpArray = {
        "value": option.text,
        "product_option_id": option.key,
        "option_id": str(seed.option_id),
        "name": seed.name,
        "type": seed.kind,
    }
    if option.chosen is None:
        numbers: PhpArray = dict.fromkeys(("product_option_value_id", "option_value_id", "quantity", "subtract"), 0)
        numbers |= dict.fromkeys(("price", "points", "weight"), 0)
        prefixes: PhpArray = dict.fromkeys(("price_prefix", "points_prefix", "weight_prefix"), "")
        return {**shown, **numbers, **prefixes, "value": _show_text(visit, option)}
    value = option.chosen.seed
    return shown | {
        "product_option_value_id": option.value,
        "option_value_id": str(value.option_value_id),
        "quantity": str(option.chosen.quantity),
        "subtract": str(int(value.subtract)),
        "price": value.price,
        "price_prefix": value.price_prefix,
        "points": str(value.points),
        "points_prefix": value.points_prefix,
        "weight": _weight_of_value(value.product_option_value_id),
        "weight_prefix": "+",
    }


def _show_text(visit: Visit, option: LineOption) -> Any:
    """Return what was written for an option, dates and times in the one form the shop shows."""
    if option.seed.kind == "file":
        take_text(visit, option.value, UPLOAD)
    form = _SHOWN_DATES.get(option.seed.kind)
    if form is None:
        return option.value
    if not isinstance(option.value, str):
        kind = describe_type(option.value)
        message = f"strtotime(): Argument #1 ($datetime) must be of type string, {kind} given"
        raise visit.fail(f"cart.{option.seed.kind}", message)
    now = datetime.fromtimestamp(visit.shop.clock.now(), UTC)
    return read_time(option.value, now).strftime(form)


def _show_product(product: ProductRow) -> PhpArray:
    seed = product.seed
    columns = _load_columns()
    row = dict(zip(columns["columns"], columns["products"][str(seed.product_id)], strict=True))
    return {
        **row,
        "product_id": str(seed.product_id),
        "store_id": "0",
        "master_id": "0",
        "model": seed.model,
        "variant": "",
        "override": "",
        "shipping": str(int(seed.shipping)),
        "tax_class_id": str(seed.tax_class_id),
        "subtract": str(int(seed.subtract)),
        "minimum": str(product.minimum),
        "rating": "0",
        "status": "1",
        "language_id": "1",
        "name": seed.name,
        "description": f"&lt;p&gt;{seed.name}, as the practice shop describes it.&lt;/p&gt;",
        "tag": "",
        "meta_title": columns["meta_titles"].get(str(seed.product_id), seed.name),
        "meta_description": "",
        "meta_keyword": "",
    }


def _weigh(line: CartLine) -> float:
    columns = _load_columns()
    place = columns["columns"].index("weight")
    weight = float(columns["products"][str(line.product_id)][place])
    chosen = [option.chosen.seed for option in line.options if option.chosen is not None]
    return (weight + sum(float(_weight_of_value(value.product_option_value_id)) for value in chosen)) * line.quantity


def _weight_of_value(value_id: int) -> str:
    return str(_load_columns()["option_value_weights"].get(str(value_id), "0.00000000"))


@cache
def _load_columns() -> dict[str, Any]:
    path = files(__package__).joinpath("..", "data", "product_columns.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded
