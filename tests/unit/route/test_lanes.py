"""Working side by side, with what has one key one after another."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.route.lanes import MOST_QUEUED, Lanes


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=60),
    width=st.integers(1, 5),
    pauses=st.lists(st.integers(0, 3), min_size=60, max_size=60),
)
def test_every_entry_is_worked_on_once_in_the_order_of_its_key(keys, width: int, pauses: list[int]):
    """Whatever comes and however long it takes: all of it, no more at once than allowed, and each key in order."""
    started: dict[str | None, list[int]] = defaultdict(list)
    under_way: list[str | None] = []
    most = 0

    async def work(entry: tuple[int, str | None]) -> None:
        nonlocal most
        number, key = entry
        assert key is None or key not in under_way
        under_way.append(key)
        most = max(most, len(under_way))
        started[key].append(number)
        for _ in range(pauses[number]):
            await asyncio.sleep(0)
        under_way.remove(key)

    async def run() -> None:
        async with Lanes(work, width=width) as lanes:
            for number, key in enumerate(keys):
                await lanes.put((number, key), key)

    asyncio.run(run())

    assert sorted(number for numbers in started.values() for number in numbers) == list(range(len(keys)))
    assert all(numbers == sorted(numbers) for numbers in started.values())
    assert most <= width


async def test_no_more_entries_wait_than_may():
    """Behind one key there is room for so many; the next is put in when one of them was worked on."""
    go = asyncio.Event()
    put = 0

    async def put_all(lanes: Lanes[int]) -> None:
        nonlocal put
        for number in range(MOST_QUEUED + 10):
            await lanes.put(number, "a")
            put += 1

    async with Lanes(lambda _entry: go.wait(), width=4) as lanes:
        putting = asyncio.create_task(put_all(lanes))
        await settle()
        waiting = put
        go.set()
        await putting

    assert (waiting, put) == (MOST_QUEUED + 1, MOST_QUEUED + 10)


async def test_leaving_waits_for_everything_put_in():
    """The block ends when the last entry is done, also where the block itself failed."""
    done: list[int] = []

    async def work(entry: int) -> None:
        await asyncio.sleep(0)
        done.append(entry)

    async def fail() -> None:
        async with Lanes(work, width=2) as lanes:
            for number in range(3):
                await lanes.put(number)
            raise OSError("the block failed")

    with pytest.raises(OSError, match="the block failed"):
        await fail()

    assert done == [0, 1, 2]


async def test_the_first_error_of_work_is_raised_in_the_end():
    """What work raises is a fault: the other entries are worked on, and it comes out when the block is left."""
    done: list[int] = []

    async def work(entry: int) -> None:
        if entry == 0:
            raise ValueError("a fault")
        done.append(entry)

    async def run() -> None:
        async with Lanes(work, width=2) as lanes:
            for number in range(3):
                await lanes.put(number)

    with pytest.raises(ValueError, match="a fault"):
        await run()

    assert done == [1, 2]


async def test_an_error_leaves_room_behind_its_key():
    """Entries that waited behind one that raised are given up, and take no places with them."""
    started: list[int] = []

    async def work(entry: int) -> None:
        started.append(entry)
        await asyncio.sleep(0)
        if entry == 0:
            raise ValueError("a fault")

    async def run() -> None:
        async with asyncio.timeout(5), Lanes(work, width=1) as lanes:
            for number in range(3):
                await lanes.put(number, "a")
            await settle()
            for number in range(3, MOST_QUEUED + 10):
                await lanes.put(number, "a")

    with pytest.raises(ValueError, match="a fault"):
        await run()

    assert started == [0, *range(3, MOST_QUEUED + 10)]


@pytest.mark.parametrize("is_leaving", [False, True], ids=["inside the block", "on leaving it"])
async def test_a_cancellation_breaks_off_what_is_under_way(is_leaving: bool):
    """Cancelled, nothing is waited for: what is under way is cancelled, and gone when the block is left."""
    broken_off: list[int] = []

    async def work(entry: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            broken_off.append(entry)

    async def run() -> None:
        async with Lanes(work, width=4) as lanes:
            for number in range(3):
                await lanes.put(number, "a" if number else None)
            if not is_leaving:
                await asyncio.Event().wait()

    before = asyncio.all_tasks()
    running = asyncio.create_task(run())
    await settle()
    running.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await running

    assert sorted(broken_off) == [0, 1]
    assert asyncio.all_tasks() == before


async def test_a_place_is_waited_for():
    """Asking for a place returns when one is free, and does not take it."""
    go = asyncio.Event()

    async with asyncio.timeout(5), Lanes(lambda _entry: go.wait(), width=1) as lanes:
        await lanes.wait_for_place()
        await lanes.put(1)
        asking = asyncio.create_task(lanes.wait_for_place())
        await settle()
        is_early = asking.done()
        go.set()
        await asking
        await lanes.put(2)

    assert not is_early
