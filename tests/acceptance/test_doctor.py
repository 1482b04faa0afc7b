"""`connector doctor`."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import CONFIGS

HARMLESS = {"api/account/login", "api/login", "api/reward/maximum", "api/currency"}


@pytest.fixture
def doctor(shop_command):
    """Return what examines the practice shop and returns its report and exit code."""

    def run(**environment: str):
        ran = shop_command("doctor", "shop", "--config", CONFIGS, "--output", "json", **environment)
        (report,) = ran.json
        return report, ran.code

    return run


def pick(report, check):
    """Return the one finding of a check."""
    (finding,) = [finding for finding in report["findings"] if finding["check"] == check]
    return finding


def test_shop_in_order(shop_command, shop):
    """A shop as installed has no problem; its display of errors is a note, and nothing in it is changed."""
    ran = shop_command("doctor", "--config", CONFIGS)

    lines = ran.stdout.splitlines()
    assert ran.code == 0
    assert lines[0].startswith("erp: http at ")
    assert f"shop: opencart 3.0 at {shop.base_url}/" in lines
    assert "  ok       log-in        user and key are accepted" in lines
    assert any(line.startswith("  note     PHP messages  PHP's messages stand in answers") for line in lines)
    assert lines[-1].endswith("nothing was changed")
    assert {call["route"] for call in shop.control("calls")["calls"]} <= HARMLESS
    assert shop.orders == []


def test_display_of_errors_off(doctor, shop):
    """A shop that shows no errors has no note about them."""
    shop.control("settings", config_error_display="0")

    report, code = doctor()

    assert (pick(report, "PHP messages")["severity"], code) == ("ok", 0)


def test_php_itself_shows_errors(doctor, shop):
    """PHP's own display of errors is told from the shop's."""
    shop.control("php", display_errors=True, output_buffering=0)

    report, _ = doctor()

    assert "php.ini" in pick(report, "PHP messages")["cure"]


def test_address_that_is_not_on_the_list(doctor, shop):
    """The address is named, and the shop's word about the key is called a false clue."""
    shop.control("api-user", ips=[])

    report, code = doctor()

    finding = pick(report, "log-in")
    assert code == 1
    assert "127.0.0.1" in finding["title"]
    assert "false clue" in finding["cause"]


def test_user_that_is_off(doctor, shop):
    """A user that is off is one of three causes, which the shop does not tell apart."""
    shop.control("api-user", enabled=False)

    report, code = doctor()

    assert code == 1
    assert "switched off" in pick(report, "log-in")["cause"]


def test_wrong_key_does_not_show(shop_command):
    """A refused key stands in no output."""
    ran = shop_command("doctor", "shop", "--config", CONFIGS, SHOP_KEY="a-wrong-key-1234 ")

    assert ran.code == 1
    assert "key of the client has blanks" in ran.stdout
    assert "a-wrong-key-1234" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        ({"status": 503, "headers": {"Retry-After": "60"}}, "answer", "out of service"),
        ({"status": 301, "headers": {"Location": "/en/index.php?route=api/login"}}, "redirect", "/en/"),
        ({"status": 401, "headers": {"WWW-Authenticate": "Basic"}}, "answer", "password"),
        ({"html": True}, "answer", "API"),
        ({"drop_before_processing": True}, "address", "no whole answer"),
    ],
    ids=["busy", "redirect", "password", "page", "dropped"],
)
def test_answers_that_are_none_of_a_shop(doctor, shop, fault, check, words):
    """What stands between this machine and the shop is told from what the shop says."""
    shop.control("faults", calls=10, **fault)

    report, code = doctor()

    shop.control("faults", clear=True)
    finding = pick(report, check)
    assert (finding["severity"], code) == ("problem", 1)
    assert words in f"{finding['title']} {finding['cause']} {finding['cure']}"


def test_shop_in_maintenance(doctor, shop):
    """The shop's own maintenance mode leaves the API alone."""
    shop.control("settings", config_maintenance="1")

    _, code = doctor()

    assert code == 0


def test_nobody_listens(doctor):
    """A port that nobody listens on is told without a word about keys."""
    report, code = doctor(SHOP_URL="http://127.0.0.1:1/")

    assert code == 1
    assert [finding["check"] for finding in report["findings"]] == ["address"]


def test_unknown_client(shop_command, assert_clear):
    """A client that is not there is usage."""
    ran = shop_command("doctor", "shap", "--config", CONFIGS)

    assert ran.code == 2
    assert_clear(ran)
