"""The overview."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from connector.server.pages.render import static_files
from connector.store.rows import RouteState, TaskStatus

if TYPE_CHECKING:
    from tests.server.pages.house import House


async def test_each_route_has_its_flow_and_counts_that_lead_to_its_tasks(house: House) -> None:
    """A route shows where its records come from and go to, and how many stand how, each number with its link."""
    await house.add("A-1", "A-2")
    await house.settle(TaskStatus.FAILED, reason="no such product")
    await house.add("A-3")

    page = (await house.get("/")).text

    assert 'id="route-orders"' in page
    assert "feed of shop, every 10m" in page
    assert 'href="/tasks?route=orders&amp;status=failed"' in page
    assert ">2 failed</a>" in page
    assert ">1 new</a>" in page


async def test_a_route_is_paused_and_resumed(house: House) -> None:
    """The button changes the state, says so, and leaves a line of who did it."""
    page = await house.post("/routes/orders/pause")
    states = await house.store.routes.states()
    again = await house.post("/routes/orders/resume")

    assert "orders is paused" in page.text
    assert states["orders"].state is RouteState.PAUSED
    assert "orders is delivered again" in again.text
    assert (await house.store.routes.states())["orders"].state is RouteState.ACTIVE
    assert [(action, subject) for _, action, subject in await house.audited()] == [
        ("routes.pause", "orders"),
        ("routes.resume", "orders"),
    ]
    assert house.woken == ["orders"]


async def test_a_flash_message_is_shown_once(house: House) -> None:
    """What came of an action stands on the page that follows, and on no other."""
    first = await house.post("/routes/orders/pause")
    second = await house.get("/")

    assert "none is sent until it is resumed" in first.text
    assert "none is sent until it is resumed" not in second.text


async def test_a_route_that_is_not_there_is_not_paused(house: House) -> None:
    """A name that no route has is refused in words."""
    page = await house.post("/routes/nothing/pause")

    assert "flash-bad" in page.text
    assert await house.store.routes.states() == {}


async def test_htmx_gets_the_part_alone(house: House) -> None:
    """Asked for a part, the page answers with that part and nothing around it."""
    part = (await house.get("/", **{"hx-request": "true", "hx-target": "live"})).text

    assert part.strip().startswith('<div id="live"')
    assert "<html" not in part


@pytest.mark.parametrize("target", ["content", "shell", "head", "nothing", "__init__"])
async def test_what_is_no_part_gets_the_whole_page(house: House, target: str) -> None:
    """The frame of a page has blocks too, which mean nothing by themselves."""
    page = await house.get("/", **{"hx-request": "true", "hx-target": target})

    assert page.status_code == 200
    assert "<html" in page.text


@pytest.mark.parametrize("said", ["bnVsbA==", "NQ==", "W10=", "e30=", "x", "WzEsMl0="])
async def test_a_flash_that_somebody_else_wrote_is_not_shown(house: House, said: str) -> None:
    """Null, a number, lists and objects, no base64: the page is there all the same."""
    page = await house.get("/", cookie=f"connector-flash={said}")

    assert page.status_code == 200
    assert 'class="flash' not in page.text


async def test_a_long_message_fits_into_its_cookie(house: House) -> None:
    """Whatever letters it is of: a browser drops a cookie of more than 4,096 bytes."""
    answer = await house.browser.post(
        f"/routes/{'ж' * 600}{'x' * 300}/pause", headers={"origin": "http://127.0.0.1:8484"}
    )

    assert answer.status_code == 303
    assert 500 < len(answer.headers["set-cookie"]) <= 4_096


async def test_a_part_brings_the_flash_along(house: House) -> None:
    """After an action by htmx the message is swapped in beside the part."""
    headers = {"hx-request": "true", "hx-target": "live"}

    part = (await house.post("/routes/orders/pause", **headers)).text

    assert 'hx-swap-oob="innerHTML:#flash"' in part
    assert "orders is paused" in part


async def test_the_table_has_every_number_of_the_chart(house: House) -> None:
    """Who cannot see the chart reads the same numbers as a table."""
    await house.add("A-1", "A-2", "A-3")
    await house.settle(TaskStatus.FINISHED)

    page = (await house.get("/?show=table&range=24h")).text

    assert re.search(r'<td class="num">3</td><td class="num">3</td><td class="num">0</td>', page)


async def test_alarms_are_told_in_words_with_the_way_on(house: House) -> None:
    """An unknown outcome is an alarm that leads to the inbox."""
    await house.add("A-1")
    await house.settle(TaskStatus.UNKNOWN, reason="the connection broke")

    page = (await house.get("/")).text

    assert "nobody has seen what came of it" in page
    assert 'href="/unknown?route=orders"' in page


async def test_an_alarm_says_since_when(house: House) -> None:
    """What a person has to act on has its time, and a reason that somebody gave stands apart."""
    await house.store.routes.pause("orders", by="ann", reason="stocktaking")

    page = (await house.get("/")).text

    alarm = page[page.index('class="alarms"') : page.index("</section>")]
    assert "<b>orders is paused by ann</b>" in alarm
    assert "<time" in alarm
    assert "<p>stocktaking</p>" in alarm


async def test_who_may_only_look_gets_no_buttons(house: House) -> None:
    """A caller without the role to operate sees the same, and cannot change it."""
    token = await house.add_token("read")

    page = await house.get("/", authorization=token)
    refused = await house.post("/routes/orders/pause", authorization=token)

    assert page.status_code == 200
    assert "/routes/orders/pause" not in page.text
    assert refused.status_code == 403
    assert await house.store.routes.states() == {}


async def test_the_first_page_is_small(house: House) -> None:
    """The overview with every file that it loads is at most 100 kB, uncompressed."""
    await house.add("A-1")

    page = await house.get("/")
    loaded = {name for name in static_files() if f"/{name}" in page.text} | {"icons.svg"}

    assert {"app.css", "app.js", "htmx.min.js"} <= loaded
    assert len(page.content) + sum(len(static_files()[name].content) for name in loaded) <= 100_000
