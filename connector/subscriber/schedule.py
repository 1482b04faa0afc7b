"""When an incoming is due: by cron in a time zone, or at an interval. Pure; the clock is an argument.

cron is what Debian's is, computed by cronsim: where clocks are put forward, what falls into the hour left out is due
right after it; where they are put back, a fixed time is due once, the first time round, and `*/15` goes on every
quarter of an hour. An interval is counted from the epoch, so that every machine finds the same times.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from connector.config.quantity import format_duration
from connector.config.wording import did_you_mean, quote
from connector.frozen import dataclass
from connector.transform.conversion import ConversionError, find_timezone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from connector.config.place import Place
    from connector.subscriber.options import ScheduleOptions

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_FIELDS: Final = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L for the last day, or LW for the last working day"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of the week", "0 to 7, or SUN to SAT; 5L for the last Friday, MON#1 for the first Monday"),
)
"""The fields of a cron expression, each with what it accepts beside `*`, lists, ranges and steps."""

_NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_WINDOWS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=367))
"""How far back the last due time is looked for, step by step: most schedules are due often."""


class Timing(Protocol):
    """What says when something is due."""

    @property
    def text(self) -> str:
        """The timing as people write it; two are the same where their texts are."""
        ...

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due time after a moment, aware and in UTC; None where there is none any more.

        Args:
            moment: Aware. A due time is after itself.
        """
        ...


@dataclass(frozen=True, slots=True)
class Interval:
    """So often, counted from the epoch."""

    every: timedelta

    @property
    def text(self) -> str:
        """The timing as people write it."""
        return f"every {format_duration(self.every)}"

    def next_after(self, moment: datetime) -> datetime:
        """Return the first due time after a moment; see `Timing`."""
        return _EPOCH + ((moment - _EPOCH) // self.every + 1) * self.every


@dataclass(frozen=True, slots=True)
class Cron:
    """By a cron expression, read on the clocks of a time zone."""

    expression: str
    zone: ZoneInfo

    @property
    def text(self) -> str:
        """The timing as people write it."""
        return f"{self.expression} {self.zone.key}"

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due time after a moment; see `Timing`."""
        from cronsim import CronSim  # noqa: PLC0415 - start-up: most configurations have no schedule

        try:
            for due in CronSim(self.expression, moment.astimezone(self.zone)):
                found = due.astimezone(UTC)
                if (
                    found > moment
                ):  # in the hour that comes twice, the first one is given where the second is asked from
                    return found
        except (StopIteration, OverflowError):
            pass
        return None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an incoming is fetched, and what is done about times that cannot be kept.

    Attributes:
        timing: When it is due.
        fires_all_missed: Whether each time that passed while no worker ran is made up for.
        fires_last_missed: Whether the last of them is.
        queues: Whether a time that comes while the last fetch goes on waits for its end, or is passed over.
    """

    timing: Timing
    fires_all_missed: bool
    fires_last_missed: bool
    queues: bool

    def last_between(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last due time after one moment and not after another, or None.

        Args:
            after: Aware.
            until: Aware.
        """
        for window in _WINDOWS:
            if until - window <= after:
                break
            found = self._find_last(until - window, until)
            if found is not None:
                return found
        return self._find_last(after, until)

    def _find_last(self, after: datetime, until: datetime) -> datetime | None:
        last: datetime | None = None
        due = self.timing.next_after(after)
        while due is not None and due <= until:
            last, due = due, self.timing.next_after(due)
        return last


def compile_schedule(options: ScheduleOptions, place: Place) -> Schedule | None:
    """Return a schedule made ready, or None after adding at least one fault.

    Args:
        options: What the user wrote.
        place: Where.
    """
    timing: Timing | None
    if options.every is not None:
        timing = Interval(options.every)
    else:
        assert options.cron is not None
        timing = _compile_cron(options.cron, options.timezone, place)
    if timing is None:
        return None
    return Schedule(timing, options.missed == "all", options.missed != "none", options.overlap == "queue")


def _compile_cron(expression: str, timezone: str | None, place: Place) -> Cron | None:
    zone: ZoneInfo | None = None
    try:
        zone = find_timezone(timezone or "UTC")
    except ConversionError:
        _report_timezone(timezone or "UTC", place.child("timezone"))
    return Cron(expression, zone) if _check_cron(expression, place.child("cron")) and zone is not None else None


def _check_cron(expression: str, place: Place) -> bool:
    """Whether an expression can be used; adds faults where it cannot."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - start-up: most configurations have no schedule

    fields = [(match.start(), match.group()) for match in re.finditer(r"\S+", expression)]
    if len(fields) != len(_FIELDS):
        nickname = _NICKNAMES.get(expression.strip().lower())
        hint = f'write it out: "{nickname}"' if nickname else None
        if len(fields) == len(_FIELDS) + 1:
            hint = "there are no seconds; for less than a minute write every: 10s"
        names = ", ".join(name for name, _ in _FIELDS)
        found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        place.fault(f"found {found} in {quote(expression)}, accepted are {len(_FIELDS)}: {names}", hint)
        return False
    is_sound = True
    for number, ((index, text), (name, accepted)) in enumerate(zip(fields, _FIELDS, strict=True)):
        alone = ["*"] * len(_FIELDS)
        alone[number] = text
        try:
            CronSim(" ".join(alone), _EPOCH)
        except (CronSimError, ValueError):
            is_sound = False
            place.fault(f"found {quote(text)} as the {name}, accepted is {accepted}", _suggest(text), index=index)
    if not is_sound:
        return False
    try:
        next(CronSim(expression, _EPOCH))
    except (CronSimError, StopIteration):  # such as 31 February
        place.fault(f"there is no such day: {quote(expression)} never comes")
        return False
    return True


def _suggest(text: str) -> str | None:
    """Return what people mean by what cron does not know."""
    if text.startswith("*") and text[1:].isdigit():
        return f'did you mean "*/{text[1:]}"?'
    if text == "?":
        return 'did you mean "*"?'
    first, dash, last = text.partition("-")
    if dash and first.isdigit() and last.isdigit() and int(first) > int(last):
        return "the first of a range is the lower one; write two ranges with a comma between"
    return None


def _report_timezone(name: str, place: Place) -> None:
    from zoneinfo import available_timezones  # noqa: PLC0415 - reads a folder, for those who misspell one

    zones = available_timezones()
    ends = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(zones, reverse=True)}
    known = ends.get(name.replace(" ", "_").casefold())  # `London` stands for Europe/London
    if not known and name.isupper() and len(name) <= 4:  # `CEST` is no misspelt `EST`, which is half a day away
        hint: str | None = "an abbreviation has no rules for when clocks change: name the place whose clock is meant"
    else:
        hint = f'did you mean "{known}"?' if known else did_you_mean(name, zones)
    place.fault(f"found {quote(name)}, accepted is the IANA name of a time zone, such as Europe/London", hint)
