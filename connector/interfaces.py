"""Protocols between the floors: what a dialect, a session and a client are to those who use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from connector.frozen import dataclass

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from connector.request import Answer, Exchange, Operation, PageInput, Request, Response


@dataclass(frozen=True, slots=True)
class Credential:
    """Who calls. The key never shows in `repr`."""

    username: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionState:
    """What a session holds on this side, to go into every further request. Never shows in `repr`.

    Attributes:
        query: Parameters such as `api_token`.
        headers: Headers such as `authorization`.
        cookies: Cookies to send back.
        draft: What was put together so far, where the remote system keeps no session: a frozen value that only the
            dialect looks into. None as long as there is nothing.
    """

    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    draft: object | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that may stand in no log."""
        return (*self.query.values(), *self.headers.values(), *self.cookies.values())


class Dialect(Protocol):
    """How one generation of a remote system speaks. It decides, and never touches the network.

    A client calls `build_login` when a session needs one, `build_request` for every call, `read` on every response and
    `advance` after every success. All methods are pure: the same values (and the same time, where a clock was handed
    in) give the same result, from any task.
    """

    @property
    def name(self) -> str:
        """What the user writes under `dialect`, such as `3.0`."""
        ...

    @property
    def needs_login(self) -> bool:
        """Whether a session starts with a log-in; without one it starts with an empty `SessionState`."""
        ...

    def build_login(self, base_url: str, credential: Credential) -> Request | None:
        """Return the request that opens a session.

        Where sessions need no log-in: one that shows whether the credential is accepted and changes nothing, sent only
        when somebody asks; None where there is no such call.
        """
        ...

    def read_login(self, response: Response) -> SessionState | Answer:
        """Return what the log-in gave, or an answer whose verdict and reason say why it gave nothing."""
        ...

    def build_request(
        self,
        base_url: str,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        state: SessionState,
        credential: Credential,
    ) -> Request:
        """Return the request for one call. Never called for one that is local (`Operation.is_local`).

        Raises:
            PayloadError: The payload cannot be encoded (a value that is no form field, too many fields), or it speaks
                of something the draft does not have.
        """
        ...

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means. Never raises: what cannot be read is a verdict too."""
        ...

    def advance(
        self, operation: Operation, payload: Mapping[str, Any], answer: Answer, state: SessionState
    ) -> SessionState:
        """Return what the session holds after a success; the same state where the remote system keeps the session.

        Args:
            operation: What was called, or what is done without a call where it is local.
            payload: As it was given to `build_request`.
            answer: The success. What was refused never gets here, so it never enters a draft.
            state: What the session held before.

        Raises:
            PayloadError: A local change speaks of something the draft does not have.
        """
        ...


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to a remote system whose answer tells which dialect it speaks.

    Attributes:
        request: What to send. It changes nothing.
        read: Returns the dialect, or the next question where this answer leaves it open, or an answer whose verdict and
            reason say why it cannot be told. Pure.
    """

    request: Request = field(repr=False)
    read: Callable[[Response], Dialect | Probe | Answer]


@dataclass(frozen=True, slots=True)
class Departure:
    """A request that commits, about to leave: from then on only the remote system knows what comes of it.

    Attributes:
        step: Name of the step of the plan that it belongs to.
        entity: Catalog id or route of the request itself; within a composite that of the one call.
        evidence: Copy of the client's memory: the highest id known of each kind (`order_id`), every one of them older
            than what this request makes. Empty where nothing was learnt yet.
    """

    step: str
    entity: str
    evidence: Mapping[str, int]


BeforeCommit: TypeAlias = Callable[[Departure], Awaitable[None]]
"""Awaited ahead of each request that commits; what it raises keeps the request from leaving."""


class Session(Protocol):
    """An exclusive lease of one session with a remote system. One call at a time."""

    async def find_dialect(self) -> str | Answer:
        """Return the name of the dialect that is spoken, such as `3.0`.

        Where finding it out was left to the client (`dialect: auto`), the remote system is asked the first time, by
        one session for all; the others wait. An answer instead of a name says why it could not be told; the next call
        asks again.
        """
        ...

    async def send(
        self,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        *,
        depart: Callable[[], Awaitable[None]] | None = None,
    ) -> Answer:
        """Send one call and return what it came to; transport trouble is a verdict, not an exception.

        A local operation sends nothing: it changes the draft and is answered `ok`.

        Args:
            operation: What to call.
            payload: What to send.
            page: What a page adds to it.
            depart: Awaited when the request itself is about to leave: the session is open, its payload is encoded and
                the rate limit has let it through. What it raises keeps the request from leaving.

        Raises:
            PayloadError: The payload cannot be encoded, or speaks of something the draft lacks; nothing was sent.
        """
        ...

    async def renew(self) -> Answer | None:
        """Throw the session away and log in again. None, or the answer that refused the log-in."""
        ...


class Client(Protocol):
    """Configured access to one remote system."""

    @property
    def name(self) -> str:
        """The client's name in the configuration."""
        ...

    @property
    def dialect(self) -> str:
        """Name of the dialect it speaks, such as `3.0`; `auto` until it has been found out."""
        ...

    @property
    def memory(self) -> dict[str, int]:
        """The highest id seen of each kind (`order_id`), for as long as the process runs: proof of what came later."""
        ...

    @property
    def hearsay(self) -> dict[str, int]:
        """Ids that an earlier process knew, by kind; one of them counts once the remote system is seen to have it."""
        ...

    def lease(
        self, *, is_stateful: bool, observe: Callable[[Exchange], None] | None = None
    ) -> AbstractAsyncContextManager[Session]:
        """Wait for a free session and hold it until the block ends.

        Args:
            is_stateful: Whether any call to come uses what the session holds. A stateful lease starts with an empty
                session; a stateless one may get a session that answered others.
            observe: Called with every exchange of the lease, log-ins included, after it ended.
        """
        ...

    async def log_in(self, *, observe: Callable[[Exchange], None] | None = None) -> Answer | None:
        """Open a session and nothing else, or have the credential looked at where no session is opened.

        Returns:
            None, or the answer that refused it. None as well where nothing can be asked.
        """
        ...

    async def aclose(self) -> None:
        """Close every session and connection. Safe to call twice."""
        ...


class ValueNeeded(Exception):  # noqa: N818 - no error but a question, which whoever runs the steps answers
    """A step asks for a stored value that was not fetched yet. Fetch it, and run the steps again from the first.

    Attributes:
        store: Name of the value store.
        key: Under which the value is kept.
    """

    def __init__(self, store: str, key: str) -> None:
        super().__init__(f"{key} of {store} is needed")
        self.store = store
        self.key = key


class Values(Protocol):
    """The value store as transform steps see it while they shape one record. Synchronous, and touches no database.

    A step finds it in its context under a name no template can write (`connector.transform.step.VALUES`), and calls it
    any number of times, from one thread. The steps of a record may run several times, until all that they ask for is
    known; what earlier runs put counts for nothing. Values are JSON texts, as `connector.record_codec` writes them.
    """

    def get(self, store: str, key: str) -> bytes | None:
        """Return what is kept under a key, what was put in this very run before all else; None where nothing is.

        Raises:
            ValueNeeded: It was not fetched yet.
        """
        ...

    def put(self, store: str, key: str, value: bytes) -> None:
        """Take note of a value to be kept, once the record is sent, in place of what is there."""
        ...
