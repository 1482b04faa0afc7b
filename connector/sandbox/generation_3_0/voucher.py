"""``api/voucher`` and ``api/voucher/add``: gift vouchers to pay with, and gift vouchers to buy."""

import random
from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.cart import METHODS
from connector.sandbox.generation_3_0.validation import is_length
from connector.sandbox.php.text import is_email
from connector.sandbox.php.value import PhpArray, compare, describe_type, to_key
from connector.sandbox.shop.visit import Visit
from connector.sandbox.shop.voucher import find_voucher

_FIELDS = ("from_name", "from_email", "to_name", "to_email", "voucher_theme_id", "message", "amount")
_NEEDED = ("code", "to_name", "to_email", "from_name", "from_email", "voucher_theme_id", "message", "amount")


def index(visit: Visit) -> PhpArray:
    """Put a gift voucher in the place of the old one, which is gone even if the new one cannot pay."""
    visit.forget("voucher")
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    code = visit.field("voucher")
    if find_voucher(visit, "" if code is None else code) is None:
        return {"error": texts.VOUCHER_INVALID}
    visit.session["voucher"] = code
    return {"success": texts.VOUCHER_SUCCESS}


def add(visit: Visit) -> PhpArray:
    """Put a gift voucher into the cart after checking it, or replace them all, dropping those with gaps."""
    if not visit.is_permitted:
        return {"error": {"warning": texts.PERMISSION}}
    for name in _FIELDS:
        visit.form.setdefault(name, "")
    if visit.field("voucher") is not None:
        _replace(visit, visit.field("voucher"))
    elif errors := _check(visit):
        return {"error": errors}
    else:
        _keep(visit, random.randrange(2**31), visit.form)  # noqa: S311 - a key of the session, not a secret
    visit.forget(*METHODS)
    return {"success": texts.CART_SUCCESS}


def _check(visit: Visit) -> PhpArray:
    errors: PhpArray = {}
    for side, text in (("from", texts.VOUCHER_FROM_NAME), ("to", texts.VOUCHER_TO_NAME)):
        if not is_length(visit, visit.form[f"{side}_name"], 1, 64):
            errors[f"{side}_name"] = text
        email = visit.form[f"{side}_email"]
        if not is_length(visit, email, 0, 96) or not is_email(email):
            errors[f"{side}_email"] = texts.EMAIL
    least, most = visit.setting("config_voucher_min"), visit.setting("config_voucher_max")
    amount = visit.form["amount"]
    if compare(amount, least) < 0 or compare(amount, most) > 0:
        errors["amount"] = texts.VOUCHER_AMOUNT.format(visit.currencies.format(least), visit.currencies.format(most))
    return errors


def _replace(visit: Visit, entries: Any) -> None:
    visit.session["vouchers"] = {}
    if not isinstance(entries, dict):
        kind = describe_type(entries)
        visit.warn("api.voucher.list", f"foreach() argument must be of type array|object, {kind} given")
        return
    for entry in entries.values():
        if isinstance(entry, dict) and all(name in entry for name in _NEEDED):
            _keep(visit, entry["code"], entry)


def _keep(visit: Visit, code: Any, entry: PhpArray) -> None:
    base = visit.setting("config_currency")
    shown = visit.currencies.format(visit.currencies.convert(entry["amount"], visit.currency, base))
    to_name = entry["to_name"]
    if isinstance(to_name, dict):
        visit.warn("api.voucher.title", "Array to string conversion")
        to_name = "Array"
    voucher = {
        "code": code,
        "description": texts.VOUCHER_TITLE.format(shown, to_name),
        **{name: entry[name] for name in _NEEDED[1:-1]},
        "amount": visit.currencies.convert(entry["amount"], visit.currency, base),
    }
    if isinstance(code, dict):
        raise visit.fail("api.voucher.code", "Illegal offset type")
    if not isinstance(visit.session.get("vouchers"), dict):
        visit.session["vouchers"] = {}
    visit.session["vouchers"][to_key(code)] = voucher
