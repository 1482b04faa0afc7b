"""``api/sale/shipping_method*``: how to ship."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import NOTHING_TO_SHIP
from connector.sandbox.php.value import PhpArray, describe_type, to_key
from connector.sandbox.shop.delivery import ShippingOffer, list_shipping_methods
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """List the methods for the address and keep the list; the choice stays."""
    to = visit.session.get("shipping_address")
    if not visit.cart.has_shipping():
        return {"error": NOTHING_TO_SHIP}
    if to is None:
        return {"error": texts.NO_ADDRESS["shipping"]}
    offers = {offer.code: show_offer(offer) for offer in list_shipping_methods(visit, to)}
    if not offers:
        return {"error": texts.NO_METHODS["shipping"]}
    visit.session["shipping_methods"] = offers
    return {"shipping_methods": offers}


def save(visit: Visit) -> PhpArray:
    """Choose a method from the list; of two things wrong the last is told."""
    if not visit.cart.has_shipping():
        return {"error": NOTHING_TO_SHIP}
    error = texts.NO_ADDRESS["shipping"] if visit.session.get("shipping_address") is None else None
    chosen = find_choice(visit, "shipping", "quote")
    if chosen is None:
        error = texts.NO_METHOD["shipping"]
    if error is not None:
        return {"error": error}
    visit.session["shipping_method"] = chosen
    return {"success": texts.METHOD_SUCCESS["shipping"]}


def find_choice(visit: Visit, kind: str, part: str) -> PhpArray | None:
    """Return the listed entry of the code sent, such as ``flat.flat``; what follows a second dot does not matter.

    Args:
        visit: The request.
        kind: ``shipping`` or ``payment``.
        part: Where a method of the list keeps what can be chosen of it.

    Raises:
        PhpFatalError: The code is an array.
    """
    code = visit.field(f"{kind}_method")
    if code is None:
        return None
    if not isinstance(code, str):
        message = f"explode(): Argument #2 ($string) must be of type string, {describe_type(code)} given"
        raise visit.fail(f"{kind}.method", message)
    group, dot, rest = code.partition(".")
    offer = (visit.session.get(f"{kind}_methods") or {}).get(to_key(group))
    found = offer[part].get(to_key(rest.partition(".")[0])) if offer and dot else None
    return found if isinstance(found, dict) else None


def show_offer(offer: ShippingOffer) -> PhpArray:
    """Return a method as the list of methods has it."""
    quote = {
        "code": f"{offer.code}.{offer.code}",
        "name": offer.quote_name,
        "cost": offer.cost,
        "tax_class_id": offer.tax_class_id,
        "text": offer.text,
    }
    return {
        "code": offer.code,
        "name": offer.name,
        "quote": {offer.code: quote},
        "sort_order": offer.sort_order,
        "error": False,
    }
