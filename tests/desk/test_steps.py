"""What each single step makes of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector import load
from connector.app.runtime import open_project
from connector.desk.reshape import NO_ROUTE, find_stretches, reshape
from connector.desk.steps import walk
from connector.store.rows import StoredValue, TaskStatus
from tests.desk.installation import configure, install

if TYPE_CHECKING:
    from pathlib import Path

    from connector.desk.reshape import Reshaped


async def shape(folder: Path, record: Any, transform: list[Any], **more: Any) -> Reshaped:
    """Return what an installation makes of a record that it keeps."""
    async with install(folder, configure(transform)) as installation:
        detail = await installation.add(record, **more)
        return await reshape(installation.runtime, installation.store, detail)


async def test_every_step_is_told_with_its_record_before_and_after(tmp_path: Path):
    """The steps of the route and those of its outgoing stand in order, each with what came to it and what it made."""
    reshaped = await shape(tmp_path, {"code": "a", "x": 1}, [{"remove": ["x"]}, {"set": {"y": 2}}])

    told = [(step.owner, step.number, step.kind, step.before, step.after) for step in reshaped.steps]
    assert told == [
        ("route", 1, "remove", ({"code": "a", "x": 1},), ({"code": "a"},)),
        ("route", 2, "set", ({"code": "a"},), ({"code": "a", "y": 2},)),
        ("outgoing", 1, "set", ({"code": "a", "y": 2},), ({"code": "A", "y": 2},)),
    ]
    assert [preview.payload for preview in reshaped.previews] == [{"coupon": "A"}]


async def test_an_error_stands_at_the_step_where_it_happens(tmp_path: Path):
    """The step that fails tells why and where; those ahead of it have results, those behind it are not reached."""
    steps = [{"set": {"a": 1}}, {"set": {"b": 2, "c": "{{ record.none.at_all }}"}}, {"set": {"d": 4}}]

    reshaped = await shape(tmp_path, {"code": "a"}, steps)

    assert [step.state for step in reshaped.steps] == ["done", "failed", "not reached", "not reached"]
    failure = reshaped.steps[1].failure
    assert failure is not None
    assert failure.where == "routes.orders.transform[1].set.c"
    assert "none" in failure.reason
    assert reshaped.steps[1].before == ({"code": "a", "a": 1},)
    assert reshaped.obstacle.startswith("they fail: routes.orders.transform[1].set.c")


async def test_a_filter_leaves_nothing_for_the_steps_behind_it(tmp_path: Path):
    """A record that is left out has gone through the filter, and reaches no step after it."""
    reshaped = await shape(tmp_path, {"code": "a"}, [{"filter": "{{ false }}"}, {"set": {"b": 1}}])

    assert [(step.state, step.after) for step in reshaped.steps] == [
        ("done", ()),
        ("not reached", ()),
        ("not reached", ()),
    ]
    assert reshaped.previews == ()
    assert not reshaped.obstacle


async def test_a_split_gives_every_part_to_the_steps_behind_it(tmp_path: Path):
    """After a split each step has several records before and after it, in order."""
    steps = [{"split": "$.lines[*]"}, {"set": {"n": "{{ record.n + 1 }}"}}]

    reshaped = await shape(tmp_path, {"lines": [{"n": 1, "code": "a"}, {"n": 5, "code": "b"}]}, steps)

    assert [record["n"] for record in reshaped.steps[0].after] == [1, 5]
    assert [record["n"] for record in reshaped.steps[1].after] == ["2", "6"]
    assert [preview.payload for preview in reshaped.previews] == [{"coupon": "A"}, {"coupon": "B"}]


async def test_a_part_that_fails_hides_no_other_part(tmp_path: Path):
    """Where one part of a split record fails, the split itself still shows all of them."""
    lines = [{"code": "a", "n": {"deep": 1}}, {"n": 5}, {"n": 6}]
    steps = [{"split": "$.lines[*]"}, {"set": {"n": "{{ record.n.deep }}"}}]

    reshaped = await shape(tmp_path, {"lines": lines}, steps)

    assert reshaped.steps[0].after == tuple(lines)
    assert reshaped.steps[1].state == "failed"


@pytest.mark.parametrize("kind", ["book", "else"])
async def test_a_choice_shows_what_the_chosen_steps_made(tmp_path: Path, kind: str):
    """A step `if` has for its result what the steps that it chose make of the record."""
    choice = {"if": {"when": "{{ record.kind == 'book' }}", "then": [{"set": {"tax": 9}}, {"set": {"shelf": 1}}]}}

    reshaped = await shape(tmp_path, {"code": "a", "kind": kind}, [choice, {"set": {"z": 1}}])

    made = {"code": "a", "kind": kind, **({"tax": 9, "shelf": 1} if kind == "book" else {})}
    assert reshaped.steps[0].after == (made,)
    assert reshaped.steps[1].before == (made,)


async def test_stored_values_are_read_and_none_is_kept(tmp_path: Path):
    """Steps see the value store as it is; what they would put into it stays out."""
    steps = [
        {"store.get": {"store": "prices", "key": "{{ record.code }}", "into": "old"}},
        {"store.put": {"store": "prices", "key": "{{ record.code }}", "value": "{{ record.price }}"}},
    ]
    async with install(tmp_path, configure(steps)) as installation:
        await installation.store.state.set_values([StoredValue("prices", "a", b"7")])
        detail = await installation.add({"code": "a", "price": 9})

        reshaped = await reshape(installation.runtime, installation.store, detail)

        kept = await installation.store.state.values([("prices", "a")])
    assert reshaped.steps[0].after == ({"code": "a", "price": 9, "old": 7},)
    assert kept == {("prices", "a"): b"7"}


async def test_a_record_as_it_came_goes_through_its_incoming_first(tmp_path: Path):
    """A task that holds its record as it came, since it could not be shaped, shows the incoming's steps too."""
    record, how = {"code": "a"}, {"source": "incoming.feed#raw", "status": TaskStatus.FAILED, "reason": "no grams"}

    reshaped = await shape(tmp_path, record, [{"set": {"b": 1}}], **how)

    assert [(step.owner, step.state) for step in reshaped.steps] == [
        ("incoming", "failed"),
        ("route", "not reached"),
        ("outgoing", "not reached"),
    ]


async def test_a_route_that_is_gone_is_said_so(tmp_path: Path):
    """Of a task whose route the configuration has no more, nothing is told but that."""
    async with install(tmp_path, configure()) as installation:
        detail = await installation.add({"code": "a"}, route="gone")

        reshaped = await reshape(installation.runtime, installation.store, detail)

    assert reshaped.obstacle == NO_ROUTE
    assert reshaped.steps == ()


async def test_secrets_of_the_configuration_stand_in_no_step(tmp_path: Path):
    """The text of a step that holds a variable with a secret's name shows a mask in its place."""
    path = tmp_path / "connector.yaml"
    path.write_bytes(orjson.dumps(configure([{"set": {"token": "${ERP_TOKEN}"}}])))
    project = load(path, environment={"ERP_TOKEN": "do-not-show-me"})
    async with open_project(project) as runtime:
        walked = await walk(find_stretches(project, "orders"), {"code": "a"}, source=None, redactor=runtime.redactor)

    assert "do-not-show-me" not in walked.steps[0].text
    assert walked.steps[0].spot.file == str(path)
