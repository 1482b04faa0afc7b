"""The page of a task, and the inbox of unknown outcomes."""

from __future__ import annotations

import html
import json
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest

from connector.desk.steps import Spot
from connector.server.pages.task import show_spot
from connector.store.rows import Resolution, TaskStatus
from tests.server.pages.house import SECRET, exchange

if TYPE_CHECKING:
    from tests.server.pages.house import House


def text(page: str) -> str:
    """Return what a page says, without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@pytest.mark.parametrize(
    ("file", "folder", "shown"),
    [
        ("/etc/connector/orders.yaml", "/etc/connector", "orders.yaml:3:5"),
        ("configs/more/orders.yaml", "configs", "more/orders.yaml:3:5"),
        ("orders.yaml", ".", "orders.yaml:3:5"),
        ("/elsewhere/orders.yaml", "/etc/connector", "/elsewhere/orders.yaml:3:5"),
    ],
)
def test_a_step_is_found_in_the_folder_of_the_configuration(file: str, folder: str, shown: str) -> None:
    """The file is named as seen from that folder; one that lies elsewhere as it was named."""
    assert show_spot(Spot(file, 3, 5), PurePath(folder)) == shown


async def test_a_failed_task_tells_why_and_what_to_do(house: House) -> None:
    """The page has the meaning of the status, the reason, the cure, and what can be done."""
    (task,) = await house.add("A-1")
    await house.settle(
        TaskStatus.FAILED, step="orders", reason="no such product", cure="add the product", verdict="rejected"
    )

    page = (await house.get(f"/tasks/{task}")).text

    said = text(page)
    assert "nothing more is done about it by itself" in said
    assert "orders: no such product" in said
    assert "add the product" in said
    assert 'value="retry"' in page
    assert 'value="skip"' in page


async def test_each_step_is_shown_before_and_after(house: House) -> None:
    """What a step added stands out on the side after it, beside the same lines before it."""
    (task,) = await house.add("A-1")

    page = (await house.get(f"/tasks/{task}")).text

    after = page[page.index("side-after") :]
    changed = re.findall(r'<span class="line line-changed">(.*?)\n', after)
    assert [text(line).strip() for line in changed] == ['"channel": "web"']


async def test_exchanges_are_shown_with_the_command_that_repeats_them(house: House) -> None:
    """A try has what was sent and what came back; numbers keep their digits."""
    (task,) = await house.add("A-1")
    await house.settle(TaskStatus.FAILED, reason="refused", exchanges=(exchange(),))

    said = text((await house.get(f"/tasks/{task}")).text)

    assert '"total": 12.50' in said
    assert '"error": "no such product"' in said
    assert "connector call shop" in said


async def test_no_secret_is_shown(house: House) -> None:
    """A secret of the configuration is masked wherever it stands: key, record, reason, exchange, answer."""
    record = json.dumps({"id": SECRET, "password": "hunter2", "note": f"it is {SECRET}"}).encode()
    (task,) = await house.add(SECRET, record=record)
    await house.settle(
        TaskStatus.FAILED,
        reason=f"refused: {SECRET}",
        cure=f"change {SECRET}",
        value=json.dumps({"token": "t-123", "seen": SECRET}).encode(),
        exchanges=(exchange(request=f"key={SECRET}", response=SECRET, failure=SECRET, url=f"http://x/?k={SECRET}"),),
    )

    for path in (f"/tasks/{task}", "/tasks", f"/tasks/{task}.json", f"/tasks/change?do=retry&id={task}", "/"):
        answer = await house.get(path)

        assert answer.status_code == 200
        assert SECRET not in answer.text, path
        assert "hunter2" not in answer.text, path
        assert "t-123" not in answer.text, path


async def test_other_tasks_of_the_key_are_listed(house: House) -> None:
    """A task leads to the others of its key."""
    (first,) = await house.add("A-1", on_duplicate="new")
    (second,) = await house.add("A-1", on_duplicate="new")

    page = (await house.get(f"/tasks/{first}")).text

    assert "Other tasks of this key" in page
    assert f'href="/tasks/{second}"' in page


@pytest.mark.parametrize("name", ["999", "0", "abc", "-1", "9" * 30, "%00"])
async def test_a_task_that_is_not_there(house: House, name: str) -> None:
    """What is no task is told in words, and is no fault of the server."""
    answer = await house.get(f"/tasks/{name}")

    assert answer.status_code in {400, 404}


async def test_a_task_whose_route_is_gone_is_shown_all_the_same(house: House) -> None:
    """The configuration may have changed since; what is kept is told."""
    (task,) = await house.add("A-1", route="gone")
    await house.settle(TaskStatus.FAILED, route="gone", reason="refused", exchanges=(exchange(),))

    said = text((await house.get(f"/tasks/{task}")).text)

    assert "the configuration has no route of this name any more" in said
    assert "no such product" in said


async def test_the_inbox_shows_the_evidence(house: House) -> None:
    """An unknown outcome has what was noted before it left, its exchanges, and the three choices."""
    (task,) = await house.add("A-1")
    await house.settle(
        TaskStatus.UNKNOWN, reason="the connection broke", exchanges=(exchange(status=None, verdict="unknown"),)
    )

    page = (await house.get("/unknown")).text

    said = text(page)
    assert '"highest_id": 41' in said
    assert "the connection broke" in said
    assert "no answer" in said
    assert re.findall(r'name="as" value="(\w+)"', page) == [one.value for one in Resolution]
    assert f'name="id" value="{task}"' in page


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("done", TaskStatus.FINISHED), ("retry", TaskStatus.NEW), ("failed", TaskStatus.FAILED)],
)
async def test_an_unknown_outcome_is_settled(house: House, outcome: str, status: TaskStatus) -> None:
    """Each choice does what it says, and who made it is written down."""
    (task,) = await house.add("A-1")
    await house.settle(TaskStatus.UNKNOWN, reason="the connection broke")

    page = await house.post(
        "/tasks/change", {"do": "resolve", "id": str(task), "as": outcome, "reason": "I looked", "back": "/unknown"}
    )

    assert str(page.url).endswith("/unknown")
    assert "Nothing is unknown" in page.text
    assert (await house.show(task)).row.status is status
    assert await house.audited() == [("local", "tasks.resolve", str(task))]


async def test_nothing_is_settled_without_a_choice(house: House) -> None:
    """A form that says no outcome changes nothing, and leads to the page that asks."""
    (task,) = await house.add("A-1")
    await house.settle(TaskStatus.UNKNOWN, reason="the connection broke")

    page = await house.post("/tasks/change", {"do": "resolve", "id": str(task)})

    assert "choose what became of them" in page.text
    assert "It is not there: send it again" in page.text
    assert (await house.show(task)).row.status is TaskStatus.UNKNOWN


async def test_what_cannot_be_asked_is_not_offered_to_be_looked_for(house: House) -> None:
    """Where the other side cannot be asked the page says so; asked all the same, nothing changes."""
    (task,) = await house.add("A-1")
    await house.settle(TaskStatus.UNKNOWN, reason="the connection broke")

    inbox = (await house.get("/unknown")).text
    page = await house.post(f"/unknown/{task}/look")

    assert f"/unknown/{task}/look" not in inbox
    assert "stays unknown" in page.text
    assert (await house.show(task)).row.status is TaskStatus.UNKNOWN


async def test_looking_for_what_is_known_says_so(house: House) -> None:
    """A task that was settled meanwhile is not looked for."""
    (task,) = await house.add("A-1")

    page = await house.post(f"/unknown/{task}/look")

    assert "is known by now" in page.text


async def test_the_inbox_shows_the_request_in_doubt_apart_from_the_looks_for_it(house: House) -> None:
    """What left and was not answered stands by itself; the looks that followed are told by their number."""
    await house.add("A-1")
    noted = house.clock.now_ms
    looks = [exchange(entity="order.info", started_at_ms=noted + 2 + number) for number in range(40)]
    said_before = exchange(entity="cart.add", started_at_ms=noted - 5, status=200, verdict="ok")
    left = exchange(entity="order.add", started_at_ms=noted + 1, status=None, verdict="unknown")
    await house.settle(TaskStatus.UNKNOWN, reason="the connection broke", exchanges=(said_before, left, *looks))

    page = (await house.get("/unknown")).text

    assert "1 call before it" in page
    assert "40 calls since, to look for it" in page
    assert "while it was tried, not since" in page
    assert page.index("1 call before it") < page.index("</b> order.add") < page.index("40 calls since")


async def test_a_record_that_could_not_be_shaped_says_where_it_came_from(house: House) -> None:
    """The mark by which such records are kept is ours, and shows nowhere."""
    (task,) = await house.add("A-1", source="push#raw")

    page = (await house.get(f"/tasks/{task}")).text

    assert "push, record 1 of its batch" in page
    assert "#raw" not in page


async def test_a_long_run_of_the_same_call_is_shown_by_its_ends(house: House) -> None:
    """Hundreds of calls of one kind, one after another, do not bury what else was said."""
    (task,) = await house.add("A-1")
    asked = [exchange(entity="order.info", started_at_ms=house.clock.now_ms + number) for number in range(40)]
    await house.settle(TaskStatus.FAILED, reason="refused", exchanges=tuple(asked))

    page = (await house.get(f"/tasks/{task}")).text

    assert page.count("</b> order.info") == 2
    assert "38 more calls like it" in page
