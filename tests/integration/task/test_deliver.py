"""Tasks delivered from a SQLite store to a remote system that the test plays."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from structlog.testing import capture_logs

from connector import log
from connector.errors import StoreError
from connector.interfaces import Departure
from connector.request import Verdict
from connector.route.result import Status
from connector.store.rows import Resolution, RouteState, TaskFilter, TaskStatus
from connector.task.journal import Journal
from connector.task.places import Places
from tests.integration.task.stage import ROUTE, Remote, Stage, as_now, open_stage

if TYPE_CHECKING:
    from pathlib import Path

    from connector.route.result import Result
    from connector.store.rows import Checkpoint, CommitNote


def numbered(count: int) -> list[dict[str, int]]:
    """So many records."""
    return [{"n": number} for number in range(count)]


def answer(status: int, **headers: str) -> httpx.Response:
    """An answer without a body."""
    return httpx.Response(status, headers={name.replace("_", "-"): text for name, text in headers.items()})


class Hold:
    """Keeps every request at the remote system until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, _payload: Any) -> None:
        """Wait."""
        await self.go.wait()


# --- what is kept and told --------------------------------------------------------------------------------------------


async def test_a_delivered_task_is_finished_with_its_answer(tmp_path: Path):
    """Status, verdict, answer and the one attempt with its exchange are kept, and the result names the task."""

    async def work(payload: Any) -> httpx.Response:
        return httpx.Response(200, json={"id": 100 + payload["n"]})

    async with open_stage(tmp_path, Remote(work)) as stage:
        (task,) = await stage.make({"n": 1})
        await stage.deliver()
        detail = await stage.show(task)

    assert (detail.row.status, detail.row.verdict, detail.row.sent, detail.row.parcels) == ("finished", "ok", 1, 1)
    assert detail.value == b'{"id":101}'
    (attempt,) = detail.attempts
    assert (attempt.number, attempt.outcome, attempt.commit_step) == (1, "finished", "orders")
    (exchange,) = attempt.exchanges
    assert (exchange.url, exchange.status) == ("http://erp.test/orders", 200)
    assert (exchange.request, exchange.response) == ('{"n":1}', '{"id":101}')
    (result,) = stage.results
    assert (result.task, result.status, result.verdict, result.value) == (
        task,
        Status.FINISHED,
        Verdict.OK,
        {"id": 101},
    )


async def test_the_note_is_on_the_disk_before_the_request_leaves(tmp_path: Path):
    """While the remote system works on it, another process reads that it may have been committed."""
    seen: list[tuple[str, str | None]] = []

    async def work(_payload: Any) -> None:
        with sqlite3.connect(tmp_path / "connector.db") as other:
            seen.extend(other.execute("SELECT commit_step, outcome FROM attempts WHERE commit_at IS NOT NULL"))

    async with open_stage(tmp_path, Remote(work)) as stage:
        await stage.make({"n": 1})
        await stage.deliver()

    assert seen == [("orders", None)]


async def test_a_result_is_told_when_it_is_durable(tmp_path: Path):
    """Whoever hears of a finished task finds it finished in the store."""
    seen: list[str] = []

    def read(_result: Result) -> None:
        with sqlite3.connect(tmp_path / "connector.db") as other:
            seen.extend(row[0] for row in other.execute("SELECT status FROM tasks"))

    async with open_stage(tmp_path, Remote()) as stage:
        stage.delivery = stage.build(on_result=read)
        await stage.make({"n": 1})
        await stage.deliver()

    assert seen == ["finished"]


@pytest.mark.parametrize(("kept", "expected"), [("all", [1, 1]), ("failed", [0, 1]), ("none", [0, 0])])
async def test_exchanges_are_kept_as_the_route_says(tmp_path: Path, kept: str, expected: list[int]):
    """Of all attempts, of those without a success, or of none."""

    async def work(payload: Any) -> httpx.Response | None:
        return answer(422) if payload["n"] == 1 else None

    async with open_stage(tmp_path, Remote(work), route={"exchanges": kept}) as stage:
        tasks = await stage.make(*numbered(2))
        await stage.deliver()
        counts = [len((await stage.show(task)).exchanges) for task in tasks]

    assert counts == expected


