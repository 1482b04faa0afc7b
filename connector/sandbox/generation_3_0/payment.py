"""``api/payment/*``: who pays, and how."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.address import set_address
from connector.sandbox.php.value import PhpArray, to_key
from connector.sandbox.shop.delivery import list_payment_methods
from connector.sandbox.shop.totals import sum_up
from connector.sandbox.shop.visit import Visit


def address(visit: Visit) -> PhpArray:
    """Set the payment address; the cart does not matter."""
    visit.forget("payment_address", "payment_methods", "payment_method")
    if not visit.is_permitted:
        return {"error": {"warning": texts.PERMISSION}}
    return set_address(visit, "payment", longest_city=32)


def methods(visit: Visit) -> PhpArray:
    """List the methods for the address and the cart's total and keep the list; the chosen method is gone."""
    visit.forget("payment_methods", "payment_method")
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    payer = visit.session.get("payment_address")
    if payer is None:
        return {"error": texts.NO_ADDRESS["payment"]}
    total = sum_up(visit).total
    # The shop looks for subscriptions here, and says again what it has to say about the lines; it sells none.
    visit.cart.lines()
    offers = {
        offer.code: {"code": offer.code, "title": offer.name, "terms": "", "sort_order": offer.sort_order}
        for offer in list_payment_methods(visit, payer, total)
    }
    if not offers:
        return {"payment_methods": {}, "error": texts.NO_METHODS["payment"]}
    visit.session["payment_methods"] = offers
    return {"payment_methods": offers}


def method(visit: Visit) -> PhpArray:
    """Choose a method from the list."""
    visit.forget("payment_method")
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    error = None if visit.session.get("payment_address") is not None else texts.NO_ADDRESS["payment"]
    chosen = None
    if not visit.session.get("payment_methods"):
        error = texts.NO_METHODS["payment"]
    elif visit.field("payment_method") is None:
        error = texts.NO_METHOD["payment"]
    else:
        chosen = find_method(visit, visit.field("payment_method"), "api.payment.method")
        if chosen is None:
            error = texts.NO_METHOD["payment"]
    if error is not None:
        return {"error": error}
    visit.session["payment_method"] = chosen
    return {"success": texts.METHOD_SUCCESS["payment"]}


def find_method(visit: Visit, code: Any, fault: str) -> PhpArray | None:
    """Return the listed payment method of a code.

    Args:
        visit: The request.
        code: What was sent.
        fault: Where this route looks it up.

    Raises:
        PhpFatalError: The code is an array.
    """
    if isinstance(code, dict):
        raise visit.fail(fault, "Illegal offset type in isset or empty")
    found = visit.session["payment_methods"].get(to_key(code))
    return found if isinstance(found, dict) else None
