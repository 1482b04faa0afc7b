"""How the work on a route is cut up among workers, and which of them yields."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.store.rows import LANES
from connector.task.dispatch import Balance, split_lanes

ROUTE = "orders"


@given(concurrency=st.integers(1, 1000))
def test_groups_cover_every_lane_once_and_add_up_to_the_concurrency(concurrency: int):
    """Whatever the concurrency, no lane is left out, none is in two groups, and the widths are its sum."""
    groups = split_lanes(concurrency)

    assert [lane for group in groups for lane in group.lanes] == list(range(LANES))
    assert sum(group.width for group in groups) == concurrency
    assert all(group.width >= 1 for group in groups)


@given(concurrency=st.integers(1, 1000))
def test_no_group_lags_far_behind(concurrency: int):
    """The slowest group takes at most a quarter longer for its lanes than an even split would."""
    groups = split_lanes(concurrency)

    slowest = max(Fraction(len(group.lanes), group.width) for group in groups)

    assert slowest <= Fraction(LANES, concurrency) * Fraction(5, 4)


@pytest.mark.parametrize(
    ("concurrency", "groups"),
    [
        pytest.param(1, 1, id="one at a time: one group"),
        pytest.param(4, 4, id="the default: four workers can share a route"),
        pytest.param(6, 3, id="three even groups rather than six uneven ones"),
        pytest.param(8, 8, id="a lane each"),
        pytest.param(50, 8, id="never more groups than lanes"),
    ],
)
def test_there_are_as_many_groups_as_can_be_even(concurrency: int, groups: int):
    """A route is shared by as many workers as it has groups."""
    assert len(split_lanes(concurrency)) == groups


def balance(**loads: float) -> Balance:
    """What `me` believes of neighbours with such loads."""
    known = Balance("me")
    known.learn({"me": (), **dict.fromkeys(loads, ())}, loads)
    return known


def test_a_worker_by_itself_has_everything():
    """There is nobody to share with, nor to yield to."""
    alone = balance()

    assert alone.is_alone
    assert alone.share(ROUTE, 8) == 8
    assert not alone.yields(ROUTE, 8, 1)
    assert not alone.is_ahead(8)


@pytest.mark.parametrize(("neighbours", "groups", "share"), [(1, 8, 4), (2, 8, 3), (7, 8, 1), (20, 8, 1), (1, 1, 1)])
def test_a_route_is_shared_evenly(neighbours: int, groups: int, share: int):
    """Rounded up, so that nothing is left over, and at least one."""
    known = balance(**{f"worker{number}": 0 for number in range(neighbours)})

    assert known.share(ROUTE, groups) == share


def test_shifts_whose_turns_end_together_are_shared_evenly():
    """Of eight shifts with a new neighbour, four go over and four stay."""
    known = balance(neighbour=0)
    mine = 8

    for _ in range(8):
        mine -= known.yields(ROUTE, mine, 1)

    assert mine == 4


def test_nothing_goes_to_and_fro():
    """A neighbour with one shift fewer gets none: it would have one more then."""
    assert not balance(neighbour=3).yields(ROUTE, 4, 1)


def test_a_wide_shift_stays_where_it_would_tip_the_balance():
    """What would make the neighbour the busier one is kept."""
    known = balance(neighbour=1)

    assert not known.yields(ROUTE, 6, 4)
    assert known.yields(ROUTE, 6, 2)


def test_the_idlest_neighbour_gets_the_shift():
    """What counts is who has the least to do."""
    known = balance(busy=5, idle=1)

    assert known.yields(ROUTE, 4, 1)
    assert not known.yields(ROUTE, 3, 1)


def test_a_neighbour_that_does_not_deliver_the_route_gets_none_of_it():
    """It was started for other routes."""
    known = Balance("me")
    known.learn({"me": (), "other": ("stock",)}, {})

    assert known.share(ROUTE, 8) == 8
    assert not known.yields(ROUTE, 8, 1)
    assert known.yields("stock", 8, 1)


def test_what_the_dead_hold_does_not_count():
    """The load of a worker that is not alive is nobody's work."""
    known = Balance("me")
    known.learn({"me": (), "neighbour": ()}, {"gone": 8})

    assert known.yields(ROUTE, 2, 1)


@pytest.mark.parametrize(("mine", "expected"), [(2, False), (3, True)])
def test_who_works_on_more_lets_others_go_first(mine: int, expected: bool):
    """With as much to do as the idlest neighbour, nobody stands back."""
    assert balance(neighbour=2, other=4).is_ahead(mine) is expected
