"""The fields a shop adds to customers and addresses."""

from html import unescape
from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import NOT_VALID
from connector.sandbox.php.pattern import matches
from connector.sandbox.php.value import PhpArray, to_bool
from connector.sandbox.shop.argument import Parameter, take_text
from connector.sandbox.shop.seed import CustomField
from connector.sandbox.shop.visit import FIRST_GROUP, Visit


def check_custom_fields(visit: Visit, group_id: int, location: str, prefix: str, caller: str) -> PhpArray:
    """Return what is wrong with the shop's own fields of a place (``account`` or ``address``), by field.

    Args:
        visit: The request.
        group_id: The customer group they are asked of: the first has them, of no group all are, and none is required.
        location: Which fields are asked for.
        prefix: What stands in front of the fields' names.
        caller: Where they are checked.

    Raises:
        PhpFatalError: A field that is to match a pattern is missing and was not required, or is an array.
    """
    errors: PhpArray = {}
    if group_id not in {0, FIRST_GROUP}:
        return errors
    given = visit.form.get(f"{prefix}custom_field", {})
    for custom in visit.shop.custom_fields:
        if custom.location != location:
            continue
        name = f"{prefix}custom_field_{custom.custom_field_id}"
        value = given.get(custom.custom_field_id) if isinstance(given, dict) else None
        if custom.is_required and group_id and not to_bool(value):
            errors[name] = texts.REQUIRED.format(custom.name)
        elif custom.kind == "text" and custom.validation and not _is_valid(visit, given, custom, caller):
            errors[name] = NOT_VALID.format(custom.name)
    return errors


def _is_valid(visit: Visit, given: Any, custom: CustomField, caller: str) -> bool:
    field_id = custom.custom_field_id
    if isinstance(given, dict):
        value = given.get(field_id)
        if value is None:
            visit.warn(caller, f"Undefined array key {field_id}")
    else:
        value = given[field_id : field_id + 1]
        if not value:
            visit.warn(caller, f"Uninitialized string offset {field_id}")
    text = take_text(visit, value, Parameter("oc_validate_regex", "string", "text.pattern", caller=caller))
    return matches(unescape(custom.validation), text)
