"""``api/sale/payment_address`` and ``api/sale/shipping_address``: the addresses of an order."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.arguments import ZONE, has_length
from connector.sandbox.generation_4_0.texts import NOTHING_TO_SHIP
from connector.sandbox.generation_4_0.validation import check_custom_fields
from connector.sandbox.php.value import PhpArray, to_int
from connector.sandbox.shop.argument import take_int
from connector.sandbox.shop.visit import Visit

_FIELDS = ("firstname", "lastname", "company", "address_1", "address_2", "postcode", "city", "zone_id", "country_id")
_LENGTHS = (
    ("firstname", 1, 32, texts.FIRSTNAME),
    ("lastname", 1, 32, texts.LASTNAME),
    ("address_1", 3, 128, texts.ADDRESS_1),
    ("city", 2, 128, texts.CITY),
)


def set_payment(visit: Visit) -> PhpArray:
    """Set the payment address; the cart does not matter."""
    return _set(visit, "payment")


def set_shipping(visit: Visit) -> PhpArray:
    """Set the shipping address, if there is something to ship."""
    if not visit.cart.has_shipping():
        return {"error": {"warning": NOTHING_TO_SHIP}}
    return _set(visit, "shipping")


def _set(visit: Visit, kind: str) -> PhpArray:
    for name in _FIELDS:
        visit.form.setdefault(name, "")
    form = visit.form
    errors: PhpArray = {
        name: text
        for name, least, most, text in _LENGTHS
        if not has_length(visit, form[name], least, most, f"{kind}.{name}")
    }
    country = visit.shop.seed.countries.get(to_int(form["country_id"]))
    if country and country.is_postcode_required and not has_length(visit, form["postcode"], 2, 10, f"{kind}.postcode"):
        errors["postcode"] = texts.POSTCODE
    if form["country_id"] == "":
        errors["country"] = texts.COUNTRY
    if form["zone_id"] == "":
        errors["zone"] = texts.ZONE
    errors |= check_custom_fields(visit, "address", visit.customer_group_id, f"{kind}.custom_field")
    if errors:
        return {"error": errors}
    zone = visit.shop.seed.zones.get(take_int(visit, form["zone_id"], ZONE))
    visit.session[f"{kind}_address"] = {
        "address_id": visit.field(f"{kind}_address_id", fault=f"{kind}.address_id"),
        **{name: form[name] for name in _FIELDS},
        "zone": zone.name if zone else "",
        "zone_code": zone.code if zone else "",
        "country_id": to_int(form["country_id"]),
        "country": country.name if country else "",
        "iso_code_2": country.iso_code_2 if country else "",
        "iso_code_3": country.iso_code_3 if country else "",
        "address_format": country.address_format if country else "",
        "custom_field": form.get("custom_field", {}),
    }
    return {"success": texts.ADDRESS_SUCCESS[kind]}
