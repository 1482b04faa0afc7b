"""The headers that every answer carries, and what they keep from happening."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from connector.server.doors.arrival import is_loopback_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.server.doors.arrival import Arrival

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded from elsewhere, nothing that stands in a page is run, no page stands in a frame."""

STATIC: Final = "/static/"
"""Where files lie that may be kept: they hold nothing of anybody, and their address changes with their content."""

_ALWAYS: Final = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not `no-referrer`: with it browsers say `Origin: null` of a form's own POST, as if it came from anywhere.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"x-permitted-cross-domain-policies", b"none"),
)
_OURS: Final = frozenset(name for name, _ in _ALWAYS)
_NO_STORE: Final = (b"cache-control", b"no-store")
_TLS_ALONE: Final = (b"strict-transport-security", b"max-age=31536000")
"""Without `includeSubDomains`: other services of the domain are none of our business."""


def guard(
    headers: Iterable[tuple[bytes, bytes]], path: str, arrival: Arrival, *, is_secure: bool, status: int
) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that protect whoever reads it.

    Args:
        headers: As the endpoint wrote them; what it says of those here does not count.
        path: That was asked for.
        arrival: How the request came.
        is_secure: Whether TLS is spoken.
        status: HTTP status of the answer.
    """
    may_keep = path.startswith(STATIC) and status in {200, 206, 304}
    kept = [
        (name, value)
        for name, value in headers
        if (lower := name.lower()) not in _OURS and (may_keep or lower != b"cache-control")
    ]
    kept += _ALWAYS
    if not may_keep:
        kept.append(_NO_STORE)
    if is_secure and _is_name(arrival.host):
        kept.append(_TLS_ALONE)
    return kept


def _is_name(host: str) -> bool:
    """Whether a browser may be told to speak TLS alone to a host: to a name, and none that means every machine."""
    if not host or is_loopback_name(host):
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False
