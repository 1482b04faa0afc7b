"""What counts as wrong."""

from __future__ import annotations

import pytest

from connector.alert.judge import (
    STANDARD,
    AlarmKind,
    Conditions,
    FailureRate,
    FetchFigures,
    Figures,
    RouteFigures,
    Settled,
    judge,
    say_duration,
)
from connector.alert.options import AlertOptions
from connector.alert.plan import AlertPlan, judge_all, list_windows
from connector.store.rows import RouteState

NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000
OPTIONS = AlertOptions.model_validate({"url": "https://chat.example/"})


def settled(finished: int, failed: int, unknown: int = 0, *, within_ms: int = 15 * MINUTE_MS) -> Figures:
    """Return figures of one route of which so much was settled lately."""
    counts = {within_ms: {"orders": Settled(finished, failed, unknown)}}
    return Figures(NOW_MS, (RouteFigures("orders"),), counts)


def plan(conditions: Conditions, *, name: str = "chat", routes: frozenset[str] | None = None) -> AlertPlan:
    """Return a receiver."""
    return AlertPlan(name, OPTIONS, "https://chat.example/", None, conditions, routes)


def test_nothing_is_wrong_with_what_is_delivered() -> None:
    """A route that is delivered, and of which most goes well, is no alarm."""
    assert judge(settled(99, 1)) == []


def test_stopped_route_names_its_reason() -> None:
    """A route that has stopped itself is told with why, since when and what to do."""
    route = RouteFigures("orders", RouteState.STOPPED, "the shop refuses\n the key", since_ms=NOW_MS - 5)

    (alarm,) = judge(Figures(NOW_MS, (route,)))

    assert (alarm.kind, alarm.subject, alarm.since_ms) == (AlarmKind.ROUTE_STOPPED, "orders", NOW_MS - 5)
    assert alarm.text == "orders has stopped itself: the shop refuses the key"
    assert alarm.reason == "the shop refuses the key"
    assert "connector routes resume orders" in alarm.cure


def test_paused_route_is_nothing_to_be_told_of() -> None:
    """Somebody paused it, and knows: neither that nor what waits there meanwhile is an alarm."""
    route = RouteFigures("orders", RouteState.PAUSED, "holiday", oldest_ms=0)

    assert judge(Figures(NOW_MS, (route,))) == []


@pytest.mark.parametrize(("unknown", "said"), [(1, "1 task was sent"), (1200, "1,200 tasks were sent")])
def test_unknown_outcomes_are_counted(unknown: int, said: str) -> None:
    """Outcomes that nobody has seen are one alarm a route, which says how many."""
    (alarm,) = judge(Figures(NOW_MS, (RouteFigures("orders", unknown=unknown),)))

    assert (alarm.kind, alarm.count) == (AlarmKind.UNKNOWN_OUTCOME, unknown)
    assert said in alarm.text


@pytest.mark.parametrize(
    ("finished", "failed", "unknown", "is_wrong"),
    [
        (18, 2, 0, False),  # exactly the share that may fail
        (17, 3, 0, True),
        (10, 9, 0, False),  # too few to speak of a rate
        (0, 20, 0, True),
        (15, 3, 2, True),  # what is unknown was settled too
        (0, 0, 0, False),
    ],
)
def test_failures_count_above_a_share(finished: int, failed: int, unknown: int, is_wrong: bool) -> None:
    """Failures are wrong above the share, and only where enough was settled to speak of one."""
    rate = FailureRate(above=0.1, within_ms=15 * MINUTE_MS, at_least=20)

    alarms = judge(settled(finished, failed, unknown), Conditions(failures=rate))

    assert [alarm.kind for alarm in alarms] == [AlarmKind.FAILURES] * is_wrong
    assert all(alarm.count == failed for alarm in alarms)


@pytest.mark.parametrize(("age_ms", "is_wrong"), [(30 * MINUTE_MS, False), (30 * MINUTE_MS + 1, True)])
def test_queue_may_be_as_old_as_it_may(age_ms: int, is_wrong: bool) -> None:
    """A task that has waited for longer than the limit is wrong; the limit itself is not."""
    route = RouteFigures("orders", oldest_ms=NOW_MS - age_ms)

    alarms = judge(Figures(NOW_MS, (route,)), Conditions(queue_age_ms=30 * MINUTE_MS))

    assert bool(alarms) is is_wrong
    assert all(alarm.since_ms == NOW_MS - age_ms + 30 * MINUTE_MS for alarm in alarms)


