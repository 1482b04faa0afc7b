"""Routes delivered by the one process that holds a SQLite store."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from connector import log
from connector.errors import StoreError, UnknownNameError
from connector.record_codec import encode_record
from connector.retry import RetryPolicy
from connector.route.result import Status
from connector.store.rows import CommitNote, NewTask, RouteState, TaskFilter, TaskStatus
from connector.store.store import open_store
from connector.task.embedded import Embedded
from tests.integration.task.stage import ROUTE, Remote, Stage, as_now, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.rows import Claimed

SOON_S = 1.7
"""A look at the store is due every second."""


def numbered(count: int) -> list[dict[str, int]]:
    """So many records."""
    return [{"n": number} for number in range(count)]


def embed(stage: Stage, *, policy: RetryPolicy | None = None, **options: Any) -> Embedded:
    """Return the dispatcher of a stage's route."""
    work = replace(stage.work, retry=policy or stage.work.retry)
    results = stage.results
    return Embedded(
        {ROUTE: work},
        stage.store,
        redactor=stage.redactor,
        on_result=lambda _route, result: results.append(result),
        **options,
    )


@asynccontextmanager
async def running(embedded: Embedded, **options: Any) -> AsyncIterator[asyncio.Task[bool]]:
    """Run until the block ends."""
    stop = asyncio.Event()
    task = asyncio.create_task(embedded.run(stop, **options))
    try:
        yield task
    finally:
        stop.set()
        await task


async def until_settled(stage: Stage, count: int) -> None:
    """Return when so many results were told."""
    async with asyncio.timeout(10):
        while len(stage.results) < count:  # noqa: ASYNC110 - as whoever reads a list of results
            await asyncio.sleep(0.005)


# --- draining a route -------------------------------------------------------------------------------------------------


async def test_a_route_is_drained_of_all_that_can_be_claimed(tmp_path: Path):
    """Every task is delivered, and nothing is left to wait for."""
    async with open_stage(tmp_path, Remote()) as stage:
        await stage.make(*numbered(50))
        drained = await embed(stage).drain(ROUTE, stop=asyncio.Event())
        counts = await stage.store.tasks.counts()
        held = await stage.store.lanes.held()

    assert counts == as_now(50)
    assert [result.status for result in stage.results] == [Status.FINISHED] * 50
    assert (drained.state, drained.stopped, drained.next_due_ms, drained.is_cut) == (
        RouteState.ACTIVE,
        None,
        None,
        False,
    )
    assert held == []


async def test_tries_that_are_due_soon_are_waited_for(tmp_path: Path):
    """Each within the wait, however many there are."""
    answers = iter([httpx.Response(429), httpx.Response(429)])

    async def work(_payload: Any) -> httpx.Response | None:
        return next(answers, None)

    async with asyncio.timeout(10), open_stage(tmp_path, Remote(work)) as stage:
        await stage.make({"n": 1})
        await embed(stage).drain(ROUTE, stop=asyncio.Event(), wait_s=5)
        statuses = await stage.statuses()

    assert (statuses, [result.attempts for result in stage.results]) == (["finished"], [3])


async def test_tries_that_are_due_later_are_left_and_named(tmp_path: Path):
    """Whoever drains learns when the next one is due."""

    async def work(_payload: Any) -> httpx.Response:
        return httpx.Response(429, headers={"retry-after": "30"})

    async with asyncio.timeout(10), open_stage(tmp_path, Remote(work)) as stage:
        await stage.make({"n": 1})
        policy = RetryPolicy(attempts=3, longest_delay=timedelta(seconds=60))
        drained = await embed(stage, policy=policy).drain(ROUTE, stop=asyncio.Event(), wait_s=5)
        left_ms = (drained.next_due_ms or 0) - stage.store.now_ms()

    assert 25_000 < left_ms <= 30_000
    assert stage.results == []


async def test_a_paused_route_is_left_alone(tmp_path: Path):
    """Nothing is sent, and whoever drains learns who has paused it."""
    remote = Remote()

    async with open_stage(tmp_path, remote) as stage:
        await stage.make({"n": 1})
        await stage.store.routes.pause(ROUTE, by="ann", reason="stock-taking")
        drained = await embed(stage).drain(ROUTE, stop=asyncio.Event())

    assert (drained.state, drained.reason, remote.started) == (RouteState.PAUSED, "stock-taking", [])


async def test_a_route_that_stopped_itself_is_tried_anew(tmp_path: Path):
    """It stops again where nobody has seen to it, and is active again where somebody has."""
    answers = iter([httpx.Response(401)])

    async def work(_payload: Any) -> httpx.Response | None:
        return next(answers, None)

    async with open_stage(tmp_path, Remote(work)) as stage:
        await stage.make({"n": 1})
        first = await embed(stage).drain(ROUTE, stop=asyncio.Event())
        second = await embed(stage).drain(ROUTE, stop=asyncio.Event())
        statuses = await stage.statuses()

    assert (first.state, first.stopped is not None) == (RouteState.STOPPED, True)
    assert "401" in first.reason
    assert (second.state, second.stopped, statuses) == (RouteState.ACTIVE, None, ["finished"])


