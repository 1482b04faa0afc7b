"""The cart read back, against what was asked for: a shop accepts lines it does not keep, without a word."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from connector.composite.money import parse_amount
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from connector.composite.draft import Line

Option = tuple[str, str]
"""Option id, and the value id or the text."""

_TEXTS: Final = frozenset({"text", "textarea", "date", "datetime", "time"})
_UNSEEN: Final = "*"
"""Stands for a value that the shop does not show (the code of an uploaded file in 4.0)."""


@dataclass(frozen=True, slots=True)
class Total:
    """One row under an order, such as the sub-total or a tax.

    Attributes:
        title: The shop's words.
        text: As the shop formats it, in the order's currency.
        amount: The same as a number, or None where the text can be read in two ways. Newer shops give a number beside
            the text, but in their own currency.
        code: What makes the row, such as `total`; empty where the shop does not say (up to 4.0).
    """

    title: str
    text: str
    amount: Decimal | None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Cart:
    """What the shop says is in the cart.

    Attributes:
        products: Lines as they came.
        totals: Rows under them, in the order of the shop's settings.
        ships: Whether anything in it has to be shipped.
        sells_vouchers: Whether gift vouchers are sold in it, next to the products.
    """

    products: tuple[Mapping[str, Any], ...]
    totals: tuple[Total, ...]
    ships: bool
    sells_vouchers: bool = False

    @property
    def total(self) -> Decimal | None:
        """What is to be paid: the row that says so, else the last one; None without rows, or where it is ambiguous."""
        named = [row for row in self.totals if row.code == "total"] or list(self.totals)
        return named[-1].amount if named else None


def read_cart(answer: Any) -> Cart:
    """Return the cart of an answer of `cart.products`, in any generation."""
    value: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
    products = tuple(line for line in value.get("products") or () if isinstance(line, dict))
    totals = tuple(_read_total(row) for row in value.get("totals") or () if isinstance(row, dict))
    declared = value.get("shipping_required")
    ships = bool(declared) if declared is not None else any(str(line.get("shipping", "1")) == "1" for line in products)
    return Cart(products, totals, ships, sells_vouchers=bool(value.get("vouchers")))


def compare(lines: Sequence[Line], cart: Cart, *, allows_backorder: bool = False) -> list[str]:
    """Return what differs between the lines asked for and the cart, in sentences; empty when they agree.

    Equal lines count together, as the shop puts them together. Values of selects, radios and checkboxes are compared
    by id, texts without outer blanks, times up to the seconds that newer shops add.

    Args:
        lines: What was asked for.
        cart: What the shop says it holds.
        allows_backorder: Leave it to the shop whether a line that is not in stock may be ordered.
    """
    wanted: Counter[tuple[str, frozenset[Option]]] = Counter()
    for line in lines:
        wanted[str(line.product_id), frozenset(_wanted_options(line))] += line.quantity
    found: Counter[tuple[str, frozenset[Option]]] = Counter()
    for product in cart.products:
        found[str(product.get("product_id")), frozenset(_found_options(product))] += _quantity(product)
    found = _lend_unseen(wanted, found)
    problems = []
    for key in dict.fromkeys((*wanted, *found)):
        asked, there = wanted[key], found[key]
        if asked == there:
            continue
        name = _describe(key)
        if not there:
            problems.append(f"{name}: {asked} asked for, none in the cart")
        elif not asked:
            problems.append(f"{name}: {there} in the cart, none asked for")
        else:
            problems.append(f"{name}: {asked} asked for, {there} in the cart")
    problems.extend(_find_short(cart.products, allows_backorder=allows_backorder))
    return problems


def _wanted_options(line: Line) -> Iterator[Option]:
    for option, value in line.option.items():
        values = value if isinstance(value, list | tuple) else [value]
        for one in values:
            yield str(option), _plain(str(one))


def _found_options(product: Mapping[str, Any]) -> Iterator[Option]:
    for option in product.get("option") or ():
        kind, value_id = option.get("type"), option.get("product_option_value_id")
        if kind == "file":
            yield str(option.get("product_option_id")), _plain(str(option.get("value") or "")) or _UNSEEN
        elif kind in _TEXTS or value_id in {"", "0", 0, None}:
            yield str(option.get("product_option_id")), _plain(str(option.get("value", "")))
        else:
            yield str(option.get("product_option_id")), str(value_id)


def _plain(text: str) -> str:
    """Return a text in the form it is compared in: no outer blanks, one kind of line end, no `:00` seconds."""
    text = text.replace("\r\n", "\n").strip()
    is_time = len(text) in {8, 19} and text.endswith(":00") and text[-6] == ":"
    return text[:-3] if is_time else text


def _lend_unseen(
    wanted: Counter[tuple[str, frozenset[Option]]], found: Counter[tuple[str, frozenset[Option]]]
) -> Counter[tuple[str, frozenset[Option]]]:
    """Give values that the shop does not show the value that was asked for under the same option."""
    lent: Counter[tuple[str, frozenset[Option]]] = Counter()
    for (product, options), quantity in found.items():
        hidden = {option for option, value in options if value == _UNSEEN}
        match = next(
            (
                asked
                for asked in wanted
                if hidden
                and asked[0] == product
                and {pair for pair in asked[1] if pair[0] not in hidden}
                == {pair for pair in options if pair[0] not in hidden}
            ),
            (product, options),
        )
        lent[match] += quantity
    return lent


def _find_short(products: Iterable[Mapping[str, Any]], *, allows_backorder: bool) -> Iterator[str]:
    for product in products:
        if not allows_backorder and product.get("stock_status", product.get("stock")) is False:
            yield f"{product.get('name')}: not enough in stock"
        if product.get("minimum_status", product.get("minimum")) is False:
            yield f"{product.get('name')}: fewer than the shop sells at once"


def _quantity(product: Mapping[str, Any]) -> int:
    text = str(product.get("quantity", 0))
    return int(text) if text.lstrip("-").isdigit() else 0


def _describe(key: tuple[str, frozenset[Option]]) -> str:
    product, options = key
    if not options:
        return f"product {product}"
    return f"product {product} with options {', '.join(f'{option}={value}' for option, value in sorted(options))}"


def _read_total(row: Mapping[str, Any]) -> Total:
    text = str(row.get("text", ""))
    return Total(str(row.get("title", "")), text, parse_amount(text), str(row.get("code", "")))
