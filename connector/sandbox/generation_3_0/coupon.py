"""``api/coupon``: the session's coupon."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop.coupon import find_coupon
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Put a coupon in the place of the old one, which is gone even if the new one does not count."""
    visit.forget("coupon")
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    code = visit.field("coupon")
    if find_coupon(visit, "" if code is None else code) is None:
        return {"error": texts.COUPON_INVALID}
    visit.session["coupon"] = code
    return {"success": texts.COUPON_SUCCESS}
