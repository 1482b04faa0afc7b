"""Protocols between the floors: what a dialect, a session and a client are to those who use them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from connector.request import Answer, Exchange, Operation, PageInput, Request, Response


@dataclass(frozen=True, slots=True)
class Credential:
    """Who calls. The key never shows in `repr`."""

    username: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionState:
    """What a log-in gave, to be attached to every further request. Never shows in `repr`.

    Attributes:
        query: Parameters such as `api_token`.
        headers: Headers such as `authorization`.
        cookies: Cookies to send back.
    """

    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that may stand in no log."""
        return (*self.query.values(), *self.headers.values(), *self.cookies.values())


class Dialect(Protocol):
    """How one generation of a remote system speaks. It decides, and never touches the network.

    A client calls `build_login` when a session needs one, `build_request` for every call and `read` on every
    response. All methods are pure: the same values give the same result, from any task.
    """

    @property
    def name(self) -> str:
        """What the user writes under `dialect`, such as `3.0`."""
        ...

    @property
    def needs_login(self) -> bool:
        """Whether a session starts with a log-in; without one, `SessionState` stays empty."""
        ...

    def build_login(self, base_url: str, credential: Credential) -> Request:
        """Return the request that opens a session."""
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
        """Return the request for one call.

        Raises:
            PayloadError: The payload cannot be encoded (a value that is no form field, too many fields).
        """
        ...

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means. Never raises: what cannot be read is a verdict too."""
        ...


class Session(Protocol):
    """An exclusive lease of one session with a remote system. One call at a time."""

    async def send(self, operation: Operation, payload: Mapping[str, Any], page: PageInput) -> Answer:
        """Send one call and return what it came to; transport trouble is a verdict, not an exception.

        Raises:
            PayloadError: The payload cannot be encoded; nothing was sent.
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
        """Name of the dialect it speaks, such as `3.0`."""
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
        """Open a session and nothing else. None, or the answer that refused it."""
        ...

    async def aclose(self) -> None:
        """Close every session and connection. Safe to call twice."""
        ...
