"""Orders: their rows, and what a change of status does to stock, coupons, gift vouchers and points."""

import secrets
import string
from typing import Any

from connector.sandbox.php.value import PhpArray, contains, to_bool, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.coupon import release_coupons
from connector.sandbox.shop.reward import release_points
from connector.sandbox.shop.seed import VOUCHER_THEMES
from connector.sandbox.shop.tables import (
    OrderHistoryRow,
    OrderLineRow,
    OrderOptionRow,
    OrderRow,
    OrderTotalRow,
    Shop,
    VoucherRow,
)
from connector.sandbox.shop.totals import Totals
from connector.sandbox.shop.visit import Visit
from connector.sandbox.shop.voucher import release_vouchers

BUYER = {"firstname": 32, "lastname": 32, "email": 96, "telephone": 32, "fax": 32}
"""How many characters the columns of an order's buyer hold; only 2.3 has the last."""

_ADDRESS = {
    "firstname": 32,
    "lastname": 32,
    "company": 60,
    "address_1": 128,
    "address_2": 128,
    "postcode": 10,
    "city": 128,
    "country": 128,
    "zone": 128,
}
"""How many characters the columns of an address hold."""

_VOUCHER_CODE = string.ascii_letters + string.digits


def find_order(shop: Shop, order_id: Any) -> OrderRow | None:
    """Return an order by its id, which is cast to a number: ``1abc`` is order 1."""
    return shop.orders.get(to_int(order_id))


def add_order(shop: Shop, columns: dict[str, str]) -> OrderRow:
    """Store an order without lines under the next id and return it."""
    shop.last_order_id += 1
    order = shop.orders[shop.last_order_id] = OrderRow(shop.last_order_id, columns)
    return order


def build_head(visit: Visit) -> dict[str, str]:
    """Return the columns of an order for the shop that sells and the buyer of the session.

    Raises:
        PhpFatalError: A text is an array.
    """
    customer = visit.session["customer"]
    return {
        "invoice_prefix": visit.charset.text(visit.setting("config_invoice_prefix"), 26),
        "store_id": str(visit.store_id),
        "store_name": visit.charset.text(visit.setting("config_name"), 64),
        "store_url": visit.charset.text(f"{visit.shop.base_url}/", 255),
        "customer_id": str(column.integer(customer["customer_id"])),
        "customer_group_id": str(column.integer(customer["customer_group_id"])),
        **{name: visit.charset.text(customer[name], width) for name, width in BUYER.items() if name in customer},
        "custom_field": column.json_text(customer["custom_field"]),
    }


def build_address(visit: Visit, kind: str, address: PhpArray) -> dict[str, str]:
    """Return the columns of an order for one of its addresses; all are empty for none.

    Args:
        visit: The request.
        kind: ``shipping`` or ``payment``.
        address: As the session has it.

    Raises:
        PhpFatalError: A text is an array.
    """
    widths = {name: visit.ways.narrow_columns.get(f"{kind}_{name}", width) for name, width in _ADDRESS.items()}
    columns = {f"{kind}_{name}": visit.charset.text(address.get(name, ""), width) for name, width in widths.items()}
    return columns | {
        f"{kind}_zone_id": str(column.integer(address.get("zone_id", ""))),
        f"{kind}_country_id": str(column.integer(address.get("country_id", ""))),
        f"{kind}_address_format": visit.charset.text(address.get("address_format", "")),
        f"{kind}_custom_field": column.json_text(address.get("custom_field", {})),
    }


def build_call(visit: Visit) -> dict[str, str]:
    """Return the columns of an order for the call that places it: language, currency, caller, time."""
    return {
        "language_id": "1",
        "currency_id": str(visit.currencies.get_id(visit.currency)),
        "currency_code": visit.charset.text(visit.currency, 3),
        "currency_value": str(column.decimal(visit.currencies.get_value(visit.currency), 8)),
        "ip": visit.charset.text(visit.request.ip, 40),
        "forwarded_ip": read_header(visit, "x-forwarded-for", "client-ip", width=40),
        "user_agent": read_header(visit, "user-agent", width=255),
        "accept_language": read_header(visit, "accept-language", width=255),
        "date_added": visit.shop.clock.stamp(),
        "date_modified": visit.shop.clock.stamp(),
    }


def read_header(visit: Visit, *names: str, width: int) -> str:
    """Return the first of some headers that says anything, cut to the width of its column; empty when none does."""
    return next((visit.charset.text(visit.server(name), width) for name in names if to_bool(visit.server(name))), "")


