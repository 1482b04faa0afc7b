"""One request from arrival to answer: what every generation does alike."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from connector.sandbox.exchange import HTML, JSON, PHP_HTML, Cookie, ShopAnswer, ShopRequest
from connector.sandbox.pages import render_page, render_server_page
from connector.sandbox.php.form import parse_body, parse_cookies, parse_query
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.text import clean, encode_json
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop import column
from connector.sandbox.shop.currency import Currencies
from connector.sandbox.shop.tables import Shop
from connector.sandbox.shop.visit import Visit, Ways

MONTH_S = 30 * 24 * 3600
"""How long the cookies for language and currency live."""

_ENTRY_POINTS = frozenset({"/", "/index.php"})
_FOLDER_METHODS = frozenset({"GET", "HEAD", "POST"})
_OTHER_SITES: Final = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Max-Age", "1000"),
    (
        "Access-Control-Allow-Headers",
        "X-Requested-With, Content-Type, Origin, Cache-Control, Pragma, Authorization, Accept, Accept-Encoding",
    ),
    ("Access-Control-Allow-Methods", "PUT, POST, GET, OPTIONS, DELETE"),
)
"""What the shop tells browsers that call it from pages of other sites."""


class StopError(Exception):
    """The request is answered already.

    Args:
        answer: With what.
    """

    def __init__(self, answer: ShopAnswer) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Stages:
    """What one generation does with a request, stage by stage; any of the first two may stop with an answer.

    Args:
        start: Finds the session and starts the shop up.
        run: Does the work and returns the answer.
        close: Writes the session back, also after an error.
        answer_error: Returns the answer for an error nothing catches.
    """

    start: Callable[[Visit], None]
    run: Callable[[Visit], ShopAnswer]
    close: Callable[[Visit], None]
    answer_error: Callable[[Visit, PhpFatalError], ShopAnswer]


class StagedHandling:
    """One request on its way through the stages of its generation; it is started at once.

    Args:
        stages: The stages.
        visit: The request.
    """

    def __init__(self, stages: Stages, visit: Visit) -> None:
        self._stages = stages
        self._visit = visit
        self._answer: ShopAnswer | None = None
        self._attempt(stages.start)

    def finish(self) -> ShopAnswer:
        """Answer the request and write its session back, also when it ended in an error."""
        if self._answer is None:
            self._attempt(self._stages.run)
        self._stages.close(self._visit)
        assert self._answer is not None  # the last stage answers or raises, and what it raises is answered
        return self._answer

    def _attempt(self, stage: Callable[[Visit], ShopAnswer | None]) -> None:
        try:
            self._answer = stage(self._visit)
        except StopError as stop:
            self._answer = stop.answer
        except PhpFatalError as error:
            self._answer = self._stages.answer_error(self._visit, error)


def build_visit(shop: Shop, request: ShopRequest, ways: Ways) -> Visit:
    """Return a request with its fields read as PHP reads them and cleaned as the shop does.

    Args:
        shop: The tables.
        request: What was sent.
        ways: How its generation goes about things.
    """
    form = parse_body(request.header("content-type"), request.body) if request.method == "POST" else {}
    fields = (parse_query(request.query), form, read_cookies(request))
    query, form, cookies = (clean(one, trim=ways.trims_fields) for one in fields)
    return Visit(shop, request, ways, query, form, cookies)


def read_cookies(request: ShopRequest) -> PhpArray:
    """Return the cookies of a request as PHP has them, before the shop cleans them."""
    return parse_cookies(request.header("cookie").encode("utf-8", "surrogateescape"))


def read_session(visit: Visit, session_id: str) -> None:
    """Make a session the request's; it is empty when there is none that is still good."""
    visit.session_id = session_id
    stored = visit.shop.sessions.read(session_id, visit.shop.clock.now())
    kept = column.read_json(stored) if stored is not None else None
    visit.session = kept if isinstance(kept, dict) else {}


def pass_web_server(request: ShopRequest) -> None:
    """Let requests for the shop through.

    The web server takes doubled slashes for one, and leads from the folder to the shop only what a browser would send.

    Raises:
        StopError: The web server answers itself.
    """
    path = re.sub("/{2,}", "/", request.path)
    status = None if path in _ENTRY_POINTS else HTTPStatus.NOT_FOUND
    if path == "/" and request.method not in _FOLDER_METHODS:
        status = HTTPStatus.METHOD_NOT_ALLOWED
    if status is not None:
        raise StopError(ShopAnswer(status, "text/html", render_server_page(status)))


def choose_currency(visit: Visit) -> None:
    """Set the currencies up: the session's counts, else the cookie's, else the shop's."""
    visit.currencies = Currencies(visit)
    candidates = visit.session.get("currency"), visit.cookies.get("currency")
    known = (code for code in candidates if isinstance(code, str) and Currencies.has(code))
    code = next(known, None) or str(visit.setting("config_currency"))
    visit.session["currency"] = code
    if visit.cookies.get("currency") != code:
        visit.cookies_to_set.append(Cookie("currency", code, MONTH_S))


def answer_json(visit: Visit, value: PhpArray) -> ShopAnswer:
    """Return a value as JSON, behind the notices the shop shows."""
    notices = visit.notices.render()
    text = encode_json(value)
    # The shop names its content type just before the answer: too late when notices have filled PHP's buffer and left,
    # and not at all when there is no answer.
    is_named = text and len(notices.encode()) < max(1, visit.shop.php.output_buffering)
    body = (notices + text).encode()
    return ShopAnswer(200, JSON if is_named else PHP_HTML, body, tuple(visit.cookies_to_set))


def answer_elsewhere(visit: Visit) -> ShopAnswer:
    """Return what a caller gets who is not to see what is wrong: the way to a page that says nothing."""
    return ShopAnswer(302, PHP_HTML, b"", tuple(visit.cookies_to_set), (("Location", "error.html"),))


def allow_other_sites(answer: ShopAnswer) -> ShopAnswer:
    """Return an answer with what a shop of 4.0 or later tells browsers that call it from pages of other sites."""
    return replace(answer, headers=(*answer.headers, *_OTHER_SITES))


def answer_page(visit: Visit, status: int, title: str, text: str) -> ShopAnswer:
    """Return a page of the storefront."""
    headers = (("Retry-After", "3600"),) if status == HTTPStatus.SERVICE_UNAVAILABLE else ()
    return ShopAnswer(status, HTML, render_page(title, text, visit.shop.base_url), tuple(visit.cookies_to_set), headers)


def answer_home(visit: Visit) -> ShopAnswer:
    """Return the storefront's home page."""
    return answer_page(visit, 200, str(visit.setting("config_name")), "The storefront of the practice shop.")


def answer_not_found(visit: Visit) -> ShopAnswer:
    """Return the storefront's page for a route nobody answers."""
    title = "The page you requested cannot be found!"
    return answer_page(visit, 404, title, title)


def answer_maintenance(visit: Visit) -> ShopAnswer:
    """Return what the storefront says in maintenance mode."""
    return answer_page(visit, 503, "Maintenance", "We are currently performing some scheduled maintenance.")
