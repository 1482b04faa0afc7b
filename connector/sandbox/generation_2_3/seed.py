"""What a shop of 2.3 starts with: that of 3.0, but for names that have changed in the world since."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from connector.sandbox.shop.seed import Seed, Zone, build_users, load_countries, load_zones

_COUNTRIES: Final = {126: "FYROM", 202: "Swaziland"}
_ITALY: Final = 105
_EMIRATES: Final = 221
_ZONES: Final = (
    Zone(3506, _EMIRATES, "Abu Dhabi", "ADH"),
    Zone(3507, _EMIRATES, "'Ajman", "AJ"),
    Zone(3509, _EMIRATES, "Ash Shariqah", "SH"),
    Zone(3511, _EMIRATES, "R'as al Khaymah", "RK"),
    Zone(3862, _ITALY, "Carbonia-Iglesias", "CI"),
    Zone(3895, _ITALY, "Medio Campidano", "VS"),
    Zone(3902, _ITALY, "Ogliastra", "OG"),
    Zone(3903, _ITALY, "Olbia-Tempio", "OT"),
)
_LATER_ZONES: Final = frozenset({4236, 4237, 4238})


def build_seed(key: str, ips: tuple[str, ...]) -> Seed:
    """Return the seed.

    Args:
        key: The key of the API user ``Default``; the keys of the others are made from it.
        ips: Addresses the API users may call from.
    """
    seed = Seed(build_users(key, ips))
    renamed = {country_id: replace(load_countries()[country_id], name=name) for country_id, name in _COUNTRIES.items()}
    zones = {zone_id: zone for zone_id, zone in load_zones().items() if zone_id not in _LATER_ZONES}
    return replace(
        seed,
        settings={**seed.settings, "config_invoice_prefix": "INV-2013-00"},
        countries=MappingProxyType({**load_countries(), **renamed}),
        zones=MappingProxyType({**zones, **{zone.zone_id: zone for zone in _ZONES}}),
    )
