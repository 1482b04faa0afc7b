"""Whether both clocks agree: 4.1 refuses a call whose time is too far from its own."""

from __future__ import annotations

from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from statistics import median
from typing import TYPE_CHECKING, Final

from connector.app.doctor.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.request import Exchange

TOLERANCE_S: Final = 450
"""How far the time of a signed call may be from the shop's; enforced from 4.1.0.4 on, observed there."""

NEAR_S: Final = 120
"""From here on a difference is told: a clock that has run off so far runs on."""

SIGNED: Final = "4.1"


def find_skew_s(exchanges: Iterable[Exchange]) -> int | None:
    """Return by how many seconds the remote clock is ahead of ours; None where no answer has a `Date`.

    The header tells whole seconds, cut off, so half of one is added; it is compared with the middle of its exchange.
    """
    found = [skew for exchange in exchanges if (skew := _find_skew_s(exchange)) is not None]
    return round(median(found)) if found else None


def check_clock(skew_s: int | None, dialect: str) -> Finding | None:
    """Return what the difference between the clocks means for a generation; None where it is not known and harmless."""
    if skew_s is None:
        if dialect != SIGNED:
            return None
        title = "the shop's clock cannot be seen, its answers have no Date"
        return Finding("clock", Severity.NOTE, title, cure=f"keep this machine's clock within {TOLERANCE_S} s")
    told = f"this machine's clock is {abs(skew_s)} s {'behind' if skew_s > 0 else 'ahead of'} the shop's"
    if not skew_s:
        told = "this machine's clock and the shop's agree"
    if dialect != SIGNED:
        return Finding("clock", Severity.OK, f"{told}, which does not matter before 4.1")
    cure = "set this machine's clock (NTP), and the shop's if it is the wrong one"
    if abs(skew_s) > TOLERANCE_S:
        cause = f"4.1 refuses a call whose time is more than {TOLERANCE_S} s from its own (since 4.1.0.4)"
        return Finding("clock", Severity.PROBLEM, told, cause, cure)
    if abs(skew_s) >= NEAR_S:
        return Finding("clock", Severity.NOTE, told, f"4.1 lets {TOLERANCE_S} s pass", cure)
    return Finding("clock", Severity.OK, f"{told}; 4.1 lets {TOLERANCE_S} s pass")


def _find_skew_s(exchange: Exchange) -> float | None:
    if exchange.response is None:
        return None
    try:
        at = parsedate_to_datetime(exchange.response.headers.get("date", ""))
    except (ValueError, IndexError, OverflowError):
        return None
    middle = exchange.started_at + timedelta(milliseconds=exchange.duration_ms / 2)
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - middle).total_seconds() + 0.5
