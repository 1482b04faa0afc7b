"""``api/sale/voucher*``: gift vouchers to pay with, and gift vouchers to buy."""

import secrets

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.arguments import AMOUNT, has_length
from connector.sandbox.generation_4_0.texts import (
    VOUCHER_INVALID,
    VOUCHER_REMOVED,
    VOUCHER_SUCCESS,
    VOUCHER_TITLE,
    VOUCHER_UNKNOWN,
)
from connector.sandbox.php.form import next_key
from connector.sandbox.php.text import is_email
from connector.sandbox.php.value import PhpArray, compare, to_bool, to_int
from connector.sandbox.shop.argument import take_float, to_text
from connector.sandbox.shop.visit import Visit
from connector.sandbox.shop.voucher import find_voucher

_FIELDS = ("from_name", "from_email", "to_name", "to_email", "voucher_theme_id", "message", "amount")


def index(visit: Visit) -> PhpArray:
    """Use a gift voucher, or none; one that cannot pay leaves the old one in its place."""
    code = to_text(visit, visit.field("voucher"), "voucher")
    if not to_bool(code):
        visit.forget("voucher")
        return {"success": VOUCHER_REMOVED}
    if not visit.has_language or find_voucher(visit, code) is None:
        return {"error": VOUCHER_INVALID}
    visit.session["voucher"] = visit.form["voucher"]
    return {"success": VOUCHER_SUCCESS}


def add(visit: Visit) -> PhpArray:
    """Put a gift voucher into the cart; its theme is not checked."""
    for name in _FIELDS:
        visit.form.setdefault(name, "")
    errors = _check(visit)
    if errors:
        return {"error": errors}
    form = visit.form
    base = visit.setting("config_currency")
    amount = visit.currencies.convert(take_float(visit, form["amount"], AMOUNT), visit.currency, base)
    vouchers = visit.session.get("vouchers")
    if not isinstance(vouchers, dict):
        vouchers = visit.session["vouchers"] = {}
    vouchers[next_key(vouchers)] = {
        "code": secrets.token_hex(16),
        "description": VOUCHER_TITLE.format(visit.currencies.format(amount), form["to_name"]),
        **{name: form[name] for name in ("to_name", "to_email", "from_name", "from_email", "voucher_theme_id")},
        "message": form["message"],
        "amount": amount,
    }
    return {"success": texts.CART_SUCCESS}


def remove(visit: Visit) -> PhpArray:
    """Take a gift voucher out of the cart by the place it was put in, which is not the one the cart lists."""
    key = visit.field("key")
    vouchers = visit.session.get("vouchers")
    if key is None or not isinstance(vouchers, dict) or vouchers.pop(to_int(key), None) is None:
        return {"error": VOUCHER_UNKNOWN}
    visit.forget("reward")
    return {"success": texts.CART_SUCCESS}


def _check(visit: Visit) -> PhpArray:
    errors: PhpArray = {}
    for side, text in (("from", texts.VOUCHER_FROM_NAME), ("to", texts.VOUCHER_TO_NAME)):
        if not has_length(visit, visit.form[f"{side}_name"], 1, 64, f"voucher.{side}_name"):
            errors[f"{side}_name"] = text
        email = visit.form[f"{side}_email"]
        if not has_length(visit, email, 0, 96, f"voucher.{side}_email") or not is_email(email):
            errors[f"{side}_email"] = texts.EMAIL
    least, most = visit.setting("config_voucher_min"), visit.setting("config_voucher_max")
    amount = visit.form["amount"]
    if compare(amount, least) < 0 or compare(amount, most) > 0:
        errors["amount"] = texts.VOUCHER_AMOUNT.format(visit.currencies.format(least), visit.currencies.format(most))
    return errors
