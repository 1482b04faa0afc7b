"""The cart of one request: lines as they were added, priced and checked against stock each time they are read."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from connector.sandbox.php.text import encode_json
from connector.sandbox.php.value import describe_type, is_list, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.seed import OptionSeed, PlanSeed
from connector.sandbox.shop.tables import CartRow, OptionValueRow, ProductRow
from connector.sandbox.shop.visit import Visit

_CHOICE = frozenset({"select", "radio"})
_FREE = frozenset({"text", "textarea", "file", "date", "datetime", "time"})
_QUANTITY = "`oc`.`oc_cart`.`quantity`"


@dataclass(frozen=True, slots=True)
class LineOption:
    """An option of a line as the shop understood it.

    ``key`` is the id it was sent under, ``value`` what was sent; ``chosen`` is the value of the list that this names,
    as it was when the line was read, None for an option without a list.
    """

    key: int | str
    value: Any
    seed: OptionSeed
    chosen: OptionValueRow | None = None

    @property
    def text(self) -> Any:
        """The name of the value chosen, or what was given: text, or an array where one was given."""
        return self.value if self.chosen is None else self.chosen.seed.name


@dataclass(frozen=True, slots=True)
class CartLine:
    """A line with its price, in the base currency and without tax, and the product as it was when the line was read.

    ``plan`` is the plan it is bought by, None for none; ``pieces`` counts the pieces of the product in the whole cart.
    """

    cart_id: int
    product: ProductRow
    options: tuple[LineOption, ...]
    plan: PlanSeed | None
    quantity: int
    pieces: int
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
    is deleted for good. Lines are priced once and kept until the cart changes, notices included: up to 3.0 the real
    shop reads them again for every total, and repeats what it has to say about them; from 4.0 on it keeps them as well,
    those that are gone counted in.

    Args:
        visit: The request.
        realm: What parts carts beside customer and session: the API user, or from 4.1 on the store.
    """

    def __init__(self, visit: Visit, realm: int) -> None:
        self._visit = visit
        self._realm = realm
        self._ways = visit.ways.cart
        self._table = visit.shop.cart
        self._lines: list[CartLine] | None = None
        self._complaints: list[tuple[str, str]] = []

    @property
    def _owner(self) -> tuple[int, int, str]:
        return self._realm, self._visit.customer_id, self._visit.session_id.lower()

    def lines(self) -> list[CartLine]:
        """Return the lines in the order the database finds them, deleting those that cannot be sold."""
        lines = self._lines
        if lines is None:
            self._complaints = []
            rows = self._table.list_of(self._owner)
            sellable = [row for row in rows if row.quantity > 0 and self._is_sold(row.product_id)]
            lines = [self._price(row, rows) for row in sellable]
            dead = [row for row in rows if row not in sellable]
            for row in dead:
                self._table.remove(row)
            is_kept = lines if self._ways.keeps_lines else not dead
            self._lines = lines if is_kept else None
        for fault, complaint in self._complaints:
            self._visit.warn(fault, complaint)
        return lines

    def add(
        self,
        product_id: Any,
        quantity: Any,
        options: Any,
        subscription_plan_id: int = 0,
        price: Decimal | None = None,
    ) -> None:
        """Add a product, or raise the quantity of every line with the same product, plan and options.

        Args:
            product_id: Cast to a number.
            quantity: Cast to a number.
            options: Kept as JSON; compared as the database compares text, so case does not matter.
            subscription_plan_id: The plan it is bought by, 0 for none.
            price: What one piece costs, whatever the product does; for a new line alone.
        """
        product = to_int(product_id), subscription_plan_id
        wanted = encode_json(options)
        fold = self._visit.charset.fold
        folded = fold(wanted)
        same = [
            row
            for row in self._table.list_of(self._owner)
            if product == (row.product_id, row.subscription_plan_id)
            and len(row.option) == len(wanted)
            and fold(row.option) == folded
        ]
        for row in same:
            row.quantity = column.integer(column.add(_QUANTITY, row.quantity, to_int(quantity)))
        if not same:
            text = self._visit.charset.text
            kept = column.integer(product_id), text(wanted), column.integer(quantity)
            realm, customer_id, session_id = self._owner
            owner = realm, customer_id, text(session_id, 32)  # a longer one never finds its line again
            self._table.add(owner, *kept, self._visit.shop.clock.now(), subscription_plan_id, price)
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

    def adopt(self, now: float) -> None:
        """Bring together all lines of the customer, whatever session they are from, and those of this session."""
        realm, customer_id, session_id = self._owner
        for row in list(self._table):
            if row.realm == realm and (row.customer_id == customer_id or row.owner == (realm, 0, session_id)):
                self._table.move(row, self._owner, now)
        self._lines = None

    def has_stock(self) -> bool:
        """Say whether every line is in stock."""
        return all(line.is_in_stock for line in self.lines())

    def has_shipping(self) -> bool:
        """Say whether a line is to be shipped."""
        return any(line.product.seed.shipping for line in self.lines())

    def has_subscription(self) -> bool:
        """Say whether a line is bought by a plan that the shop offers for its product."""
        return any(line.plan is not None for line in self.lines())

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
                    times = 1 if self._ways.taxes_lines and not tax.is_percent else line.quantity
                    taxes[rate_id] = taxes.get(rate_id, 0.0) + tax.amount * times
        return taxes

    def _is_sold(self, product_id: int) -> bool:
        return find_product(self._visit, product_id) is not None

    def _price(self, row: CartRow, rows: list[CartRow]) -> CartLine:
        product = self._visit.shop.products[row.product_id]
        options = tuple(self._choose(row))
        chosen = [option.chosen for option in options if option.chosen is not None]
        option_price = sum((float(value.seed.price) * sign(value.seed.price_prefix) for value in chosen), 0.0)
        option_points = sum(value.seed.points * sign(value.seed.points_prefix) for value in chosen)
        pieces = sum(other.quantity for other in rows if other.product_id == row.product_id)
        wanted = pieces if self._ways.stocks_pieces else row.quantity
        is_in_stock = 0 != product.quantity >= wanted and not any(
            value.seed.subtract and value.quantity < max(1, row.quantity) for value in chosen
        )
        price = self._ways.price(self._visit, row, pieces, option_price)
        return CartLine(
            row.cart_id,
            replace(product),
            options,
            find_plan(self._visit, row),
            row.quantity,
            pieces,
            is_in_stock,
            price,
            price * row.quantity,
            product.seed.reward * row.quantity if self._visit.is_in_first_group else 0,
            (product.seed.points + option_points) * row.quantity if product.seed.points else 0,
        )

    def _choose(self, row: CartRow) -> Iterator[LineOption]:
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
                yield from self._choose_value(option, key, value, "cart.choice")
            elif option.kind == "checkbox":
                if isinstance(value, dict) and (self._ways.reads_arrays or is_list(value)):
                    for one in value.values():
                        yield from self._choose_value(option, key, one, "cart.checkbox")
            elif option.kind in _FREE:
                yield LineOption(key, value, option)

    def _choose_value(self, option: OptionSeed, key: int | str, value: Any, fault: str) -> Iterator[LineOption]:
        if isinstance(value, dict) and not self._ways.reads_arrays and not is_list(value):
            self._complaints.append((fault, "Object of class stdClass could not be converted to int"))
        found = self._visit.shop.option_values.get(to_int(value))
        if found is not None and found.option.product_option_id == option.product_option_id:
            yield LineOption(key, value, option, replace(found))


