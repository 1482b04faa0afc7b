"""A route run in the foreground: side by side, in order, and nothing unreported."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest

from connector.errors import CallError, Recovery, SubscriberError
from connector.publisher.publisher import Published
from connector.request import Verdict
from connector.retry import RetryPolicy
from connector.route.result import Status


async def batches(*records: Any, size: int = 100):
    """Records in batches."""
    for start in range(0, len(records), size):
        yield list(records[start : start + size])


def numbered(count: int) -> list[dict[str, int]]:
    """So many records."""
    return [{"n": number} for number in range(count)]


def answer(status: int, **headers: str) -> httpx.Response:
    """An answer without a body."""
    return httpx.Response(status, headers={name.replace("_", "-"): text for name, text in headers.items()})


# --- side by side ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 3, 8])
async def test_as_many_are_on_their_way_as_the_route_allows(open_route, remote, width: int):
    """Exactly so many requests are in flight at once: the barrier opens for no fewer, and no more were seen."""
    barrier = asyncio.Barrier(width)
    system = remote(lambda _payload: barrier.wait())

    async with asyncio.timeout(20), open_route(system, route={"concurrency": width}) as runner:
        summary = await runner.push(batches(*numbered(width * 5), size=7))

    assert (summary.statuses[Status.FINISHED], system.most_in_flight) == (width * 5, width)


async def test_records_of_one_key_go_in_order_and_one_at_a_time(open_route, remote):
    """Whatever the concurrency, a key has one record on its way, and they arrive in the order they came."""
    under_way: set[str] = set()

    async def work(payload: Any) -> None:
        assert payload["key"] not in under_way
        under_way.add(payload["key"])
        await asyncio.sleep(0.001 * (payload["n"] % 3))
        under_way.remove(payload["key"])

    system = remote(work)
    records = [{"key": "abc"[number % 3], "n": number} for number in range(60)]

    async with open_route(system, route={"concurrency": 8, "key": "{{ record.key }}"}) as runner:
        await runner.push(batches(*records, size=7))

    for key in "abc":
        numbers = [payload["n"] for payload in system.started if payload["key"] == key]
        assert numbers == sorted(numbers)
        assert len(numbers) == 20


async def test_other_keys_overtake_those_that_wait(open_route, remote):
    """A burst of one key takes one place: the record behind it is sent while the first of the burst is under way."""
    overtaken = asyncio.Event()

    async def work(payload: Any) -> None:
        if payload["key"] == "b":
            overtaken.set()
        await overtaken.wait()

    system = remote(work)
    records = [{"key": "a", "n": number} for number in range(50)] + [{"key": "b", "n": 0}]

    async with (
        asyncio.timeout(20),
        open_route(system, route={"concurrency": 2, "key": "{{ record.key }}"}) as runner,
    ):
        await runner.push(batches(*records))

    assert [payload["key"] for payload in system.started[:2]] == ["a", "b"]
    assert [payload["n"] for payload in system.started if payload["key"] == "a"] == list(range(50))


async def test_a_key_with_more_records_than_may_wait_is_sent_in_whole(open_route, remote):
    """What does not fit into the queue of its key is read later, and nothing is lost."""
    system = remote()
    records = [{"key": "a", "n": number} for number in range(700)]

    async with open_route(system, route={"concurrency": 4, "key": "{{ record.key }}"}) as runner:
        summary = await runner.push(batches(*records))

    assert [payload["n"] for payload in system.started] == list(range(700))
    assert summary.statuses == {Status.FINISHED: 700}


async def test_a_failed_record_lets_the_next_of_its_key_go(open_route, remote):
    """A failure is reported, and those behind it are sent."""

    async def work(payload: Any) -> httpx.Response | None:
        return answer(422) if payload["n"] == 0 else None

    system = remote(work)

    async with open_route(system, route={"key": "same"}) as runner:
        summary = await runner.push(batches(*numbered(3)))

    assert summary.statuses == {Status.FAILED: 1, Status.FINISHED: 2}
    assert [payload["n"] for payload in system.started] == [0, 1, 2]


# --- what is reported -----------------------------------------------------------------------------------------------


async def test_a_failure_is_reported_with_its_place_and_the_others_go_on(open_route, remote):
    """Index, key, step, verdict, reason and what can be done are told for the one that failed."""

    async def work(payload: Any) -> httpx.Response | None:
        return httpx.Response(422, json={"errors": ["no such sku"]}) if payload["n"] == 1 else None

    results: list[Any] = []

    async with open_route(remote(work), route={"key": "K{{ record.n }}"}) as runner:
        summary = await runner.push(batches(*numbered(3)), on_result=results.append)

    failed = next(result for result in results if result.status is Status.FAILED)
    assert (failed.index, failed.key, failed.step, failed.attempts) == (1, "K1", "orders", 1)
    assert (failed.verdict, failed.recovery) == (Verdict.REJECTED, Recovery.PARK)
    assert "no such sku" in failed.reason
    assert summary.statuses == {Status.FINISHED: 2, Status.FAILED: 1}
    assert summary.verdicts == {"ok": 2, "rejected": 1}


async def test_a_record_that_cannot_be_shaped_is_reported_with_its_key(open_route, remote):
    """A step that fails after the key is known names the record by it; nothing of the record is sent."""
    system = remote()
    results: list[Any] = []

    async with open_route(
        system,
        route={"key": "K{{ record.n }}"},
        outgoing={"transform": [{"set": {"total": "{{ record.total }}"}}]},
    ) as runner:
        summary = await runner.push(batches({"n": 0, "total": "1"}, {"n": 1}), on_result=results.append)

    failed = next(result for result in results if result.status is Status.FAILED)
    assert (failed.index, failed.key, failed.verdict, failed.attempts) == (1, "K1", None, 0)
    assert failed.step == "outgoing.out.transform[0].set.total"
    assert "total" in failed.reason
    assert summary.verdicts == {"ok": 1, "not_sent": 1}
    assert len(system.started) == 1


async def test_a_key_that_cannot_be_told_fails_the_record(open_route, remote):
    """Without its key a record could be sent twice, so it is not sent at all."""
    results: list[Any] = []

    async with open_route(remote(), route={"key": "{{ record.reference }}"}) as runner:
        await runner.push(batches({"n": 0}), on_result=results.append)

    assert [(result.status, result.key, result.step) for result in results] == [
        (Status.FAILED, None, "routes.out.key"),
    ]


async def test_a_refused_credential_ends_the_run(open_route, remote):
    """One refusal is enough: what was taken and not sent is told as not tried, the rest is not taken."""
    refuse = asyncio.Event()

    async def work(payload: Any) -> httpx.Response:
        await refuse.wait()
        return answer(401)

    system = remote(work)
    results: list[Any] = []
    records = [{"key": "a" if number < 10 else f"k{number}", "n": number} for number in range(1000)]

    async with open_route(system, route={"concurrency": 2, "key": "{{ record.key }}"}) as runner:
        run = asyncio.create_task(runner.push(batches(*records), on_result=results.append))
        await system.wait_for(2)
        refuse.set()
        summary = await run

    assert isinstance(summary.stopped, CallError)
    assert summary.stopped.answer.verdict is Verdict.DENIED
    denied = [result for result in results if result.verdict is Verdict.DENIED]
    untried = [result for result in results if result.verdict is None]
    assert 1 <= len(denied) <= 2
    assert summary.taken == len(results) < 15
    assert {result.reason for result in untried} == {"not tried: the run was stopped"}
    assert {result.recovery for result in untried} == {Recovery.RETRY}


async def test_an_unknown_outcome_is_no_failure_and_no_success(open_route, remote):
    """A commit whose answer cannot be read is counted by itself, and kept for a person."""
    results: list[Any] = []

    async def work(_payload: Any) -> httpx.Response:
        return answer(500)

    async with open_route(remote(work), route={"retry": {"attempts": 3}}) as runner:
        summary = await runner.push(batches({"n": 0}), on_result=results.append)

    assert (summary.unknown, summary.failed) == (1, 0)
    assert (results[0].status, results[0].recovery, results[0].attempts) == (Status.UNKNOWN, Recovery.PARK, 1)


# --- shaping --------------------------------------------------------------------------------------------------------


async def test_filters_and_splits_of_every_list_of_steps(open_route, remote):
    """Steps of the incoming, the route and the outgoing are carried out in this order; each part is one publish.

    The key is that of the record as the incoming gives it.
    """

    async def work(payload: Any) -> httpx.Response | None:
        rows = [{"n": number, "lines": [{"sku": f"{number}-{letter}"} for letter in "ab"]} for number in range(4)]
        return httpx.Response(200, json={"rows": rows}) if payload == {} else None

    system = remote(work)
    results: list[Any] = []

    async with open_route(
        system,
        subscriber={"route": "rows", "records": "$.rows[*]"},
        incoming={"transform": [{"filter": "{{ record.n != 0 }}"}]},
        route={"transform": [{"split": "$.lines[*]"}], "key": "{{ record.n }}"},
        outgoing={"transform": [{"filter": "{{ record.sku != '2-a' }}"}]},
    ) as runner:
        summary = await runner.run(on_result=results.append)

    assert sorted(payload["sku"] for payload in system.started[1:]) == ["1-a", "1-b", "2-b", "3-a", "3-b"]
    assert [(result.index, result.status) for result in results if result.status is Status.SKIPPED] == [
        (0, Status.SKIPPED)
    ]
    assert sorted((result.index, result.key) for result in results if result.status is Status.FINISHED) == [
        (1, "1"),
        (1, "1"),
        (2, "2"),
        (3, "3"),
        (3, "3"),
    ]
    assert summary.taken == 4


async def test_a_record_of_which_a_part_cannot_be_shaped_is_not_sent_in_part(open_route, remote):
    """All parts are shaped before the first is sent."""
    system = remote()

    async with open_route(
        system,
        route={"transform": [{"split": "$.lines[*]"}]},
        outgoing={"transform": [{"set": {"sku": "{{ record.sku }}"}}]},
    ) as runner:
        summary = await runner.push(batches({"lines": [{"sku": "1"}, {"other": "2"}]}))

    assert (system.started, summary.statuses) == ([], {Status.FAILED: 1})


@pytest.mark.parametrize(("limit", "taken"), [(0, 0), (1, 1), (7, 7), (100, 10), (None, 10)])
async def test_a_limit_counts_incoming_records(open_route, remote, limit: int | None, taken: int):
    """So many records are taken, and no more are asked for."""
    system = remote()

    async with open_route(system) as runner:
        summary = await runner.push(batches(*numbered(10), size=4), limit=limit)

    assert (summary.taken, len(system.started)) == (taken, taken)


async def test_a_dry_run_sends_nothing(open_route, remote):
    """Payloads are shaped and checked, and shown in place of being sent; what cannot be shaped is told."""
    system = remote()
    results: list[Any] = []
    publisher = {
        "before": [{"name": "find", "route": "find", "effect": "read", "data": {"n": "{{ record.n }}"}}],
        "data": {"id": "{{ steps.find.id }}"},
    }

    async with open_route(system, publisher=publisher) as runner:
        summary = await runner.push(batches({"n": 1}, {}), on_result=results.append, is_dry=True)

    assert system.started == []
    assert [[(p.step, p.payload, p.reason) for p in result.previews] for result in results] == [
        [("find", {"n": "1"}, ""), ("orders", None, "it uses the answer of an earlier step")],
        [],
    ]
    assert summary.statuses == {Status.SKIPPED: 1, Status.FAILED: 1}


async def test_a_dry_run_does_not_fail_for_want_of_an_answer(open_route, remote):
    """Steps that speak of an earlier answer cannot be carried out without it, which is no fault of the record."""
    results: list[Any] = []
    publisher = {
        "before": [{"name": "find", "route": "find", "effect": "read"}],
        "transform": [{"set": {"id": "{{ steps.find.id }}"}}],
    }

    async with open_route(remote(), publisher=publisher) as runner:
        await runner.push(batches({"n": 1}), on_result=results.append, is_dry=True)

    assert [preview.reason for preview in results[0].previews] == ["", "it uses the answer of an earlier step"]


async def test_a_route_without_an_incoming_says_so(open_route, remote):
    """Asked to run, it tells how records come to it."""
    async with open_route(remote()) as runner:
        with pytest.raises(SubscriberError, match="has no incoming to take records from"):
            await runner.run()


# --- trying again ---------------------------------------------------------------------------------------------------

THREE = RetryPolicy(3, timedelta(seconds=1), timedelta(seconds=30))


@pytest.mark.parametrize(
    ("status", "headers", "statuses", "attempts"),
    [
        pytest.param(429, {}, {Status.FINISHED: 1}, 3, id="too many"),
        pytest.param(503, {"retry_after": "2"}, {Status.UNKNOWN: 1}, 1, id="out of service"),
        pytest.param(422, {}, {Status.FAILED: 1}, 1, id="refused"),
        pytest.param(500, {}, {Status.UNKNOWN: 1}, 1, id="unknown"),
        pytest.param(404, {}, {Status.FAILED: 1}, 1, id="no such route"),
        pytest.param(403, {}, {Status.FAILED: 1}, 1, id="denied"),
    ],
)
async def test_only_what_changed_nothing_is_tried_again(
    open_route, remote, waits, status: int, headers: dict[str, str], statuses: dict[Status, int], attempts: int
):
    """A refusal, a fault and an unknown outcome are final; a system that counts requests gets up to three tries."""
    results: list[Any] = []

    async def work(_payload: Any) -> httpx.Response | None:
        return answer(status, **headers) if len(system.started) < 3 else None

    system = remote(work)

    async with open_route(system, retry=THREE, sleep=waits) as runner:
        summary = await runner.push(batches({"n": 0}), on_result=results.append)

    assert (summary.statuses, results[0].attempts, len(system.started)) == (statuses, attempts, attempts)
    assert len(waits.asked_s) == attempts - 1


async def test_the_last_try_is_the_last(open_route, remote, waits):
    """After as many tries as allowed the record has failed, with the last reason, and may be tried another day."""
    results: list[Any] = []

    async def work(_payload: Any) -> httpx.Response:
        return answer(429)

    async with open_route(remote(work), retry=THREE, sleep=waits) as runner:
        await runner.push(batches({"n": 0}), on_result=results.append)

    assert (results[0].status, results[0].attempts, results[0].recovery) == (Status.FAILED, 3, Recovery.RETRY)
    assert results[0].verdict is Verdict.BUSY


async def test_waits_double_and_are_drawn_from_their_upper_half(open_route, remote, waits):
    """The injected random source decides the wait between half and whole of 1, 2, 4 seconds."""

    async def work(_payload: Any) -> httpx.Response:
        return answer(429)

    policy = RetryPolicy(4, timedelta(seconds=1), timedelta(seconds=30))
    twin = Random(7)

    async with open_route(remote(work), retry=policy, sleep=waits, random=Random(7)) as runner:
        await runner.push(batches({"n": 0}))

    assert waits.asked_s == pytest.approx([whole * twin.uniform(0.5, 1.0) for whole in (1, 2, 4)])


async def test_a_wait_that_is_too_long_is_not_waited_for(open_route, remote, waits):
    """Where the run may wait for less than the next try is away, the record fails, and may be tried another day."""
    results: list[Any] = []

    async def work(_payload: Any) -> httpx.Response:
        return answer(429, retry_after="10")

    async with open_route(remote(work), retry=THREE, sleep=waits) as runner:
        await runner.push(batches({"n": 0}), on_result=results.append, wait_s=9.9)

    assert waits.asked_s == []
    assert (results[0].status, results[0].attempts, results[0].recovery) == (Status.FAILED, 1, Recovery.RETRY)


@pytest.mark.parametrize(("asked", "waited_s"), [("5", 5.0), ("3600", 30.0), ("0", 0.0)])
async def test_retry_after_is_honoured_up_to_the_ceiling(open_route, remote, waits, asked: str, waited_s: float):
    """The remote system's own word counts as it is, unless it asks for more than the route allows."""

    async def work(_payload: Any) -> httpx.Response:
        return answer(429, retry_after=asked)

    policy = RetryPolicy(2, timedelta(seconds=1), timedelta(seconds=30))

    async with open_route(remote(work), retry=policy, sleep=waits) as runner:
        await runner.push(batches({"n": 0}))

    assert waits.asked_s == [waited_s]


