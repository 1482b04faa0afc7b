"""The cart of one request: lines as they were added, priced and checked against stock each time they are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connector.sandbox.php.text import encode_json
from connector.sandbox.php.value import describe_type, is_list, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.seed import OptionSeed
from connector.sandbox.shop.tables import CART_LIFETIME_S, CartRow, OptionValueRow, ProductRow
from connector.sandbox.shop.visit import Visit

_CHOICE = frozenset({"select", "radio"})
_FREE = frozenset({"text", "textarea", "file", "date", "datetime", "time"})


@dataclass(frozen=True, slots=True)
class LineOption:
    """An option of a line as the shop understood it.

    ``product_option_value_id`` is what was sent, empty for options without a list of values; ``value`` is the text
    chosen or given, an array where an array was given.
    """

    product_option_id: str
    product_option_value_id: Any
    name: str
    value: Any
    kind: str


@dataclass(frozen=True, slots=True)
class CartLine:
    """A line with its price, in the base currency and without tax."""

    cart_id: int
    product: ProductRow
    options: tuple[LineOption, ...]
    quantity: int
    is_in_stock: bool
    price: float
    total: float
    reward: int
    points: int

    @property
    def product_id(self) -> int:
        """The product."""
        return self.product.seed.product_id

    @property
    def tax_class_id(self) -> int:
        """The class its taxes go by."""
        return self.product.seed.tax_class_id


class Cart:
    """The lines of the session's owner.

    Reading the lines has effects: a line that cannot be sold (quantity 0 or less, product off, or not of this store)
    is deleted for good. Lines are priced once and kept until the cart changes, notices included: the real shop reads
    them again for every total, and repeats what it has to say about them.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._table = visit.shop.cart
        self._lines: list[CartLine] | None = None
        self._complaints: list[tuple[str, str]] = []
        self._table.purge(visit.shop.clock.now() - CART_LIFETIME_S)

    @property
    def _owner(self) -> tuple[int, int, str]:
        visit = self._visit
        return to_int(visit.session.get("api_id")), visit.customer_id, visit.session_id.lower()

    def lines(self) -> list[CartLine]:
        """Return the lines by product, deleting those that cannot be sold."""
        owner = self._owner
        if self._lines is None:
            self._complaints = []
            rows = self._table.list_of(owner)
            sellable = [row for row in rows if row.quantity > 0 and self._is_sold(row.product_id)]
            self._lines = [self._price(row, rows) for row in sellable]
        for fault, complaint in self._complaints:
            self._visit.warn(fault, complaint)
        lines = self._lines
        dead = [row for row in self._table.list_of(owner) if row.cart_id not in {line.cart_id for line in lines}]
        for row in dead:
            self._table.remove(row)
        if dead:
            self._lines = None
        return lines

    def add(self, product_id: Any, quantity: Any, options: Any) -> None:
        """Add a product, or raise the quantity of a line with the same product and options.

        Args:
            product_id: Cast to a number.
            quantity: Cast to a number.
            options: Kept as JSON; compared as the database compares text, so case does not matter.
        """
        owner = self._owner
        product = to_int(product_id)
        wanted = encode_json(options)
        folded = column.fold(wanted)
        for row in self._table.list_of(owner):
            if row.product_id == product and len(row.option) == len(wanted) and column.fold(row.option) == folded:
                row.quantity = column.integer(row.quantity + to_int(quantity))
                break
        else:
            now = self._visit.shop.clock.now()
            self._table.add(owner, column.integer(product_id), column.text(wanted), column.integer(quantity), now)
        self._lines = None

    def update(self, cart_id: Any, quantity: Any) -> None:
        """Set a line's quantity; nothing happens to a line that is not there."""
        if row := self._table.find(self._owner, to_int(cart_id)):
            row.quantity = column.integer(quantity)
            self._lines = None

    def remove(self, cart_id: Any) -> None:
        """Delete a line; nothing happens to a line that is not there."""
        if row := self._table.find(self._owner, to_int(cart_id)):
            self._table.remove(row)
            self._lines = None

    def clear(self) -> None:
        """Delete all lines."""
        for row in self._table.list_of(self._owner):
            self._table.remove(row)
        self._lines = None

    def forget_lines(self) -> None:
        """Read the lines again next time: whose cart it is has changed."""
        self._lines = None

    def has_stock(self) -> bool:
        """Say whether every line is in stock."""
        return all(line.is_in_stock for line in self.lines())

    def has_shipping(self) -> bool:
        """Say whether a line is to be shipped."""
        return any(line.product.seed.shipping for line in self.lines())

    def sub_total(self) -> float:
        """Return the sum of all lines, in the base currency and without tax."""
        total = 0.0
        for line in self.lines():
            total += line.total
        return total

    def taxes(self) -> dict[int, float]:
        """Return the taxes of all lines by rate."""
        taxes: dict[int, float] = {}
        for line in self.lines():
            if line.tax_class_id:
                for tax in self._visit.taxes.list_amounts(line.price, line.tax_class_id):
                    rate_id = tax.rate.tax_rate_id
                    taxes[rate_id] = taxes.get(rate_id, 0.0) + tax.amount * line.quantity
        return taxes

    def _is_sold(self, product_id: int) -> bool:
        return find_product(self._visit, product_id) is not None

    def _price(self, row: CartRow, rows: list[CartRow]) -> CartLine:
        product = self._visit.shop.products[row.product_id]
        chosen = list(self._choose(row))
        option_price = 0.0
        option_points = 0
        is_in_stock = True
        options = []
        for option, value in chosen:
            options.append(option)
            if value is not None:
                option_price += float(value.seed.price) * _sign(value.seed.price_prefix)
                option_points += value.seed.points * _sign(value.seed.points_prefix)
                if value.seed.subtract and value.quantity < max(1, row.quantity):
                    is_in_stock = False
        if not product.quantity or product.quantity < row.quantity:
            is_in_stock = False
        pieces = sum(other.quantity for other in rows if other.product_id == row.product_id)
        price = float(_pick_price(product, pieces)) + option_price
        return CartLine(
            row.cart_id,
            product,
            tuple(options),
            row.quantity,
            is_in_stock,
            price,
            price * row.quantity,
            product.seed.reward * row.quantity,
            (product.seed.points + option_points) * row.quantity if product.seed.points else 0,
        )

    def _choose(self, row: CartRow) -> Iterator[tuple[LineOption, OptionValueRow | None]]:
        given = column.read_json(row.option)
        if not isinstance(given, dict):
            complaint = f"foreach() argument must be of type array|object, {describe_type(given)} given"
            self._complaints.append(("cart.options", complaint))
            return
        known = {option.product_option_id: option for option in self._visit.shop.products[row.product_id].seed.options}
        for key, value in given.items():
            option = known.get(to_int(key))
            if option is None:
                continue
            if option.kind in _CHOICE:
                yield from self._choose_value(option, str(key), value, "cart.choice")
            elif option.kind == "checkbox":
                if isinstance(value, dict) and is_list(value):
                    for one in value.values():
                        yield from self._choose_value(option, str(key), one, "cart.checkbox")
            elif option.kind in _FREE:
                yield LineOption(str(key), "", option.name, value, option.kind), None

    def _choose_value(
        self, option: OptionSeed, key: str, value: Any, fault: str
    ) -> Iterator[tuple[LineOption, OptionValueRow]]:
        if isinstance(value, dict) and not is_list(value):
            self._complaints.append((fault, "Object of class stdClass could not be converted to int"))
        found = self._visit.shop.option_values.get(to_int(value))
        if found is not None and found.option.product_option_id == option.product_option_id:
            yield LineOption(key, value, option.name, found.seed.name, option.kind), found


def _sign(prefix: str) -> int:
    return {"+": 1, "-": -1}.get(prefix, 0)


def _pick_price(product: ProductRow, pieces: int) -> str:
    """Return the price of one piece: the special, else the best discount the pieces reach, else the price."""
    if product.seed.special is not None:
        return product.seed.special
    return next((price for least, price in product.seed.discounts if least <= pieces), product.price)


def find_product(visit: Visit, product_id: Any) -> ProductRow | None:
    """Return a product the shop offers in the store of this request; the demo catalogue is in store 0 only."""
    product = visit.shop.products.get(to_int(product_id))
    return product if product and product.is_enabled and visit.store_id == 0 else None
