"""`order.place`: a whole order in the order of calls that loses nothing, checked before it is placed.

Customer before cart (setting a customer empties a guest's cart), cart before addresses and methods (changing the cart
drops the methods), the discounts after the cart they apply to. The cart is read back twice: after the lines, so that a
shop that kept something else is noticed at once, and just before the order, for stock and for the totals.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

from connector.composite.cart import Cart, compare, read_cart
from connector.composite.draft import DEFAULT_GROUP, PENDING, Draft, read_draft
from connector.composite.flow import NOTHING, Ask, Composite, Flow, Offer
from connector.composite.method import RULES, Method, choose, list_payment, list_shipping
from connector.composite.money import parse_amount
from connector.composite.probe import find_placed, show_placed
from connector.frozen import dataclass
from connector.request import Answer, FieldError, Verdict

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from decimal import Decimal

ENTITY: Final = "order.place"

_MOST_COMMENT_BYTES: Final = 60_000
"""Of the escaped comment. The shop's column holds 65,535 and is cut without a word, the reference first; the session of
4.0, which holds the comment as well, is lost altogether."""

_STORES_NO_GROUP: Final = frozenset({"4.1"})
"""Generations that check a customer without a group against the shop's own, and then store group 0 with the order."""

_HIGHEST_KEPT: Final = "\uffff"
"""The last character that every shop stores as it is; those above (emoji) become question marks in older databases."""


def place(payload: Mapping[str, Any], offer: Offer) -> Flow:
    """Return the flow that places an order.

    Args:
        payload: Fits `order.place` in the catalog.
        offer: What the shop's generation has.

    Returns:
        A flow whose answer has the value `{"order_id": …, "reference": …, "status_id": …, "total": Decimal,
        "currency": …, "totals": [{"title", "text", "amount"}], "lines": [{"product_id", "name", "model", "quantity",
        "option", "total", "amount"}], "shipping_method": {"code", "title", "cost"}, "payment_method": {"code",
        "title"}, "messages": […]}`. `total` and amounts are Decimal, or None where the shop's text can be read in two
        ways; `currency` is None where the draft does not name it and the shop cannot be asked (from 4.0).
    """
    draft = read_draft(payload)
    missing = find_missing(draft, offer)
    if missing:
        return _refuse(missing)
    prepared = yield from prepare(draft, offer)
    if isinstance(prepared, Answer):
        return prepared
    answer = yield Ask("order.add", order_fields(draft, offer))
    order_id = answer.value.get("order_id") if isinstance(answer.value, dict) else None
    currency = draft.currency or (yield from find_currency(order_id, offer))
    value = describe_order(draft, prepared, order_id=order_id, currency=currency, answer=answer)
    return Answer(Verdict.OK, value, notices=answer.notices, status=answer.status)


def find_currency(order_id: Any, offer: Offer) -> Generator[Ask, Answer, str | None]:
    """Return the currency of an order as the shop has stored it, or None where it cannot be asked."""
    if order_id is None or not offer.takes("order.info", "order_id"):
        return None
    shown = yield Ask("order.info", {"order_id": order_id}, may_fail=True)
    return read_currency(shown)


def read_currency(shown: Answer) -> str | None:
    """Return the currency in an answer of `order.info`, or None where it has none."""
    order = shown.value.get("order") if shown.verdict.is_success and isinstance(shown.value, dict) else None
    return str(order["currency_code"]) if isinstance(order, dict) and order.get("currency_code") else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a flow knows when everything but the order itself is done.

    Attributes:
        cart: As it was read back last.
        shipping: The chosen method; None where nothing is shipped.
        payment: The chosen method.
    """

    cart: Cart
    shipping: Method | None
    payment: Method


def prepare(draft: Draft, offer: Offer) -> Generator[Ask, Answer, Prepared | Answer]:
    """Set up everything an order needs, and check it.

    Returns:
        What was prepared, or the refusal that says why no order may be placed.
    """
    if draft.currency is not None:
        yield Ask("currency.set", {"currency": draft.currency})
    yield Ask("customer.set", _customer_fields(draft, offer))
    for line in draft.lines:
        yield Ask("cart.add", line.payload())
    cart = read_cart((yield Ask("cart.products", NOTHING)).value)
    problems = compare(draft.lines, cart, allows_backorder=draft.allows_backorder)
    if problems:
        return refuse("the cart is not what was asked for", problems)
    yield from _discount(draft)
    yield Ask("payment.address", draft.payment_address)
    shipping: Method | None = None
    if cart.ships:
        yield Ask("shipping.address", draft.shipping_address)
        offered = list_shipping((yield Ask("shipping.methods", NOTHING)).value)
        shipping = choose(offered, draft.shipping_method)
        if shipping is None:
            return _refuse_method("shipping", offered, draft.shipping_method)
        yield Ask("shipping.method", {"shipping_method": shipping.code})
    offered = list_payment((yield Ask("payment.methods", NOTHING)).value)
    payment = choose(offered, draft.payment_method)
    if payment is None:
        return _refuse_method("payment", offered, draft.payment_method)
    yield Ask("payment.method", {"payment_method": payment.code})
    if draft.affiliate_id is not None and offer.has("affiliate.set"):
        yield Ask("affiliate.set", {"affiliate_id": draft.affiliate_id})
    if offer.has("order.comment"):
        yield Ask("order.comment", {"comment": draft.full_comment})
    read_back = yield Ask("cart.products", NOTHING)
    cart = read_cart(read_back.value)
    problems = compare(draft.lines, cart, allows_backorder=draft.allows_backorder)
    problems.extend(
        error.message
        for error in read_back.errors
        if not (draft.allows_backorder and error.field == "stock") and error.message not in problems
    )
    if problems:
        return refuse("the cart may not be ordered", problems)
    return Prepared(cart, shipping, payment)


def find_missing(draft: Draft, offer: Offer) -> list[str]:
    """Return what the draft asks for and the shop's generation does not have, in sentences."""
    wishes = {
        "coupon.apply": ("a coupon", draft.coupon),
        "voucher.apply": ("a gift voucher", draft.voucher),
        "reward.apply": ("reward points", draft.reward),
        "currency.set": ("a currency", draft.currency),
    }
    missing = [
        f"{words} cannot be used: {entity} does not exist in {offer.dialect}"
        for entity, (words, value) in wishes.items()
        if value is not None and not offer.has(entity)
    ]
    plans = any(line.subscription_plan_id is not None for line in draft.lines)
    if plans and not offer.takes("cart.add", "subscription_plan_id"):
        missing.append(f"subscription plans do not exist in {offer.dialect}")
    if draft.order_status_id == 0:
        missing.append("order_status_id is 0, which hides the order and takes no stock; leave it out for Pending")
    if draft.reference is not None and not _is_kept(draft.reference):
        missing.append("reference is not kept as it is; one line of text without emoji is")
    if len(html.escape(draft.full_comment, quote=True).encode()) > _MOST_COMMENT_BYTES:
        missing.append(f"comment is too long; {_MOST_COMMENT_BYTES:,} bytes are kept, with the reference at the end")
    return missing


