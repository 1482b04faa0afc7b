"""Who buys: the fields of a customer, and the registered customer that an e-mail address makes of them."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import CUSTOMER_UNKNOWN, GROUP_UNKNOWN
from connector.sandbox.generation_4_1.arguments import CUSTOMER, has_length
from connector.sandbox.generation_4_1.custom_field import check_custom_fields
from connector.sandbox.php.text import is_email
from connector.sandbox.php.value import PhpArray, to_bool, to_int
from connector.sandbox.shop.argument import Parameter, take_int, take_text
from connector.sandbox.shop.customer import find_customer
from connector.sandbox.shop.visit import Visit

_GROUPS = frozenset({1, 2, 3})
_DEFAULTS: PhpArray = {
    "customer_id": 0,
    "customer_group_id": 0,
    "firstname": "",
    "lastname": "",
    "email": "",
    "telephone": "",
    "custom_field": {},
}
_EMAIL = Parameter("oc_validate_email", "email", "text.email", caller="customer.email")


def set_customer(visit: Visit) -> PhpArray:
    """Check the buyer sent and keep them; a wrong one leaves the one that was there.

    Whose points and coupons count is decided by the e-mail address: if it is a registered customer's, that customer is
    logged in, whatever ``customer_id`` says, and stays so for as long as the session is kept.
    """
    buyer: dict[Any, Any] = {name: visit.form.get(name, default) for name, default in _DEFAULTS.items()}
    errors: PhpArray = {}
    if to_bool(buyer["customer_id"]) and not find_customer(visit.shop, take_int(visit, buyer["customer_id"], CUSTOMER)):
        errors["warning"] = CUSTOMER_UNKNOWN
    group = buyer["customer_group_id"]
    group_id = to_int(group if to_bool(group) else visit.customer_group_id)
    if group_id not in _GROUPS:
        errors["customer_group"] = GROUP_UNKNOWN
    for name, text in (("firstname", texts.FIRSTNAME), ("lastname", texts.LASTNAME)):
        if not has_length(visit, buyer[name], 1, 32, f"customer.{name}"):
            errors[name] = text
    email = take_text(visit, buyer["email"], _EMAIL)
    if len(email) > 96 or not is_email(email):
        errors["email"] = texts.EMAIL
    if to_bool(visit.setting("config_telephone_required")) and not has_length(
        visit, buyer["telephone"], 3, 32, "customer.telephone"
    ):
        errors["telephone"] = texts.TELEPHONE
    errors |= check_custom_fields(visit, group_id, "account", "", "customer.custom_field")
    if errors:
        return {"error": errors}
    log_in(visit, email)
    visit.session["customer"] = buyer
    return {"success": texts.CUSTOMER_SUCCESS}


def log_in(visit: Visit, email: str) -> None:
    """Make the session a registered customer's, if there is one of that address who is enabled.

    Lines of the cart that were read already stay as they are.
    """
    for customer in visit.shop.customers.values():
        if customer.is_enabled and customer.seed.email.lower() == email.lower():
            visit.customer_id = customer.seed.customer_id
            visit.session["customer_id"] = str(visit.customer_id)
            break
