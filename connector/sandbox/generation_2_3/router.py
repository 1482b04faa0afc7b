"""What answers a route of 2.3: 3.0's code, told what 2.3 does otherwise."""

from functools import partial
from types import MappingProxyType
from typing import Final

from connector.sandbox.generation_2_3 import login
from connector.sandbox.generation_3_0 import customer, order, shipping
from connector.sandbox.generation_3_0.router import ROUTES as ROUTES_3_0
from connector.sandbox.generation_3_0.router import Routes

_BUYER: Final = (*customer.FIELDS, "fax")
_NO_TEXT: Final = "error_customer"
"""The name of a text that 2.3 forgot to write, which it says in the text's place."""

ROUTES: Final[Routes] = MappingProxyType(
    {
        **ROUTES_3_0,
        "api/login": {"index": login.index},
        "api/customer": {"index": partial(customer.index, fields=_BUYER, unknown=_NO_TEXT)},
        "api/shipping": {**ROUTES_3_0["api/shipping"], "address": partial(shipping.address, longest_city=32)},
        "api/order": {
            **ROUTES_3_0["api/order"],
            "add": partial(order.add, empties_cart=False),
            "edit": partial(order.edit, keeps_void=True),
        },
    }
)
