"""``api/currency``: the session's currency."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Change the session's currency; the shipping methods go, since their quotes name prices.

    The code is looked up without regard to case but kept as sent: ``eur`` is accepted here and unknown to the next
    request, which goes back to the shop's currency.
    """
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    code = visit.field("currency", fault="api.currency")
    if visit.currencies.find(visit.charset.fold(code)) is None:
        return {"error": texts.CURRENCY_INVALID}
    visit.session["currency"] = code
    visit.forget("shipping_method", "shipping_methods")
    return {"success": texts.CURRENCY_SUCCESS}
