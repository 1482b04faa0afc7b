"""One request on its way through the shop: what was sent, whose session it is, and what the shop works with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.sandbox.exchange import Cookie, ShopRequest
from connector.sandbox.php.notice import Notices, PhpFatalError, Spot
from connector.sandbox.php.text import clean
from connector.sandbox.php.value import PhpArray, parse_leading_number, parse_number, to_int
from connector.sandbox.shop.column import Charset

if TYPE_CHECKING:
    from decimal import Decimal

    from connector.sandbox.shop.cart import Cart
    from connector.sandbox.shop.currency import Currencies
    from connector.sandbox.shop.tables import CartRow, OrderRow, Shop
    from connector.sandbox.shop.tax import TaxRates
    from connector.sandbox.shop.totals import Totals


FIRST_GROUP = 1
"""The customer group that comes with the demo shop, and the only one that it has taxes, rewards and plans for."""


@dataclass(frozen=True, slots=True)
class CartWays:
    """How one generation goes about a cart.

    Args:
        price: Returns what one piece of a line costs: of the line, how many pieces of its product are in the whole
            cart, and what the chosen values of options add.
        reads_arrays: Whether it reads an option's values as arrays, not as objects that it stumbles over.
        keeps_lines: Whether it keeps lines it has read, those it deletes while reading counted in.
        stocks_pieces: Whether stock must do for all pieces of a product in the cart, not just for those of a line.
        taxes_lines: Whether a tax of a fixed amount counts once a line, not once a piece.
    """

    price: "Callable[[Visit, CartRow, int, float], float]"
    reads_arrays: bool = False
    keeps_lines: bool = False
    stocks_pieces: bool = False
    taxes_lines: bool = False


@dataclass(frozen=True, slots=True)
class Ways:
    """How one generation goes about what all of them do.

    Args:
        spots: Where its code says what it says, by the name of the fault.
        cart: How it goes about a cart.
        charset: How it keeps and compares text.
        totals: What computes each kind of line of the totals, by its code.
        redeems: What takes from its owner what an order was paid with, by the code of the line of the totals; it is
            given the code or number in the line's title and the line's value, and says False when it cannot.
        trims_fields: Whether it takes the blanks off both ends of what it is sent.
        mails_last: Whether mail goes out after an order's status has changed, and not before.
        narrow_columns: How many characters some columns of an order hold where that is less than in 3.0.
        deprecation: What it calls a notice that says something will not work any more some day.
    """

    spots: Mapping[str, Spot]
    cart: CartWays
    charset: Charset
    totals: "Mapping[str, Callable[[Totals], None]]"
    redeems: "Mapping[str, Callable[[Visit, str, OrderRow, Decimal], bool]]"
    trims_fields: bool = True
    mails_last: bool = False
    narrow_columns: Mapping[str, int] = field(default_factory=dict)
    deprecation: str = "Unknown"


class Visit:
    """What the shop holds while it answers one request.

    A generation's start-up fills it in order: session, then settings, then ``customer_id``, ``currencies``, ``taxes``
    and ``cart``, each built from what stands there already. ``browser_id`` and ``browser_sessions`` are for 2.3 alone,
    which keeps the session, and others by their ids, inside the one PHP keeps for a browser. ``has_language`` says that
    the shop speaks the language asked for; where it does not, nothing that has a name is found.

    Args:
        shop: The tables.
        request: What was sent.
        ways: How this generation goes about things.
        query: The cleaned fields of the query string.
        form: The cleaned fields of the body.
        cookies: The cleaned cookies.
    """

    currencies: "Currencies"
    taxes: "TaxRates"
    cart: "Cart"

    def __init__(
        self,
        shop: "Shop",
        request: ShopRequest,
        ways: Ways,
        query: PhpArray,
        form: PhpArray,
        cookies: PhpArray,
    ) -> None:
        self.shop = shop
        self.request = request
        self.ways = ways
        self.charset = ways.charset
        self.query = query
        self.form = form
        self.cookies = cookies
        self.notices = Notices(is_shown=shop.setting("config_error_display") not in {None, "", "0"})
        self.session_id = ""
        self.session: PhpArray = {}
        self.browser_id = ""
        self.browser_sessions: PhpArray = {}
        self.cookies_to_set: list[Cookie] = []
        self.store_id = 0
        self.has_language = True
        self.customer_id = 0
        self.customer_group_id: Any = "1"

    def setting(self, key: str) -> Any:
        """Return a setting of the shop."""
        return self.shop.setting(key)

    def warn(self, fault: str, message: str, kind: str = "Warning") -> None:
        """Note a warning, or something milder, at the place where this generation's code gives it."""
        self.notices.warn(message, self.ways.spots[fault], kind)

    def fail(self, fault: str, message: str, kind: str = "TypeError") -> PhpFatalError:
        """Return the error that ends this request, for the caller to raise."""
        return PhpFatalError(kind, message, fault)

    def read_operand(self, value: Any, fault: str, types: str) -> int | float:
        """Return the number that a value stands for in a sum or a product; text that starts with one is warned of.

        Args:
            value: Any value.
            fault: Where the sum or product is.
            types: Which types meet there, as ``int + string``.

        Raises:
            PhpFatalError: The value is text that does not start with a number, or an array.
        """
        number: int | float | None = None
        if isinstance(value, str):
            number = parse_number(value)
            if number is None:
                number = parse_leading_number(value)
                if number is not None:
                    self.warn(fault, "A non-numeric value encountered")
        elif not isinstance(value, dict):
            number = value if isinstance(value, int | float) else to_int(value)
        if number is None:
            raise self.fail(fault, f"Unsupported operand types: {types}")
        return number

    def field(self, name: str, fault: str | None = None) -> Any:
        """Return a form field, None when it was not sent.

        Args:
            name: The field.
            fault: Where to warn of a field that was not sent; None to say nothing.
        """
        if name not in self.form and fault is not None:
            self.warn(fault, f'Undefined array key "{name}"')
        return self.form.get(name)

    def is_sent(self, name: str) -> bool:
        """Say whether a form field was sent and holds something PHP takes for true."""
        return bool(self.form.get(name)) and self.form.get(name) != "0"

    def server(self, header: str) -> str:
        """Return a header of the request, by its lower-case name, as the shop keeps it."""
        return str(clean(self.request.header(header), trim=self.ways.trims_fields))

    @property
    def is_permitted(self) -> bool:
        """Whether the session belongs to an API user."""
        return self.session.get("api_id") is not None

    @property
    def is_in_first_group(self) -> bool:
        """Whether the buyer belongs to the customer group that the demo shop has taxes, rewards and plans for."""
        return to_int(self.customer_group_id) == FIRST_GROUP

    @property
    def currency(self) -> str:
        """The code of the session's currency."""
        return str(self.session["currency"])

    def forget(self, *keys: str) -> None:
        """Drop values from the session."""
        for key in keys:
            self.session.pop(key, None)
