"""One request of 3.0 from arrival to answer: session, start-up, route, notices, session written back."""

import re
from typing import Any

from connector.sandbox.exchange import PHP_HTML, Cookie, ShopAnswer, ShopRequest
from connector.sandbox.generation_3_0.login import create_session_id
from connector.sandbox.generation_3_0.router import HOME, ROUTES, Routes, find_controller
from connector.sandbox.generation_3_0.ways import WAYS
from connector.sandbox.handling import (
    MONTH_S,
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
    read_cookies,
    read_session,
)
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.value import describe_type, to_bool, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.cart import Cart
from connector.sandbox.shop.customer import restore_customer
from connector.sandbox.shop.seed import Seed, build_users
from connector.sandbox.shop.tables import CART_LIFETIME_S, TOKEN_LIFETIME_S, Shop, TokenRow
from connector.sandbox.shop.tax import TaxRates
from connector.sandbox.shop.visit import Visit

SESSION_COOKIE = "OCSESSID"
_SESSION_ID = re.compile(r"[a-zA-Z0-9,\-]{22,52}\Z")
_LANGUAGE = "en-gb"


class Generation30:
    """OpenCart 3.0."""

    name = "3.0"

    def build_seed(self, key: str, ips: tuple[str, ...]) -> Seed:
        """Return the demo shop of the installer with the accounts and codes of ``docs/sandbox.md``."""
        return Seed(build_users(key, ips))

    def begin(self, shop: Shop, request: ShopRequest) -> StagedHandling:
        """Read the session and start the shop up for a request."""
        return StagedHandling(_STAGES, build_visit(shop, request, WAYS))


def _start(visit: Visit) -> None:
    pass_web_server(visit.request)
    check_database(visit)
    _open_session(visit)
    start_shop(visit)


def check_database(visit: Visit) -> None:
    """Go on while the database answers.

    Raises:
        PhpFatalError: It does not.
    """
    if not visit.shop.is_database_up:
        message = "Error: Could not make a database link using shop@localhost!"
        raise visit.fail("database.link", message, "Exception")


def _open_session(visit: Visit) -> None:
    """Find the session: by token for API routes that carry one, by cookie for everything else.

    With a token that is unknown, expired, of a user switched off or from an address not permitted there is no session
    at all; without a token every caller gets one.
    """
    token = read_token(visit, "api_token")
    if token is None:
        _open_cookie_session(visit)
    elif row := use_token(visit, token):
        read_session(visit, row.token)


def read_token(visit: Visit, parameter: str) -> Any:
    """Return the token of an API route, None when the request has none or is for another route.

    Args:
        visit: The request.
        parameter: The name of the query parameter that carries it.

    Raises:
        PhpFatalError: The route is an array.
    """
    token, route = visit.query.get(parameter), visit.query.get("route")
    if token is None or route is None:
        return None
    check_route(visit, route, "route.session")
    return token if route.startswith("api/") else None


def use_token(visit: Visit, token: Any) -> TokenRow | None:
    """Return a token's row and note its use; None when it is unknown, expired, or not for this caller."""
    now = visit.shop.clock.now()
    visit.shop.tokens.purge(now - TOKEN_LIFETIME_S)
    row = visit.shop.tokens.find(visit.charset.text(token))
    user = next((user for user in visit.shop.users if row and user.api_id == row.api_id and user.is_enabled), None)
    if row is None or user is None or visit.request.ip not in user.ips:
        return None
    visit.shop.tokens.touch(row, now)
    return row


def check_route(visit: Visit, route: Any, fault: str) -> None:
    """Go on with a route that is text.

    Raises:
        PhpFatalError: It is an array.
    """
    if not isinstance(route, str):
        kind = describe_type(route)
        raise visit.fail(fault, f"substr(): Argument #1 ($string) must be of type string, {kind} given")


def _open_cookie_session(visit: Visit) -> None:
    session_id = read_cookies(visit.request).get(SESSION_COOKIE) or create_session_id()
    check_session_id(session_id)
    read_session(visit, session_id)
    visit.cookies_to_set.append(Cookie(SESSION_COOKIE, session_id))


def check_session_id(session_id: Any) -> None:
    """Go on with a session id that looks like one.

    Raises:
        StopError: It does not.
    """
    if not isinstance(session_id, str) or not _SESSION_ID.match(session_id):
        raise StopError(ShopAnswer(200, PHP_HTML, b"Error: Invalid session ID!"))


def _close_session(visit: Visit) -> None:
    if visit.session_id:
        visit.shop.sessions.write(visit.session_id, column.json_text(visit.session), visit.shop.clock.now())


def start_shop(visit: Visit) -> None:
    """Start the shop up for a session: language, customer, currency, taxes, cart."""
    visit.store_id = to_int(visit.query.get("store_id"))
    visit.session["language"] = _LANGUAGE
    if visit.cookies.get("language") != _LANGUAGE:
        visit.cookies_to_set.append(Cookie("language", _LANGUAGE, MONTH_S))
    restore_customer(visit)
    choose_currency(visit)
    visit.taxes = TaxRates(visit)
    visit.shop.cart.purge(visit.shop.clock.now() - CART_LIFETIME_S)
    visit.cart = Cart(visit, to_int(visit.session.get("api_id")))


def run_route(visit: Visit, routes: Routes) -> ShopAnswer:
    """Return the answer of whatever the request's route leads to.

    Args:
        visit: The request.
        routes: What answers.
    """
    route = visit.query.get("route", HOME)
    is_closed = to_bool(visit.setting("config_maintenance"))
    if is_closed:
        check_route(visit, route, "route.maintenance")
    route = route if isinstance(route, str) else "Array"
    if is_closed and not route.startswith("api"):
        return answer_maintenance(visit)
    controller = find_controller(routes, route)
    if controller is not None:
        return answer_json(visit, controller(visit))
    return answer_home(visit) if route == HOME else answer_not_found(visit)


def answer_error(visit: Visit, error: PhpFatalError) -> ShopAnswer:
    """Return what comes of an error nothing catches: nothing under a 500, or PHP's own words under a 200."""
    if error.warning is not None:
        visit.warn(*error.warning)
    is_shown = visit.shop.php.display_errors
    body = visit.notices.render() + (error.render(visit.ways.spots[error.fault]) if is_shown else "")
    return ShopAnswer(200 if is_shown else 500, PHP_HTML, body.encode(), tuple(visit.cookies_to_set))


_STAGES = Stages(_start, lambda visit: run_route(visit, ROUTES), _close_session, answer_error)
