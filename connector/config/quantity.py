"""Durations, rates and sizes as people write them: `1h30m`, `20/s`, `10MB`.

Each `parse_` function has a `format_` function that gives back text it reads as the same value.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

DURATION: Final = "a duration such as 500ms, 10s or 1h30m"
RATE: Final = "a rate such as 20/s, 600/min or 100/h"
SIZE: Final = "a size such as 512KiB or 10MB"

_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
_MICROSECONDS: Final[dict[str, int]] = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
}
_DURATION: Final = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in ("d", "h", "m(?!s)", "s", "ms")), re.ASCII)
_RATE: Final = re.compile(rf"({_NUMBER})\s*/\s*(s|sec|second|m|min|minute|h|hour|d|day)", re.ASCII)
_SIZE: Final = re.compile(rf"({_NUMBER})\s*(B|[kK]B|MB|GB|KiB|MiB|GiB)", re.ASCII)
_RATE_SECONDS: Final[dict[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RATE_UNITS: Final = (("s", 1), ("min", 60), ("h", 3600), ("d", 86_400))
_BYTES: Final[dict[str, int]] = {
    "GiB": 1024**3,
    "GB": 1000**3,
    "MiB": 1024**2,
    "MB": 1000**2,
    "KiB": 1024,
    "KB": 1000,
    "B": 1,
}


def parse_duration(text: str) -> timedelta | None:
    """Return a duration, to the microsecond; None where the text is none. The units stand from large to small."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    total = Decimal()
    for number, factor in zip(match.groups(), _MICROSECONDS.values(), strict=True):
        total += Decimal(number or 0) * factor
    try:
        return timedelta(microseconds=int(total.to_integral_value()))
    except (OverflowError, ArithmeticError):
        return None


def format_duration(duration: timedelta) -> str:
    """Return a duration that is not negative as text, such as `1h30m`; zero is `0s`."""
    rest = duration // timedelta(microseconds=1)
    if rest % 1000:  # finer than a millisecond: a fraction of one
        whole, fraction = divmod(rest, 1_000_000)
        seconds = f"{fraction / 1000:.3f}ms"
        return seconds if not whole else f"{format_duration(timedelta(seconds=whole))}{seconds}"
    parts = []
    for unit, factor in _MICROSECONDS.items():
        number, rest = divmod(rest, factor)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def parse_rate(text: str) -> float | None:
    """Return a rate per second; None where the text is none."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        return None
    return float(match[1]) / _RATE_SECONDS[match[2][0]]


def format_rate(per_second: float) -> str:
    """Return a rate per second as text, in the first unit in which it is a whole number: `20/s`, `100/h`."""
    for unit, seconds in _RATE_UNITS:
        number = round(per_second * seconds)
        if number and number / seconds == per_second:
            return f"{number}/{unit}"
    return "0/s" if not per_second else f"{Decimal(repr(per_second)):f}/s"


def parse_size(text: str) -> int | None:
    """Return a number of bytes; None where the text is none, or no whole number of bytes."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    total = Decimal(match[1]) * _BYTES[match[2].replace("k", "K")]
    return int(total) if total == total.to_integral_value() else None


def format_size(size_bytes: int) -> str:
    """Return a number of bytes as text, in the largest unit that gives a whole number."""
    for unit, factor in _BYTES.items():
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return f"{size_bytes}B"


def format_quantity(value: Any, kind: str | None = None) -> str:
    """Return a value as it would be written: a duration, rate or size in its units, anything else as text.

    Args:
        value: Any value.
        kind: `DURATION`, `RATE` or `SIZE` where the value is one of these; a timedelta needs none.
    """
    if isinstance(value, timedelta):
        return format_duration(value)
    if kind == RATE and isinstance(value, int | float):
        return format_rate(value)
    if kind == SIZE and isinstance(value, int):
        return format_size(value)
    return str(value)
