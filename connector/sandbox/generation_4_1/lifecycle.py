"""One request of 4.1 from arrival to answer: session, start-up, gate, call, session written back."""

import re
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from connector.sandbox.exchange import PHP_HTML, Cookie, ShopAnswer, ShopRequest
from connector.sandbox.generation_4_1 import order, subscription, texts
from connector.sandbox.generation_4_1.arguments import SESSION_ID
from connector.sandbox.generation_4_1.call import Call
from connector.sandbox.generation_4_1.gate import pass_gate
from connector.sandbox.generation_4_1.seed import build_seed
from connector.sandbox.generation_4_1.ways import WAYS
from connector.sandbox.handling import (
    StagedHandling,
    Stages,
    StopError,
    answer_home,
    answer_json,
    answer_maintenance,
    answer_not_found,
    build_visit,
    choose_currency,
    pass_web_server,
)
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.text import encode_json
from connector.sandbox.php.value import to_bool, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.argument import take_text, to_text
from connector.sandbox.shop.cart import Cart
from connector.sandbox.shop.customer import restore_customer
from connector.sandbox.shop.seed import Seed
from connector.sandbox.shop.tables import Shop
from connector.sandbox.shop.tax import TaxRates
from connector.sandbox.shop.visit import Visit

SESSION_LIFETIME_S: Final = 24 * 3600
"""How long a session and a guest's cart live after their last use."""

_SESSION_COOKIE = "OCSESSID"
_SESSION_ID = re.compile(r"[a-zA-Z0-9,\-]{22,52}\Z")
_ERROR_PAGE = (("Location", "error.html"),)

_CALLS: Final[MappingProxyType[str, Mapping[str, Call]]] = MappingProxyType(
    {"api/order": order.CALLS, "api/subscription": subscription.CALLS}
)


class Generation41:
    """OpenCart 4.1."""

    name = "4.1"

    def build_seed(self, key: str, ips: tuple[str, ...]) -> Seed:
        """Return the demo shop of the installer with the accounts and codes of ``docs/sandbox.md``."""
        return build_seed(key, ips)

    def begin(self, shop: Shop, request: ShopRequest) -> StagedHandling:
        """Read the session and start the shop up for a request."""
        return StagedHandling(_STAGES, build_visit(shop, request, WAYS))


def _start(visit: Visit) -> None:
    """Start the shop up. What goes wrong here is shown whatever the settings say: they are not in force yet.

    Without a session the request cannot even be ended properly, and the web server makes a 500 of it.
    """
    pass_web_server(visit.request)
    try:
        _check_database(visit)
        _open_session(visit)
        _start_shop(visit)
    except PhpFatalError as error:
        has_session = bool(visit.session_id) or not visit.shop.is_database_up
        raise StopError(_show_error(visit, error, 200 if has_session else 500)) from error


def _check_database(visit: Visit) -> None:
    if not visit.shop.is_database_up:
        message = (
            "Error: Could not make a database link using shop@localhost!"
            "<br/>Message: Access denied for user 'shop'@'localhost' (using password: YES)"
        )
        raise visit.fail("database.link", message, "Exception")


def _open_session(visit: Visit) -> None:
    """Find the session by its cookie; every caller gets one.

    A token left over from an older generation is looked up in a table that this one has not got.
    """
    visit.query["route"] = _read_route(visit) if "route" in visit.query else None
    route = visit.query["route"]
    if route is not None and route.lower().startswith("api/") and visit.query.get("api_token") is not None:
        raise visit.fail("database.failed", "Error: Table 'shop.api_session' doesn't exist", "Exception")
    sent = visit.cookies.get(_SESSION_COOKIE)
    session_id = take_text(visit, sent, SESSION_ID) if to_bool(sent) else secrets.token_hex(13)
    if not _SESSION_ID.match(session_id):
        raise visit.fail("session.invalid", "Error: Invalid session ID!", "Exception")
    visit.session_id = session_id
    stored = visit.shop.sessions.read(session_id, visit.shop.clock.now())
    data = column.read_json(stored) if stored is not None else None
    visit.session = data if isinstance(data, dict) else {}
    visit.cookies_to_set.append(Cookie(_SESSION_COOKIE, session_id))


def _read_route(visit: Visit) -> str:
    """Return the route with the pipe of 4.0 made a dot, which leads nowhere here."""
    return to_text(visit, visit.query["route"], "route.text").replace("|", ".").replace("%7C", "|")


def _start_shop(visit: Visit) -> None:
    visit.store_id = to_int(visit.query.get("store_id"))
    if isinstance(visit.query.get("language"), dict):
        raise visit.fail("language", "Illegal offset type in isset or empty")
    restore_customer(visit)
    visit.customer_group_id = visit.setting("config_customer_group_id")
    if isinstance(customer := visit.session.get("customer"), dict):
        visit.customer_group_id = customer.get("customer_group_id")
    choose_currency(visit)
    visit.taxes = TaxRates(visit)
    now = visit.shop.clock.now()
    visit.shop.cart.purge(now - SESSION_LIFETIME_S, spares_customers=True)
    visit.cart = Cart(visit, visit.store_id)
    if visit.customer_id:
        visit.cart.adopt(now)
    visit.cart.lines()


def _run(visit: Visit) -> ShopAnswer:
    route = visit.query["route"]
    pass_gate(visit, (route or "").lower())
    calls = _CALLS.get((route or "").lower())
    if calls is not None:
        call = calls.get(str(visit.query["call"]))
        return answer_json(visit, {"error": texts.CALL} if call is None else call(visit))
    if to_bool(visit.setting("config_maintenance")) and not (route or "").startswith("api"):
        return answer_maintenance(visit)
    return answer_home(visit) if route in {None, "common/home"} else answer_not_found(visit)


def _close_session(visit: Visit) -> None:
    if visit.session_id:
        data = encode_json(visit.session)
        visit.shop.sessions.write(visit.session_id, data, visit.shop.clock.now(), SESSION_LIFETIME_S)


def _answer_error(visit: Visit, error: PhpFatalError) -> ShopAnswer:
    """Return what comes of an error nothing catches: its text, or where the settings hide it, a page elsewhere."""
    if visit.notices.is_shown:
        return _show_error(visit, error, 200)
    return ShopAnswer(302, PHP_HTML, b"", tuple(visit.cookies_to_set), _ERROR_PAGE)


def _show_error(visit: Visit, error: PhpFatalError, status: int) -> ShopAnswer:
    spot = visit.ways.spots[error.fault]
    body = f"{visit.notices.render()}Error: {error.message}\nFile: {spot.path}\nLine: {spot.line}\n\n"
    return ShopAnswer(status, PHP_HTML, body.encode(), tuple(visit.cookies_to_set))


_STAGES = Stages(_start, _run, _close_session, _answer_error)
