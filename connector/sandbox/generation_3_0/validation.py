"""The checks on names, addresses and the shop's own fields that several routes share."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.php.pattern import matches
from connector.sandbox.php.text import strip_blanks
from connector.sandbox.php.value import PhpArray, describe_type, to_bool, to_key
from connector.sandbox.shop.seed import CustomField
from connector.sandbox.shop.visit import Visit


def is_length(visit: Visit, value: Any, least: int, most: int, trimmed_at: str | None = None) -> bool:
    """Say whether text has a number of characters, both ends included; escaped characters count as they stand.

    Args:
        visit: The request.
        value: The text.
        least: How many it needs.
        most: How many it may have.
        trimmed_at: Where blanks at its ends are taken off first, if they are; None for nowhere.

    Raises:
        PhpFatalError: The value is an array.
    """
    if not isinstance(value, str):
        function, fault = ("mb_strlen", "text.length") if trimmed_at is None else ("trim", trimmed_at)
        kind = describe_type(value)
        raise visit.fail(fault, f"{function}(): Argument #1 ($string) must be of type string, {kind} given")
    return least <= len(strip_blanks(value) if trimmed_at else value) <= most


def find_trim(visit: Visit, fault: str) -> str | None:
    """Return where a generation takes the blanks off a field, None for one that took them off on arrival."""
    return None if visit.ways.trims_fields else fault


def check_names(visit: Visit, place: str) -> PhpArray:
    """Return what is wrong with the fields ``firstname`` and ``lastname``, by field.

    Args:
        visit: The request.
        place: The route that checks them.
    """
    errors: PhpArray = {}
    for name, text in (("firstname", texts.FIRSTNAME), ("lastname", texts.LASTNAME)):
        if not is_length(visit, visit.form[name], 1, 32, find_trim(visit, f"{place}.{name}")):
            errors[name] = text
    return errors


def check_custom_fields(visit: Visit, location: str, fault: str) -> PhpArray:
    """Return what is wrong with the shop's own fields of a place (``account`` or ``address``), by field.

    Args:
        visit: The request.
        location: Which fields are asked for.
        fault: Where this route reads them.
    """
    errors: PhpArray = {}
    for custom in visit.shop.custom_fields:
        if custom.location != location:
            continue
        given = visit.form.get("custom_field")
        is_missing = custom.is_required and not to_bool(peek(given, custom.custom_field_id))
        if is_missing or (custom.kind == "text" and custom.validation and not _is_valid(visit, custom, given, fault)):
            errors[f"custom_field{custom.custom_field_id}"] = texts.REQUIRED.format(custom.name)
    return errors


def peek(given: Any, field_id: int) -> Any:
    """Return the value of one of the shop's own fields, None when it was not sent; of text, a character of it."""
    if isinstance(given, dict):
        return given.get(to_key(field_id))
    if isinstance(given, str):
        return given[field_id : field_id + 1]
    return None


def _is_valid(visit: Visit, custom: CustomField, given: Any, fault: str) -> bool:
    value = peek(given, custom.custom_field_id)
    if given is None:
        visit.warn(fault, 'Undefined array key "custom_field"')
        visit.warn(fault, "Trying to access array offset on value of type null")
    elif isinstance(given, dict) and value is None:
        visit.warn(fault, f"Undefined array key {custom.custom_field_id}")
    elif isinstance(given, str) and not value:
        visit.warn(fault, f"Uninitialized string offset {custom.custom_field_id}")
    if isinstance(value, dict):
        return False
    text = value or ""
    return matches(custom.validation, text) and to_bool(text)
