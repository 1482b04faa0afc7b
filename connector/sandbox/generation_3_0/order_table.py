"""Orders as 3.0 stores them, and what a change of status does to stock, coupons, gift vouchers and points."""

from typing import Any

from connector.sandbox.php.value import PhpArray, to_bool
from connector.sandbox.shop import column
from connector.sandbox.shop.order import (
    BUYER,
    add_order,
    build_address,
    build_call,
    build_head,
    change_status,
    fill_order,
    list_vouchers_to_mail,
    takes_stock,
)
from connector.sandbox.shop.seed import ORDER_STATUSES
from connector.sandbox.shop.tables import OrderRow
from connector.sandbox.shop.totals import Totals, sum_up
from connector.sandbox.shop.visit import Visit
from connector.sandbox.shop.voucher import disable_vouchers

_SHOWN_ADDRESS = (
    *("firstname", "lastname", "company", "address_1", "address_2", "postcode", "city"),
    *("zone_id", "zone", "zone_code", "country_id", "country", "iso_code_2", "iso_code_3"),
    *("address_format", "custom_field", "method", "code"),
)
_SHOWN = (
    *("order_id", "invoice_no", "invoice_prefix", "store_id", "store_name", "store_url", "customer_id"),
    *BUYER,
    "custom_field",
    *(f"payment_{part}" for part in _SHOWN_ADDRESS),
    *(f"shipping_{part}" for part in _SHOWN_ADDRESS),
    *("comment", "total", "order_status_id", "order_status", "affiliate_id", "commission", "language_id"),
    *("language_code", "currency_id", "currency_code", "currency_value", "ip", "forwarded_ip", "user_agent"),
    *("accept_language", "date_added", "date_modified"),
)
"""What the API shows of an order, in this order."""


def show_order(visit: Visit, order: OrderRow) -> PhpArray:
    """Return an order as ``order/info`` shows it: every number as text, maps as objects, ``[]`` when empty."""
    columns = order.columns
    known: dict[str, Any] = {
        **columns,
        "order_id": str(order.order_id),
        "invoice_no": "0",
        "custom_field": column.read_json(columns["custom_field"]),
        "order_status_id": str(order.order_status_id),
        "order_status": ORDER_STATUSES.get(order.order_status_id),
        "language_code": "en-gb",
    }
    for kind in ("payment", "shipping"):
        country = visit.shop.seed.countries.get(int(columns[f"{kind}_country_id"]))
        zone = visit.shop.seed.zones.get(int(columns[f"{kind}_zone_id"]))
        known[f"{kind}_zone_code"] = zone.code if zone else ""
        known[f"{kind}_iso_code_2"] = country.iso_code_2 if country else ""
        known[f"{kind}_iso_code_3"] = country.iso_code_3 if country else ""
        known[f"{kind}_custom_field"] = column.read_json(columns[f"{kind}_custom_field"])
    return {name: known[name] for name in _SHOWN if name in known}


def insert_order(visit: Visit) -> int:
    """Store the session as an order without a status and return its id.

    Raises:
        PhpFatalError: A text is an array. The order may be there, without what came after it.
    """
    totals = sum_up(visit)
    columns = _build_columns(visit, totals)
    columns |= build_call(visit)
    order = add_order(visit.shop, columns)
    fill_order(visit, order, totals)
    return order.order_id


def update_order(visit: Visit, order: OrderRow) -> None:
    """Void an order and store the session in its place; currency, addresses of the caller and dates of birth stay.

    Raises:
        PhpFatalError: A text is an array. The order is void by then.
    """
    totals = sum_up(visit)
    add_history(visit, order.order_id, 0)
    order.columns |= _build_columns(visit, totals)
    order.columns["date_modified"] = visit.shop.clock.stamp()
    order.lines.clear()
    disable_vouchers(visit.shop, order.order_id)
    order.voucher_ids.clear()
    fill_order(visit, order, totals)


def delete_order(visit: Visit, order: OrderRow) -> None:
    """Void an order and delete it; its id is not used again."""
    add_history(visit, order.order_id, 0)
    del visit.shop.orders[order.order_id]
    disable_vouchers(visit.shop, order.order_id)


def add_history(visit: Visit, order_id: int, status: Any, comment: Any = "", *, notify: Any = False) -> bool:
    """Give an order a status and note it; say whether reward points were booked on the way.

    Args:
        visit: The request.
        order_id: The order.
        status: The status as it was sent.
        comment: Text for the history.
        notify: Whether to tell the buyer; the first status is told anyway.

    Raises:
        PhpFatalError: Mail fails, which goes out before anything is changed or (in 2.3) after, or gift vouchers cannot
            be mailed, or the comment is an array (after the status was changed).
    """
    order = visit.shop.orders[order_id]
    is_told = to_bool(status) and (not order.order_status_id or to_bool(notify))
    if is_told and not visit.ways.mails_last:
        _send_mail(visit)
    is_paid = takes_stock(visit.shop, status) and not takes_stock(visit.shop, order.order_status_id)
    uses_points = is_paid and any(row.code == "reward" for row in order.totals)
    change_status(visit, order, status, comment, notify)
    if is_told and visit.ways.mails_last:
        _send_mail(visit)
    if not visit.ways.mails_last and list_vouchers_to_mail(visit.shop, order):
        _send_mail(visit)
    return uses_points


def _build_columns(visit: Visit, totals: Totals) -> dict[str, str]:
    session = visit.session
    columns = build_head(visit)
    columns |= build_address(visit, "payment", session["payment_address"])
    columns |= _build_method(visit, "payment", session["payment_method"])
    has_shipping = visit.cart.has_shipping()
    columns |= build_address(visit, "shipping", session["shipping_address"] if has_shipping else {})
    columns |= _build_method(visit, "shipping", session["shipping_method"] if has_shipping else {})
    comment = visit.field("comment")
    columns |= {
        "comment": visit.charset.text("" if comment is None else comment),
        "total": str(column.decimal(totals.total)),
        "affiliate_id": "0",
        "commission": "0.0000",
    }
    return columns


def _build_method(visit: Visit, kind: str, method: PhpArray) -> dict[str, str]:
    return {
        f"{kind}_method": visit.charset.text(method.get("title", ""), 128),
        f"{kind}_code": visit.charset.text(method.get("code", ""), 128),
    }


def _send_mail(visit: Visit) -> None:
    if visit.shop.is_mail_broken:
        visit.warn("mail.connect", "fsockopen(): Unable to connect to 127.0.0.1:1 (Connection refused)")
        raise visit.fail("mail.refused", "Error: Connection refused (111)", kind="Exception")
