"""Addresses: whose host a link leads to, and which `base_url` a redirect asks for."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

_PORTS: Final = {"http": 80, "https": 443}


def split_address(address: str) -> SplitResult | None:
    """Return the parts of an absolute web address, or None where it is none."""
    try:
        parts = urlsplit(address)
        is_absolute = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if is_absolute else None


def is_same_origin(address: str, other: str) -> bool:
    """Return whether both addresses have the same scheme, host and port: a credential for one may go to the other.

    Source: RFC 6454, section 4. Addresses that cannot be read, or that name a user, are never the same.
    """
    one, two = split_address(address), split_address(other)
    if one is None or two is None or one.username is not None or two.username is not None:
        return False
    return _origin(one) == _origin(two)


def describe_address(address: str) -> str:
    """Return an address without user, query and fragment, which may hold credentials."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", "")) or "/"


def find_base_url(location: str, route: str) -> str:
    """Return the `base_url` whose calls would have gone to a redirect's target.

    `https://shop.example/sub/index.php?route=api/login` gives `https://shop.example/sub/`.

    Args:
        location: The target, absolute or relative.
        route: What was called; where it ends the target's path, it is taken off.
    """
    base = describe_address(location)
    for ending in (route.strip("/"), "index.php"):
        if ending and (base == ending or base.endswith(f"/{ending}")):
            base = base[: -len(ending)]
    return base or "/"


def names_route(location: str, route: str) -> bool:
    """Return whether a redirect's target is the same call at another address, so that the call itself did not run."""
    try:
        parts = urlsplit(location)
        query = parse_qsl(parts.query)
    except ValueError:
        return False
    path = route.strip("/")
    return ("route", route) in query or bool(path and parts.path.rstrip("/").endswith(f"/{path}"))


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]
