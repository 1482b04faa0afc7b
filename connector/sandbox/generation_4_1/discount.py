"""``coupon`` and ``reward``: what makes an order cheaper, checked whenever totals are summed up."""

from collections.abc import Callable
from typing import Final

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import NO_PRODUCTS, ORDER_CUSTOMER
from connector.sandbox.generation_4_1.texts import COUPON_INVALID, DISCOUNT_OFF
from connector.sandbox.php.value import PhpArray, to_bool, to_float, to_int
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.coupon import find_coupon
from connector.sandbox.shop.customer import count_points
from connector.sandbox.shop.reward import count_accepted_points
from connector.sandbox.shop.visit import Visit


def check_discounts(visit: Visit) -> dict[str, PhpArray]:
    """Put the coupon and the points sent into the session, where they count, and return what is said of each.

    Where the new one does not count, the one that was there before stays. An order confirmed without a coupon, or
    without points, is told nothing of them.
    """
    is_confirmed = visit.query.get("call") == "confirm"
    return {
        code: {} if is_confirmed and not to_bool(visit.form.get(code)) else check(visit)
        for code, check in _CHECKS.items()
    }


def _check_coupon(visit: Visit) -> PhpArray:
    given = visit.form.get("coupon")
    code = to_text(visit, given, "discount.coupon") if to_bool(given) else ""
    error = _check_order(visit, "coupon")
    if error is None and find_coupon(visit, code) is None:
        error = COUPON_INVALID
    if error is not None:
        return {"error": error}
    visit.session["coupon"] = code
    return {"success": texts.COUPON_SUCCESS}


def _check_reward(visit: Visit) -> PhpArray:
    wanted = abs(to_int(visit.form.get("reward")))
    error = _check_order(visit, "reward")
    if error is None:
        accepted = count_accepted_points(visit)
        if wanted > to_float(count_points(visit.shop, visit.customer_id)):
            error = texts.REWARD_POINTS.format(wanted)
        if wanted > accepted:
            error = texts.REWARD_MAXIMUM.format(accepted)
    if error is not None:
        return {"error": error}
    visit.session["reward"] = wanted
    return {"success": texts.REWARD_SUCCESS}


def _check_order(visit: Visit, code: str) -> str | None:
    error = None if visit.session.get("customer") is not None else ORDER_CUSTOMER
    if not visit.cart.lines():
        error = NO_PRODUCTS
    return error if to_bool(visit.setting(f"total_{code}_status")) else DISCOUNT_OFF[code]


_CHECKS: Final[dict[str, Callable[[Visit], PhpArray]]] = {"coupon": _check_coupon, "reward": _check_reward}
