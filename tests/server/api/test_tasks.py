"""Tasks through the API: found, told, tried again, left out, settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.desk.reshape import reshape
from connector.desk.task import describe_task
from connector.store.rows import NewTask, TaskStatus
from tests.acceptance.kept import IDS

if TYPE_CHECKING:
    from tests.server.api.stage import Stage


async def test_pages_follow_one_another_to_the_end(filled: Stage):
    """Asked with what the page before said, every task comes once, the newest first."""
    seen: list[int] = []
    before: int | None = None

    while True:
        query: dict[str, Any] = {"limit": 3} | ({} if before is None else {"before": before})
        page = await filled.get("tasks", **query)
        seen += [task["id"] for task in page["tasks"]]
        before = page["next_before"]
        if before is None:
            break

    assert seen == [8, 7, 6, 5, 4, 3, 2, 1]
    assert page["is_complete"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"status": ["failed", "unknown"]}, [5, 2]),
        ({"route": "coupons"}, [8]),
        ({"key": "E"}, [6, 5]),
        ({"key_prefix": "F"}, [7]),
        ({"text": "NOTE OF B"}, [2]),
        ({"older": "1h"}, []),
        ({"newer": "1h", "route": "coupons"}, [8]),
        ({"updated_since": "2001-01-01T00:00:00+01:00", "status": "new"}, [7]),
        ({"source": "push", "status": "finished"}, [1]),
    ],
)
async def test_filters_say_which_tasks_are_meant(filled: Stage, query: dict[str, Any], ids: list[int]):
    """Everything that is given has to hold, and the count says how many there are."""
    page = await filled.get("tasks", count=True, **query)

    assert [task["id"] for task in page["tasks"]] == ids
    assert page["count"] == len(ids)


async def test_a_misspelt_filter_changes_nothing(filled: Stage):
    """A key that is not known is refused in plain words, and never passed over: it would mean more tasks than meant."""
    answer = await filled.ask("POST", "tasks/skip", {"filter": {"stauts": ["failed"]}, "reason": "cancelled"})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "body.filter.stauts: there is no such key here"


@pytest.mark.parametrize("filter_", [{}, {"text": ""}, {"key_prefix": ""}, {"ids": []}, {"text": "", "status": []}])
async def test_a_filter_that_leaves_nothing_out_has_to_be_meant(filled: Stage, filter_: dict[str, Any]):
    """However it is written, tasks of every route are changed by who says `all` alone."""
    answer = await filled.ask("POST", "tasks/skip", {"filter": filter_, "reason": "cancelled"})

    assert answer.status_code == 422
    assert "every route" in answer.text


async def test_the_story_of_a_task_is_that_of_the_command_line(filled: Stage):
    """What `connector tasks show --output json` tells stands in the answer as well, word for word."""
    task = IDS[TaskStatus.UNKNOWN]
    detail = await filled.store.tasks.show(task)
    assert detail is not None
    told = describe_task(detail, await reshape(filled.service.runtime, filled.store, detail))

    story = await filled.get(f"tasks/{task}")

    assert {name: story[name] for name in told if name not in {"reshaped", "attempts_made"}} == {
        name: value for name, value in told.items() if name not in {"reshaped", "attempts_made"}
    }
    assert [step["after"] for step in story["reshaped"]["steps"]] == [s["after"] for s in told["reshaped"]["steps"]]
    assert story["attempts_made"][0]["commit"]["entity"] == "order.add"
    assert [way["action"] for way in story["ways"]] == ["look", "done", "again", "failed"]


async def test_what_would_be_sent_has_its_command(filled: Stage):
    """Each payload can be copied as `connector call`."""
    story = await filled.get(f"tasks/{IDS[TaskStatus.FAILED]}")

    assert [preview["call"] for preview in story["reshaped"]["previews"]] == [
        "connector call shop coupon.apply 'coupon=B-note of B'"
    ]


async def test_a_failed_task_is_tried_again_and_it_is_written_down_who_wanted_it(filled: Stage):
    """The answer is the task as it stands now, and the audit log has the change."""
    task = IDS[TaskStatus.FAILED]

    answer = await filled.ask("POST", f"tasks/{task}/retry")

    assert answer.status_code == 200
    assert answer.json()["status"] == "new"
    assert await filled.audited() == [("local", "tasks.retry", str(task))]


@pytest.mark.parametrize(
    ("status", "deed", "body"),
    [
        (TaskStatus.FINISHED, "retry", {}),
        (TaskStatus.UNKNOWN, "retry", {}),
        (TaskStatus.PROCESSING, "skip", {"reason": "late"}),
        (TaskStatus.FAILED, "resolve", {"as": "done"}),
        (TaskStatus.NEW, "look", None),
    ],
)
async def test_what_a_task_does_not_allow_is_a_conflict(filled: Stage, status: TaskStatus, deed: str, body: Any):
    """A task that stands otherwise is left as it is, and the problem says why."""
    answer = await filled.ask("POST", f"tasks/{IDS[status]}/{deed}", body)

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:connector:problem:refused"
    assert status.value in answer.json()["detail"]
    assert await filled.audited() == []


@pytest.mark.parametrize("deed", ["", "/retry", "/look"])
async def test_a_task_that_is_not_there_is_not_found(filled: Stage, deed: str):
    """Of a number that nothing has, 404 says so."""
    answer = await filled.ask("POST" if deed else "GET", f"tasks/999{deed}")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no task 999"


async def test_an_unknown_outcome_is_settled_by_what_a_person_saw(filled: Stage):
    """The reason is kept with the task, under the name of who said so."""
    task = IDS[TaskStatus.UNKNOWN]

    answer = await filled.ask("POST", f"tasks/{task}/resolve", {"as": "done", "reason": "it is order 815"})

    assert answer.json()["status"] == "finished"
    assert answer.json()["reason"] == "resolved as done by local: it is order 815"


async def test_what_became_of_many_is_told_under_the_same_name(filled: Stage):
    """Many at once are settled by `as`, like one, and the audit log has it under that name."""
    wanted = {"filter": {"ids": [IDS[TaskStatus.UNKNOWN]]}, "as": "failed", "reason": "it is not there"}

    answer = await filled.ask("POST", "tasks/resolve", wanted)

    (entry,) = await filled.store.audit.list()
    assert answer.json()["changed"] == 1
    assert (entry.detail["as"], entry.detail["outcome"]) == ("failed", "done")


async def test_what_became_of_a_task_has_the_name_it_has_on_the_command_line(filled: Stage):
    """The document shows `as` for one and for many; another name is refused."""
    async with filled.client() as client:
        schemas = (await client.get("/api/v1/openapi.json")).json()["components"]["schemas"]
    answer = await filled.ask("POST", f"tasks/{IDS[TaskStatus.UNKNOWN]}/resolve", {"outcome": "done"})

    for name in ("Resolve", "BulkResolve"):
        assert "as" in schemas[name]["required"]
        assert "outcome" not in schemas[name]["properties"]
    assert answer.status_code == 422
    assert {fault["where"] for fault in answer.json()["faults"]} == {"body.as", "body.outcome"}


async def test_nobody_can_be_asked_about_a_coupon(filled: Stage):
    """Where the remote system cannot say what became of it, the task stays unknown, and that is said."""
    answer = await filled.ask("POST", f"tasks/{IDS[TaskStatus.UNKNOWN]}/look")

    assert answer.status_code == 200
    assert answer.json()["status"] == "unknown"
    assert not answer.json()["is_settled"]


async def test_a_dry_run_counts_what_the_change_then_does(filled: Stage):
    """Bulk changes can be counted first; counting changes nothing and is not written down."""
    wanted = {"filter": {"route": "orders"}, "reason": "too late"}

    counted = (await filled.ask("POST", "tasks/skip", {**wanted, "dry_run": True})).json()
    nothing_done = await filled.audited()
    done = (await filled.ask("POST", "tasks/skip", wanted)).json()

    assert counted == {**done, "dry_run": True}
    assert done["changed"] == 4
    assert done["unknown_left_alone"] == 1
    assert nothing_done == []
    assert [action for _, action, _ in await filled.audited()] == ["tasks.skip"]


async def test_tasks_that_are_named_are_refused_one_by_one(filled: Stage):
    """Of several ids, those that allow it are done, and each of the others has its reason."""
    answer = await filled.ask("POST", "tasks/retry", {"filter": {"ids": [1, 2, 5, 999]}})

    told = answer.json()
    assert told["changed"] == 1
    assert [(one["task"], one["status"]) for one in told["refusals"]] == [
        (1, "finished"),
        (5, "unknown"),
        (999, None),
    ]


@pytest.mark.parametrize(
    ("deed", "body"),
    [
        ("retry", {}),
        ("retry", {"filter": {}}),
        ("skip", {"reason": "x", "filter": {"status": []}}),
        ("retry", {"repeat_done": True, "filter": {"route": "orders"}}),
        ("skip", {"filter": {"route": "orders"}}),
        ("skip", {"filter": {"route": "orders"}, "reason": ""}),
        ("resolve", {"filter": {"route": "orders"}, "as": "maybe"}),
        ("retry", {"filter": {"route": "orders"}, "dryrun": True}),
        ("retry", {"filter": {"older": "soon"}}),
        ("retry", {"filter": {"ids": [2**63]}}),
        ("skip", {"filter": {"key": "a\0b"}, "reason": "x"}),
    ],
)
async def test_a_change_that_is_not_said_clearly_is_refused(filled: Stage, deed: str, body: Any):
    """What would mean every task, or cannot be read, is a fault with its place, and nothing is changed."""
    answer = await filled.ask("POST", f"tasks/{deed}", body)

    assert answer.status_code == 422
    assert answer.json()["faults"]
    assert await filled.audited() == []


async def test_all_tasks_can_be_meant(filled: Stage):
    """Who says so means every task that allows it."""
    answer = await filled.ask("POST", "tasks/retry", {"all": True})

    assert answer.json()["changed"] == 2


async def test_a_private_field_is_masked_in_the_command_that_sends_it(stage: Stage):
    """A command is text, in which the name of a field tells nothing any more."""
    record = b'{"reference": "A", "password": "hunter2"}'
    await stage.store.tasks.ingest([NewTask(record=record, route="coupons", source="push")], token="t1")

    told = await stage.ask("GET", "tasks/1")

    (preview,) = told.json()["reshaped"]["previews"]
    assert "hunter2" not in told.text
    assert "password=***" in preview["call"]
    assert "fill in password" in preview["call_note"]


async def test_a_secret_in_a_record_is_masked(stage: Stage):
    """A field with the name of a credential, and a known secret anywhere, show no more than a mask."""
    record = b'{"reference":"A","note":"uses a-key-that-nobody-may-see","password":"hunter2"}'
    kept = await stage.store.tasks.ingest([NewTask("orders", record)], token="t")

    async with stage.client() as client:
        answer = await client.get(f"/api/v1/tasks/{kept.ids[0]}")

    assert answer.json()["record"] == {"reference": "A", "note": "uses ***", "password": "***"}
    assert "a-key-that-nobody-may-see" not in answer.text
    assert "hunter2" not in answer.text
