"""The pattern of most calls: rebuild the order from the form, step by step, and then answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.payment_method import lacks_address
from connector.sandbox.generation_4_0.texts import NO_PRODUCTS, ORDER_CUSTOMER
from connector.sandbox.generation_4_1.basket import fill_cart
from connector.sandbox.php.value import PhpArray, to_bool
from connector.sandbox.shop.visit import Visit

Call = Callable[[Visit], PhpArray]


@dataclass(frozen=True, slots=True)
class StagedCall:
    """A call that sets customer and cart, then whatever else it needs, and answers.

    Args:
        set_buyer: Sets the customer.
        before: Steps between the cart and the answer; what they say is not told.
        answer: What says whether the call worked; None for the cart itself.
        after: Steps after it.
        show: Returns what is told beside, None for nothing.
        goes_on: Whether it goes on with a cart that is refused, and does not just say so.
    """

    set_buyer: Callable[[Visit], Any]
    before: tuple[Callable[[Visit], Any], ...] = ()
    answer: Call | None = None
    after: tuple[Callable[[Visit], Any], ...] = ()
    show: Call | None = None
    goes_on: bool = False

    def __call__(self, visit: Visit) -> PhpArray:
        """Return the answer of the call."""
        self.set_buyer(visit)
        said = fill_cart(visit)
        if "error" in said and not self.goes_on:
            return said
        for step in self.before:
            step(visit)
        if self.answer is not None:
            said = self.answer(visit)
        for step in self.after:
            step(visit)
        return said if self.show is None else said | self.show(visit)


def list_missing(visit: Visit, *, asks_stock: bool) -> PhpArray:
    """Return what an order still lacks, by part; an address and a method for goods that need none are forgotten.

    Args:
        visit: The request.
        asks_stock: Whether stock counts. It has been asked for already where the cart was sent with the request.
    """
    session, cart = visit.session, visit.cart
    missing: PhpArray = {}
    if session.get("customer") is None:
        missing["customer"] = ORDER_CUSTOMER
    if not cart.lines():
        missing["product"] = NO_PRODUCTS
    is_short = asks_stock and not cart.has_stock() and not to_bool(visit.setting("config_stock_checkout"))
    if is_short or any(line.product.minimum > line.pieces for line in cart.lines()):
        missing["product"] = texts.ORDER_STOCK
    if lacks_address(visit):
        missing["payment_address"] = texts.NO_ADDRESS["payment"]
    if not cart.has_shipping():
        visit.forget("shipping_address", "shipping_method")
    else:
        if session.get("shipping_address") is None:
            missing["shipping_address"] = texts.NO_ADDRESS["shipping"]
        if session.get("shipping_method") is None:
            missing["shipping_method"] = texts.NO_METHOD["shipping"]
    if session.get("payment_method") is None:
        missing["payment_method"] = texts.NO_METHOD["payment"]
    return missing