async def test_secrets_and_personal_values_are_kept_masked(tmp_path: Path):
    """In the exchange, personal fields and the client's key; in the answer, the key alone: a person needs it."""

    async def work(_payload: Any) -> httpx.Response:
        return httpx.Response(200, json={"email": "ann@example.com", "echo": "key tops3cret!"})

    client = {"auth": {"bearer": "tops3cret!"}}

    async with open_stage(tmp_path, Remote(work), client=client) as stage:
        (task,) = await stage.make({"firstname": "Ann", "n": 1})
        await stage.deliver()
        detail = await stage.show(task)

    (exchange,) = detail.exchanges
    assert exchange.request == '{"firstname":"***","n":1}'
    assert exchange.response == '{"email":"***","echo":"key ***"}'
    assert orjson.loads(detail.value or b"") == {"email": "ann@example.com", "echo": "key ***"}


# --- side by side -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 3, 8])
async def test_as_many_are_on_their_way_as_asked_for(tmp_path: Path, width: int):
    """Exactly so many requests are in flight at once: the barrier opens for no fewer, and no more were seen."""
    barrier = asyncio.Barrier(width)
    remote = Remote(lambda _payload: barrier.wait())

    async with asyncio.timeout(20), open_stage(tmp_path, remote) as stage:
        await stage.make(*numbered(width * 5))
        await stage.deliver(width)
        counts = await stage.store.tasks.counts()

    assert (counts, remote.most_in_flight) == (as_now(width * 5), width)


async def test_tasks_of_one_key_go_in_order_and_one_at_a_time(tmp_path: Path):
    """Whatever the width, a key has one task on its way, and they arrive in the order they came."""
    under_way: set[str] = set()

    async def work(payload: Any) -> None:
        assert payload["key"] not in under_way
        under_way.add(payload["key"])
        await asyncio.sleep(0.001 * (payload["n"] % 3))
        under_way.remove(payload["key"])

    remote = Remote(work)
    records = [{"key": "abc"[number % 3], "n": number} for number in range(60)]

    async with open_stage(tmp_path, remote) as stage:
        await stage.make(*records, key="key")
        await stage.deliver(8)

    for key in "abc":
        numbers = [payload["n"] for payload in remote.started if payload["key"] == key]
        assert numbers == sorted(numbers)
        assert len(numbers) == 20


async def test_a_key_goes_on_while_another_task_takes_its_time(tmp_path: Path):
    """The next of a key is claimed when the one before is settled, not when all in hand are."""
    done = asyncio.Event()

    async def work(payload: Any) -> None:
        if payload["key"] == "slow":
            await done.wait()
        elif payload["n"] == 5:
            done.set()

    records = [{"key": "slow", "n": 0}, *({"key": "a", "n": number} for number in range(6))]

    async with asyncio.timeout(10), open_stage(tmp_path, Remote(work)) as stage:
        await stage.make(*records, key="key")
        await stage.deliver(4)
        counts = await stage.store.tasks.counts()

    assert counts == as_now(7)


async def test_what_comes_in_is_claimed_while_others_are_in_hand(tmp_path: Path):
    """Told that tasks were made, a delivery under way has free places for them at once."""
    done = asyncio.Event()

    async def work(payload: Any) -> None:
        if payload["n"] == 0:
            await done.wait()
        else:
            done.set()

    remote = Remote(work)

    async with asyncio.timeout(10), open_stage(tmp_path, remote) as stage:
        await stage.make({"n": 0})
        delivering = asyncio.create_task(stage.deliver(2))
        await remote.wait_for(1)
        await stage.make({"n": 1})
        stage.delivery.wake()
        await delivering
        counts = await stage.store.tasks.counts()

    assert counts == as_now(2)


