"""Orders as 3.0 stores them, and what a change of status does to stock, coupons, gift vouchers and points."""

from typing import Any

from connector.sandbox.php.value import PhpArray, contains, to_bool, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.order import (
    add_order,
    fill_order,
    give_back,
    move_stock,
    pay,
    read_header,
    takes_stock,
)
from connector.sandbox.shop.seed import ORDER_STATUSES, VOUCHER_THEMES
from connector.sandbox.shop.tables import OrderHistoryRow, OrderRow
from connector.sandbox.shop.totals import Totals, sum_up
from connector.sandbox.shop.visit import Visit
from connector.sandbox.shop.voucher import disable_vouchers

_WIDTHS = {
    "firstname": 32,
    "lastname": 32,
    "email": 96,
    "telephone": 32,
    "fax": 32,
    "company": 60,
    "address_1": 128,
    "address_2": 128,
    "city": 128,
    "postcode": 10,
    "country": 128,
    "zone": 128,
    "address_format": None,
}
"""How many characters the order's columns hold; None is a column of 64 KiB."""

_ADDRESS = ("firstname", "lastname", "company", "address_1", "address_2", "postcode", "city", "country", "zone")


def show_order(visit: Visit, order: OrderRow) -> PhpArray:
    """Return an order as ``order/info`` shows it: every number as text, maps as objects, ``[]`` when empty."""
    columns = order.columns
    shown: PhpArray = {"order_id": str(order.order_id), "invoice_no": "0"}
    shown.update(columns.items())
    shown.pop("customer_group_id")
    shown["custom_field"] = column.read_json(columns["custom_field"])
    for kind in ("payment", "shipping"):
        country = visit.shop.seed.countries.get(int(columns[f"{kind}_country_id"]))
        zone = visit.shop.seed.zones.get(int(columns[f"{kind}_zone_id"]))
        shown[f"{kind}_zone_code"] = zone.code if zone else ""
        shown[f"{kind}_iso_code_2"] = country.iso_code_2 if country else ""
        shown[f"{kind}_iso_code_3"] = country.iso_code_3 if country else ""
        shown[f"{kind}_custom_field"] = column.read_json(columns[f"{kind}_custom_field"])
    shown["order_status_id"] = str(order.order_status_id)
    shown["order_status"] = ORDER_STATUSES.get(order.order_status_id)
    shown["language_code"] = "en-gb"
    return shown


def insert_order(visit: Visit) -> int:
    """Store the session as an order without a status and return its id.

    Raises:
        PhpFatalError: A text is an array. The order may be there, without what came after it.
    """
    totals = sum_up(visit)
    columns = _build_columns(visit, totals)
    request = visit.request
    columns |= {
        "language_id": "1",
        "currency_id": str(visit.currencies.get_id(visit.currency)),
        "currency_code": column.text(visit.currency, 3),
        "currency_value": str(column.decimal(visit.currencies.get_value(visit.currency), 8)),
        "ip": column.text(request.ip, 40),
        "forwarded_ip": read_header(visit, "x-forwarded-for", "client-ip", width=40),
        "user_agent": read_header(visit, "user-agent", width=255),
        "accept_language": read_header(visit, "accept-language", width=255),
        "date_added": visit.shop.clock.stamp(),
        "date_modified": visit.shop.clock.stamp(),
    }
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

    An order that comes into a status of processing or completion takes its stock and pays with its coupon, gift voucher
    and points; one that leaves those statuses gives all of it back.

    Args:
        visit: The request.
        order_id: The order.
        status: The status as it was sent; cast to a number when stored, compared loosely before.
        comment: Text for the history.
        notify: Whether to tell the buyer; the first status is told anyway.

    Raises:
        PhpFatalError: Mail fails, which goes out before anything is changed or (in 2.3) after, or gift vouchers cannot
            be mailed, or the comment is an array (after the status was changed).
    """
    order = visit.shop.orders[order_id]
    was_taken, is_taken = takes_stock(visit.shop, order.order_status_id), takes_stock(visit.shop, status)
    is_told = to_bool(status) and (not order.order_status_id or to_bool(notify))
    if is_told and not visit.ways.mails_last:
        _send_mail(visit)
    uses_points = is_taken and not was_taken and any(row.code == "reward" for row in order.totals)
    if is_taken and not was_taken:
        if not pay(visit, order) and visit.setting("config_fraud_status_id"):
            status = visit.setting("config_fraud_status_id")
        move_stock(visit.shop, order, -1)
    order.order_status_id = column.integer(status)
    order.columns["date_modified"] = visit.shop.clock.stamp()
    entry = OrderHistoryRow(column.integer(status), to_int(notify), column.text(comment), visit.shop.clock.stamp())
    order.history.append(entry)
    if was_taken and not takes_stock(visit.shop, status):
        give_back(visit.shop, order)
    if is_told and visit.ways.mails_last:
        _send_mail(visit)
    if not visit.ways.mails_last and contains(visit.shop.list_setting("config_complete_status"), order.order_status_id):
        for voucher in visit.shop.vouchers.values():
            if voucher.order_id == order_id and voucher.voucher_theme_id in VOUCHER_THEMES:
                _send_mail(visit)
    return uses_points


def _build_columns(visit: Visit, totals: Totals) -> dict[str, str]:
    session = visit.session
    customer = session["customer"]
    columns = {
        "invoice_prefix": column.text(visit.setting("config_invoice_prefix"), 26),
        "store_id": str(visit.store_id),
        "store_name": column.text(visit.setting("config_name"), 64),
        "store_url": column.text(f"{visit.shop.base_url}/", 255),
        "customer_id": str(column.integer(customer["customer_id"])),
        "customer_group_id": str(column.integer(customer["customer_group_id"])),
        **{
            name: column.text(customer[name], _WIDTHS[name])
            for name in ("firstname", "lastname", "email", "telephone", "fax")
            if name in customer
        },
        "custom_field": column.json_text(customer["custom_field"]),
    }
    columns |= _build_address(visit, "payment", session["payment_address"], session["payment_method"])
    if visit.cart.has_shipping():
        columns |= _build_address(visit, "shipping", session["shipping_address"], session["shipping_method"])
    else:
        columns |= _build_address(visit, "shipping", {}, {})
    comment = visit.field("comment")
    columns |= {
        "comment": column.text("" if comment is None else comment),
        "total": str(column.decimal(totals.total)),
        "affiliate_id": "0",
        "commission": "0.0000",
    }
    return columns


def _build_address(visit: Visit, kind: str, address: PhpArray, method: PhpArray) -> dict[str, str]:
    widths = {name: visit.ways.narrow_columns.get(f"{kind}_{name}", _WIDTHS[name]) for name in _ADDRESS}
    columns = {f"{kind}_{name}": column.text(address.get(name, ""), width) for name, width in widths.items()}
    return columns | {
        f"{kind}_zone_id": str(column.integer(address.get("zone_id", ""))),
        f"{kind}_country_id": str(column.integer(address.get("country_id", ""))),
        f"{kind}_address_format": column.text(address.get("address_format", "")),
        f"{kind}_custom_field": column.json_text(address.get("custom_field", {})),
        f"{kind}_method": column.text(method.get("title", ""), 128),
        f"{kind}_code": column.text(method.get("code", ""), 128),
    }


def _send_mail(visit: Visit) -> None:
    if visit.shop.is_mail_broken:
        visit.warn("mail.connect", "fsockopen(): Unable to connect to 127.0.0.1:1 (Connection refused)")
        raise visit.fail("mail.refused", "Error: Connection refused (111)", kind="Exception")
