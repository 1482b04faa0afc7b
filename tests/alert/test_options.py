"""What stands under `alerts`."""

from __future__ import annotations

from typing import Any

import pytest

from connector import load
from connector.alert.judge import Conditions, FailureRate
from connector.errors import ConfigError

MINUTE_MS = 60_000


def configure(**alert: Any) -> dict[str, Any]:
    """Return a configuration with one route and one alert."""
    return {
        "clients": {"erp": {"connector": "http", "base_url": "http://127.0.0.1:9/"}},
        "routes": {"orders": {"outgoing": {"publisher": {"client": "erp", "route": "orders"}}}},
        "alerts": {"chat": {"url": "https://chat.example/hooks/s3cr3t-hook", **alert}},
    }


def list_faults(**alert: Any) -> list[str]:
    """Return what is said of an alert."""
    with pytest.raises(ConfigError) as caught:
        load(configure(**alert))
    return [f"{fault.where}: {fault.message}" for fault in caught.value.faults]


def test_everything_is_told_where_nothing_is_chosen() -> None:
    """Without `on`, everything is told, with the figures that hold where none are written."""
    plan = load(configure()).alerts["chat"]

    assert plan.conditions == Conditions(
        route_stopped=True,
        unknown_outcome=True,
        fetch_failed=True,
        failures=FailureRate(0.1, 15 * MINUTE_MS, 20),
        queue_age_ms=30 * MINUTE_MS,
    )
    assert (plan.routes, plan.repeat_ms, plan.is_text_alone) == (None, None, False)


def test_figures_are_taken() -> None:
    """Figures of conditions, routes, repetition and form are what is carried out."""
    written = configure(
        on=["unknown_outcome", {"failures": {"above": "2.5%", "within": "1h", "at_least": 5}}, {"queue_age": {}}],
        routes=["orders"],
        repeat="4h",
        format="text",
        secret="s3cr3t-sign",
    )

    plan = load(written).alerts["chat"]

    assert plan.conditions == Conditions(
        unknown_outcome=True, failures=FailureRate(0.025, 60 * MINUTE_MS, 5), queue_age_ms=30 * MINUTE_MS
    )
    assert (plan.routes, plan.repeat_ms, plan.is_text_alone) == (frozenset({"orders"}), 240 * MINUTE_MS, True)
    assert plan.secrets == ("https://chat.example/hooks/s3cr3t-hook", "s3cr3t-sign")


def test_addresses_are_shown_nowhere() -> None:
    """Address and secret of a receiver stand in no `repr`."""
    plan = load(configure(secret="s3cr3t-sign")).alerts["chat"]

    assert "s3cr3t" not in repr(plan)


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        ({"url": "ftp://chat.example"}, "alerts.chat.url: found text of 18 characters, accepted is an address that"),
        ({"url": "https://"}, "alerts.chat.url: found text of 8 characters, accepted is an address that"),
        ({"on": []}, "alerts.chat.on: "),
        ({"on": ["route_stoped"]}, 'alerts.chat.on[0]: found text "route_stoped", accepted is one of route_stopped'),
        ({"on": [{"failures": {"above": 10}}]}, "alerts.chat.on[0].failures.above: found the number 10, accepted is"),
        ({"on": [{"failures": {"above": "100%"}}]}, "alerts.chat.on[0].failures.above: "),
        ({"on": [{"failures": {"within": "30s"}}]}, "alerts.chat.on[0].failures.within: "),
        ({"on": [{"failures": {}, "queue_age": {}}]}, "alerts.chat.on[0]: found both of failures and queue_age"),
        ({"on": [{"queue_age": {"above": "10s"}}]}, "alerts.chat.on[0].queue_age.above: "),
        ({"on": ["failures", {"failures": {}}]}, "alerts.chat.on[1]: failures stands here twice"),
        ({"repeat": "10s"}, "alerts.chat.repeat: "),
        ({"routes": ["order"]}, 'alerts.chat.routes[0]: no route is called "order", there are: orders'),
        ({"to": "me"}, "alerts.chat.to: unknown key"),
    ],
)
def test_faults_are_told_where_they_are(alert: dict[str, Any], said: str) -> None:
    """What cannot be carried out is a fault, at its own place."""
    (fault,) = list_faults(**alert)

    assert fault.startswith(said)
