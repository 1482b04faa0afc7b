"""A rate limit that spaces calls evenly."""

from __future__ import annotations

import asyncio

import pytest

from connector.client.rate import RateLimiter
from connector.errors import SubscriberError


class Time:
    """A clock that moves when somebody sleeps, or when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        """Take note, and be there."""
        self.slept_s.append(delay_s)


@pytest.fixture
def time() -> Time:
    """A clock."""
    return Time()


class Turns:
    """Gives out turns to several processes, all of them one after another."""

    def __init__(self, time: Time, per_second: float) -> None:
        self._time = time
        self._interval_s = 1 / per_second
        self._next_at_s = 0.0
        self.reserved: list[int] = []

    async def reserve(self, turns: int) -> float:
        """Return in how many seconds the first of them is."""
        await asyncio.sleep(0)
        self.reserved.append(turns)
        first_s = max(self._next_at_s, self._time.now_s)
        self._next_at_s = first_s + turns * self._interval_s
        return first_s - self._time.now_s


def limiter(time: Time, per_second: float, source: Turns | None = None) -> RateLimiter:
    """A limiter on that clock."""
    return RateLimiter(per_second, source=source, clock=time, sleep=time.sleep)


async def test_the_first_call_goes_at_once(time: Time):
    """Nobody waits for a turn that nobody else has."""
    await limiter(time, 4).wait()

    assert time.slept_s == []


async def test_calls_at_once_are_spaced_evenly(time: Time):
    """Four a second: the second waits a quarter, the third a half, the fourth three quarters."""
    limit = limiter(time, 4)

    for _ in range(4):
        await limit.wait()

    assert time.slept_s == pytest.approx([0.25, 0.5, 0.75])


async def test_turns_are_not_saved_up(time: Time):
    """After a quiet minute the next two calls are one interval apart all the same."""
    limit = limiter(time, 4)
    await limit.wait()
    time.now_s += 60

    await limit.wait()
    await limit.wait()

    assert time.slept_s == pytest.approx([0.25])


async def test_a_call_in_its_own_time_does_not_wait(time: Time):
    """Slower callers than the limit never notice it."""
    limit = limiter(time, 4)

    for _ in range(5):
        await limit.wait()
        time.now_s += 0.3

    assert time.slept_s == []


async def test_a_late_caller_waits_the_rest_of_the_interval(time: Time):
    """Whoever comes a tenth after the last one waits fifteen hundredths."""
    limit = limiter(time, 4)
    await limit.wait()
    time.now_s += 0.1

    await limit.wait()

    assert time.slept_s == pytest.approx([0.15])


async def test_callers_get_their_turns_in_the_order_they_asked():
    """On the real clock: five at once at 200 a second are let through one after another, over 20 ms."""
    limit = RateLimiter(200)
    order: list[int] = []
    loop = asyncio.get_running_loop()
    started_s = loop.time()

    async def call(number: int) -> None:
        await limit.wait()
        order.append(number)

    await asyncio.gather(*(call(number) for number in range(5)))

    assert order == [0, 1, 2, 3, 4]
    assert loop.time() - started_s >= 0.019


async def test_processes_that_share_a_limit_keep_it_together(time: Time):
    """Two of them ask in turn, four a second in all: each of the calls is a quarter behind the one before it."""
    turns = Turns(time, 4)
    one, other = limiter(time, 4, turns), limiter(time, 4, turns)

    for limit in (one, other, one, other):
        await limit.wait()

    assert time.slept_s == pytest.approx([0.25, 0.5, 0.75])


async def test_those_who_wait_share_one_reservation(time: Time):
    """Ten at once at 20 a second: the first asks alone, the others share two; a quarter of a second is the most."""
    turns = Turns(time, 20)
    limit = limiter(time, 20, turns)

    await asyncio.gather(*(limit.wait() for _ in range(10)))

    assert turns.reserved == [1, 5, 4]
    assert sorted(time.slept_s) == pytest.approx([0.05 * number for number in range(1, 10)])


async def test_nobody_reserves_for_those_who_do_not_wait(time: Time):
    """One caller after another reserves one turn each, so that none is lost."""
    turns = Turns(time, 20)
    limit = limiter(time, 20, turns)

    await limit.wait()
    await limit.wait()

    assert turns.reserved == [1, 1]


async def test_turns_that_were_missed_are_not_made_up_for(time: Time):
    """Of four that share a reservation three are broken off: a second later, the next one asks for a turn anew."""
    turns = Turns(time, 20)
    limit = limiter(time, 20, turns)
    callers = [asyncio.create_task(limit.wait()) for _ in range(5)]
    for _ in range(100):  # until the first has its turn, and the others share theirs
        await asyncio.sleep(0)
    assert turns.reserved == [1, 4]
    for caller in callers[2:]:
        caller.cancel()
    await asyncio.wait(callers)
    time.now_s += 1

    await limit.wait()

    assert turns.reserved == [1, 4, 1]


async def test_a_reservation_that_fails_is_told_to_who_asked(time: Time):
    """The error reaches the caller, and the next one asks anew."""
    turns = Turns(time, 4)
    limit = limiter(time, 4, turns)
    reserve, turns.reserve = turns.reserve, refuse

    with pytest.raises(SubscriberError):
        await limit.wait()

    turns.reserve = reserve
    await limit.wait()
    assert turns.reserved == [1]


async def refuse(_turns: int) -> float:
    """Give out no turns."""
    raise SubscriberError("no turns")
