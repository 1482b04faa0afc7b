"""A rate limit that spaces calls evenly."""

from __future__ import annotations

import asyncio

import pytest

from connector.client.rate import RateLimiter


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


def limiter(time: Time, per_second: float) -> RateLimiter:
    """A limiter on that clock."""
    return RateLimiter(per_second, clock=time, sleep=time.sleep)


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
