"""A cursor: the highest value seen, and where the next run goes on. Decides only; whoever stores it, stores it.

Values are compared as what they are: numbers by their size, also where they are written as text (`"9"` is less than
`"10"`); dates and times in ISO 8601 as instants, one without an offset counting as UTC; other text by its characters.
The first value of all says which of the three it is, and whatever is none of that kind never becomes the cursor.
"""

from __future__ import annotations

import enum
import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

from connector.config.wording import describe
from connector.errors import SubscriberError
from connector.frozen import dataclass
from connector.redaction import is_private
from connector.transform.path import compile_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.config.place import Place
    from connector.record import Record
    from connector.subscriber.options import StateOptions
    from connector.transform.path import Selector

FUTURE: Final = timedelta(days=1)
"""How far ahead of the clock a time may lie and become the cursor: whatever zone it was written in, no more than a day.
One typing error (`2062` for `2026`) would otherwise keep everything after it from ever being read."""

_LONGEST: Final = 1000
"""Digits of a number that is written as text."""

_NUMBER: Final = re.compile(rf"[+-]?[0-9]{{1,{_LONGEST}}}(?:\.[0-9]{{0,{_LONGEST}}})?")
_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:(?P<gap>.)(?P<hour>[0-9]{2})"
    r"(?:(?P<colon>:?)(?P<minute>[0-9]{2})"
    r"(?:(?P<colon2>:?)(?P<second>[0-9]{2})(?:(?P<point>[.,])(?P<fraction>[0-9]+))?)?)?"
    r"(?P<zone>Z|z|[+-][0-9:.]+)?)?",
    re.DOTALL,
)
_INT64: Final = range(-(2**63), 2**63)
_MISSING: Final = object()


class CursorKind(enum.Enum):
    """What a cursor's values are."""

    NUMBER = "a number"
    TIME = "a date or time"
    TEXT = "text"