@pytest.mark.parametrize(
    ("result", "is_wrong"), [("failed: no answer", True), ("3 records, 2 new", False), ("", False), ("stopped", False)]
)
def test_last_fetch_counts(result: str, is_wrong: bool) -> None:
    """A fetch is wrong when the last one failed; one that goes on has failed at nothing yet."""
    fetch = FetchFigures("marketplace", ("orders",), result, NOW_MS - 1)

    alarms = judge(Figures(NOW_MS, fetches=(fetch,)))

    assert [alarm.subject for alarm in alarms] == ["marketplace"] * is_wrong
    assert all(alarm.reason == "no answer" for alarm in alarms)


def test_routes_that_are_not_meant_are_left_out() -> None:
    """Where routes are named, neither others nor the incomings of others are told of."""
    routes = tuple(RouteFigures(name, RouteState.STOPPED) for name in ("orders", "stock"))
    fetches = tuple(FetchFigures(f"from-{name}", (name,), "failed", 1) for name in ("orders", "stock"))

    alarms = judge(Figures(NOW_MS, routes, fetches=fetches), routes={"stock"})

    assert [alarm.subject for alarm in alarms] == ["stock", "from-stock"]


def test_worst_comes_first() -> None:
    """What stands still comes ahead of what is slow, and names are in order."""
    routes = (
        RouteFigures("b", oldest_ms=0),
        RouteFigures("c", RouteState.STOPPED),
        RouteFigures("a", RouteState.STOPPED, unknown=1),
    )

    alarms = judge(Figures(NOW_MS, routes))

    assert [(alarm.kind.value, alarm.subject) for alarm in alarms] == [
        ("route_stopped", "a"),
        ("route_stopped", "c"),
        ("unknown_outcome", "a"),
        ("queue_age", "b"),
    ]


def test_overview_tells_what_anybody_is_told() -> None:
    """The overview has the alarms of every receiver once, and the standard ones beside them."""
    figures = Figures(
        NOW_MS,
        (RouteFigures("orders", oldest_ms=NOW_MS - 5 * MINUTE_MS), RouteFigures("stock", RouteState.STOPPED)),
    )
    impatient = plan(Conditions(queue_age_ms=MINUTE_MS))
    twin = plan(Conditions(queue_age_ms=2 * MINUTE_MS), name="pager")

    alarms = judge_all(figures, [impatient, twin])

    assert [(alarm.kind.value, alarm.subject) for alarm in alarms] == [
        ("route_stopped", "stock"),
        ("queue_age", "orders"),
    ]


def test_own_figures_take_the_place_of_the_standard_ones() -> None:
    """Who allows more than the standard is not told of what the standard would tell of."""
    patient = plan(Conditions(queue_age_ms=600 * MINUTE_MS))
    figures = Figures(NOW_MS, (RouteFigures("orders", oldest_ms=NOW_MS - 60 * MINUTE_MS),))

    assert judge_all(figures, [patient]) == []
    assert [alarm.kind for alarm in judge_all(figures, [])] == [AlarmKind.QUEUE_AGE]


def test_windows_are_those_that_are_asked_for() -> None:
    """Settled tasks are counted within the windows of the receivers; within the standard one where none has any."""
    hourly = plan(Conditions(failures=FailureRate(within_ms=60 * MINUTE_MS)))

    assert STANDARD.failures is not None
    assert list_windows([]) == {STANDARD.failures.within_ms}
    assert list_windows([hourly]) == {60 * MINUTE_MS}


@pytest.mark.parametrize(
    ("duration_ms", "said"),
    [
        (0, "less than a second"),
        (1000, "1 second"),
        (59_999, "59 seconds"),
        (60_000, "1 minute"),
        (7_200_000, "2 hours"),
        (86_400_000 * 1500, "1,500 days"),
    ],
)
def test_durations_are_said_in_words(duration_ms: int, said: str) -> None:
    """A duration is told in its largest unit."""
    assert say_duration(duration_ms) == said