async def test_scarce_places_go_to_the_route_of_the_higher_priority(tmp_path: Path):
    """One place for two routes: what is urgent goes first as soon as the place is free, whoever had it."""
    places = Places(1)
    hold = Hold()
    remote = Remote(hold)

    async with asyncio.timeout(10), open_stage(tmp_path, remote, route={"priority": 1}, places=places) as stage:
        await stage.make(*({"route": "slow", "n": number} for number in range(3)))
        slow = asyncio.create_task(stage.deliver(2))
        await remote.wait_for(1)
        stage.work = replace(stage.work, name="urgent", priority=9)
        urgent = stage.build(places=places)
        await stage.make(*({"route": "urgent", "n": number} for number in range(3)), route="urgent")
        delivering = asyncio.create_task(urgent.deliver(await stage.acquire(), 2, until=asyncio.Event()))
        await asyncio.sleep(0.1)
        hold.go.set()
        await asyncio.gather(slow, delivering)

    assert [payload["route"] for payload in remote.started] == ["slow", "urgent", "urgent", "urgent", "slow", "slow"]


# --- failures ---------------------------------------------------------------------------------------------------------


async def test_a_failure_that_changed_nothing_is_tried_again(tmp_path: Path):
    """The task is due again after the policy's wait, in the same delivery where that is soon."""
    answers = iter([answer(429), answer(503, retry_after="0"), None])

    async def work(_payload: Any) -> httpx.Response | None:
        return next(answers)

    publisher = {"effect": "read"}  # 503 to a commit would be unknown

    async with open_stage(tmp_path, Remote(work), publisher=publisher) as stage:
        (task,) = await stage.make({"n": 1})
        with capture_logs() as lines:
            while (await stage.show(task)).row.status.is_open:
                await stage.deliver()
        detail = await stage.show(task)

    assert [attempt.outcome for attempt in detail.attempts] == ["retry", "retry", "finished"]
    retries = [line for line in lines if line["event"] == log.RETRY]
    assert [(line["task_id"], line["attempt"]) for line in retries] == [(task, 1), (task, 2)]
    assert [result.attempts for result in stage.results] == [3]


async def test_a_try_is_due_while_others_are_in_hand(tmp_path: Path):
    """It is made when it is due, and waits for no other task."""
    again = asyncio.Event()

    async def work(payload: Any) -> httpx.Response | None:
        if payload["n"] == 0:
            await again.wait()
        elif remote.started.count(payload) == 1:
            return answer(429)
        else:
            again.set()
        return None

    remote = Remote(work)

    async with open_stage(tmp_path, remote) as stage:
        await stage.make(*numbered(2))
        async with asyncio.timeout(0.9):  # a look at the store comes a second later
            await stage.deliver(2)
        counts = await stage.store.tasks.counts()

    assert counts == as_now(2)


async def test_the_last_try_fails_the_task(tmp_path: Path):
    """After as many tries as the route allows, it is kept for a person, with the words of the last answer."""

    async def work(_payload: Any) -> httpx.Response:
        return answer(429)

    remote = Remote(work)

    async with open_stage(tmp_path, remote) as stage:
        (task,) = await stage.make({"n": 1})
        while (await stage.show(task)).row.status.is_open:
            await stage.deliver()
        row = (await stage.show(task)).row

    assert (row.status, row.verdict, row.attempts, len(remote.started)) == ("failed", "busy", 3, 3)
    assert [result.status for result in stage.results] == [Status.FAILED]


async def test_retry_after_is_honoured_up_to_the_ceiling(tmp_path: Path):
    """Asked to wait an hour, a route whose longest wait is 20 ms waits 20 ms."""

    async def work(_payload: Any) -> httpx.Response:
        return answer(429, retry_after="3600")

    async with open_stage(tmp_path, Remote(work), clock=lambda: 1_000_000) as stage:
        (task,) = await stage.make({"n": 1})
        await stage.deliver()
        row = (await stage.show(task)).row

    assert (row.status, row.due_at_ms) == ("retry", 1_000_020)


async def test_a_refusal_fails_the_task_and_the_next_of_its_key_goes(tmp_path: Path):
    """What the remote system refuses is for a person; it does not hold up those behind it."""

    async def work(payload: Any) -> httpx.Response | None:
        return answer(422) if payload["n"] == 0 else None

    async with open_stage(tmp_path, Remote(work)) as stage:
        await stage.make({"n": 0, "key": "a"}, {"n": 1, "key": "a"}, key="key")
        await stage.deliver()
        statuses = await stage.statuses()

    assert statuses == ["failed", "finished"]


