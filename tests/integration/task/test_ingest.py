"""Records become tasks: with their keys, their cursor, and nothing lost on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from connector.errors import CallError, CursorMovedError, StoreError, SubscriberError, TransformError
from connector.record_codec import encode_record
from connector.redaction import Redactor
from connector.store.rows import Claimed, OnDuplicate, TaskFilter, TaskStatus
from connector.task.embedded import Embedded
from connector.task.ingest import Intake, Kept, is_raw
from tests.integration.task.source import PAGED, HeldStore, Source, Stage, document, open_stage, row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CURSOR = {"cursor": "$.at", "start": "2026-11-22", "overlap": "2m"}
ASKS = {"data": {"from": "{{ state.cursor }}"}}
WALK = {"route": "row", "data": {"id": "{{ state.id }}"}}


async def batches(*records: dict[str, Any], size: int = 2) -> AsyncIterator[list[dict[str, Any]]]:
    """Records in batches."""
    for start in range(0, len(records), size):
        yield list(records[start : start + size])


# --- tasks of records -----------------------------------------------------------------------------------------------


async def test_every_record_becomes_a_task_in_its_order(tmp_path: Path):
    """Shaped by the incoming's steps, under the key of its route, page after page."""
    source = Source([row(number) for number in range(1, 6)])
    configuration = document(subscriber=PAGED, transform=[{"pick": ["id"]}])

    async with open_stage(source, configuration, tmp_path) as stage:
        counts = await stage.ingest.fetch("rows")

        assert await stage.tasks() == [(str(number), "new", {"id": number}) for number in range(1, 6)]
        assert counts == Intake(taken=5, tasks=5, is_complete=True)


async def test_a_record_that_comes_again_is_left_out(tmp_path: Path):
    """The route knows its key, whatever became of the task."""
    source = Source([row(1), row(2)])

    async with open_stage(source, document(), tmp_path) as stage:
        await stage.ingest.fetch("rows")
        source.rows.append(row(3))
        counts = await stage.ingest.fetch("rows")

        assert await stage.keys() == ["1", "2", "3"]
        assert (counts.tasks, counts.duplicates) == (1, 2)


async def test_a_waiting_task_takes_a_newer_record(tmp_path: Path):
    """With `on_duplicate: update`, the record is the newer one, and there is one task."""
    source = Source([row(1, total=5)])
    configuration = document(routes={"r": {"key": "{{ record.id }}", "on_duplicate": "update"}})

    async with open_stage(source, configuration, tmp_path) as stage:
        await stage.ingest.fetch("rows")
        source.rows = [row(1, total=6)]
        counts = await stage.ingest.fetch("rows")

        assert [record["total"] for _, _, record in await stage.tasks()] == [6]
        assert (counts.tasks, counts.updated) == (0, 1)


async def test_one_incoming_feeds_all_routes_that_name_it(tmp_path: Path):
    """Each route gets its own task with its own key; another incoming's route gets none."""
    inline = {"subscriber": {"client": "erp", "route": "others", "effect": "read"}}
    configuration = document(
        routes={"r": {"key": "{{ record.id }}"}, "s": {"key": "S{{ record.id }}"}, "t": {"incoming": inline}}
    )

    async with open_stage(Source([row(1), row(2)]), configuration, tmp_path) as stage:
        counts = await stage.ingest.fetch("rows")

        assert [await stage.keys(route) for route in "rst"] == [["1", "2"], ["S1", "S2"], []]
        assert (counts.taken, counts.tasks) == (2, 4)


async def test_what_a_filter_leaves_out_is_counted_and_makes_no_task(tmp_path: Path):
    """A record of which nothing is left is no failure."""
    configuration = document(transform=[{"filter": "{{ record.id != 2 }}"}])

    async with open_stage(Source([row(1), row(2), row(3)]), configuration, tmp_path) as stage:
        counts = await stage.ingest.fetch("rows")

        assert await stage.keys() == ["1", "3"]
        assert (counts.taken, counts.left_out, counts.tasks) == (3, 1, 2)


async def test_a_record_that_is_split_becomes_several_tasks(tmp_path: Path):
    """Each has its own key and its place in the batch."""
    source = Source([row(1, lines=[{"id": 11}, {"id": 12}]), row(2, lines=[{"id": 21}])])

    async with open_stage(source, document(transform=[{"split": "$.lines[*]"}]), tmp_path) as stage:
        await stage.ingest.fetch("rows")

        assert await stage.keys() == ["11", "12", "21"]
        found = await stage.store.tasks.find(TaskFilter())
        assert sorted((task.key, task.position) for task in found) == [("11", 0), ("12", 1), ("21", 2)]


