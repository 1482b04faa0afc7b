"""How 4.1 goes about what all generations do."""

from decimal import Decimal
from functools import partial
from typing import Final

from connector.sandbox.generation_4_1.spots import SPOTS
from connector.sandbox.php.value import to_float
from connector.sandbox.shop.cart import find_plan
from connector.sandbox.shop.column import Charset
from connector.sandbox.shop.coupon import add_coupon, redeem_coupon
from connector.sandbox.shop.customer import count_points
from connector.sandbox.shop.reward import add_reward
from connector.sandbox.shop.tables import CartRow, HistoryRow, OrderRow
from connector.sandbox.shop.totals import add_shipping, add_sub_total, add_tax, add_total
from connector.sandbox.shop.visit import CartWays, Visit, Ways


def _price_line(visit: Visit, row: CartRow, pieces: int, option_price: float) -> float:
    """Return the price of one piece: the plan's, else the product's with its options, less a discount in percent."""
    product = visit.shop.products[row.product_id]
    plan = find_plan(visit, row)
    price = float(product.price) + option_price if plan is None else float(plan.price)
    if visit.is_in_first_group:
        percent = next((percent for least, percent in product.seed.discounts if least <= pieces), "0")
        price -= price * (float(percent) / 100)
    return price


def _redeem_points(visit: Visit, taken: str, order: OrderRow, _value: Decimal) -> bool:
    """Take points, a number below zero, from the customer an order names; a guest has none."""
    owner = order.customer_id
    points = int(to_float(taken))
    if not owner or to_float(count_points(visit.shop, owner)) < points:
        return False
    visit.shop.rewards.append(HistoryRow(owner, order.order_id, owner, Decimal(points)))
    return True


WAYS: Final = Ways(
    spots=SPOTS,
    cart=CartWays(
        price=_price_line,
        reads_arrays=True,
        keeps_lines=True,
        stocks_pieces=True,
        taxes_lines=True,
    ),
    charset=Charset(is_wide=True),
    totals={
        "sub_total": add_sub_total,
        "reward": partial(add_reward, shows_minus=True),
        "shipping": add_shipping,
        "coupon": add_coupon,
        "tax": add_tax,
        "total": partial(add_total, goes_below_zero=True),
    },
    redeems={"coupon": redeem_coupon, "reward": _redeem_points},
    deprecation="Deprecated",
)
