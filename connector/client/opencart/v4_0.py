"""OpenCart 4.0: a log-in of its own (`api/account/login`), `api_token` in the query, then a session as in 3.0.

One dialect speaks to every 4.0: routes are written with a pipe in front of the method (`api/sale/cart|add`), which
4.0.2 and later understand as well as their own point.

Payment methods are chosen by one code up to 4.0.1 (`cod`) and by two since (`cod.cod`). The list that has to be asked
for ahead of the choice says which, so either is sent as it was listed.

A lost session has two faces here, and neither says so: PHP's text about `session_id`, and the shop's 404 page.

Source: observed on 4.0.2.3, and on 4.0.1.1 where it differs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from connector.client.opencart.login import read_token
from connector.client.opencart.methods import find_code, index_methods
from connector.client.opencart.verdict import Signs, read_answer
from connector.client.opencart.wire import STORE, build_call, build_post, find_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.interfaces import Credential, SessionState
    from connector.request import Answer, Operation, PageInput, Request, Response

TOKEN: Final = "api_token"  # noqa: S105  the parameter's name

SIGNS: Final = Signs(generation="4.0", login_route="api/account/login", has_lost_page=True, hides_errors=True)

_CHOICE: Final = "payment_method"
_LIST: Final = "payment_methods"


class OpenCart40:
    """How OpenCart 4.0 speaks. Implements `connector.interfaces.Dialect`."""

    def __init__(
        self,
        *,
        store_id: int = 0,
        language: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare.

        Args:
            store_id: The store that calls are made for; 0, the first one, is not sent. One that the shop does not have
                empties the cart.
            language: Code of the language, such as `en-gb`, or None for the shop's own. One that the shop does not have
                empties the cart.
            now: The clock, aware; only a `Retry-After` that names a date needs it.
        """
        self._scope = ({STORE: str(store_id)} if store_id else {}) | ({"language": language} if language else {})
        self._now = now

    def __repr__(self) -> str:
        return "OpenCart40()"

    @property
    def name(self) -> str:
        """What the user writes under `dialect`."""
        return "4.0"

    @property
    def needs_login(self) -> bool:
        """Every session starts with a log-in."""
        return True

    def build_login(self, base_url: str, credential: Credential) -> Request:
        """Return the request that opens a session."""
        form = (("username", credential.username), ("key", credential.key))
        return build_post(find_endpoint(base_url), {"route": SIGNS.login_route}, form)

    def read_login(self, response: Response) -> SessionState | Answer:
        """Return the token, or an answer whose reason says why there is none; the cookies are another session's."""
        return read_token(response, SIGNS, self._now, token=TOKEN)

    def build_request(
        self,
        base_url: str,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        state: SessionState,
        credential: Credential,
    ) -> Request:
        """Return the request for one call: POST, payload as form, `route` and token in the query.

        Raises:
            PayloadError: See `connector.client.opencart.wire.build_call`.
        """
        del credential  # the token is the whole credential from the log-in on
        chosen, listed = payload.get(_CHOICE), state.draft
        if isinstance(chosen, str) and isinstance(listed, frozenset):
            payload = {**payload, _CHOICE: find_code(chosen, listed) or chosen}
        return build_call(base_url, operation, payload, page, state, scope=self._scope)

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means; `connector.client.opencart.verdict` has the rules. Never raises."""
        return read_answer(operation, response, self._now, SIGNS)

    def advance(
        self, operation: Operation, payload: Mapping[str, Any], answer: Answer, state: SessionState
    ) -> SessionState:
        """Return the state with the codes of the payment methods that were listed; the shop keeps all else."""
        del operation, payload
        if not isinstance(answer.value, dict) or _LIST not in answer.value:
            return state
        return replace(state, draft=frozenset(index_methods(answer.value[_LIST])))
