"""Accounts, codes and settings of the practice shops of 4.0 and 4.1, which differ from those of the older ones."""

from dataclasses import replace
from typing import Any, Final

from connector.sandbox.shop.seed import (
    COUPONS,
    SETTINGS,
    ApiUserSeed,
    CouponSeed,
    CustomerSeed,
    CustomField,
    PlanSeed,
    ProductSeed,
    Seed,
    load_products,
)

_CUSTOMERS: Final = (
    CustomerSeed(1, "Jane", "Roe", "jane.roe@example.com", "01234567890", points=500),
    CustomerSeed(2, "Alan", "Partner", "alan.partner@example.com", "01234567891", commission="5"),
    CustomerSeed(3, "Ina", "Active", "ina.active@example.com", "01234567892", is_enabled=False),
)

_COUPONS: Final = (
    *COUPONS[:3],
    CouponSeed(7, "OLD2019", "P", "10.0000", is_current=False),
    CouponSeed(8, "LOGGED10", "P", "10.0000", needs_customer=True),
    CouponSeed(9, "ONCE", "P", "10.0000", uses=1, uses_customer=1),
    CouponSeed(10, "FREEALL", "P", "100.0000", gives_shipping=True),
)

_CUSTOM_FIELDS: Final = (
    CustomField(901, "account", "VAT number", validation="/^[A-Z]{2}[0-9]+$/"),
    CustomField(902, "address", "Door code"),
)

_SETTINGS: Final[dict[str, Any]] = {
    **SETTINGS,
    "config_checkout_payment_address": None,
    "config_telephone_required": None,
    "config_fraud_status_id": "8",
    "config_void_status_id": "16",
    "shipping_pickup_sort_order": "2",
}
"""Settings of both; as in the older shops, None is a setting that is absent."""

_PLAN: Final = PlanSeed(2, "Subscription Plan 2", "90.0000", "month", 1, 10)
_SOLD_BY_PLAN: Final = 46


def _build_users(key: str, ips: tuple[str, ...]) -> tuple[ApiUserSeed, ...]:
    """Return the three API users: a working one, a disabled one and one without addresses.

    Args:
        key: The key of the user ``oc_api``; the keys of the others are made from it.
        ips: Addresses the users may call from.
    """
    return (
        ApiUserSeed(1, "oc_api", key, ips=ips),
        ApiUserSeed(2, "oc_off", f"{key}Disabled", is_enabled=False, ips=ips),
        ApiUserSeed(3, "oc_noip", f"{key}NoIp", ips=()),
    )


def build_seed_4(key: str, ips: tuple[str, ...]) -> Seed:
    """Return what the shops of 4.0 and 4.1 both start with; it has no gift vouchers.

    Args:
        key: The key of the API user ``oc_api``; the keys of the others are made from it.
        ips: Addresses the API users may call from.
    """
    return Seed(
        _build_users(key, ips),
        settings=_SETTINGS,
        customers=_CUSTOMERS,
        coupons=_COUPONS,
        vouchers=(),
        custom_fields=_CUSTOM_FIELDS,
        products=_list_products(),
    )


def _list_products() -> tuple[ProductSeed, ...]:
    """Return the demo catalogue: product 46 is on, and only to be had by subscription."""
    return tuple(
        replace(product, is_enabled=True, plans=(_PLAN,)) if product.product_id == _SOLD_BY_PLAN else product
        for product in load_products()
    )
