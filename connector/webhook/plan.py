"""A webhook, compiled: from what arrives to records and what stands for their delivery. It opens nothing."""

from __future__ import annotations

import hashlib
import re
from dataclasses import field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from connector.errors import AccessError, IntakeError
from connector.frozen import dataclass
from connector.transform.path import compile_path
from connector.webhook.body import Reader, unpack
from connector.webhook.sender import (
    Call,
    Guard,
    Network,
    OpenGuard,
    Proof,
    SignatureGuard,
    check_header,
    compile_guard,
    compile_networks,
)

if TYPE_CHECKING:
    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.path import Selector
    from connector.webhook.options import WebhookOptions

PREFIX: Final = "/hooks"
"""What the address of every webhook begins with."""

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._~-]*)+")
_LONGEST_PATH: Final = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a request brought.

    Attributes:
        records: In order, as they came.
        digest: What stands for the delivery: the same where it comes again. None where each is new.
        window_ms: For how long it is known.
        proof: What the sender has shown.
    """

    records: list[Record] = field(repr=False)
    digest: bytes | None
    window_ms: int
    proof: Proof


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """A webhook, compiled.

    Attributes:
        path: Under `/hooks`, with a slash in front.
        options: What the user wrote.
        guard: Decides who may send.
        networks: Whose addresses may; empty for any.
        reader: Reads a body.
        max_bytes: Of a body.
        id_header: Header with the id of a delivery, in small letters, or None.
        id_path: Path of it in the body, or None.
        window_ms: How long a delivery is known; 0: each is new.
        answer: Status of the answer once all is kept.
    """

    path: str
    options: WebhookOptions
    guard: Guard
    networks: tuple[Network, ...]
    reader: Reader
    max_bytes: int
    id_header: str | None
    id_path: Selector | None
    window_ms: int
    answer: int

    @property
    def address(self) -> str:
        """The path of the address it is called by."""
        return PREFIX + self.path

    @property
    def is_open(self) -> bool:
        """Whether whoever reaches it may send."""
        return isinstance(self.guard, OpenGuard) and not self.networks

    @property
    def remembers_signatures(self) -> bool:
        """Whether a signature has to be remembered with its delivery, whose id is not signed."""
        return isinstance(self.guard, SignatureGuard) and self.id_header is not None and not self.guard.signs_delivery

    @property
    def replay_ms(self) -> int:
        """How long a signature is remembered."""
        tolerance_ms = self.guard.tolerance_ms if isinstance(self.guard, SignatureGuard) else 0
        return max(self.window_ms, 2 * tolerance_ms)

    def admit(self, call: Call, *, now_ms: int) -> None:
        """Decide, ahead of the body, what can be decided without it.

        Raises:
            AccessError: The sender does not show what it must.
        """
        if not self.guard.needs_body:
            self.guard.check(call, b"", delivery="", now_ms=now_ms)

    def read(self, call: Call, body: bytes, *, now_ms: int) -> Delivered:
        """Return what a request brought, once it has shown that it comes from who it must come from.

        Args:
            call: The request; `admit` has let it in.
            body: As it was sent.
            now_ms: The time, ms since the epoch.

        Raises:
            AccessError: The signature does not fit, or is too old.
            IntakeError: The body cannot be read as records.
        """
        coding = call.headers.get("content-encoding", "")
        delivery = "" if self.id_header is None else call.headers.get(self.id_header, "").strip()
        if self.guard.needs_body:
            proof, content = self._check_body(call, body, coding, delivery=delivery, now_ms=now_ms)
        else:
            proof, content = Proof(), unpack(body, coding, max_bytes=self.max_bytes)
        records, document = self.reader.read(content, call.headers.get("content-type", ""))
        digest, window_ms = self._identify(delivery, document, content, proof)
        return Delivered(records, digest, window_ms, proof)

    def _check_body(self, call: Call, body: bytes, coding: str, *, delivery: str, now_ms: int) -> tuple[Proof, bytes]:
        """Return the proof, and the body unpacked: either form of it may be what is signed.

        Raises:
            AccessError: Neither is. A stranger learns nothing else, be the body as broken as can be.
            IntakeError: It cannot be unpacked.
        """
        try:
            proof = self.guard.check(call, body, delivery=delivery, now_ms=now_ms)
        except AccessError:
            if not coding:
                raise
            try:
                content = unpack(body, coding, max_bytes=self.max_bytes)
            except IntakeError:
                content = body
            return self.guard.check(call, content, delivery=delivery, now_ms=now_ms), content
        return proof, unpack(body, coding, max_bytes=self.max_bytes)

    def _identify(self, delivery: str, document: Any, content: bytes, proof: Proof) -> tuple[bytes | None, int]:
        """Return what stands for a delivery, and for how long it is known."""
        if not self.window_ms:
            if proof.signature is None or not proof.is_dated:
                return None, 0
            # Each is new, and yet a signature counts once: as long as its time is near enough to be taken.
            return hashlib.sha256(b"signature\0" + proof.signature).digest(), self.replay_ms
        if self.id_path is not None and document is not None:
            found = self.id_path.first_or(document, None)
            delivery = str(found) if isinstance(found, str | int | float) and found != "" else ""
        if delivery:
            return hashlib.sha256(b"id\0" + delivery.encode("utf-8", "surrogateescape")).digest(), self.window_ms
        return hashlib.sha256(b"body\0" + content).digest(), self.window_ms


def compile_webhook(options: WebhookOptions, place: Place) -> WebhookPlan:
    """Return the plan of a webhook, reporting faults; after one it is of no particular meaning.

    Args:
        options: As written.
        place: Where `webhook` stands.
    """
    path = options.path
    if not _PATH.fullmatch(path) or len(path) > _LONGEST_PATH:
        hint = f'did you mean "/{path}"?' if _PATH.fullmatch(f"/{path}") else None
        place.child("path").fault(
            "found what is no such path, accepted is one such as /marketplace: segments of letters, digits, -, ., _ "
            f"and ~, {_LONGEST_PATH} characters at most",
            hint,
        )
    given = options.delivery_id
    id_path: Selector | None = None
    if given is not None and given.header is not None:
        check_header(given.header, place.child("delivery_id", "header"))
    if given is not None and given.path is not None:
        id_path = compile_path(given.path, place.child("delivery_id", "path"))
        if options.body in {"jsonl", "csv"}:
            place.child("delivery_id", "path").fault(
                f"a body of {options.body} is no one document that a path could lead into, accepted is header"
            )
    header = None if given is None or given.header is None else given.header.lower()
    guard = compile_guard(options.auth, place.child("auth"), has_delivery_header=header is not None)
    tolerance_ms = guard.tolerance_ms if isinstance(guard, SignatureGuard) else 0
    window_ms = options.window // timedelta(milliseconds=1)
    if 0 < window_ms < 2 * tolerance_ms:
        place.child("window").fault(
            "found less than twice the tolerance of the signature's time: a request that somebody has seen would count "
            f"again; accepted is {2 * tolerance_ms // 1000}s or more, or 0s, with which a signature counts once"
        )
    if place.child("csv").is_present and options.body not in {"auto", "csv"}:
        place.child("csv").key_fault(f"csv goes with body: csv or auto, and not with {options.body}")
    csv = options.csv
    return WebhookPlan(
        path,
        options,
        guard,
        compile_networks(options.allow, place.child("allow")),
        Reader(
            options.body,
            None if options.records is None else compile_path(options.records, place.child("records")),
            csv.delimiter,
            csv.has_header,
            None if csv.columns is None else tuple(csv.columns),
        ),
        options.max_body,
        header,
        id_path,
        window_ms,
        options.answer,
    )
