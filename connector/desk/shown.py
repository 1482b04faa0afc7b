"""Records and answers as they may be shown: whoever looks after an installation sees them, and no secret in them."""

from __future__ import annotations

import math
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connector.redaction import MASK, is_secret

if TYPE_CHECKING:
    from connector.redaction import Redactor

_DEEPEST: Final = 64


def show_value(value: Any, redactor: Redactor) -> Any:
    """Return a value as plain JSON in which no secret stands: by its name, or because it is a known one.

    Personal values stay: a person who settles an outcome compares them with what the other side has. What JSON cannot
    say is told as text: exact decimals with all of their digits, dates and times by ISO 8601; a number that is not
    finite is null, half a surrogate pair `?`. What is nested deeper than 64 levels is shown as `…`.

    Args:
        value: A record, an answer, or a part of one.
        redactor: Knows the secrets.
    """
    return _show(value, redactor, 0, is_hidden=False)


def _show(value: Any, redactor: Redactor, depth: int, *, is_hidden: bool) -> Any:
    match value:
        case None | bool():
            return value
        case dict() | list() | tuple() if depth >= _DEEPEST:
            return "…"
        case dict():
            return {
                _show_text(str(name), redactor): _show(
                    child, redactor, depth + 1, is_hidden=is_hidden or is_secret(str(name))
                )
                for name, child in value.items()
            }
        case list() | tuple():
            return [_show(child, redactor, depth + 1, is_hidden=is_hidden) for child in value]
        case str():
            return MASK if is_hidden and value else _show_text(value, redactor)
        case _ if is_hidden:
            return MASK
        case int():
            text = str(value)
            return value if redactor.mask_text(text) == text else MASK
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return redactor.mask_text(f"{value:f}")
        case date() | time():
            return value.isoformat()
        case _:
            return _show_text(str(value), redactor)


def _show_text(text: str, redactor: Redactor) -> str:
    shown = redactor.mask_text(text)
    return shown if shown.isascii() else shown.encode("utf-8", "replace").decode()
