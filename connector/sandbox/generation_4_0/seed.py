"""What a shop of 4.0 starts with."""

from dataclasses import replace
from typing import Final

from connector.sandbox.shop.accounts import (
    COUPONS_4,
    CUSTOM_FIELDS_4,
    CUSTOMERS_4,
    SETTINGS_4,
    build_users_4,
    list_products_4,
)
from connector.sandbox.shop.seed import ProductSeed, Seed, TrialSeed, VoucherSeed

_TRIAL: Final = TrialSeed("0.0000", "week", 2, 11)
_VOUCHERS: Final = (VoucherSeed(1, "GIFT50", "50.0000"), VoucherSeed(2, "GIFTOFF", "50.0000", is_enabled=False))


def build_seed(key: str, ips: tuple[str, ...]) -> Seed:
    """Return the seed.

    Args:
        key: The key of the API user ``oc_api``; the keys of the others are made from it.
        ips: Addresses the API users may call from.
    """
    return Seed(
        build_users_4(key, ips),
        settings=SETTINGS_4,
        customers=CUSTOMERS_4,
        coupons=COUPONS_4,
        vouchers=_VOUCHERS,
        custom_fields=CUSTOM_FIELDS_4,
        products=tuple(_add_trial(product) for product in list_products_4()),
    )


def _add_trial(product: ProductSeed) -> ProductSeed:
    return replace(product, plans=tuple(replace(plan, trial=_TRIAL) for plan in product.plans))
