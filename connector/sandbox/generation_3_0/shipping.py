"""``api/shipping/*``: where to, and how."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.address import set_address
from connector.sandbox.php.value import PhpArray, describe_type, to_key
from connector.sandbox.shop.delivery import list_shipping_methods
from connector.sandbox.shop.visit import Visit


def address(visit: Visit, longest_city: int = 128) -> PhpArray:
    """Set the shipping address; nothing at all happens with a cart that has nothing to ship, not even a refusal.

    Args:
        visit: The request.
        longest_city: How many characters the city may have.
    """
    visit.forget("shipping_address", "shipping_methods", "shipping_method")
    if not visit.cart.has_shipping():
        return {}
    if not visit.is_permitted:
        return {"error": {"warning": texts.PERMISSION}}
    return set_address(visit, "shipping", longest_city)


def methods(visit: Visit) -> PhpArray:
    """List the methods for the address and keep the list; the chosen method is gone."""
    visit.forget("shipping_methods", "shipping_method")
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    if not visit.cart.has_shipping():
        return {"shipping_methods": {}}
    to = visit.session.get("shipping_address")
    if to is None:
        return {"error": texts.NO_ADDRESS["shipping"]}
    offers = {
        offer.code: {
            "title": offer.name,
            "quote": {
                offer.code: {
                    "code": f"{offer.code}.{offer.code}",
                    "title": offer.quote_name,
                    "cost": offer.cost,
                    "tax_class_id": offer.tax_class_id,
                    "text": offer.text,
                }
            },
            "sort_order": offer.sort_order,
            "error": False,
        }
        for offer in list_shipping_methods(visit, to)
    }
    if not offers:
        return {"shipping_methods": {}, "error": texts.NO_METHODS["shipping"]}
    visit.session["shipping_methods"] = offers
    return {"shipping_methods": offers}


def method(visit: Visit) -> PhpArray:
    """Choose a method from the list; with nothing to ship, the shipping address is forgotten as well."""
    visit.forget("shipping_method")
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    if not visit.cart.has_shipping():
        visit.forget("shipping_address", "shipping_method", "shipping_methods")
        return {}
    error = None if visit.session.get("shipping_address") is not None else texts.NO_ADDRESS["shipping"]
    quote = None
    if not visit.session.get("shipping_methods"):
        error = texts.NO_METHODS["shipping"]
    elif visit.field("shipping_method") is None:
        error = texts.NO_METHOD["shipping"]
    else:
        quote = find_quote(visit, visit.field("shipping_method"), "api.shipping.method")
        if quote is None:
            error = texts.NO_METHOD["shipping"]
    if error is not None:
        return {"error": error}
    visit.session["shipping_method"] = quote
    return {"success": texts.METHOD_SUCCESS["shipping"]}


def find_quote(visit: Visit, code: Any, fault: str) -> PhpArray | None:
    """Return the listed quote of a code such as ``flat.flat``; what follows a second dot does not matter.

    Args:
        visit: The request.
        code: What was sent.
        fault: Where this route takes it apart.

    Raises:
        PhpFatalError: The code is an array.
    """
    if not isinstance(code, str):
        message = f"explode(): Argument #2 ($string) must be of type string, {describe_type(code)} given"
        raise visit.fail(fault, message)
    group, _, rest = code.partition(".")
    offer = visit.session["shipping_methods"].get(to_key(group))
    quote = offer["quote"].get(to_key(rest.partition(".")[0])) if offer and "." in code else None
    return quote if isinstance(quote, dict) else None
