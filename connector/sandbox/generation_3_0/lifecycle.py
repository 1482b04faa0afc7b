"""One request from arrival to answer: session, start-up, route, notices, session written back."""

import re
from http import HTTPStatus
from typing import Any

from connector.sandbox.exchange import HTML, JSON, PHP_HTML, Cookie, ShopAnswer, ShopRequest
from connector.sandbox.generation_3_0.login import create_session_id
from connector.sandbox.generation_3_0.router import HOME, find_controller
from connector.sandbox.generation_3_0.spots import SPOTS
from connector.sandbox.pages import render_page, render_server_page
from connector.sandbox.php.form import parse_body, parse_cookies, parse_query
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.text import clean, encode_json
from connector.sandbox.php.value import PhpArray, describe_type, to_bool, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.cart import Cart
from connector.sandbox.shop.currency import Currencies
from connector.sandbox.shop.customer import restore_customer
from connector.sandbox.shop.seed import Seed, build_users
from connector.sandbox.shop.tables import TOKEN_LIFETIME_S, Shop
from connector.sandbox.shop.tax import TaxRates
from connector.sandbox.shop.visit import Visit

SESSION_COOKIE = "OCSESSID"
_SESSION_ID = re.compile(r"[a-zA-Z0-9,\-]{22,52}\Z")
_MONTH_S = 30 * 24 * 3600
_LANGUAGE = "en-gb"
_ENTRY_POINTS = frozenset({"/", "/index.php"})
_FOLDER_METHODS = frozenset({"GET", "HEAD", "POST"})


class Generation30:
    """OpenCart 3.0."""

    name = "3.0"

    def build_seed(self, key: str, ips: tuple[str, ...]) -> Seed:
        """Return the demo shop of the installer with the accounts and codes of ``docs/sandbox.md``."""
        return Seed(build_users(key, ips))

    def begin(self, shop: Shop, request: ShopRequest) -> "Handling30":
        """Read the session and start the shop up for a request."""
        return Handling30(shop, request)


class _StopError(Exception):
    """The request is answered already."""

    def __init__(self, answer: ShopAnswer) -> None:
        super().__init__()
        self.answer = answer


