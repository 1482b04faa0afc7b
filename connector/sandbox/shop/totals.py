"""The totals of a cart: sub-total, reward, shipping, coupon, tax, gift voucher, total.

Each kind of line reads what the ones before it came to and adds its own; their order, and whether they take part, are
settings of the shop.
"""

from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.php.value import to_bool, to_float, to_int
from connector.sandbox.shop.tax import TaxAmount
from connector.sandbox.shop.visit import Visit


@dataclass(frozen=True, slots=True)
class TotalLine:
    """One line. ``value`` is in the base currency; a discount is below zero."""

    code: str
    title: str
    value: float
    sort_order: int


@dataclass(slots=True)
class Totals:
    """The lines so far, the taxes by rate and the running total."""

    visit: Visit
    taxes: dict[int, float]
    lines: list[TotalLine] = field(default_factory=list)
    total: float = 0.0

    def add(self, code: str, title: str, value: float, *, counts: bool = True) -> None:
        """Add a line, and its value to the running total unless it only reports."""
        self.lines.append(TotalLine(code, title, value, to_int(self.visit.setting(f"total_{code}_sort_order"))))
        if counts:
            self.total += value

    def lower_tax(self, tax: TaxAmount, fault: str) -> None:
        """Take an amount from a rate's tax; amounts a piece are not lowered by discounts.

        Args:
            tax: The rate and what to take.
            fault: Where to warn when nothing was taxed at that rate; a generation without such a place says nothing.
        """
        if not tax.is_percent:
            return
        rate_id = tax.rate.tax_rate_id
        if rate_id not in self.taxes and fault in self.visit.ways.spots:
            self.visit.warn(fault, f"Undefined array key {rate_id}")
        self.taxes[rate_id] = self.taxes.get(rate_id, 0.0) - tax.amount


def add_sub_total(totals: Totals) -> None:
    """Add the products and the gift vouchers in the cart, without tax."""
    sub_total = totals.visit.cart.sub_total()
    for voucher in (totals.visit.session.get("vouchers") or {}).values():
        sub_total += to_float(voucher["amount"])
    totals.add("sub_total", "Sub-Total", sub_total)


def add_shipping(totals: Totals) -> None:
    """Add the chosen shipping method (its name is a title before 4.0) and its tax, if there is anything to ship."""
    visit = totals.visit
    if not visit.cart.has_shipping() or visit.session.get("shipping_method") is None:
        return
    method: dict[str, Any] = visit.session["shipping_method"]
    cost = to_float(method["cost"])
    for tax in visit.taxes.list_amounts(cost, to_int(method["tax_class_id"])):
        rate_id = tax.rate.tax_rate_id
        totals.taxes[rate_id] = totals.taxes.get(rate_id, 0.0) + tax.amount
    totals.add("shipping", method["title"] if "title" in method else method["name"], cost)


def add_tax(totals: Totals) -> None:
    """Add one line for each rate that still comes to something."""
    names = totals.visit.taxes.names
    for rate_id, value in totals.taxes.items():
        if value > 0:
            totals.add("tax", names[rate_id], value)


def add_total(totals: Totals, *, goes_below_zero: bool = False) -> None:
    """Report the running total, from 4.0 on also one below zero."""
    total = totals.total if goes_below_zero else max(0.0, totals.total)
    totals.add("total", "Total", total, counts=False)


def sum_up(visit: Visit) -> Totals:
    """Return the totals of the session's cart, the lines in the order they are shown.

    Lines of the same place, such as two tax rates, are ordered by title.
    """
    kinds = visit.ways.totals
    totals = Totals(visit, visit.cart.taxes())
    taking_part = [code for code in kinds if to_bool(visit.setting(f"total_{code}_status"))]
    for code in sorted(taking_part, key=lambda code: to_int(visit.setting(f"total_{code}_sort_order"))):
        kinds[code](totals)
    totals.lines.sort(key=lambda line: (line.sort_order, line.code, line.title, line.value))
    return totals