async def test_tasks_say_where_they_come_from(tmp_path: Path):
    """The source is the place of the incoming in the configuration."""
    inline = {"subscriber": {"client": "erp", "route": "rows", "effect": "read", "records": "$.rows[*]"}}
    configuration = document(routes={"r": {}, "s": {"incoming": inline}})

    async with open_stage(Source([row(1)]), configuration, tmp_path) as stage:
        await stage.ingest.fetch("rows")
        await stage.ingest.fetch("routes.s")
        await stage.ingest.push("r", batches(row(2)))

        found = await stage.store.tasks.find(TaskFilter())
        assert [task.source for task in reversed(found)] == ["incoming.rows", "routes.s.incoming", "push"]


async def test_an_incoming_that_feeds_no_route_is_refused(tmp_path: Path):
    """Its records would be taken, and go nowhere."""
    configuration = document(routes={"r": {"incoming": None}})
    source = Source([row(1)])

    async with open_stage(source, configuration, tmp_path) as stage:
        with pytest.raises(SubscriberError, match=r"no route takes the records of incoming\.rows"):
            await stage.ingest.fetch("rows")

    assert source.asked == []


# --- records that cannot be shaped ----------------------------------------------------------------------------------


async def test_a_record_that_cannot_be_shaped_is_kept_as_it_came(tmp_path: Path):
    """It is a failed task with the step and the reason; the others go on."""
    configuration = document(transform=[{"cast": {"total": "decimal"}}])
    source = Source([row(1, total="5"), row(2, total="free"), row(3, total="7")])

    async with open_stage(source, configuration, tmp_path) as stage:
        counts = await stage.ingest.fetch("rows")

        (failed,) = await stage.store.tasks.find(TaskFilter(statuses=(TaskStatus.FAILED,)))
        assert (counts.tasks, counts.failed) == (2, 1)
        assert (failed.key, failed.source, failed.step) == (
            None,
            "incoming.rows#raw",
            "incoming.rows.transform[0].cast.total",
        )
        assert 'text "free"' in failed.reason or '"free"' in failed.reason
        assert (None, "failed", row(2, total="free")) in await stage.tasks()


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("{{ record.code }}", "code"),
        ("{{ record.empty }}", "the key is empty"),
        ("{{ record.blank }}", "the key is empty"),
        ("{{ record.long }}", "the key has 2,000 bytes, accepted are 1,000"),
        ("{{ record.odd }}", "half a surrogate pair"),
        ("{{ record.nul }}", "a NUL character"),
    ],
)
async def test_a_record_without_a_usable_key_is_kept_as_it_came(tmp_path: Path, key: str, told: str):
    """What identifies no record, or no database can keep, is a failure and not another record's key."""
    configuration = document(routes={"r": {"incoming": None, "key": key}})
    record = {"id": 1, "empty": "", "blank": " \n", "long": "é" * 1000, "odd": "a\ud800", "nul": "a\0b"}

    async with open_stage(Source([]), configuration, tmp_path) as stage:
        counts = await stage.ingest.push("r", batches(record))

        (failed,) = await stage.store.tasks.find(TaskFilter())
        assert (counts.failed, counts.tasks) == (1, 0)
        assert (failed.status, failed.source, failed.step) == (TaskStatus.FAILED, "push#raw", "routes.r.key")
        assert told in failed.reason
        assert await stage.tasks() == [(None, "failed", record)]


async def test_a_key_that_fails_on_one_route_is_no_matter_of_the_other(tmp_path: Path):
    """The other route gets its task."""
    configuration = document(routes={"r": {"key": "{{ record.code }}"}, "s": {"key": "{{ record.id }}"}})

    async with open_stage(Source([row(1)]), configuration, tmp_path) as stage:
        await stage.ingest.fetch("rows")

        assert await stage.tasks("r") == [(None, "failed", row(1))]
        assert await stage.tasks("s") == [("1", "new", row(1))]


async def test_what_is_split_from_one_record_fails_as_a_whole(tmp_path: Path):
    """One part has no key: the record is kept as it came, and no part of it goes ahead."""
    source = Source([row(1, lines=[{"id": 11}, {"sku": "A"}])])

    async with open_stage(source, document(transform=[{"split": "$.lines[*]"}]), tmp_path) as stage:
        counts = await stage.ingest.fetch("rows")

        assert await stage.tasks() == [(None, "failed", source.rows[0])]
        assert (counts.tasks, counts.failed) == (0, 1)


