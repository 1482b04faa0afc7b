"""The tokens that programs show: how they are made, recognised and kept.

A token is `cn_`, 43 characters that stand for 256 random bits, and 6 that are the checksum of what is in front of
them. So a scanner for secrets finds it by its form and tells it from other texts by its sum, and a text that is no
token is refused without a look into the database. What is kept is its SHA-256: there is nothing to guess in 256 random
bits, so a slow hash, which a push per millisecond could not pay for, would protect nothing more.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from typing import Final

PREFIX: Final = "cn_"
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET: Final = 43  # digits that hold 256 bits
_SUM: Final = 6  # digits that hold 32 bits
_FORM: Final = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_SECRET + _SUM}}}", re.ASCII)


def make_token() -> str:
    """Return a new token. It is shown once, and kept nowhere."""
    body = PREFIX + _write(int.from_bytes(secrets.token_bytes(32)), _SECRET)
    return body + _sum(body)


def is_token(text: str) -> bool:
    """Whether a text has the form and the checksum of a token; whether anybody gave it out is another question."""
    return _FORM.fullmatch(text) is not None and _sum(text[:-_SUM]) == text[-_SUM:]


def hash_token(text: str) -> str:
    """Return what is kept of a token: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _sum(body: str) -> str:
    return _write(zlib.crc32(body.encode()), _SUM)


def _write(number: int, length: int) -> str:
    """Return a number with the base 62, with zeros in front up to a length."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
