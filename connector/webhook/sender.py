"""Who sends: what a request has to show before its body counts.

A guard decides on what arrived and touches no network. Every comparison with a secret takes the same time whatever is
compared, and several secrets may hold at once, so that one can take the place of another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from connector.errors import AccessError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import SecretStr

    from connector.config.place import Place
    from connector.webhook.options import AuthOptions, HmacOptions

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

SIGNED_NAMES: Final = ("body", "timestamp", "delivery", "path", "method")
"""What a signature can be over."""

_HOLE: Final = re.compile(r"\{([a-z_]+)\}")
_MILLISECONDS: Final = 100_000_000_000
"""Times from here on are milliseconds: in seconds, they would lie beyond the year 5000."""

_MOST_REMEMBERED: Final = 100_000
_MOST_FIELDS: Final = 64
_MOST_SIGNATURES: Final = 16
"""Of a header, so many are looked at: each costs a comparison."""

_CHALLENGE: Final = {"bearer": 'Bearer realm="hooks"', "basic": 'Basic realm="hooks", charset="UTF-8"'}


@dataclass(frozen=True, slots=True)
class Call:
    """What arrived, apart from the body.

    Attributes:
        method: Such as `POST`.
        path: As called, without the query.
        headers: By name in small letters; several of one name joined by commas.
    """

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a sender has shown.

    Attributes:
        signature: The one that fits, or None where nothing is signed.
        is_dated: Whether what is signed tells when it was sent.
    """

    signature: bytes | None = None
    is_dated: bool = False


_SHOWN: Final = Proof()


class Guard(Protocol):
    """Decides whether a request comes from who it must come from.

    Attributes:
        needs_body: Whether it has to see the body; else it is asked before one is read.
    """

    @property
    def needs_body(self) -> bool:
        """Whether it has to see the body; else it is asked before one is read."""
        ...

    def check(self, call: Call, body: bytes, *, delivery: str, now_ms: int) -> Proof:
        """Return what the request proves.

        Args:
            call: The request.
            body: What may be signed.
            delivery: Id of the delivery, as its header says; empty where there is none.
            now_ms: The time, ms since the epoch.

        Raises:
            AccessError: It does not prove enough.
        """
        ...


@dataclass(frozen=True, slots=True)
class SecretGuard:
    """Asks for a header that holds one of some texts.

    Attributes:
        header: Its name, in small letters.
        scheme: `bearer` or `basic`, where the value begins with the name of a scheme; else empty.
        accepted: SHA-256 of each of the texts: comparing these tells nothing of how long they are.
    """

    header: str
    scheme: str
    accepted: tuple[bytes, ...]

    @property
    def needs_body(self) -> bool:
        """It does not."""
        return False

    def check(self, call: Call, body: bytes, *, delivery: str, now_ms: int) -> Proof:  # noqa: ARG002
        """Return an empty proof; see `Guard`."""
        shown = call.headers.get(self.header)
        challenge = {"WWW-Authenticate": _CHALLENGE[self.scheme]} if self.scheme else None
        if shown is None:
            raise AccessError(f"the header {self.header} is missing", status=401, headers=challenge)
        if self.scheme:
            scheme, _, shown = shown.partition(" ")
            if scheme.lower() != self.scheme:
                raise AccessError(
                    f"the header {self.header} does not begin with {self.scheme.title()}", status=401, headers=challenge
                )
            shown = shown.strip()
        digest = hashlib.sha256(_to_bytes(shown)).digest()
        is_good = False
        for accepted in self.accepted:
            is_good |= hmac.compare_digest(digest, accepted)
        if not is_good:
            raise AccessError(f"the header {self.header} does not hold what it must", status=401, headers=challenge)
        return _SHOWN


class OpenGuard:
    """Asks for nothing."""

    __slots__ = ()

    @property
    def needs_body(self) -> bool:
        """It does not."""
        return False

    def check(self, call: Call, body: bytes, *, delivery: str, now_ms: int) -> Proof:  # noqa: ARG002
        """Return an empty proof."""
        return _SHOWN


