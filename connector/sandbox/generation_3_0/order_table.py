"""Orders as 3.0 stores them, and what a change of status does to stock, coupons, gift vouchers and points."""

import secrets
import string
from typing import TYPE_CHECKING, Any

from connector.sandbox.php.value import PhpArray, contains, to_bool, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.coupon import redeem_coupon, release_coupons
from connector.sandbox.shop.reward import redeem_points, release_points
from connector.sandbox.shop.seed import ORDER_STATUSES, VOUCHER_THEMES
from connector.sandbox.shop.tables import (
    OrderHistoryRow,
    OrderLineRow,
    OrderRow,
    OrderTotalRow,
    VoucherRow,
)
from connector.sandbox.shop.totals import Totals, sum_up
from connector.sandbox.shop.visit import Visit
from connector.sandbox.shop.voucher import disable_vouchers, redeem_voucher, release_vouchers

if TYPE_CHECKING:
    from collections.abc import Callable

_VOUCHER_CODE = string.ascii_letters + string.digits

_WIDTHS = {
    "firstname": 32,
    "lastname": 32,
    "email": 96,
    "telephone": 32,
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


def find_order(visit: Visit, order_id: Any) -> OrderRow | None:
    """Return an order by its id, which is cast to a number: ``1abc`` is order 1."""
    return visit.shop.orders.get(to_int(order_id))


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
        "forwarded_ip": _read_header(visit, ("x-forwarded-for", "client-ip"), 40),
        "user_agent": _read_header(visit, ("user-agent",), 255),
        "accept_language": _read_header(visit, ("accept-language",), 255),
        "date_added": visit.shop.clock.stamp(),
        "date_modified": visit.shop.clock.stamp(),
    }
    visit.shop.last_order_id += 1
    order = OrderRow(visit.shop.last_order_id, columns)
    visit.shop.orders[order.order_id] = order
    _fill(visit, order, totals)
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
    _fill(visit, order, totals)


def delete_order(visit: Visit, order: OrderRow) -> None:
    """Void an order and delete it; its id is not used again."""
    add_history(visit, order.order_id, 0)
    del visit.shop.orders[order.order_id]
    disable_vouchers(visit.shop, order.order_id)


def add_history(visit: Visit, order_id: int, status: Any, comment: Any = "", *, notify: Any = False) -> bool:
    """Give an order a status and note it; say whether reward points were booked on the way.

    Mail goes out first. An order that comes into a status of processing or completion takes its stock and pays with
    its coupon, gift voucher and points; one that leaves those statuses gives all of it back.

    Args:
        visit: The request.
        order_id: The order.
        status: The status as it was sent; cast to a number when stored, compared loosely before.
        comment: Text for the history.
        notify: Whether to tell the buyer; the first status is told anyway.

    Raises:
        PhpFatalError: Mail fails (before anything is changed, or after, when gift vouchers are mailed), or the comment
            is an array (after the status was changed).
    """
    order = visit.shop.orders[order_id]
    taking = [*visit.shop.list_setting("config_processing_status"), *visit.shop.list_setting("config_complete_status")]
    was_taken, is_taken = contains(taking, order.order_status_id), contains(taking, status)
    if to_bool(status) and (not order.order_status_id or to_bool(notify)):
        _send_mail(visit)
    uses_points = is_taken and not was_taken and any(row.code == "reward" for row in order.totals)
    if is_taken and not was_taken:
        if not _redeem(visit, order) and visit.setting("config_fraud_status_id"):
            status = visit.setting("config_fraud_status_id")
        _move_stock(visit, order, -1)
    order.order_status_id = column.integer(status)
    order.columns["date_modified"] = visit.shop.clock.stamp()
    entry = OrderHistoryRow(column.integer(status), to_int(notify), column.text(comment), visit.shop.clock.stamp())
    order.history.append(entry)
    if was_taken and not contains(taking, status):
        _move_stock(visit, order, 1)
        release_coupons(visit.shop, order_id)
        release_vouchers(visit.shop, order_id)
        release_points(visit.shop, order_id)
    if contains(visit.shop.list_setting("config_complete_status"), order.order_status_id):
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
            name: column.text(customer[name], _WIDTHS[name]) for name in ("firstname", "lastname", "email", "telephone")
        },
        "custom_field": column.json_text(customer["custom_field"]),
    }
    columns |= _build_address("payment", session["payment_address"], session["payment_method"])
    if visit.cart.has_shipping():
        columns |= _build_address("shipping", session["shipping_address"], session["shipping_method"])
    else:
        columns |= _build_address("shipping", {}, {})
    comment = visit.field("comment")
    columns |= {
        "comment": column.text("" if comment is None else comment),
        "total": str(column.decimal(totals.total)),
        "affiliate_id": "0",
        "commission": "0.0000",
    }
    return columns


