"""Log-ins of the generations that have sessions: what they give, and why they give nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connector.client.opencart.verdict import Signs, read_answer
from connector.request import Answer, Effect, Operation, Repeat, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.request import Response

_GIVEN_BY: Final = {"cookie": "2.3", "token": "2.3", "api_token": "3.0"}
"""By what `api/login` gives: the dialect that takes it. The route is the same from 2.0 to 3.0."""


def login_operation(signs: Signs, *gives: str) -> Operation:
    """Return the log-in as a call whose success has one of these keys."""
    return Operation(
        entity="session.login",
        title="Session - Log in",
        route=signs.login_route,
        effect=Effect.SESSION,
        repeat=Repeat.SAFE,
        success_keys=gives,
    )


def read_login(response: Response, signs: Signs, now: Callable[[], datetime], *gives: str) -> Answer:
    """Return what a log-in came to; a success has one of the given keys, with text in it.

    Args:
        response: What came back.
        signs: Those of the generation.
        now: The clock, aware.
        gives: What the answer may hold, such as `api_token`.
    """
    answer = read_answer(login_operation(signs, *gives), response, now, signs)
    if answer.verdict is Verdict.OK:
        found = next((key for key in gives if key in answer.value), gives[0])
        value = answer.value.get(found)
        if isinstance(value, str) and value:
            return answer
        return replace(answer, verdict=Verdict.FAULT, reason=f"the log-in gave an empty {found}")
    other = next((key for key in _GIVEN_BY if key not in gives and _has_text(answer.value, key)), None)
    if answer.verdict is Verdict.FAULT and other is not None:
        dialect = _GIVEN_BY[other]
        reason = f"the shop answers with {other} in place of {' or '.join(gives)}, as OpenCart {dialect} does"
        cure = f"write dialect: {dialect} for this client, or dialect: auto, in place of {signs.generation}"
        return replace(answer, reason=reason, cure=cure)
    return answer


def _has_text(value: object, key: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(key), str)
