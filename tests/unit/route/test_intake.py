"""Records on their way in, until there are enough or somebody says stop."""

from __future__ import annotations

import asyncio

import pytest

from connector.route.intake import pull, race


class Batches:
    """Batches that note how many were asked for, and that they were closed."""

    def __init__(self, *batches: list[dict[str, int]], hangs: bool = False) -> None:
        self._batches = iter(batches)
        self._hangs = hangs
        self.asked = 0
        self.is_closed = False

    def __aiter__(self):
        return self

    async def __anext__(self) -> list[dict[str, int]]:
        """Give the next batch, or hang at the end."""
        self.asked += 1
        batch = next(self._batches, None)
        if batch is not None:
            return batch
        if self._hangs:
            await asyncio.Event().wait()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Take note."""
        self.is_closed = True


def rows(*numbers: int) -> list[dict[str, int]]:
    """Records with these numbers."""
    return [{"n": number} for number in numbers]


async def take(batches: Batches, stop: asyncio.Event | None = None, **options) -> list[int]:
    """Pull everything there is."""
    return [record["n"] async for record in pull(batches, stop or asyncio.Event(), **options)]


async def test_records_come_in_order_and_the_batches_are_closed():
    """Empty batches are passed over; the end closes what gave them."""
    batches = Batches(rows(1, 2), [], rows(3))

    taken = await take(batches)

    assert (taken, batches.is_closed) == ([1, 2, 3], True)


@pytest.mark.parametrize(
    ("limit", "taken", "asked"), [(0, [], 0), (2, [1, 2], 1), (3, [1, 2, 3], 2), (9, [1, 2, 3], 3)]
)
async def test_a_limit_asks_for_no_batch_too_many(limit: int, taken: list[int], asked: int):
    """With enough records nothing further is asked for, and the batches are closed."""
    batches = Batches(rows(1, 2), rows(3))

    found = await take(batches, limit=limit)

    assert (found, batches.asked, batches.is_closed) == (taken, asked, True)


async def test_a_stop_in_the_middle_of_a_batch_leaves_the_rest():
    """Records of a batch in hand are not taken any more."""
    batches, stop = Batches(rows(1, 2, 3), rows(4)), asyncio.Event()
    taken = []

    async for record in pull(batches, stop):
        taken.append(record["n"])
        stop.set()

    assert (taken, batches.asked, batches.is_closed) == ([1], 1, True)


async def test_a_stop_in_the_middle_of_a_batch_that_was_handed_over_takes_the_rest():
    """Where asking changes something on the other side, the batch in hand is taken to its end."""
    batches, stop = Batches(rows(1, 2, 3), rows(4)), asyncio.Event()
    taken = []

    async for record in pull(batches, stop, may_cut=False):
        taken.append(record["n"])
        stop.set()

    assert (taken, batches.asked) == ([1, 2, 3], 1)


async def test_a_stop_ends_the_wait_for_a_batch():
    """A batch that does not come is not waited for."""
    batches, stop = Batches(rows(1), hangs=True), asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)

    async with asyncio.timeout(5):
        taken = await take(batches, stop)

    assert (taken, batches.is_closed) == ([1], True)


async def test_a_batch_that_fails_fails_here():
    """The error of the batches comes out as it is."""

    async def failing():
        yield rows(1)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        _ = [record async for record in pull(failing(), asyncio.Event())]


async def test_a_plain_iterator_needs_no_closing():
    """Batches that are no generator have nothing to close."""

    class Plain:
        def __init__(self) -> None:
            self._left = [rows(1)]

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop()

    taken = [record async for record in pull(Plain(), asyncio.Event())]

    assert taken == rows(1)


async def test_a_race_is_won_by_the_result():
    """What is done before the stop gives its result."""

    async def give() -> int:
        return 7

    assert await race(give(), asyncio.Event()) == 7


async def test_a_race_is_won_by_an_error():
    """What fails before the stop raises."""

    async def fail() -> int:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await race(fail(), asyncio.Event())


async def test_a_race_won_by_the_stop_leaves_nothing_running():
    """What was not done is broken off, and gone; what breaks while it is being broken off is not raised."""
    stop = asyncio.Event()

    async def hang() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("could not let go") from None
        return 1

    before = asyncio.all_tasks()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    result = await race(hang(), stop)

    assert result is None
    assert asyncio.all_tasks() == before


async def test_a_race_that_is_cancelled_breaks_both_off():
    """Nothing is left of it."""
    before = asyncio.all_tasks()
    racing = asyncio.create_task(race(asyncio.Event().wait(), asyncio.Event()))
    await asyncio.sleep(0.01)
    racing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await racing

    assert asyncio.all_tasks() == before
