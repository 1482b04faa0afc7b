"""``api/order``: its calls, each with the whole order in the form, of which each takes what it needs."""

from functools import partial
from types import MappingProxyType
from typing import Final

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.affiliate import find_commission
from connector.sandbox.generation_4_1.address import set_address
from connector.sandbox.generation_4_1.affiliate import set_affiliate
from connector.sandbox.generation_4_1.basket import add_product, fill_cart
from connector.sandbox.generation_4_1.call import Call, StagedCall, list_missing
from connector.sandbox.generation_4_1.customer import set_customer
from connector.sandbox.generation_4_1.discount import check_discounts
from connector.sandbox.generation_4_1.listing import show_cart
from connector.sandbox.generation_4_1.method import (
    set_payment_method,
    set_shipping_method,
    show_payment_methods,
    show_shipping_methods,
)
from connector.sandbox.generation_4_1.order_table import add_history, insert_order, update_order
from connector.sandbox.generation_4_1.texts import DISCOUNT_CONFIRM, ORDER_AFFILIATE
from connector.sandbox.php.value import PhpArray, to_bool, to_int
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.order import find_order
from connector.sandbox.shop.totals import sum_up
from connector.sandbox.shop.visit import Visit

_set_payer = partial(set_address, kind="payment")
_set_receiver = partial(set_address, kind="shipping")


def _check_receiver(visit: Visit) -> PhpArray:
    said = fill_cart(visit)
    return said if "error" in said else _set_receiver(visit)


def _check_extension(visit: Visit) -> PhpArray:
    """Return what is said of the coupon or the points, whichever the query's ``code`` names; another code is silent."""
    code = to_text(visit, visit.query.get("code"), "order.code")
    return check_discounts(visit).get(code, {})


def _confirm(visit: Visit) -> PhpArray:
    """Place an order, or put the order sent in the place of another; of one that is not there, only say so."""
    errors = list_missing(visit, asks_stock=False)
    if visit.form.get("affiliate_id") is not None and visit.session.get("affiliate_id") is None:
        errors["affiliate"] = ORDER_AFFILIATE
    errors |= {code: DISCOUNT_CONFIRM[code] for code, said in check_discounts(visit).items() if "error" in said}
    if errors:
        return {"error": errors}
    points = sum(line.reward for line in visit.cart.lines())
    commission = _count_commission(visit)
    said: PhpArray = {"order_id": _store(visit), "success": texts.ORDER_SUCCESS, "points": points}
    return said if commission is None else said | {"commission": commission}


def _store(visit: Visit) -> int:
    """Store the order and return its id, also when it was to replace one that is not there."""
    totals = sum_up(visit)
    order_id = to_int(visit.form.get("order_id"))
    if not order_id:
        order = insert_order(visit, totals)
    else:
        known = find_order(visit.shop, order_id)
        if known is None:
            return order_id
        order = known
        update_order(visit, order, totals)
    add_history(visit, order, to_int(visit.form.get("order_status_id")))
    return order.order_id


def _count_commission(visit: Visit) -> str | None:
    percent = find_commission(visit, to_int(visit.session.get("affiliate_id")))
    if percent is None:
        return None
    return visit.currencies.format(visit.cart.sub_total() / 100 * float(percent), str(visit.setting("config_currency")))


def _add_history(visit: Visit) -> PhpArray:
    """Add an entry to an order's history; without a status it hides the order."""
    form = visit.form
    order = find_order(visit.shop, form.get("order_id"))
    if order is None:
        return {"error": texts.ORDER_UNKNOWN}
    comment = to_text(visit, form.get("comment"), "order.history_comment")
    add_history(visit, order, to_int(form.get("order_status_id")), comment, notify=to_bool(form.get("notify")))
    return {"success": texts.ORDER_SUCCESS}


_whole_order = partial(StagedCall, set_customer)

CALLS: Final[MappingProxyType[str, Call]] = MappingProxyType(
    {
        "customer": set_customer,
        "payment_address": _set_payer,
        "shipping_address": _check_receiver,
        "affiliate": set_affiliate,
        "history_add": _add_history,
        "cart": _whole_order(
            before=(_set_payer, _set_receiver, check_discounts, set_shipping_method, set_payment_method),
            show=show_cart,
            goes_on=True,
        ),
        "product_add": _whole_order(
            before=(_set_payer, _set_receiver),
            answer=add_product,
            after=(set_shipping_method, set_payment_method, check_discounts),
            show=show_cart,
        ),
        "shipping_methods": _whole_order(before=(_set_payer, _set_receiver), answer=show_shipping_methods),
        "shipping_method": _whole_order(
            before=(_set_receiver, _set_payer), answer=set_shipping_method, after=(check_discounts,), show=show_cart
        ),
        "payment_methods": _whole_order(
            before=(_set_payer, _set_receiver, set_shipping_method), answer=show_payment_methods
        ),
        "payment_method": _whole_order(
            before=(_set_payer, _set_receiver, set_shipping_method),
            answer=set_payment_method,
            after=(check_discounts,),
            show=show_cart,
        ),
        "extension": _whole_order(
            before=(_set_payer, _set_receiver, set_shipping_method, set_payment_method, set_affiliate),
            answer=_check_extension,
            show=show_cart,
            goes_on=True,
        ),
        "confirm": _whole_order(
            before=(_set_payer, _set_receiver, set_shipping_method, set_payment_method, set_affiliate),
            answer=_confirm,
            show=show_cart,
        ),
    }
)
"""What answers each call."""