async def test_a_shaped_record_that_cannot_be_kept_is_kept_as_it_came(tmp_path: Path):
    """A step made something that no record may hold."""
    configuration = document(
        transform=[{"set": {"age": {"value": "{{ now() - ('2026-01-01T00:00Z' | to_datetime) }}", "type": "any"}}}]
    )

    async with open_stage(Source([row(1)]), configuration, tmp_path) as stage:
        await stage.ingest.fetch("rows")

        (failed,) = await stage.store.tasks.find(TaskFilter())
        assert failed.reason == "the record holds a Python timedelta, which cannot be kept"


async def test_what_was_handed_in_and_is_no_json_is_refused(tmp_path: Path):
    """Nothing of it could be kept, so that whoever hands it in is told."""
    async with open_stage(Source([]), document(), tmp_path) as stage:
        with pytest.raises(SubscriberError, match="push: the record holds a Python set"):
            await stage.ingest.push("r", batches({"id": {1}}))

        assert await stage.tasks() == []


# --- cursors --------------------------------------------------------------------------------------------------------


async def test_a_run_goes_on_where_the_last_one_ended(tmp_path: Path):
    """The cursor is kept with the tasks, and the next run asks from a little before it."""
    source = Source([row(1), row(5), row(3)])

    async with open_stage(source, document(subscriber=ASKS, state=CURSOR), tmp_path) as stage:
        await stage.ingest.fetch("rows")
        assert await stage.cursor() == ("2026-11-22 00:05:00", None)
    async with open_stage(source, document(subscriber=ASKS, state=CURSOR), tmp_path) as stage:
        source.rows.append(row(7))
        counts = await stage.ingest.fetch("rows")

        assert [payload["from"] for payload in source.asked] == ["2026-11-22", "2026-11-22 00:03:00"]
        assert await stage.keys() == ["1", "5", "3", "7"]
        assert (counts.taken, counts.duplicates) == (3, 2)
        assert await stage.cursor() == ("2026-11-22 00:07:00", None)


async def test_in_any_order_a_run_that_breaks_off_leaves_the_cursor(tmp_path: Path):
    """What came is kept, the highest value is pending, and the next run asks from where this one did."""
    source = Source([row(9), row(1), row(5)])
    source.answer = lambda payload: 503 if payload["page"] == 2 else None

    async with open_stage(source, document(subscriber={**PAGED, **ASKS}, state=CURSOR), tmp_path) as stage:
        with pytest.raises(CallError):
            await stage.ingest.fetch("rows")
        assert await stage.keys() == ["9", "1"]
        assert await stage.cursor() == (None, "2026-11-22 00:09:00")

        source.answer = lambda _payload: None
        await stage.ingest.fetch("rows")

        assert source.asked[2]["from"] == "2026-11-22"
        assert await stage.keys() == ["9", "1", "5"]
        assert await stage.cursor() == ("2026-11-22 00:09:00", None)


async def test_in_ascending_order_a_run_that_breaks_off_goes_on_there(tmp_path: Path):
    """The cursor stands at the value below the last that came: more records with that one may follow."""
    source = Source([row(1), row(2), {**row(3), "at": row(2)["at"]}, row(4)])
    source.answer = lambda payload: 503 if payload["page"] == 2 else None
    state = {**CURSOR, "order": "ascending", "overlap": 0}

    async with open_stage(source, document(subscriber={**PAGED, **ASKS}, state=state), tmp_path) as stage:
        with pytest.raises(CallError):
            await stage.ingest.fetch("rows")
        assert await stage.cursor() == ("2026-11-22 00:01:00", None)

        source.answer = lambda _payload: None
        await stage.ingest.fetch("rows")

        assert source.asked[2]["from"] == "2026-11-22 00:01:00"
        assert await stage.keys() == ["1", "2", "3", "4"]
        assert await stage.cursor() == ("2026-11-22 00:04:00", None)


