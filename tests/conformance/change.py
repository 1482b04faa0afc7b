"""Notes about changes made to a shop by hand, read as what they mean: calls of the practice shop's controls.

The notes are prose. Each pattern stands for a meaning and is tried on every part of a note (parts are divided by
semicolons); a part that no pattern knows makes the whole note unknown, so that nothing is ever replayed on a shop that
is not as it was.
"""

import re
from collections.abc import Callable
from typing import Any

from connector.sandbox.shop.seed import DEFAULT_USERNAME, SETTINGS

Control = tuple[str, dict[str, Any]]
"""A control's name and its fields."""

_Meaning = Callable[["re.Match[str]"], "list[Control]"]

_ON = r"(?:switched |turned |set )?(?:back )?(?:on|enabled|active|installed|allowed)"
_OFF = r"(?:switched |turned |set )?(?:off|disabled|inactive|uninstalled|removed)"
_PAYMENT = {"cod": r"cod|cash on delivery", "free_checkout": r"free[ _]checkout", "bank_transfer": r"bank[ _]transfer"}
_SHIPPING = {"flat": r"flat(?:[ _]rate)?", "pickup": r"pick-?up"}


class UnknownChangeError(Exception):
    """A note says something no pattern knows."""


def read_change(note: str) -> list[Control]:
    """Return the control calls a note stands for, in its order.

    Raises:
        UnknownChangeError: Part of the note has no known meaning.
    """
    controls: list[Control] = []
    for part in re.split(r";\s*", _strip_asides(note)):
        if not part or _ASIDE.search(part):
            continue
        found = [(match, meaning) for pattern, meaning in _MEANINGS if (match := pattern.search(part))]
        if not found:
            raise UnknownChangeError(part)
        for match, meaning in found:
            controls += meaning(match)
    return controls


def _strip_asides(note: str) -> str:
    return re.sub(r"\([^)]*\)", "", note).strip()


_ASIDE = re.compile(r"^\s*the session (?:has been |was |is )?kept alive", re.IGNORECASE)
"""Parts that explain and change nothing."""


def _setting(key: str, value: str | None) -> Control:
    return "settings", {key: value}


def _assign(match: "re.Match[str]") -> list[Control]:
    return [_setting(_check_key(match), match["value"].strip("'\" "))]


def _check_key(match: "re.Match[str]") -> str:
    if match["key"] not in SETTINGS:
        raise UnknownChangeError(match[0])
    return match["key"]


def _switch_user(*, is_on: bool) -> _Meaning:
    return lambda match: [("api-user", {"username": _read_username(match), "enabled": is_on})]


def _read_username(match: "re.Match[str]") -> str:
    return match["username"] or DEFAULT_USERNAME


def _switch_methods(group: str, codes: list[str], *, is_on: bool) -> _Meaning:
    return lambda _match: [(group, dict.fromkeys(codes, is_on))]


def _limit_flat(match: "re.Match[str]") -> list[Control]:
    return [_setting("shipping_flat_geo_zone_id", match["zone"] or "4")]


def _read_minutes(match: "re.Match[str]", default: int) -> float:
    number = match.groupdict().get("number")
    if number is None:
        return default
    unit = {"s": 1 / 60, "m": 1, "h": 60}[match["unit"][0].lower()]
    return float(number) * unit


def _expire(what: str, default: int) -> _Meaning:
    return lambda match: [("expire", {"what": what, "minutes": _read_minutes(match, default)})]


def _advance(match: "re.Match[str]") -> list[Control]:
    return [("clock", {"advance_s": 60 * _read_minutes(match, 0)})]


def _change_product(match: "re.Match[str]") -> list[Control]:
    groups = match.groupdict()
    fields: dict[str, Any] = {"product_id": int(match["id"])}
    if groups.get("quantity"):
        fields["quantity"] = int(match["quantity"])
    else:
        fields["enabled"] = bool(groups.get("on"))
    return [("product", fields)]


def _change_php(match: "re.Match[str]") -> list[Control]:
    fields: dict[str, Any] = {"display_errors": match["errors"].lower() in {"1", "on", "true"}}
    buffering = re.search(r"output_buffering\s*=?\s*(\d+|off)", match.string, re.IGNORECASE)
    if buffering:
        fields["output_buffering"] = int(buffering[1]) if buffering[1].isdigit() else 0
    return [("php", fields)]


