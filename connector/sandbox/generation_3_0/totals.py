"""The totals of 3.0, kind by kind."""

from typing import Final

from connector.sandbox.shop.coupon import add_coupon
from connector.sandbox.shop.reward import add_reward
from connector.sandbox.shop.totals import (
    TotalKind,
    Totals,
    add_shipping,
    add_sub_total,
    add_tax,
    add_total,
    sum_up,
)
from connector.sandbox.shop.visit import Visit
from connector.sandbox.shop.voucher import add_voucher

KINDS: Final[dict[str, TotalKind]] = {
    "sub_total": add_sub_total,
    "reward": add_reward,
    "shipping": add_shipping,
    "coupon": add_coupon,
    "tax": add_tax,
    "voucher": add_voucher,
    "total": add_total,
}


def sum_up_cart(visit: Visit) -> Totals:
    """Return the totals of the session's cart."""
    return sum_up(visit, KINDS)
