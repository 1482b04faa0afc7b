"""What became of an order whose answer nobody saw: orders are read by id and searched for our reference.

OpenCart up to 3.0 can show an order by its id and cannot list them; later generations cannot show one at all. Two
things can be proven, and only those are claimed:

- **placed**: an order carries our reference.
- **not placed**: an order id was known before ours was sent, ids grow, and none of those that came after carries it.

Without a known id the newest orders are looked for by doubling and halving. Deleted orders leave gaps that can hide
the newest ones from such a search, so it can find an order and never prove that there is none: that stays unknown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connector.composite.draft import REFERENCE_MARK, read_draft
from connector.composite.flow import Ask
from connector.composite.money import read_amount
from connector.request import Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from connector.composite.flow import Flow, Offer

GAP: Final = 12
"""How many ids in a row are tried on the way to the newest order, which need not be found."""

PROOF: Final = 60
"""How many ids in a row must be missing before the end of the orders is believed: a shop's owner may have deleted some
that came after the known one, and one that is believed missing is sent again."""

MOST: Final = 400
"""How many orders are read at most after a known one."""

DEPTH: Final = 40
"""How many of the newest orders are read where none was known."""

_HIGHEST: Final = 1 << 31
_FOUR_PLACES: Final = Decimal("0.0001")


def find_placed(payload: Mapping[str, Any], offer: Offer, *, known_id: int | None) -> Flow | None:
    """Return the flow that looks for an order by its reference, or None where it cannot be looked for.

    What is found is told in the keys of a placed order; lines and rows of totals, which the shop does not show, are
    empty lists.

    Args:
        payload: What `order.place` was given.
        offer: What the shop's generation has.
        known_id: The highest order id that existed before the order was sent, or None where none is known.

    Returns:
        A flow whose answer is `ok` with the order, `rejected` when it was certainly not placed, else `unknown`.
    """
    reference = read_draft(payload).reference
    if reference is None or not offer.takes("order.info", "order_id"):
        return None
    return _look_around(reference) if known_id is None else _look_after(known_id, reference)


def show_placed(known_id: int, offer: Offer) -> Flow | None:
    """Return the flow that sees whether an order is there, or None where orders cannot be shown."""
    return _confirm(known_id) if offer.takes("order.info", "order_id") else None


def _confirm(known_id: int) -> Flow:
    order = yield from _show(known_id)
    if order is None:
        return Answer(Verdict.REJECTED, reason=f"the shop has no order {known_id}")
    return Answer(Verdict.OK, {"order_id": known_id})


def _look_after(known_id: int, reference: str) -> Flow:
    missing, order_id = 0, known_id
    while missing < PROOF:
        order_id += 1
        if order_id - known_id > MOST:
            return _cannot_tell(f"more than {MOST} orders came after order {known_id}")
        order = yield from _show(order_id)
        if order is not None and _is_ours(order, reference):
            return _placed(order_id, order, reference)
        missing = missing + 1 if order is None else 0
    return Answer(
        Verdict.REJECTED,
        reason=f"the order was not placed: no order after {known_id} carries {REFERENCE_MARK}{reference}",
        cure="send it again",
    )


def _look_around(reference: str) -> Flow:
    newest = yield from _find_newest()
    for order_id in range(newest, max(0, newest - DEPTH), -1):
        order = yield from _show(order_id)
        if order is not None and _is_ours(order, reference):
            return _placed(order_id, order, reference)
    return _cannot_tell("no order id was known before it was sent, and none of the newest orders carries it")


def _find_newest() -> Generator[Ask, Answer, int]:
    """Return the highest id found in use, or 0: double until nothing is there, then halve."""
    low, high = 0, 1
    while high < _HIGHEST:
        found = yield from _find_from(high, high + GAP)
        if found is None:
            break
        low, high = found, found * 2
    while high - low > 1:
        middle = (low + high) // 2
        found = yield from _find_from(middle, min(middle + GAP, high))
        low, high = (low, middle) if found is None else (found, high)
    return low


def _find_from(first: int, end: int) -> Generator[Ask, Answer, int | None]:
    """Return the first id in use in a range, or None."""
    for order_id in range(first, end):
        order = yield from _show(order_id)
        if order is not None:
            return order_id
    return None


def _show(order_id: int) -> Generator[Ask, Answer, dict[str, Any] | None]:
    answer = yield Ask("order.info", {"order_id": order_id}, is_refusal_an_answer=True)
    order = answer.value.get("order") if isinstance(answer.value, dict) else None
    return order if isinstance(order, dict) else None


def _is_ours(order: Mapping[str, Any], reference: str) -> bool:
    """Whether the comment's last line is our reference, whole: `MP-1` is not `MP-12`."""
    last = str(order.get("comment") or "").replace("\r", "").strip().rpartition("\n")[2]
    return last.strip() == f"{REFERENCE_MARK}{reference}".strip()


def _placed(order_id: int, order: Mapping[str, Any], reference: str) -> Answer:
    status = str(order.get("order_status_id") or "0")
    messages = ["found by its reference, after the shop had not answered"]
    if status == "0":
        messages.append("stands at status 0, hidden in the shop until order.history gives it a status")
    value = {
        "order_id": order_id,
        "reference": reference,
        "status_id": int(status) if status.isdigit() else None,
        "total": _read_total(order),
        "currency": order.get("currency_code"),
        "totals": [],
        "lines": [],
        "shipping_method": _read_method(order, "shipping"),
        "payment_method": _read_method(order, "payment"),
        "messages": messages,
    }
    return Answer(Verdict.OK, value, reason="; ".join(messages))


def _read_total(order: Mapping[str, Any]) -> Decimal | None:
    """Return the total in the order's currency, to four places: it is stored in the shop's own, with the rate."""
    total, rate = read_amount(order.get("total")), read_amount(order.get("currency_value"))
    return None if total is None or rate is None else (total * rate).quantize(_FOUR_PLACES)


def _read_method(order: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    code = order.get(f"{kind}_code")
    return {"code": code, "title": order.get(f"{kind}_method")} if code else None


def _cannot_tell(why: str) -> Answer:
    return Answer(Verdict.UNKNOWN, reason=f"whether the order was placed cannot be told: {why}")
