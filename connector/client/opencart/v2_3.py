"""OpenCart 2.0 to 2.3: log in with the key, `token` in the query, and the log-in's own cookie with every call.

The token alone is refused: the session lives in the PHP session that the log-in began, and its cookie says which that
is. Every log-in begins one of its own, so two sessions never share one.

2.0 logs in with username and password (the key), gives no token, and knows the session by its cookie alone. It is
spoken to in the same words: a log-in names user, password and key, and either answer is understood.

Source: observed on 2.3.0.2; 2.1 and 2.2 do the same by their source, 2.0 is read from its source alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connector.client.opencart.sessions import Traits
from connector.client.opencart.verdict import Signs
from connector.interfaces import SessionState
from connector.request import Verdict

if TYPE_CHECKING:
    from connector.client.opencart.wire import Form
    from connector.interfaces import Credential
    from connector.request import Answer, Response

_TOKEN: Final = "token"  # noqa: S105  the parameter's name
_COOKIE: Final = "cookie"
"""What 2.0 gives in place of a token: the id of its session."""

_PHP_COOKIE: Final = "PHPSESSID"
"""PHP's own name for the cookie of its session; a server may call it otherwise."""

_NOT_SENT_BACK: Final = frozenset({"default", "api", "language", "currency"})
"""Cookies of the shop that a call does not need: those of its storefront, and choices that the session holds itself.
Any other goes back: the session's, under whatever name, and that of a load balancer, which leads to the machine that
has the session's file."""


def _name_user(credential: Credential) -> Form:
    """Return the fields of a log-in; 2.1 to 2.3 read the key alone, 2.0 the other two."""
    return (("username", credential.username), ("password", credential.key), ("key", credential.key))


def _open_session(answer: Answer, response: Response) -> SessionState | Answer:
    """Return token and cookies, or an answer whose reason says why there are none."""
    cookies = {name: value for name, value in response.cookies.items() if name not in _NOT_SENT_BACK}
    token = answer.value.get(_TOKEN)
    if token is None:
        session_id = answer.value[_COOKIE]
        name = next((name for name, value in cookies.items() if value == session_id), _PHP_COOKIE)
        return SessionState(cookies=cookies | {name: session_id})
    if not cookies:
        return replace(
            answer,
            verdict=Verdict.FAULT,
            reason="the log-in gave a token and no cookie, and the shop refuses the one without the other",
            cure="see that nothing between this machine and the shop takes Set-Cookie out of its answers",
        )
    return SessionState(query={_TOKEN: token}, cookies=cookies)


TRAITS: Final = Traits(
    signs=Signs(generation="2.3", login_route="api/login", has_api_words=True),
    token=_TOKEN,
    login_form=_name_user,
    gives=(_COOKIE,),
    open_session=_open_session,
)
"""What 2.0 to 2.3 do in their own way."""