async def test_a_commit_without_an_answer_is_unknown_and_holds_its_key(tmp_path: Path):
    """It is not sent again, and what comes behind it waits."""

    async def work(payload: Any) -> None:
        if payload["n"] == 0:
            raise httpx.ReadError("connection reset")

    remote = Remote(work)

    async with open_stage(tmp_path, remote) as stage:
        await stage.make({"n": 0, "key": "a"}, {"n": 1, "key": "a"}, key="key")
        await stage.deliver()
        statuses = await stage.statuses()
        detail = await stage.show(1)

    assert statuses == ["unknown", "waiting"]
    assert [payload["n"] for payload in remote.started] == [0]
    assert detail.row.due_at_ms is None  # nobody can be asked
    assert [(result.task, result.status) for result in stage.results] == [(1, Status.UNKNOWN)]


async def test_a_filtered_record_is_skipped(tmp_path: Path):
    """Nothing is sent, and the reason says so."""
    remote = Remote()

    async with open_stage(tmp_path, remote, route={"transform": [{"filter": "{{ record.n == 7 }}"}]}) as stage:
        (task,) = await stage.make({"n": 1})
        await stage.deliver()
        row = (await stage.show(task)).row

    assert (row.status, row.reason, remote.started) == ("skipped", "a filter left it out", [])


async def test_a_record_that_cannot_be_shaped_fails_with_its_step(tmp_path: Path):
    """Nothing is sent, and the place of the step is kept."""
    remote = Remote()

    async with open_stage(tmp_path, remote, outgoing={"transform": [{"set": {"x": "{{ record.total }}"}}]}) as stage:
        (task,) = await stage.make({"n": 1})
        await stage.deliver()
        row = (await stage.show(task)).row

    assert (row.status, row.step) == ("failed", "outgoing.out.transform[0].set.x")
    assert remote.started == []


async def test_a_refused_credential_stops_the_route_and_costs_no_task_a_try(tmp_path: Path):
    """Tasks that met the refusal are new again, the others were not begun, and the route says why it stopped."""

    async def work(_payload: Any) -> httpx.Response:
        return answer(401)

    remote = Remote(work)

    async with open_stage(tmp_path, remote) as stage:
        await stage.make(*numbered(100))
        with capture_logs() as lines:
            delivered = await stage.deliver(2)
        counts = await stage.store.tasks.counts()
        route = (await stage.store.routes.states())[ROUTE]
        tried = await stage.show(1)

    assert counts == as_now(100, TaskStatus.NEW)
    assert 1 <= len(remote.started) <= 2
    assert (route.state, "401" in route.reason) == (RouteState.STOPPED, True)
    assert delivered.stopped is not None
    assert [line["route"] for line in lines if line["event"] == log.ROUTE_STOPPED] == [ROUTE]
    assert tried.attempts[0].verdict == "denied"


async def test_half_done_a_refused_credential_fails_the_task(tmp_path: Path):
    """What was committed before must not be committed again, so the task is for a person; the route stops as well."""

    async def work(payload: Any) -> httpx.Response | None:
        return answer(401) if "second" in payload else None

    publisher = {"before": [{"route": "first", "effect": "commit"}], "route": "second", "data": {"second": "1"}}

    async with open_stage(tmp_path, Remote(work), publisher=publisher) as stage:
        (task,) = await stage.make({"n": 1})
        delivered = await stage.deliver()
        row = (await stage.show(task)).row

    assert (row.status, delivered.stopped is not None) == ("failed", True)
    assert "already carried out: first" in row.reason


