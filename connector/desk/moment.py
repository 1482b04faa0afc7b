"""Points in time for people and for programs. The store counts milliseconds since the epoch, UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def show_local(at_ms: int, *, is_fine: bool = False) -> str:
    """Return a moment by the clock on this machine's wall: `2026-11-22 17:03:11`.

    Args:
        at_ms: Milliseconds since the epoch.
        is_fine: Whether its milliseconds are told.
    """
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().replace(tzinfo=None)
    return local.isoformat(" ", "milliseconds" if is_fine else "seconds")


def to_iso(at_ms: int | None) -> str | None:
    """Return a moment in UTC as programs read it, `2026-11-22T16:03:11.042Z`; None for None."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_distance(distance_ms: int) -> str:
    """Return how far off a moment is, in one or two units: `850 ms`, `42 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`.

    Args:
        distance_ms: Milliseconds; what is below zero is `0 s`.
    """
    seconds, rest_ms = divmod(max(distance_ms, 0), 1000)
    if not seconds and rest_ms:
        return f"{rest_ms} ms"
    for size, unit, below, lesser in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit} {rest // below} {lesser}" if rest // below else f"{whole} {unit}"
    return f"{seconds} s"