@dataclass(frozen=True, slots=True)
class SignatureGuard:
    """Asks for a signature (HMAC, RFC 2104) made with one of some secrets, and for a time that is near.

    Attributes:
        header: Of the signature, in small letters.
        field: Name of the signatures within it, or empty.
        prefix: What stands in front of one.
        algorithm: Name of the hash.
        is_hex: Whether it is written as hexadecimal digits; else as base64.
        keys: The secrets.
        parts: What is signed: texts as they are, and names in between, in turn.
        timestamp: Header of the time in small letters and its name within it, or None.
        tolerance_ms: How far the time may be from ours.
    """

    header: str
    field: str
    prefix: str
    algorithm: str
    is_hex: bool
    keys: tuple[bytes, ...]
    parts: tuple[str, ...]
    timestamp: tuple[str, str] | None
    tolerance_ms: int

    @property
    def needs_body(self) -> bool:
        """It does."""
        return True

    @property
    def signs_delivery(self) -> bool:
        """Whether the id of the delivery is signed, so that nobody else can give it another."""
        return "delivery" in self.parts[1::2]

    def check(self, call: Call, body: bytes, *, delivery: str, now_ms: int) -> Proof:
        """Return the signature; see `Guard`."""
        shown = self._read_signatures(call.headers)
        time = "" if self.timestamp is None else self._read_time(call.headers, self.timestamp)
        values = {"timestamp": time, "delivery": delivery, "path": call.path, "method": call.method}
        signed = b"".join(
            [
                (body if part == "body" else _to_bytes(values[part])) if place % 2 else part.encode()
                for place, part in enumerate(self.parts)
            ]
        )
        found: bytes | None = None
        for key in self.keys:
            digest = hmac.digest(key, signed, self.algorithm)
            for signature in shown:
                if hmac.compare_digest(digest, signature):
                    found = digest
        if found is None:
            raise AccessError(f"the signature in {self.header} does not fit", status=401)
        if self.timestamp is not None:  # after the signature: who does not know the secret learns nothing of our clock
            self._check_time(time, now_ms)
        return Proof(found, is_dated=self.timestamp is not None)

    def _read_signatures(self, headers: Mapping[str, str]) -> list[bytes]:
        written = headers.get(self.header)
        if written is None:
            raise AccessError(f"the header {self.header} is missing", status=401)
        texts = _list_fields(written, self.field) if self.field else written.split()[:_MOST_SIGNATURES]
        found = []
        for text in texts:
            if not text.startswith(self.prefix):
                continue
            try:
                rest = text.removeprefix(self.prefix)
                found.append(bytes.fromhex(rest) if self.is_hex else base64.b64decode(rest, validate=True))
            except ValueError:  # binascii's among them
                continue
        if not found:
            told = f" after {self.prefix}" if self.prefix else ""
            kind = "hexadecimal" if self.is_hex else "base64"
            raise AccessError(f"the header {self.header} holds no {kind} signature{told}", status=401)
        return found

    def _read_time(self, headers: Mapping[str, str], spot: tuple[str, str]) -> str:
        header, field = spot
        written = headers.get(header)
        if written is None:
            raise AccessError(f"the header {header} is missing", status=401)
        if not field:
            return written.strip()
        found = _list_fields(written, field)
        if not found:
            raise AccessError(f"the header {header} holds no {field}", status=401)
        return found[0]

    def _check_time(self, text: str, now_ms: int) -> None:
        at_ms = read_time_ms(text)
        if at_ms is None:
            raise AccessError("the time of sending is none: accepted are seconds since 1970, or ISO 8601", status=401)
        distance_ms = abs(now_ms - at_ms)
        if distance_ms > self.tolerance_ms:
            when = "ago" if at_ms < now_ms else "in the future"
            told = f"the request was sent {distance_ms / 1000:,.0f} seconds {when}"
            raise AccessError(
                f"{told}, accepted are {self.tolerance_ms / 1000:,.0f}",
                cure="send it anew; where it is new, set the clocks of both machines",
                status=401,
            )


