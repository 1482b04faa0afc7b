"""The list of tasks, and what is done to many at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from connector.store.rows import TaskFilter, TaskStatus

if TYPE_CHECKING:
    from tests.server.pages.house import House


def ids(page: str) -> list[int]:
    """Return the ids of the tasks that a page lists, in order."""
    return [int(found) for found in re.findall(r'<tr id="task-(\d+)"', page)]


async def test_the_newest_come_first_and_older_ones_follow(house: House) -> None:
    """A page has fifty tasks, and its link leads to the next fifty."""
    made = await house.add(*(f"A-{number}" for number in range(70)))

    first = (await house.get("/tasks")).text
    older = re.search(r'href="(/tasks\?before=\d+)" rel="next"', first)
    assert older is not None
    second = (await house.get(older[1])).text

    assert ids(first) == made[::-1][:50]
    assert ids(second) == made[::-1][50:]
    assert "50 of 70 tasks" in first
    assert 'rel="next"' not in second


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("status=failed", ["B-1"]),
        ("status=failed&status=new", ["C-9", "C-1", "B-1"]),
        ("key=C-1", ["C-1"]),
        ("key=C-*", ["C-9", "C-1"]),
        ("text=c-9", ["C-9"]),
        ("route=stock", []),
        ("newer=1h", ["C-9", "C-1"]),
        ("older=1h", ["B-1"]),
    ],
)
async def test_filters(house: House, query: str, keys: list[str]) -> None:
    """Each filter of the address shows those tasks alone, newest first."""
    await house.add("B-1")
    await house.settle(TaskStatus.FAILED, reason="refused")
    house.clock.now_ms += 2 * 3_600_000
    await house.add("C-1", "C-9")

    page = (await house.get(f"/tasks?{query}")).text

    assert re.findall(r'class="keyed">([^<]+)<', page) == keys


async def test_a_filter_that_cannot_be_read_is_told(house: House) -> None:
    """What is no status and what is no length of time is left out, and said."""
    page = (await house.get("/tasks?status=broken&newer=soon")).text

    assert "is no status" in page
    assert "is no length of time" in page


async def test_counts_agree_with_the_store(house: House) -> None:
    """The numbers at the statuses are those that the command line tells."""
    await house.add("A-1", "A-2", "A-3")
    await house.settle(TaskStatus.FINISHED)
    await house.add("A-4")

    page = (await house.get("/tasks?route=orders")).text

    for status in TaskStatus:
        told = re.search(rf'{status.value} <span class="tally">(\d+)<', page)
        assert told is not None
        assert int(told[1]) == await house.store.tasks.count(TaskFilter(route="orders", statuses=(status,)))


@pytest.mark.parametrize("query", ["text=A-1", "key=A-1", "newer=1h"])
async def test_counts_that_do_not_follow_the_filter_are_not_shown(house: House, query: str) -> None:
    """Where more is asked for than route and status, the statuses stand there without numbers."""
    await house.add("A-1", "A-2")

    page = (await house.get(f"/tasks?{query}")).text

    assert "status-failed" in page
    assert 'class="tally"' not in page.partition('id="task-list"')[2]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("done", "2 tasks settled as done"), ("retry", "2 tasks are sent again"), ("failed", "2 tasks left as they are")],
)
async def test_what_became_of_settled_tasks_is_told_in_words(house: House, wanted: str, told: str) -> None:
    """The words say what happens next, and not what the choice is called."""
    await house.add("A-1", "A-2")
    await house.settle(TaskStatus.UNKNOWN, reason="no answer")

    page = await house.post("/tasks/change", {"do": "resolve", "status": "unknown", "as": wanted, "reason": "seen"})

    assert told in page.text


async def test_an_empty_list_says_what_to_do(house: House) -> None:
    """Without a task, the page says how one comes about."""
    page = (await house.get("/tasks")).text

    assert "No record has come in yet" in page
    assert "connector run ROUTE" in page


async def test_a_bounded_search_says_how_far_it_looked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is not among the tasks looked through can be searched further."""
    made = await house.add(*(f"A-{number}" for number in range(30)))
    search = house.store.tasks.search

    async def search_little(sought: TaskFilter, **more: int) -> object:
        return await search(sought, **{**more, "most_rows": 10})

    monkeypatch.setattr(house.store.tasks, "search", search_little)

    page = (await house.get("/tasks?text=A-3")).text
    further = re.search(r'href="([^"]+)">Search further', page)
    assert further is not None
    await house.get(further[1].replace("&amp;", "&"))

    assert f"down to {made[20]}" in page
    assert f"before={made[20]}" in further[1]


