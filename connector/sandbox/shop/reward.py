"""Reward points: what they take off the products that accept them."""

from decimal import Decimal
from typing import Any

from connector.sandbox.php.value import compare, format_number, to_float
from connector.sandbox.shop import column
from connector.sandbox.shop.customer import count_points
from connector.sandbox.shop.tables import HistoryRow, OrderRow, Shop
from connector.sandbox.shop.totals import Totals
from connector.sandbox.shop.visit import Visit


def count_accepted_points(visit: Visit) -> int:
    """Return how many points the cart takes at most."""
    return sum(line.points for line in visit.cart.lines())


def add_reward(totals: Totals, *, shows_minus: bool = False) -> None:
    """Take off the session's points, spread over the products that accept them, if the customer owns that many.

    Args:
        totals: What came before it.
        shows_minus: Whether the line's title says that the points are taken; no points are then no line.
    """
    visit = totals.visit
    points: Any = visit.session.get("reward")
    if (
        points is None
        or (shows_minus and not points)
        or compare(points, count_points(visit.shop, visit.customer_id)) > 0
    ):
        return
    accepted = count_accepted_points(visit)
    discount_total = 0.0
    for line in visit.cart.lines():
        if line.points:
            discount = line.total * (points / accepted) if accepted else 0.0
            base = line.total - (line.total - discount)
            if line.tax_class_id:
                for tax in visit.taxes.list_amounts(base, line.tax_class_id):
                    totals.lower_tax(tax, "reward.tax")
            discount_total += discount
    shown = format_number(-points if shows_minus else points)
    totals.add("reward", f"Reward Points ({shown})", -discount_total)


def redeem_points(visit: Visit, points: str, order: OrderRow, _value: Decimal) -> bool:
    """Take the points an order used from its customer; say False when they do not own that many."""
    owner = order.customer_id
    if compare(count_points(visit.shop, owner), points) < 0:
        return False
    visit.shop.rewards.append(HistoryRow(owner, order.order_id, owner, column.decimal(-to_float(points), 0)))
    return True


def release_points(shop: Shop, order_id: int) -> None:
    """Give back the points an order used."""
    shop.rewards = [row for row in shop.rewards if row.order_id != order_id or row.amount >= 0]