def _build_address(kind: str, address: PhpArray, method: PhpArray) -> dict[str, str]:
    columns = {f"{kind}_{name}": column.text(address.get(name, ""), _WIDTHS[name]) for name in _ADDRESS}
    return columns | {
        f"{kind}_zone_id": str(column.integer(address.get("zone_id", ""))),
        f"{kind}_country_id": str(column.integer(address.get("country_id", ""))),
        f"{kind}_address_format": column.text(address.get("address_format", "")),
        f"{kind}_custom_field": column.json_text(address.get("custom_field", {})),
        f"{kind}_method": column.text(method.get("title", ""), 128),
        f"{kind}_code": column.text(method.get("code", ""), 128),
    }


def _read_header(visit: Visit, names: tuple[str, ...], width: int) -> str:
    return next((column.text(visit.server(name), width) for name in names if to_bool(visit.server(name))), "")


def _fill(visit: Visit, order: OrderRow, totals: Totals) -> None:
    for line in visit.cart.lines():
        row = OrderLineRow(
            line.product_id,
            line.product.seed.name,
            line.product.seed.model,
            line.quantity,
            column.decimal(line.price),
            column.decimal(line.total),
            column.decimal(visit.taxes.sum_amounts(line.price, line.tax_class_id)),
            column.integer(line.reward),
        )
        order.lines.append(row)
        for option in line.options:
            chosen = column.integer(option.product_option_value_id)
            row.options.append((option.name, column.text(option.value), option.kind, chosen))
    for voucher in (visit.session.get("vouchers") or {}).values():
        order.voucher_ids.append(_sell_voucher(visit, order.order_id, voucher))
    order.totals = [
        OrderTotalRow(line.code, column.text(line.title, 255), column.decimal(line.value), line.sort_order)
        for line in totals.lines
    ]


def _sell_voucher(visit: Visit, order_id: int, voucher: PhpArray) -> int:
    details = {name: column.text(voucher[name], 64) for name in ("from_name", "to_name")}
    details |= {name: column.text(voucher[name], 96) for name in ("from_email", "to_email")}
    details |= {"description": column.text(voucher["description"], 255), "message": column.text(voucher["message"])}
    code = "".join(secrets.choice(_VOUCHER_CODE) for _ in range(10))
    theme_id = column.integer(voucher["voucher_theme_id"])
    row = VoucherRow(0, code, column.decimal(voucher["amount"]), True, order_id, theme_id, details)
    return visit.shop.add_voucher(row)


def _redeem(visit: Visit, order: OrderRow) -> bool:
    """Take what the order's totals say it was paid with; say False when something is not there any more."""
    redeemers: dict[str, Callable[[str, OrderTotalRow], bool]] = {
        "coupon": lambda code, row: redeem_coupon(visit.shop, code, order.order_id, order.customer_id, row.value),
        "voucher": lambda code, row: redeem_voucher(visit.shop, code, order.order_id, row.value),
        "reward": lambda points, _row: redeem_points(visit.shop, points, order.order_id, order.customer_id),
    }
    is_paid = True
    for row in order.totals:
        code = row.title[row.title.find("(") + 1 : max(row.title.rfind(")"), 0)]
        if row.code in redeemers and code:
            is_paid = redeemers[row.code](code, row) and is_paid
    return is_paid


def _move_stock(visit: Visit, order: OrderRow, direction: int) -> None:
    for line in order.lines:
        product = visit.shop.products[line.product_id]
        if product.seed.subtract:
            product.quantity += direction * line.quantity
        for _name, _text, _kind, value_id in line.options:
            value = visit.shop.option_values.get(value_id)
            if value is not None and value.seed.subtract:
                value.quantity += direction * line.quantity


def _send_mail(visit: Visit) -> None:
    if visit.shop.is_mail_broken:
        visit.warn("mail.connect", "fsockopen(): Unable to connect to 127.0.0.1:1 (Connection refused)")
        raise visit.fail("mail.refused", "Error: Connection refused (111)", kind="Exception")
