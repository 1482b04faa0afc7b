"""``api/sale/payment_method*``: how to pay."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.shipping_method import find_choice
from connector.sandbox.generation_4_0.texts import NO_PAYMENT_METHODS, NO_PRODUCTS
from connector.sandbox.php.value import PhpArray, to_bool, to_float
from connector.sandbox.shop.delivery import PaymentOffer, list_payment_methods
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """List the methods for the cart and keep the list; the choice stays."""
    error = None
    if not visit.cart.lines() and not visit.session.get("vouchers"):
        error = NO_PRODUCTS
    if lacks_address(visit):
        error = texts.NO_ADDRESS["payment"]
    if error is not None:
        return {"error": error}
    payer = visit.session["payment_address"] if asks_address(visit) else None
    offers = {
        offer.code: show_offer(offer) for offer in list_payment_methods(visit, payer, _sum(visit), asks_least=False)
    }
    if not offers:
        return {"error": NO_PAYMENT_METHODS}
    visit.session["payment_methods"] = offers
    return {"payment_methods": offers}


def save(visit: Visit) -> PhpArray:
    """Choose a method from the list; of two things wrong the last is told."""
    error = texts.NO_ADDRESS["payment"] if lacks_address(visit) else None
    has_list = visit.session.get("payment_methods") is not None
    chosen = find_choice(visit, "payment", "option") if has_list else None
    if chosen is None:
        error = texts.NO_METHOD["payment"]
    if error is not None:
        return {"error": error}
    visit.session["payment_method"] = chosen
    return {"success": texts.METHOD_SUCCESS["payment"]}


def asks_address(visit: Visit) -> bool:
    """Say whether the shop asks for a payment address."""
    return to_bool(visit.setting("config_checkout_payment_address"))


def lacks_address(visit: Visit) -> bool:
    """Say whether the shop asks for a payment address and has none."""
    return asks_address(visit) and visit.session.get("payment_address") is None


def _sum(visit: Visit) -> float:
    """Return what products and gift vouchers come to with tax, before discounts and shipping."""
    total = 0.0
    for line in visit.cart.lines():
        total += visit.taxes.add_to(line.price, line.tax_class_id) * line.quantity
    return total + sum(to_float(voucher["amount"]) for voucher in (visit.session.get("vouchers") or {}).values())


def show_offer(offer: PaymentOffer) -> PhpArray:
    """Return a method as the list of methods has it."""
    option = {"code": f"{offer.code}.{offer.code}", "name": offer.name}
    return {"code": offer.code, "name": offer.name, "option": {offer.code: option}, "sort_order": offer.sort_order}
