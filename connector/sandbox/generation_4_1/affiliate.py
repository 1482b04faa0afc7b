"""Who brought the buyer here and gets a share."""

from connector.sandbox.generation_4_1 import texts
from connector.sandbox.php.value import PhpArray, to_int
from connector.sandbox.shop.customer import find_customer
from connector.sandbox.shop.tables import CustomerRow, Shop
from connector.sandbox.shop.visit import Visit


def set_affiliate(visit: Visit) -> PhpArray:
    """Keep the affiliate sent; none at all is a success as well."""
    affiliate_id = to_int(visit.form.get("affiliate_id"))
    if affiliate_id and find_affiliate(visit.shop, affiliate_id) is None:
        return {"error": texts.AFFILIATE_UNKNOWN}
    visit.session["affiliate_id"] = affiliate_id
    return {"success": texts.AFFILIATE_SUCCESS}


def find_affiliate(shop: Shop, customer_id: int) -> CustomerRow | None:
    """Return a customer who is an affiliate."""
    customer = find_customer(shop, customer_id)
    return customer if customer and customer.seed.commission is not None else None
