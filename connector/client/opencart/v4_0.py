"""OpenCart 4.0: a log-in of its own (`api/account/login`), `api_token` in the query, then a session as in 3.0.

One dialect speaks to every 4.0: routes are written with a pipe in front of the method (`api/sale/cart|add`), which
4.0.2 and later understand as well as their own point.

Payment methods are chosen by one code up to 4.0.1 (`cod`) and by two since (`cod.cod`). The list that has to be asked
for ahead of the choice says which, so either is sent as it was listed.

A lost session has two faces here, and neither says so: PHP's text about `session_id`, and the shop's 404 page. The
cookies of a log-in are another session's, and never go back.

Source: observed on 4.0.2.3, and on 4.0.1.1 where it differs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connector.client.opencart.methods import find_code, index_methods
from connector.client.opencart.sessions import Traits
from connector.client.opencart.verdict import Signs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.interfaces import SessionState
    from connector.request import Answer

_CHOICE: Final = "payment_method"
_LIST: Final = "payment_methods"


def _write_choice(payload: Mapping[str, Any], state: SessionState) -> Mapping[str, Any]:
    """Return the payload with the payment method under the code by which the shop listed it."""
    chosen, listed = payload.get(_CHOICE), state.draft
    if isinstance(chosen, str) and isinstance(listed, frozenset):
        return {**payload, _CHOICE: find_code(chosen, listed) or chosen}
    return payload


def _remember_list(answer: Answer, state: SessionState) -> SessionState:
    """Return the state with the codes of the payment methods that were listed."""
    if not isinstance(answer.value, dict) or _LIST not in answer.value:
        return state
    return replace(state, draft=frozenset(index_methods(answer.value[_LIST])))


SIGNS: Final = Signs(generation="4.0", login_route="api/account/login", has_lost_page=True, hides_errors=True)

TRAITS: Final = Traits(
    signs=SIGNS,
    token="api_token",  # noqa: S106  the parameter's name
    prepare=_write_choice,
    remember=_remember_list,
)
"""What 4.0 does in its own way."""
