"""Gift vouchers: what is left on one, and what it pays."""

from decimal import Decimal
from typing import Any

from connector.sandbox.php.value import contains
from connector.sandbox.shop.seed import VOUCHER_THEMES
from connector.sandbox.shop.tables import HistoryRow, OrderRow, Shop, VoucherRow
from connector.sandbox.shop.totals import Totals
from connector.sandbox.shop.visit import Visit


def find_voucher(visit: Visit, code: Any) -> tuple[VoucherRow, Decimal] | None:
    """Return a gift voucher that can pay, and what is left on it, in the base currency.

    It is switched on, its theme exists, something is left, and the order that sold it, if one did, is complete.

    Raises:
        PhpFatalError: The code is an array.
    """
    shop, fold = visit.shop, visit.charset.fold
    wanted = fold(code)
    for voucher in shop.vouchers.values():
        if voucher.is_enabled and voucher.voucher_theme_id in VOUCHER_THEMES and fold(voucher.code) == wanted:
            break
    else:
        return None
    if voucher.order_id and not _is_sold(shop, voucher):
        return None
    balance = voucher.amount + sum(row.amount for row in shop.voucher_history if row.owner_id == voucher.voucher_id)
    return (voucher, balance) if balance > 0 else None


def add_voucher(totals: Totals) -> None:
    """Pay with the session's gift voucher as far as it goes; drop it from the session when it pays nothing."""
    visit = totals.visit
    if visit.session.get("voucher") is None:
        return
    found = find_voucher(visit, visit.session["voucher"])
    amount = min(float(found[1]), totals.total) if found else 0.0
    if amount > 0:
        totals.add("voucher", f"Gift Certificate ({visit.session['voucher']})", -amount)
    else:
        visit.forget("voucher")


def redeem_voucher(visit: Visit, code: str, order: OrderRow, amount: Decimal) -> bool:
    """Take what an order paid with a gift voucher off it; say False when it cannot pay any more."""
    found = find_voucher(visit, code)
    if found is None:
        return False
    visit.shop.voucher_history.append(HistoryRow(found[0].voucher_id, order.order_id, 0, amount))
    return True


def release_vouchers(shop: Shop, order_id: int) -> None:
    """Give back what an order paid with gift vouchers."""
    shop.voucher_history = [row for row in shop.voucher_history if row.order_id != order_id]


def disable_vouchers(shop: Shop, order_id: int) -> None:
    """Switch off the gift vouchers an order sold."""
    for voucher in shop.vouchers.values():
        if voucher.order_id == order_id:
            voucher.is_enabled = False


def _is_sold(shop: Shop, voucher: VoucherRow) -> bool:
    order = shop.orders.get(voucher.order_id)
    if order is None or voucher.voucher_id not in order.voucher_ids:
        return False
    return contains(shop.list_setting("config_complete_status"), order.order_status_id)
