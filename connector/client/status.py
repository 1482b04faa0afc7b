"""What an HTTP status says by itself, for any remote system: sent on, refused, busy, broken.

One rule runs through it: where a call commits and nothing proves that it did not run, its outcome is unknown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from connector.client.address import find_base_url, names_route
from connector.request import Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.request import Operation, Response

_REFUSED: Final = frozenset({401, 403, 407})
_TOO_MANY: Final = frozenset({425, 429})
_KEEPS_METHOD: Final = frozenset({307, 308})
_GATEWAY: Final = frozenset({502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530})
"""Statuses of what stands in front of the remote system (a proxy, a CDN): it got no whole answer itself."""


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks to wait, or None where it is missing or cannot be read.

    Both forms of RFC 9110, section 10.2.3: seconds, and an HTTP date. A date in the past gives 0.

    Args:
        value: The header.
        now: Aware.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def judge_status(operation: Operation, response: Response, now: Callable[[], datetime]) -> Answer | None:
    """Return what the status alone decides, or None for 2xx and for those of 4xx that speak of the payload.

    Args:
        operation: What was called; for one that commits, an answer that leaves open whether it ran is `unknown`.
        response: What came back; of its headers `location` and `retry-after` are used.
        now: The clock, aware.

    Returns:
        An answer without value, errors and notices; the caller adds what the body holds.
    """
    status = response.status
    commits = operation.effect.commits
    if 300 <= status < 400:
        return _judge_redirect(operation, response)
    if status in _REFUSED:
        return Answer(
            Verdict.DENIED,
            reason=f"the web server refuses the call (HTTP {status})",
            cure="have POST requests from this machine's address let through: a firewall, a password on the folder or "
            "a security module stands in front of the API, or the credential is wrong",
            status=status,
        )
    wait_s = read_retry_after(response.headers.get("retry-after"), now())
    if status in _TOO_MANY or (status == 503 and not commits):
        what = "too many requests" if status in _TOO_MANY else "out of service for now"
        return Answer(
            Verdict.BUSY,
            reason=f"{what} (HTTP {status})",
            cure="try again later, and set rate_limit and sessions of the client lower if it comes back"
            if status in _TOO_MANY
            else "try again later",
            status=status,
            retry_after_s=wait_s,
        )
    if status in {408, 503} or status in _GATEWAY:  # a cache in front says 503 too, when it has waited long enough
        return Answer(
            Verdict.UNKNOWN if commits else Verdict.BUSY,
            reason=f"no whole answer reached what stands in front of the remote system (HTTP {status})"
            + ("; the call may have been carried out" if commits else ""),
            cure=LOOK_FIRST if commits else "try again later",
            status=status,
            retry_after_s=wait_s,
        )
    if status >= 500:
        return Answer(
            Verdict.UNKNOWN if commits else Verdict.FAULT,
            reason=f"the remote system broke off (HTTP {status})"
            + ("; the call may have been carried out" if commits else ""),
            cure=LOOK_FIRST if commits else "look into the error log of the remote system",
            status=status,
            retry_after_s=wait_s,
        )
    if status < 200:
        return Answer(
            Verdict.UNKNOWN if commits else Verdict.FAULT,
            reason=f"HTTP {status} is no answer to a POST request",
            cure="check that base_url leads to a web server",
            status=status,
        )
    return None


LOOK_FIRST: Final = "look on the other side whether it was done, before sending it again"
"""What a person should do about a call that may have been carried out."""


def _judge_redirect(operation: Operation, response: Response) -> Answer:
    location = response.headers.get("location", "").strip()
    if not location:
        return Answer(
            Verdict.UNKNOWN if operation.effect.commits else Verdict.FAULT,
            reason=f"the web server answers HTTP {response.status} and does not say where to go",
            cure=LOOK_FIRST if operation.effect.commits else "check base_url",
            status=response.status,
        )
    base = find_base_url(location, operation.route)
    did_not_run = response.status in _KEEPS_METHOD or names_route(location, operation.route)
    if operation.effect.commits and not did_not_run:
        return Answer(
            Verdict.UNKNOWN,
            reason=f"the call was answered with a redirect to {base} (HTTP {response.status}), perhaps after it ran",
            cure=LOOK_FIRST,
            status=response.status,
        )
    return Answer(
        Verdict.FAULT,
        reason=f"the web server sends the call on to {base} (HTTP {response.status}); a POST is not sent on",
        cure=f"change base_url to {base}",
        status=response.status,
    )