def sign(prefix: str) -> int:
    """Return which way an amount of an option's value goes: up, down, or nowhere for a prefix nobody knows."""
    return {"+": 1, "-": -1}.get(prefix, 0)


def price_by_special(visit: Visit, row: CartRow, pieces: int, option_price: float) -> float:
    """Return the price of one piece: the special, else the best discount the pieces reach, else the price.

    Args:
        visit: The request.
        row: The line.
        pieces: How many of the product are in the whole cart.
        option_price: What the chosen values of options add.
    """
    product = visit.shop.products[row.product_id]
    if product.seed.special is not None:
        return float(product.seed.special) + option_price
    discount = next((price for least, price in product.seed.discounts if least <= pieces), product.price)
    return float(discount) + option_price


def find_plan(visit: Visit, row: CartRow) -> PlanSeed | None:
    """Return the subscription plan of a line, None when it has none or its product is not offered by that plan."""
    plans = visit.shop.products[row.product_id].seed.plans if visit.is_in_first_group else ()
    return next((plan for plan in plans if plan.subscription_plan_id == row.subscription_plan_id), None)


def find_product(visit: Visit, product_id: Any) -> ProductRow | None:
    """Return a product the shop offers in the store of this request; the demo catalogue is in store 0 only."""
    product = visit.shop.products.get(to_int(product_id))
    is_here = visit.store_id == 0 and visit.has_language
    return product if product and product.is_enabled and is_here else None
