"""`connector routes`: which routes are delivered, and what waits on them."""

from __future__ import annotations

import getpass

import pytest

from tests.acceptance.kept import on_store, put_filled

CONFIG = """
clients:
  shop: {connector: http, base_url: "http://127.0.0.1:9/"}
incoming:
  prices: {subscriber: {client: shop, route: prices, effect: read, records: "$[*]"}, schedule: {every: 1h}}
outgoing:
  send: {publisher: {client: shop, route: orders}}
routes:
  fresh: {incoming: prices, outgoing: send}
  orders: {outgoing: send}
"""


@pytest.fixture
def routes(command):
    """`connector routes …`, with a task in every status and a route without any."""
    put_filled(command)
    command.write("shop.yaml", CONFIG)
    command.environment["CONNECTOR_CONFIG"] = "shop.yaml"
    return lambda *arguments, **options: command("routes", *arguments, **options)


def test_list(routes):
    """Every route of the configuration, then those that only have tasks: state, counts, and what is due next."""
    ran = routes("list")

    assert ran.code == 0
    head, *lines = [line.split() for line in ran.stdout.splitlines()]
    assert head[:3] == ["route", "state", "new"]
    assert [line[0] for line in lines] == ["fresh", "orders", "coupons"]
    fresh, orders, coupons = lines
    assert fresh[1:9] == ["active", *"0000000"]
    assert "in" in fresh
    assert orders[1:9] == ["active", "1", "0", "1", "1", "1", "1", "1"]
    assert coupons[-4:] == ["not", "in", "the", "configuration"]


def test_list_as_json(routes):
    """The same as JSON, with every status, and times in UTC."""
    fresh, orders, coupons = routes("list", "--output", "json").json

    assert fresh["next_at"].endswith("Z")
    assert orders["tasks"] == {
        "new": 1, "processing": 0, "finished": 1, "failed": 1, "skipped": 1, "retry": 1, "waiting": 1, "unknown": 1
    }  # fmt: skip
    assert (orders["state"], orders["is_configured"], coupons["is_configured"]) == ("active", True, False)


def test_pause_and_resume(routes):
    """A paused route says who paused it, when and why; resumed it is active again."""
    paused = routes("pause", "orders", "--reason", "stocktaking")
    listed = routes("list").stdout
    as_json = routes("list", "--output", "json").json[1]
    resumed = routes("resume", "orders", "--output", "json")

    assert (paused.code, paused.stdout) == (0, "orders: paused\n")
    assert f" by {getpass.getuser()}: stocktaking" in listed
    assert (as_json["state"], as_json["reason"], as_json["by"]) == ("paused", "stocktaking", getpass.getuser())
    assert resumed.json == [{"route": "orders", "state": "active"}]
    assert routes("list", "--output", "json").json[1]["state"] == "active"


def test_a_route_that_stopped_itself(command, routes):
    """It shows why it stopped, and goes on when it is resumed."""
    on_store(command, lambda store: store.routes.stop("orders", "the log-in failed"))

    stopped = routes("list", "--output", "json").json[1]
    routes("resume", "orders")

    assert (stopped["state"], stopped["reason"]) == ("stopped", "the log-in failed")
    assert routes("list", "--output", "json").json[1]["state"] == "active"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_name_that_no_route_has(routes, assert_clear, verb):
    """A slip of the pen changes nothing, and is told with what may have been meant."""
    ran = routes(verb, "order")

    assert ran.code == 2
    assert ran.messages[0].startswith('error: no route is called "order", there are: ')
    assert ran.messages[1] == ' cure: did you mean "orders"?'
    assert_clear(ran)


def test_a_configuration_with_faults(command, routes):
    """What is kept can be seen and changed while the configuration cannot be used."""
    command.write("shop.yaml", "routes: 5\n")

    listed = routes("list")
    paused = routes("pause", "orders")

    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["route", "coupons", "orders"]
    assert listed.messages[0].startswith("routes without tasks are not listed: the configuration has faults")
    assert (listed.code, paused.code) == (0, 0)
