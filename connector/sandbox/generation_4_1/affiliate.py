"""Who brought the buyer here and gets a share."""

from connector.sandbox.generation_4_0.affiliate import find_commission
from connector.sandbox.generation_4_0.texts import AFFILIATE_UNKNOWN
from connector.sandbox.generation_4_1.texts import AFFILIATE_SUCCESS
from connector.sandbox.php.value import PhpArray, to_int
from connector.sandbox.shop.visit import Visit


def set_affiliate(visit: Visit) -> PhpArray:
    """Keep the affiliate sent; none at all is a success as well."""
    affiliate_id = to_int(visit.form.get("affiliate_id"))
    if affiliate_id and find_commission(visit, affiliate_id) is None:
        return {"error": AFFILIATE_UNKNOWN}
    visit.session["affiliate_id"] = affiliate_id
    return {"success": AFFILIATE_SUCCESS}
