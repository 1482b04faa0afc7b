"""Unknown outcomes looked for in a practice shop, as a worker does that takes over from one that was killed."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from structlog.testing import capture_logs

from connector import load, log, open_project
from connector.redaction import Redactor
from connector.retry import RetryPolicy
from connector.route.shape import Shaping
from connector.sandbox.server import SandboxServer
from connector.store.rows import CommitNote, TaskStatus
from connector.store.store import open_store
from connector.task.looking import WAITS_MS, Looker
from connector.task.places import Places
from connector.task.work import RouteWork
from tests.integration.composite.conftest import ORDER
from tests.integration.task.stage import ROUTE, Remote, Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.interfaces import Departure
    from connector.store.rows import Claimed, Look, UnknownTask


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        """Tell the time."""
        return self.now_ms


@pytest.fixture
async def shop() -> AsyncIterator[SandboxServer]:
    """A practice shop whose orders can be shown."""
    async with SandboxServer(dialect="3.0", error_display=False) as server:
        yield server


@pytest.fixture
def time() -> Time:
    """A clock."""
    return Time()


@pytest.fixture
def open_shop_stage(shop: SandboxServer, tmp_path: Path, time: Time) -> Any:
    """Open a stage whose route places orders in the practice shop."""

    @asynccontextmanager
    async def open_(**route: Any) -> AsyncIterator[Stage]:
        options = {"connector": "opencart", "base_url": shop.base_url, "username": shop.username, "key": shop.key}
        document = {
            "clients": {"shop": {**options, "dialect": "3.0"}},
            "outgoing": {"out": {"publisher": {"client": "shop", "entity": "order.place"}}},
            "routes": {ROUTE: {"outgoing": "out", **route}},
        }
        async with (
            open_store(tmp_path / "connector.db", clock=time) as store,
            open_project(load(document, environment={})) as runtime,
        ):
            plan, out = runtime.project.routes[ROUTE], runtime.outgoing("out")
            work = RouteWork(ROUTE, Shaping(plan.transformer, out), out.publisher, RetryPolicy())
            yield Stage(store, work, Redactor(), Places())

    return open_


async def kill_after_commit(stage: Stage, record: dict[str, Any], *, arrives: bool) -> UnknownTask:
    """Leave a task behind as a process that is killed when its request has left; return it as it is found."""
    (task,) = await stage.make(record)
    lease = await stage.acquire("killed")
    (claimed,) = await stage.store.tasks.claim(lease, limit=1, longest_wait_ms=0)
    await leave(stage, claimed, record, arrives=arrives)
    await stage.store.lanes.release(await stage.acquire("next"))
    (unknown,) = await stage.store.tasks.show_unknown([task])
    return unknown


async def leave(stage: Stage, claimed: Claimed, record: dict[str, Any], *, arrives: bool) -> None:
    """Have a request leave under its note, and nobody hear of its answer."""

    async def note(departure: Departure) -> None:
        evidence = orjson.dumps(departure.evidence) if departure.evidence else None
        left = CommitNote(
            claimed.id, claimed.attempt, claimed.token, departure.step, departure.entity, stage.store.now_ms(), evidence
        )
        await stage.journal.note(left)
        if not arrives:
            raise ConnectionAbortedError

    with suppress(ConnectionAbortedError):
        await stage.work.publisher.publish(record, before_commit=note)


async def test_what_is_found_finishes_the_task(open_shop_stage, shop):
    """The order carries our reference: the task has its number, and the answer as a placed order has it."""
    async with open_shop_stage() as stage:
        unknown = await kill_after_commit(stage, ORDER, arrives=True)
        with capture_logs() as lines:
            count = await Looker(stage.delivery).look_at_due()
        detail = await stage.show(unknown.id)

    assert (count, detail.row.status, detail.row.verdict, detail.row.sent) == (1, "finished", "ok", 1)
    assert orjson.loads(detail.value or b"")["order_id"] == 1
    assert {exchange.entity for exchange in detail.exchanges} >= {"order.info"}
    (line,) = [line for line in lines if line["event"] == log.SETTLED]
    assert (line["task_id"], line["outcome"]) == (unknown.id, "finished")
    assert len(shop.orders) == 1


async def test_what_is_not_there_stays_unknown_and_is_looked_for_again(open_shop_stage, time):
    """After a minute, ten minutes and an hour; then it waits for a person alone."""
    waits_ms: list[int | None] = []

    async with open_shop_stage() as stage:
        unknown = await kill_after_commit(stage, ORDER, arrives=False)
        looker = Looker(stage.delivery)
        while await looker.look_at_due():
            row = (await stage.show(unknown.id)).row
            waits_ms.append(None if row.due_at_ms is None else row.due_at_ms - time.now_ms)
            time.now_ms = row.due_at_ms or time.now_ms + 10**9

    assert (row.status, waits_ms) == ("unknown", [*WAITS_MS, None])
    assert "order id was known" in row.reason


async def test_what_comes_late_is_found_by_a_later_look(open_shop_stage, shop, time):
    """A shop that was still working on it when it was first looked for."""
    async with open_shop_stage() as stage:
        unknown = await kill_after_commit(stage, ORDER, arrives=False)
        looker = Looker(stage.delivery)
        await looker.look_at_due()
        await stage.work.publisher.publish(ORDER)
        time.now_ms += WAITS_MS[0]
        await looker.look_at_due()
        row = (await stage.show(unknown.id)).row

    assert (row.status, len(shop.orders)) == ("finished", 1)


async def test_what_was_known_before_tells_where_to_look(open_shop_stage, shop):
    """Ids noted ahead of the request are evidence after a restart: only orders behind them are asked for."""
    async with open_shop_stage() as stage:
        for number in range(3):
            await stage.work.publisher.publish({**ORDER, "reference": f"WEB-{10 + number}"})
        unknown = await kill_after_commit(stage, ORDER, arrives=True)
        looker = Looker(stage.delivery)
        await looker.look_at_due()
        detail = await stage.show(unknown.id)

    assert unknown.evidence == b'{"order_id":3}'
    asked = [exchange.url for exchange in detail.exchanges if exchange.entity == "order.info"]
    assert ["order_id=4" in url for url in asked] == [True]


async def test_a_shop_that_is_away_is_asked_again(open_shop_stage, shop, time):
    """A look that got no answer counts for nothing, however often."""
    async with open_shop_stage() as stage:
        unknown = await kill_after_commit(stage, ORDER, arrives=True)
        looker = Looker(stage.delivery)
        shop.control("faults", route="order/info", status=503, calls=100)
        for _ in range(6):
            await looker.look_at_due()
            row = (await stage.show(unknown.id)).row
            time.now_ms = row.due_at_ms or 0
        shop.control("faults", clear=True)
        reason = row.reason
        await looker.look_at_due()
        row = (await stage.show(unknown.id)).row

    assert reason.startswith("looking for it failed: ")
    assert row.status == "finished"


async def test_of_several_parcels_the_next_one_is_sent_when_one_was_found(open_shop_stage, shop):
    """The task goes on behind it, and no parcel is sent twice."""
    split = {"transform": [{"split": "$.orders[*]"}]}
    orders = [{**ORDER, "reference": f"WEB-{number}"} for number in range(2)]

    async with open_shop_stage(**split) as stage:
        (task,) = await stage.make({"orders": orders})
        (claimed,) = await stage.store.tasks.claim(await stage.acquire("killed"), limit=1, longest_wait_ms=0)
        await leave(stage, claimed, orders[0], arrives=True)
        await stage.store.lanes.release(await stage.acquire("next"))
        await Looker(stage.delivery).look_at_due()
        found = (await stage.show(task)).row
        await stage.deliver()
        row = (await stage.show(task)).row

    assert (found.status, found.sent) == ("new", 1)
    assert (row.status, row.sent, len(shop.orders)) == ("finished", 2, 2)


async def test_marks_are_kept_with_what_is_found(open_shop_stage):
    """What was sent after all is not sent again because its mark is missing."""
    changed = {"transform": [{"changed": {"key": "{{ record.reference }}"}}]}

    async with open_shop_stage(**changed) as stage:
        await kill_after_commit(stage, ORDER, arrives=True)
        await Looker(stage.delivery).look_at_due()
        (again,) = await stage.make(ORDER)
        await stage.deliver()
        row = (await stage.show(again)).row

    assert row.status == "skipped"


async def test_where_nobody_can_be_asked_the_task_waits_for_a_person(tmp_path: Path):
    """Its own words stay, and it is not taken up again."""
    async with open_stage(tmp_path, Remote()) as stage:
        unknown = await kill_after_commit(stage, {"n": 1}, arrives=True)
        looker = Looker(stage.delivery)
        counts = [await looker.look_at_due() for _ in range(2)]
        row = (await stage.show(unknown.id)).row

    assert (counts, row.status, row.due_at_ms) == ([1, 0], "unknown", None)
    assert "the worker stopped after the request of orders was sent" in row.reason


async def test_a_look_that_a_person_asks_for_says_what_was_seen(open_shop_stage):
    """Due or not."""
    async with open_shop_stage() as stage:
        unknown = await kill_after_commit(stage, ORDER, arrives=True)
        look: Look = await Looker(stage.delivery).look(replace(unknown, looks=9))

    assert look.status is TaskStatus.FINISHED
    assert look.reason.startswith("found by its reference")


async def test_ids_of_finished_tasks_are_evidence_after_a_restart(open_shop_stage):
    """A new process reads the last one from the store, and the note of its first order has it."""
    async with open_shop_stage() as stage:
        await stage.make({**ORDER, "reference": "WEB-0"})
        await stage.deliver()
    async with open_shop_stage() as stage:
        (task,) = await stage.make(ORDER)
        await stage.deliver()
        (attempt,) = (await stage.show(task)).attempts

    assert attempt.commit_evidence == b'{"order_id":1}'
