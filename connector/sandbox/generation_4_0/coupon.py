"""``api/sale/coupon``: the session's coupon."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import COUPON_REMOVED
from connector.sandbox.php.value import PhpArray, to_bool
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.coupon import find_coupon
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Use a coupon, or none; one that does not count leaves the old one in its place."""
    code = to_text(visit, visit.field("coupon"), "coupon")
    if not to_bool(code):
        visit.forget("coupon")
        return {"success": COUPON_REMOVED}
    if find_coupon(visit, code) is None:
        return {"error": texts.COUPON_INVALID}
    visit.session["coupon"] = code
    return {"success": texts.COUPON_SUCCESS}