async def test_a_limit_moves_the_cursor_over_what_became_tasks_alone(tmp_path: Path):
    """Of a page that is cut, what is left over comes with the next run."""
    source = Source([row(number) for number in range(1, 6)])
    state = {**CURSOR, "order": "ascending", "overlap": 0}

    async with open_stage(source, document(subscriber={**PAGED, **ASKS}, state=state), tmp_path) as stage:
        counts = await stage.ingest.fetch("rows", limit=3)
        assert (counts.taken, counts.is_complete) == (3, False)
        assert await stage.keys() == ["1", "2", "3"]
        assert await stage.cursor() == ("2026-11-22 00:02:00", None)

        await stage.ingest.fetch("rows", limit=3)

        assert await stage.keys() == ["1", "2", "3", "4"]


async def test_pages_that_a_limit_of_the_configuration_ends_leave_the_cursor(tmp_path: Path):
    """The last page was not read, so nothing says that the highest value is the highest."""
    source = Source([row(9), row(1), row(5)])
    subscriber = {"pagination": {**PAGED["pagination"], "max_pages": 1}, **ASKS}

    async with open_stage(source, document(subscriber=subscriber, state=CURSOR), tmp_path) as stage:
        await stage.ingest.fetch("rows")

        assert await stage.cursor() == (None, "2026-11-22 00:09:00")


async def test_what_a_filter_leaves_out_moves_the_cursor_as_well(tmp_path: Path):
    """It was read: a source of which nothing is wanted is not read again and again."""
    configuration = document(subscriber=ASKS, state=CURSOR, transform=[{"filter": False}])

    async with open_stage(Source([row(1), row(2)]), configuration, tmp_path) as stage:
        counts = await stage.ingest.fetch("rows")

        assert counts.left_out == 2
        assert await stage.cursor() == ("2026-11-22 00:02:00", None)


async def test_records_without_a_value_are_taken_and_told_once(tmp_path: Path):
    """They become tasks, the others move the cursor, and one warning tells how many there were."""
    source = Source([row(1), {"id": 2, "at": None}, {"id": 3, "at": None}, row(4)])

    async with open_stage(source, document(subscriber=PAGED, state=CURSOR), tmp_path) as stage:
        with capture_logs() as logs:
            await stage.ingest.fetch("rows")

        assert await stage.keys() == ["1", "2", "3", "4"]
        assert await stage.cursor() == ("2026-11-22 00:04:00", None)
    doubtful = [entry["reason"] for entry in logs if entry["event"] == "cursor_doubtful"]
    assert doubtful == ["2 records have no usable cursor, the first has nothing; taken all the same, and not counted"]


async def test_a_cursor_that_somebody_moved_meanwhile_refuses_the_page(tmp_path: Path):
    """A person set it while records were fetched: nothing is kept with a cursor that would overrule that."""
    source = Source([row(1), row(2), row(3)])

    async with open_stage(source, document(subscriber=PAGED, state=CURSOR), tmp_path) as stage:

        async def set_it(payload: dict[str, Any]) -> None:
            if payload["page"] == 2:
                await stage.store.state.set_cursor("rows", "2026-01-01")

        source.gate = set_it

        with pytest.raises(CursorMovedError):
            await stage.ingest.fetch("rows")

        assert await stage.keys() == ["1", "2"]
        assert await stage.cursor() == ("2026-01-01", None)


async def test_a_fetch_that_finds_nothing_new_writes_nothing(tmp_path: Path):
    """The cursor stands where it stood, and is not moved there again."""
    source = Source([row(1)])

    async with open_stage(source, document(subscriber=ASKS, state=CURSOR), tmp_path) as stage:
        await stage.ingest.fetch("rows")
        source.rows.clear()
        held = HeldStore(stage.store)
        await held.make_ingest(stage).fetch("rows")

        assert held.begun == 0


async def test_an_incoming_in_a_route_has_a_cursor_of_its_own(tmp_path: Path):
    """It is kept under the route's name."""
    inline = {
        "subscriber": {"client": "erp", "route": "rows", "effect": "read", "records": "$.rows[*]", **ASKS},
        "state": CURSOR,
    }

    async with open_stage(
        Source([row(1)]), document(routes={"r": {"incoming": inline, "key": "{{ record.id }}"}}), tmp_path
    ) as stage:
        await stage.ingest.fetch("routes.r")

        assert await stage.cursor("routes.r") == ("2026-11-22 00:01:00", None)


async def test_two_fetches_of_one_incoming_go_one_after_the_other(tmp_path: Path):
    """The second begins where the first has ended."""
    source = Source([row(1), row(2)])

    async with open_stage(source, document(subscriber=ASKS, state={**CURSOR, "overlap": 0}), tmp_path) as stage:
        await asyncio.gather(stage.ingest.fetch("rows"), stage.ingest.fetch("rows"))

        assert [payload["from"] for payload in source.asked] == ["2026-11-22", "2026-11-22 00:02:00"]