class Handling30:
    """One request on its way.

    Args:
        shop: The tables.
        request: What was sent.
    """

    def __init__(self, shop: Shop, request: ShopRequest) -> None:
        self._shop = shop
        self._visit = Visit(
            shop,
            request,
            SPOTS,
            clean(parse_query(request.query)),
            clean(parse_body(request.header("content-type"), request.body) if request.method == "POST" else {}),
            clean(parse_cookies(request.header("cookie").encode("utf-8", "surrogateescape"))),
        )
        self._answer: ShopAnswer | None = None
        self._attempt(self._start)

    def finish(self) -> ShopAnswer:
        """Answer the request and write its session back, also when it ended in an error."""
        if self._answer is None:
            self._attempt(self._run)
        self._close_session()
        assert self._answer is not None  # `_run` answers or raises, and `_attempt` answers what it raises
        return self._answer

    def _attempt(self, step: Any) -> None:
        try:
            step()
        except _StopError as stop:
            self._answer = stop.answer
        except PhpFatalError as error:
            self._answer = self._answer_fatal(error)

    def _start(self) -> None:
        self._pass_web_server()
        if not self._shop.is_database_up:
            raise self._visit.fail(
                "database.link", "Error: Could not make a database link using shop@localhost!", "Exception"
            )
        self._open_session()
        self._start_shop()

    def _pass_web_server(self) -> None:
        """Let requests for the shop through; the web server answers those for anything else itself.

        It takes doubled slashes for one, and leads from the folder to the shop only what a browser would send.
        """
        path = re.sub("/{2,}", "/", self._visit.request.path)
        status = None if path in _ENTRY_POINTS else HTTPStatus.NOT_FOUND
        if path == "/" and self._visit.request.method not in _FOLDER_METHODS:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        if status is not None:
            raise _StopError(ShopAnswer(status, "text/html", render_server_page(status)))

    def _open_session(self) -> None:
        """Find the session: by token for API routes that carry one, by cookie for everything else.

        With a token that is unknown, expired, of a user switched off or from an address not permitted there is no
        session at all; without a token every caller gets one.
        """
        visit = self._visit
        token, route = visit.query.get("api_token"), visit.query.get("route")
        if token is not None and route is not None:
            self._check_route(route, "route.session")
        if token is None or route is None or not route.startswith("api/"):
            self._open_cookie_session()
            return
        now = self._shop.clock.now()
        self._shop.tokens.purge(now - TOKEN_LIFETIME_S)
        row = self._shop.tokens.find(column.text(token))
        user = next((user for user in self._shop.users if row and user.api_id == row.api_id and user.is_enabled), None)
        if row and user and visit.request.ip in user.ips:
            self._read_session(token)
            self._shop.tokens.touch(row, now)

    def _check_route(self, route: Any, fault: str) -> None:
        if not isinstance(route, str):
            kind = describe_type(route)
            raise self._visit.fail(fault, f"substr(): Argument #1 ($string) must be of type string, {kind} given")

    def _open_cookie_session(self) -> None:
        raw = parse_cookies(self._visit.request.header("cookie").encode("utf-8", "surrogateescape"))
        session_id = raw.get(SESSION_COOKIE) or create_session_id()
        if not isinstance(session_id, str) or not _SESSION_ID.match(session_id):
            raise _StopError(ShopAnswer(200, PHP_HTML, b"Error: Invalid session ID!"))
        self._read_session(session_id)
        self._visit.cookies_to_set.append(Cookie(SESSION_COOKIE, session_id))

    def _read_session(self, session_id: str) -> None:
        self._visit.session_id = session_id
        stored = self._shop.sessions.read(session_id, self._shop.clock.now())
        data = column.read_json(stored) if stored is not None else None
        self._visit.session = data if isinstance(data, dict) else {}

    def _close_session(self) -> None:
        if self._visit.session_id:
            data = column.json_text(self._visit.session)
            self._shop.sessions.write(self._visit.session_id, data, self._shop.clock.now())

    def _start_shop(self) -> None:
        visit = self._visit
        visit.store_id = to_int(visit.query.get("store_id"))
        visit.session["language"] = _LANGUAGE
        if visit.cookies.get("language") != _LANGUAGE:
            visit.cookies_to_set.append(Cookie("language", _LANGUAGE, _MONTH_S))
        restore_customer(visit)
        visit.currencies = Currencies(visit)
        code = self._pick_currency()
        visit.session["currency"] = code
        if visit.cookies.get("currency") != code:
            visit.cookies_to_set.append(Cookie("currency", code, _MONTH_S))
        visit.taxes = TaxRates(visit)
        visit.cart = Cart(visit)

    def _pick_currency(self) -> str:
        candidates = self._visit.session.get("currency"), self._visit.cookies.get("currency")
        known = (code for code in candidates if isinstance(code, str) and Currencies.has(code))
        return next(known, None) or str(self._visit.setting("config_currency"))

    def _run(self) -> None:
        visit = self._visit
        route = visit.query.get("route", HOME)
        is_closed = to_bool(visit.setting("config_maintenance"))
        if is_closed:
            self._check_route(route, "route.maintenance")
        route = route if isinstance(route, str) else "Array"
        if is_closed and not route.startswith("api"):
            page = render_page(
                "Maintenance", "We are currently performing some scheduled maintenance.", self._shop.base_url
            )
            self._answer = self._answer_page(503, page, headers=(("Retry-After", "3600"),))
            return
        controller = find_controller(route)
        if controller is not None:
            self._answer = self._answer_json(controller(visit))
        elif route == HOME:
            page = render_page(
                visit.setting("config_name"), "The storefront of the practice shop.", self._shop.base_url
            )
            self._answer = self._answer_page(200, page)
        else:
            title = "The page you requested cannot be found!"
            self._answer = self._answer_page(404, render_page(title, title, self._shop.base_url))

    def _answer_json(self, value: PhpArray) -> ShopAnswer:
        notices = self._visit.notices.render()
        text = encode_json(value)
        # The shop names its content type just before the answer: too late when notices have filled PHP's buffer and
        # left, and not at all when there is no answer.
        is_named = text and len(notices.encode()) < max(1, self._shop.php.output_buffering)
        body = (notices + text).encode()
        return ShopAnswer(200, JSON if is_named else PHP_HTML, body, tuple(self._visit.cookies_to_set))

    def _answer_page(self, status: int, page: bytes, headers: tuple[tuple[str, str], ...] = ()) -> ShopAnswer:
        return ShopAnswer(status, HTML, page, tuple(self._visit.cookies_to_set), headers)

    def _answer_fatal(self, error: PhpFatalError) -> ShopAnswer:
        if error.warning is not None:
            self._visit.notices.warn(*error.warning)
        is_shown = self._shop.php.display_errors
        body = self._visit.notices.render() + (error.render() if is_shown else "")
        return ShopAnswer(200 if is_shown else 500, PHP_HTML, body.encode(), tuple(self._visit.cookies_to_set))
