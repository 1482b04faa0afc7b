"""JSON with every digit of its whole numbers."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
"""Whole numbers of fewer digits fit 64 bits; of those that do not, orjson makes binary fractions without a word."""


def load_json(text: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; whole numbers keep their digits, however many.

    Raises:
        orjson.JSONDecodeError: It is no JSON, a number is beyond a binary fraction (`1e400`), or the nesting is too
            deep: beyond 1024 levels, with long numbers in it beyond Python's own limit of just under 1000.
    """
    value = orjson.loads(text)  # first: it is the stricter of the two
    if not _LONG_NUMBER.search(text):
        return value
    decoded = text.decode()
    try:
        return json.loads(decoded)
    except RecursionError as error:
        raise orjson.JSONDecodeError("nested too deep for numbers of so many digits", decoded, 0) from error