def _is_kept(reference: str) -> bool:
    """Whether a shop gives a reference back as it was sent: one that it changes would never be found again."""
    return reference.isprintable() and max(reference) <= _HIGHEST_KEPT


def order_fields(draft: Draft, offer: Offer) -> dict[str, Any]:
    """Return the fields of `order.add` that were not sent as calls of their own; the status is never left to chance."""
    fields: dict[str, Any] = {"order_status_id": draft.order_status_id or PENDING}
    if not offer.has("order.comment") and offer.takes("order.add", "comment"):
        fields["comment"] = draft.full_comment
    if draft.affiliate_id is not None and not offer.has("affiliate.set"):
        fields["affiliate_id"] = draft.affiliate_id
    return fields


def describe_order(
    draft: Draft, prepared: Prepared, *, order_id: Any, currency: str | None, answer: Answer
) -> dict[str, Any]:
    """Return the value that a placed or changed order is told by; see `place`."""
    cart, value = prepared.cart, answer.value if isinstance(answer.value, dict) else {}
    totals = [{"title": row.title, "text": row.text, "amount": row.amount} for row in cart.totals]
    messages = [str(value["success"])] if value.get("success") else []
    return {
        "order_id": order_id,
        "reference": draft.reference,
        "status_id": draft.order_status_id or PENDING,
        "total": cart.total,
        "currency": currency,
        "totals": totals,
        "lines": [_describe_line(product) for product in cart.products],
        "shipping_method": _describe_method(prepared.shipping),
        "payment_method": _describe_method(prepared.payment),
        "messages": messages,
    }


def refuse(reason: str, problems: Sequence[str], *, cure: str | None = None) -> Answer:
    """Return the refusal of a composite: nothing was committed."""
    return Answer(
        Verdict.REJECTED,
        errors=tuple(FieldError(None, problem) for problem in problems),
        reason=f"{reason}: {'; '.join(problems)}",
        cure=cure or "the shop has stored nothing; correct the record and send it again",
    )


def _refuse(problems: Sequence[str]) -> Answer:
    return refuse("this shop cannot place the order", problems)


def _refuse_method(kind: str, offered: Sequence[Method], wishes: Sequence[str]) -> Answer:
    there = ", ".join(f"{method.code} ({method.title})" for method in offered) or "none"
    wish = ", ".join(wishes) or "no preference"
    return refuse(
        f"no {kind} method was chosen",
        [f"wanted {wish}; the shop offers {there}"],
        cure=f"write one of the offered codes, or a rule ({', '.join(RULES)}), under {kind}_method",
    )


def _discount(draft: Draft) -> Generator[Ask, Answer, None]:
    if draft.coupon is not None:
        yield Ask("coupon.apply", {"coupon": draft.coupon})
    if draft.voucher is not None:
        yield Ask("voucher.apply", {"voucher": draft.voucher})
    if draft.reward is not None:
        yield Ask("reward.apply", {"reward": draft.reward})


def _customer_fields(draft: Draft, offer: Offer) -> Mapping[str, Any]:
    needs_group = offer.requires("customer.set", "customer_group_id") or offer.dialect in _STORES_NO_GROUP
    if "customer_group_id" in draft.customer or not needs_group:
        return draft.customer
    return {**draft.customer, "customer_group_id": DEFAULT_GROUP}


def _describe_line(product: Mapping[str, Any]) -> dict[str, Any]:
    text = str(product.get("total_text") or product.get("total") or "")
    return {
        "product_id": str(product.get("product_id")),
        "name": product.get("name"),
        "model": product.get("model"),
        "quantity": int(str(product.get("quantity", 0))),
        "option": [
            {"option": str(option.get("product_option_id")), "name": option.get("name"), "value": option.get("value")}
            for option in product.get("option") or ()
        ],
        "total": text,
        "amount": parse_amount(text),
    }


def _describe_method(method: Method | None) -> dict[str, Any] | None:
    if method is None:
        return None
    cost: Decimal | None = method.cost
    return {"code": method.code, "title": method.title} | ({"cost": cost} if cost is not None else {})


PLACE: Final = Composite(ENTITY, place, find_placed, show=show_placed)
