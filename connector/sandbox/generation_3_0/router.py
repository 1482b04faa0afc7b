"""Which route leads to what: the shop's way of finding a file and a method from a path."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connector.sandbox.generation_3_0 import (
    cart,
    coupon,
    currency,
    customer,
    login,
    order,
    payment,
    reward,
    shipping,
    voucher,
)
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop.visit import Visit

Controller = Callable[[Visit], PhpArray]

HOME: Final = "common/home"
"""The one page of the storefront this shop has."""

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_/]")

Routes = Mapping[str, Mapping[str, Controller]]
"""What answers, by file and by method."""

ROUTES: Final[Routes] = MappingProxyType(
    {
        "api/login": {"index": login.index},
        "api/currency": {"index": currency.index},
        "api/cart": {"add": cart.add, "edit": cart.edit, "remove": cart.remove, "products": cart.products},
        "api/coupon": {"index": coupon.index},
        "api/voucher": {"index": voucher.index, "add": voucher.add},
        "api/customer": {"index": customer.index},
        "api/reward": {"index": reward.index, "maximum": reward.maximum, "available": reward.available},
        "api/shipping": {"address": shipping.address, "methods": shipping.methods, "method": shipping.method},
        "api/payment": {"address": payment.address, "methods": payment.methods, "method": payment.method},
        "api/order": {
            "add": order.add,
            "edit": order.edit,
            "delete": order.delete,
            "info": order.info,
            "history": order.history,
        },
    }
)


def find_controller(routes: Routes, route: str) -> Controller | None:
    """Return what answers an API route, None when nothing does.

    Characters a path cannot have are dropped first. The longest front part that is a file counts; its case matters,
    the method's does not, and slashes in front or doubled are harmless.
    """
    parts = _FORBIDDEN.sub("", route).split("/")
    name = "index"
    while parts:
        methods = routes.get("/".join(part for part in parts if part)) if parts[-1] else None
        if methods is not None:
            return methods.get(name.lower())
        name = parts.pop()
    return None
