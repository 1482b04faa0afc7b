"""Sessions of 2.3: several of the shop's inside the one that PHP keeps for a browser.

PHP knows a browser by the cookie ``PHPSESSID``. In what it keeps for it, the shop files its own sessions by their ids:
one for the storefront, whose id is in the cookie ``default``, and one more for each log-in to the API.
"""

from connector.sandbox.exchange import Cookie
from connector.sandbox.generation_3_0.lifecycle import check_session_id
from connector.sandbox.generation_3_0.login import create_session_id
from connector.sandbox.handling import read_cookies
from connector.sandbox.php.text import decode_json, encode_json
from connector.sandbox.shop.visit import Visit

_BROWSER_COOKIE = "PHPSESSID"


def open_browser_session(visit: Visit) -> None:
    """Find what PHP keeps for the browser, or begin it anew; PHP takes any id that looks like one.

    Raises:
        StopError: The id sent does not look like one.
    """
    sent = read_cookies(visit.request).get(_BROWSER_COOKIE)
    if sent is None:
        visit.browser_id = create_session_id()
        visit.cookies_to_set.append(Cookie(_BROWSER_COOKIE, visit.browser_id))
    else:
        check_session_id(sent)
        visit.browser_id = sent
    stored = visit.shop.sessions.read(visit.browser_id, visit.shop.clock.now())
    kept = decode_json(stored) if stored is not None else None
    visit.browser_sessions = kept if isinstance(kept, dict) else {}


def start_session(visit: Visit, name: str, session_id: str | None = None) -> None:
    """Go on in one of the shop's sessions, and tell the browser so.

    Args:
        visit: The request.
        name: The cookie that carries the session's id.
        session_id: Which; None for the one the cookie names, or a new one.
    """
    if session_id is None:
        sent = read_cookies(visit.request).get(name)
        session_id = sent if isinstance(sent, str) and sent else create_session_id()
    visit.session_id = session_id
    visit.session = visit.browser_sessions.setdefault(session_id, {})
    visit.cookies_to_set.append(Cookie(name, session_id))


def close_browser_session(visit: Visit) -> None:
    """Write back what PHP keeps for the browser, if it got to know one."""
    if visit.browser_id:
        visit.shop.sessions.write(visit.browser_id, encode_json(visit.browser_sessions), visit.shop.clock.now())
