"""``api/sale/cart*``: what is bought."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.cart import read_options, tells_stock
from connector.sandbox.generation_4_0.arguments import UPLOAD
from connector.sandbox.generation_4_0.texts import (
    PLAN_ENDLESS,
    PLAN_LIMITED,
    PLAN_MISSING,
    PLAN_TRIAL,
    PRODUCT_UNKNOWN,
    VOUCHER_TITLE,
)
from connector.sandbox.php.value import PhpArray, to_bool, to_int
from connector.sandbox.shop.argument import take_text
from connector.sandbox.shop.cart import CartLine, LineOption, find_product
from connector.sandbox.shop.totals import sum_up
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Return lines, gift vouchers and totals, with a complaint about stock beside them under ``error``."""
    answer: PhpArray = {}
    if not visit.cart.has_stock() and tells_stock(visit):
        answer["error"] = {"stock": texts.CART_STOCK}
    totals = sum_up(visit)
    answer["products"] = [_show_line(visit, line) for line in visit.cart.lines()]
    vouchers = (visit.session.get("vouchers") or {}).values()
    answer["vouchers"] = [_show_voucher(visit, place, voucher) for place, voucher in enumerate(vouchers)]
    answer["totals"] = [{"title": line.title, "text": visit.currencies.format(line.value)} for line in totals.lines]
    answer["shipping_required"] = visit.cart.has_shipping()
    return answer


def add(visit: Visit) -> PhpArray:
    """Add a product, or pieces of one that is there with the same options and plan."""
    product_id = to_int(visit.field("product_id"))
    quantity = visit.field("quantity")
    options = read_options(visit, "cart.option")
    plan_id = to_int(visit.field("subscription_plan_id"))
    product = find_product(visit, product_id)
    if product is None:
        return {"error": {"warning": PRODUCT_UNKNOWN}}
    errors: PhpArray = {
        f"option_{option.product_option_id}": texts.REQUIRED.format(option.name)
        for option in product.seed.options
        if option.required and not to_bool(options.get(option.product_option_id))
    }
    plans = product.seed.plans if visit.is_in_first_group else ()
    if plans and plan_id not in {plan.subscription_plan_id for plan in plans}:
        errors["subscription"] = PLAN_MISSING
    if errors:
        return {"error": errors}
    visit.cart.add(product_id, 1 if quantity is None else to_int(quantity), options, plan_id)
    return {"success": texts.CART_SUCCESS}


def edit(visit: Visit) -> PhpArray:
    """Set a line's quantity; success whether there is such a line or not."""
    quantity = visit.field("quantity")
    visit.cart.update(to_int(visit.field("key")), 1 if quantity is None else to_int(quantity))
    visit.forget("reward")
    return {"success": texts.CART_SUCCESS}


def remove(visit: Visit) -> PhpArray:
    """Remove a line; success whether there is such a line or not."""
    visit.cart.remove(to_int(visit.field("key")))
    visit.forget("reward")
    return {"success": texts.CART_SUCCESS}


def _show_line(visit: Visit, line: CartLine) -> PhpArray:
    price = visit.taxes.add_to(line.price, line.tax_class_id)
    return {
        "cart_id": str(line.cart_id),
        "product_id": str(line.product_id),
        "name": line.product.seed.name,
        "model": line.product.seed.model,
        "option": [_show_option(visit, option) for option in line.options],
        "subscription": _describe_plan(visit, line),
        "quantity": str(line.quantity),
        "stock": line.is_in_stock,
        # Compared with a truth value, not with the number the product asks for: always reached.
        "minimum": True,
        "reward": line.reward,
        "price": visit.currencies.format(price),
        "total": visit.currencies.format(price * line.quantity),
    }


def _show_option(visit: Visit, option: LineOption) -> PhpArray:
    text: Any = option.text
    if option.seed.kind == "file":
        # Nobody can upload a file to this shop, so no code names one.
        take_text(visit, text, UPLOAD)
        text = ""
    return {
        "product_option_id": option.key,
        "product_option_value_id": "" if option.chosen is None else option.value,
        "option_id": str(option.seed.option_id),
        "option_value_id": "" if option.chosen is None else str(option.chosen.seed.option_value_id),
        "name": option.seed.name,
        "value": text,
        "type": option.seed.kind,
    }


def _describe_plan(visit: Visit, line: CartLine) -> str:
    plan = line.plan
    if plan is None:
        return ""
    described = ""
    if plan.trial is not None:
        trial = plan.trial
        price = _show_price(visit, trial.price, line)
        described = PLAN_TRIAL.format(price, trial.cycle, trial.frequency, trial.duration)
    text = PLAN_LIMITED if plan.duration else PLAN_ENDLESS
    return described + text.format(_show_price(visit, plan.price, line), plan.cycle, plan.frequency, plan.duration)


def _show_price(visit: Visit, price: str, line: CartLine) -> str:
    return visit.currencies.format(visit.taxes.add_to(float(price), line.tax_class_id))


def _show_voucher(visit: Visit, place: int, voucher: PhpArray) -> PhpArray:
    amount = visit.currencies.format(voucher["amount"])
    return {"key": place, "description": VOUCHER_TITLE.format(amount, voucher["to_name"]), "amount": amount}