def rank(value: Any) -> tuple[CursorKind, Any] | None:
    """Return what kind of value it is and what to compare it by, or None for one that cannot be a cursor.

    Args:
        value: As a record has it.
    """
    if isinstance(value, str):
        if not value:
            return None
        if value[0] in "+-0123456789":
            if len(value) >= 10 and value[4] == value[7] == "-":
                moment = _read_time(value)
                if moment is not None:
                    return CursorKind.TIME, moment
            if value.isascii() and value.isdigit() and len(value) <= _LONGEST:
                return CursorKind.NUMBER, int(value)
            if _NUMBER.fullmatch(value):
                return CursorKind.NUMBER, Decimal(value)
        return (CursorKind.TEXT, value) if value.isascii() or _is_unicode(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return (CursorKind.NUMBER, value) if value in _INT64 else None
    if isinstance(value, float) and math.isfinite(value):
        return CursorKind.NUMBER, value
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no database keeps
        return False
    return True


def step_back(value: Any, overlap: timedelta | int) -> Any:
    """Return what lies so far behind a value, written as the value is written; rounded down where it is coarser.

    Args:
        value: A number, or text that stands for a number or a time.
        overlap: A duration for a time, a whole number for a number.

    Raises:
        TypeError: The overlap is not of the value's kind.
    """
    if not overlap:
        return value
    ranked = rank(value)
    kind = None if ranked is None else ranked[0]
    if kind is CursorKind.TIME and isinstance(overlap, timedelta):
        return _step_back_in_time(value, overlap)
    if kind is CursorKind.NUMBER and isinstance(overlap, int):
        if not isinstance(value, str):
            return value - overlap
        with localcontext(prec=2 * _LONGEST):  # all digits, however many
            less = Decimal(value) - overlap
        width = len(value) if value.startswith("0") and less >= 0 else 0  # `0042` stays four digits
        return format(less, "f").zfill(width)
    raise TypeError(f"{describe(overlap)} cannot be taken from {describe(value)}")


def _read_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _step_back_in_time(text: str, overlap: timedelta) -> str:
    parts = _TIME.fullmatch(text)
    assert parts is not None, "whatever is read as a time has these parts"
    try:
        earlier = datetime.fromisoformat(text) - overlap  # by the wall clock: the offset is a fixed one
    except OverflowError:
        return text
    written = earlier.date().isoformat()
    if parts["gap"] is None:
        return written
    written += parts["gap"] + f"{earlier:%H}"
    if parts["minute"] is not None:
        written += parts["colon"] + f"{earlier:%M}"
    if parts["second"] is not None:
        written += parts["colon2"] + f"{earlier:%S}"
    if parts["fraction"] is not None:
        digits = len(parts["fraction"])
        written += parts["point"] + f"{earlier.microsecond:06d}".ljust(digits, "0")[:digits]
    return written + (parts["zone"] or "")


@dataclass(frozen=True, slots=True)
class Position:
    """How far an incoming has read.

    Attributes:
        value: From where the next run goes on, as a record has it.
        pending: What it will be when the run has come to its end, or None.
    """

    value: Any
    pending: Any = None


@dataclass(frozen=True, slots=True)
class CursorPlan:
    """A cursor as it was declared.

    Attributes:
        where: Its place in the configuration.
        path: Where a record has its value.
        start: Where the first run goes on, or None.
        overlap: How far behind the cursor a run begins.
        is_ascending: Whether the remote system gives records in the order of their values.
    """

    where: str
    path: Selector
    start: Any
    overlap: timedelta | int
    is_ascending: bool

    def begin(self, stored: Any, *, now: datetime) -> CursorRun:
        """Return how a run begins.

        Args:
            stored: The cursor's value as it was kept, or None.
            now: Aware.

        Raises:
            SubscriberError: What was kept cannot be a cursor, or is not of the kind that `overlap` goes with.
        """
        return CursorRun(self, stored, now=now)

    def check(self, value: Any) -> None:
        """Refuse a value that a person wants to be the cursor and from which no run could go on.

        Raises:
            SubscriberError: It cannot be a cursor, or is not of the kind that `overlap` goes with.
        """
        check_cursor(value, where=self.where)
        self.begin(value, now=datetime.now(UTC))


class CursorRun:
    """What one run sees of its cursor."""

    def __init__(self, plan: CursorPlan, stored: Any, *, now: datetime) -> None:
        """Begin; see `CursorPlan.begin`."""
        self._plan = plan
        self._latest = now + FUTURE
        self._stored = stored
        known = plan.start if stored is None else stored
        ranked = None if known is None else rank(known)
        if known is not None:
            check_cursor(known, where=plan.where)
        self._kind = None if ranked is None else ranked[0]
        self._begun = None if ranked is None else ranked[1]
        self._first = self._find_first(known)
        self._last: tuple[Any, Any] | None = None  # the highest of this run: how it is written, what it is compared by
        self._below: tuple[Any, Any] | None = None  # the highest that is less than that
        self._is_sorted = plan.is_ascending
        self._odd_count = 0
        self._odd = ""
        self._disorder = ""

    @property
    def values(self) -> dict[str, Any]:
        """What templates find under `state`."""
        return {"cursor": self._first}

    @property
    def complaints(self) -> list[str]:
        """What is wrong with the values so far, one sentence each; empty where nothing is."""
        told = [self._disorder] if self._disorder else []
        if self._odd_count:
            records = "1 record has" if self._odd_count == 1 else f"{self._odd_count} records have"
            told.append(f"{records} no usable cursor, the first {self._odd}; taken all the same, and not counted")
        return told

    def take(self, records: Iterable[Record]) -> None:
        """Take note of records, in their order.

        A record whose value is missing or of another kind is passed over: it never becomes the cursor.

        Raises:
            SubscriberError: The first value of all is not of the kind that `overlap` goes with.
        """
        path, last = self._plan.path, self._last
        for record in records:
            value = path.first_or(record, _MISSING)
            if last is not None and value == last[0]:
                continue
            ranked = rank(value)
            if ranked is None or ranked[0] is not self._kind or self._kind is CursorKind.TIME:
                ranked = self._judge(value, ranked)
                if ranked is None:
                    continue
            measure = ranked[1]
            if last is None or measure > last[1]:
                self._below, self._last = last, (value, measure)
                last = self._last
            elif measure < last[1]:
                if self._is_sorted:
                    self._note_disorder(value, last[0])
                if self._below is None or measure > self._below[1]:
                    self._below = (value, measure)

    def position(self, *, is_complete: bool) -> Position | None:
        """Return where the cursor stands after what was taken, or None where there is nothing to keep.

        Args:
            is_complete: Whether the remote system has no more.
        """
        highest = self._over_stored(self._last)
        if is_complete:
            return None if highest is None else Position(highest)
        if self._is_sorted:
            # More records with the last value may follow, so everything is known to be taken up to the one below it.
            reached = self._over_stored(self._below)
            return None if reached is None else Position(reached)
        if self._last is None or highest == self._stored:
            return None if self._stored is None else Position(self._stored)
        return Position(self._stored, highest)

    def _find_first(self, known: Any) -> Any:
        """Return what to ask from: the overlap behind the cursor, and never further back than the start."""
        if known is None or not self._plan.overlap:
            return known
        self._check_overlap(self._kind, known)
        first = known if self._stored is None else step_back(known, self._plan.overlap)
        start, ranked = rank(self._plan.start), rank(first)
        is_alike = start is not None and ranked is not None and start[0] is ranked[0]
        if is_alike and start is not None and ranked is not None and ranked[1] < start[1] <= self._begun:
            return self._plan.start
        return first

    def _judge(self, value: Any, ranked: tuple[CursorKind, Any] | None) -> tuple[CursorKind, Any] | None:
        """Return a value's rank where it can be the cursor, else take note of why not."""
        if ranked is None:
            self._note_odd("has none" if value is _MISSING else f"has {self._tell(value)}")
            return None
        if self._kind is None:
            self._check_overlap(ranked[0], value)
            self._kind = ranked[0]
        if self._kind is CursorKind.TEXT and isinstance(value, str):
            return CursorKind.TEXT, value
        if ranked[0] is not self._kind:
            self._note_odd(f"has {self._tell(value)} where the cursor is {self._kind.value}")
            return None
        if self._kind is CursorKind.TIME and ranked[1] > self._latest:
            self._note_odd(f"has {self._tell(value)}, which lies in the future")
            return None
        return ranked

    def _check_overlap(self, kind: CursorKind | None, value: Any) -> None:
        if not is_fit(kind, self._plan.overlap):
            raise SubscriberError(
                f"{self._plan.where}.overlap: {_name_overlap(self._plan.overlap)} cannot be taken from the cursor, "
                f"which is {self._tell(value)}",
                cure="write a duration for times, a number for numbers, or leave overlap out",
            )

    def _over_stored(self, seen: tuple[Any, Any] | None) -> Any:
        """Return a value seen, as written, or the one kept where that is no lower."""
        is_higher = seen is not None and (self._begun is None or seen[1] > self._begun)
        return seen[0] if seen is not None and is_higher else self._stored

    def _tell(self, value: Any) -> str:
        name = self._plan.path.plain[-1] if self._plan.path.plain else ""
        return describe(value, is_secret=is_private(str(name)))

    def _note_odd(self, what: str) -> None:
        self._odd_count += 1
        self._odd = self._odd or what

    def _note_disorder(self, value: Any, last: Any) -> None:
        self._is_sorted = False
        self._disorder = (
            f"order: ascending is not kept, {self._tell(value)} comes after {self._tell(last)}; "
            "the cursor moves at the end of the run"
        )


def check_cursor(value: Any, *, where: str) -> None:
    """Refuse a value that cannot be a cursor, whatever the incoming.

    Args:
        value: As it is, or is to be, kept.
        where: The place of the incoming's `state` in the configuration.

    Raises:
        SubscriberError: It is neither text nor a number.
    """
    if rank(value) is None:
        raise SubscriberError(
            f"{where}: the cursor is {describe(value)}, accepted is text or a number",
            cure="set it with connector state set, or begin again with connector state reset",
        )


def is_fit(kind: CursorKind | None, overlap: timedelta | int) -> bool:
    """Whether an overlap can be taken from a cursor of this kind."""
    wanted = timedelta if kind is CursorKind.TIME else int
    return not overlap or (isinstance(overlap, wanted) and kind is not CursorKind.TEXT)


def compile_cursor(options: StateOptions, place: Place) -> CursorPlan | None:
    """Return a cursor made ready, or None after adding at least one fault.

    Args:
        options: With `cursor`.
        place: Of the incoming's `state`.
    """
    assert options.cursor is not None
    count = len(place.faults)
    path = compile_path(options.cursor, place.child("cursor"))
    if not path.is_definite and len(place.faults) == count:
        place.child("cursor").fault(
            f"found {describe(options.cursor)}, which may match several values, accepted is the path of one"
        )
    ranked = None if options.start is None else rank(options.start)
    if options.start is not None:
        _check_start(options, ranked, place)
    if len(place.faults) > count:
        return None
    return CursorPlan(place.where, path, options.start, options.overlap, options.order == "ascending")


def _check_start(options: StateOptions, ranked: tuple[CursorKind, Any] | None, place: Place) -> None:
    spot = place.child("start")
    if ranked is None:
        spot.fault(f"found {describe(options.start)}, accepted is text or a number")
    elif isinstance(options.start, str) and "{{" in options.start:
        spot.fault("found a template, accepted is a value, since it is used before there is any record")
    elif not is_fit(ranked[0], options.overlap):
        place.child("overlap").fault(
            f"found {_name_overlap(options.overlap)}, which cannot be taken from the start, {describe(options.start)}",
            "a duration goes with times, a number with numbers",
        )


def _name_overlap(overlap: timedelta | int) -> str:
    return "a duration" if isinstance(overlap, timedelta) else f"the number {overlap}"