async def test_while_more_come_in_a_route_is_not_drained(tmp_path: Path):
    """What is made meanwhile is delivered at once, and draining ends when no more will come."""
    fed = asyncio.Event()

    async with asyncio.timeout(10), open_stage(tmp_path, Remote()) as stage:
        embedded = embed(stage)
        draining = asyncio.create_task(embedded.drain(ROUTE, stop=asyncio.Event(), fed=fed))
        for count in (3, 6):
            await stage.make(*numbered(3))
            embedded.wake(ROUTE)
            await until_settled(stage, count)
        was_done = draining.done()
        fed.set()
        await draining

    assert not was_done


async def test_draining_is_cut_by_a_stop(tmp_path: Path):
    """What is in hand is finished, the rest stays for the next time."""
    go, stop = asyncio.Event(), asyncio.Event()
    remote = Remote(lambda _payload: go.wait())

    async with asyncio.timeout(10), open_stage(tmp_path, remote, route={"concurrency": 2}) as stage:
        await stage.make(*numbered(10))
        draining = asyncio.create_task(embed(stage).drain(ROUTE, stop=stop))
        await remote.wait_for(2)
        stop.set()
        await asyncio.sleep(0.05)
        go.set()
        drained = await draining
        counts = (await stage.store.tasks.counts())[ROUTE]

    assert drained.is_cut
    assert counts == {TaskStatus.FINISHED: 2, TaskStatus.NEW: 8}


async def test_what_a_killed_process_left_is_settled_and_goes_on(tmp_path: Path):
    """A task that was claimed is delivered, one whose note was written is unknown."""
    remote = Remote()

    async with open_stage(tmp_path, remote) as stage:
        tasks = await stage.make(*numbered(2))
        lease = await stage.acquire("killed")
        claimed = await stage.store.tasks.claim(lease, limit=10, longest_wait_ms=0)
        await stage.journal.note(note_of(claimed[0]))
        await embed(stage).drain(ROUTE, stop=asyncio.Event())
        statuses = await stage.store.tasks.statuses(tasks)

    assert list(statuses.values()) == [TaskStatus.UNKNOWN, TaskStatus.FINISHED]
    assert [payload["n"] for payload in remote.started] == [1]


def note_of(claimed: Claimed) -> CommitNote:
    """The note that a request for a task is about to leave."""
    return CommitNote(claimed.id, claimed.attempt, claimed.token, "orders", "orders", 0)


# --- running ----------------------------------------------------------------------------------------------------------


async def test_what_is_made_in_the_process_is_delivered_at_once(tmp_path: Path):
    """Woken, a route does not wait for the next look at the store."""
    async with open_stage(tmp_path, Remote()) as stage:
        embedded = embed(stage)
        async with running(embedded) as run:
            await asyncio.sleep(0.2)
            await stage.make({"n": 1})
            started_s = time.monotonic()
            embedded.wake(ROUTE)
            await until_settled(stage, 1)
            took_s = time.monotonic() - started_s

    assert took_s < 0.5
    assert run.result() is True


async def test_what_another_process_makes_is_seen_within_a_second(tmp_path: Path):
    """A person who asks for a retry beside the worker does not have to wake it."""
    async with open_stage(tmp_path, Remote()) as stage, running(embed(stage)):
        await asyncio.sleep(0.2)
        async with open_store(tmp_path / "connector.db", purpose="admin") as admin:
            await admin.tasks.ingest([NewTask(ROUTE, encode_record({"n": 1}))], token=secrets.token_hex(4))
        started_s = time.monotonic()
        await until_settled(stage, 1)

    assert time.monotonic() - started_s < SOON_S


async def test_a_try_is_made_when_it_is_due(tmp_path: Path):
    """Not at the next look, but on time."""
    answers = iter([httpx.Response(429)])

    async def work(_payload: Any) -> httpx.Response | None:
        return next(answers, None)

    async with open_stage(tmp_path, Remote(work)) as stage:
        await stage.make({"n": 1})
        policy = RetryPolicy(attempts=3, first_delay=timedelta(seconds=0.4))
        async with running(embed(stage, policy=policy)):
            await until_settled(stage, 1)
        first, second = (await stage.show(1)).attempts

    assert 190 <= second.started_at_ms - (first.ended_at_ms or 0) < 700


