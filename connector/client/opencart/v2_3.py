"""OpenCart 2.0 to 2.3: log in with the key, `token` in the query, and the log-in's own cookie with every call.

The token alone is refused: the session lives in the PHP session that the log-in began, and its cookie says which that
is. Every log-in begins one of its own, so two sessions never share one.

2.0 logs in with username and password (the key), gives no token, and knows the session by its cookie alone. It is
spoken to in the same words: a log-in names user, password and key, and either answer is understood.

Source: observed on 2.3.0.2; 2.1 and 2.2 do the same by their source, 2.0 is read from its source alone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from connector.client.opencart.login import read_login
from connector.client.opencart.verdict import Signs, read_answer
from connector.client.opencart.wire import STORE, build_call, build_post, find_endpoint
from connector.interfaces import SessionState
from connector.request import Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.interfaces import Credential
    from connector.request import Operation, PageInput, Request, Response

TOKEN: Final = "token"  # noqa: S105  the parameter's name

SIGNS: Final = Signs(generation="2.3", login_route="api/login", has_api_words=True)

_PHP_COOKIE: Final = "PHPSESSID"
"""PHP's own name for the cookie of its session; a server may call it otherwise."""

_NOT_SENT_BACK: Final = frozenset({"default", "api", "language", "currency"})
"""Cookies of the shop that a call does not need: those of its storefront, and choices that the session holds itself.
Any other goes back: the session's, under whatever name, and that of a load balancer, which leads to the machine that
has the session's file."""


class OpenCart23:
    """How OpenCart 2.0 to 2.3 speaks. Implements `connector.interfaces.Dialect`."""

    def __init__(self, *, store_id: int = 0, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Prepare.

        Args:
            store_id: The store that calls are made for; 0, the first one, is not sent.
            now: The clock, aware; only a `Retry-After` that names a date needs it.
        """
        self._scope = {STORE: str(store_id)} if store_id else {}
        self._now = now

    def __repr__(self) -> str:
        return "OpenCart23()"

    @property
    def name(self) -> str:
        """What the user writes under `dialect`."""
        return "2.3"

    @property
    def needs_login(self) -> bool:
        """Every session starts with a log-in."""
        return True

    def build_login(self, base_url: str, credential: Credential) -> Request:
        """Return the request that opens a session; 2.1 to 2.3 read the key alone, 2.0 the other two."""
        form = (("username", credential.username), ("password", credential.key), ("key", credential.key))
        return build_post(find_endpoint(base_url), {"route": SIGNS.login_route}, form)

    def read_login(self, response: Response) -> SessionState | Answer:
        """Return token and cookies, or an answer whose reason says why there are none."""
        answer = read_login(response, SIGNS, self._now, TOKEN, "cookie")
        if answer.verdict is not Verdict.OK:
            return answer
        cookies = {name: value for name, value in response.cookies.items() if name not in _NOT_SENT_BACK}
        token = answer.value.get(TOKEN)
        if token is None:
            session_id = answer.value["cookie"]
            name = next((name for name, value in cookies.items() if value == session_id), _PHP_COOKIE)
            return SessionState(cookies=cookies | {name: session_id})
        if not cookies:
            return replace(
                answer,
                verdict=Verdict.FAULT,
                reason="the log-in gave a token and no cookie, and the shop refuses the one without the other",
                cure="see that nothing between this machine and the shop takes Set-Cookie out of its answers",
            )
        return SessionState(query={TOKEN: token}, cookies=cookies)

    def build_request(
        self,
        base_url: str,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        state: SessionState,
        credential: Credential,
    ) -> Request:
        """Return the request for one call: POST, payload as form, `route` and token in the query, cookies.

        Raises:
            PayloadError: See `connector.client.opencart.wire.build_call`.
        """
        del credential  # token and cookie are the whole credential from the log-in on
        return build_call(base_url, operation, payload, page, state, scope=self._scope)

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means; `connector.client.opencart.verdict` has the rules. Never raises."""
        return read_answer(operation, response, self._now, SIGNS)

    def advance(
        self, operation: Operation, payload: Mapping[str, Any], answer: Answer, state: SessionState
    ) -> SessionState:
        """Return the same state: the shop keeps the session."""
        del operation, payload, answer
        return state