_AGE = r"(?:is|are|was|were)?\s*(?P<number>\d+)\s*(?P<unit>s(?:econds?|ecs?)?|m(?:inutes?|ins?)?|h(?:ours?)?)\b"
_KEY = r"(?P<key>(?:config|payment|shipping|total)_[a-z0-9_]+)"
_USER = r"API user(?: (?P<username>(?!switched|turned|is\b|disabled|enabled)\w+))?(?: is)?"
_TABLE: list[tuple[str, _Meaning]] = [
    # What the shop's own settings say, under their own names.
    (_KEY + r"\s*=\s*(?P<value>'[^']*'|\"[^\"]*\"|[^\s,;]+)", _assign),
    (_KEY + r" (?:is )?absent", lambda match: [_setting(_check_key(match), None)]),
    (r"(?<!display )maintenance mode(?: is)? " + _ON, lambda _match: [_setting("config_maintenance", "1")]),
    (r"(?<!display )maintenance mode(?: is)? " + _OFF, lambda _match: [_setting("config_maintenance", "0")]),
    # PHP itself.
    (r"display_errors\s*=?\s*(?P<errors>1|0|on|off)\b", _change_php),
    # Sessions, tokens and carts grown old.
    (r"(?:api_session|token) rows? " + _AGE, _expire("token", 61)),
    (r"session (?:data|row|file)s?\b.*(?:past (?:its|their) lifetime|expired|collected)", _expire("session", 25)),
    (r"(?:^|\s)(?:oc_)?session rows? " + _AGE, _expire("session", 25)),
    (r"cart (?:row|line)s? " + _AGE, _expire("cart", 61)),
    (r"^" + _AGE.replace("(?:is|are|was|were)?\\s*", "") + r" (?:pass|later|have passed)", _advance),
    (r"api_session rows? (?:is |are |was |were )?(?:deleted|removed|gone)|tokens? revoked", lambda _match: [("revoke", {})]),
    # Users and addresses.
    (_USER + r" " + _ON, _switch_user(is_on=True)),
    (_USER + r" " + _OFF, _switch_user(is_on=False)),
    (r"\bIP(?: address)? (?:is |was )?(?:removed|taken off|gone)", lambda _match: [("api-user", {"ips": []})]),
    (r"\bIP(?: address)? (?:is |was |put )?(?:back|added|restored)", lambda _match: [("api-user", {"ips": ["127.0.0.1"]})]),
    (
        r"IP list(?: of API user (?P<username>\w+))? is (?P<ips>[\d., ]+\d)",
        lambda match: [("api-user", {"username": _read_username(match), "ips": re.split(r"[, ]+", match["ips"])})],
    ),
    # What the shop offers.
    (r"(?:both|all|every|no)\b.*payment methods?(?: are| is)? (?:switched )?(?:off|disabled|available)",
     _switch_methods("payment", ["cod", "free_checkout"], is_on=False)),
    (r"(?:both|all|every|no)\b.*shipping methods?(?: are| is)? (?:switched )?(?:off|disabled|available)",
     _switch_methods("shipping", ["flat"], is_on=False)),
    (r"flat rate(?: shipping)? (?:is )?(?:limited|restricted) to (?:geo ?zone (?P<zone>\d+)|the United Kingdom|the UK)", _limit_flat),
    (r"flat rate(?: shipping)? (?:is )?(?:everywhere|unlimited)", lambda _match: [_setting("shipping_flat_geo_zone_id", "0")]),
    (r"required custom fields|custom fields? (?:\d+ )?(?:is |are )?required", lambda _match: [("custom-fields", {})]),
    (
        r"gift voucher (?P<code>\w+) (?:is |was )?(?:raised|set|changed|lowered) to (?P<amount>\d+(?:\.\d+)?)",
        lambda match: [("voucher", {"code": match["code"], "amount": match["amount"]})],
    ),
    (r"gift voucher (?P<code>\w+) (?:is )?" + _OFF, lambda match: [("voucher", {"code": match["code"], "enabled": False})]),
    (r"gift voucher (?P<code>\w+) (?:is )?" + _ON, lambda match: [("voucher", {"code": match["code"], "enabled": True})]),
    (r"coupon (?P<code>\w+) (?:is )?" + _OFF, lambda match: [("coupon", {"code": match["code"], "enabled": False})]),
    (r"coupon (?P<code>\w+) (?:is )?" + _ON, lambda match: [("coupon", {"code": match["code"], "enabled": True})]),
    (r"customer (?P<id>\d+) (?:is )?" + _OFF, lambda match: [("customer", {"customer_id": int(match["id"]), "enabled": False})]),
    (r"customer (?P<id>\d+) (?:is )?" + _ON, lambda match: [("customer", {"customer_id": int(match["id"]), "enabled": True})]),
    (r"product (?P<id>\d+) (?:is )?" + _OFF, _change_product),
    (r"product (?P<id>\d+) (?:is )?(?P<on>" + _ON + ")", _change_product),
    (r"(?:stock|quantity) of product (?P<id>\d+) (?:is |set |changed )?(?:to )?(?P<quantity>-?\d+)", _change_product),
    (r"product (?P<id>\d+)(?:'s)? (?:has|stock|quantity)(?: is| set to)? (?P<quantity>-?\d+)", _change_product),
    # The machine around the shop.
    (r"mail\b.*(?:refuses|refused|nothing listens|unreachable|broken)", lambda _match: [("mail", {"broken": True})]),
    (r"mail\b.*(?:works|is back|repaired)", lambda _match: [("mail", {"broken": False})]),
    (r"database (?:refuses|is down|unreachable|is stopped)", lambda _match: [("database", {"up": False})]),
    (r"database (?:is )?(?:back|up again)", lambda _match: [("database", {"up": True})]),
]  # fmt: skip
for _group, _codes in (("payment", _PAYMENT), ("shipping", _SHIPPING)):
    for _code, _names in _codes.items():
        _TABLE += [
            (rf"\b(?:{_names})\b(?: \w+){{0,3}} (?:and |are |is )*{_ON}", _switch_methods(_group, [_code], is_on=True)),
            (
                rf"\b(?:{_names})\b(?: \w+){{0,3}} (?:and |are |is )*{_OFF}",
                _switch_methods(_group, [_code], is_on=False),
            ),
        ]

_MEANINGS = [(re.compile(pattern, re.IGNORECASE), meaning) for pattern, meaning in _TABLE]