class Replays:
    """Signatures that were seen, each with the id of its delivery. One for a process and webhook.

    An id that stands in a header of its own is not signed: whoever has seen a request could send it again under another
    one. So a signature goes with the first id it came with.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, tuple[bytes, int]] = OrderedDict()

    def check(self, signature: bytes, delivery: bytes, *, now_ms: int, keep_ms: int) -> None:
        """Take note of a signature.

        Args:
            signature: That fits.
            delivery: What stands for the delivery.
            now_ms: The time.
            keep_ms: For how long it is remembered.

        Raises:
            AccessError: It came before, with another delivery.
        """
        while self._seen:
            oldest = next(iter(self._seen))
            if self._seen[oldest][1] > now_ms and len(self._seen) < _MOST_REMEMBERED:
                break
            del self._seen[oldest]
        known = self._seen.setdefault(signature, (delivery, now_ms + keep_ms))
        if known[0] != delivery and known[1] > now_ms:
            raise AccessError("the signature was used before, with another delivery id", status=401)


def read_time_ms(text: str) -> int | None:
    """Return a time of sending, ms since the epoch, or None where the text is none.

    Args:
        text: Seconds or milliseconds since the epoch, or ISO 8601; without an offset, UTC.
    """
    if text.isascii() and text.isdigit() and len(text) <= 16:
        number = int(text)
        return number if number >= _MILLISECONDS else number * 1000
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def compile_guard(options: AuthOptions, place: Place, *, has_delivery_header: bool) -> Guard:
    """Return what decides who may send, reporting faults.

    Args:
        options: As written.
        place: Where `auth` stands.
        has_delivery_header: Whether deliveries have their id in a header.
    """
    if options.hmac is not None:
        return _compile_signature(options.hmac, place.child("hmac"), has_delivery_header=has_delivery_header)
    if options.bearer is not None:
        return SecretGuard("authorization", "bearer", _hash(options.bearer.token, lambda text: text))
    if options.basic is not None:
        user = options.basic.username
        if ":" in user:
            place.child("basic", "username").fault("found a colon, which no user name can have (RFC 7617)")
        return SecretGuard(
            "authorization",
            "basic",
            _hash(options.basic.password, lambda text: base64.b64encode(f"{user}:{text}".encode()).decode()),
        )
    if options.header is not None:
        check_header(options.header.name, place.child("header", "name"))
        return SecretGuard(options.header.name.lower(), "", _hash(options.header.value, lambda text: text))
    return OpenGuard()


def compile_networks(written: Sequence[str] | None, place: Place) -> tuple[Network, ...]:
    """Return the networks whose addresses may send, reporting faults; empty for any."""
    if written is not None and not written:
        place.fault("found an empty list, which lets nobody in, accepted are addresses and networks")
    networks: list[Network] = []
    for index, text in enumerate(written or ()):
        try:
            network = ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            place.child(index).fault("found neither, accepted is an address or a network such as 203.0.113.0/24")
            continue
        if "/" in text and str(network.network_address) != str(ipaddress.ip_address(text.strip().partition("/")[0])):
            place.child(index).fault(
                "found an address of that network, accepted is its first one", f'did you mean "{network}"?'
            )
        networks.append(network)
    return tuple(networks)


def check_address(address: str, networks: Sequence[Network]) -> None:
    """Do nothing where an address may send.

    Raises:
        AccessError: It may not.
    """
    if not networks:
        return
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        found = None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found is None or not any(found in network for network in networks if network.version == found.version):
        raise AccessError(f"the address {address} may not send here", status=403)


def check_header(name: str, place: Place) -> None:
    """Report a name that no header can have (RFC 9110, section 5.6.2)."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        place.fault("found a name that no header can have, accepted is one such as X-Signature")


def _compile_signature(options: HmacOptions, place: Place, *, has_delivery_header: bool) -> SignatureGuard:
    check_header(options.header, place.child("header"))
    timestamp = options.timestamp
    if timestamp is not None:
        check_header(timestamp.header, place.child("timestamp", "header"))
    signed = options.signed or ("{body}" if timestamp is None else "{timestamp}.{body}")
    parts = tuple(_HOLE.split(signed))
    names, spot = parts[1::2], place.child("signed")
    for name in names:
        if name not in SIGNED_NAMES:
            spot.fault(f"found {{{name}}}, accepted are {', '.join(f'{{{known}}}' for known in SIGNED_NAMES)}")
    if names.count("body") != 1:
        spot.fault("{body} has to stand in it once: what is not signed, anybody can write")
    if timestamp is None and "timestamp" in names:
        spot.fault("{timestamp} goes with the key timestamp, which says where it is")
    if timestamp is not None and "timestamp" not in names:
        spot.fault("{timestamp} has to stand in it: a time that is not signed, anybody can write")
    if "delivery" in names and not has_delivery_header:
        spot.fault("{delivery} goes with delivery_id: {header: …}, which says where it is")
    return SignatureGuard(
        options.header.lower(),
        options.field or "",
        options.prefix,
        options.algorithm,
        options.encoding == "hex",
        tuple(_read_key(secret, options.key, place.child("secret")) for secret in options.secret),
        parts,
        None if timestamp is None else (timestamp.header.lower(), timestamp.field or ""),
        0 if timestamp is None else round(timestamp.tolerance.total_seconds() * 1000),
    )


def _read_key(secret: SecretStr, kind: str, place: Place) -> bytes:
    """Return the bytes of a secret."""
    text = secret.get_secret_value()
    if kind == "text":
        return text.encode()
    try:
        key = bytes.fromhex(text) if kind == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not key:
        place.fault(f"found a secret that is not written in {kind}, as `key` says it is")
    return key


def _hash(secrets: Sequence[SecretStr], write: Callable[[str], str]) -> tuple[bytes, ...]:
    return tuple(hashlib.sha256(write(secret.get_secret_value()).encode()).digest() for secret in secrets)


def _list_fields(written: str, name: str) -> list[str]:
    """Return the values of one name in `name=value,name=value`."""
    pairs = [entry.strip().partition("=") for entry in written.split(",", _MOST_FIELDS)[:_MOST_FIELDS]]
    return [value for key, _, value in pairs if key == name][:_MOST_SIGNATURES]


def _to_bytes(text: str) -> bytes:
    """Return the bytes of what came in a header or an address, which may be no Unicode."""
    return text.encode("utf-8", "surrogateescape")
