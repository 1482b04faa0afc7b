"""How 3.0 goes about what all generations do."""

from typing import Final

from connector.sandbox.generation_3_0.spots import SPOTS
from connector.sandbox.shop.cart import price_by_special
from connector.sandbox.shop.column import Charset
from connector.sandbox.shop.coupon import add_coupon, redeem_coupon
from connector.sandbox.shop.reward import add_reward, redeem_points
from connector.sandbox.shop.totals import add_shipping, add_sub_total, add_tax, add_total
from connector.sandbox.shop.visit import CartWays, Ways
from connector.sandbox.shop.voucher import add_voucher, redeem_voucher

WAYS: Final = Ways(
    spots=SPOTS,
    cart=CartWays(price=price_by_special),
    charset=Charset(is_mixed=True),
    totals={
        "sub_total": add_sub_total,
        "reward": add_reward,
        "shipping": add_shipping,
        "coupon": add_coupon,
        "tax": add_tax,
        "voucher": add_voucher,
        "total": add_total,
    },
    redeems={"coupon": redeem_coupon, "voucher": redeem_voucher, "reward": redeem_points},
)
