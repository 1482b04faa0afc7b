"""``api/sale/affiliate``: who gets a commission."""

from decimal import Decimal

from connector.sandbox.generation_4_0 import texts
from connector.sandbox.php.value import PhpArray, to_int
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Name an affiliate, or none; one that there is not leaves the old one in its place."""
    affiliate_id = to_int(visit.field("affiliate_id"))
    if not affiliate_id:
        visit.forget("affiliate_id")
        return {"success": texts.AFFILIATE_REMOVED}
    if find_commission(visit, affiliate_id) is None:
        return {"error": texts.AFFILIATE_UNKNOWN}
    visit.session["affiliate_id"] = affiliate_id
    return {"success": texts.AFFILIATE_SUCCESS}


def find_commission(visit: Visit, affiliate_id: int) -> Decimal | None:
    """Return the percentage an affiliate gets, None for a customer who is none."""
    customer = visit.shop.customers.get(affiliate_id)
    commission = customer.seed.commission if customer else None
    return None if commission is None else Decimal(commission)
