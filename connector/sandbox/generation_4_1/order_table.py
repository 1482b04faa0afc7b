"""Orders as 4.1 stores them, and what a change of status does."""

from collections.abc import Callable
from typing import Any

from connector.sandbox.generation_4_0.arguments import column_at
from connector.sandbox.php.value import PhpArray, contains, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.argument import take_text, to_text
from connector.sandbox.shop.order import (
    add_order,
    build_address,
    build_call,
    fill_order,
    give_back,
    move_stock,
    pay,
    takes_stock,
)
from connector.sandbox.shop.tables import OrderHistoryRow, OrderRow
from connector.sandbox.shop.totals import Totals
from connector.sandbox.shop.visit import Visit

_BUYER = {"firstname": 32, "lastname": 32, "email": 96, "telephone": 32}
"""How many characters the order's columns hold."""

_ADDRESS = ("firstname", "lastname", "company", "address_1", "address_2", "city", "postcode")


def insert_order(visit: Visit, totals: Totals) -> OrderRow:
    """Store the session as an order without a status and return it.

    Raises:
        PhpFatalError: A text is an array. The order may be there, without what came after it.
    """
    inserted = column_at("model.order.add")
    columns = _build_columns(visit, totals, lambda value: take_text(visit, value, inserted))
    order = add_order(visit.shop, build_call(visit) | columns)
    _fill(visit, order, totals)
    return order


def update_order(visit: Visit, order: OrderRow, totals: Totals) -> None:
    """Void an order, unless it has no status, and store the session in its place; its currency stays.

    Raises:
        PhpFatalError: The order has a status and mail fails; nothing was changed. Or a text of a line is an array.
    """
    if order.order_status_id:
        add_history(visit, order, to_int(visit.setting("config_void_status_id")), notify=True)
    order.columns |= _build_columns(visit, totals, lambda value: to_text(visit, value, "model.order.edit"))
    order.lines.clear()
    _fill(visit, order, totals)


def _fill(visit: Visit, order: OrderRow, totals: Totals) -> None:
    for option in (option for line in visit.cart.lines() for option in line.options):
        take_text(visit, option.text, column_at("model.order.option"))
    for total in totals.lines:
        take_text(visit, total.title, column_at("model.order.total"))
    fill_order(visit, order, totals)


def add_history(visit: Visit, order: OrderRow, status: int, comment: str = "", *, notify: bool = False) -> None:
    """Give an order a status and note it; mail goes out first.

    An order that comes into a status of processing or completion takes its stock and pays with its coupon and points,
    and gets the shop's status for fraud if it cannot; one that leaves those statuses gives all of it back. One with a
    subscription cannot be completed.

    Args:
        visit: The request.
        order: The order.
        status: Any number.
        comment: Text for the history.
        notify: Whether to tell the buyer; the first status is told anyway.

    Raises:
        PhpFatalError: Mail fails (nothing was changed), or the order has a subscription and would be complete (stock
            may have been taken).
    """
    if visit.shop.is_mail_broken and status and (not order.order_status_id or notify):
        visit.warn("mail.connect", "fsockopen(): Unable to connect to 127.0.0.1:1 (Connection refused)")
        raise visit.fail("mail.refused", "Error: Connection refused (111)", kind="Exception")
    shop = visit.shop
    complete = shop.list_setting("config_complete_status")
    was_taken = takes_stock(shop, order.order_status_id)
    if takes_stock(shop, status) and not was_taken:
        if not pay(visit, order):
            status = to_int(visit.setting("config_fraud_status_id"))
        move_stock(shop, order, -1)
    is_completed = contains(complete, status) and not contains(complete, order.order_status_id)
    if is_completed and any(line.subscription_plan_id for line in order.lines):
        visit.warn("model.subscription.add", 'Undefined array key "currency"')
        take_text(visit, None, column_at("model.subscription.add"))
    if was_taken and not takes_stock(shop, status):
        give_back(shop, order)
    order.order_status_id = column.integer(status)
    order.history.append(
        OrderHistoryRow(order.order_status_id, int(notify), visit.charset.text(comment), shop.clock.stamp())
    )


def _build_columns(visit: Visit, totals: Totals, read: Callable[[Any], str]) -> dict[str, str]:
    session = visit.session
    customer: PhpArray = session["customer"]
    columns = {
        "comment": visit.charset.text(to_text(visit, visit.form.get("comment"), "order.comment")),
        "store_url": f"{visit.shop.base_url}/",
        "customer_id": str(column.integer(customer["customer_id"])),
        **{name: visit.charset.text(read(customer[name]), width) for name, width in _BUYER.items()},
    }
    for kind in ("payment", "shipping"):
        address, method = session.get(f"{kind}_address") or {}, session.get(f"{kind}_method") or {}
        columns |= build_address(visit, kind, address | {name: read(address.get(name, "")) for name in _ADDRESS})
        columns[f"{kind}_method"], columns[f"{kind}_code"] = str(method.get("name", "")), str(method.get("code", ""))
    return columns | {"total": str(column.decimal(totals.total)), "date_modified": visit.shop.clock.stamp()}
