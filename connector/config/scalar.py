"""What an unquoted YAML scalar means: text, unless it can be nothing else.

YAML guesses: `NO` turns into false, `007` into 7, `1.50` into 1.5, `2024-01-01` into a date. In data that travels
between shops each of these guesses loses something. Here only `true`, `false`, `null` (also `~` and nothing at all)
are more than text, and numbers which Python writes back the same way, so that turning them into text again is always
exact (ADR 0004).
"""

from __future__ import annotations

import re
from typing import Final

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+", re.ASCII)
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_LARGEST: Final = 2**63 - 1  # longer digits are identifiers, and most JSON readers would round them


def type_scalar(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted scalar.

    `5`, `-3` and `1.5` are numbers; `007`, `+31612345678`, `1.50`, `1e3`, `0x1F`, `1_000`, `NO`, `True`,
    `2024-01-01` and whole numbers beyond 64 bits are text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        number = int(text)
        return number if -_LARGEST <= number <= _LARGEST else text
    if _DECIMAL.fullmatch(text):
        fraction = float(text)
        return fraction if repr(fraction) == text else text
    return text
