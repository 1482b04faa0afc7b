"""Where a request comes from and what it was sent to, past the proxies that are trusted and none besides.

A header such as `X-Forwarded-For` is written by whoever sends it. It counts only where the other end of the connection
is a proxy that the settings name; then its addresses are read from the right, where the nearest proxy has written, and
the first one that is no trusted proxy is the caller's. What stands left of that may be made up.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

    from starlette.types import Scope

    from connector.config.settings import Settings

KEY: Final = "connector.arrival"
"""Under which a request's scope has its `Arrival`."""

MOST_HOPS: Final = 32
"""Addresses of `X-Forwarded-For` that are looked at; no chain of proxies is longer."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FORWARDING: Final = (
    b"forwarded",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
)
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_\-]{0,62})"
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?", re.ASCII)
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9_.\-]{1,253})(?::(?P<port>[0-9]{1,5}))?", re.ASCII)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a request came here.

    Attributes:
        address: Of the caller, as far as it can be known; empty where the connection has none (a Unix socket).
        port: Of the caller's end of the connection; 0 where a proxy stands between.
        scheme: By which it was sent: `http` or `https`.
        host: Name or address it was sent to, in lower letters and without a port; empty where it does not say, or says
            what can be no host.
        host_port: The port it was sent to.
        is_forwarded: Whether anything stood between, trusted or not.
        is_near: Whether the other end of the connection is on this machine.
    """

    address: str
    port: int
    scheme: str
    host: str
    host_port: int
    is_forwarded: bool
    is_near: bool

    @property
    def is_local(self) -> bool:
        """Whether it was sent by a program of this machine, to a name of this machine, with nothing in between.

        The name counts since a page of any site may have a name that leads to 127.0.0.1, and so reach this service
        through the browser of somebody who sits here.
        """
        return self.is_near and not self.is_forwarded and is_loopback_name(self.host)


class Arrivals:
    """Reads how requests came here, and knows which names this service has."""

    def __init__(self, settings: Settings) -> None:
        self._proxies: tuple[IPv4Network | IPv6Network, ...] = settings.trusted_proxies
        public = None if settings.public_url is None else urlsplit(settings.public_url)
        self.public_host = "" if public is None else (public.hostname or "").removesuffix(".")
        self.is_public_secure = public is not None and public.scheme == "https"
        self._bound = settings.host.strip("[]").lower()
        self._is_bound_to_all = _is_unspecified(self._bound)
        self._names = frozenset(name for name in (self.public_host, *map(_strip_name, settings.allowed_hosts)) if name)
        self.is_exposed = bool(
            not is_loopback_name(self._bound)
            or settings.trusted_proxies
            or (self.public_host and not is_loopback_name(self.public_host))
            or any(not is_loopback_name(name) for name in self._names)
        )
        """Whether callers of other machines are meant to come in."""

    def read(self, scope: Scope) -> Arrival:
        """Return how a request came here.

        Args:
            scope: The ASGI server's, as it was before any proxy header was looked at.
        """
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
        peer, port = scope.get("client") or ("", 0)
        scheme, written = scope.get("scheme", "http"), headers.get(b"host", [""])[-1]
        near = _parse_address(peer)
        address = near
        if near is not None and self._trusts(near):
            address = self._find_caller(near, headers.get(b"x-forwarded-for", []))
            port = 0 if address != near else port
            proto = _last(headers.get(b"x-forwarded-proto", [])).lower()
            scheme = proto if proto in _DEFAULT_PORTS else scheme
            written = _last(headers.get(b"x-forwarded-host", [])) or written
        host, host_port = read_host(written)
        return Arrival(
            "" if address is None else str(address),
            port,
            scheme,
            host,
            host_port or _DEFAULT_PORTS.get(scheme, 80),
            any(name in headers for name in _FORWARDING),
            near is not None and near.is_loopback,
        )

    def knows(self, arrival: Arrival) -> bool:
        """Whether this service answers to the name a request was sent to.

        It answers to those of this machine, to that of `public_url`, to `allowed_hosts`, and to the address it listens
        on; where it listens on all, to any address: only a name can be made to lead elsewhere.
        """
        host = arrival.host
        if not host:
            return False
        if is_loopback_name(host):
            return True
        return (
            host in self._names or host == self._bound or (self._is_bound_to_all and _parse_address(host) is not None)
        )

    def is_secure(self, arrival: Arrival) -> bool:
        """Whether what the caller is sent travels over TLS alone.

        Behind a proxy that is not trusted the connection looks as if it were plain; the public address tells.
        """
        return arrival.scheme == "https" or (self.is_public_secure and arrival.host == self.public_host)

    def _find_caller(self, near: Address, written: Iterable[str]) -> Address:
        """Return the first address from the right that is no trusted proxy; the last sure one where none follows."""
        sure = near
        hops = [hop.strip() for hop in ",".join(written).split(",") if hop.strip()]
        for hop in reversed(hops[-MOST_HOPS:]):
            address = _parse_address(_strip_port(hop))
            if address is None:  # nobody can say who that was: the proxy that passed it on is the caller
                return sure
            sure = address
            if not self._trusts(address):
                return sure
        return sure

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._proxies)


def read_host(written: str) -> tuple[str, int]:
    """Return name and port of a `Host` header; an empty name for what can be none, port 0 where it says none.

    The dot at the end of a name is left out, brackets around an address too.
    """
    found = _HOST.fullmatch(written.strip().lower())
    if found is None:
        return "", 0
    name = found["name"]
    port = int(found["port"] or 0)
    if port > 65_535:
        return "", 0
    if name.startswith("["):
        address = _parse_address(name[1:-1])
        return ("" if address is None else str(address)), port
    return (_strip_name(name) if _NAME.fullmatch(name) else ""), port


def is_loopback_name(host: str) -> bool:
    """Whether a name or an address can only mean this machine (RFC 6761, section 6.3, for names)."""
    name = _strip_name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _parse_address(name)
    return address is not None and address.is_loopback


def _parse_address(text: str) -> Address | None:
    """Return an address; one of IPv4 in the clothes of IPv6 (`::ffff:10.0.0.1`) as what it is."""
    try:
        address = ip_address(text.partition("%")[0])  # what follows `%` names the network card
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _strip_port(hop: str) -> str:
    """Return an address without the port that some proxies write: `10.0.0.1:4711`, `[::1]:4711`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _strip_name(name: str) -> str:
    return name.strip().lower().strip("[]").removesuffix(".")


def _last(values: list[str]) -> str:
    """Return what the nearest proxy has written: the last of several."""
    return values[-1].rpartition(",")[2].strip() if values else ""


def _is_unspecified(text: str) -> bool:
    address = _parse_address(text)
    return not text or (address is not None and address.is_unspecified)
