"""Notes about changes made to a shop by hand, read as what they mean: calls of the practice shop's controls.

The notes are prose. Each pattern stands for a meaning and is tried on every part of a note (parts are divided by
semicolons, what stands in brackets explains); a part that no pattern knows makes the whole note unknown, so that
nothing is ever replayed on a shop that is not as it was.
"""

import re
from collections.abc import Callable
from typing import Any

from connector.sandbox.shop.seed import CUSTOM_FIELDS

Control = tuple[str, dict[str, Any]]
"""A control's name and its fields."""

Meaning = Callable[["re.Match[str]"], Control]


class UnknownChangeError(Exception):
    """A note says something no pattern knows."""


def read_change(note: str) -> list[Control]:
    """Return the control calls a note stands for, in its order.

    Raises:
        UnknownChangeError: Part of the note has no known meaning.
    """
    controls: list[Control] = []
    for part in re.split(r";\s*", re.sub(r"\s\([^)]*\)", "", note).strip()):
        found = [(match, meaning) for pattern, meaning in _MEANINGS if (match := pattern.search(part))]
        if not found and not _EXPLAINS.match(part):
            raise UnknownChangeError(part)
        controls += [meaning(match) for match, meaning in found]
    return controls


def _run(control: str, **fields: Any) -> Meaning:
    """Return a meaning that always runs one control.

    A field given as a function is read from the match, and left out when that gives None.
    """

    def read(match: "re.Match[str]") -> Control:
        values = {name: value(match) if callable(value) else value for name, value in fields.items()}
        return control, {name: value for name, value in values.items() if value is not None}

    return read


def _number(group: str) -> Callable[["re.Match[str]"], int]:
    return lambda match: int(match[group])


def _text(group: str) -> Callable[["re.Match[str]"], str | None]:
    return lambda match: match[group] or None


def _assign(match: "re.Match[str]") -> Control:
    value = match.groupdict().get("value")
    return "settings", {match["key"]: None if value is None else value.strip("'\"")}


def _minutes(match: "re.Match[str]") -> float:
    return float(match["number"]) * {"s": 1 / 60, "m": 1, "h": 60}[match["unit"][0].lower()]


def _seconds(match: "re.Match[str]") -> float:
    return 60 * _minutes(match)


def _change_php(match: "re.Match[str]") -> Control:
    fields: dict[str, Any] = {"display_errors": match["errors"].lower() in {"1", "on"}}
    if buffering := re.search(r"output_buffering\s*=?\s*(\d+|off)", match.string, re.IGNORECASE):
        fields["output_buffering"] = int(buffering[1]) if buffering[1].isdigit() else 0
    return "php", fields


def _require_fields(match: "re.Match[str]") -> Control:
    """Read ``1 account/text with validation /^[0-9]+$/, 2 address/text``; without any such, the shop's own two."""
    names = {custom.custom_field_id: custom.name for custom in CUSTOM_FIELDS}
    rows = [
        {
            "custom_field_id": int(row["id"]),
            "location": row["location"],
            "name": names.get(int(row["id"]), f"Field {row['id']}"),
            "kind": row["kind"],
            "validation": row["validation"] or "",
        }
        for row in _FIELD.finditer(match.string)
    ]
    return "custom-fields", {"fields": rows} if rows else {}


_FIELD = re.compile(
    r"(?P<id>\d+) (?P<location>account|address)/(?P<kind>\w+)(?: with validation (?P<validation>/\S+/[a-z]*))?"
)
_EXPLAINS = re.compile(r"\s*(?:the session (?:has been |was |is )?kept alive.*)?\Z", re.IGNORECASE)
"""Parts that explain and change nothing."""

_BE = r"(?: (?:is|are|was|were))?"
_ON = r"(?:switched |turned |set |put )?(?:back )?(?:on|enabled|active|installed|allowed)\b"
_OFF = r"(?:switched |turned |set )?(?:off|disabled|inactive|uninstalled)\b"
_KEY = r"(?:shop setting )?\b(?P<key>(?:config|payment|shipping|total)_[a-z0-9_]+)"
_VALUE = r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s,;]+)"
_TIME = r"(?P<number>\d+)\s*(?P<unit>s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:ours?)?)\b"
_USER = rf"API user(?: (?P<username>(?!switched|turned|set|put|is\b|was\b|disabled|enabled)\w+))?{_BE} "
_LIMITED = rf"flat rate(?: shipping)?{_BE} (?:limited|restricted) to"
_NO_METHODS = rf"\b(?:both|all|every|no)\b.*{{}} methods?{_BE} (?:{_OFF}|available)"

_SETTINGS: list[tuple[str, Meaning]] = [
    (rf"{_KEY}\s*=\s*{_VALUE}", _assign),
    (rf"{_KEY}{_BE} absent", _assign),
    (rf"maintenance mode{_BE} {_ON}", _run("settings", config_maintenance="1")),
    (rf"maintenance mode{_BE} {_OFF}", _run("settings", config_maintenance="0")),
    (r"display_errors\s*=?\s*(?P<errors>1|0|on|off)\b", _change_php),
]

