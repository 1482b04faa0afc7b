"""What the practice shop starts with: the demo catalogue of the vendor's installer and a few accounts and codes.

All of it is facts of a freshly installed demo shop, and the additions of ``docs/sandbox.md``. Frozen: the tables are
filled from it, and a reset fills them again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from connector.sandbox.php.text import escape

DEFAULT_USERNAME: Final = "Default"
DEFAULT_KEY: Final = "PracticeShopKey0PracticeShopKey1PracticeShopKey2PracticeShopKey3"
"""The key of the practice shop's first API user; no secret, the shop is for practice."""


@dataclass(frozen=True, slots=True)
class OptionValueSeed:
    """One value of a select, radio or checkbox option; price and points are added or taken by their prefix."""

    product_option_value_id: int
    option_value_id: int
    name: str
    quantity: int
    subtract: bool
    price: str
    price_prefix: str
    points: int
    points_prefix: str


@dataclass(frozen=True, slots=True)
class OptionSeed:
    """One option of a product; ``kind`` is its type, such as select, checkbox, text or date."""

    product_option_id: int
    option_id: int
    name: str
    kind: str
    required: bool
    values: tuple[OptionValueSeed, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialSeed:
    """How a plan begins: so much every so often (``cycle`` times ``frequency``), so many times."""

    price: str
    frequency: str
    cycle: int
    duration: int


@dataclass(frozen=True, slots=True)
class PlanSeed:
    """A plan a product can be bought by: so much every so often (``cycle`` times ``frequency``), so many times."""

    subscription_plan_id: int
    name: str
    price: str
    frequency: str
    cycle: int
    duration: int
    trial: TrialSeed | None = None


@dataclass(frozen=True, slots=True)
class ProductSeed:
    """One product. Prices are decimal text in the base currency; text is escaped as the shop stores it.

    ``discounts`` are pairs of least quantity and price, the largest quantity first; ``special`` beats them.
    ``points`` is what one costs in reward points, ``reward`` what one earns.
    """

    product_id: int
    name: str
    model: str
    price: str
    quantity: int
    shipping: bool
    points: int
    tax_class_id: int
    minimum: int
    subtract: bool
    is_enabled: bool
    reward: int
    special: str | None = None
    discounts: tuple[tuple[int, str], ...] = ()
    options: tuple[OptionSeed, ...] = ()
    plans: tuple[PlanSeed, ...] = ()


@dataclass(frozen=True, slots=True)
class Country:
    """A country of the shop's list."""

    country_id: int
    name: str
    iso_code_2: str
    iso_code_3: str
    address_format: str
    is_postcode_required: bool


@dataclass(frozen=True, slots=True)
class Zone:
    """A region of a country."""

    zone_id: int
    country_id: int
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency; ``value`` is what one unit of the base currency is worth in it, as decimal text."""

    currency_id: int
    code: str
    symbol_left: str
    symbol_right: str
    decimal_place: int
    value: str


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax rate: percent (kind ``P``) or an amount a piece (kind ``F``), for addresses of one geo zone."""

    tax_rate_id: int
    geo_zone_id: int
    name: str
    rate: str
    kind: str


@dataclass(frozen=True, slots=True)
class TaxRule:
    """Which rate counts for a tax class, and by whose address: ``shipping``, ``payment`` or ``store``."""

    tax_class_id: int
    tax_rate_id: int
    based: str
    priority: int


@dataclass(frozen=True, slots=True)
class ApiUserSeed:
    """A user of the API; an empty list of addresses refuses everybody."""

    api_id: int
    username: str
    key: str
    is_enabled: bool = True
    ips: tuple[str, ...] = ("127.0.0.1",)


@dataclass(frozen=True, slots=True)
class CustomerSeed:
    """A registered customer and the reward points they own; ``commission`` is what an affiliate gets, in percent."""

    customer_id: int
    firstname: str
    lastname: str
    email: str
    telephone: str
    is_enabled: bool = True
    points: int = 0
    commission: str | None = None


@dataclass(frozen=True, slots=True)
class CouponSeed:
    """A coupon: percent (kind ``P``) or an amount (kind ``F``).

    ``total`` is the sub-total it asks for; ``uses`` and ``uses_customer`` count orders, 0 is without end.
    """

    coupon_id: int
    code: str
    kind: str
    discount: str
    total: str = "0.0000"
    needs_customer: bool = False
    gives_shipping: bool = False
    uses: int = 0
    uses_customer: int = 0
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class VoucherSeed:
    """A gift voucher and what is on it, in the base currency."""

    voucher_id: int
    code: str
    amount: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field the shop adds to customers (location ``account``) or addresses (location ``address``)."""

    custom_field_id: int
    location: str
    name: str
    kind: str = "text"
    validation: str = ""
    is_required: bool = True


def build_users(key: str, ips: tuple[str, ...]) -> tuple[ApiUserSeed, ...]:
    """Return the four API users: a working one, a disabled one, one without addresses and a second working one.

    Args:
        key: The key of the user ``Default``; the keys of the others are made from it.
        ips: Addresses the users may call from.
    """
    return (
        ApiUserSeed(1, DEFAULT_USERNAME, key, ips=ips),
        ApiUserSeed(2, "Disabled", f"{key}Disabled", is_enabled=False, ips=ips),
        ApiUserSeed(3, "NoIp", f"{key}NoIp", ips=()),
        ApiUserSeed(4, "Second", f"{key}Second", ips=ips),
    )


SETTINGS: Final = MappingProxyType(
    {
        "config_name": "Your Store",
        "config_currency": "USD",
        "config_country_id": "222",
        "config_zone_id": "3563",
        "config_tax": "1",
        "config_tax_default": "shipping",
        "config_customer_group_id": "1",
        "config_customer_group_display": ["1"],
        "config_voucher_min": "1",
        "config_voucher_max": "1000",
        "config_invoice_prefix": "INV-2026-00",
        "config_order_status_id": "1",
        "config_processing_status": ["5", "1", "2", "12", "3"],
        "config_complete_status": ["5", "3"],
        "config_fraud_status_id": None,
        "config_stock_warning": "0",
        "config_stock_checkout": "0",
        "config_maintenance": "0",
        "config_error_display": "1",
        "config_mail_alert": ["order"],
        "payment_free_checkout_status": "1",
        "payment_free_checkout_sort_order": "1",
        "payment_cod_status": "1",
        "payment_cod_sort_order": "5",
        "payment_cod_total": "0.01",
        "payment_cod_geo_zone_id": "0",
        "payment_bank_transfer_status": None,
        "payment_bank_transfer_sort_order": "2",
        "payment_bank_transfer_total": "",
        "payment_bank_transfer_geo_zone_id": "0",
        "shipping_flat_status": "1",
        "shipping_flat_sort_order": "1",
        "shipping_flat_geo_zone_id": "0",
        "shipping_flat_tax_class_id": "9",
        "shipping_flat_cost": "5.00",
        "shipping_pickup_status": None,
        "shipping_pickup_sort_order": "0",
        "shipping_pickup_geo_zone_id": "0",
        "total_sub_total_status": "1",
        "total_sub_total_sort_order": "1",
        "total_reward_status": "1",
        "total_reward_sort_order": "2",
        "total_shipping_status": "1",
        "total_shipping_sort_order": "3",
        "total_coupon_status": "1",
        "total_coupon_sort_order": "4",
        "total_tax_status": "1",
        "total_tax_sort_order": "5",
        "total_voucher_status": "1",
        "total_voucher_sort_order": "8",
        "total_total_status": "1",
        "total_total_sort_order": "9",
    }
)
"""The settings this program reads, under the shop's own names; None is a setting that is absent."""

CURRENCIES: Final = (
    Currency(3, "EUR", "", "€", 2, "0.78460002"),
    Currency(1, "GBP", "£", "", 2, "0.61250001"),
    Currency(2, "USD", "$", "", 2, "1.00000000"),
)

TAX_RATES: Final = (
    TaxRate(86, 3, "VAT (20%)", "20.0000", "P"),
    TaxRate(87, 3, "Eco Tax (-2.00)", "2.0000", "F"),
)

TAX_RULES: Final = (
    TaxRule(9, 86, "shipping", 1),
    TaxRule(9, 87, "shipping", 2),
    TaxRule(10, 87, "store", 0),
    TaxRule(10, 86, "payment", 1),
)

ORDER_STATUSES: Final = MappingProxyType(
    {
        1: "Pending",
        2: "Processing",
        3: "Shipped",
        5: "Complete",
        7: "Canceled",
        8: "Denied",
        9: "Canceled Reversal",
        10: "Failed",
        11: "Refunded",
        12: "Reversed",
        13: "Chargeback",
        14: "Expired",
        15: "Processed",
        16: "Voided",
    }
)

VOUCHER_THEMES: Final = frozenset({6, 7, 8})

UNITED_KINGDOM: Final = 222
_GONE_REGION: Final = 3972
"""Taxed like the United Kingdom, though the list of regions no longer has it."""

CUSTOMERS: Final = (
    CustomerSeed(1, "Jane", "Buyer", "jane@example.com", "5550100", points=500),
    CustomerSeed(2, "Dan", "Disabled", "dan@example.com", "5550101", is_enabled=False),
    CustomerSeed(3, "Olga", "Other", "olga@example.com", "5550102"),
)

COUPONS: Final = (
    CouponSeed(4, "2222", "P", "10.0000", uses=10, uses_customer=10),
    CouponSeed(5, "3333", "P", "0.0000", total="100.0000", gives_shipping=True, uses=10, uses_customer=10),
    CouponSeed(6, "1111", "F", "10.0000", total="10.0000", uses=100_000, uses_customer=10_000),
    CouponSeed(7, "OLD2020", "P", "10.0000", is_current=False),
    CouponSeed(8, "LOGGED", "P", "5.0000", needs_customer=True),
    CouponSeed(9, "ONEUSE", "F", "1.0000", uses=1, uses_customer=1),
    CouponSeed(10, "BIG500", "P", "10.0000", total="500.0000"),
)

VOUCHERS: Final = (
    VoucherSeed(1, "GIFT25", "25.0000"),
    VoucherSeed(2, "GIFT0", "0.0000"),
    VoucherSeed(3, "GIFTOFF", "25.0000", is_enabled=False),
)

CUSTOM_FIELDS: Final = (
    CustomField(1, "account", "VAT number", validation="/^[0-9]+$/"),
    CustomField(2, "address", "Door code"),
)
"""The two fields the control ``custom-fields`` switches on; a fresh shop has none."""

SWITCHED_OFF: Final = frozenset({46})
"""Products of the demo catalogue this shop does not offer."""


def _read(name: str) -> Any:
    return json.loads(files(__package__).joinpath("..", "data", name).read_text(encoding="utf-8"))


@cache
def load_products() -> tuple[ProductSeed, ...]:
    """Return the demo catalogue."""
    return tuple(_build_product(row) for row in _read("products.json"))


def _build_product(row: dict[str, Any]) -> ProductSeed:
    options = tuple(
        OptionSeed(
            option["product_option_id"],
            option["option_id"],
            escape(option["name"]),
            option["type"],
            option["required"],
            tuple(OptionValueSeed(**value) for value in option["values"]),
        )
        for option in row.pop("options")
    )
    is_enabled = row.pop("enabled") and row["product_id"] not in SWITCHED_OFF
    discounts = tuple((quantity, price) for quantity, price in row.pop("discounts"))
    row["name"] = escape(row["name"])
    return ProductSeed(**row, is_enabled=is_enabled, discounts=discounts, options=options)


@cache
def load_countries() -> MappingProxyType[int, Country]:
    """Return the countries by id."""
    countries = {}
    for country_id, name, iso_code_2, iso_code_3, address_format, is_postcode_required in _read("countries.json"):
        countries[country_id] = Country(
            country_id, name, iso_code_2, iso_code_3, address_format, bool(is_postcode_required)
        )
    return MappingProxyType(countries)


@cache
def load_zones() -> MappingProxyType[int, Zone]:
    """Return the regions of all countries by id."""
    zones = {}
    for country_id, rows in _read("zones.json").items():
        for zone_id, name, code in rows:
            zones[zone_id] = Zone(zone_id, int(country_id), name, code)
    return MappingProxyType(zones)


@cache
def load_geo_zones() -> MappingProxyType[int, frozenset[tuple[int, int]]]:
    """Return the geo zones as pairs of country and region; region 0 stands for the whole country.

    3 is where the United Kingdom's taxes apply (its regions one by one, so an address without region is outside),
    4 where it ships to.
    """
    taxed = {(UNITED_KINGDOM, zone.zone_id) for zone in load_zones().values() if zone.country_id == UNITED_KINGDOM}
    taxed.add((UNITED_KINGDOM, _GONE_REGION))
    return MappingProxyType({3: frozenset(taxed), 4: frozenset({(UNITED_KINGDOM, 0)})})


def is_in_geo_zone(geo_zone_id: int, country_id: int, zone_id: int) -> bool:
    """Say whether an address lies in a geo zone."""
    pairs = load_geo_zones().get(geo_zone_id, frozenset())
    return (country_id, zone_id) in pairs or (country_id, 0) in pairs


@dataclass(frozen=True, slots=True)
class Seed:
    """All a shop is filled with; the first of ``users`` is the one that people are told of."""

    users: tuple[ApiUserSeed, ...]
    settings: Mapping[str, Any] = field(default_factory=lambda: SETTINGS)
    customers: tuple[CustomerSeed, ...] = CUSTOMERS
    coupons: tuple[CouponSeed, ...] = COUPONS
    vouchers: tuple[VoucherSeed, ...] = VOUCHERS
    custom_fields: tuple[CustomField, ...] = CUSTOM_FIELDS
    products: tuple[ProductSeed, ...] = field(default_factory=load_products)
    countries: MappingProxyType[int, Country] = field(default_factory=load_countries)
    zones: MappingProxyType[int, Zone] = field(default_factory=load_zones)
