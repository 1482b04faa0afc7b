"""`connector check`."""

from __future__ import annotations

from tests.acceptance.conftest import CONFIGS


def test_each_client_is_named_with_its_dialect(shop_command, shop):
    """A log-in that works names connector, dialect and address; a client without log-in is not called."""
    ran = shop_command("check", "--config", CONFIGS)

    assert ran.code == 0
    erp, own = ran.stdout.splitlines()
    assert erp == "erp: http at https://erp.example.com/api/: has no log-in, nothing was asked"
    assert own.startswith(f"shop: opencart 3.0 at {shop.base_url}/: logged in (")


def test_one_client_as_json(shop_command):
    """A client can be chosen, and the finding is an object of a list."""
    ran = shop_command("check", "shop", "--config", CONFIGS, "--output", "json")

    (finding,) = ran.json
    assert ran.code == 0
    assert (finding["client"], finding["dialect"], finding["verdict"]) == ("shop", "3.0", "ok")
    assert finding["duration_ms"] > 0


def test_a_refusal_is_a_finding(shop_command):
    """A refused log-in comes with reason and cure, and exit code 1; the key does not show."""
    ran = shop_command("check", "shop", "--config", CONFIGS, SHOP_KEY="a-wrong-key-1234")

    assert ran.code == 1
    verdict, reason, cure = ran.stdout.splitlines()
    assert verdict.endswith(": denied")
    assert reason.startswith("  reason: the log-in failed: ")
    assert cure.startswith("  cure: ")
    assert "a-wrong-key-1234" not in ran.stdout + ran.stderr


def test_unknown_client(shop_command, assert_clear):
    """A client that is not there is usage."""
    ran = shop_command("check", "shap", "--config", CONFIGS)

    assert ran.code == 2
    assert ran.messages == ['error: no client is called "shap", there are: erp, shop', ' cure: did you mean "shop"?']
