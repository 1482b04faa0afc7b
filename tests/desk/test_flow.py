"""The way of a route's records, as it is drawn."""

from __future__ import annotations

from connector import load
from connector.desk.flow import FlowCall, describe_flow, read_flow, read_flows
from tests.desk.installation import configure


def test_a_flow_goes_from_incoming_over_steps_to_outgoing():
    """Where records come from, what is done to them in order, and what is called with them."""
    config = configure([{"remove": ["x"]}, {"filter": "{{ record.code }}"}], key="{{ record.code }}")
    config["incoming"]["feed"]["schedule"] = {"every": "1h"}

    flow = read_flow(load(config, environment={}), "orders", now_ms=1_800_000_000_000)

    assert (flow.source.origin, flow.source.name, flow.source.schedule) == ("subscriber", "feed", "every 1h")
    assert flow.source.call == FlowCall("erp", "orders", (), "read")
    assert flow.source.next_at_ms == 1_800_000_000_000 // 3_600_000 * 3_600_000 + 3_600_000
    assert [(step.owner, step.kind) for step in flow.steps] == [
        ("incoming", "set"),
        ("route", "remove"),
        ("route", "filter"),
        ("outgoing", "set"),
    ]
    assert (flow.outgoing, flow.call.client, flow.call.entity, flow.call.effect) == (
        "apply",
        "shop",
        "coupon.apply",
        "session",
    )
    assert flow.key == "{{ record.code }}"


def test_a_webhook_shows_its_address_and_how_senders_are_known():
    """Of a webhook the flow has the path and the way of authentication, and no secret."""
    config = configure()
    config["incoming"]["feed"] = {"webhook": {"path": "/orders", "auth": {"bearer": {"token": "not-to-be-shown"}}}}

    flow = read_flow(load(config, environment={}), "orders")

    assert (flow.source.origin, flow.source.path, flow.source.auth) == ("webhook", "/hooks/orders", "bearer")
    assert "not-to-be-shown" not in str(describe_flow(flow))


def test_a_route_without_an_incoming_is_pushed_to():
    """Where nothing is fetched, records come by pushes."""
    config = configure()
    del config["routes"]["orders"]["incoming"]

    (flow,) = read_flows(load(config, environment={}))

    assert flow.source.origin == "push"
