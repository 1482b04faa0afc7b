"""Coupons: when one counts, what it takes off, and how often it was used."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connector.sandbox.php.value import to_float, to_int
from connector.sandbox.shop.tables import CouponRow, HistoryRow, OrderRow, Shop
from connector.sandbox.shop.totals import Totals
from connector.sandbox.shop.visit import Visit


def find_coupon(visit: Visit, code: Any) -> CouponRow | None:
    """Return a coupon that counts for the session as it stands now.

    It is current and switched on, the cart's sub-total reaches what it asks for, it is not used up (for everybody, and
    for the customer logged in), and a customer is logged in if it asks for one.

    Raises:
        PhpFatalError: The code is an array.
    """
    coupon = _find_enabled(visit, code)
    if coupon is None or not coupon.seed.is_current:
        return None
    if float(coupon.seed.total) > visit.cart.sub_total():
        return None
    if _is_used_up(visit.shop, coupon, visit.customer_id):
        return None
    if coupon.seed.needs_customer and not visit.customer_id:
        return None
    return coupon


def add_coupon(totals: Totals, *, is_capped: bool = True) -> None:
    """Take off the session's coupon: from the products, from their taxes, and the shipping if it gives that.

    Args:
        totals: What came before it.
        is_capped: Whether it takes off no more than there is.
    """
    visit = totals.visit
    if visit.session.get("coupon") is None:
        return
    coupon = find_coupon(visit, visit.session["coupon"])
    if coupon is None:
        return
    discount_total = _discount_products(totals, coupon)
    method = visit.session.get("shipping_method")
    if coupon.seed.gives_shipping and method is not None:
        cost = to_float(method["cost"])
        for tax in visit.taxes.list_amounts(cost, to_int(method["tax_class_id"])):
            totals.lower_tax(tax, "coupon.shipping_tax")
        discount_total += cost
    if is_capped:
        discount_total = min(discount_total, totals.total)
    if discount_total > 0:
        totals.add("coupon", f"Coupon ({visit.session['coupon']})", -discount_total)


def _discount_products(totals: Totals, coupon: CouponRow) -> float:
    cart = totals.visit.cart
    sub_total = cart.sub_total()
    fixed = min(float(coupon.seed.discount), sub_total)
    discount_total = 0.0
    for line in cart.lines():
        if coupon.seed.kind == "F":
            discount = fixed * (line.total / sub_total) if sub_total else 0.0
        else:
            discount = line.total / 100 * float(coupon.seed.discount)
        if line.tax_class_id:
            # Not simply `discount`: the shop subtracts twice, and the detour decides over the last bit.
            base = line.total - (line.total - discount)
            for tax in totals.visit.taxes.list_amounts(base, line.tax_class_id):
                totals.lower_tax(tax, "coupon.tax")
        discount_total += discount
    return discount_total


def redeem_coupon(visit: Visit, code: str, order: OrderRow, amount: Decimal) -> bool:
    """Note that an order used a coupon; say False when it may not."""
    coupon = _find_enabled(visit, code)
    if coupon is None or _is_used_up(visit.shop, coupon, order.customer_id):
        return False
    note_coupon(coupon, visit.shop, order, amount)
    return True


def note_coupon(coupon: CouponRow, shop: Shop, order: OrderRow, amount: Decimal) -> None:
    """Note that an order used a coupon."""
    shop.coupon_history.append(HistoryRow(coupon.seed.coupon_id, order.order_id, order.customer_id, amount))


def release_coupons(shop: Shop, order_id: int) -> None:
    """Forget the coupons an order used."""
    shop.coupon_history = _without_order(shop.coupon_history, order_id)


def _find_enabled(visit: Visit, code: Any) -> CouponRow | None:
    fold = visit.charset.fold
    wanted = fold(code)
    return next((row for row in visit.shop.coupons if row.is_enabled and fold(row.seed.code) == wanted), None)


def _is_used_up(shop: Shop, coupon: CouponRow, customer_id: int) -> bool:
    used = [row for row in shop.coupon_history if row.owner_id == coupon.seed.coupon_id]
    if 0 < coupon.seed.uses <= len(used):
        return True
    mine = [row for row in used if row.customer_id == customer_id]
    return bool(customer_id) and 0 < coupon.seed.uses_customer <= len(mine)


def _without_order(rows: Sequence[HistoryRow], order_id: int) -> list[HistoryRow]:
    return [row for row in rows if row.order_id != order_id]
