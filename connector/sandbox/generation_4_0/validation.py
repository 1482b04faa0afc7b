"""The checks on the shop's own fields, which several routes share."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.validation import peek
from connector.sandbox.generation_4_0.texts import NOT_VALID
from connector.sandbox.php.pattern import matches
from connector.sandbox.php.value import PhpArray, to_bool, to_int
from connector.sandbox.shop.seed import CustomField
from connector.sandbox.shop.visit import FIRST_GROUP, Visit


def check_custom_fields(visit: Visit, location: str, group_id: Any, fault: str) -> PhpArray:
    """Return what is wrong with the shop's own fields of a place (``account`` or ``address``), by field.

    Args:
        visit: The request.
        location: Which fields are asked for.
        group_id: The buyer's customer group; one that is none has all fields, and none of them required.
        fault: Where this route reads them.
    """
    group = to_int(group_id)
    given = visit.form.get("custom_field")
    errors: PhpArray = {}
    for custom in visit.shop.custom_fields if group in {0, FIRST_GROUP} else ():
        if custom.location != location:
            continue
        if group and custom.is_required and not to_bool(peek(given, custom.custom_field_id)):
            errors[f"custom_field_{custom.custom_field_id}"] = texts.REQUIRED.format(custom.name)
        elif custom.kind == "text" and custom.validation and not _is_valid(visit, custom, given, fault):
            errors[f"custom_field_{custom.custom_field_id}"] = NOT_VALID.format(custom.name)
    return errors


def _is_valid(visit: Visit, custom: CustomField, given: Any, fault: str) -> bool:
    value = peek(given, custom.custom_field_id)
    if isinstance(value, dict):
        message = "preg_match(): Argument #2 ($subject) must be of type string, array given"
        raise visit.fail(fault, message)
    if given is None:
        visit.warn(fault, 'Undefined array key "custom_field"')
        visit.warn(fault, "Trying to access array offset on value of type null")
    elif isinstance(given, dict) and value is None:
        visit.warn(fault, f"Undefined array key {custom.custom_field_id}")
    if value is None:
        message = "preg_match(): Passing null to parameter #2 ($subject) of type string is deprecated"
        visit.warn(fault, message, "Unknown")
    return matches(custom.validation, value or "")
