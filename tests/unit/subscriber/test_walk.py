"""Walks: which id is asked for next, and when it is the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import SubscriberError
from connector.subscriber.walk import WalkPlan, WalkRun


def plan(**options: int) -> WalkPlan:
    """A walk."""
    return WalkPlan(
        **{"where": "incoming.orders.state.walk", "start": 1, "gap": 3, "budget": 50, "overlap": 0, **options}
    )


def walk(run: WalkRun, there: set[int]) -> list[int]:
    """Walk to the end of a run over the ids that are there, and return those asked for."""
    asked = []
    while not run.is_over:
        asked.append(run.id)
        run.note(is_found=run.id in there)
    return asked


def test_a_walk_ends_after_a_gap():
    """Ids are asked for one after another, until as many in a row are missing."""
    run = plan().begin(None)

    asked = walk(run, {1, 2, 4})

    assert asked == [1, 2, 3, 4, 5, 6, 7]
    assert (run.last_found, run.is_complete) == (4, True)


def test_the_next_run_goes_on_behind_the_last_one_found():
    """What was missing at the end is asked for again: it may be there by now."""
    assert walk(plan().begin(4), {5, 6}) == [5, 6, 7, 8, 9]


def test_a_walk_that_found_nothing_begins_again_at_the_start():
    """Without anything found, there is nothing to go on behind."""
    run = plan(start=100).begin(None)

    assert walk(run, set()) == [100, 101, 102]
    assert run.last_found is None


def test_a_budget_ends_a_run_and_the_next_one_goes_on():
    """So many ids are asked for, and no end was found."""
    run = plan(budget=4).begin(None)

    assert walk(run, set(range(1, 10))) == [1, 2, 3, 4]
    assert (run.last_found, run.is_complete) == (4, False)


def test_the_last_ids_are_asked_for_again():
    """The overlap is read anew; one that is missing there was deleted, and is no sign of the end."""
    run = plan(overlap=5).begin(10)

    assert walk(run, {11}) == [6, 7, 8, 9, 10, 11, 12, 13, 14]
    assert run.last_found == 11


def test_an_overlap_does_not_reach_behind_the_start():
    """The start is the first id of all."""
    assert plan(start=8, overlap=5).begin(10).id == 8


def test_an_id_may_have_been_set_as_text():
    """A person who sets the state need not mind quotes."""
    assert plan().begin("41").id == 42


@pytest.mark.parametrize("stored", ["abc", 1.5, True, [], "-1"])
def test_what_was_kept_must_be_an_id(stored: Any):
    """Anything else is an error that says how to set it."""
    with pytest.raises(SubscriberError, match="accepted is a whole number; set it with connector state set"):
        plan().begin(stored)


@given(st.sets(st.integers(1, 60)), st.integers(1, 8), st.integers(0, 8), st.integers(1, 30))
def test_every_id_before_a_gap_is_found_however_many_runs_it_takes(there: set[int], gap: int, overlap: int, more: int):
    """Run after run, all ids are found up to the first gap; a budget only makes it more runs."""
    declared = plan(gap=gap, overlap=overlap, budget=gap + overlap + more)
    found: set[int] = set()
    stored = None
    for _ in range(80):
        run = declared.begin(stored)
        found |= set(walk(run, there)) & there
        stored = run.last_found

    reachable = set()
    last = 0
    for one in sorted(there):
        if one - last > gap:
            break
        reachable.add(one)
        last = one
    assert found == reachable
