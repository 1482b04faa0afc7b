"""Cursors and values; and the small parts: routes, workers, limits, schedules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from connector.errors import CursorMovedError
from connector.store.rows import CursorMove, RouteState, StoredValue
from tests.store.stage import make

if TYPE_CHECKING:
    from connector.store.store import Store


@pytest.mark.parametrize("value", [None, 7, "2026-01-01", 1.5, ["a", {"b": None}], {"id": 3, "name": "Zoë\x00"}, False])
async def test_a_cursor_holds_any_json(store: Store, clock, value) -> None:
    """What is set is what is read."""
    await store.state.set_cursor("incoming.orders", value, pending=["later"])

    cursor = await store.state.cursor("incoming.orders")

    assert cursor is not None
    assert (cursor.value, cursor.pending, cursor.version, cursor.updated_at_ms) == (value, ["later"], 1, clock())


async def test_a_cursor_counts_its_moves(store: Store) -> None:
    """Every move is a version; one without a pending value takes it away."""
    await store.state.set_cursor("in", 1, pending=2)
    await store.state.set_cursor("in", 2)

    cursor = await store.state.cursor("in")

    assert cursor is not None
    assert (cursor.version, cursor.pending) == (2, None)


async def test_a_cursor_that_is_reset_is_gone(store: Store) -> None:
    """Resetting says whether there was one."""
    await store.state.set_cursor("in", 1)

    assert await store.state.reset("in") is True
    assert await store.state.reset("in") is False
    assert await store.state.cursor("in") is None


async def test_no_version_of_a_cursor_comes_twice(store: Store) -> None:
    """A fetch that began before a cursor was forgotten, and set anew, moves nothing."""
    await store.state.set_cursor("in", 1)
    _, version = await store.state.locate("in")
    await store.state.reset("in")
    await store.state.set_cursor("in", 2)

    with pytest.raises(CursorMovedError):
        await store.tasks.ingest(make("a"), cursor=CursorMove("in", 3, version=version), token="t")

    cursor = await store.state.cursor("in")
    assert cursor is not None
    assert (cursor.value, cursor.version) == (2, 3)


async def test_a_fetch_goes_on_from_a_cursor_that_was_forgotten(store: Store) -> None:
    """One that begins behind the reset has the version to move it on, one that began before has not."""
    await store.state.set_cursor("in", 1)
    await store.state.reset("in")
    cursor, version = await store.state.locate("in")

    with pytest.raises(CursorMovedError):
        await store.tasks.ingest(make("a"), cursor=CursorMove("in", 3, version=1), token="t1")
    await store.tasks.ingest(make("a"), cursor=CursorMove("in", 4, version=version), token="t2")

    assert cursor is None
    moved = await store.state.cursor("in")
    assert moved is not None
    assert (moved.value, moved.version) == (4, version + 1)
    assert [one.name for one in await store.state.cursors()] == ["in"]


async def test_a_forgotten_cursor_is_not_listed(store: Store) -> None:
    """What is kept of it concerns nobody."""
    await store.state.set_cursor("in", 1)

    await store.state.reset("in")

    assert await store.state.cursors() == []


async def test_a_cursor_that_is_refused_is_not_set(store: Store) -> None:
    """Whoever sets it says what it may be, of the pending value too."""

    def check(value: object) -> None:
        if not isinstance(value, int):
            raise TypeError(value)

    await store.state.set_cursor("in", 1, pending=2, check=check)
    with pytest.raises(TypeError):
        await store.state.set_cursor("in", [], check=check)
    with pytest.raises(TypeError):
        await store.state.set_cursor("in", 3, pending=[], check=check)

    cursor = await store.state.cursor("in")
    assert cursor is not None
    assert (cursor.value, cursor.pending) == (1, 2)


async def test_cursors_are_listed_by_name(store: Store) -> None:
    """All there are."""
    for name in ("b", "a"):
        await store.state.set_cursor(name, name)

    assert [(cursor.name, cursor.value) for cursor in await store.state.cursors()] == [("a", "a"), ("b", "b")]


async def test_values_are_found_by_store_and_key(store: Store) -> None:
    """Places that hold nothing are left out."""
    await store.state.set_values(
        [StoredValue("s", "a", b'{"x":1}'), StoredValue("s", "b", b"2"), StoredValue("t", "a", b'"3"')]
    )

    found = await store.state.values([("s", "a"), ("t", "a"), ("t", "b")])

    assert found == {("s", "a"): b'{"x":1}', ("t", "a"): b'"3"'}
    assert await store.state.values([]) == {}


async def test_the_last_value_of_a_key_counts(store: Store) -> None:
    """Also within one call, and an empty one deletes."""
    await store.state.set_values(
        [StoredValue("s", "a", b"1"), StoredValue("s", "b", b"1"), StoredValue("s", "a", b"2")]
    )
    await store.state.set_values([StoredValue("s", "b", b"3"), StoredValue("s", "b", b"")])

    assert await store.state.values([("s", "a"), ("s", "b")]) == {("s", "a"): b"2"}


async def test_values_are_given_by_store_and_key_in_bites(store: Store) -> None:
    """More than one bite, of one store or of all."""
    values = [StoredValue(name, f"{number:04}", b"%d" % number) for name in ("s", "t") for number in range(700)]
    await store.state.set_values(values[::-1])

    everything = [value async for value in store.state.stored()]
    one = [value async for value in store.state.stored("t")]

    assert everything == values
    assert one == values[700:]
    assert await store.state.stores() == {"s": 700, "t": 700}


async def test_a_store_of_values_can_be_cleared(store: Store) -> None:
    """The others stay."""
    await store.state.set_values([StoredValue("s", "a", b"1"), StoredValue("t", "a", b"1")])

    assert await store.state.clear("s") == 1
    assert await store.state.stores() == {"t": 1}


async def test_a_paused_route_is_paused_until_it_is_resumed(store: Store, clock) -> None:
    """With who, why and since when; a route nobody touched is not listed."""
    await store.routes.pause("orders", by="kim", reason="stocktaking")
    paused = (await store.routes.states())["orders"]
    await store.routes.resume("orders", by="lee")
    resumed = (await store.routes.states())["orders"]

    assert (paused.state, paused.reason, paused.by, paused.since_ms) == (
        RouteState.PAUSED,
        "stocktaking",
        "kim",
        clock(),
    )
    assert (resumed.state, resumed.reason, resumed.by) == (RouteState.ACTIVE, "", "lee")


async def test_a_route_stops_itself_once(store: Store) -> None:
    """The first reason stays, and only the first one is told that it stopped it."""
    first = await store.routes.stop("orders", "the credential is refused")
    second = await store.routes.stop("orders", "something else")

    row = (await store.routes.states())["orders"]
    assert (first, second) == (True, False)
    assert (row.state, row.reason, row.by) == (RouteState.STOPPED, "the credential is refused", "connector")


async def test_what_a_person_paused_stays_paused(store: Store) -> None:
    """A stop does not take the place of a pause; behind a resume it counts again."""
    await store.routes.pause("orders", by="kim")

    assert await store.routes.stop("orders", "x") is False
    await store.routes.resume("orders", by="kim")
    assert await store.routes.stop("orders", "x") is True


async def test_workers_are_alive_as_long_as_they_are_heard_of(store: Store, clock) -> None:
    """Thirty seconds after the last beat one is not."""
    await store.workers.join("w1", host="here", pid=7, routes=["b", "a"])
    clock.advance(20_000)
    await store.workers.join("w2", host="there", pid=8)
    clock.advance(10_001)

    (second,) = await store.workers.alive()
    is_known = await store.workers.beat("w1")
    first, _ = await store.workers.alive()

    assert (second.id, second.host, second.pid, second.routes) == ("w2", "there", 8, ())
    assert is_known is True
    assert (first.id, first.routes, first.heartbeat_at_ms) == ("w1", ("a", "b"), clock())


async def test_a_worker_that_left_is_not_known(store: Store) -> None:
    """Its next beat says so."""
    await store.workers.join("w1", host="here", pid=7)
    await store.workers.leave("w1")

    assert await store.workers.alive() == []
    assert await store.workers.beat("w1") is False


async def test_turns_of_a_limit_follow_one_another(store: Store, clock) -> None:
    """Each reservation begins where the one before ends, never before now, and never early."""
    first = await store.limits.reserve("shop", 10)
    second = await store.limits.reserve("shop", 10, 5)
    third = await store.limits.reserve("shop", 3)
    fourth = await store.limits.reserve("shop", 3)
    other = await store.limits.reserve("erp", 10)

    start = clock()
    assert (first, second, third, fourth, other) == (start, start + 100, start + 600, start + 934, start)


async def test_turns_that_nobody_took_are_gone(store: Store, clock) -> None:
    """After a rest there is no burst."""
    await store.limits.reserve("shop", 10)
    clock.advance(5000)

    assert await store.limits.reserve("shop", 10) == clock()
    assert await store.limits.reserve("shop", 10) == clock() + 100


async def test_turns_far_in_the_future_are_not_believed(store: Store, clock) -> None:
    """After the clock was set back the limit starts anew."""
    await store.limits.reserve("shop", 10)
    clock.advance(-3_600_000)

    assert await store.limits.reserve("shop", 10) == clock()


async def test_turns_taken_at_once_are_all_different(store: Store, beside: Store, clock) -> None:
    """Over connections of their own no two get the same turn."""
    turns = await asyncio.gather(
        *((store if number % 2 else beside).limits.reserve("shop", 1000) for number in range(20))
    )

    assert sorted(turn - clock() for turn in turns) == list(range(20))


async def test_a_due_time_fires_once(store: Store, beside: Store, clock) -> None:
    """Over all processes; the next one fires again, an earlier one no more."""
    fired = await asyncio.gather(*(who.schedules.fire("orders", 1000) for who in (store, beside) * 5))

    assert sorted(fired) == [False] * 9 + [True]
    assert await store.schedules.fire("orders", 900) is False
    assert await store.schedules.fire("orders", 1001) is True


async def test_a_due_time_out_of_the_future_does_not_block(store: Store, clock) -> None:
    """After the clock was set back, schedules go on."""
    await store.schedules.fire("orders", clock())
    clock.advance(-3_600_000)

    assert await store.schedules.fire("orders", clock()) is True
    assert await store.schedules.fire("orders", clock()) is False


async def test_a_schedule_keeps_what_it_did(store: Store, clock) -> None:
    """Declaring it anew changes what is written, not what was."""
    await store.schedules.declare("orders", "every 5m", next_at_ms=10)
    await store.schedules.fire("orders", 10)
    await store.schedules.note_result("orders", "12 taken", next_at_ms=20)
    await store.schedules.declare("orders", "every 10m", next_at_ms=30)
    await store.schedules.declare("another", "0 6 * * *")

    another, orders = await store.schedules.all()

    assert (another.name, another.last_due_at_ms, another.next_at_ms) == ("another", None, None)
    assert (orders.spec, orders.last_due_at_ms, orders.last_started_at_ms) == ("every 10m", 10, clock())
    assert (orders.last_result, orders.next_at_ms) == ("12 taken", 30)


async def test_a_run_tells_how_long_it_took(store: Store, clock) -> None:
    """From its beginning to its end, and what it brought; while it goes on, nothing is known of that."""
    await store.schedules.fire("orders", 10)
    (during,) = await store.schedules.all()
    clock.advance(1500)
    await store.schedules.note_result("orders", "12 records, 3 new", records=12, tasks=3)
    (after,) = await store.schedules.all()
    await store.schedules.fire("orders", 11)
    (again,) = await store.schedules.all()

    assert (during.last_duration_ms, during.last_records) == (None, None)
    assert (after.last_duration_ms, after.last_records, after.last_tasks) == (1500, 12, 3)
    assert (again.last_duration_ms, again.last_ended_at_ms) == (None, None)


async def test_a_run_that_is_asked_for_is_begun_once(store: Store, beside: Store, clock) -> None:
    """Whoever takes it first has it; it counts as begun, and may be asked for again."""
    asked_at = clock.now_ms
    assert await store.schedules.ask("orders", "ann")
    assert not await beside.schedules.ask("orders", "bob")
    (waiting,) = await store.schedules.asked()
    clock.advance(5)

    taken = await asyncio.gather(*(who.schedules.take_asked("orders") for who in (store, beside) * 5))

    assert (waiting.asked_at_ms, waiting.asked_by) == (asked_at, "ann")
    assert [row for row in taken if row is not None] == [waiting]
    assert await store.schedules.asked() == []
    (begun,) = await store.schedules.all()
    assert (begun.asked_at_ms, begun.asked_by, begun.last_started_at_ms) == (None, "", clock.now_ms)
    assert await store.schedules.ask("orders", "bob")


async def test_asking_leaves_a_schedule_as_it_is(store: Store) -> None:
    """What is due when stays; one that nobody asked for cannot be taken."""
    await store.schedules.declare("orders", "every 5m", next_at_ms=10)
    before = await store.schedules.take_asked("orders")
    await store.schedules.ask("orders", "ann")
    await store.schedules.declare("orders", "every 5m", next_at_ms=20)
    await store.schedules.take_asked("orders")

    (row,) = await store.schedules.all()

    assert before is None
    assert (row.spec, row.next_at_ms, row.last_due_at_ms) == ("every 5m", 20, None)


async def test_a_schedule_can_be_forgotten(store: Store) -> None:
    """One that is no longer in the configuration goes."""
    await store.schedules.declare("orders", "every 5m")

    await store.schedules.forget("orders")

    assert await store.schedules.all() == []


async def test_a_worker_resumes_what_had_stopped_itself_alone(store: Store) -> None:
    """A person's pause that came in between stays."""
    await store.routes.stop("orders", "the key is refused")
    await store.routes.pause("coupons", by="kim")

    for route in ("orders", "coupons", "never-heard-of"):
        await store.routes.resume_stopped(route, by="connector")

    states = await store.routes.states()
    assert (states["orders"].state, states["coupons"].state) == (RouteState.ACTIVE, RouteState.PAUSED)
