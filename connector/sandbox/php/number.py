"""Rounding and number formatting as PHP 8.2 does them.

The shop computes money in binary floating point and rounds only where it shows or stores it. This program does the
same, with the same doubles, so that the same last cent comes out; :mod:`decimal` is used where the database rounds.
"""

import math


def round_half_up(value: float, places: int) -> float:
    """Round as ``round()`` does before PHP 8.4: first to 15 significant digits, then half away from zero.

    The first step is what makes 1.005 give 1.01 although the double lies below it.

    Args:
        value: What to round; not finite values come back as they are.
        places: Digits behind the point, 0 or more.
    """
    if value == 0 or not math.isfinite(value):
        return value
    significant = 14 - math.floor(math.log10(abs(value)))
    scale = 10.0**places
    if places < significant < places + 15:
        prepared = _round_away(value * 10.0**significant if significant >= 0 else value / 10.0**-significant)
        scaled = prepared / 10.0 ** (significant - places)
    else:
        scaled = value * scale
        if abs(scaled) >= 1e15:
            return value
    return _round_away(scaled) / scale


def _round_away(value: float) -> float:
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def format_grouped(value: float, places: int, point: str = ".", separator: str = ",") -> str:
    """Return the number as ``number_format()`` does: rounded, grouped by thousands, never a negative zero."""
    rounded = round_half_up(value, places)
    text = f"{abs(rounded):,.{places}f}"
    if separator != "," or point != ".":
        text = text.translate({ord(","): separator, ord("."): point})
    return f"-{text}" if rounded < 0 else text
