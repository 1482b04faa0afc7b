"""Sessions of 4.0: found by token for the API, by cookie for everything else."""

import re
from typing import Final

from connector.sandbox.exchange import Cookie
from connector.sandbox.generation_3_0.lifecycle import SESSION_COOKIE, use_token
from connector.sandbox.generation_3_0.login import create_session_id
from connector.sandbox.generation_4_0.arguments import API_TOKEN, SESSION_ID
from connector.sandbox.handling import read_session
from connector.sandbox.php.value import to_bool
from connector.sandbox.shop import column
from connector.sandbox.shop.argument import take_text
from connector.sandbox.shop.visit import Visit

SESSION_LIFETIME_S: Final = 86_400
"""How long a session's data lives after its last use; a token ends sooner."""

_SESSION_ID = re.compile(r"[a-zA-Z0-9,\-]{22,52}\n?\Z")


def open_session(visit: Visit) -> None:
    """Find the session; with a token that is no good there is none, and the shop dies of that a little later.

    Raises:
        PhpFatalError: The token is an array, or the cookie's session id does not look like one.
    """
    route = str(visit.query.get("route", ""))
    token = visit.query.get("api_token")
    if route.startswith("api/") and token is not None:
        row = use_token(visit, take_text(visit, token, API_TOKEN))
        if row is not None:
            _start_session(visit, token)
        return
    sent = visit.cookies.get(SESSION_COOKIE)
    session_id = create_session_id() if sent in {None, ""} else take_text(visit, sent, SESSION_ID)
    _start_session(visit, session_id if to_bool(session_id) else create_session_id())
    visit.cookies_to_set.append(Cookie(SESSION_COOKIE, visit.session_id, SESSION_LIFETIME_S))


def check_session(visit: Visit) -> None:
    """Go on with a session.

    Raises:
        PhpFatalError: There is none.
    """
    if not visit.session_id:
        name = r"Opencart\System\Library\Session::$session_id"
        raise visit.fail("session.id", f"Typed property {name} must not be accessed before initialization", "Error")


def _start_session(visit: Visit, session_id: str) -> None:
    if not _SESSION_ID.match(session_id):
        raise visit.fail("session.invalid", "Error: Invalid session ID!", "Exception")
    read_session(visit, session_id)


def close_session(visit: Visit) -> None:
    """Write the session back; what does not fit its column is cut off, and the session is of no use any more."""
    if visit.session_id:
        data = column.json_text(visit.session)
        visit.shop.sessions.write(visit.session_id, data, visit.shop.clock.now(), SESSION_LIFETIME_S)
