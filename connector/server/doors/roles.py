"""What callers may: look, operate, or push records into a route."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final

from connector.config.options import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterable

PUSH: Final = "push:"
"""What the role to push into a route begins with; its name follows, or `*` for every route."""

EVERY_ROUTE: Final = "*"

ACCEPTED: Final = "read, operate, or push:ROUTE (push:* for every route)"

_PUSH: Final = re.compile(rf"{PUSH}(?:\*|{NAME_PATTERN})")


class Role(enum.StrEnum):
    """What a caller may do beside pushing. The later one holds the earlier."""

    READ = "read"  # see everything
    OPERATE = "operate"  # change things too, and push into every route


def is_role(text: str) -> bool:
    """Whether a text names what can be allowed to a token: `read`, `operate`, `push:place-orders`, `push:*`."""
    return text in set(Role) or _PUSH.fullmatch(text) is not None


def allows(roles: Iterable[str], wanted: Role) -> bool:
    """Whether these roles hold the one that is wanted. Who may only push may look at nothing."""
    held = set(roles)
    return Role.OPERATE in held or (wanted is Role.READ and Role.READ in held)


def allows_push(roles: Iterable[str], route: str) -> bool:
    """Whether these roles let records be pushed into a route."""
    held = set(roles)
    return Role.OPERATE in held or f"{PUSH}{EVERY_ROUTE}" in held or f"{PUSH}{route}" in held
