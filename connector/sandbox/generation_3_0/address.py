"""The addresses of an order: what is checked, and what the session keeps."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.validation import check_custom_fields, check_names, find_trim, is_length
from connector.sandbox.php.value import PhpArray, to_int
from connector.sandbox.shop.visit import Visit

_FIELDS = ("firstname", "lastname", "company", "address_1", "address_2", "postcode", "city", "zone_id", "country_id")


def set_address(visit: Visit, kind: str, longest_city: int) -> PhpArray:
    """Check the address sent and keep it; the old one is gone already.

    Country and region are taken as they are: unknown ones give an address without names, and a region need not lie in
    its country.

    Args:
        visit: The request.
        kind: ``shipping`` or ``payment``.
        longest_city: How many characters the city may have.
    """
    for name in _FIELDS:
        visit.form.setdefault(name, "")
    errors = check_names(visit, f"api.{kind}")
    if not is_length(visit, visit.form["address_1"], 3, 128, find_trim(visit, f"api.{kind}.address_1")):
        errors["address_1"] = texts.ADDRESS_1
    if not is_length(visit, visit.form["city"], 2, longest_city):
        errors["city"] = texts.CITY
    country = visit.shop.seed.countries.get(to_int(visit.form["country_id"]))
    trim = find_trim(visit, f"api.{kind}.postcode")
    if country and country.is_postcode_required and not is_length(visit, visit.form["postcode"], 2, 10, trim):
        errors["postcode"] = texts.POSTCODE
    if visit.form["country_id"] == "":
        errors["country"] = texts.COUNTRY
    if visit.form["zone_id"] == "":
        errors["zone"] = texts.ZONE
    errors |= check_custom_fields(visit, "address", f"api.{kind}.custom_field")
    if errors:
        return {"error": errors}
    zone = visit.shop.seed.zones.get(to_int(visit.form["zone_id"]))
    visit.session[f"{kind}_address"] = {
        **{name: visit.form[name] for name in _FIELDS},
        "zone": zone.name if zone else "",
        "zone_code": zone.code if zone else "",
        "country": country.name if country else "",
        "iso_code_2": country.iso_code_2 if country else "",
        "iso_code_3": country.iso_code_3 if country else "",
        "address_format": country.address_format if country else "",
        "custom_field": visit.form.get("custom_field", {}),
    }
    return {"success": texts.ADDRESS_SUCCESS[kind]}
