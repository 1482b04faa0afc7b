"""The products of an order: put into the cart after checking them, and shown with everything the shop knows of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import PRODUCT_UNKNOWN
from connector.sandbox.generation_4_1.arguments import OPTION, OPTION_VALUE, SUBSCRIPTIONS
from connector.sandbox.generation_4_1.texts import (
    CART_WARNING,
    OPTION_STOCK,
    OPTION_UNKNOWN,
    PLAN_INVALID,
    PRODUCT_STOCK,
)
from connector.sandbox.php.value import PhpArray, compare, describe_type, equals, to_bool, to_int, to_key
from connector.sandbox.shop.argument import take_int
from connector.sandbox.shop.cart import find_product
from connector.sandbox.shop.order import find_order
from connector.sandbox.shop.tables import OptionValueRow, ProductRow
from connector.sandbox.shop.visit import Visit

_LISTED = frozenset({"select", "radio", "checkbox"})


@dataclass(slots=True)
class _Held:
    """The pieces an order that is to be changed holds already: by product, and by product and option value."""

    products: dict[int, int] = field(default_factory=dict)
    values: dict[tuple[int, int], int] = field(default_factory=dict)


def fill_cart(visit: Visit) -> PhpArray:
    """Put the products sent into the cart, one after another, up to the first that is wrong; tell of all that are.

    The cart is not emptied before: it is empty unless the caller keeps the session's cookie.
    """
    sent = visit.form.get("product")
    rows: PhpArray = sent if isinstance(sent, dict) else {} if sent is None else {0: sent}
    held = _count_held(visit)
    errors: PhpArray = {}
    for key, row in rows.items():
        prefix = f"product_{to_int(key)}"
        fields = row if isinstance(row, dict) else {}
        product = find_product(visit, fields.get("product_id"))
        options = _read_options(fields.get("option"))
        plan_id = to_int(fields.get("subscription_plan_id"))
        if product is None:
            errors[f"{prefix}_product"] = PRODUCT_UNKNOWN
        else:
            for option_id, text in _check_row_options(visit, product, options, fields, held):
                errors[f"{prefix}_option_{option_id}"] = text
            if shortage := _check_stock(visit, product, fields, rows, held):
                errors[f"{prefix}_product"] = shortage
            if not _is_plan_valid(visit, product, take_int(visit, fields["product_id"], SUBSCRIPTIONS), plan_id):
                errors[f"{prefix}_subscription"] = PLAN_INVALID
            if not errors:
                visit.cart.add(product.seed.product_id, to_int(fields.get("quantity")), options, plan_id)
    if errors:
        return {"error": {**errors, "warning": CART_WARNING}}
    return {"success": texts.CART_SUCCESS}


def add_product(visit: Visit) -> PhpArray:
    """Put one more product into the cart, beside those that are there, unless something is wrong with it."""
    product = find_product(visit, visit.form.get("product_id"))
    if product is None:
        return {"error": {"warning": PRODUCT_UNKNOWN}}
    quantity = to_int(visit.form.get("quantity", 1))
    options = _read_options(visit.form.get("option"))
    plan_id = to_int(visit.form.get("subscription_plan_id"))
    held = _count_held(visit)
    errors: PhpArray = {
        f"option_{option_id}": text for option_id, text in _check_added_options(visit, product, options, quantity, held)
    }
    product_id = product.seed.product_id
    pieces = quantity
    for line in visit.cart.lines():
        if line.product_id == product_id:
            pieces += line.quantity - held.products.get(product_id, 0)
    if not _sells_without_stock(visit) and (not product.quantity or product.quantity < pieces):
        errors["warning"] = PRODUCT_STOCK
    if not _is_plan_valid(visit, product, product_id, plan_id):
        errors["subscription"] = PLAN_INVALID
    if errors:
        return {"error": errors}
    visit.cart.add(product_id, quantity, options, plan_id)
    return {"success": texts.CART_SUCCESS}


def _count_held(visit: Visit) -> _Held:
    held = _Held()
    order = find_order(visit.shop, visit.form.get("order_id"))
    for line in order.lines if order else ():
        held.products[line.product_id] = held.products.get(line.product_id, 0) + line.quantity
        for option in line.options:
            held.values[line.product_id, option.product_option_value_id] = line.quantity
    return held


def _read_options(sent: Any) -> PhpArray:
    options = sent if isinstance(sent, dict) else {} if sent is None else {0: sent}
    return {key: value for key, value in options.items() if to_bool(value)}


def _check_row_options(
    visit: Visit, product: ProductRow, options: PhpArray, fields: PhpArray, held: _Held
) -> Iterator[tuple[int, str]]:
    known = {option.product_option_id: option for option in product.seed.options}
    for key, given in options.items():
        option = known.get(to_int(key))
        if option is None:
            yield to_int(key), OPTION_UNKNOWN
        elif option.kind in _LISTED:
            for value_id in given.values() if isinstance(given, dict) else (given,):
                value = _find_value(visit, product, value_id)
                if value is None:
                    visit.warn("cart.option_stock", 'Undefined array key "quantity"')
                    yield option.product_option_id, OPTION_UNKNOWN
                elif value.seed.subtract and not _sells_without_stock(visit):
                    key_held = to_int(fields["product_id"]), value.seed.product_option_value_id
                    stock = value.quantity + held.values.get(key_held, 0)
                    if not stock or compare(stock, _read(visit, fields, "quantity", "cart.option_quantity")) < 0:
                        yield option.product_option_id, OPTION_STOCK
    yield from _list_missing(product, options)


def _check_added_options(
    visit: Visit, product: ProductRow, options: PhpArray, quantity: int, held: _Held
) -> Iterator[tuple[int | str, str]]:
    known = {option.product_option_id: option for option in product.seed.options}
    in_cart: dict[int, int] = {}
    for line in visit.cart.lines():
        for one in line.options:
            if one.chosen is not None:
                value_id = one.chosen.seed.product_option_value_id
                in_cart[value_id] = in_cart.get(value_id, 0) + line.quantity
    for key, given in options.items():
        option = known.get(take_int(visit, key, OPTION))
        if option is None:
            yield key, OPTION_UNKNOWN
        elif option.kind in _LISTED:
            for sent_id in given.values() if isinstance(given, dict) else (given,):
                value = _find_value(visit, product, sent_id)
                if value is None:
                    yield key, OPTION_UNKNOWN
                elif value.seed.subtract:
                    value_id = value.seed.product_option_value_id
                    stock = value.quantity + held.values.get((product.seed.product_id, value_id), 0)
                    if quantity > stock - in_cart.get(value_id, 0):
                        yield key, OPTION_STOCK
    yield from _list_missing(product, options)


def _find_value(visit: Visit, product: ProductRow, value_id: Any) -> OptionValueRow | None:
    """Return a value of any option of a product: which option it was sent for is not looked at."""
    value = visit.shop.option_values.get(take_int(visit, value_id, OPTION_VALUE))
    return value if value is not None and value.option in product.seed.options else None


def _list_missing(product: ProductRow, options: PhpArray) -> Iterator[tuple[int, str]]:
    for option in product.seed.options:
        if option.required and not to_bool(options.get(option.product_option_id)):
            yield option.product_option_id, texts.REQUIRED.format(option.name)


def _check_stock(visit: Visit, product: ProductRow, fields: PhpArray, rows: PhpArray, held: _Held) -> str | None:
    """Return what is wrong with how many of a product are asked for, in all rows together."""
    pieces: int | float = 0
    for row in rows.values():
        if not isinstance(row, dict):
            raise visit.fail("cart.product", "Cannot access offset of type string on string")
        if equals(_read(visit, row, "product_id", "cart.product"), fields["product_id"]):
            quantity = _read(visit, row, "quantity", "cart.quantity")
            types = f"{describe_type(pieces)} + {describe_type(quantity)}"
            pieces += visit.read_operand(quantity, "cart.quantity", types)
    stock = product.quantity + held.products.get(to_int(to_key(fields["product_id"])), 0)
    text = None
    if not _sells_without_stock(visit) and (not stock or stock < pieces):
        text = PRODUCT_STOCK
    if visit.query.get("call") == "confirm" and product.minimum > pieces:
        text = texts.CART_MINIMUM.format(product.seed.name, product.minimum)
    return text


def _read(visit: Visit, row: PhpArray, name: str, fault: str) -> Any:
    if name not in row:
        visit.warn(fault, f'Undefined array key "{name}"')
    return row.get(name)


def _is_plan_valid(visit: Visit, product: ProductRow, product_id: int, plan_id: int) -> bool:
    plans = product.seed.plans if visit.is_in_first_group and product_id == product.seed.product_id else ()
    return not plans or any(plan.subscription_plan_id == plan_id for plan in plans)


def _sells_without_stock(visit: Visit) -> bool:
    return to_bool(visit.setting("config_stock_checkout"))
