"""Under which id a request is known: in every log line of it, in its answer, in a problem that is told."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

HEADER: Final = "X-Request-ID"

_SANE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:/+=\-]{0,127}")
"""What a caller may name a request: nothing that could be taken for more than a name in a log line or a page."""

_STATE: Final = "state"
_ID: Final = "request_id"
_FACTS: Final = "log_facts"


def choose_request_id(named: str | None) -> str:
    """Return the id a caller gave a request, where it is a sane one, else a new one of 16 hexadecimal digits."""
    if named is not None and _SANE.fullmatch(named):
        return named
    return secrets.token_hex(8)


def keep_request_id(scope: MutableMapping[str, Any], request_id: str) -> None:
    """Have a request known by an id; `request.state.request_id` is the same."""
    scope.setdefault(_STATE, {})[_ID] = request_id


def read_request_id(scope: Mapping[str, Any]) -> str:
    """Return the id of a request; empty where it came past the middleware that gives one.

    Args:
        scope: Of ASGI, as `request.scope` is.
    """
    return str(scope.get(_STATE, {}).get(_ID, ""))


def add_log_facts(scope: MutableMapping[str, Any], **facts: Any) -> None:
    """Have the log line of a request say more: which tasks were made of it, who called.

    So that whoever has the id of a task finds the request that it came with, and the other way round.

    Args:
        scope: Of ASGI, as `request.scope` is.
        facts: By name, such as `tasks=[17, 18]`, `caller="marketplace"`; they are masked like any other.
    """
    scope.setdefault(_STATE, {}).setdefault(_FACTS, {}).update(facts)


def read_log_facts(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was added."""
    return dict(scope.get(_STATE, {}).get(_FACTS, {}))
