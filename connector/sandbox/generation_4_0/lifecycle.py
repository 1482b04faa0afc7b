"""One request of 4.0 from arrival to answer."""

from dataclasses import replace
from typing import Final

from connector.sandbox.exchange import PHP_HTML, ShopAnswer, ShopRequest
from connector.sandbox.generation_4_0.router import find_controller
from connector.sandbox.generation_4_0.seed import build_seed
from connector.sandbox.generation_4_0.session import check_session, close_session, open_session
from connector.sandbox.generation_4_0.ways import WAYS
from connector.sandbox.handling import (
    StagedHandling,
    Stages,
    StopError,
    allow_other_sites,
    answer_elsewhere,
    answer_home,
    answer_json,
    answer_maintenance,
    answer_not_found,
    build_visit,
    choose_currency,
    pass_web_server,
)
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.value import to_bool, to_int
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.cart import Cart
from connector.sandbox.shop.seed import Seed
from connector.sandbox.shop.tables import CART_LIFETIME_S, Shop
from connector.sandbox.shop.tax import TaxRates
from connector.sandbox.shop.visit import Visit

_LOGIN: Final = "api/account/login"
_HOME: Final = "common/home"
_LANGUAGE: Final = "en-gb"


class Generation40:
    """OpenCart 4.0."""

    name = "4.0"

    def build_seed(self, key: str, ips: tuple[str, ...]) -> Seed:
        """Return the demo shop of the installer with the accounts and codes of ``docs/sandbox.md``."""
        return build_seed(key, ips)

    def begin(self, shop: Shop, request: ShopRequest) -> StagedHandling:
        """Read the session and start the shop up for a request."""
        visit = build_visit(shop, request, WAYS)
        visit.notices.is_shown = True  # until the shop has read its settings
        return StagedHandling(_STAGES, visit)


def _start(visit: Visit) -> None:
    pass_web_server(visit.request)
    _read_route(visit)
    if not visit.shop.is_database_up:
        account = "shop@localhost!<br/>Message: Access denied for user 'shop'@'localhost' (using password: YES)"
        raise visit.fail("database.link", f"Error: Could not make a database link using {account}", "Exception")
    visit.store_id = to_int(visit.query.get("store_id"))
    open_session(visit)
    if "language" in visit.query:
        visit.has_language = to_text(visit, visit.query["language"], "language.text") == _LANGUAGE
    customer = visit.session.get("customer")
    if customer is not None:
        visit.customer_group_id = customer["customer_group_id"]
    choose_currency(visit)
    visit.taxes = TaxRates(visit)
    check_session(visit)
    visit.shop.cart.purge(visit.shop.clock.now() - CART_LIFETIME_S)
    visit.cart = Cart(visit, to_int(visit.session.get("api_id")))
    visit.cart.lines()
    visit.notices.is_shown = _shows_errors(visit)
    visit.notices.on_hidden = lambda: _leave(visit)


def _read_route(visit: Visit) -> None:
    """Translate the pipe that older versions put before a method; one that was encoded twice stays one."""
    if "route" in visit.query:
        route = visit.query["route"]
        route = route.replace("|", ".") if isinstance(route, str) else route
        visit.query["route"] = to_text(visit, route, "route.text").replace("%7C", "|")


def _shows_errors(visit: Visit) -> bool:
    return to_bool(visit.setting("config_error_display"))


def _leave(visit: Visit) -> None:
    """Stop on the spot and send the caller to a page that says nothing: the shop is not to show what is wrong.

    Raises:
        StopError: Always.
    """
    raise StopError(answer_elsewhere(visit))


def _run(visit: Visit) -> ShopAnswer:
    return allow_other_sites(_answer(visit))


def _answer(visit: Visit) -> ShopAnswer:
    route = str(visit.query.get("route", ""))
    if route.startswith("api/") and route != _LOGIN and not visit.is_permitted:
        return _answer_page(visit, answer_not_found(visit))
    if to_bool(visit.setting("config_maintenance")) and not route.startswith("api"):
        return _answer_page(visit, answer_maintenance(visit))
    controller = find_controller(route)
    if controller is not None:
        return answer_json(visit, controller(visit))
    return _answer_page(visit, answer_home(visit) if route in {"", "0", _HOME} else answer_not_found(visit))


def _answer_page(visit: Visit, answer: ShopAnswer) -> ShopAnswer:
    return replace(answer, body=visit.notices.render().encode() + answer.body)


def _answer_error(visit: Visit, error: PhpFatalError) -> ShopAnswer:
    """Return what comes of an error nothing catches: its text, as long as the shop shows errors.

    Where there is no session yet, the shop dies a second time when it wants to write one, and then the status tells.
    """
    spot = visit.ways.spots[error.fault]
    if not visit.notices.is_shown:
        return answer_elsewhere(visit)
    text = f"<b>{error.message}</b>: in <b>{spot.path}</b> on line <b>{spot.line}</b>"
    body = (visit.notices.render() + text).encode()
    is_dead = visit.shop.is_database_up and not visit.session_id
    return ShopAnswer(500 if is_dead else 200, PHP_HTML, body, tuple(visit.cookies_to_set))


_STAGES = Stages(_start, _run, close_session, _answer_error)
