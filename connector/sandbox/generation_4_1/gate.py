"""Who is let in: one answer for every refusal, so that nobody learns what was wrong."""

import ipaddress
from typing import Final

from connector.sandbox.exchange import HTML, ShopAnswer
from connector.sandbox.generation_4_1.signature import is_signed
from connector.sandbox.generation_4_1.texts import PERMISSION
from connector.sandbox.handling import StopError
from connector.sandbox.php.text import encode_json
from connector.sandbox.php.value import to_int
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.tables import ApiUserRow
from connector.sandbox.shop.visit import Visit

ROUTES: Final = frozenset({"api/order", "api/subscription"})
"""All there is of the API, in any case; every other route below it is refused."""

TOLERANCE_S: Final = 450
"""How far a caller's clock may be off, both ways."""

_SIGNED: Final = ("route", "call", "username", "store_id", "language", "currency", "time", "signature")
_ADDRESS_HEADERS: Final = (
    "cf-connecting-ip",
    "x-forwarded-for",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "x-cluster-client-ip",
)


def pass_gate(visit: Visit, route: str) -> None:
    """Go on with a request that is properly signed, or that is not for the API.

    Raises:
        StopError: The request is for the API and refused.
        PhpFatalError: The signature is an array.
    """
    if route in ROUTES:
        if not _is_allowed(visit):
            raise StopError(_refuse(visit))
    elif route.startswith("api/"):
        raise StopError(_refuse(visit))


def read_address(visit: Visit) -> str:
    """Return the caller's address: of some headers, which the shop believes, the first that names one."""
    for header in _ADDRESS_HEADERS:
        address = visit.request.header(header).split(",")[0].strip()
        if _is_address(address):
            return address
    return visit.request.ip


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_allowed(visit: Visit) -> bool:
    if not all(name in visit.query for name in _SIGNED):
        return False
    user = _find_user(visit)
    if user is None or read_address(visit) not in {address.strip() for address in user.ips}:
        return False
    is_timely = abs(to_int(visit.query["time"]) - int(visit.shop.clock.now())) <= TOLERANCE_S
    return is_timely and is_signed(visit, user)


def _find_user(visit: Visit) -> ApiUserRow | None:
    name = to_text(visit, visit.query["username"], "gate.username")
    fold = visit.charset.fold
    wanted = fold(name)
    return next((user for user in visit.shop.users if user.is_enabled and fold(user.username) == wanted), None)


def _refuse(visit: Visit) -> ShopAnswer:
    body = visit.notices.render() + encode_json({"error": PERMISSION})
    return ShopAnswer(403, HTML, body.encode(), tuple(visit.cookies_to_set))