async def test_a_pause_takes_effect_in_the_middle_and_so_does_the_resumption(tmp_path: Path):
    """What is in hand is finished, nothing new is begun until a person resumes the route."""

    async def work(_payload: Any) -> None:
        await asyncio.sleep(0.02)

    remote = Remote(work)

    async with asyncio.timeout(15), open_stage(tmp_path, remote, route={"concurrency": 1}) as stage:
        await stage.make(*numbered(120))
        async with running(embed(stage)), open_store(tmp_path / "connector.db", purpose="admin") as admin:
            await remote.wait_for(1)
            await admin.routes.pause(ROUTE, by="ann")
            await asyncio.sleep(SOON_S)
            sent = len(remote.started)
            counts = (await stage.store.tasks.counts())[ROUTE]
            await asyncio.sleep(0.3)
            sent_later = len(remote.started)
            await admin.routes.resume(ROUTE, by="ann")
            await until_settled(stage, 120)

    assert sent == sent_later < 120
    assert counts == {TaskStatus.FINISHED: sent, TaskStatus.NEW: 120 - sent}


async def test_what_takes_longer_than_the_grace_is_broken_off(tmp_path: Path):
    """Asked to stop, the process ends within a bound; what had left is unknown then, and said to be broken off."""
    remote = Remote(lambda _payload: asyncio.Event().wait())

    async with asyncio.timeout(10), open_stage(tmp_path, remote) as stage:
        await stage.make(*numbered(2))
        with capture_logs() as lines:
            async with running(embed(stage, grace_s=0.2)) as run:
                await remote.wait_for(2)
        statuses = await stage.statuses()

    assert (run.result(), statuses) == (False, ["unknown", "unknown"])
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [log.BROKEN_OFF]


async def test_a_stop_does_not_wait_for_a_store_that_is_away_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A full disk cannot even be taken hold of; whoever begins then still ends when asked to."""
    async with open_stage(tmp_path, Remote()) as stage:
        stop, asked = asyncio.Event(), asyncio.Event()

        async def fail(*_: object, **__: object) -> None:
            asked.set()
            raise StoreError("the disk is full")

        monkeypatch.setattr(stage.store.lanes, "acquire", fail)
        run = asyncio.create_task(embed(stage, patience_s=10_000.0).run(stop))
        await asked.wait()
        is_waiting = not run.done()
        stop.set()
        with pytest.raises(StoreError, match="the disk is full"):
            await run

    assert is_waiting


async def test_only_the_routes_asked_for_are_delivered(tmp_path: Path):
    """And a name that no route has is refused."""
    async with open_stage(tmp_path, Remote()) as stage:
        works = {ROUTE: stage.work, "other": replace(stage.work, name="other")}
        told: list[str] = []
        embedded = Embedded(
            works, stage.store, redactor=stage.redactor, on_result=lambda route, _result: told.append(route)
        )
        await stage.make({"n": 1})
        await stage.make({"n": 2}, route="other")
        async with running(embedded, routes=["other"]):
            await asyncio.sleep(0.3)
        with pytest.raises(UnknownNameError):
            await embedded.run(asyncio.Event(), routes=["nowhere"])
        rows = await stage.store.tasks.find(TaskFilter(route=ROUTE))

    assert told == ["other"]
    assert rows[0].status is TaskStatus.NEW


async def test_settled_tasks_are_pruned_as_the_route_keeps_them(tmp_path: Path):
    """Open ones stay, whatever their age; so do those whose status is not named."""
    now_ms = 1_000_000_000

    async with asyncio.timeout(10), open_stage(tmp_path, Remote(), clock=lambda: now_ms) as stage:
        stage.work = replace(stage.work, retention={TaskStatus.FINISHED: timedelta(days=1), TaskStatus.FAILED: None})
        await stage.make(*numbered(3))
        await embed(stage).drain(ROUTE, stop=asyncio.Event())
        now_ms += 2 * 86_400_000
        with capture_logs() as lines:
            async with running(embed(stage, first_prune_s=0.01)):
                while not any(line["event"] == log.PRUNED for line in lines):  # noqa: ASYNC110 - nobody else is told
                    await asyncio.sleep(0.01)
            statuses = await stage.statuses()

    assert statuses == []
    assert [(line["route"], line["finished"]) for line in lines if line["event"] == log.PRUNED] == [(ROUTE, 3)]


async def test_an_idle_worker_rests(tmp_path: Path):
    """With nothing to do, it takes less than a hundredth of a core."""
    async with open_stage(tmp_path, Remote()) as stage:
        works = {f"r{number}": replace(stage.work, name=f"r{number}") for number in range(10)}
        embedded = Embedded(works, stage.store, redactor=stage.redactor)
        async with running(embedded):
            await asyncio.sleep(1)
            began_s = time.process_time()
            await asyncio.sleep(4)
            took_s = time.process_time() - began_s

    assert took_s < 0.04
