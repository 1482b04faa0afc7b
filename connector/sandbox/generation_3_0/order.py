"""``api/order/*``: the session turned into an order, and orders shown, changed and deleted."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.order_table import (
    add_history,
    delete_order,
    insert_order,
    show_order,
    update_order,
)
from connector.sandbox.generation_3_0.payment import find_method
from connector.sandbox.generation_3_0.shipping import find_quote
from connector.sandbox.php.value import PhpArray, to_bool
from connector.sandbox.shop.order import find_order
from connector.sandbox.shop.visit import Visit


def add(visit: Visit, *, empties_cart: bool = True) -> PhpArray:
    """Place the order the session describes; only the product lines are gone afterwards.

    The order is stored before its first history entry is, and that entry is what sends mail: when mail fails, the
    caller gets no answer and the order stays, without a status.

    Args:
        visit: The request.
        empties_cart: Whether the product lines go.
    """
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    error = _check(visit, "api.order.add")
    if error is not None:
        return {"error": error}
    order_id = insert_order(visit)
    add_history(visit, order_id, _pick_status(visit))
    if empties_cart:
        visit.cart.clear()
    return {"success": texts.ORDER_SUCCESS, "order_id": order_id}


def edit(visit: Visit, *, keeps_void: bool = False) -> PhpArray:
    """Make an order what the session describes; nothing of the old one is kept, and the cart stays full.

    The order goes through status 0 on the way, which gives its stock back. Stock is checked before that, so an order
    that took the last pieces is refused its own.

    Args:
        visit: The request.
        keeps_void: Whether the history keeps the entries that say so.
    """
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    order = find_order(visit.shop, visit.query.get("order_id"))
    if order is None:
        return {"error": texts.ORDER_UNKNOWN}
    error = _check(visit, "api.order.edit")
    if error is not None:
        return {"error": error}
    update_order(visit, order)
    status = _pick_status(visit)
    add_history(visit, order.order_id, status)
    if to_bool(status) and not keeps_void:
        order.history = [entry for entry in order.history if entry.order_status_id != 0]
    return {"success": texts.ORDER_SUCCESS}


def delete(visit: Visit) -> PhpArray:
    """Delete an order for good."""
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    order = find_order(visit.shop, visit.query.get("order_id"))
    if order is None:
        return {"error": texts.ORDER_UNKNOWN}
    delete_order(visit, order)
    return {"success": texts.ORDER_SUCCESS}


def info(visit: Visit) -> PhpArray:
    """Return an order without its lines, totals, gift vouchers and history."""
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    order = find_order(visit.shop, visit.query.get("order_id"))
    if order is None:
        return {"error": texts.ORDER_UNKNOWN}
    return {"order": show_order(visit, order), "success": texts.ORDER_SUCCESS}


def history(visit: Visit) -> PhpArray:
    """Add an entry to an order's history; without a status it voids the order."""
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    for name in ("order_status_id", "notify", "override", "comment"):
        visit.form.setdefault(name, "")
    order = find_order(visit.shop, visit.query.get("order_id"))
    if order is None:
        return {"error": texts.ORDER_UNKNOWN}
    form = visit.form
    used_points = add_history(visit, order.order_id, form["order_status_id"], form["comment"], notify=form["notify"])
    # Booking points loads their texts over the order's, and only then is the answer's text looked up.
    return {"success": texts.REWARD_SUCCESS if used_points else texts.ORDER_SUCCESS}


def _pick_status(visit: Visit) -> Any:
    status = visit.field("order_status_id")
    return visit.setting("config_order_status_id") if status is None else status


def _check(visit: Visit, fault: str) -> str | None:
    """Go through all checks and return the last one that fails, None when the order can be placed."""
    error = None
    if visit.session.get("customer") is None:
        error = texts.ORDER_CUSTOMER
    if visit.session.get("payment_address") is None:
        error = texts.NO_ADDRESS["payment"]
    error = _check_payment(visit, error, f"{fault}.payment")
    if visit.cart.has_shipping():
        error = _check_shipping(visit, error, f"{fault}.shipping")
    else:
        visit.forget("shipping_address", "shipping_method", "shipping_methods")
    is_empty = not visit.cart.lines() and not visit.session.get("vouchers")
    if is_empty or not (visit.cart.has_stock() or to_bool(visit.setting("config_stock_checkout"))):
        error = texts.ORDER_STOCK
    for line in visit.cart.lines():
        if line.product.minimum > line.pieces:
            return texts.ORDER_MINIMUM.format(line.product.seed.name, line.product.minimum)
    return error


def _check_payment(visit: Visit, error: str | None, fault: str) -> str | None:
    if error is None and visit.is_sent("payment_method"):
        if not visit.session.get("payment_methods"):
            error = texts.NO_METHODS["payment"]
        else:
            method = find_method(visit, visit.field("payment_method"), fault)
            if method is None:
                error = texts.NO_METHOD["payment"]
            else:
                visit.session["payment_method"] = method
    return texts.NO_METHOD["payment"] if visit.session.get("payment_method") is None else error


def _check_shipping(visit: Visit, error: str | None, fault: str) -> str | None:
    if visit.session.get("shipping_address") is None:
        error = texts.NO_ADDRESS["shipping"]
    if error is None and visit.is_sent("shipping_method"):
        if not visit.session.get("shipping_methods"):
            error = texts.NO_METHODS["shipping"]
        else:
            quote = find_quote(visit, visit.field("shipping_method"), fault)
            if quote is None:
                error = texts.NO_METHOD["shipping"]
            else:
                visit.session["shipping_method"] = quote
    return texts.NO_METHOD["shipping"] if visit.session.get("shipping_method") is None else error
