"""One request of 4.1 from arrival to answer: session, start-up, gate, call, session written back."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from connector.sandbox.exchange import PHP_HTML, Cookie, ShopAnswer, ShopRequest
from connector.sandbox.generation_3_0.lifecycle import SESSION_COOKIE
from connector.sandbox.generation_3_0.login import create_session_id
from connector.sandbox.generation_4_0.arguments import SESSION_ID
from connector.sandbox.generation_4_1 import order, subscription
from connector.sandbox.generation_4_1.call import Call
from connector.sandbox.generation_4_1.gate import pass_gate
from connector.sandbox.generation_4_1.seed import build_seed
from connector.sandbox.generation_4_1.texts import CALL
from connector.sandbox.generation_4_1.ways import WAYS
from connector.sandbox.handling import (
    StagedHandling,
    Stages,
    allow_other_sites,
    answer_elsewhere,
    answer_home,
    answer_json,
    answer_maintenance,
    answer_not_found,
    build_visit,
    choose_currency,
    pass_web_server,
    read_session,
)
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.text import encode_json
from connector.sandbox.php.value import to_bool, to_int
from connector.sandbox.shop.argument import take_text, to_text
from connector.sandbox.shop.cart import Cart
from connector.sandbox.shop.customer import restore_customer
from connector.sandbox.shop.seed import Seed
from connector.sandbox.shop.tables import Shop
from connector.sandbox.shop.tax import TaxRates
from connector.sandbox.shop.visit import Visit

SESSION_LIFETIME_S: Final = 86_400
"""How long a session lives after its last use, and a guest's cart after it was filled."""

_SESSION_ID = re.compile(r"[a-zA-Z0-9,\-]{22,52}\Z")

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
        visit = build_visit(shop, request, WAYS)
        visit.notices.is_shown = True  # until the settings are in force
        return StagedHandling(_STAGES, visit)


def _start(visit: Visit) -> None:
    pass_web_server(visit.request)
    if "route" in visit.query:
        # The pipe that 4.0 put before a method becomes a dot, which leads nowhere here.
        route = to_text(visit, visit.query["route"], "route.text")
        visit.query["route"] = route.replace("|", ".").replace("%7C", "|")
    if not visit.shop.is_database_up:
        account = "shop@localhost!<br/>Message: Access denied for user 'shop'@'localhost' (using password: YES)"
        raise visit.fail("database.link", f"Error: Could not make a database link using {account}", "Exception")
    visit.store_id = to_int(visit.query.get("store_id"))
    _open_session(visit)
    if isinstance(visit.query.get("language"), dict):
        raise visit.fail("language", "Illegal offset type in isset or empty")
    restore_customer(visit)
    visit.customer_group_id = visit.setting("config_customer_group_id")
    if isinstance(customer := visit.session.get("customer"), dict):
        visit.customer_group_id = customer["customer_group_id"]
    if "currency" not in visit.session and isinstance(visit.cookies.get("currency"), dict):
        raise visit.fail("currency", "array_key_exists(): Argument #1 ($key) must be a valid array offset type")
    choose_currency(visit)
    visit.taxes = TaxRates(visit)
    _fetch_cart(visit)
    visit.notices.is_shown = to_bool(visit.setting("config_error_display"))


def _open_session(visit: Visit) -> None:
    """Find the session by its cookie; every caller gets one.

    Raises:
        PhpFatalError: The cookie does not look like a session's, or there is a token left over from an older
            generation: it is looked up in a table that this one has not got.
    """
    if _read_route(visit).startswith("api/") and visit.query.get("api_token") is not None:
        raise visit.fail("database.failed", "Error: Table 'shop.api_session' doesn't exist", "Exception")
    sent = visit.cookies.get(SESSION_COOKIE)
    session_id = take_text(visit, sent, SESSION_ID) if to_bool(sent) else create_session_id()
    if not _SESSION_ID.match(session_id):
        raise visit.fail("session.invalid", "Error: Invalid session ID!", "Exception")
    read_session(visit, session_id)
    visit.cookies_to_set.append(Cookie(SESSION_COOKIE, session_id, SESSION_LIFETIME_S))


def _fetch_cart(visit: Visit) -> None:
    """Read the cart as it stands; a customer who is logged in finds all lines that were ever theirs."""
    now = visit.shop.clock.now()
    visit.shop.cart.purge(now - SESSION_LIFETIME_S, spares_customers=True)
    visit.cart = Cart(visit, visit.store_id)
    if visit.customer_id:
        visit.cart.adopt(now)
    visit.cart.lines()


def _read_route(visit: Visit) -> str:
    """Return the route as the API takes it: in any case, empty for none."""
    return str(visit.query.get("route", "")).lower()


def _run(visit: Visit) -> ShopAnswer:
    return allow_other_sites(_answer(visit))


def _answer(visit: Visit) -> ShopAnswer:
    pass_gate(visit, _read_route(visit))
    calls = _CALLS.get(_read_route(visit))
    if calls is not None:
        call = calls.get(str(visit.query["call"]))
        return answer_json(visit, {"error": CALL} if call is None else call(visit))
    route = visit.query.get("route")
    if to_bool(visit.setting("config_maintenance")) and not str(route).startswith("api"):
        return answer_maintenance(visit)
    return answer_home(visit) if route in {None, "common/home"} else answer_not_found(visit)


def _close_session(visit: Visit) -> None:
    if visit.session_id:
        now = visit.shop.clock.now()
        visit.shop.sessions.write(visit.session_id, encode_json(visit.session), now, SESSION_LIFETIME_S)


def _answer_error(visit: Visit, error: PhpFatalError) -> ShopAnswer:
    """Return what comes of an error nothing catches: its text, as long as the shop shows errors.

    Where there is no session yet, the shop dies a second time when it wants to write one, and then the status tells.
    """
    if not visit.notices.is_shown:
        return answer_elsewhere(visit)
    spot = visit.ways.spots[error.fault]
    body = f"{visit.notices.render()}Error: {error.message}\nFile: {spot.path}\nLine: {spot.line}\n\n"
    is_dead = visit.shop.is_database_up and not visit.session_id
    return ShopAnswer(500 if is_dead else 200, PHP_HTML, body.encode(), tuple(visit.cookies_to_set))


_STAGES = Stages(_start, _run, _close_session, _answer_error)