async def test_a_fault_of_the_program_costs_one_task_and_not_the_others(tmp_path: Path):
    """Ahead of any commit it fails; after one it is unknown. Both are logged with a traceback."""

    async def publish(real: Any, record: Any, **options: Any) -> Any:
        if record["n"] == 2:
            await options["before_commit"](Departure("orders", "orders", {}))
        if record["n"]:
            raise ZeroDivisionError("a slip")
        return await real(record, **options)

    async with open_stage(tmp_path, Remote()) as stage:
        stage.surround(publish)
        await stage.make(*numbered(3))
        with capture_logs() as lines:
            await stage.deliver()
        statuses = await stage.statuses()
        row = (await stage.show(2)).row

    assert statuses == ["finished", "failed", "unknown"]
    assert "ZeroDivisionError: a slip" in row.reason
    assert [line["task_id"] for line in lines if line["event"] == log.FAULT and line["exc_info"]] == [2, 3]


async def test_a_fault_of_who_takes_the_results_ends_the_delivery(tmp_path: Path):
    """What is in hand is settled, nothing new is begun, and the fault comes out."""

    def fail(_result: Result) -> None:
        raise BrokenPipeError("nobody reads")

    async with open_stage(tmp_path, Remote()) as stage:
        stage.delivery = stage.build(on_result=fail)
        await stage.make(*numbered(100))
        with pytest.raises(BrokenPipeError):
            await stage.deliver(1)
        counts = (await stage.store.tasks.counts())[ROUTE]

    assert counts[TaskStatus.NEW] > 90
    assert set(counts) == {TaskStatus.NEW, TaskStatus.FINISHED}


# --- parcels ----------------------------------------------------------------------------------------------------------

SPLIT = {"transform": [{"split": "$.lines[*]"}]}


async def test_parcels_are_sent_in_order_and_a_retry_goes_on_behind_the_last_one_sent(tmp_path: Path):
    """The second parcel meets a busy remote system once; the first is not sent again."""
    is_busy = True

    async def work(payload: Any) -> httpx.Response | None:
        nonlocal is_busy
        if payload["n"] == 1 and is_busy:
            is_busy = False
            return answer(429)
        return None

    remote = Remote(work)

    async with open_stage(tmp_path, remote, route=SPLIT) as stage:
        (task,) = await stage.make({"lines": numbered(3)})
        while (await stage.show(task)).row.status.is_open:
            await stage.deliver()
        row = (await stage.show(task)).row

    assert [payload["n"] for payload in remote.started] == [0, 1, 1, 2]
    assert (row.status, row.sent, row.parcels, row.attempts) == ("finished", 3, 3, 2)


async def test_a_parcel_that_is_refused_says_what_was_sent_before(tmp_path: Path):
    """A person sees how far it came."""

    async def work(payload: Any) -> httpx.Response | None:
        return answer(422) if payload["n"] == 1 else None

    async with open_stage(tmp_path, Remote(work), route=SPLIT) as stage:
        (task,) = await stage.make({"lines": numbered(3)})
        await stage.deliver()
        row = (await stage.show(task)).row

    assert (row.status, row.sent) == ("failed", 1)
    assert "sent before: 1 of 3 parcels" in row.reason


async def test_a_parcel_that_was_sent_is_checked_off_before_the_next_one_leaves(tmp_path: Path):
    """Whoever is killed in between has not left anything unknown behind: the note of the first is settled by then."""
    seen: list[tuple[int, int]] = []

    async def work(payload: Any) -> None:
        with sqlite3.connect(tmp_path / "connector.db") as other:
            seen.extend(other.execute("SELECT sent, parcels FROM tasks"))

    async with open_stage(tmp_path, Remote(work), route=SPLIT) as stage:
        await stage.make({"lines": numbered(3)})
        await stage.deliver()

    assert seen == [(0, 3), (1, 3), (2, 3)]


async def test_another_number_of_parcels_than_before_fails(tmp_path: Path):
    """Which of them were sent cannot be told any more."""

    async def work(payload: Any) -> httpx.Response | None:
        return answer(429) if payload["n"] == 1 else None

    remote = Remote(work)

    async with open_stage(tmp_path, remote, route=SPLIT) as stage:
        (task,) = await stage.make({"lines": numbered(3)})
        await stage.deliver()
    async with open_stage(
        tmp_path, remote, route={"transform": [*SPLIT["transform"], {"filter": "{{ record.n == 2 }}"}]}
    ) as stage:
        await asyncio.sleep(0.05)
        await stage.deliver()
        row = (await stage.show(task)).row

    assert row.status == "failed"
    assert "gives 1 parcels by now, and of 3 were sent 1" in row.reason


