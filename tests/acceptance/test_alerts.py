"""`connector alerts`: who is told, and whether messages arrive."""

from __future__ import annotations

import pytest

from connector.testing.server import Reply
from tests.acceptance.conftest import ServerThread

CONFIG = """
clients: {{erp: {{connector: http, base_url: "http://127.0.0.1:9/"}}}}
routes: {{orders: {{outgoing: {{publisher: {{client: erp, route: orders}}}}}}}}
alerts:
  chat: {{url: "{url}hooks/s3cr3t-hook", on: [route_stopped, failures], repeat: 4h}}
  pager: {{url: "{url}pager", routes: [orders], secret: s3cr3t-sign}}
"""


@pytest.fixture
def configure(command):
    """Write a configuration whose receivers are at an address."""

    def write(url: str) -> None:
        command.write("alerts.yaml", CONFIG.format(url=url))
        command.environment["CONNECTOR_CONFIG"] = "alerts.yaml"

    return write


def test_test_messages_arrive(command, configure):
    """Every receiver, or the one that is named, is sent a message that says it is a test."""
    with ServerThread(lambda _request: Reply(204, body=b"")) as server:
        configure(server.url)

        every, one = command("alerts", "test"), command("alerts", "test", "pager")

    assert (every.code, every.stdout) == (0, "chat: told (204)\npager: told (204)\n")
    assert (one.code, one.stdout) == (0, "pager: told (204)\n")
    assert [request.path for request in server.requests] == ["/hooks/s3cr3t-hook", "/pager", "/pager"]
    assert all(request.json["is_test"] and request.json["alarms"] == [] for request in server.requests)
    assert ["x-connector-signature" in request.headers for request in server.requests] == [False, True, True]


def test_receiver_that_refuses_is_told(command, configure):
    """A receiver that takes nothing is an error with a cure, in which its address does not stand."""
    with ServerThread(lambda _request: Reply(404, body=b"no_such_hook")) as server:
        configure(server.url)

        ran, as_json = command("alerts", "test", "chat"), command("alerts", "test", "chat", "--output", "json")

    assert (ran.code, as_json.code) == (1, 1)
    assert "error: chat could not be told: it answered 404: no_such_hook" in ran.stderr
    assert "cure: see whether the address still holds" in ran.stderr
    assert as_json.json[0]["is_told"] is False
    assert "s3cr3t" not in ran.stdout + ran.stderr + as_json.stdout


def test_list(command, configure):
    """Who is told of what, for people and for programs, without the addresses."""
    configure("http://127.0.0.1:9/")

    ran, as_json = command("alerts", "list"), command("alerts", "list", "--output", "json")

    assert ran.stdout.splitlines() == [
        "chat",
        "  on      route_stopped, failures above 10% within 15m of at least 20",
        "  routes  all",
        "  repeat  4h",
        "pager",
        (
            "  on      route_stopped, unknown_outcome, fetch_failed, failures above 10% within 15m of at least 20, "
            "queue_age above 30m"
        ),
        "  routes  orders",
        "  repeat  never",
    ]
    assert [alert["is_signed"] for alert in as_json.json] == [False, True]
    assert "s3cr3t" not in ran.stdout + as_json.stdout


def test_name_that_nobody_has(command, configure):
    """A name that no alert has is told, with the one that may have been meant."""
    configure("http://127.0.0.1:9/")

    ran = command("alerts", "test", "chatt")

    assert ran.code != 0
    assert 'no alert is called "chatt"' in ran.stderr
    assert 'did you mean "chat"?' in ran.stderr


def test_nobody_to_be_told(command):
    """Where the configuration tells nobody, that is said."""
    command.write("bare.yaml", CONFIG.format(url="http://127.0.0.1:9/").partition("alerts:")[0])

    listed = command("alerts", "list", "--config", "bare.yaml")
    tested = command("alerts", "test", "--config", "bare.yaml")

    assert (listed.code, tested.code) == (0, 2)
    assert "nobody is told" in listed.stderr
    assert "the configuration tells nobody" in tested.stderr


def test_addresses_are_not_echoed(command, configure):
    """Neither address nor secret stands in the effective configuration."""
    configure("http://127.0.0.1:9/")

    ran = command("echo")

    assert "alerts.chat.url" in ran.stdout
    assert "s3cr3t" not in ran.stdout
