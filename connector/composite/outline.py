"""What a composite would ask of a shop, told without one: its own flow, played with a shop that agrees to everything.

The flow itself says the order of calls, so an outline cannot differ from what is sent later. What only the real shop
knows (which methods it offers, the id of the order) is left open, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.composite.draft import read_draft
from connector.composite.method import RULES
from connector.frozen import dataclass
from connector.request import Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.composite.draft import Draft
    from connector.composite.flow import Ask, Composite, Offer

_ORDER_ID, _CURRENCY, _LINE = (f"\ue000{name}" for name in ("order", "currency", "line"))
"""Stand for what only the shop knows. Texts that neither a shop nor a record has."""

_METHOD: Final = "some method"
"""Stands for the code of a method that no code is wished for."""

_OPEN: Final = {
    _ORDER_ID: "the shop gives the order its id",
    _CURRENCY: "it is the currency that the order has in the shop",
    _LINE: "there is one for each line that the order has in the shop",
}
"""Why a payload with one of them is not known."""

_IF_SHIPPED: Final = frozenset({"shipping.address", "shipping.methods", "shipping.method"})


@dataclass(frozen=True, slots=True)
class Outlined:
    """One call that a composite would make.

    Attributes:
        ask: The call.
        reason: Why its payload is not known before the shop was asked; empty where it is.
        note: When the call is made, where that is not always; else empty.
    """

    ask: Ask
    reason: str = ""
    note: str = ""

    @property
    def is_known(self) -> bool:
        """Whether its payload is the one that will be sent."""
        return not self.reason


def outline(composite: Composite, payload: Mapping[str, Any], offer: Offer) -> tuple[tuple[Outlined, ...], Answer]:
    """Return the calls that a composite would make where the shop agrees to everything, and what it would answer then.

    The answer is of use where it is no success: the composite refuses by itself, whatever the shop says.

    Args:
        composite: One of `connector.composite.composites`.
        payload: Fits the composite's entity.
        offer: What the shop's generation has.
    """
    shop = _AgreeableShop(read_draft(payload), payload.get("order_id"))
    calls: list[Outlined] = []
    flow = composite.play(payload, offer)
    try:
        ask = next(flow)
        while True:
            calls.append(shop.describe(ask))
            ask = flow.send(Answer(Verdict.OK, shop.answer(ask)))
    except StopIteration as end:
        answer: Answer = end.value
        return tuple(calls), answer


class _AgreeableShop:
    """A shop that has what is asked for and takes what it is sent."""

    def __init__(self, draft: Draft, order_id: Any) -> None:
        self._draft = draft
        self._order_id = order_id
        self._lines: list[dict[str, Any]] = []

    def describe(self, ask: Ask) -> Outlined:
        """Return a call as the outline tells it."""
        note = "where there is anything to ship" if ask.entity in _IF_SHIPPED else ""
        open_values = [value for value in ask.payload.values() if isinstance(value, str) and value in _OPEN]
        if open_values:
            return Outlined(ask, _OPEN[open_values[0]], note)
        if ask.entity in {"shipping.method", "payment.method"}:
            wishes = self._wishes(ask.entity)
            wanted = f"wanted is {', else '.join(wishes)}" if wishes else "it must hold one alone"
            return Outlined(ask, f"the shop's list decides the code; {wanted}", note)
        return Outlined(ask, note=note)

    def answer(self, ask: Ask) -> dict[str, Any]:
        """Return what the shop says to a call."""
        match ask.entity:
            case "cart.add":
                self._lines.append(_write_line(ask.payload))
            case "cart.remove":
                self._lines.clear()
            case "order.load":
                self._lines.append({"cart_id": _LINE})
            case "cart.products":
                return {"products": list(self._lines), "totals": [], "shipping_required": True}
            case "shipping.methods":
                return {"shipping_methods": {"any": {"quote": {"any": self._offer("shipping.method")}}}}
            case "payment.methods":
                return {"payment_methods": {"any": self._offer("payment.method")}}
            case "order.info":
                return {"order": {"currency_code": self._draft.currency or _CURRENCY}}
            case "order.add" | "order.edit":
                return {"order_id": _ORDER_ID if self._order_id is None else self._order_id}
        return {}

    def _wishes(self, entity: str) -> Sequence[str]:
        return self._draft.shipping_method if entity == "shipping.method" else self._draft.payment_method

    def _offer(self, entity: str) -> dict[str, str]:
        """Return the one method that is offered: what is wished for first."""
        wish = next(iter(self._wishes(entity)), _METHOD)
        return {"code": _METHOD if wish in RULES else wish, "cost": "0"}


def _write_line(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line as a cart shows it; options as of files, which are compared as the text they are."""
    options = [
        {"product_option_id": option, "type": "file", "value": str(one)}
        for option, value in (fields.get("option") or {}).items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]
    return {"product_id": fields["product_id"], "quantity": fields["quantity"], "option": options}
