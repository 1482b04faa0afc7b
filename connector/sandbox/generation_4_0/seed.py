"""What a shop of 4.0 starts with."""

from dataclasses import replace
from typing import Final

from connector.sandbox.shop.accounts import build_seed_4
from connector.sandbox.shop.seed import ProductSeed, Seed, TrialSeed, VoucherSeed

_TRIAL: Final = TrialSeed("0.0000", "week", 2, 11)
_VOUCHERS: Final = (VoucherSeed(1, "GIFT50", "50.0000"), VoucherSeed(2, "GIFTOFF", "50.0000", is_enabled=False))


def build_seed(key: str, ips: tuple[str, ...]) -> Seed:
    """Return the seed.

    Args:
        key: The key of the API user ``oc_api``; the keys of the others are made from it.
        ips: Addresses the API users may call from.
    """
    seed = build_seed_4(key, ips)
    return replace(seed, vouchers=_VOUCHERS, products=tuple(_add_trial(product) for product in seed.products))


def _add_trial(product: ProductSeed) -> ProductSeed:
    return replace(product, plans=tuple(replace(plan, trial=_TRIAL) for plan in product.plans))
