"""`order.change`: an order that exists, written anew as a whole.

No generation changes a part of an order. 2.3 and 3.0 take the whole session again and write it over the order; 4.1
takes the whole form; 4.0 loads the order into the session and adds to it. What the shop would do wrong is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.composite.draft import read_draft
from connector.composite.flow import Ask, Composite, Flow, Offer
from connector.composite.place import describe_order, find_missing, order_fields, prepare, refuse
from connector.request import Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTITY: Final = "order.change"


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
    prepared = yield from prepare(draft, offer)
    if isinstance(prepared, Answer):
        return prepared
    answer = yield Ask("order.edit", {"order_id": order_id, **order_fields(draft, offer)})
    value = describe_order(draft, prepared, order_id=order_id, answer=answer)
    return Answer(Verdict.OK, value, notices=answer.notices, status=answer.status)


def cannot_probe(payload: Mapping[str, Any], offer: Offer, *, known_id: int | None) -> Flow | None:  # noqa: ARG001
    """Return None: whether an order was written anew cannot be told from the order it replaced."""
    return None


CHANGE: Final = Composite(ENTITY, change, cannot_probe)
