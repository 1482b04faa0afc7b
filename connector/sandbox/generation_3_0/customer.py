"""``api/customer``: who buys."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.validation import check_custom_fields, check_names, is_length
from connector.sandbox.php.text import is_email
from connector.sandbox.php.value import PhpArray, contains, to_bool
from connector.sandbox.shop.customer import find_customer, log_in
from connector.sandbox.shop.visit import Visit

FIELDS = ("customer_id", "customer_group_id", "firstname", "lastname", "email", "telephone")


def index(visit: Visit, fields: tuple[str, ...] = FIELDS, unknown: str = texts.CUSTOMER_UNKNOWN) -> PhpArray:
    """Put a buyer in the place of the old one, who is gone even if the new one is refused.

    A registered customer is logged in from here on, also when another field is wrong, and stays so: the cart is theirs
    from now on, and a guest set later buys from it.

    Args:
        visit: The request.
        fields: What is kept of a buyer.
        unknown: What to say of a customer there is not.
    """
    visit.forget("customer")
    if not visit.is_permitted:
        return {"error": {"warning": texts.PERMISSION}}
    for name in fields:
        visit.form.setdefault(name, "")
    errors: PhpArray = {}
    if to_bool(visit.form["customer_id"]):
        customer = find_customer(visit.shop, visit.form["customer_id"])
        if customer is None or not log_in(visit, customer):
            errors["warning"] = unknown
    errors |= check_names(visit, "api.customer")
    if not is_length(visit, visit.form["email"], 0, 96) or not is_email(visit.form["email"]):
        errors["email"] = texts.EMAIL
    if not is_length(visit, visit.form["telephone"], 3, 32):
        errors["telephone"] = texts.TELEPHONE
    errors |= check_custom_fields(visit, "account", "api.customer.custom_field")
    if errors:
        return {"error": errors}
    group_id = visit.form["customer_group_id"]
    if not contains(visit.shop.list_setting("config_customer_group_display"), group_id):
        group_id = visit.setting("config_customer_group_id")
    visit.session["customer"] = {
        **{name: visit.form[name] for name in fields},
        "customer_group_id": group_id,
        "custom_field": visit.form.get("custom_field", {}),
    }
    return {"success": texts.CUSTOMER_SUCCESS}