# --- stopping -------------------------------------------------------------------------------------------------------


async def test_a_stop_finishes_what_is_in_hand_and_takes_no_more(open_route, remote):
    """Those on their way are finished and reported as such; nothing else was taken."""
    go = asyncio.Event()
    system = remote(lambda _payload: go.wait())
    results: list[Any] = []

    async with open_route(system, route={"concurrency": 3}) as runner:
        run = asyncio.create_task(runner.push(batches(*numbered(100)), on_result=results.append))
        await system.wait_for(3)
        runner.stop()
        go.set()
        summary = await run

    assert (summary.taken, len(system.ended), summary.statuses) == (3, 3, {Status.FINISHED: 3})
    assert summary.stopped is None


async def test_a_stop_does_not_wait_for_the_incoming(open_route, remote):
    """Also while the next batch is awaited, perhaps for ever, the run comes to its end, and the batches are closed."""
    waiting, closed = asyncio.Event(), asyncio.Event()

    async def endless():
        try:
            yield numbered(2)
            waiting.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with asyncio.timeout(20), open_route(remote()) as runner:
        run = asyncio.create_task(runner.push(endless()))
        await waiting.wait()
        runner.stop()
        summary = await run

    assert (summary.taken, summary.statuses, closed.is_set()) == (2, {Status.FINISHED: 2}, True)


