"""Webhooks as part of a configuration: what is checked, shown and run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector import load
from connector.app.doctor.usage import list_uses
from connector.app.echo import list_settings
from connector.app.runtime import open_project
from connector.errors import ConfigError, SubscriberError, UnknownNameError
from connector.store.rows import TaskFilter, TaskStatus
from connector.store.store import open_store
from tests.store.stage import take

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECTOR = str(Path(sys.executable).parent / "connector")


def configure(webhook: Any, **more: Any) -> dict[str, Any]:
    """Return a configuration with a webhook that feeds a route."""
    return {
        "clients": {"erp": {"connector": "http", "base_url": "http://erp.test/"}},
        "incoming": {"orders": {"webhook": webhook, **more}},
        "routes": {
            "place": {
                "incoming": "orders",
                "outgoing": {"publisher": {"client": "erp", "route": "orders"}},
                "key": "{{ record.id }}",
            }
        },
    }


BEARER = {"bearer": {"token": "a-secret-token"}}
SOUND = {"path": "/orders", "auth": BEARER}


def find_faults(config: dict[str, Any]) -> list[str]:
    """Return the faults of a configuration."""
    with pytest.raises(ConfigError) as caught:
        load(config)
    return [f"{fault.where}: {fault.message}" for fault in caught.value.faults]


def add_second(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with a second webhook of the same path."""
    config["incoming"]["more"] = {"webhook": SOUND}
    return config