_AGES: list[tuple[str, Meaning]] = [
    (rf"(?:api_session|token) rows?{_BE} {_TIME}", _run("expire", what="token", minutes=_minutes)),
    (rf"(?:^|\s)(?:oc_)?session rows?{_BE} {_TIME}", _run("expire", what="session", minutes=_minutes)),
    (r"session (?:data|file)s?\b.*(?:past|expired|collected)", _run("expire", what="session", minutes=25)),
    (rf"^{_TIME} pass since the last call of every token", _run("expire", what="token", minutes=_minutes)),
    (rf"^{_TIME} pass since the cart line was added", _run("expire", what="cart", minutes=_minutes)),
    (rf"cart (?:row|line)s?{_BE} {_TIME}", _run("expire", what="cart", minutes=_minutes)),
    (rf"^{_TIME} (?:pass|have passed|later)(?!.*(?:every token|cart line))", _run("clock", advance_s=_seconds)),
    (rf"(?:api_session|token) rows?{_BE} (?:deleted|removed|gone)|tokens? revoked", _run("revoke")),
]

_USERS: list[tuple[str, Meaning]] = [
    (_USER + _ON, _run("api-user", username=_text("username"), enabled=True)),
    (_USER + _OFF, _run("api-user", username=_text("username"), enabled=False)),
    (rf"\bIP(?: address)?{_BE} (?:removed|taken off|gone)", _run("api-user", ips=[])),
    (rf"\bIP(?: address)?{_BE} (?:put )?(?:back|added|restored)", _run("api-user", ips=["127.0.0.1"])),
    (
        r"IP list(?: of API user (?P<username>\w+))? is (?P<ips>[\d., ]+\d)",
        _run(
            "api-user",
            username=_text("username"),
            ips=lambda match: re.split(r"[, ]+", match["ips"]),
        ),
    ),
]

_OFFERS: list[tuple[str, Meaning]] = [
    (_NO_METHODS.format("payment"), _run("payment", cod=False, free_checkout=False, bank_transfer=False)),
    (_NO_METHODS.format("shipping"), _run("shipping", flat=False, pickup=False)),
    (rf"{_LIMITED} geo ?zone (?P<zone>\d+)", _run("settings", shipping_flat_geo_zone_id=_text("zone"))),
    (rf"{_LIMITED} (?:the )?(?:United Kingdom|UK)\b", _run("settings", shipping_flat_geo_zone_id="4")),
    (rf"flat rate(?: shipping)?{_BE} everywhere", _run("settings", shipping_flat_geo_zone_id="0")),
    (r"^custom fields exist", _run("custom-fields")),
    (rf"required custom fields|custom fields?(?: \d+)*{_BE} required", _require_fields),
    (rf"coupon (?P<code>\w+){_BE} {_ON}", _run("coupon", code=_text("code"), enabled=True)),
    (rf"coupon (?P<code>\w+){_BE} {_OFF}", _run("coupon", code=_text("code"), enabled=False)),
    (rf"voucher (?P<code>\w+){_BE} {_ON}", _run("voucher", code=_text("code"), enabled=True)),
    (rf"voucher (?P<code>\w+){_BE} {_OFF}", _run("voucher", code=_text("code"), enabled=False)),
    (
        rf"voucher (?P<code>\w+){_BE} (?:raised|lowered|set|changed) to (?P<amount>\d+(?:\.\d+)?)",
        _run("voucher", code=_text("code"), amount=_text("amount")),
    ),
    (rf"customer (?P<id>\d+){_BE} {_ON}", _run("customer", customer_id=_number("id"), enabled=True)),
    (rf"customer (?P<id>\d+){_BE} {_OFF}", _run("customer", customer_id=_number("id"), enabled=False)),
    (rf"product (?P<id>\d+){_BE} {_ON}", _run("product", product_id=_number("id"), enabled=True)),
    (rf"product (?P<id>\d+){_BE} {_OFF}", _run("product", product_id=_number("id"), enabled=False)),
    (
        rf"(?:stock|quantity) of product (?P<id>\d+){_BE}(?: set| changed)?(?: to)? (?P<count>-?\d+)",
        _run("product", product_id=_number("id"), quantity=_number("count")),
    ),
    (
        r"product (?P<id>\d+)(?: has|(?:'s)? (?:stock|quantity)(?: is| set to)?) (?P<count>-?\d+)",
        _run("product", product_id=_number("id"), quantity=_number("count")),
    ),
]

_MACHINE: list[tuple[str, Meaning]] = [
    (r"mail\b.*(?:refuses|refused|nothing listens|unreachable|broken)", _run("mail", broken=True)),
    (r"mail\b.*(?:works|is back|repaired)", _run("mail", broken=False)),
    (rf"database{_BE} (?:refuses|refused|down|unreachable|stopped)", _run("database", up=False)),
    (rf"database{_BE} (?:back|up again)", _run("database", up=True)),
]

_METHODS: list[tuple[str, str, str]] = [
    ("payment", "cod", r"cod|cash on delivery"),
    ("payment", "free_checkout", r"free[ _]checkout"),
    ("payment", "bank_transfer", r"bank[ _]transfer"),
    ("shipping", "flat", r"flat(?: rate)?"),
    ("shipping", "pickup", r"pick-?up"),
]
_BETWEEN = "|".join(["payment|shipping|methods?|extension|and|is|are|was|were", *(names for _, _, names in _METHODS)])
_SWITCHES: list[tuple[str, Meaning]] = [
    (rf"\b(?:{names})\b,?(?: (?:{_BETWEEN})\b,?)* {state}", meaning)
    for group, code, names in _METHODS
    for state, meaning in ((_ON, _run(group, **{code: True})), (_OFF, _run(group, **{code: False})))
]

_MEANINGS = [
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (*_SETTINGS, *_AGES, *_USERS, *_OFFERS, *_MACHINE, *_SWITCHES)
]