# --- stopping ---------------------------------------------------------------------------------------------------------


async def test_asked_to_stop_what_is_in_hand_is_finished_and_the_rest_given_back(tmp_path: Path):
    """Those that were claimed and not begun are new, as if nobody had touched them."""
    hold = Hold()
    remote = Remote(hold)
    stop = asyncio.Event()

    async with asyncio.timeout(10), open_stage(tmp_path, remote) as stage:
        await stage.make(*numbered(20))
        delivering = asyncio.create_task(stage.deliver(2, until=stop))
        await remote.wait_for(2)
        stop.set()
        await asyncio.sleep(0.05)
        hold.go.set()
        await delivering
        statuses = await stage.statuses()
        untouched = await stage.show(20)

    assert statuses == ["finished"] * 2 + ["new"] * 18
    assert len(remote.started) == 2
    assert (untouched.row.attempts, untouched.attempts) == (0, ())


async def test_asked_to_stop_between_two_parcels_a_task_goes_on_later(tmp_path: Path):
    """The parcel in hand is finished and checked off; the next one waits for the next delivery."""
    hold = Hold()
    remote = Remote(hold)
    stop = asyncio.Event()

    async with asyncio.timeout(10), open_stage(tmp_path, remote, route=SPLIT) as stage:
        (task,) = await stage.make({"lines": numbered(2)})
        delivering = asyncio.create_task(stage.deliver(2, until=stop))
        await remote.wait_for(1)
        stop.set()
        await asyncio.sleep(0.05)
        hold.go.set()
        await delivering
        paused = (await stage.show(task)).row
        await stage.deliver()
        finished = (await stage.show(task)).row

    assert (paused.status, paused.sent) == ("new", 1)
    assert (finished.status, finished.sent) == ("finished", 2)
    assert [payload["n"] for payload in remote.started] == [0, 1]


async def test_broken_off_what_has_left_is_unknown_and_the_rest_is_given_back(tmp_path: Path):
    """Nobody waits for an answer any more, so nobody knows; what was not begun is new."""
    remote = Remote(Hold())

    async with asyncio.timeout(10), open_stage(tmp_path, remote) as stage:
        await stage.make(*numbered(20))
        delivering = asyncio.create_task(stage.deliver(2))
        await remote.wait_for(2)
        delivering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivering
        statuses = await stage.statuses()
        row = (await stage.show(1)).row

    assert statuses == ["unknown"] * 2 + ["new"] * 18
    assert "interrupted after it was sent" in row.reason


