"""Which route leads to what: the shop's way of finding a class and a method from a path."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connector.sandbox.generation_4_0 import (
    address,
    affiliate,
    cart,
    coupon,
    currency,
    customer,
    login,
    order,
    payment_method,
    reward,
    shipping_method,
    voucher,
)
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop.visit import Visit

Controller = Callable[[Visit], PhpArray]

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_|/.]")
_WORD_START = re.compile(r"(?:^|(?<=[_/]))[a-z]")
_HUMP = re.compile(r"([a-z])([A-Z]|[0-9])")

_ROUTES: Final[Mapping[str, Mapping[str, Controller]]] = MappingProxyType(
    {
        "api/account/login": {"index": login.index},
        "api/localisation/currency": {"index": currency.index},
        "api/sale/affiliate": {"index": affiliate.index},
        "api/sale/cart": {"index": cart.index, "add": cart.add, "edit": cart.edit, "remove": cart.remove},
        "api/sale/coupon": {"index": coupon.index},
        "api/sale/customer": {"index": customer.index},
        "api/sale/order": {
            "load": order.load,
            "comment": order.comment,
            "confirm": order.confirm,
            "delete": order.delete,
            "addhistory": order.history,
        },
        "api/sale/payment_address": {"index": address.set_payment},
        "api/sale/payment_method": {"index": payment_method.index, "save": payment_method.save},
        "api/sale/reward": {"index": reward.index, "maximum": reward.maximum, "available": reward.available},
        "api/sale/shipping_address": {"index": address.set_shipping},
        "api/sale/shipping_method": {"index": shipping_method.index, "save": shipping_method.save},
        "api/sale/voucher": {"index": voucher.index, "add": voucher.add, "remove": voucher.remove},
    }
)
"""What answers, by file and by method in lower case."""


def find_controller(route: str) -> Controller | None:
    """Return what answers an API route, None when nothing does.

    Characters a path cannot have are dropped, what follows the last dot is the method, and the rest becomes the name
    of a class and that the name of a file; on that way it does not matter whether a word begins with a capital.
    """
    path, dot, method = _FORBIDDEN.sub("", route).rpartition(".")
    if not dot:
        path, method = method, "index"
    name = _WORD_START.sub(lambda found: found[0].upper(), path).replace("_", "")
    return _ROUTES.get(_HUMP.sub(r"\1_\2", name).lower(), {}).get(method.lower())
