"""Where to, and who pays: the two addresses of an order."""

from typing import Any

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import NOTHING_TO_SHIP
from connector.sandbox.generation_4_1.arguments import ZONE, has_length
from connector.sandbox.generation_4_1.custom_field import check_custom_fields
from connector.sandbox.php.value import PhpArray, to_bool, to_int
from connector.sandbox.shop.argument import take_int, to_text
from connector.sandbox.shop.visit import Visit

_LENGTHS = (
    ("firstname", 1, 32, texts.FIRSTNAME),
    ("lastname", 1, 32, texts.LASTNAME),
    ("address_1", 3, 128, texts.ADDRESS_1),
    ("city", 2, 128, texts.CITY),
)
_TEXTS = ("firstname", "lastname", "company", "address_1", "address_2", "postcode", "city")


def set_address(visit: Visit, kind: str) -> PhpArray:
    """Check the address sent and keep it; a wrong one leaves the one that was there.

    A region may be any, and of any country, but where the country has regions one must be named.

    Args:
        visit: The request.
        kind: ``payment`` or ``shipping``.
    """
    if kind == "shipping" and not visit.cart.has_shipping():
        return {"error": {"warning": NOTHING_TO_SHIP}}
    address: dict[Any, Any] = {name: visit.form.get(f"{kind}_{name}", "") for name in _TEXTS}
    address |= {name: visit.form.get(f"{kind}_{name}", 0) for name in ("address_id", "zone_id", "country_id")}
    errors: PhpArray = {
        f"{kind}_{name}": text
        for name, least, most, text in _LENGTHS
        if not _has_length(visit, kind, name, address[name], least, most)
    }
    country = visit.shop.seed.countries.get(to_int(address["country_id"]))
    if country is None:
        errors[f"{kind}_country"] = texts.COUNTRY
    elif country.is_postcode_required and not _has_length(visit, kind, "postcode", address["postcode"], 2, 10):
        errors[f"{kind}_postcode"] = texts.POSTCODE
    has_zones = any(zone.country_id == to_int(address["country_id"]) for zone in visit.shop.seed.zones.values())
    if has_zones and not to_bool(address["zone_id"]):
        errors[f"{kind}_zone"] = texts.ZONE
    group_id = to_int(visit.customer_group_id)
    errors |= check_custom_fields(visit, group_id, "address", f"{kind}_", f"{kind}.custom_field")
    if errors:
        return {"error": errors}
    zone_id = take_int(visit, address["zone_id"], ZONE)
    visit.session[f"{kind}_address"] = {**address, "country_id": to_int(address["country_id"]), "zone_id": zone_id}
    return {"success": texts.ADDRESS_SUCCESS[kind]}


def _has_length(visit: Visit, kind: str, name: str, value: Any, least: int, most: int) -> bool:
    """Measure a text; the code of the payment address casts it first, that of the shipping address does not."""
    if kind == "payment":
        value = to_text(visit, value, f"payment.{name}")
    return has_length(visit, value, least, most, f"{kind}.{name}")