FAULTS: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "both": (
        lambda: configure(SOUND, subscriber={"client": "erp", "route": "orders"}),
        "incoming.orders: found both of subscriber and webhook, accepted is exactly one",
    ),
    "neither": (
        lambda: {"clients": {}, "incoming": {"orders": {}}},
        "incoming.orders: found neither of subscriber and webhook, accepted is exactly one",
    ),
    "a schedule": (
        lambda: configure(SOUND, schedule={"every": "5m"}),
        "incoming.orders.schedule: schedule goes with subscriber",
    ),
    "a state": (
        lambda: configure(SOUND, state={"cursor": "$.at"}),
        "incoming.orders.state: state goes with subscriber",
    ),
    "no auth": (lambda: configure({"path": "/orders"}), 'incoming.orders.webhook: the key "auth" is required'),
    "two kinds of auth": (
        lambda: configure({"path": "/orders", "auth": {**BEARER, "none": {}}}),
        "incoming.orders.webhook.auth: found bearer and none, accepted is exactly one of",
    ),
    "an unknown key": (lambda: configure({**SOUND, "pth": 1}), "incoming.orders.webhook.pth: "),
    "no mapping": (lambda: configure("/orders"), "incoming.orders.webhook: found "),
    "a path twice": (
        lambda: add_second(configure(SOUND)),
        "incoming.more.webhook.path: incoming.orders.webhook has this path already",
    ),
    "an empty secret": (
        lambda: configure({"path": "/orders", "auth": {"bearer": {"token": ""}}}),
        "incoming.orders.webhook.auth.bearer.token",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_meant_is_a_fault(name: str) -> None:
    """At its place, when the configuration is checked."""
    make, message = FAULTS[name]

    assert any(fault.startswith(message) for fault in find_faults(make()))


@pytest.mark.parametrize(
    ("webhook", "message"),
    [
        ({"path": "/hooks/orders", "auth": {"bearer": {"token": "abcdefgh"}}}, "it is served at /hooks/hooks/orders"),
        ({"path": "/orders", "auth": {"none": {}}}, "whoever reaches /hooks/orders may send records"),
        (
            {
                "path": "/orders",
                "auth": {"hmac": {"header": "X-S", "secret": "abcdefgh"}},
                "delivery_id": {"header": "X-Id"},
            },
            "the id is not signed",
        ),
    ],
)
def test_what_is_most_likely_not_meant_is_warned_of(webhook: dict[str, Any], message: str) -> None:
    """It works all the same."""
    assert any(message in warning.message for warning in load(configure(webhook)).warnings)


def test_a_sound_webhook_is_warned_of_for_nothing() -> None:
    """Also with a route without a key: a delivery that comes twice is known."""
    config = configure(SOUND)
    config["routes"]["place"].pop("key")

    assert load(config).warnings == ()


def test_a_webhook_that_nobody_takes_is_warned_of() -> None:
    """What is sent to it is refused."""
    config = configure(SOUND)
    config["routes"] = {}

    assert [warning.message for warning in load(config).warnings] == [
        "no route takes its records, so what is sent is refused"
    ]


def test_secrets_are_not_shown() -> None:
    """The effective configuration has every key of it, and no secret."""
    settings = {setting.where: setting.value for setting in list_settings(load(configure(SOUND)))}

    assert settings["incoming.orders.webhook.auth.bearer.token[0]"] == "***"
    assert settings["incoming.orders.webhook.window"] == "1d"


def test_the_doctor_looks_at_calls_alone() -> None:
    """A webhook makes none."""
    uses = list(list_uses(load(configure(SOUND)), "erp"))

    assert [use.is_publisher for use in uses] == [True]


async def test_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    """Whoever tries is told where the records are sent."""
    project = load(configure(SOUND))
    async with open_store(tmp_path / "w.db") as store, open_project(project) as runtime:
        with pytest.raises(SubscriberError, match="sent in to /hooks/orders"):
            await runtime.ingest(store).fetch("orders")
        with pytest.raises(SubscriberError, match="sent in to /hooks/orders"):
            await runtime.route("place").run()


async def test_what_could_not_be_shaped_is_shaped_anew_by_the_steps_of_the_incoming(tmp_path: Path) -> None:
    """As for fetched records, once somebody asks for a new try."""
    broken = configure(SOUND, transform=[{"set": {"id": "{{ record.number + 1 }}"}}])
    mended = configure(SOUND, transform=[{"set": {"id": "N{{ record.number }}"}}])
    async with open_store(tmp_path / "w.db") as store:
        async with open_project(load(broken)) as runtime:
            flour = runtime.ingest(store).mill(incoming="orders").grind([{"number": "seven"}])
            await store.tasks.ingest(flour.tasks, token="one")
        assert flour.failed == 1
        await store.tasks.retry(TaskFilter(statuses=(TaskStatus.FAILED,)))
        (claimed,) = await take(store, route="place")
        async with open_project(load(mended)) as runtime:
            (made,) = runtime.ingest(store).reshape(claimed)

    assert (made.key, made.source) == ("Nseven", "incoming.orders")


async def test_a_route_that_is_not_there_has_no_mill(tmp_path: Path) -> None:
    """It is told by its name."""
    async with open_store(tmp_path / "w.db") as store, open_project(load(configure(SOUND))) as runtime:
        with pytest.raises(UnknownNameError, match="nothing"):
            runtime.ingest(store).mill(route="nothing")


def test_run_says_where_the_records_are_sent(tmp_path: Path) -> None:
    """And `run` of its route delivers what was kept, which is nothing here."""
    (tmp_path / "c.yaml").write_text(
        """
clients: {erp: {connector: http, base_url: "http://127.0.0.1:9/"}}
incoming: {orders: {webhook: {path: /orders, auth: {bearer: {token: a-secret-token}}}}}
routes: {place: {incoming: orders, outgoing: {publisher: {client: erp, route: orders}}}}
"""
    )

    ran = [
        subprocess.run(
            [CONNECTOR, "--config", "c.yaml", "run", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        for words in (["orders"], ["place", "--dry-run"], ["place"])
    ]

    assert [one.returncode for one in ran] == [2, 2, 0]
    assert "sent in to /hooks/orders, and cannot be fetched" in ran[0].stderr
    assert "connector push place" in ran[1].stderr
