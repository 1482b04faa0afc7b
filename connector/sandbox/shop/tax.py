"""Taxes: which rates count for the session's addresses, and what they come to."""

from dataclasses import dataclass
from typing import Any

from connector.sandbox.php.value import to_bool, to_int
from connector.sandbox.shop.seed import TAX_RATES, TAX_RULES, TaxRate, is_in_geo_zone
from connector.sandbox.shop.visit import Visit

_RATES = {rate.tax_rate_id: rate for rate in TAX_RATES}


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """What one rate takes from a value."""

    rate: TaxRate
    amount: float

    @property
    def is_percent(self) -> bool:
        """Whether the rate is a percentage; the other kind is an amount a piece."""
        return self.rate.kind == "P"


class TaxRates:
    """The rates of every tax class, fixed when a request starts.

    A rule counts by the shipping address, by the payment address or by the shop's own. As long as the session has no
    shipping address, the shop's stands in for it; nothing stands in for a payment address. Buyers of a customer group
    other than the first are not taxed.
    """

    def __init__(self, visit: Visit) -> None:
        self._by_class: dict[int, list[TaxRate]] = {}
        home = visit.setting("config_country_id"), visit.setting("config_zone_id")
        for based in ("shipping", "payment"):
            address = visit.session.get(f"{based}_address")
            if isinstance(address, dict) and address.get("country_id") is not None:
                self._add(based, address["country_id"], address.get("zone_id"))
            elif visit.setting("config_tax_default") == based:
                self._add(based, *home)
        self._add("store", *home)
        if not visit.is_in_first_group:
            self._by_class.clear()
        self._is_shown = to_bool(visit.setting("config_tax"))

    def _add(self, based: str, country_id: Any, zone_id: Any) -> None:
        place = to_int(country_id), to_int(zone_id)
        for rule in sorted(TAX_RULES, key=lambda rule: rule.priority):
            rate = _RATES[rule.tax_rate_id]
            if rule.based == based and is_in_geo_zone(rate.geo_zone_id, *place):
                known = self._by_class.setdefault(rule.tax_class_id, [])
                if rate not in known:
                    known.append(rate)

    @property
    def names(self) -> dict[int, str]:
        """The names of all rates, by id."""
        return {rate.tax_rate_id: rate.name for rate in TAX_RATES}

    def list_amounts(self, value: float, tax_class_id: int) -> list[TaxAmount]:
        """Return what each rate of a class takes from a value."""
        rates = self._by_class.get(tax_class_id, ())
        return [
            TaxAmount(rate, value / 100 * float(rate.rate) if rate.kind == "P" else float(rate.rate)) for rate in rates
        ]

    def sum_amounts(self, value: float, tax_class_id: int) -> float:
        """Return what all rates of a class take from a value."""
        total = 0.0
        for tax in self.list_amounts(value, tax_class_id):
            total += tax.amount
        return total

    def add_to(self, value: float, tax_class_id: int) -> float:
        """Return a value as the shop shows it: with tax, if the shop shows prices with tax."""
        return value + self.sum_amounts(value, tax_class_id) if tax_class_id and self._is_shown else value