# --- walks ----------------------------------------------------------------------------------------------------------


async def test_a_walk_asks_for_id_after_id(tmp_path: Path):
    """Those that are missing are passed over, until there is no end to them; the next run goes on behind the last."""
    source = Source([row(1), row(2), row(4)])
    state = {"walk": {"gap": 2}}

    async with open_stage(source, document(subscriber=WALK, state=state), tmp_path) as stage:
        await stage.ingest.fetch("rows")
        assert await stage.keys() == ["1", "2", "4"]
        assert await stage.cursor() == (4, None)

        source.rows.append(row(5))
        source.asked.clear()
        await stage.ingest.fetch("rows")

        assert [payload["id"] for payload in source.asked] == ["5", "6", "7"]
        assert await stage.keys() == ["1", "2", "4", "5"]


@pytest.mark.parametrize("status", [503, 401, 500])
async def test_what_is_no_sign_of_a_missing_id_ends_the_walk(tmp_path: Path, status: int):
    """A busy remote system, or one that refuses the credential, has not said that there is nothing."""
    source = Source([row(1), row(2), row(3)])
    source.answer = lambda payload: status if payload["id"] == "3" else None

    async with open_stage(source, document(subscriber=WALK, state={"walk": {"gap": 2}}), tmp_path) as stage:
        with pytest.raises(CallError):
            await stage.ingest.fetch("rows")

        assert await stage.keys() == ["1", "2"]
        assert await stage.cursor() == (2, None)


@pytest.mark.parametrize(("named", "is_missing"), [("{{ state.id }}", True), ("0", False)])
async def test_a_step_before_that_is_refused_says_something_of_the_id_it_names(
    tmp_path: Path, named: str, is_missing: bool
):
    """One that names the id says that it is missing; one that does not ends the walk."""
    before = [{"name": "load", "route": "before", "effect": "session", "data": {"load": named}}]
    source = Source([row(1), row(2)])
    source.answer = lambda payload: None if "load" not in payload or payload["load"] in {"1", "2"} else 422
    configuration = document(subscriber={**WALK, "before": before}, state={"walk": {"gap": 2}})

    async with open_stage(source, configuration, tmp_path) as stage:
        if is_missing:
            await stage.ingest.fetch("rows")
        else:
            with pytest.raises(CallError):
                await stage.ingest.fetch("rows")

        assert await stage.cursor() == ((2, None) if is_missing else None)


async def test_an_answer_that_does_not_repeat_the_id_takes_it(tmp_path: Path):
    """The id is a field of each record, ahead of every step."""
    source = Source([row(1), row(2)])
    source.answer = lambda payload: httpx.Response(200, json={"rows": [{"a": 1}]}) if payload["id"] == "1" else 404
    configuration = document(
        subscriber=WALK,
        state={"walk": {"gap": 2, "into": "number"}},
        transform=[{"set": {"code": "N{{ record.number }}"}}],
        routes={"r": {"key": "{{ record.code }}"}},
    )

    async with open_stage(source, configuration, tmp_path) as stage:
        await stage.ingest.fetch("rows")

        assert await stage.tasks() == [("N1", "new", {"a": 1, "number": 1, "code": "N1"})]


async def test_a_walk_is_kept_in_few_transactions(tmp_path: Path):
    """Twenty ids go together, each with the cursor behind it."""
    source = Source([row(number) for number in range(1, 46)])

    async with open_stage(source, document(subscriber=WALK, state={"walk": {"gap": 5}}), tmp_path) as stage:
        held = HeldStore(stage.store)
        await held.make_ingest(stage).fetch("rows")

        assert len(await stage.keys()) == 45
        assert held.begun == 3


async def test_a_walk_stops_at_a_limit_and_goes_on_there(tmp_path: Path):
    """An id that gives more records than the limit leaves is asked for again."""
    source = Source([row(1), row(2, part="a"), row(2, part="b"), row(3)])
    configuration = document(
        subscriber=WALK,
        state={"walk": {"gap": 1}},
        routes={"r": {"key": "{{ record.id }}{{ record.part | default('') }}"}},
    )

    async with open_stage(source, configuration, tmp_path) as stage:
        await stage.ingest.fetch("rows", limit=2)
        assert (await stage.keys(), await stage.cursor()) == (["1", "2a"], (1, None))

        await stage.ingest.fetch("rows")

        assert (await stage.keys(), await stage.cursor()) == (["1", "2a", "2b", "3"], (3, None))


