"""How much was done when, as a chart that is drawn on the server."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.store.rows import ActivityRow

HEIGHT: Final = 132
"""Of the drawing, px. Its width is as the page has it: one column is `COLUMN` units wide, whatever that comes to."""

COLUMN: Final = 10
_BAR: Final = 7
_LEAST: Final = 2
"""The least height of what is not nothing, px: one failure among ten thousand is seen."""

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class ChartRange:
    """A length of time that can be looked at.

    Attributes:
        name: As it stands in the address.
        title: As people read it.
        length_ms: From its beginning until now.
        step_ms: What one column stands for.
        form: How the moments on its axis are shown.
    """

    name: str
    title: str
    length_ms: int
    step_ms: int
    form: str


RANGES: Final = {
    chosen.name: chosen
    for chosen in (
        ChartRange("1h", "1 hour", _HOUR_MS, 2 * _MINUTE_MS, "clock"),
        ChartRange("24h", "24 hours", 24 * _HOUR_MS, _HOUR_MS, "clock"),
        ChartRange("7d", "7 days", 7 * 24 * _HOUR_MS, 6 * _HOUR_MS, "day"),
    )
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the chart: what happened in a stretch of time, over all routes.

    Attributes:
        at_ms: When it begins.
        received: Tasks made.
        finished: Sent, with success.
        skipped: Left out.
        failed: Kept for a person.
        unknown: Sent, and nobody saw what came of it.
        retried: Put off to be tried again.
    """

    at_ms: int
    received: int = 0
    finished: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    retried: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened."""
        return not (self.received or self.up or self.down or self.retried)

    @property
    def up(self) -> int:
        """What is drawn above the line."""
        return self.finished + self.skipped

    @property
    def down(self) -> int:
        """What is drawn below it."""
        return self.failed + self.unknown


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, ready to be put into a page.

    Attributes:
        range: What it shows.
        columns: From the oldest on; together they fill the range.
        paths: The drawing, a path for each kind of thing by its name; where there is none of it, it is left out.
        zero: Where the line between success and failure runs, px from the top.
        width: In units.
        ticks: Moments on its axis, ms since the epoch.
    """

    range: ChartRange
    columns: tuple[Column, ...]
    paths: dict[str, str] = field(default_factory=dict)
    zero: float = HEIGHT
    width: int = 0
    ticks: tuple[int, ...] = ()

    @property
    def most(self) -> int:
        """The most that was brought to a good end in one column."""
        return max((column.up for column in self.columns), default=0)

    @property
    def total(self) -> Column:
        """Everything in it together."""
        return add_up(self.columns, self.columns[0].at_ms if self.columns else 0)


def add_up(rows: Iterable[Column | ActivityRow], at_ms: int) -> Column:
    """Return what happened in several stretches or on several routes, as one."""
    sums = [0] * 6
    for row in rows:
        for place, number in enumerate((row.received, row.finished, row.skipped, row.failed, row.unknown, row.retried)):
            sums[place] += number
    return Column(at_ms, *sums)


def find_start(chosen: ChartRange, now_ms: int) -> int:
    """Return when the first column begins. Columns begin at whole steps, so that they stand still between two looks."""
    return (now_ms // chosen.step_ms + 1) * chosen.step_ms - chosen.length_ms


def draw(chosen: ChartRange, rows: Iterable[ActivityRow], now_ms: int) -> Chart:
    """Return the chart of what happened until now.

    Args:
        chosen: Its range.
        rows: What happened, with the range's step from `find_start` on; of several routes.
        now_ms: The present.
    """
    start = find_start(chosen, now_ms)
    by_place: dict[int, list[ActivityRow]] = {}
    for row in rows:
        by_place.setdefault((row.at_ms - start) // chosen.step_ms, []).append(row)
    columns = tuple(
        add_up(by_place.get(place, ()), start + place * chosen.step_ms)
        for place in range(chosen.length_ms // chosen.step_ms)
    )
    most_up, most_down = max(column.up for column in columns), max(column.down for column in columns)
    depth = max(12.0, HEIGHT * most_down / (most_up + most_down)) if most_down else 0.0
    zero = round(min(HEIGHT - depth, HEIGHT - (12.0 if most_up else 0.0)), 1)
    scale = min((zero / most_up) if most_up else 1e9, ((HEIGHT - zero) / most_down) if most_down else 1e9)
    paths: dict[str, list[str]] = {}
    for place, column in enumerate(columns):
        left = place * COLUMN + (COLUMN - _BAR) / 2
        _stack(paths, (("finished", column.finished), ("skipped", column.skipped)), left, zero, -scale, zero)
        _stack(paths, (("failed", column.failed), ("unknown", column.unknown)), left, zero, scale, HEIGHT - zero)
    ticks = tuple(column.at_ms for column in columns[:: max(1, len(columns) // 6)])
    return Chart(
        chosen, columns, {name: "".join(parts) for name, parts in paths.items()}, zero, len(columns) * COLUMN, ticks
    )


def _stack(
    paths: dict[str, list[str]],
    parts: tuple[tuple[str, int], ...],
    left: float,
    zero: float,
    scale: float,
    room: float,
) -> None:
    """Draw numbers upon one another, from the line on; up where the scale is below zero."""
    reach = 0.0
    for name, number in parts:
        if not number:
            continue
        height = min(max(number * abs(scale), _LEAST), max(room - reach, _LEAST))
        start = zero + reach if scale > 0 else zero - reach - height
        paths.setdefault(name, []).append(f"M{left:g} {start:.1f}h{_BAR}v{height:.1f}h-{_BAR}z")
        reach += height


def tell(column: Column) -> str:
    """Return what happened in one column, in words; its moment is told elsewhere."""
    parts = (
        (column.finished, "finished"),
        (column.failed, "failed"),
        (column.unknown, "unknown"),
        (column.skipped, "skipped"),
        (column.retried, "put off"),
        (column.received, "received"),
    )
    return ", ".join(f"{number:,} {name}" for number, name in parts if number) or "nothing"


def to_stamp(at_ms: int) -> str:
    """Return a moment as attributes of elements have it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
