"""Whether and when to try again."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.retry import RetryPolicy

SECONDS = st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds))


@given(
    attempts=st.integers(1, 100),
    attempt=st.integers(1, 200),
    first=SECONDS,
    longest=SECONDS,
    asked_s=st.none() | st.floats(0, 1e9),
    seed=st.integers(),
)
def test_no_wait_is_longer_than_the_ceiling(attempts, attempt, first, longest, asked_s, seed):
    """Whatever is configured or asked for: no wait after the last try, and none beyond the ceiling before it."""
    delay = RetryPolicy(attempts, first, longest).delay(attempt, asked_s=asked_s, random=Random(seed))

    assert (delay is None) == (attempt >= attempts)
    assert delay is None or timedelta(0) <= delay <= longest


@pytest.mark.parametrize(
    ("attempt", "least_s", "most_s"), [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (6, 15, 30), (9, 15, 30)]
)
def test_waits_double_up_to_the_ceiling(attempt: int, least_s: float, most_s: float):
    """The wait lies in the upper half of one that doubles with each try."""
    policy = RetryPolicy(10, timedelta(seconds=1), timedelta(seconds=30))

    delays_s = [policy.delay(attempt, asked_s=None, random=Random(seed)).total_seconds() for seed in range(200)]

    assert least_s <= min(delays_s) < max(delays_s) <= most_s


def test_what_was_asked_for_is_waited_as_it_is():
    """A wait that the remote system asks for has no jitter: coming earlier would be refused."""
    policy = RetryPolicy(3, timedelta(seconds=1), timedelta(seconds=30))

    delays = {policy.delay(1, asked_s=7.5, random=Random(seed)) for seed in range(20)}

    assert delays == {timedelta(seconds=7.5)}


def test_one_attempt_means_no_second():
    """The default never tries again."""
    assert RetryPolicy().delay(1, asked_s=0, random=Random(0)) is None
