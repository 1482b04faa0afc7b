"""The chart of the overview."""

from __future__ import annotations

import re

from connector.server.pages.chart import HEIGHT, RANGES, draw, find_start, tell
from connector.store.rows import ActivityRow

NOW_MS = 1_800_000_000_000
HOUR = RANGES["1h"]


def rows(*numbers: tuple[int, int, int]) -> list[ActivityRow]:
    """Return what happened: the column, and how many finished and failed in it."""
    start = find_start(HOUR, NOW_MS)
    return [
        ActivityRow("orders", start + place * HOUR.step_ms, finished=good, failed=bad) for place, good, bad in numbers
    ]


def heights(path: str) -> list[float]:
    """Return how tall the bars of a path are."""
    return [float(found) for found in re.findall(r"h7v([\d.]+)", path)]


def test_nothing_happened() -> None:
    """A chart of nothing has all of its columns, and no bar."""
    chart = draw(HOUR, [], NOW_MS)

    assert len(chart.columns) == 30
    assert chart.paths == {}
    assert chart.columns[0].at_ms <= NOW_MS - HOUR.length_ms + HOUR.step_ms
    assert chart.columns[-1].at_ms <= NOW_MS < chart.columns[-1].at_ms + HOUR.step_ms


def test_success_goes_up_and_failure_down() -> None:
    """Both grow from one line on, by one scale, and fit into the drawing."""
    chart = draw(HOUR, rows((3, 90, 0), (4, 45, 10)), NOW_MS)

    assert heights(chart.paths["finished"]) == [118.8, 59.4]
    assert heights(chart.paths["failed"]) == [13.2]
    assert chart.zero == 118.8


def test_one_failure_among_very_many_is_seen() -> None:
    """However small its share, what is not nothing has a bar."""
    chart = draw(HOUR, rows((3, 1_000_000, 1)), NOW_MS)

    assert heights(chart.paths["failed"]) == [2.0]
    assert heights(chart.paths["finished"])[0] <= HEIGHT


def test_routes_are_added_up() -> None:
    """A column is what happened on all routes, and the whole is what happened in all columns."""
    start = find_start(HOUR, NOW_MS)
    happened = [ActivityRow("a", start, finished=1, received=2), ActivityRow("b", start, finished=2, unknown=1)]

    chart = draw(HOUR, happened, NOW_MS)

    assert (chart.columns[0].finished, chart.columns[0].received, chart.columns[0].unknown) == (3, 2, 1)
    assert chart.total.finished == 3
    assert tell(chart.columns[0]) == "3 finished, 1 unknown, 2 received"
