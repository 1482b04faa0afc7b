"""``api/localisation/currency``: the session's currency."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import CURRENCY_UNKNOWN
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Change the session's currency.

    The code is looked up without regard to case but kept as sent: ``eur`` is accepted here and unknown to the next
    request, which goes back to the shop's currency.
    """
    code = to_text(visit, visit.field("currency"), "currency")
    if visit.currencies.find(visit.charset.fold(code)) is None:
        return {"error": CURRENCY_UNKNOWN}
    visit.session["currency"] = code
    return {"success": texts.CURRENCY_SUCCESS}
