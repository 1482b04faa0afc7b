"""The parameters of 4.0 that hold a field to a type."""

from typing import Any, Final

from connector.sandbox.shop.argument import Parameter, take_text
from connector.sandbox.shop.visit import Visit

_LIBRARY: Final = r"Opencart\System\Library"
_MODEL: Final = r"Opencart\Catalog\Model"

API_TOKEN: Final = Parameter(rf"{_MODEL}\Setting\Api::getApiByToken", "token", "model.api_token")
SESSION_ID: Final = Parameter(rf"{_LIBRARY}\Session::start", "session_id", "session.start", caller="session.cookie")
USERNAME: Final = Parameter(rf"{_MODEL}\Account\Api::login", "username", "model.login")
KEY: Final = Parameter(rf"{_MODEL}\Account\Api::login", "key", "model.login", position=2)
CUSTOMER: Final = Parameter(rf"{_MODEL}\Account\Customer::getCustomer", "customer_id", "model.customer")
ZONE: Final = Parameter(rf"{_MODEL}\Localisation\Zone::getZone", "zone_id", "model.zone")
UPLOAD: Final = Parameter(rf"{_MODEL}\Tool\Upload::getUploadByCode", "code", "model.upload")
ORDER: Final = Parameter(rf"{_MODEL}\Checkout\Order::getOrder", "order_id", "model.order")
AMOUNT: Final = Parameter(rf"{_LIBRARY}\Cart\Currency::convert", "value", "currency.convert", caller="voucher.amount")


def column_at(caller: str) -> Parameter:
    """Return the parameter through which text goes into the database.

    Args:
        caller: Where from.
    """
    return Parameter(rf"{_LIBRARY}\DB::escape", "value", "database.escape", caller=caller)


def has_length(visit: Visit, value: Any, least: int, most: int, caller: str) -> bool:
    """Say whether text has ``least`` to ``most`` characters; escaped characters count as they stand.

    Raises:
        PhpFatalError: The value is an array; that names the caller.
    """
    return least <= len(take_text(visit, value, Parameter("oc_strlen", "string", "text.length", caller=caller))) <= most
