"""``api/cart/*``: what is bought."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.php.value import PhpArray, describe_type, to_bool, to_int, to_key
from connector.sandbox.shop.cart import CartLine, find_product
from connector.sandbox.shop.totals import sum_up
from connector.sandbox.shop.visit import Visit

METHODS = ("shipping_method", "shipping_methods", "payment_method", "payment_methods")
"""What every change of the cart drops from the session."""


def add(visit: Visit) -> PhpArray:
    """Add one product after checking it, or replace all products without checking anything."""
    if not visit.is_permitted:
        return {"error": {"warning": texts.PERMISSION}}
    if visit.field("product") is not None:
        return _replace(visit, visit.field("product"))
    if visit.field("product_id") is None:
        return {}
    product = find_product(visit, visit.field("product_id"))
    if product is None:
        return {"error": {"store": texts.CART_STORE}}
    quantity = visit.field("quantity")
    options = read_options(visit, "api.cart.option")
    missing = {
        option.product_option_id: texts.REQUIRED.format(option.name)
        for option in product.seed.options
        if option.required and not to_bool(options.get(option.product_option_id))
    }
    if missing:
        return {"error": {"option": missing}}
    visit.cart.add(visit.field("product_id"), 1 if quantity is None else quantity, options)
    visit.forget(*METHODS)
    return {"success": texts.CART_SUCCESS}


def edit(visit: Visit) -> PhpArray:
    """Set a line's quantity; success whether there is such a line or not."""
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    key, quantity = visit.field("key", fault="api.cart.edit"), visit.field("quantity", fault="api.cart.edit")
    visit.cart.update(key, quantity)
    visit.forget(*METHODS, "reward")
    return {"success": texts.CART_SUCCESS}


def remove(visit: Visit) -> PhpArray:
    """Remove a line or a gift voucher; success whether there is one or not."""
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    key = visit.field("key")
    if key is None:
        return {}
    visit.cart.remove(key)
    vouchers = visit.session.get("vouchers")
    if isinstance(vouchers, dict):
        if isinstance(key, dict):
            raise visit.fail("api.cart.voucher", "Illegal offset type in unset")
        vouchers.pop(to_key(key), None)
    visit.forget(*METHODS, "reward")
    return {"success": texts.CART_SUCCESS}


def products(visit: Visit) -> PhpArray:
    """Return lines, gift vouchers and totals, with whatever is wrong with them beside them under ``error``."""
    if not visit.is_permitted:
        return {"error": {"warning": texts.PERMISSION}}
    is_told = tells_stock(visit)
    answer: PhpArray = {}
    errors: PhpArray = {}
    if not visit.cart.has_stock() and is_told:
        errors["stock"] = texts.CART_STOCK
        answer["error"] = errors
    lines = visit.cart.lines()
    short = [
        texts.CART_MINIMUM.format(line.product.seed.name, line.product.minimum)
        for line in lines
        if line.product.minimum > line.pieces
    ]
    # PHP keeps the order in which keys were first set, and `products` is set between the two errors.
    answer["products"] = [_show_line(visit, line, is_told=is_told) for line in lines]
    if short:
        errors["minimum"] = short
        answer["error"] = errors
    answer["vouchers"] = [_show_voucher(visit, voucher) for voucher in (visit.session.get("vouchers") or {}).values()]
    totals = sum_up(visit)
    answer["totals"] = [{"title": line.title, "text": visit.currencies.format(line.value)} for line in totals.lines]
    return answer


def _replace(visit: Visit, entries: Any) -> PhpArray:
    visit.cart.clear()
    if not isinstance(entries, dict):
        kind = describe_type(entries)
        visit.warn("api.cart.products", f"foreach() argument must be of type array|object, {kind} given")
        entries = {}
    for entry in entries.values():
        if not isinstance(entry, dict):
            raise visit.fail("api.cart.product", "Cannot access offset of type string on string")
        for key in ("product_id", "quantity"):
            if key not in entry:
                visit.warn("api.cart.product", f'Undefined array key "{key}"')
        visit.cart.add(entry.get("product_id"), entry.get("quantity"), entry.get("option", {}))
    visit.forget(*METHODS)
    return {"success": texts.CART_SUCCESS}


def read_options(visit: Visit, fault: str) -> PhpArray:
    """Return the options sent that hold anything.

    Args:
        visit: The request.
        fault: Where they are sifted.

    Raises:
        PhpFatalError: They are text.
    """
    options = visit.field("option")
    if options is None:
        return {}
    if not isinstance(options, dict):
        kind = describe_type(options)
        message = f"array_filter(): Argument #1 ($array) must be of type array, {kind} given"
        raise visit.fail(fault, message)
    return {key: value for key, value in options.items() if to_bool(value)}


def tells_stock(visit: Visit) -> bool:
    """Say whether the shop complains of products that are out of stock."""
    return not to_bool(visit.setting("config_stock_checkout")) or to_bool(visit.setting("config_stock_warning"))


def _show_line(visit: Visit, line: CartLine, *, is_told: bool) -> PhpArray:
    price = visit.taxes.add_to(line.price, line.tax_class_id)
    return {
        "cart_id": str(line.cart_id),
        "product_id": str(line.product_id),
        "name": line.product.seed.name,
        "model": line.product.seed.model,
        "option": [
            {
                "product_option_id": str(option.key),
                "product_option_value_id": "" if option.chosen is None else option.value,
                "name": option.seed.name,
                "value": option.text,
                "type": option.seed.kind,
            }
            for option in line.options
        ],
        "quantity": str(line.quantity),
        "stock": line.is_in_stock or not is_told,
        "shipping": str(to_int(line.product.seed.shipping)),
        "price": visit.currencies.format(price),
        "total": visit.currencies.format(price * line.quantity),
        "reward": line.reward,
    }


def _show_voucher(visit: Visit, voucher: PhpArray) -> PhpArray:
    shown = ("code", "description", "from_name", "from_email", "to_name", "to_email", "voucher_theme_id", "message")
    return {
        **{key: voucher[key] for key in shown},
        "price": visit.currencies.format(voucher["amount"]),
        "amount": voucher["amount"],
    }
