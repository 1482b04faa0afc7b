"""How the generations with sessions speak, 2.0 to 4.0: a log-in gives a token, and every call is a form under it.

What each of them does in its own way stands in its `Traits`: `v2_3`, `v3_0` and `v4_0` have one each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connector.client.opencart.login import read_login
from connector.client.opencart.verdict import Signs, read_answer
from connector.client.opencart.wire import STORE, Form, build_call, build_post, find_endpoint
from connector.frozen import dataclass
from connector.interfaces import SessionState
from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.interfaces import Credential
    from connector.request import Answer, Operation, PageInput, Request, Response


def name_user(credential: Credential) -> Form:
    """Return the fields of a log-in with username and key."""
    return (("username", credential.username), ("key", credential.key))


def _keep_payload(payload: Mapping[str, Any], _state: SessionState) -> Mapping[str, Any]:
    return payload


def _keep_state(_answer: Answer, state: SessionState) -> SessionState:
    return state


@dataclass(frozen=True, slots=True)
class Traits:
    """What one generation does in its own way.

    Attributes:
        signs: What tells its answers from those of the others; its name among them.
        token: Name of the token, in the log-in's answer as in the query of every call.
        login_form: Returns the fields of a log-in.
        gives: What a log-in may give in place of the token.
        open_session: Returns the session that a successful log-in opened, or an answer whose reason says why there is
            none. None where the token is all there is to it.
        prepare: Returns the payload of a call as it goes out, by what the session holds on this side.
        remember: Returns what the session holds on this side after a success; the shop keeps all else.
    """

    signs: Signs
    token: str
    login_form: Callable[[Credential], Form] = name_user
    gives: tuple[str, ...] = ()
    open_session: Callable[[Answer, Response], SessionState | Answer] | None = None
    prepare: Callable[[Mapping[str, Any], SessionState], Mapping[str, Any]] = _keep_payload
    remember: Callable[[Answer, SessionState], SessionState] = _keep_state


class SessionDialect:
    """How one generation with sessions speaks. Implements `connector.interfaces.Dialect`."""

    def __init__(
        self,
        traits: Traits,
        *,
        store_id: int = 0,
        language: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare.

        Args:
            traits: Those of the generation.
            store_id: The store that calls are made for; 0, the first one, is not sent. One that the shop does not have
                empties the cart of 4.0.
            language: Code of the language, such as `en-gb`, or None for the shop's own; read by 4.0 alone. One that the
                shop does not have empties the cart.
            now: The clock, aware; only a `Retry-After` that names a date needs it.
        """
        self._traits = traits
        self._scope = ({STORE: str(store_id)} if store_id else {}) | ({"language": language} if language else {})
        self._now = now

    def __repr__(self) -> str:
        return f"SessionDialect({self.name!r})"

    @property
    def name(self) -> str:
        """What the user writes under `dialect`."""
        return self._traits.signs.generation

    @property
    def needs_login(self) -> bool:
        """Every session starts with a log-in."""
        return True

    def build_login(self, base_url: str, credential: Credential) -> Request:
        """Return the request that opens a session."""
        route = self._traits.signs.login_route
        return build_post(find_endpoint(base_url), {"route": route}, self._traits.login_form(credential))

    def read_login(self, response: Response) -> SessionState | Answer:
        """Return what the log-in gave, or an answer whose reason says why it gave nothing."""
        traits = self._traits
        answer = read_login(response, traits.signs, self._now, traits.token, *traits.gives)
        if answer.verdict is not Verdict.OK:
            return answer
        if traits.open_session is not None:
            return traits.open_session(answer, response)
        return SessionState(query={traits.token: answer.value[traits.token]})

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
        del credential  # what the log-in gave is the whole credential from then on
        payload = self._traits.prepare(payload, state)
        return build_call(base_url, operation, payload, page, state, scope=self._scope)

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means; `connector.client.opencart.verdict` has the rules. Never raises."""
        return read_answer(operation, response, self._now, self._traits.signs)

    def advance(
        self, operation: Operation, payload: Mapping[str, Any], answer: Answer, state: SessionState
    ) -> SessionState:
        """Return the state with what there is to remember; the shop keeps the session."""
        del operation, payload
        return self._traits.remember(answer, state)
