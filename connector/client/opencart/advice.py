"""What a person should do about an answer of OpenCart, where the shop's own words do not say it or mislead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connector.request import FieldError

CHECK_CREDENTIAL: Final = "compare username and key with System > Users > API in the shop's administration"
CHECK_LOGS: Final = "look into the shop's error log (System > Maintenance > Error Logs) and that of PHP"
CHECK_GENERATION: Final = "check that the shop is an OpenCart 3.0 and that no extension changes this route"
LOOK_FIRST: Final = "look in the shop whether it was done, before sending it again"
TRY_LATER: Final = "try again later"

_NOTHING_DONE: Final = {
    "api/cart/add": "no product_id reached it",
    "api/cart/remove": "no key reached it",
    "api/shipping/address": "the cart holds nothing that is shipped, or the session is gone",
    "api/shipping/method": "the cart holds nothing that is shipped",
}
"""By route: the branch of the shop's code that says neither success nor error."""

_DROPPED: Final = (
    "after the last change of the cart call {0}.address, {0}.methods and {0}.method; a change of the cart drops them"
)

_CURES: Final = tuple(
    (route, re.compile(words, re.IGNORECASE), cure)
    for route, words, cure in (
        (
            "api/order/",
            r"\*\*\*|not in stock",
            "read cart.products: an empty cart is worded the same, and one is emptied by an order or after an hour",
        ),
        ("api/order/", r"shipping (?:method|address) required", _DROPPED.format("shipping")),
        ("api/order/", r"payment (?:method|address) required", _DROPPED.format("payment")),
        ("api/order/", r"customer", "call customer.set first, in the same session"),
        ("api/shipping/method", r"address required", "call shipping.address first"),
        (
            "api/shipping/method",
            r"no shipping options|method required",
            "call shipping.methods first, in the same session, and choose one of the codes it lists",
        ),
        ("api/payment/method", r"address required", "call payment.address first"),
        (
            "api/payment/method",
            r"no payment options|method required",
            "call payment.methods first, in the same session, cart filled, and choose one of the codes it lists",
        ),
        ("api/cart/add", r"\bstore\b", "the product is unknown, switched off or not sold in this store"),
    )
)
"""By route and by the shop's words in English; a shop in another language gets its own words without a cure."""


def find_cure(route: str, errors: tuple[FieldError, ...]) -> str | None:
    """Return what to do about the shop's reasons, or None where they speak for themselves."""
    for error in errors:
        for prefix, words, cure in _CURES:
            if route.startswith(prefix) and words.search(f"{error.field or ''} {error.message}"):
                return cure
    return None


def explain_nothing(route: str) -> str:
    """Return the likely reason for an answer without success and error (`[]`)."""
    return _NOTHING_DONE.get(route, "the fields it needs did not reach it")