class Slow(Journal):
    """A journal from which nobody hears that a note, or a checkpoint, is written."""

    def __init__(self, *args: Any, holds: str) -> None:
        super().__init__(*args)
        self.written = asyncio.Event()
        self._holds = holds

    async def note(self, note: CommitNote) -> None:
        """Write a note."""
        await super().note(note)
        await self._hold("note")

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint."""
        await super().checkpoint(checkpoint)
        await self._hold("checkpoint")

    async def _hold(self, what: str) -> None:
        if what == self._holds:
            self.written.set()
            await asyncio.Event().wait()


async def break_off_behind(stage: Stage, what: str) -> None:
    """Break a delivery off as soon as something was written, ahead of what comes next."""
    stage.journal = journal = Slow(stage.store.tasks, holds=what)
    stage.delivery = stage.build()
    delivering = asyncio.create_task(stage.deliver())
    await journal.written.wait()
    delivering.cancel()
    await asyncio.wait({delivering})


async def test_broken_off_between_its_note_and_its_request_a_task_is_new(tmp_path: Path):
    """Nothing has left, so nothing is unknown: neither now nor when the process is killed in its next attempt."""
    remote = Remote()

    async with asyncio.timeout(10), open_stage(tmp_path, remote) as stage:
        (task,) = await stage.make({"n": 1})
        await break_off_behind(stage, "note")
        broken_off = await stage.show(task)
        await stage.store.tasks.claim(await stage.acquire("killed"), limit=1, longest_wait_ms=0)
        await stage.acquire("next")
        recovered = (await stage.show(task)).row

    assert (broken_off.row.status, broken_off.attempts[0].outcome, remote.started) == ("new", "new", [])
    assert recovered.status == "new"


async def test_broken_off_behind_a_parcel_the_next_one_is_to_be_sent(tmp_path: Path):
    """What was answered is not sent again, and not unknown."""
    remote = Remote()

    async with asyncio.timeout(10), open_stage(tmp_path, remote, route=SPLIT) as stage:
        (task,) = await stage.make({"lines": numbered(2)})
        await break_off_behind(stage, "checkpoint")
        broken_off = (await stage.show(task)).row
        stage.journal = Journal(stage.store.tasks)
        stage.delivery = stage.build()
        await stage.deliver()

    assert (broken_off.status, broken_off.sent) == ("new", 1)
    assert [payload["n"] for payload in remote.started] == [0, 1]


async def test_broken_off_at_any_moment_nothing_is_lost_or_wrongly_new(tmp_path: Path):
    """Whatever the moment: a task that arrived is finished or unknown, every other one is new."""

    async def work(_payload: Any) -> None:
        await asyncio.sleep(0.002)

    for number in range(15):
        remote = Remote(work)
        folder = tmp_path / str(number)
        async with asyncio.timeout(20), open_stage(folder, remote) as stage:
            await stage.make(*numbered(30))
            delivering = asyncio.create_task(stage.deliver(3))
            await asyncio.sleep(0.003 * number)
            delivering.cancel()
            await asyncio.wait({delivering})
            rows = await stage.store.tasks.find(TaskFilter(), limit=100)
            arrived = {payload["n"] for payload in remote.started}

        for row in rows:
            expected = {"finished", "unknown"} if row.position in arrived else {"new", "unknown"}
            assert row.status.value in expected
        assert sum(row.status.value == "unknown" for row in rows) <= 3


# --- taken over -------------------------------------------------------------------------------------------------------


async def test_nothing_leaves_for_a_task_that_somebody_else_has_taken_over(tmp_path: Path):
    """The note of a worker that was only slow is fenced off, so its request stays here."""
    remote = Remote()

    async def publish(real: Any, record: Any, **options: Any) -> Any:
        await stage.acquire("other")  # on SQLite, any other holder is taken for dead
        return await real(record, **options)

    async with open_stage(tmp_path, remote) as stage:
        stage.surround(publish)
        (task,) = await stage.make({"n": 1})
        with capture_logs() as lines:
            delivered = await stage.delivery.deliver(await stage.acquire(), 1, until=asyncio.Event())
        row = (await stage.show(task)).row

    assert (row.status, remote.started, delivered.is_fenced) == ("new", [], True)
    assert [line["task_id"] for line in lines if line["event"] == log.FENCED] == [task]
    assert stage.results == []


async def test_a_late_answer_settles_a_task_that_was_taken_over_in_doubt(tmp_path: Path):
    """Taken over while its request was on its way, a task is unknown until the slow worker tells what it heard."""
    meanwhile: list[str] = []

    async def work(_payload: Any) -> None:
        await stage.acquire("other")
        meanwhile.extend(await stage.statuses())

    async with open_stage(tmp_path, Remote(work)) as stage:
        (task,) = await stage.make({"n": 1})
        await stage.delivery.deliver(await stage.acquire(), 1, until=asyncio.Event())
        detail = await stage.show(task)

    assert (meanwhile, detail.row.status) == (["unknown"], "finished")
    assert [attempt.outcome for attempt in detail.attempts] == ["finished"]
    assert [result.status for result in stage.results] == [Status.FINISHED]


async def test_a_late_outcome_is_kept_with_the_attempt_and_changes_nothing_that_was_decided(tmp_path: Path):
    """Where a person has settled the task meanwhile, it stays so, whatever the slow worker hears in the end."""

    async def work(_payload: Any) -> None:
        await stage.acquire("other")
        await stage.store.tasks.resolve(TaskFilter(), Resolution.FAILED, by="ann")

    async with open_stage(tmp_path, Remote(work)) as stage:
        (task,) = await stage.make({"n": 1})
        delivered = await stage.delivery.deliver(await stage.acquire(), 1, until=asyncio.Event())
        detail = await stage.show(task)

    assert (detail.row.status, delivered.is_fenced) == ("failed", True)
    assert detail.attempts[0].outcome == "late: finished"
    assert stage.results == []


async def test_what_was_claimed_in_a_call_without_an_answer_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The call is repeated, and gives the tasks that are in hand without anybody knowing; none stays behind."""
    remote = Remote()
    failures = [StoreError("the database cannot be reached")]

    async with asyncio.timeout(10), open_stage(tmp_path, remote) as stage:
        claim = stage.store.tasks.claim

        async def claim_and_break(*args: Any, **options: Any) -> Any:
            claimed = await claim(*args, **options)
            if failures:
                raise failures.pop()
            return claimed

        monkeypatch.setattr(stage.store.tasks, "claim", claim_and_break)
        await stage.make(*numbered(3))
        await stage.deliver()
        statuses = await stage.statuses()

    assert statuses == ["finished"] * 3
    assert len(remote.started) == 3