# --- limits and stops -----------------------------------------------------------------------------------------------


async def test_a_page_that_was_handed_over_is_taken_whole(tmp_path: Path):
    """Where asking marks records as taken, what a limit would leave over would be lost."""
    source = Source([row(number) for number in range(1, 6)])

    async with open_stage(source, document(subscriber={**PAGED, "effect": "commit"}), tmp_path) as stage:
        counts = await stage.ingest.fetch("rows", limit=1)

        assert await stage.keys() == ["1", "2"]
        assert (counts.taken, len(source.asked)) == (2, 1)


async def test_a_stop_breaks_a_question_off(tmp_path: Path):
    """What was kept stays, and the request under way is not waited for."""
    source = Source([row(number) for number in range(1, 6)])
    stop = asyncio.Event()
    never = asyncio.Event()

    def gate(payload: dict[str, Any]) -> Any:
        if payload["page"] == 2:
            stop.set()
            return never.wait()
        return None

    source.gate = gate

    async with asyncio.timeout(20), open_stage(source, document(subscriber=PAGED), tmp_path) as stage:
        counts = await stage.ingest.fetch("rows", stop=stop)

        assert await stage.keys() == ["1", "2"]
        assert (counts.taken, counts.is_complete) == (2, False)


async def test_a_stop_does_not_break_off_what_hands_over(tmp_path: Path):
    """The page that was asked for is waited for and kept: the remote system counts it as taken."""
    source = Source([row(number) for number in range(1, 6)])
    stop = asyncio.Event()

    async def gate(_payload: dict[str, Any]) -> None:
        stop.set()
        await asyncio.sleep(0.01)

    source.gate = gate

    async with open_stage(source, document(subscriber={**PAGED, "effect": "commit"}), tmp_path) as stage:
        await stage.ingest.fetch("rows", stop=stop)

        assert await stage.keys() == ["1", "2"]
        assert len(source.asked) == 1


async def test_the_next_page_is_asked_for_while_one_is_kept(tmp_path: Path):
    """One page ahead, and no further."""
    source = Source([row(number) for number in range(1, 8)])

    async with asyncio.timeout(20), open_stage(source, document(subscriber=PAGED), tmp_path) as stage:
        held = HeldStore(stage.store)
        held.may_go.clear()
        fetching = asyncio.create_task(held.make_ingest(stage).fetch("rows"))
        await source.wait_for(2)
        await asyncio.sleep(0.02)

        assert (len(source.asked), held.begun) == (2, 1)

        held.may_go.set()
        await fetching
        assert len(await stage.keys()) == 7


async def test_no_page_is_asked_for_that_hands_over_before_the_last_is_kept(tmp_path: Path):
    """Nothing is taken from a remote system while what was taken last is not safe."""
    source = Source([row(number) for number in range(1, 4)])

    async with (
        asyncio.timeout(20),
        open_stage(source, document(subscriber={**PAGED, "effect": "commit"}), tmp_path) as stage,
    ):
        held = HeldStore(stage.store)
        held.may_go.clear()
        fetching = asyncio.create_task(held.make_ingest(stage).fetch("rows"))
        await held.has_begun.wait()
        await asyncio.sleep(0.02)

        assert len(source.asked) == 1

        held.may_go.set()
        await fetching
        assert await stage.keys() == ["1", "2", "3"]


async def test_a_store_that_fails_ends_the_fetch(tmp_path: Path):
    """Also while the next page is awaited, which may take for ever."""
    source = Source([row(number) for number in range(1, 6)])
    never = asyncio.Event()
    source.gate = lambda payload: never.wait() if payload["page"] == 2 else None

    async with open_stage(source, document(subscriber=PAGED), tmp_path) as stage:
        held = HeldStore(stage.store)
        held.fails_with = StoreError("the disk is full")
        fetching = asyncio.create_task(held.make_ingest(stage).fetch("rows"))
        ended, _ = await asyncio.wait({fetching}, timeout=10)

        assert ended
        with pytest.raises(StoreError, match="the disk is full"):
            await fetching
        assert await stage.keys() == []