async def test_a_stop_ends_the_waits_between_tries(open_route, remote):
    """A record that waits for its next try is reported with its last failure; it is not sent early."""
    waiting = asyncio.Event()

    async def wait(_delay_s: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def work(_payload: Any) -> httpx.Response:
        return answer(429, retry_after="20")

    system = remote(work)
    results: list[Any] = []

    async with asyncio.timeout(20), open_route(system, retry=THREE, sleep=wait) as runner:
        run = asyncio.create_task(runner.push(batches({"n": 0}), on_result=results.append))
        await waiting.wait()
        runner.stop()
        await run

    assert [(result.status, result.verdict, result.attempts) for result in results] == [
        (Status.FAILED, Verdict.BUSY, 1)
    ]
    assert len(system.started) == 1


async def test_a_stop_leaves_records_behind_a_busy_key_untried_and_says_so(open_route, remote):
    """What was taken and waited behind another record of its key is told, since nobody will take it again."""
    go = asyncio.Event()
    system = remote(lambda _payload: go.wait())
    results: list[Any] = []

    async with open_route(system, route={"key": "same"}) as runner:
        run = asyncio.create_task(runner.push(batches(*numbered(3)), on_result=results.append))
        await system.wait_for(1)
        for _ in range(20):
            await asyncio.sleep(0)
        runner.stop()
        go.set()
        summary = await run

    assert summary.taken == len(results) == 3
    assert [(result.index, result.status, result.reason) for result in results] == [
        (0, Status.FINISHED, ""),
        (1, Status.FAILED, "not tried: the run was stopped"),
        (2, Status.FAILED, "not tried: the run was stopped"),
    ]


async def test_a_stop_ahead_of_a_run_holds_for_it_and_not_for_the_next(open_route, remote):
    """A signal that comes before the first record is not lost, and a runner can be used again."""
    async with open_route(remote()) as runner:
        runner.stop()
        first = await runner.push(batches(*numbered(3)))
        second = await runner.push(batches(*numbered(3)))

    assert (first.taken, second.taken) == (0, 3)


async def test_a_stop_is_seen_while_a_filter_leaves_everything_out(open_route, remote):
    """A large batch of which nothing is sent does not keep the loop from hearing of a stop."""
    loop = asyncio.get_running_loop()

    async with open_route(remote(), route={"transform": [{"filter": False}]}) as runner:
        summary = await runner.push(
            batches(*numbered(10_000), size=10_000), on_result=lambda _result: loop.call_soon(runner.stop)
        )

    assert summary.taken <= 200


async def test_a_page_that_asking_for_changed_something_is_not_thrown_away(open_route, remote):
    """Where asking for records commits, a stop waits for the page in hand, and its records are sent."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def work(payload: Any) -> httpx.Response | None:
        if payload != {}:
            return None
        asked.set()
        await go.wait()
        return httpx.Response(200, json={"rows": numbered(3)})

    system = remote(work)

    async with open_route(system, subscriber={"route": "claim", "effect": "commit", "records": "$.rows[*]"}) as runner:
        run = asyncio.create_task(runner.run())
        await asked.wait()
        runner.stop()
        go.set()
        summary = await run

    assert summary.statuses[Status.FINISHED] + summary.statuses[Status.FAILED] == summary.taken == 3
    assert summary.statuses == {Status.FINISHED: 3}


# --- the incoming fails, the run is broken off ----------------------------------------------------------------------


async def test_an_incoming_that_fails_lets_what_is_on_its_way_finish(open_route, remote):
    """The third page fails while records of the second are in flight: they are finished and told, then it is raised."""
    failed, pages = asyncio.Event(), 0

    async def work(payload: Any) -> httpx.Response | None:
        nonlocal pages
        if "page" not in payload:
            await failed.wait()
            return None
        pages += 1
        if pages == 3:
            failed.set()
            return answer(500)
        return httpx.Response(200, json={"rows": [{"n": pages}]})

    results: list[Any] = []

    async with (
        asyncio.timeout(20),
        open_route(
            remote(work),
            subscriber={
                "route": "rows",
                "pagination": {"page": {"in": "json", "name": "$.page"}},
                "records": "$.rows[*]",
            },
            publisher={"data": {"n": "{{ record.n }}"}},
        ) as runner,
    ):
        with pytest.raises(CallError, match="HTTP 500"):
            await runner.run(on_result=results.append)

    assert [(result.index, result.status) for result in results] == [(0, Status.FINISHED), (1, Status.FINISHED)]


async def test_a_run_broken_off_tells_what_is_unknown_and_what_is_not(open_route, remote):
    """Of records cut off, those whose commit had left are unknown; those not sent, or waiting, are not."""
    arrived = asyncio.Event()

    async def work(payload: Any) -> httpx.Response | None:
        if payload.get("n") == 0 and "kind" in payload:
            arrived.set()
            await asyncio.Event().wait()
        if payload == {"find": "1"}:
            await asyncio.Event().wait()
        return None

    results: list[Any] = []
    publisher = {
        "before": [{"route": "find", "effect": "read", "data": {"find": "{{ record.n }}"}}],
        "data": {"kind": "order", "n": {"value": "{{ record.n }}", "type": "integer"}},
    }
    records = [{"n": 0, "key": "a"}, {"n": 1, "key": "b"}, {"n": 2, "key": "a"}]

    async with (
        asyncio.timeout(20),
        open_route(remote(work), publisher=publisher, route={"key": "{{ record.key }}"}) as runner,
    ):
        run = asyncio.create_task(runner.push(batches(*records), on_result=results.append))
        await arrived.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    told = {result.index: (result.status, result.recovery, result.reason.partition(";")[0]) for result in results}
    assert told == {
        0: (Status.UNKNOWN, Recovery.PARK, "interrupted after it was sent"),
        1: (Status.FAILED, Recovery.RETRY, "interrupted before anything was committed"),
        2: (Status.FAILED, Recovery.RETRY, "not tried: the run was interrupted"),
    }


async def test_a_run_broken_off_at_once_tells_of_every_record_it_took(open_route, remote):
    """Cancelled before a record's own task had its first turn, the record is told all the same."""
    results: list[Any] = []

    async def one_and_wait():
        yield [{"n": 0}]
        run.cancel()
        await asyncio.sleep(0)
        await asyncio.Event().wait()

    async with asyncio.timeout(20), open_route(remote()) as runner:
        run = asyncio.create_task(runner.push(one_and_wait(), on_result=results.append))
        with pytest.raises(asyncio.CancelledError):
            await run

    assert [result.index for result in results] == [0]


async def test_a_retry_broken_off_before_its_commit_is_not_unknown(open_route, remote):
    """That an earlier try reached the commit and was refused leaves nothing unknown in the next."""
    waiting = asyncio.Event()

    async def wait(_delay_s: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def work(_payload: Any) -> httpx.Response:
        return answer(429)

    results: list[Any] = []

    async with asyncio.timeout(20), open_route(remote(work), retry=THREE, sleep=wait) as runner:
        run = asyncio.create_task(runner.push(batches({"n": 0}), on_result=results.append))
        await waiting.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    assert [(result.status, result.attempts) for result in results] == [(Status.FAILED, 1)]


async def test_whoever_cannot_take_results_ends_the_run(open_route, remote):
    """When telling a result fails, nothing more is sent, what is on its way is finished, and the error is raised."""
    system = remote()

    def refuse(_result: Any) -> None:
        raise BrokenPipeError

    async with asyncio.timeout(20), open_route(system, route={"concurrency": 2}) as runner:
        with pytest.raises(BrokenPipeError):
            await runner.push(batches(*numbered(1000)), on_result=refuse)

    assert len(system.started) <= 4


async def test_nothing_is_left_behind(open_route, remote):
    """After a run that was stopped, failed or broken off, no task of it is left."""

    async def failing():
        yield numbered(3)
        raise OSError("the disk is gone")

    async with open_route(remote(), route={"key": "{{ record.n }}"}) as runner:
        before = asyncio.all_tasks()
        with pytest.raises(OSError, match="the disk is gone"):
            await runner.push(failing())
        await runner.push(batches(*numbered(5)), limit=2)
        left = asyncio.all_tasks() - before

    assert left == set()


async def test_a_limit_closes_the_batches_before_the_run_returns(open_route, remote):
    """Whoever hands in records learns at once that no more are wanted."""
    closed = asyncio.Event()

    async def endless():
        try:
            while True:
                yield numbered(3)
        finally:
            closed.set()

    async with open_route(remote()) as runner:
        await runner.push(endless(), limit=4)
        is_closed = closed.is_set()

    assert is_closed


# --- memory ---------------------------------------------------------------------------------------------------------


async def test_a_hundred_thousand_records_do_not_pile_up(open_route, remote):
    """Records are made no faster than they are sent: there are never more than a batch and those on their way."""
    most_alive = most_tasks = made = sent = 0

    async def generate():
        nonlocal made
        for start in range(0, 100_000, 10):
            made += 10
            yield [{"n": number} for number in range(start, start + 10)]

    class Discarding:
        """A publisher that throws records away."""

        async def publish(self, _record: Any, **_doors: Any) -> Published:
            nonlocal most_alive, most_tasks, sent
            await asyncio.sleep(0)
            most_alive = max(most_alive, made - sent)
            if sent % 1000 == 0:
                most_tasks = max(most_tasks, len(asyncio.all_tasks()))
            sent += 1
            return Published(Verdict.OK)

    async with open_route(remote(), route={"concurrency": 8}) as runner:
        runner._outgoing.publisher = Discarding()
        summary = await runner.push(generate())

    assert summary.statuses == {Status.FINISHED: 100_000}
    assert most_alive <= 10 + 8
    assert most_tasks < 20
