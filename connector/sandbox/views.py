"""Orders for those who look in from outside: frozen copies with names in place of ids."""

from dataclasses import dataclass
from decimal import Decimal

from connector.sandbox.shop.seed import ORDER_STATUSES
from connector.sandbox.shop.tables import OrderRow, Shop


@dataclass(frozen=True, slots=True)
class OrderLineView:
    """A product of an order. ``options`` pairs an option's name with the text chosen; prices are without tax."""

    product_id: int
    name: str
    model: str
    quantity: int
    price: Decimal
    total: Decimal
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OrderTotalView:
    """A line of an order's totals, in the base currency."""

    code: str
    title: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class OrderHistoryView:
    """An entry of an order's history."""

    order_status_id: int
    notify: bool
    comment: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as the shop's owner sees it. ``status`` is empty for an abandoned order and for an unknown status."""

    order_id: int
    order_status_id: int
    status: str
    customer_id: int
    email: str
    comment: str
    payment_code: str
    shipping_code: str
    currency: str
    total: Decimal
    lines: tuple[OrderLineView, ...]
    totals: tuple[OrderTotalView, ...]
    history: tuple[OrderHistoryView, ...]


def list_orders(shop: Shop) -> tuple[OrderView, ...]:
    """Return all orders, the oldest first, abandoned ones included."""
    return tuple(_view_order(order) for order in shop.orders.values())


def _view_order(order: OrderRow) -> OrderView:
    columns = order.columns
    return OrderView(
        order_id=order.order_id,
        order_status_id=order.order_status_id,
        status=ORDER_STATUSES.get(order.order_status_id, ""),
        customer_id=order.customer_id,
        email=columns["email"],
        comment=columns["comment"],
        payment_code=columns["payment_code"],
        shipping_code=columns["shipping_code"],
        currency=columns["currency_code"],
        total=Decimal(columns["total"]),
        lines=tuple(
            OrderLineView(
                line.product_id,
                line.name,
                line.model,
                line.quantity,
                line.price,
                line.total,
                tuple((option.name, option.value) for option in line.options),
            )
            for line in order.lines
        ),
        totals=tuple(OrderTotalView(row.code, row.title, row.value) for row in order.totals),
        history=tuple(OrderHistoryView(row.order_status_id, bool(row.notify), row.comment) for row in order.history),
    )
