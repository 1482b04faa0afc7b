"""How long a call takes, and so an order."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from connector.app.doctor.finding import Finding, Severity
from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.request import Exchange

CHECK: Final = "speed"

CALLS_OF_AN_ORDER: Final = {"2.3": 10, "3.0": 10, "4.0": 10, "4.1": 3}
"""How many calls one order takes, log-in included."""

_TOO_MANY: Final = frozenset({425, 429})

SLOW_S: Final = 5.0
"""From so long an order on, it is told."""


def check_speed(exchanges: Sequence[Exchange], dialect: str) -> Finding | None:
    """Return how long calls take, by those that were answered; None where none was, or all were put off."""
    busy = [exchange for exchange in exchanges if exchange.verdict is Verdict.BUSY]
    if len(busy) == len(exchanges):
        return None
    if busy:
        return _tell_busy(busy, len(exchanges))
    times_ms = [exchange.duration_ms for exchange in exchanges if exchange.response is not None]
    if not times_ms:
        return None
    middle_ms = median(times_ms)
    order_s = middle_ms * CALLS_OF_AN_ORDER.get(dialect, 10) / 1000
    told = f"a call takes {middle_ms:.0f} ms (median of {len(times_ms)}), so an order about {order_s:.1f} s"
    if order_s < SLOW_S:
        return Finding(CHECK, Severity.OK, told)
    return Finding(
        CHECK,
        Severity.NOTE,
        told,
        "the way to the shop is long, or the shop is slow; calls of one order follow one another",
        "run nearer to the shop; raise sessions of the client to have several orders on their way",
    )


def _tell_busy(busy: Sequence[Exchange], count: int) -> Finding:
    statuses = {exchange.response.status for exchange in busy if exchange.response is not None}
    is_counted = bool(statuses & _TOO_MANY)
    said = f" (HTTP {', '.join(map(str, sorted(statuses)))})" if statuses else ""
    return Finding(
        CHECK,
        Severity.NOTE,
        f"{len(busy)} of {count} calls were put off{said}",
        "something counts calls, and these few were too many" if is_counted else "the shop is out of service for now",
        "set rate_limit and sessions of the client lower" if is_counted else "try again later",
    )
