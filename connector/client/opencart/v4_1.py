"""OpenCart 4.1: no log-in and no session; every call is signed, and carries the whole order so far.

One route, `api/order`, and a `call` that says what is asked. A call only checks its fields: what it accepts enters the
draft (`connector.client.opencart.draft`), and the next call sends all of it. Cookies are never sent back, or the shop
would pile up the carts of earlier calls; the one that is sent is `currency`, which chooses the currency of an order.

Source: observed on 4.1.0.4, and on 4.1.0.3 where it differs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from connector.client.opencart.advice import list_refusal_causes
from connector.client.opencart.draft import Draft
from connector.client.opencart.signature import sign
from connector.client.opencart.verdict import Signs, join_errors, read_answer
from connector.client.opencart.wire import STORE, build_form, build_post, build_query, find_endpoint
from connector.interfaces import SessionState
from connector.request import Answer, Effect, FieldError, Operation, PageInput, Repeat, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.interfaces import Credential
    from connector.request import Request, Response

SIGNS: Final = Signs(generation="4.1", hides_errors=True)

LANGUAGE: Final = "en-gb"
"""Of a shop as installed. One that the shop does not have is taken for its own."""

_PROOF: Final = Operation(
    entity="session.login",
    title="Session - Check the credential",
    route="api/order",
    effect=Effect.READ,
    repeat=Repeat.SAFE,
    success_keys=("success",),
    query=(("call", "affiliate"),),
    is_stateful=False,
)
"""The call that does least: it takes an affiliate out of a session that ends with it."""

_TOO_MANY: Final = (
    "every call carries the whole order, and one that is cut off is refused, as its signature fits no more; have the "
    "shop's max_input_vars raised, or split the order"
)
_PREFIXED: Final = {"payment_address": "payment_", "shipping_address": "shipping_"}
"""By part of the draft: what stands in front of its fields on the wire, and in the shop's errors."""


class OpenCart41:
    """How OpenCart 4.1 speaks. Implements `connector.interfaces.Dialect`."""

    def __init__(
        self,
        *,
        host: str,
        path: str,
        store_id: int = 0,
        language: str = LANGUAGE,
        currency: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare.

        Args:
            host: What the shop's PHP sees as `Host`, with the port where there is one; it is signed.
            path: Folder of index.php as the shop's PHP sees it, with a slash at both ends; it is signed.
            store_id: The store that calls are made for.
            language: Code of the language.
            currency: Code of the currency that orders are made in; empty for the shop's own. One that is chosen in a
                session (`currency.set`) goes before.
            now: The clock, aware; the time is signed.
        """
        self._host = host
        self._path = path
        self._store_id = store_id
        self._language = language
        self._currency = currency
        self._now = now

    def __repr__(self) -> str:
        return f"OpenCart41(host={self._host!r}, path={self._path!r})"

    @property
    def name(self) -> str:
        """What the user writes under `dialect`."""
        return "4.1"

    @property
    def needs_login(self) -> bool:
        """There is no log-in; the key signs every call."""
        return False

    def build_login(self, base_url: str, credential: Credential) -> Request:
        """Return a signed call that changes nothing: its answer tells whether user, key, address and clock are fine."""
        return self.build_request(base_url, _PROOF, {}, PageInput(), SessionState(), credential)

    def read_login(self, response: Response) -> SessionState | Answer:
        """Return an empty state where the call of `build_login` was let through, else why it was not."""
        answer = self.read(_PROOF, response)
        return SessionState() if answer.verdict.is_success else answer

    def build_request(
        self,
        base_url: str,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        state: SessionState,
        credential: Credential,
    ) -> Request:
        """Return the request for one call: a POST of the draft and the call's own fields, signed.

        Raises:
            PayloadError: See `connector.client.opencart.wire.build_call`, or a method is chosen that was not listed.
        """
        draft = _draft_of(state)
        fields = draft.fill(operation, payload) if operation.is_stateful else payload
        form = build_form(operation, fields, page, too_many=_TOO_MANY)
        currency = draft.currency or self._currency
        url, query = build_query(base_url, operation, payload, page)
        query |= dict(page.query)
        query.setdefault("call", "")
        time = int(self._now().timestamp())
        signature = sign(
            form,
            key=credential.key,
            route=query["route"],
            call=query["call"],
            username=credential.username,
            host=self._host,
            path=self._path,
            store_id=self._store_id,
            language=self._language,
            currency=currency,
            time=time,
        )
        query |= {
            "username": credential.username,
            STORE: str(self._store_id),
            "language": self._language,
            "currency": currency,
            "time": str(time),
            "signature": signature,
        }
        cookies = {"currency": currency} if currency else {}
        return build_post(url, query, form, headers=page.headers, cookies=cookies)

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means; `connector.client.opencart.verdict` has the rules. Never raises.

        A call that would change the draft and is objected to counts as refused, also where the cart stands beside it.
        """
        answer = read_answer(operation, response, self._now, SIGNS)
        if answer.verdict is Verdict.DENIED and isinstance(answer.value, dict):
            return self._explain_refusal(answer, response)
        if operation.draft is None or not answer.errors or answer.verdict not in {Verdict.OK, Verdict.REJECTED}:
            return answer
        prefix = _PREFIXED.get(operation.draft, "")
        errors = tuple(_shorten(error, prefix) for error in answer.errors)
        reason = f"the shop refuses it: {join_errors(errors)}"
        return replace(answer, verdict=Verdict.REJECTED, errors=errors, reason=reason)

    def advance(
        self, operation: Operation, payload: Mapping[str, Any], answer: Answer, state: SessionState
    ) -> SessionState:
        """Return the state with the draft that a success makes.

        Raises:
            PayloadError: A local change speaks of a line that is not in the cart.
        """
        if not operation.is_stateful:
            return state
        return replace(state, draft=_draft_of(state).advance(operation, payload, answer.value))

    def _explain_refusal(self, answer: Answer, response: Response) -> Answer:
        """Return the shop's one refusal with its causes, most likely first; the shop names none."""
        causes = list_refusal_causes(self._host, self._path, _find_skew_s(response, self._now()))
        return replace(
            answer,
            reason="the shop refuses the user, key, address, host or time of the call, and does not say which",
            cure="; ".join(f"({number}) {cause}" for number, cause in enumerate(causes, 1)),
        )


def find_folder(base_url: str) -> str:
    """Return the folder of index.php as PHP sees it, with a slash at both ends: `/`, `/shop/`."""
    return unquote(urlsplit(find_endpoint(base_url)).path.removesuffix("index.php"))


def _draft_of(state: SessionState) -> Draft:
    return state.draft if isinstance(state.draft, Draft) else Draft()


def _shorten(error: FieldError, prefix: str) -> FieldError:
    return replace(error, field=error.field.removeprefix(prefix)) if error.field else error


def _find_skew_s(response: Response, now: datetime) -> int | None:
    """Return by how many seconds the shop's clock is ahead of ours, by the `Date` of an answer; None without one."""
    try:
        at = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, IndexError, OverflowError):
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp())
