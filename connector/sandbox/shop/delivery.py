"""Shipping and payment methods: which ones an address and a total are offered."""

from collections.abc import Callable
from typing import Any

from connector.sandbox.php.value import PhpArray, to_bool, to_float, to_int
from connector.sandbox.shop.seed import is_in_geo_zone
from connector.sandbox.shop.visit import Visit


def list_shipping_methods(visit: Visit, address: PhpArray) -> PhpArray:
    """Return the shipping methods for an address by code, each with its quotes by code, in the shop's order."""
    return _offer(visit, "shipping", _SHIPPING, address)


def list_payment_methods(visit: Visit, address: PhpArray, total: float) -> PhpArray:
    """Return the payment methods for an address and an order's total by code, in the shop's order."""

    def ask(method: Callable[[Visit, float], PhpArray | None]) -> Callable[[Visit], PhpArray | None]:
        return lambda visit: method(visit, total)

    return _offer(visit, "payment", {code: ask(method) for code, method in _PAYMENT.items()}, address)


def _offer(
    visit: Visit, group: str, methods: dict[str, Callable[[Visit], PhpArray | None]], address: PhpArray
) -> PhpArray:
    offers = {}
    for code, method in methods.items():
        prefix = f"{group}_{code}"
        if to_bool(visit.setting(f"{prefix}_status")) and _reaches(visit, prefix, address):
            offer = method(visit)
            if offer is not None:
                offer["sort_order"] = visit.setting(f"{prefix}_sort_order")
                offers[code] = offer
    # Of two in the same place, the one whose first text (a title here, a code there) comes first.
    return dict(
        sorted(offers.items(), key=lambda entry: (to_int(entry[1]["sort_order"]), next(iter(entry[1].values()))))
    )


def _reaches(visit: Visit, prefix: str, address: PhpArray) -> bool:
    geo_zone_id = to_int(visit.setting(f"{prefix}_geo_zone_id"))
    return not geo_zone_id or is_in_geo_zone(geo_zone_id, to_int(address["country_id"]), to_int(address["zone_id"]))


def _quote(code: str, title: str, quote_title: str, cost: Any, tax_class_id: Any, text: str) -> PhpArray:
    quote = {"code": f"{code}.{code}", "title": quote_title, "cost": cost, "tax_class_id": tax_class_id, "text": text}
    return {"title": title, "quote": {code: quote}, "sort_order": None, "error": False}


def _quote_flat(visit: Visit) -> PhpArray:
    cost, tax_class_id = visit.setting("shipping_flat_cost"), visit.setting("shipping_flat_tax_class_id")
    text = visit.currencies.format(visit.taxes.add_to(to_float(cost), to_int(tax_class_id)))
    return _quote("flat", "Flat Rate", "Flat Shipping Rate", cost, tax_class_id, text)


def _quote_pickup(visit: Visit) -> PhpArray:
    return _quote("pickup", "Pickup", "Pickup From Store", 0, 0, visit.currencies.format(0))


def _offer_payment(code: str, title: str) -> PhpArray:
    return {"code": code, "title": title, "terms": "", "sort_order": None}


def _is_below(visit: Visit, code: str, total: float) -> bool:
    least = to_float(visit.setting(f"payment_{code}_total"))
    return least > 0 and total < least


def _offer_cash(visit: Visit, total: float) -> PhpArray | None:
    # Nobody brings a parcel for a cart without anything to ship, so nobody could take the money.
    if _is_below(visit, "cod", total) or not visit.cart.has_shipping():
        return None
    return _offer_payment("cod", "Cash On Delivery")


def _offer_free(_visit: Visit, total: float) -> PhpArray | None:
    return _offer_payment("free_checkout", "Free Checkout") if total <= 0 else None


def _offer_transfer(visit: Visit, total: float) -> PhpArray | None:
    return None if _is_below(visit, "bank_transfer", total) else _offer_payment("bank_transfer", "Bank Transfer")


_SHIPPING: dict[str, Callable[[Visit], PhpArray | None]] = {"flat": _quote_flat, "pickup": _quote_pickup}

_PAYMENT: dict[str, Callable[[Visit, float], PhpArray | None]] = {
    "cod": _offer_cash,
    "free_checkout": _offer_free,
    "bank_transfer": _offer_transfer,
}
