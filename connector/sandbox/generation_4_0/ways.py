"""How 4.0 goes about what all generations do."""

from functools import partial
from typing import Final

from connector.sandbox.generation_3_0.ways import WAYS as WAYS_3_0
from connector.sandbox.generation_4_0.spots import SPOTS
from connector.sandbox.shop.cart import find_plan, price_by_special
from connector.sandbox.shop.column import Charset
from connector.sandbox.shop.tables import CartRow
from connector.sandbox.shop.totals import add_total
from connector.sandbox.shop.visit import CartWays, Visit, Ways


def _price(visit: Visit, row: CartRow, pieces: int, option_price: float) -> float:
    """Return the price of one piece: one that was given, else the plan's (its trial's first), else the product's.

    What the options add comes on top of each, of a price that was given with them in it as well.
    """
    if row.price is not None:
        return float(row.price) + option_price
    plan = find_plan(visit, row)
    if plan is not None:
        return float(plan.price if plan.trial is None else plan.trial.price) + option_price
    return price_by_special(visit, row, pieces, option_price)


WAYS: Final = Ways(
    spots=SPOTS,
    cart=CartWays(price=_price, reads_arrays=True, keeps_lines=True),
    charset=Charset(is_wide=True, is_literal=True),
    totals={**WAYS_3_0.totals, "total": partial(add_total, goes_below_zero=True)},
    redeems=WAYS_3_0.redeems,
)
