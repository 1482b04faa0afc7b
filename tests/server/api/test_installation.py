"""Routes, incomings, clients, catalog, configuration, activity and audit through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import load
from connector.desk.route import describe_route, read_routes
from connector.sandbox.server import SandboxServer
from tests.server.api.stage import configure, open_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.api.stage import Stage


async def test_routes_are_those_of_the_command_line(filled: Stage):
    """`connector routes list --output json` and the API tell the same."""
    told = [describe_route(route) for route in await read_routes(filled.store, filled.service.project)]

    answer = await filled.get("routes")

    assert answer["routes"] == told


async def test_a_route_is_paused_and_resumed(stage: Stage):
    """Each answer is the route as it stands then, and both are written down."""
    paused = (await stage.ask("POST", "routes/orders/pause", {"reason": "stocktaking"})).json()
    resumed = (await stage.ask("POST", "routes/orders/resume")).json()

    assert (paused["state"], paused["reason"], paused["by"]) == ("paused", "stocktaking", "local")
    assert resumed["state"] == "active"
    assert [(action, subject) for _, action, subject in await stage.audited()] == [
        ("routes.pause", "orders"),
        ("routes.resume", "orders"),
    ]


async def test_a_route_shows_the_way_of_its_records(stage: Stage):
    """From the incoming over every step to what is called."""
    flow = (await stage.get("routes/orders"))["flow"]

    assert flow["source"]["name"] == "new-orders"
    assert [step["kind"] for step in flow["steps"]] == ["remove", "set", "filter", "set"]
    assert (flow["call"]["client"], flow["call"]["entity"]) == ("shop", "coupon.apply")
    assert flow["key"] == "{{ record.reference }}"


@pytest.mark.parametrize(
    ("path", "cure"),
    [("routes/ordrs", "orders"), ("incomings/new-order", "new-orders"), ("clients/shopp", "shop")],
)
async def test_a_name_that_is_misspelt_is_told_with_the_likely_one(stage: Stage, path: str, cure: str):
    """404 says what there is, and what was probably meant."""
    answer = await stage.ask("GET", path)

    assert answer.status_code == 404
    assert cure in answer.json()["cure"]


async def test_an_incoming_is_fetched_when_somebody_asks(stage: Stage):
    """The answer is its schedule, with who asked; the list of incomings has it too."""
    asked = await stage.ask("POST", "incomings/new-orders/run")

    assert asked.status_code == 202
    assert asked.json()["asked_by"] == "local"
    (incoming,) = (await stage.get("incomings"))["incomings"]
    assert incoming["schedule"]["asked_at"] == asked.json()["asked_at"]
    assert await stage.audited() == [("local", "incomings.run", "new-orders")]


async def test_schedules_tell_when_something_is_due(stage: Stage):
    """Every incoming that can be fetched is listed with its next time."""
    (schedule,) = (await stage.get("schedules"))["schedules"]

    assert (schedule["incoming"], schedule["spec"]) == ("new-orders", "every 1h")
    assert schedule["next_at"]


async def test_a_call_that_changes_something_waits_to_be_confirmed(tmp_path: Path):
    """Unconfirmed, nothing is sent and 409 says what it would change; confirmed, it is made and written down."""
    async with (
        SandboxServer(error_display=False) as shop,
        open_stage(tmp_path / "c.db", configure(shop.base_url, shop.key)) as stage,
    ):
        call = {"entity": "cart.add", "payload": {"product_id": 40}}

        asked = await stage.ask("POST", "clients/shop/call", call)
        made = await stage.ask("POST", "clients/shop/call", {**call, "confirm": True})
        checked = await stage.ask("POST", "clients/shop/check")
        examined = await stage.ask("POST", "clients/shop/doctor")
        audited = await stage.audited()

    assert (asked.status_code, asked.json()["type"]) == (409, "urn:connector:problem:unconfirmed")
    assert made.json()["verdict"] == "ok"
    assert made.json()["exchange"]["entity"] == "cart.add"
    assert checked.json()["verdict"] == "ok"
    assert examined.json()["findings"]
    assert [action for _, action, _ in audited] == ["clients.call", "clients.check", "clients.doctor"]
    assert shop.key not in made.text + checked.text + examined.text


async def test_a_call_can_be_looked_at_first(stage: Stage):
    """A dry run tells what would be sent, whatever it would change."""
    call = {"entity": "cart.add", "payload": {"product_id": 40}, "dry_run": True}

    told = (await stage.ask("POST", "clients/shop/call", call)).json()

    assert told["effects"] == ["session"]
    assert [preview["payload"] for preview in told["previews"]] == [{"product_id": 40}]


async def test_a_field_that_does_not_fit_is_told_with_its_place(stage: Stage):
    """What the catalog knows to be wrong is a fault with place and cure."""
    answer = await stage.ask("POST", "clients/shop/call", {"entity": "cart.add", "payload": {"productid": 40}})

    assert answer.status_code == 422
    assert answer.json()["faults"][0]["where"].startswith("data")


async def test_the_catalog_is_that_of_a_client(stage: Stage):
    """Of a client, the entities are those of the generation it speaks, with YAML that names it."""
    listed = await stage.get("catalog", client="shop", search="coupon")
    shown = await stage.get("catalog/coupon.apply", client="shop")

    assert "coupon.apply" in [row["id"] for row in listed["entities"]]
    assert shown["dialect"] == "3.0"
    assert "client: shop" in shown["yaml"]


async def test_steps_are_tried_out(stage: Stage):
    """The result of each step, and the fault of a text with its line and column."""
    done = (await stage.ask("POST", "transform", {"steps": "- set: {a: 1}", "record": {"b": 2}})).json()
    wrong = (await stage.ask("POST", "transform", {"steps": "- sett: {a: 1}", "record": '{"b": 2}'})).json()

    assert done["is_done"]
    assert done["records"] == [{"b": 2, "a": 1}]
    assert done["steps"][0]["before"] == [{"b": 2}]
    assert not wrong["is_done"]
    assert (wrong["faults"][0]["line"], wrong["faults"][0]["column"]) == (1, 3)


async def test_a_new_configuration_is_put_in_force_or_refused_as_a_whole(tmp_path: Path):
    """A reload with a fault answers 409 with it, and the one before goes on; without one, the new one is in force."""
    configs: list[Any] = [configure()]

    async with open_stage(tmp_path / "c.db", configure(), load_anew=lambda: load(configs[-1], environment={})) as stage:
        broken = configure()
        broken["routes"]["orders"]["outgoing"] = "nowhere"
        configs.append(broken)
        checked = (await stage.ask("POST", "validate")).json()
        refused = await stage.ask("POST", "reload")
        still = await stage.get("routes/orders")
        larger = configure()
        larger["routes"]["more"] = larger["routes"]["coupons"]
        configs.append(larger)
        done = await stage.ask("POST", "reload")
        routes = [route["route"] for route in (await stage.get("routes"))["routes"]]

    assert not checked["is_valid"]
    assert checked["faults"][0]["where"] == "routes.orders.outgoing"
    assert refused.status_code == 409
    assert "nowhere" in refused.json()["faults"][0]["message"]
    assert refused.json()["faults"] == checked["faults"]
    assert still["is_configured"]
    assert done.json() == {"generation": 2}
    assert routes == ["orders", "coupons", "more"]


async def test_activity_is_counted_by_stretches(filled: Stage):
    """What happened is told by route, and a step that is too short for the time is refused."""
    told = await filled.get("activity", step_s=86_400)
    short = await filled.ask("GET", "activity?since=2001-01-01T00:00:00Z&step_s=60")

    sums = {row["route"]: row for row in told["activity"]}
    assert (sums["orders"]["received"], sums["orders"]["failed"], sums["orders"]["unknown"]) == (7, 1, 1)
    assert short.status_code == 422
    assert short.json()["faults"][0]["where"] == "query.step_s"


async def test_alarms_say_what_to_do(filled: Stage):
    """A route that stopped is told with its reason and the way on."""
    await filled.store.routes.stop("orders", "the key is refused")

    alarms = (await filled.get("alarms"))["alarms"]

    assert alarms[0]["kind"] == "route_stopped"
    assert "the key is refused" in alarms[0]["text"]
    assert alarms[0]["cure"]


async def test_who_did_what_comes_in_pages(stage: Stage):
    """The audit log is listed newest first, page by page."""
    for _ in range(3):
        await stage.ask("POST", "routes/orders/resume")

    first = await stage.get("audit", limit=2)
    second = await stage.get("audit", limit=2, before=first["next_before"])

    assert [entry["id"] for entry in first["entries"] + second["entries"]] == [3, 2, 1]
    assert second["next_before"] is None
