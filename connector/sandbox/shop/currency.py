"""Money shown and money changed from one currency to another."""

from typing import Any

from connector.sandbox.php.number import format_grouped, round_half_up
from connector.sandbox.php.value import describe_type, to_float
from connector.sandbox.shop.seed import CURRENCIES
from connector.sandbox.shop.visit import Visit

_BY_CODE = {currency.code: currency for currency in CURRENCIES}


class Currencies:
    """The shop's currencies, as one request sees them."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    @staticmethod
    def has(code: str) -> bool:
        """Say whether the shop has a currency of exactly this code."""
        return code in _BY_CODE

    @staticmethod
    def find(code: str) -> str | None:
        """Return the shop's code for one written in any case, None when there is none."""
        return next((known for known in _BY_CODE if known.casefold() == code), None)

    @staticmethod
    def get_id(code: str) -> int:
        """Return a currency's id."""
        return _BY_CODE[code].currency_id

    @staticmethod
    def get_value(code: str) -> str:
        """Return what one unit of the base currency is worth, as decimal text."""
        return _BY_CODE[code].value

    def format(self, amount: Any, code: str | None = None) -> str:
        """Return an amount of the base currency as text in another: converted, rounded, with its symbol.

        Args:
            amount: A number, or text that holds one.
            code: The other currency; None for the session's.
        """
        currency = _BY_CODE[code or self._visit.currency]
        converted = round_half_up(to_float(amount) * float(currency.value), currency.decimal_place)
        number = format_grouped(converted, currency.decimal_place)
        return f"{currency.symbol_left}{number}{currency.symbol_right}"

    def convert(self, amount: Any, source: str, target: str) -> float:
        """Return an amount in another currency.

        Raises:
            PhpFatalError: The amount is text that does not start with a number, or an array.
        """
        rate = float(_BY_CODE[target].value) / float(_BY_CODE[source].value)
        return self._visit.read_operand(amount, "currency.convert", f"{describe_type(amount)} * float") * rate
