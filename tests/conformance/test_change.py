"""What notes about shop changes are taken to mean."""

import pytest

from tests.conformance.change import UnknownChangeError, read_change


@pytest.mark.parametrize(
    ("note", "controls"),
    [
        ("config_maintenance=1", [("settings", {"config_maintenance": "1"})]),
        ("shop setting config_stock_checkout = '1'", [("settings", {"config_stock_checkout": "1"})]),
        ("config_error_display=0 (the installer sets 1)", [("settings", {"config_error_display": "0"})]),
        (
            "PHP itself with display_errors=1 and output_buffering=0 (a development php.ini)",
            [("php", {"display_errors": True, "output_buffering": 0})],
        ),
        ("api_session row is 61 minutes old (idle)", [("expire", {"what": "token", "minutes": 61.0})]),
        ("the token row is 2 hours old", [("expire", {"what": "token", "minutes": 120.0})]),
        (
            "session data is past its lifetime (1440 s) while the token row (1 h) is still there",
            [("expire", {"what": "session", "minutes": 25})],
        ),
        (
            "cart row is 61 minutes old; the session has been kept alive by requests",
            [("expire", {"what": "cart", "minutes": 61.0})],
        ),
        ("59 minutes pass since the last call of every token", [("expire", {"what": "token", "minutes": 59.0})]),
        (
            "61 minutes pass since the cart line was added, the token being used in between",
            [("expire", {"what": "cart", "minutes": 61.0})],
        ),
        ("shop setting config_telephone_required absent", [("settings", {"config_telephone_required": None})]),
        ("custom fields exist: 901 (account, text), 902 (address, text)", [("custom-fields", {})]),
        ("61 minutes pass since the last call", [("clock", {"advance_s": 3660.0})]),
        ("API user switched off", [("api-user", {"enabled": False})]),
        ("API user Second is enabled again", [("api-user", {"username": "Second", "enabled": True})]),
        ("IP back; api_session row deleted", [("api-user", {"ips": ["127.0.0.1"]}), ("revoke", {})]),
        (
            "bank_transfer payment extension installed and enabled (as installed, only cod exists)",
            [("payment", {"bank_transfer": True})],
        ),
        (
            "shipping method pickup (free) and payment method bank_transfer are enabled too",
            [("payment", {"bank_transfer": True}), ("shipping", {"pickup": True})],
        ),
        (
            "both payment methods switched off",
            [("payment", {"cod": False, "free_checkout": False, "bank_transfer": False})],
        ),
        ("flat rate limited to geo zone 3 (UK VAT zone)", [("settings", {"shipping_flat_geo_zone_id": "3"})]),
        ("gift voucher GIFT25 raised to 1000.00", [("voucher", {"code": "GIFT25", "amount": "1000.00"})]),
        ("product 33 switched off", [("product", {"product_id": 33, "enabled": False})]),
        ("stock of product 40 set to 1", [("product", {"product_id": 40, "quantity": 1})]),
        ("mail by SMTP to a host that refuses the connection", [("mail", {"broken": True})]),
        ("the database refuses connections", [("database", {"up": False})]),
        ("the database is back", [("database", {"up": True})]),
    ],
)
def test_note_is_understood(note, controls):
    """A note turns into the controls that do what it says."""
    assert read_change(note) == controls


def test_custom_fields_of_a_note():
    """Fields a note describes are made as described."""
    note = "required custom fields: 1 account/text with validation /^[0-9]+$/, 7 address/text"

    ((control, fields),) = read_change(note)

    assert control == "custom-fields"
    assert [(row["custom_field_id"], row["location"], row["validation"]) for row in fields["fields"]] == [
        (1, "account", "/^[0-9]+$/"),
        (7, "address", ""),
    ]


@pytest.mark.parametrize(
    "note",
    [
        "the logo is blue",
        "config_maintenance=1; the logo is blue",
        "payment method paypal is enabled",
    ],
)
def test_note_is_not_understood(note):
    """A note of which a part means nothing known is refused as a whole."""
    with pytest.raises(UnknownChangeError):
        read_change(note)
