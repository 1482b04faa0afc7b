"""``api/sale/order*``: the session turned into an order, and orders loaded, commented and deleted."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.arguments import ORDER
from connector.sandbox.generation_4_0.order_table import (
    add_history,
    compute_commission,
    delete_order,
    insert_order,
    load_order,
    update_order,
)
from connector.sandbox.generation_4_0.payment_method import lacks_address
from connector.sandbox.generation_4_0.texts import NO_PRODUCTS, ORDER_COMMENT, ORDER_CUSTOMER, ORDER_MINIMUM
from connector.sandbox.php.value import PhpArray, describe_type, to_bool, to_int
from connector.sandbox.shop.argument import take_int, to_text
from connector.sandbox.shop.order import find_order
from connector.sandbox.shop.visit import Visit


def load(visit: Visit) -> PhpArray:
    """Put an order into the session, which then stands for it: confirming the session changes the order."""
    order = find_order(visit.shop, visit.query.get("order_id", 0))
    if order is None:
        return {"error": texts.ORDER_UNKNOWN}
    load_order(visit, order)
    return {"success": texts.ORDER_SUCCESS}


def comment(visit: Visit) -> PhpArray:
    """Set the comment; it may be empty, but has to be there."""
    if visit.field("comment") is None:
        return {"error": ORDER_COMMENT}
    visit.session["comment"] = visit.form["comment"]
    return {"success": texts.ORDER_SUCCESS}


def confirm(visit: Visit) -> PhpArray:
    """Place the order the session describes, or change the one it stands for already; the session stays as it is.

    An order that was deleted in the meantime is not placed again, and nobody is told.
    """
    errors = _check(visit)
    if errors:
        return {"error": errors}
    order_id = visit.session.get("order_id")
    order = None if order_id is None else visit.shop.orders.get(to_int(order_id))
    if order_id is None:
        order = insert_order(visit)
        visit.session["order_id"] = order_id = order.order_id
    elif order is not None:
        update_order(visit, order)
    points = sum(line.reward for line in visit.cart.lines())
    status = visit.field("order_status_id")
    if order is not None:
        add_history(visit, order, to_int(visit.setting("config_order_status_id") if status is None else status))
    return {
        "order_id": order_id,
        "success": texts.ORDER_SUCCESS,
        "points": points,
        "commission": visit.currencies.format(compute_commission(visit), visit.setting("config_currency")),
    }


def delete(visit: Visit) -> PhpArray:
    """Delete the orders named, for good; success whether there are such orders or not."""
    selected = visit.field("selected")
    if selected is None:
        selected = {}
    chosen = visit.query.get("order_id")
    if not isinstance(selected, dict):
        if chosen is not None:
            raise visit.fail("order.selected_text", "[] operator not supported for strings", kind="Error")
        kind = describe_type(selected)
        visit.warn("order.selected", f"foreach() argument must be of type array|object, {kind} given")
        selected = {}
    named = [*selected.values(), *([] if chosen is None else [to_int(chosen)])]
    for order_id in named:
        order = visit.shop.orders.get(take_int(visit, order_id, ORDER))
        if order is not None:
            delete_order(visit, order)
    return {"success": texts.ORDER_SUCCESS}


def history(visit: Visit) -> PhpArray:
    """Add an entry to an order's history; without a status it voids the order."""
    for name in ("order_id", "order_status_id", "comment", "notify"):
        visit.form.setdefault(name, "")
    form = visit.form
    order = find_order(visit.shop, form["order_id"])
    if order is None:
        return {"error": texts.ORDER_UNKNOWN}
    text = to_text(visit, form["comment"], "order.comment")
    add_history(visit, order, to_int(form["order_status_id"]), text, notify=to_bool(form["notify"]))
    return {"success": texts.ORDER_SUCCESS}


def _check(visit: Visit) -> PhpArray:
    """Return everything that is missing for the order, by what it is."""
    errors: PhpArray = {}
    session, cart = visit.session, visit.cart
    if not cart.lines() and not session.get("vouchers"):
        errors["product"] = NO_PRODUCTS
    elif not cart.has_stock() and not to_bool(visit.setting("config_stock_checkout")):
        errors["stock"] = texts.ORDER_STOCK
    short = next((line for line in cart.lines() if line.product.minimum > line.pieces), None)
    if short is not None:
        errors["minimum"] = ORDER_MINIMUM.format(short.product.seed.name)
    if session.get("customer") is None:
        errors["customer"] = ORDER_CUSTOMER
    if lacks_address(visit):
        errors["payment_address"] = texts.NO_ADDRESS["payment"]
    if cart.has_shipping():
        if session.get("shipping_address") is None:
            errors["shipping_address"] = texts.NO_ADDRESS["shipping"]
        if session.get("shipping_method") is None:
            errors["shipping_method"] = texts.NO_METHOD["shipping"]
    else:
        visit.forget("shipping_address", "shipping_method", "shipping_methods")
    if not session.get("payment_method"):
        errors["payment_method"] = texts.NO_METHOD["payment"]
    return errors
