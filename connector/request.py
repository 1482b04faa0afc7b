"""One exchange with a remote system, as values: what can be asked, what is sent, what came back, what it means.

Nothing here touches the network, and nothing here knows a particular remote system.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Effect(enum.StrEnum):
    """What a call changes on the other side."""

    READ = "read"  # nothing
    SESSION = "session"  # the caller's own session; gone with it
    COMMIT = "commit"  # the remote system's business data
    NOTIFY = "commit+notify"  # business data, and people are told (mail)

    @property
    def commits(self) -> bool:
        """Whether the change outlives the session, so that a second call may double it."""
        return self in {Effect.COMMIT, Effect.NOTIFY}


class Repeat(enum.StrEnum):
    """What a second, equal call does."""

    SAFE = "safe"  # the same as the first
    ADDS = "adds"  # adds once more to the caller's own session or to a log
    DUPLICATES = "duplicates"  # makes a second business object


class Verdict(enum.StrEnum):
    """What a call came to, read from status and body together."""

    OK = "ok"
    EMPTY = "empty"  # understood, and there is nothing: `[]`, an empty list
    REJECTED = "rejected"  # the remote system refuses this payload, and says why
    DENIED = "denied"  # the credential, the caller's address or the API itself is refused
    LOST_SESSION = "lost_session"  # the session is gone; log in again
    BUSY = "busy"  # 429, 503, deadlock: try later
    UNREACHABLE = "unreachable"  # nothing was sent
    UNKNOWN = "unknown"  # sent, and no readable verdict came back
    FAULT = "fault"  # the answer is understood: the remote system is broken

    @property
    def is_success(self) -> bool:
        """Whether the call did what was asked (an empty answer to a question is an answer)."""
        return self in {Verdict.OK, Verdict.EMPTY}


DraftChange = Literal["put", "add", "edit", "remove", "choose", "answer"]
"""What a success does to its part of the draft. "Fields" are those of the payload, over the operation's fixed ones.

- `put`: the fields become the part; what was there is gone. For the list `cart`, the entries of its one list field.
- `add`: the fields become one more entry of the part, which is a list.
- `edit`: the entry that the field `key` names takes the other fields.
- `remove`: the entry that the field `key` names is taken out.
- `choose`: the field that is called like the part holds a code; the entry with that code, out of the list that the
  part in the plural holds, becomes the part (`shipping_method` out of `shipping_methods`).
- `answer`: what the answer has under the part's name becomes the part.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """One entity as one dialect offers it: what to call and what the call means.

    Where the remote system has no session, the client holds the draft: a call only checks its fields, and the dialect
    sends all that was accepted so far with every call. `draft` says where a call's fields belong in it.

    Attributes:
        entity: The catalog id (`coupon.apply`), or the route itself where it is not in the catalog.
        title: The vendor's wording, for people.
        route: What the dialect calls, such as `api/coupon`; empty where `is_local`.
        effect: What a call changes.
        repeat: What a second call does.
        success_keys: Keys of which at least one stands in a successful answer; empty means any answer without
            an error is a success.
        query: Fixed query parameters, in order (`call`: `cart`).
        form: Fixed form fields, in order; one that stands in the payload too has the payload's value.
        query_fields: Payload fields that travel in the query instead of the form (`order_id`).
        is_stateful: Whether the call uses or changes what the session holds (cart, customer, methods); a session
            in which only stateless calls were made can serve another record.
        is_paged: Whether the remote system can give more than one page; None where unknown (unlisted route).
        is_empty_success: Whether an empty answer (`[]`) is an answer, or a sign that nothing was done.
        draft: Part of the client's draft (`customer`, `cart`, `shipping_address`) that a success changes; None where
            a call leaves nothing in it, and everywhere the remote system keeps a session.
        draft_change: What a success does to that part.
        clears: Parts of the session or the draft that are gone after a success.
        is_local: Whether nothing is sent: only the draft changes.
    """

    entity: str
    title: str
    route: str
    effect: Effect
    repeat: Repeat
    success_keys: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()
    query_fields: frozenset[str] = frozenset()
    is_stateful: bool = True
    is_paged: bool | None = False
    is_empty_success: bool = False
    draft: str | None = None
    draft_change: DraftChange = "put"
    clears: tuple[str, ...] = ()
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class PageInput:
    """What a page adds to a call, by the place it goes to.

    Attributes:
        form: Fields of the payload (`page`: `2`).
        query: Query parameters.
        headers: Request headers.
        json: Values by JSONPath in a JSON payload (`$.filter.page`: 2).
        url: A whole address to POST to instead (a next link); must be on the client's own host.
    """

    form: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire. What may hold secrets or personal values shows in no `repr`.

    Attributes:
        method: `POST`, everywhere an entity is called.
        url: Absolute, without the query parameters below.
        query: Parameters in order, added to those already in `url`.
        headers: Names in lower case.
        body: Encoded payload.
        form: The payload before encoding, flat PHP keys in order; for logs. Empty for a JSON payload.
        json: The payload before encoding, for logs, or None.
    """

    method: str
    url: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    json: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Its contents show in no `repr`.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; several values of one name joined by `, `.
        body: Raw bytes, whole.
        cookies: Cookies set by this answer.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One reason the remote system gave.

    Attributes:
        field: The field it speaks of (`option.226`), or None where it speaks of the whole call.
        message: Its words, HTML entities decoded.
    """

    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, understood.

    Attributes:
        verdict: What the call came to.
        value: The decoded body, HTML entities decoded once where the dialect says the remote escapes; None where
            no JSON was found.
        errors: The remote's own reasons.
        notices: Text found in front of the JSON (PHP warnings), one entry a message.
        reason: One sentence for people, in our words; empty for a plain success.
        cure: What to do, or None.
        status: HTTP status, or None when nothing came back.
        retry_after_s: Seconds to wait that the remote asked for, or None.
        is_over: Whether the remote system itself wrote this, so that it is through with the call. What stands in front
            of it (a cache, a gateway, the web server) can give up earlier.
        is_undone: Whether it is proven, by looking, that a commit without an answer changed nothing.
    """

    verdict: Verdict
    value: Any = None
    errors: tuple[FieldError, ...] = ()
    notices: tuple[str, ...] = ()
    reason: str = ""
    cure: str | None = None
    status: int | None = None
    retry_after_s: float | None = None
    is_over: bool = False
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it, for logs, reports and `connector call`.

    Attributes:
        entity: Catalog id or route.
        request: What was sent.
        response: What came back, or None.
        failure: The transport's words where nothing came back, else None.
        started_at: Aware, UTC.
        duration_ms: From sending to the last byte, milliseconds.
        verdict: How it was read.
    """

    entity: str
    request: Request
    response: Response | None
    failure: str | None
    started_at: datetime
    duration_ms: float
    verdict: Verdict
