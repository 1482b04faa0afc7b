"""Records and answers as they may be shown: whoever looks after an installation sees them, and no secret in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.redaction import MASK, is_secret

if TYPE_CHECKING:
    from connector.redaction import Redactor

_DEEPEST: Final = 64


def show_value(value: Any, redactor: Redactor) -> Any:
    """Return a copy of a JSON value in which no secret stands: by its name, or because it is a known one.

    Personal values stay: a person who settles an outcome compares them with what the other side has. Shape, numbers
    and empty values stay; what is nested deeper than 64 levels is shown as `…`.

    Args:
        value: JSON-like.
        redactor: Knows the secrets.
    """
    return _show(value, redactor, 0)


def _show(value: Any, redactor: Redactor, depth: int, *, is_hidden: bool = False) -> Any:
    match value:
        case dict() | list() | tuple() if depth >= _DEEPEST:
            return "…"
        case dict():
            return {
                redactor.mask_text(str(name)): _show(
                    child, redactor, depth + 1, is_hidden=is_hidden or is_secret(str(name))
                )
                for name, child in value.items()
            }
        case list() | tuple():
            return [_show(child, redactor, depth + 1, is_hidden=is_hidden) for child in value]
        case None | bool():
            return value
        case str():
            return MASK if is_hidden and value else redactor.mask_text(value)
        case _:
            return MASK if is_hidden else value