@pytest.mark.parametrize("is_asking", [True, False])
async def test_a_fetch_that_is_cancelled_keeps_what_is_being_kept(tmp_path: Path, is_asking: bool):
    """The page in the store's hands is finished before the fetch is over, wherever that stood."""
    source = Source([row(number) for number in range(1, 6)])
    never = asyncio.Event()
    source.gate = lambda payload: never.wait() if is_asking and payload["page"] == 2 else None

    async with asyncio.timeout(20), open_stage(source, document(subscriber=PAGED), tmp_path) as stage:
        held = HeldStore(stage.store)
        held.may_go.clear()
        fetching = asyncio.create_task(held.make_ingest(stage).fetch("rows"))
        await source.wait_for(2)
        await asyncio.sleep(0.02)
        fetching.cancel()
        await asyncio.sleep(0.01)
        held.may_go.set()
        with pytest.raises(asyncio.CancelledError):
            await fetching

        assert (held.ended, await stage.keys()) == (1, ["1", "2"])


# --- pushing --------------------------------------------------------------------------------------------------------


async def test_what_is_handed_in_becomes_tasks_and_the_ids_are_told(tmp_path: Path):
    """Batch by batch, once it is durable: which record gave which task, and which was left out."""
    told: list[Kept] = []

    async with open_stage(Source([]), document(), tmp_path) as stage:
        counts = await stage.ingest.push("r", batches(row(1), row(2), row(1)), on_kept=told.append)

        assert counts == Intake(taken=3, tasks=2, duplicates=1, is_complete=True)
        assert [(kept.first, kept.count, list(kept.owners), list(kept.ids)) for kept in told] == [
            (0, 2, [0, 1], [1, 2]),
            (2, 1, [2], [None]),
        ]


async def test_what_is_handed_in_passes_the_incoming_by(tmp_path: Path):
    """Its steps are for what it fetches."""
    async with open_stage(Source([]), document(transform=[{"filter": False}]), tmp_path) as stage:
        await stage.ingest.push("r", batches(row(1)))

        assert await stage.tasks() == [("1", "new", row(1))]


async def test_a_batch_is_told_when_it_is_kept_and_not_when_the_next_one_comes(tmp_path: Path):
    """A line that trickles in is acknowledged while the next one is awaited."""
    told = asyncio.Event()

    async def trickle() -> AsyncIterator[list[dict[str, Any]]]:
        yield [row(1)]
        await told.wait()

    async with asyncio.timeout(20), open_stage(Source([]), document(), tmp_path) as stage:
        await stage.ingest.push("r", trickle(), on_kept=lambda _kept: told.set())


async def test_records_are_read_no_faster_than_they_are_kept(tmp_path: Path):
    """One batch is read ahead, and no more."""
    read = 0

    async def endless() -> AsyncIterator[list[dict[str, Any]]]:
        nonlocal read
        while True:
            read += 1
            yield [row(read)]

    async with asyncio.timeout(20), open_stage(Source([]), document(), tmp_path) as stage:
        held = HeldStore(stage.store)
        held.may_go.clear()
        stop = asyncio.Event()
        pushing = asyncio.create_task(held.make_ingest(stage).push("r", endless(), stop=stop))
        await asyncio.sleep(0.05)

        assert read == 2

        stop.set()
        held.may_go.set()
        counts = await pushing
        assert counts.taken == 2


async def test_a_push_ends_at_its_limit(tmp_path: Path):
    """Of the batch that reaches it, no more is taken."""
    async with open_stage(Source([]), document(), tmp_path) as stage:
        counts = await stage.ingest.push("r", batches(row(1), row(2), row(3), row(4)), limit=3)

        assert await stage.keys() == ["1", "2", "3"]
        assert (counts.taken, counts.is_complete) == (3, False)


async def test_a_push_that_is_stopped_leaves_what_it_awaits(tmp_path: Path):
    """Nobody knows when the next line comes."""
    stop = asyncio.Event()

    async def waiting() -> AsyncIterator[list[dict[str, Any]]]:
        yield [row(1)]
        stop.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(20), open_stage(Source([]), document(), tmp_path) as stage:
        await stage.ingest.push("r", waiting(), stop=stop)

        assert await stage.keys() == ["1"]


# --- shaped again ---------------------------------------------------------------------------------------------------


def claimed(record: dict[str, Any], source: str) -> Claimed:
    """A task in hand that holds a record as it came."""
    return Claimed(
        id=7, route="r", key=None, record=encode_record(record), attempt=1, tries=1, sent=0, parcels=0,
        created_at_ms=0, source=source, position=4, token=1,
    )  # fmt: skip


