"""What there is to judge by, read from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.alert.judge import FetchFigures, Figures, RouteFigures, Settled
from connector.store.rows import RouteState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from connector.store.rows import RouteRow
    from connector.store.store import Store

_FRESH_MS: Final = 5_000
"""How old counts of tasks may be: whoever else counts has not to do so again."""


async def read_figures(
    store: Store, *, routes: Collection[str], fetches: Mapping[str, tuple[str, ...]], windows_ms: Collection[int]
) -> Figures:
    """Return how things stand.

    Args:
        store: Has it.
        routes: Those of the configuration. Of others, whose tasks are still there, the outcomes that nobody has seen
            are told, and nothing else.
        fetches: The incomings that have a schedule, each with the routes that take its records.
        windows_ms: Since how long ago is counted what was settled; whole minutes.

    Raises:
        StoreError: The store cannot be used.
    """
    now_ms = store.now_ms()
    states, oldest = await store.routes.states(), await store.tasks.oldest()
    counts = await store.tasks.counts_cached(_FRESH_MS)
    unknown = {name: by_status.get(TaskStatus.UNKNOWN, 0) for name, by_status in counts.items()}
    names = dict.fromkeys([*routes, *(name for name, count in sorted(unknown.items()) if count)])
    rows = {row.name: row for row in await store.schedules.all()} if fetches else {}
    return Figures(
        now_ms,
        tuple(
            _make_route(name, states.get(name), unknown.get(name, 0), oldest.get(name))
            if name in routes
            else RouteFigures(name, unknown=unknown[name])
            for name in names
        ),
        {window_ms: await _count_settled(store, now_ms, window_ms) for window_ms in windows_ms},
        tuple(
            FetchFigures(name, fed, rows[name].last_result, rows[name].last_started_at_ms)
            for name, fed in fetches.items()
            if name in rows
        ),
    )


def _make_route(name: str, row: RouteRow | None, unknown: int, oldest_ms: int | None) -> RouteFigures:
    if row is None:
        return RouteFigures(name, unknown=unknown, oldest_ms=oldest_ms)
    reason = "" if row.state is RouteState.ACTIVE else row.reason
    return RouteFigures(name, row.state, reason, row.since_ms, unknown, oldest_ms)


async def _count_settled(store: Store, now_ms: int, window_ms: int) -> dict[str, Settled]:
    """Return what was settled within a window, by route."""
    sums: dict[str, list[int]] = {}
    # The minute that has just begun counts as well: what failed in it failed lately.
    for row in await store.activity.read(now_ms - window_ms, now_ms + 1, window_ms):
        counts = sums.setdefault(row.route, [0, 0, 0])
        for place, number in enumerate((row.finished, row.failed, row.unknown)):
            counts[place] += number
    return {name: Settled(*counts) for name, counts in sums.items()}