# --- stored values ----------------------------------------------------------------------------------------------------

CHANGED = {"transform": [{"changed": {"key": "{{ record.sku }}"}}]}


async def test_only_what_has_changed_is_sent(tmp_path: Path):
    """Of two equal records the second is skipped, within one batch as well; a changed one goes."""
    remote = Remote()

    async with open_stage(tmp_path, remote, route=CHANGED) as stage:
        await stage.make({"sku": "a", "price": 1}, {"sku": "a", "price": 1}, {"sku": "a", "price": 2})
        await stage.deliver(1)
        statuses = await stage.statuses()

    assert statuses == ["finished", "skipped", "finished"]
    assert [payload["price"] for payload in remote.started] == [1, 2]


async def test_a_record_that_was_refused_has_not_been_sent(tmp_path: Path):
    """Its mark is kept with a success alone, so the same record goes out when it comes again."""
    answers = iter([answer(422), None])

    async def work(_payload: Any) -> httpx.Response | None:
        return next(answers)

    async with open_stage(tmp_path, Remote(work), route=CHANGED) as stage:
        await stage.make({"sku": "a"})
        await stage.deliver()
        await stage.make({"sku": "a"})
        await stage.deliver()
        statuses = await stage.statuses()

    assert statuses == ["failed", "finished"]


async def test_a_suspect_is_sent_by_itself(tmp_path: Path):
    """While a record is sent with which workers have ended, nothing else of the route is on its way."""
    alone: dict[int, int] = {}
    in_flight = 0

    async def work(payload: Any) -> None:
        nonlocal in_flight
        in_flight += 1
        alone[payload["n"]] = in_flight
        await asyncio.sleep(0.01 if payload["n"] else 1.5)  # a shift asks for more every second
        in_flight -= 1

    async with asyncio.timeout(20), open_stage(tmp_path, Remote(work)) as stage:
        first = await stage.make({"n": 0}, key="n")
        await stage.store.tasks.skip(TaskFilter(), "not now")
        await stage.make({"n": 1}, {"n": 2}, {"n": 3}, key="n")
        for number in range(2):
            lease = await stage.acquire(f"dead-{number}")  # on SQLite, any other holder is taken for dead
            await stage.store.tasks.claim(lease, limit=10, longest_wait_ms=1000)
        await stage.make({"n": 4}, {"n": 5}, key="n")
        await stage.store.tasks.retry(TaskFilter(ids=tuple(first)))  # it comes ahead, and is under way meanwhile
        await stage.deliver()

    assert {n: alone[n] for n in (1, 2, 3)} == {1: 1, 2: 1, 3: 1}
    assert sorted(alone) == [0, 1, 2, 3, 4, 5]
