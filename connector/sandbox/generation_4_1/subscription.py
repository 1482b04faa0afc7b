"""``api/subscription``: its calls. Customer and addresses are named by id; nothing is ever stored."""

from functools import partial
from types import MappingProxyType
from typing import Final

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.arguments import column_at
from connector.sandbox.generation_4_1.arguments import PLAN
from connector.sandbox.generation_4_1.basket import add_product
from connector.sandbox.generation_4_1.call import Call, StagedCall, list_missing
from connector.sandbox.generation_4_1.customer import log_in
from connector.sandbox.generation_4_1.listing import show_lines, show_shipping
from connector.sandbox.generation_4_1.method import (
    set_payment_method,
    set_shipping_method,
    show_payment_methods,
    show_shipping_methods,
)
from connector.sandbox.generation_4_1.seed import ADDRESS, PLAN_IDS
from connector.sandbox.generation_4_1.texts import SUBSCRIPTION_PLAN, SUBSCRIPTION_UNKNOWN
from connector.sandbox.php.value import PhpArray, to_int
from connector.sandbox.shop.argument import take_int, take_text
from connector.sandbox.shop.customer import find_customer
from connector.sandbox.shop.visit import FIRST_GROUP, Visit

_STORED = ("customer_id", "payment_address_id", "payment_method", "shipping_address_id", "shipping_method", "comment")


def _set_customer(visit: Visit) -> None:
    customer = find_customer(visit.shop, visit.form.get("customer_id"))
    if customer is not None:
        log_in(visit, customer.seed.email)
        visit.session["customer"] = {
            "customer_id": str(customer.seed.customer_id),
            "customer_group_id": str(FIRST_GROUP),
            "firstname": customer.seed.firstname,
            "lastname": customer.seed.lastname,
            "email": customer.seed.email,
            "telephone": customer.seed.telephone,
        }


def _set_addresses(visit: Visit) -> None:
    for kind in ("payment", "shipping"):
        wanted = visit.customer_id, to_int(visit.form.get(f"{kind}_address_id"))
        if wanted == (ADDRESS["customer_id"], ADDRESS["address_id"]):
            visit.session[f"{kind}_address"] = dict(ADDRESS)


def _show(visit: Visit) -> PhpArray:
    return {"products": show_lines(visit), **show_shipping(visit)}


def _confirm(visit: Visit) -> PhpArray:
    """Check everything and then change a subscription that is not there: always the one sent, never a new one."""
    errors = list_missing(visit, asks_stock=True)
    if take_int(visit, visit.form.get("subscription_plan_id", 0), PLAN) not in PLAN_IDS:
        errors["subscription_plan"] = SUBSCRIPTION_PLAN
    if errors:
        return {"error": errors}
    for name in _STORED:
        if name not in visit.form:
            visit.warn("model.subscription.edit", f'Undefined array key "{name}"')
    take_text(visit, visit.form.get("comment"), column_at("model.subscription.edit"))
    return {"success": texts.ORDER_SUCCESS}


_by_id = partial(StagedCall, _set_customer)

CALLS: Final[MappingProxyType[str, Call]] = MappingProxyType(
    {
        "cart": _by_id(before=(_set_addresses, set_shipping_method, set_payment_method), show=_show, goes_on=True),
        "product_add": _by_id(before=(_set_addresses,), answer=add_product, show=_show),
        "shipping_methods": _by_id(before=(_set_addresses,), answer=show_shipping_methods),
        "payment_methods": _by_id(before=(_set_addresses, set_shipping_method), answer=show_payment_methods),
        "confirm": _by_id(
            before=(_set_addresses, set_shipping_method, set_payment_method), answer=_confirm, show=_show
        ),
        "history_add": lambda _visit: {"error": SUBSCRIPTION_UNKNOWN},
    }
)
"""What answers each call."""