async def test_a_record_kept_as_it_came_is_shaped_again(tmp_path: Path):
    """By the incoming's steps of now, and split by them as ever; each gets its key."""
    configuration = document(transform=[{"split": "$.lines[*]"}])
    record = row(1, lines=[{"id": 11}, {"id": 12}])

    async with open_stage(Source([]), configuration, tmp_path) as stage:
        made = stage.ingest.reshape(claimed(record, "incoming.rows#raw"))

    assert [(task.route, task.key, task.source, task.position) for task in made] == [
        ("r", "11", "incoming.rows", 4),
        ("r", "12", "incoming.rows", 5),
    ]
    assert {task.on_duplicate for task in made} == {OnDuplicate.SKIP}
    assert not any(is_raw(task.source) for task in made)


async def test_a_record_that_still_cannot_be_shaped_stays_as_it_is(tmp_path: Path):
    """The error says where and why, and whoever claimed the task settles it so."""
    configuration = document(transform=[{"cast": {"total": "decimal"}}])

    async with open_stage(Source([]), configuration, tmp_path) as stage:
        with pytest.raises(TransformError):
            stage.ingest.reshape(claimed(row(1, total="free"), "incoming.rows#raw"))


async def test_a_record_that_a_filter_leaves_out_by_now_gives_nothing(tmp_path: Path):
    """The steps were mended, and do not want it."""
    async with open_stage(Source([]), document(transform=[{"filter": False}]), tmp_path) as stage:
        assert stage.ingest.reshape(claimed(row(1), "incoming.rows#raw")) == ()


async def test_a_record_that_was_handed_in_passes_the_incoming_by_again(tmp_path: Path):
    """Its key failed, and nothing else is done with it."""
    async with open_stage(Source([]), document(transform=[{"filter": False}]), tmp_path) as stage:
        (made,) = stage.ingest.reshape(claimed(row(1), "push#raw"))

    assert (made.key, made.source) == ("1", "push")


async def test_a_route_that_lost_its_incoming_cannot_shape_what_came_from_it(tmp_path: Path):
    """The steps that it needs are there no more."""
    configuration = document(routes={"r": {"incoming": None, "key": "{{ record.id }}"}})

    async with open_stage(Source([]), configuration, tmp_path) as stage:
        with pytest.raises(TransformError, match=r"the record came from incoming\.rows, and the route has no incoming"):
            stage.ingest.reshape(claimed(row(1), "incoming.rows#raw"))


async def deliver(stage: Stage) -> None:
    """Deliver the route until there is nothing to do."""
    works = {"r": stage.runtime.work("r")}
    await Embedded(works, stage.store, redactor=Redactor()).drain("r", stop=asyncio.Event())


async def test_a_retry_of_a_record_kept_as_it_came_sends_what_it_becomes(tmp_path: Path):
    """When the steps are mended and a person asks for a new try, new tasks take its place, and are sent."""
    source = Source([row(1, lines=[{"id": 11, "total": "free"}, {"id": 12, "total": "5"}])])
    steps = [{"split": "$.lines[*]"}]
    async with open_stage(source, document(transform=[*steps, {"cast": {"total": "decimal"}}]), tmp_path) as stage:
        await stage.ingest.fetch("rows")
        await stage.store.tasks.retry(TaskFilter())
        await deliver(stage)
        assert [status for _, status, _ in await stage.tasks()] == ["failed"]

        await stage.store.tasks.retry(TaskFilter())
    async with open_stage(source, document(transform=steps), tmp_path) as stage:
        source.asked.clear()
        await deliver(stage)

        assert source.asked == [{"id": 11, "total": "free"}, {"id": 12, "total": "5"}]
        assert [(key, status) for key, status, _ in await stage.tasks()] == [
            (None, "skipped"),
            ("11", "finished"),
            ("12", "finished"),
        ]
        (first,) = await stage.store.tasks.find(TaskFilter(statuses=(TaskStatus.SKIPPED,)))
        assert (
            first.reason
            == "the record was shaped again: 2 tasks take the place of this one, where the route does not know the key"
        )


async def test_a_run_is_logged_with_its_counts(tmp_path: Path):
    """One line a run, however many records."""
    async with open_stage(Source([row(1), row(2)]), document(), tmp_path) as stage:
        with capture_logs() as logs:
            await stage.ingest.fetch("rows")

    (entry,) = [entry for entry in logs if entry["event"] == "records_fetched"]
    assert (entry["incoming"], entry["taken"], entry["tasks"], entry["log_level"]) == ("rows", 2, 2, "info")
