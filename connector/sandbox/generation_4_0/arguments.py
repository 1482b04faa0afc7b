"""What 4.0 does with a field that is not of the type its code asks for: adapt it, warn, or die of it."""

from dataclasses import dataclass
from typing import Any, Final

from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.value import INT_MAX, INT_MIN, describe_type, parse_number
from connector.sandbox.shop.visit import Visit

_MODEL: Final = r"Opencart\Catalog\Model"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function of the shop.

    Args:
        function: The function, with its class.
        name: The parameter's name.
        fault: Where the function stands.
        position: Which of the function's parameters it is.
        caller: Where the function is called, None where PHP does not tell.
    """

    function: str
    name: str
    fault: str
    position: int = 1
    caller: str | None = None


API_TOKEN: Final = Parameter(rf"{_MODEL}\Setting\Api::getApiByToken", "token", "model.api_token")
SESSION_ID: Final = Parameter(
    r"Opencart\System\Library\Session::start", "session_id", "session.start", caller="session.cookie"
)
USERNAME: Final = Parameter(rf"{_MODEL}\Account\Api::login", "username", "model.login")
KEY: Final = Parameter(rf"{_MODEL}\Account\Api::login", "key", "model.login", position=2)
CUSTOMER: Final = Parameter(rf"{_MODEL}\Account\Customer::getCustomer", "customer_id", "model.customer")
ZONE: Final = Parameter(rf"{_MODEL}\Localisation\Zone::getZone", "zone_id", "model.zone")
UPLOAD: Final = Parameter(rf"{_MODEL}\Tool\Upload::getUploadByCode", "code", "model.upload")
ORDER: Final = Parameter(rf"{_MODEL}\Checkout\Order::getOrder", "order_id", "model.order")
AMOUNT: Final = Parameter(
    r"Opencart\System\Library\Cart\Currency::convert", "value", "currency.convert", caller="voucher.amount"
)


def take_int(visit: Visit, value: Any, parameter: Parameter) -> int:
    """Return a value as a parameter for whole numbers takes it; a fraction is cut off, and complained of.

    Raises:
        PhpFatalError: The value is no number as a whole, or too large, or an array.
    """
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, float) and INT_MIN <= number <= INT_MAX:
        if not number.is_integer():
            message = f'Implicit conversion from float-string "{value}" to int loses precision'
            visit.warn(parameter.fault, message, "Unknown")
        return int(number)
    if isinstance(number, int):
        return number
    raise refuse(visit, value, parameter, "int")


def take_float(visit: Visit, value: Any, parameter: Parameter) -> float:
    """Return a value as a parameter for numbers takes it.

    Raises:
        PhpFatalError: The value is no number as a whole, or an array.
    """
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, int | float):
        return float(number)
    raise refuse(visit, value, parameter, "float")


def take_text(visit: Visit, value: Any, parameter: Parameter) -> str:
    """Return a value as a parameter for text takes it.

    Raises:
        PhpFatalError: The value is an array, or null.
    """
    if isinstance(value, str | int):
        return str(value)
    raise refuse(visit, value, parameter, "string")


def to_text(visit: Visit, value: Any, fault: str) -> str:
    """Return a value cast to text; an array gives the word for it, and a warning."""
    if isinstance(value, dict):
        visit.warn(fault, "Array to string conversion")
        return "Array"
    return "" if value is None else str(value)


def has_length(visit: Visit, value: Any, least: int, most: int, caller: str) -> bool:
    """Say whether text has a number of characters, both ends included; escaped characters count as they stand.

    Args:
        visit: The request.
        value: The text.
        least: How many at least.
        most: How many at most.
        caller: Where it is asked.

    Raises:
        PhpFatalError: The value is an array.
    """
    text = take_text(visit, value, Parameter("oc_strlen", "string", "text.length", caller=caller))
    return least <= len(text) <= most


def refuse(visit: Visit, value: Any, parameter: Parameter, wanted: str) -> PhpFatalError:
    """Return the error of a parameter that does not take a value.

    Args:
        visit: The request.
        value: The value.
        parameter: The parameter.
        wanted: The type it takes.
    """
    message = (
        f"{parameter.function}(): Argument #{parameter.position} (${parameter.name}) must be of type {wanted}, "
        f"{describe_type(value)} given"
    )
    if parameter.caller is not None:
        caller = visit.ways.spots[parameter.caller]
        message += f", called in {caller.path} on line {caller.line}"
    return visit.fail(parameter.fault, message)
