"""What a shop does with a field that is not of the type its code asks for: adapt it, warn, or die of it.

Functions of the shop name the types of their parameters from 4.0 on, and the language holds every caller to them.
"""

from dataclasses import dataclass
from typing import Any

from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.value import INT_MAX, INT_MIN, describe_type, parse_number
from connector.sandbox.shop.visit import Visit


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


def take_int(visit: Visit, value: Any, parameter: Parameter) -> int:
    """Return a value as a parameter for whole numbers takes it; a fraction is cut off, and complained of.

    Raises:
        PhpFatalError: The value is no number as a whole, or too large, or an array.
    """
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, float) and INT_MIN <= number <= INT_MAX:
        if not number.is_integer():
            message = f'Implicit conversion from float-string "{value}" to int loses precision'
            visit.warn(parameter.fault, message, visit.ways.deprecation)
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
