"""What a person should do about an answer of OpenCart, where the shop's own words do not say it or mislead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connector.request import FieldError, Operation

CHECK_CREDENTIAL: Final = "compare username and key with System > Users > API in the shop's administration"
CHECK_USER: Final = f"{CHECK_CREDENTIAL}, and see that the user is enabled there; the shop does not say which it is"
CHECK_LOGS: Final = "look into the shop's error log (System > Maintenance > Error Logs) and that of PHP"
LOOK_FIRST: Final = "look in the shop whether it was done, before sending it again"
TRY_LATER: Final = "try again later"

_MOST_SKEW_S: Final = 450
"""How far the time of a signed call may be from the shop's own."""

_NOTHING_DONE: Final = {
    "cart.add": "no product_id reached it",
    "cart.remove": "no key reached it",
    "shipping.address": "the cart holds nothing that is shipped, or the session is gone",
    "shipping.method": "the cart holds nothing that is shipped",
}
"""By entity: the branch of the shop's code that says neither success nor error."""

_DROPPED: Final = (
    "after the last change of the cart call {0}.address, {0}.methods and {0}.method; a change of the cart drops them"
)
_ORDERS: Final = frozenset({"order.add", "order.edit"})
_ALL: Final = frozenset({"2.3", "3.0", "4.0", "4.1"})
_WITH_SESSION: Final = _ALL - {"4.1"}
_WITH_DRAFT: Final = frozenset({"4.1"})
_FIRST: Final = frozenset({"2.3", "3.0"})

_CURES: Final = tuple(
    (generations, frozenset(entities), re.compile(words, re.IGNORECASE), cure)
    for generations, entities, words, cure in (
        (
            _FIRST,
            _ORDERS,
            r"\*\*\*|not in stock",
            "read cart.products: an empty cart is worded the same, and one is emptied by an order or after an hour",
        ),
        (_ALL, _ORDERS, r"products? required", "call cart.add first, in the same session"),
        (_WITH_SESSION, _ORDERS, r"shipping (?:method|address) required", _DROPPED.format("shipping")),
        (_WITH_SESSION, _ORDERS, r"payment (?:method|address) required", _DROPPED.format("payment")),
        (
            _WITH_DRAFT,
            _ORDERS,
            r"(shipping|payment) method required",
            "call shipping.methods, shipping.method, payment.methods and payment.method ahead of it, in this order",
        ),
        (
            _ALL,
            _ORDERS | {"shipping.methods", "payment.methods"},
            r"customer",
            "call customer.set first, in the same session",
        ),
        (_ALL, {"payment.methods"}, r"shipping method required", "choose one with shipping.method first"),
        (_ALL, {"shipping.method", "shipping.methods"}, r"address required", "call shipping.address first"),
        (
            _WITH_SESSION,
            {"shipping.method"},
            r"no shipping options|method required",
            "call shipping.methods first, in the same session, and choose one of the codes it lists",
        ),
        (_ALL, {"payment.method", "payment.methods"}, r"payment address required", "call payment.address first"),
        (
            _WITH_SESSION,
            {"payment.method"},
            r"no payment options|payment method required",
            "call payment.methods first, in the same session, cart filled, and choose one of the codes it lists",
        ),
        (_ALL, {"cart.add"}, r"\bstore\b", "the product is unknown, switched off or not sold in this store"),
    )
)
"""By generation, entity and the shop's words in English; in another language the shop's own words stand alone."""


def check_generation(generation: str) -> str:
    """Return what to do about an answer that no shop of this generation gives."""
    return f"check that the shop is an OpenCart {generation} and that no extension changes this route"


def find_cure(generation: str, operation: Operation, errors: tuple[FieldError, ...]) -> str | None:
    """Return what to do about the shop's reasons, or None where they speak for themselves."""
    entity = _name_entity(operation)
    for error in errors:
        for generations, entities, words, cure in _CURES:
            if (
                generation in generations
                and entity in entities
                and words.search(f"{error.field or ''} {error.message}")
            ):
                return cure
    return None


def list_refusal_causes(host: str, path: str, skew_s: int | None) -> list[str]:
    """Return why 4.1 may refuse a signed call, most likely first; it gives one answer to all of it.

    Args:
        host: What was signed as the host.
        path: What was signed as the folder.
        skew_s: By how many seconds the shop's clock is ahead of ours; None where that is not known.
    """
    causes = [
        "add this machine's address, or its proxy's, to the IP addresses of the API user (System > Users > API)",
        f"write under signature what the shop's PHP sees, if a proxy changes the host {host} or the folder {path}",
        f"{CHECK_CREDENTIAL}, upper and lower case too, and see that the user is enabled there",
    ]
    if skew_s is None:
        causes.append(f"set this machine's clock: the shop's may be more than {_MOST_SKEW_S} s away")
    elif abs(skew_s) > _MOST_SKEW_S:
        side = "behind" if skew_s > 0 else "ahead of"
        clock = f"it is {abs(skew_s)} s {side} the shop's, {_MOST_SKEW_S} are let pass"
        causes.insert(0, f"set this machine's clock: {clock}")
    return causes


def explain_nothing(operation: Operation) -> str:
    """Return the likely reason for an answer without success and error (`[]`)."""
    return _NOTHING_DONE.get(_name_entity(operation), "the fields it needs did not reach it")


def _name_entity(operation: Operation) -> str:
    """Return the catalog id, also for a route of 2.0 to 3.0 that was called by its name (`api/cart/add`)."""
    return operation.entity.removeprefix("api/").replace("/", ".")
