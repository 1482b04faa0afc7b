"""`order.change`: an order that exists, written anew as a whole.

No generation changes a part of an order. 2.3 and 3.0 take the whole session again and write it over the order; 4.1
takes the whole form; 4.0 loads the order into the session and adds to it. What the shop would do wrong is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connector.composite.cart import read_cart
from connector.composite.draft import Draft, read_draft
from connector.composite.flow import NOTHING, Ask, Composite, Flow, Offer
from connector.composite.place import (
    describe_order,
    find_currency,
    find_missing,
    order_fields,
    prepare,
    read_currency,
    refuse,
)
from connector.request import Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ENTITY: Final = "order.change"

_INHERITED: Final[Mapping[str, Mapping[str, Any]]] = {
    "coupon.apply": {"coupon": ""},
    "voucher.apply": {"voucher": ""},
    "reward.apply": {"reward": 0},
    "affiliate.set": {"affiliate_id": 0},
}
"""What a loaded order brings along besides its lines, and what takes it back."""

_INFLATES: Final = (
    "it has lines with options, and 4.0.2.2 and 4.0.2.3 add their surcharges to the price once more when an order that "
    "was loaded is written; which 4.0 this is cannot be told from outside"
)
_KEEPS_CURRENCY: Final = "{}, and this generation keeps the currency of an order; leave currency out"
_UNPROVEN: Final = "an order that is not there is answered with the same words, and nothing is stored"


def change(payload: Mapping[str, Any], offer: Offer) -> Flow:
    """Return the flow that writes an order anew.

    Args:
        payload: Fits `order.change` in the catalog: the fields of `order.place`, and `order_id`.
        offer: What the shop's generation has.

    Returns:
        A flow whose answer has the value of `connector.composite.place.place`.
    """
    draft, order_id = read_draft(payload), int(payload["order_id"])
    missing = find_missing(draft, offer)
    if missing:
        return refuse("this shop cannot change the order", missing)
    if offer.has("order.info"):
        found = yield Ask("order.info", {"order_id": order_id}, is_refusal_an_answer=True)
        if not found.verdict.is_success:
            return refuse("the order cannot be changed", [f"the shop has no order {order_id}"])
        kept = read_currency(found)
        if None not in {kept, draft.currency} and kept != draft.currency:
            return refuse("the order cannot be changed", [_KEEPS_CURRENCY.format(f"it is in {kept}")])
        draft = replace(draft, currency=kept or draft.currency)
    loads = not offer.has("order.edit") and offer.has("order.load")
    if loads:
        if any(line.option for line in draft.lines):
            return refuse("this shop cannot change the order", [_INFLATES])
        refusal = yield from _load(order_id, draft, offer)
        if refusal is not None:
            return refusal
    prepared = yield from prepare(draft, offer)
    if isinstance(prepared, Answer):
        return prepared
    fields = order_fields(draft, offer)
    # What was loaded is what `order.add` writes: the session carries the id, and no second order comes of it.
    answer = yield Ask("order.add", fields) if loads else Ask("order.edit", {"order_id": order_id, **fields})
    stored_id = answer.value.get("order_id", order_id) if isinstance(answer.value, dict) else order_id
    if str(stored_id) != str(order_id):
        return Answer(
            Verdict.FAULT,
            answer.value,
            reason=f"the shop has written order {stored_id} in place of order {order_id}",
            cure=f"look at both orders in the shop; order {stored_id} may be one too many",
            status=answer.status,
        )
    currency = draft.currency or (yield from find_currency(order_id, offer))
    value = describe_order(draft, prepared, order_id=order_id, currency=currency, answer=answer)
    if not loads and not offer.has("order.info"):
        value["messages"].append(_UNPROVEN)
    return Answer(Verdict.OK, value, notices=answer.notices, status=answer.status)


def _load(order_id: int, draft: Draft, offer: Offer) -> Generator[Ask, Answer, Answer | None]:
    """Load an order into the session, and take out of it again what the new order would else inherit.

    The session is in the order's currency then. Which that is, no call says; that it is the draft's shows in totals
    which stay the same when the draft's is set.

    Returns:
        None, or the refusal of an order that would lose what no draft can say, or that has another currency.
    """
    yield Ask("order.load", {"order_id": order_id})
    cart = read_cart((yield Ask("cart.products", NOTHING)).value)
    if cart.sells_vouchers:
        return refuse("the order cannot be changed", ["it sells gift vouchers, which would be lost"])
    if draft.currency is not None:
        yield Ask("currency.set", {"currency": draft.currency})
        if read_cart((yield Ask("cart.products", NOTHING)).value).totals != cart.totals:
            return refuse("the order cannot be changed", [_KEEPS_CURRENCY.format(f"it is not in {draft.currency}")])
    for product in cart.products:
        yield Ask("cart.remove", {"key": product.get("cart_id")})
    for entity, empty in _INHERITED.items():
        if offer.has(entity):
            yield Ask(entity, empty, takes_back=True)
    return None


def cannot_probe(payload: Mapping[str, Any], offer: Offer, *, known_id: int | None) -> Flow | None:  # noqa: ARG001
    """Return None: whether an order was written anew cannot be told from the order it replaced."""
    return None


CHANGE: Final = Composite(ENTITY, change, cannot_probe)
