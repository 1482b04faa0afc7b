"""How 2.3 goes about what all generations do."""

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

from connector.sandbox.generation_2_3.spots import SPOTS
from connector.sandbox.generation_3_0.ways import WAYS as WAYS_3_0
from connector.sandbox.shop.column import Charset
from connector.sandbox.shop.coupon import add_coupon, find_coupon, note_coupon
from connector.sandbox.shop.tables import OrderRow
from connector.sandbox.shop.visit import Visit


def _redeem_coupon(visit: Visit, code: str, order: OrderRow, amount: Decimal) -> bool:
    """Note that an order used a coupon, if the coupon counts for the session at hand, whoever's order it is."""
    coupon = find_coupon(visit, code)
    if coupon is None:
        return False
    note_coupon(coupon, visit.shop, order, amount)
    return True


WAYS: Final = replace(
    WAYS_3_0,
    spots=SPOTS,
    totals={**WAYS_3_0.totals, "coupon": partial(add_coupon, is_capped=False)},
    redeems={**WAYS_3_0.redeems, "coupon": _redeem_coupon},
    trims_fields=False,
    mails_last=True,
    charset=Charset(is_literal=True),
    narrow_columns={"shipping_company": 40},
)
