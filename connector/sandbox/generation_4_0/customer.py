"""``api/sale/customer``: who buys."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.arguments import CUSTOMER, has_length
from connector.sandbox.generation_4_0.texts import CUSTOMER_UNKNOWN, GROUP_UNKNOWN
from connector.sandbox.generation_4_0.validation import check_custom_fields
from connector.sandbox.php.text import is_email
from connector.sandbox.php.value import PhpArray, to_bool, to_int
from connector.sandbox.shop.argument import take_int
from connector.sandbox.shop.customer import find_customer
from connector.sandbox.shop.visit import FIRST_GROUP, Visit

_FIELDS = ("customer_id", "customer_group_id", "firstname", "lastname", "email", "telephone")


def index(visit: Visit) -> PhpArray:
    """Set the buyer, registered or not; nobody is logged in, and a refused one leaves the old one in its place.

    The group is kept as it was sent. Sent as nothing it passes for the shop's own here, and for no group at all from
    the next request on.
    """
    for name in _FIELDS:
        visit.form.setdefault(name, "")
    form = visit.form
    errors: PhpArray = {}
    if (
        to_bool(form["customer_id"])
        and find_customer(visit.shop, take_int(visit, form["customer_id"], CUSTOMER)) is None
    ):
        errors["warning"] = CUSTOMER_UNKNOWN
    group_id = to_int(form["customer_group_id"] if to_bool(form["customer_group_id"]) else visit.customer_group_id)
    if group_id != FIRST_GROUP or not visit.has_language:
        errors["warning"] = GROUP_UNKNOWN
    errors |= _check(visit)
    errors |= check_custom_fields(visit, "account", group_id, "customer.custom_field")
    if errors:
        return {"error": errors}
    fields = form.get("custom_field")
    visit.session["customer"] = {
        **{name: form[name] for name in _FIELDS},
        "custom_field": fields if isinstance(fields, dict) else {},
    }
    visit.forget("reward")
    return {"success": texts.CUSTOMER_SUCCESS}


def _check(visit: Visit) -> PhpArray:
    form = visit.form
    errors: PhpArray = {}
    for name, text in (("firstname", texts.FIRSTNAME), ("lastname", texts.LASTNAME)):
        if not has_length(visit, form[name], 1, 32, f"customer.{name}"):
            errors[name] = text
    if not has_length(visit, form["email"], 0, 96, "customer.email") or not is_email(form["email"]):
        errors["email"] = texts.EMAIL
    least = 3 if to_bool(visit.setting("config_telephone_required")) else 0
    if not has_length(visit, form["telephone"], least, 32, "customer.telephone"):
        errors["telephone"] = texts.TELEPHONE
    return errors
