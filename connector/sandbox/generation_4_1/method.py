"""How to ship and how to pay: methods offered, and the method that is sent back whole."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.payment_method import asks_address, lacks_address
from connector.sandbox.generation_4_0.payment_method import show_offer as show_payment_offer
from connector.sandbox.generation_4_0.shipping_method import show_offer as show_shipping_offer
from connector.sandbox.generation_4_0.texts import NO_PAYMENT_METHODS, NO_PRODUCTS, NOTHING_TO_SHIP, ORDER_CUSTOMER
from connector.sandbox.php.value import PhpArray, to_bool, to_float, to_int
from connector.sandbox.shop.delivery import list_payment_methods, list_shipping_methods
from connector.sandbox.shop.totals import sum_up
from connector.sandbox.shop.visit import Visit


def set_shipping_method(visit: Visit) -> PhpArray:
    """Keep the shipping method sent, whatever it is called and costs, unless a part of it counts as missing: ``0``."""
    error = _check_shipping(visit)
    method = _read(visit, "shipping_method", ("name", "code", "cost", "tax_class_id"))
    if visit.cart.has_shipping() and method is None:
        error = texts.NO_METHOD["shipping"]
    if error is not None or method is None:
        return {"error": error}
    method |= {"cost": to_float(method["cost"]), "tax_class_id": to_int(method["tax_class_id"])}
    visit.session["shipping_method"] = method
    return {"success": texts.METHOD_SUCCESS["shipping"]}


def show_shipping_methods(visit: Visit) -> PhpArray:
    """Return the methods for the shipping address."""
    error = _check_shipping(visit)
    if error is not None:
        return {"error": error}
    methods = list_shipping_methods(visit, visit.session["shipping_address"])
    offers: PhpArray = {offer.code: show_shipping_offer(offer) for offer in methods}
    return {"shipping_methods": offers} if offers else {"error": texts.NO_METHODS["shipping"]}


def set_payment_method(visit: Visit) -> PhpArray:
    """Keep the payment method sent, whatever it is."""
    error = _check_payment(visit)
    method = _read(visit, "payment_method", ("name", "code"))
    if method is None:
        error = texts.NO_METHOD["payment"]
    if error is not None:
        return {"error": error}
    visit.session["payment_method"] = method
    return {"success": texts.METHOD_SUCCESS["payment"]}


def show_payment_methods(visit: Visit) -> PhpArray:
    """Return the methods for the payment address, which counts only where the shop asks for one, and the total."""
    error = _check_payment(visit)
    if error is not None:
        return {"error": error}
    address = visit.session["payment_address"] if asks_address(visit) else None
    methods = list_payment_methods(visit, address, sum_up(visit).total, asks_least=False)
    offers: PhpArray = {offer.code: show_payment_offer(offer) for offer in methods}
    return {"payment_methods": offers} if offers else {"error": NO_PAYMENT_METHODS}


def _check_shipping(visit: Visit) -> str | None:
    if not visit.cart.has_shipping():
        return NOTHING_TO_SHIP
    if visit.session.get("shipping_address") is None:
        return texts.NO_ADDRESS["shipping"]
    return None if visit.session.get("customer") is not None else ORDER_CUSTOMER


def _check_payment(visit: Visit) -> str | None:
    if lacks_address(visit):
        return texts.NO_ADDRESS["payment"]
    if visit.cart.has_shipping():
        if visit.session.get("shipping_method") is None:
            return texts.NO_METHOD["shipping"]
        if visit.session.get("shipping_address") is None:
            return texts.NO_ADDRESS["shipping"]
    if not visit.cart.lines():
        return NO_PRODUCTS
    return None if visit.session.get("customer") is not None else ORDER_CUSTOMER


def _read(visit: Visit, name: str, keys: tuple[str, ...]) -> dict[Any, Any] | None:
    sent = visit.form.get(name)
    if not isinstance(sent, dict) or not all(to_bool(sent.get(key)) for key in keys):
        return None
    return {key: sent[key] for key in keys}