async def test_what_a_bulk_change_concerns_is_told_before_it_is_done(house: House) -> None:
    """The page in between counts, names what is refused, and changes nothing."""
    failed = await house.add("A-1")
    await house.settle(TaskStatus.FAILED, reason="refused")
    finished = await house.add("A-2")
    await house.settle(TaskStatus.FINISHED)

    page = (await house.get(f"/tasks/change?scope=selected&do=retry&id={failed[0]}&id={finished[0]}")).text

    assert "1 task will be tried again" in page
    assert "it was sent, and would be there twice" in page
    assert (await house.show(failed[0])).row.status is TaskStatus.FAILED


async def test_a_bulk_change_by_filter(house: House) -> None:
    """What matches the filter and allows it is changed, the other side is woken, and it is written down."""
    await house.add("A-1", "A-2")
    await house.settle(TaskStatus.FAILED, reason="refused")

    page = await house.post("/tasks/change", {"do": "retry", "route": "orders", "status": "failed"})

    assert "2 tasks will be tried again" in page.text
    assert await house.store.tasks.count(TaskFilter(statuses=(TaskStatus.NEW,))) == 2
    assert house.woken == ["orders"]
    assert [action for _, action, _ in await house.audited()] == ["tasks.retry"]


@pytest.mark.parametrize("name", ["", "A-1", "0", "9" * 20])
async def test_an_id_that_is_none_does_not_stand_for_every_task(house: House, name: str) -> None:
    """Without the ids the filter would be empty, and mean all."""
    (task,) = await house.add("A-1")

    page = await house.post("/tasks/change", {"do": "skip", "reason": "cancelled", "id": name})

    assert "is no id of a task" in page.text
    assert (await house.show(task)).row.status is TaskStatus.NEW


async def test_leaving_out_takes_a_reason(house: House) -> None:
    """Without a reason nothing is left out; with one it is kept with the task."""
    (task,) = await house.add("A-1")

    refused = await house.post("/tasks/change", {"do": "skip", "id": str(task), "reason": " "})
    before = (await house.show(task)).row
    await house.post("/tasks/change", {"do": "skip", "id": str(task), "reason": "cancelled"})

    assert "say why they are left out" in refused.text
    assert before.status is TaskStatus.NEW
    row = (await house.show(task)).row
    assert row.status is TaskStatus.SKIPPED
    assert "cancelled" in row.reason


async def test_what_was_carried_out_is_done_again_only_when_allowed(house: House) -> None:
    """A half-done task is refused until somebody says that it may be done twice."""
    (task,) = await house.add("A-1")
    await house.settle(TaskStatus.FAILED, reason="refused", done="order")

    asked = (await house.get(f"/tasks/change?do=retry&id={task}")).text
    await house.post("/tasks/change", {"do": "retry", "id": str(task)})
    before = (await house.show(task)).row.status
    await house.post("/tasks/change", {"do": "retry", "id": str(task), "may_repeat": "yes"})

    assert 'name="may_repeat"' in asked
    assert before is TaskStatus.FAILED
    assert (await house.show(task)).row.status is TaskStatus.NEW


async def test_no_address_of_another_site_follows_an_action(house: House) -> None:
    """Wherever a form says it came from, the page that follows is one of ours."""
    (task,) = await house.add("A-1")
    for back in ("https://evil.test/", "//evil.test", "/\\evil.test", "/tasks\r\nX: 1"):
        answer = await house.browser.post(
            "/tasks/change",
            data={"do": "retry", "id": str(task), "back": back},
            headers={"origin": "http://127.0.0.1:8484"},
        )

        assert answer.status_code == 303
        assert answer.headers["location"] == "/tasks"


async def test_what_stands_in_a_task_is_text(house: House) -> None:
    """A key or a reason with markup is shown, and is not part of the page."""
    await house.add("<script>alert(1)</script>")
    await house.settle(TaskStatus.FAILED, reason="<img src=x onerror=alert(1)>")

    page = (await house.get("/tasks")).text

    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
