"""A whole order as a value, the same for every generation of the shop."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERENCE_MARK: Final = "Reference: "
"""Stands in front of our reference, on a line of its own at the end of the order's comment."""

PENDING: Final = 1
"""Status of an order where none is given: `Pending` of a shop as installed. Never 0, which hides an order."""

DEFAULT_GROUP: Final = 1
"""Customer group of a shop as installed, for generations that charge no taxes without one, or store none."""

_NAME_FIELDS: Final = ("firstname", "lastname")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order.

    Attributes:
        product_id: The shop's id.
        quantity: At least 1.
        option: Option id to value id, to a list of value ids (checkboxes), or to text.
        subscription_plan_id: Plan to buy it on, or None.
    """

    product_id: int
    quantity: int
    option: Mapping[str, Any] = field(default_factory=dict)
    subscription_plan_id: int | None = None

    def payload(self) -> dict[str, Any]:
        """Return the fields of `cart.add`."""
        fields: dict[str, Any] = {"product_id": self.product_id, "quantity": self.quantity}
        if self.option:
            fields["option"] = dict(self.option)
        if self.subscription_plan_id is not None:
            fields["subscription_plan_id"] = self.subscription_plan_id
        return fields


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that is not placed yet.

    Attributes:
        reference: The caller's own number for it, unique to the order; None where the caller has none.
        customer: Fields of `customer.set`.
        lines: At least one.
        coupon: Code, or None.
        voucher: Code of a gift voucher, or None.
        reward: Points to use, or None.
        payment_address: Fields of `payment.address`.
        shipping_address: Fields of `shipping.address`.
        shipping_method: What to choose, in order of preference; see `connector.composite.method`.
        payment_method: Likewise.
        comment: What the customer says, without our reference.
        order_status_id: The shop's status id, or None for the shop's own.
        currency: ISO code, or None for the shop's own.
        affiliate_id: Id, or None.
        allows_backorder: Whether lines that the shop has not in stock may be ordered, where the shop takes them.
    """

    reference: str | None
    customer: Mapping[str, Any]
    lines: tuple[Line, ...]
    coupon: str | None
    voucher: str | None
    reward: int | None
    payment_address: Mapping[str, Any]
    shipping_address: Mapping[str, Any]
    shipping_method: tuple[str, ...]
    payment_method: tuple[str, ...]
    comment: str
    order_status_id: int | None
    currency: str | None
    affiliate_id: int | None
    allows_backorder: bool = False

    @property
    def full_comment(self) -> str:
        """The comment with our reference in its last line, which is what a probe looks for."""
        if self.reference is None:
            return self.comment
        mark = f"{REFERENCE_MARK}{self.reference}"
        return f"{self.comment}\n{mark}" if self.comment else mark


def read_draft(payload: Mapping[str, Any]) -> Draft:
    """Return the draft of a payload that fits `order.place` or `order.change` in the catalog.

    An address without names has the customer's; without a shipping address, the payment address is used for both.
    """
    customer = _given(payload["customer"])
    payment = _address(payload["payment_address"], customer)
    shipping = _address(payload.get("shipping_address") or payload["payment_address"], customer)
    return Draft(
        reference=_text(payload.get("reference")),
        customer=customer,
        lines=tuple(_read_line(line) for line in payload["lines"]),
        coupon=_text(payload.get("coupon")),
        voucher=_text(payload.get("voucher")),
        reward=_integer(payload.get("reward")),
        payment_address=payment,
        shipping_address=shipping,
        shipping_method=_preferences(payload.get("shipping_method")),
        payment_method=_preferences(payload.get("payment_method")),
        comment=_text(payload.get("comment")) or "",
        order_status_id=_integer(payload.get("order_status_id")),
        currency=_text(payload.get("currency")),
        affiliate_id=_integer(payload.get("affiliate_id")),
        allows_backorder=str(payload.get("allow_backorder") or "0") in {"1", "True"},
    )


def _read_line(line: Mapping[str, Any]) -> Line:
    option = {str(key): value for key, value in (line.get("option") or {}).items() if value is not None}
    plan = _integer(line.get("subscription_plan_id"))
    return Line(int(line["product_id"]), int(line.get("quantity") or 1), option, plan)


def _address(fields: Mapping[str, Any], customer: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: customer[name] for name in _NAME_FIELDS if name in customer}
    return {**names, **_given(fields)}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _preferences(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _integer(value: Any) -> int | None:
    return None if value is None or value == "" else int(value)