def fill_order(visit: Visit, order: OrderRow, totals: Totals) -> None:
    """Put the lines of the cart, the gift vouchers in it and the totals into an order that has none.

    Raises:
        PhpFatalError: A text is an array. What came before it is in the order.
    """
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
            0 if line.plan is None else line.plan.subscription_plan_id,
        )
        order.lines.append(row)
        for option in line.options:
            row.options.append(
                OrderOptionRow(
                    column.integer(option.key),
                    0 if option.chosen is None else column.integer(option.value),
                    option.seed.name,
                    visit.charset.text(option.text),
                    option.seed.kind,
                )
            )
    for voucher in (visit.session.get("vouchers") or {}).values():
        order.voucher_ids.append(_sell_voucher(visit, order.order_id, voucher))
    order.totals = [
        OrderTotalRow(line.code, visit.charset.text(line.title, 255), column.decimal(line.value), line.sort_order)
        for line in totals.lines
    ]


def _sell_voucher(visit: Visit, order_id: int, voucher: PhpArray) -> int:
    text = visit.charset.text
    details = {name: text(voucher[name], 64) for name in ("from_name", "to_name")}
    details |= {name: text(voucher[name], 96) for name in ("from_email", "to_email")}
    details |= {"description": text(voucher["description"], 255), "message": text(voucher["message"])}
    code = "".join(secrets.choice(_VOUCHER_CODE) for _ in range(10))
    theme_id = column.integer(voucher["voucher_theme_id"])
    row = VoucherRow(0, code, column.decimal(voucher["amount"]), True, order_id, theme_id, details)
    return visit.shop.add_voucher(row)


def takes_stock(shop: Shop, status: Any) -> bool:
    """Say whether an order of a status holds stock, and has been paid for with what pays for it."""
    taking = [*shop.list_setting("config_processing_status"), *shop.list_setting("config_complete_status")]
    return contains(taking, status)


def list_vouchers_to_mail(shop: Shop, order: OrderRow) -> list[VoucherRow]:
    """Return the gift vouchers an order sold, when it is complete and they are to be sent."""
    if not contains(shop.list_setting("config_complete_status"), order.order_status_id):
        return []
    sold = (row for row in shop.vouchers.values() if row.order_id == order.order_id)
    return [row for row in sold if row.voucher_theme_id in VOUCHER_THEMES]


def read_code(title: str) -> str:
    """Return what stands between the brackets of a total's title: a code, or a number of points."""
    return title[title.find("(") + 1 : max(title.rfind(")"), 0)]


def change_status(visit: Visit, order: OrderRow, status: Any, comment: Any, notify: Any) -> None:
    """Give an order a status and note it; mail is the caller's.

    An order that comes into a status of processing or completion takes its stock and pays with its coupon, gift voucher
    and points; one that leaves those statuses gives all of it back. One that cannot pay becomes what the shop makes of
    fraud.

    Args:
        visit: The request.
        order: The order.
        status: The status as it was sent; cast to a number when stored, compared loosely before.
        comment: Text for the history.
        notify: Whether the buyer was told.

    Raises:
        PhpFatalError: The comment is an array. The status has changed by then.
    """
    was_taken = takes_stock(visit.shop, order.order_status_id)
    if takes_stock(visit.shop, status) and not was_taken:
        if not pay(visit, order) and visit.setting("config_fraud_status_id"):
            status = visit.setting("config_fraud_status_id")
        move_stock(visit.shop, order, -1)
    order.order_status_id = column.integer(status)
    kept, now = visit.charset.text(comment), visit.shop.clock.stamp()
    order.columns["date_modified"] = now
    order.history.append(OrderHistoryRow(order.order_status_id, to_int(notify), kept, now))
    if was_taken and not takes_stock(visit.shop, status):
        give_back(visit.shop, order)


def pay(visit: Visit, order: OrderRow) -> bool:
    """Take what an order's totals say it was paid with; say False when something is not there any more."""
    is_paid = True
    for row in order.totals:
        redeem, code = visit.ways.redeems.get(row.code), read_code(row.title)
        if redeem is not None and code:
            is_paid = redeem(visit, code, order, row.value) and is_paid
    return is_paid


def give_back(shop: Shop, order: OrderRow) -> None:
    """Return to their owners the coupon, the gift voucher and the points an order was paid with, and its stock."""
    move_stock(shop, order, 1)
    release_coupons(shop, order.order_id)
    release_vouchers(shop, order.order_id)
    release_points(shop, order.order_id)


def move_stock(shop: Shop, order: OrderRow, direction: int) -> None:
    """Take the stock of an order's lines (direction -1) or put it back (1)."""
    for line in order.lines:
        product = shop.products[line.product_id]
        if product.seed.subtract:
            product.quantity += direction * line.quantity
        for option in line.options:
            value = shop.option_values.get(option.product_option_value_id)
            if value is not None and value.seed.subtract:
                value.quantity += direction * line.quantity
