"""`connector echo`."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import CONFIGS

SHOP = """clients:
  shop:
    connector: opencart
    base_url: ${SHOP_URL:http://shop.test/}
    username: ${SHOP_USER:Default}
    key: ${SHOP_KEY}
    headers: {authorization: Basic c2VjcmV0}
    timeout: {total: 30s}
"""


@pytest.fixture
def echo(command):
    """Return a run of `connector echo` over a configuration with values from everywhere."""
    command.write("shop.yaml", SHOP)
    command.write(".env", "SHOP_USER=Second\n")
    command.write("key.txt", "a-very-secret-key\n")
    command.environment |= {"SHOP_KEY_FILE": str(command.folder / "key.txt"), "CONNECTOR_CONFIG": "shop.yaml"}
    return lambda *arguments, **environment: command("echo", *arguments, **environment)


def test_every_value_has_its_origin(echo, command):
    """Each value is shown with where it came from, built-in defaults included."""
    ran = echo("--output", "json", SHOP_URL="http://other.test/")

    assert ran.code == 0
    settings = {setting["where"]: (setting["value"], setting["origin"]) for setting in ran.json}
    assert settings["clients.shop.base_url"] == ("http://other.test/", "environment SHOP_URL")
    assert settings["clients.shop.username"] == ("Second", ".env SHOP_USER")
    assert settings["clients.shop.key"] == ("***", f"file {command.folder / 'key.txt'} (SHOP_KEY_FILE)")
    assert settings["clients.shop.timeout.total"] == ("30s", "shop.yaml:8:22")
    assert settings["clients.shop.timeout.connect"] == ("10s", "built-in default")
    assert settings["clients.shop.headers.authorization"][0] == "***"


def test_default_in_the_file(echo):
    """A default written beside the variable is told with its place."""
    ran = echo("clients.shop.base_url")

    assert ran.stdout.splitlines()[1].split(None, 2) == [
        "clients.shop.base_url",
        "http://shop.test/",
        "default in shop.yaml:4:15",
    ]


@pytest.mark.parametrize(("written", "shown"), [("5m", "5m"), ("90s", "1m30s"), ("20", 20)])
def test_what_may_be_a_duration_or_a_number_is_shown_as_it_is_written(command, written, shown):
    """The overlap of a cursor has its unit where it is a duration."""
    command.write(
        "erp.yaml",
        f"""clients: {{erp: {{connector: http, base_url: "http://erp.test/"}}}}
incoming:
  orders:
    subscriber: {{client: erp, route: orders, effect: read, data: {{from: "{{{{ state.cursor }}}}"}}}}
    state: {{cursor: $.changed, overlap: {written}}}
""",
    )

    ran = command("echo", "incoming.orders.state.overlap", "--config", "erp.yaml", "--output", "json")

    assert [setting["value"] for setting in ran.json] == [shown]


def test_secrets_do_not_show(echo):
    """Neither the key nor the password in a header shows in any form of output."""
    shown = echo().stdout + echo("--output", "json").stdout

    assert "a-very-secret-key" not in shown
    assert "c2VjcmV0" not in shown


def test_of_the_examples(command):
    """The whole example configuration can be echoed."""
    ran = command("echo", "--config", CONFIGS)

    assert ran.code == 0
    assert "routes.place-orders.retry.backoff.longest" in ran.stdout


def test_nothing_below(echo):
    """A place that does not exist is a fault of what was typed, in both forms of output."""
    for form in ("text", "json"):
        ran = echo("suppliers", "--output", form)

        assert (ran.code, ran.stdout) == (2, "")
        assert ran.messages == ["error: nothing stands below suppliers"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("clients.shop.kye", "clients.shop.key"),
        ("client.shop", "clients.shop"),
        ("clients.shop.timout", "clients.shop.timeout"),
    ],
)
def test_what_may_have_been_meant(echo, typed, meant):
    """A place with a typing error is answered with the one that is most like it, a value or what is around some."""
    ran = echo(typed)

    assert ran.code == 2
    assert ran.messages[1:] == [f' cure: did you mean "{meant}"?']
