"""Shipping and payment methods: which ones an address and a total are offered."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from connector.sandbox.php.value import PhpArray, to_bool, to_float, to_int
from connector.sandbox.shop.seed import is_in_geo_zone
from connector.sandbox.shop.visit import Visit


@dataclass(frozen=True, slots=True)
class ShippingOffer:
    """A shipping method and its one quote. ``cost`` and ``tax_class_id`` are text or a number, as the shop has them."""

    code: str
    name: str
    quote_name: str
    cost: Any
    tax_class_id: Any
    text: str
    sort_order: str


@dataclass(frozen=True, slots=True)
class PaymentOffer:
    """A payment method."""

    code: str
    name: str
    sort_order: str


def list_shipping_methods(visit: Visit, address: PhpArray) -> list[ShippingOffer]:
    """Return the shipping methods for an address, in the shop's order."""
    return _sort(
        method(visit, code) for code, method in _SHIPPING.items() if _is_offered(visit, "shipping", code, address)
    )


def list_payment_methods(
    visit: Visit, address: PhpArray | None, total: float, *, asks_least: bool = True
) -> list[PaymentOffer]:
    """Return the payment methods for an address and an order's total, in the shop's order.

    Nobody brings a parcel for a cart without anything to ship, so nobody could take the money; and none of these can
    collect money for a subscription.

    Args:
        visit: The request.
        address: Where to; None where the shop does not ask, and a method's geo zone does not count.
        total: What is to pay.
        asks_least: Whether the least total of a method counts.
    """
    if visit.cart.has_subscription():
        return []
    fits = {
        "cod": visit.cart.has_shipping(),
        "free_checkout": total <= 0,
        "bank_transfer": True,
    }
    return _sort(
        PaymentOffer(code, _PAYMENT[code], visit.setting(f"payment_{code}_sort_order"))
        for code, does_fit in fits.items()
        if does_fit
        and _is_offered(visit, "payment", code, address)
        and not (asks_least and _is_below(visit, code, total))
    )


def _sort(offers: Iterable[Any]) -> list[Any]:
    return sorted(offers, key=lambda offer: (to_int(offer.sort_order), offer.code))


def _is_offered(visit: Visit, group: str, code: str, address: PhpArray | None) -> bool:
    geo_zone_id = to_int(visit.setting(f"{group}_{code}_geo_zone_id"))
    if not to_bool(visit.setting(f"{group}_{code}_status")):
        return False
    if not geo_zone_id or address is None:
        return True
    return is_in_geo_zone(geo_zone_id, to_int(address["country_id"]), to_int(address["zone_id"]))


def _is_below(visit: Visit, code: str, total: float) -> bool:
    least = to_float(visit.setting(f"payment_{code}_total"))
    return least > 0 and total < least


def _quote_flat(visit: Visit, code: str) -> ShippingOffer:
    cost, tax_class_id = visit.setting("shipping_flat_cost"), visit.setting("shipping_flat_tax_class_id")
    text = visit.currencies.format(visit.taxes.add_to(to_float(cost), to_int(tax_class_id)))
    place = visit.setting("shipping_flat_sort_order")
    return ShippingOffer(code, "Flat Rate", "Flat Shipping Rate", cost, tax_class_id, text, place)


def _quote_pickup(visit: Visit, code: str) -> ShippingOffer:
    text, place = visit.currencies.format(0), visit.setting("shipping_pickup_sort_order")
    return ShippingOffer(code, "Pickup", "Pickup From Store", 0, 0, text, place)


_SHIPPING: dict[str, Callable[[Visit, str], ShippingOffer]] = {"flat": _quote_flat, "pickup": _quote_pickup}

_PAYMENT = {"cod": "Cash On Delivery", "free_checkout": "Free Checkout", "bank_transfer": "Bank Transfer"}
