"""One request of 2.3 from arrival to answer."""

from dataclasses import replace

from connector.sandbox.exchange import ShopAnswer, ShopRequest
from connector.sandbox.generation_2_3.router import ROUTES
from connector.sandbox.generation_2_3.seed import build_seed
from connector.sandbox.generation_2_3.session import close_browser_session, open_browser_session, start_session
from connector.sandbox.generation_2_3.ways import WAYS
from connector.sandbox.generation_3_0.lifecycle import answer_error, read_token, run_route, start_shop, use_token
from connector.sandbox.handling import StagedHandling, Stages, build_visit, pass_web_server
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.shop.seed import Seed
from connector.sandbox.shop.tables import Shop
from connector.sandbox.shop.visit import Visit

_OTHER_SITES = (
    ("Access-Control-Allow-Methods", "GET, PUT, POST, DELETE, OPTIONS"),
    ("Access-Control-Max-Age", "1000"),
    ("Access-Control-Allow-Headers", "Content-Type, Authorization, X-Requested-With"),
)
"""What the API tells browsers that call it from pages of other sites."""


class Generation23:
    """OpenCart 2.3."""

    name = "2.3"

    def build_seed(self, key: str, ips: tuple[str, ...]) -> Seed:
        """Return the shop of 3.0, which this version's installer fills alike."""
        return build_seed(key, ips)

    def begin(self, shop: Shop, request: ShopRequest) -> "LockedHandling":
        """Note the request; its session is locked until the one before it is answered."""
        return LockedHandling(shop, request)


class LockedHandling:
    """One request that reads its session only when its turn has come, so that nothing others write is lost.

    Args:
        shop: The tables.
        request: What was sent.
    """

    def __init__(self, shop: Shop, request: ShopRequest) -> None:
        self._shop = shop
        self._request = request

    def finish(self) -> ShopAnswer:
        """Read the session, do the work and write the session back."""
        return StagedHandling(_STAGES, build_visit(self._shop, self._request, WAYS)).finish()


def _start(visit: Visit) -> None:
    pass_web_server(visit.request)
    if not visit.shop.is_database_up:
        message = "Access denied for user 'shop'@'localhost' (using password: YES)"
        raise visit.fail("database.link", message, "mysqli_sql_exception")
    open_browser_session(visit)
    _open_session(visit)
    start_shop(visit)


def _open_session(visit: Visit) -> None:
    """Find the shop's session: the one of a token inside the browser's, or that of the storefront.

    A good token that comes without the cookie of its log-in names a session that is not there, and begins it empty.
    """
    token = read_token(visit, "token")
    if token is None:
        start_session(visit, "default")
    elif row := use_token(visit, token):
        start_session(visit, "api", row.session_id)


def _run(visit: Visit) -> ShopAnswer:
    answer = run_route(visit, ROUTES)
    origin = visit.server("origin")
    if origin and answer.status == 200 and str(visit.query.get("route", "")).lstrip("/").startswith("api/"):
        headers = (("Access-Control-Allow-Origin", origin), *_OTHER_SITES)
        answer = replace(answer, headers=(*answer.headers, *headers))
    return answer


def _answer_error(visit: Visit, error: PhpFatalError) -> ShopAnswer:
    """Answer an error; one of the database nobody is warned of first, and nothing is added to its text."""
    if error.warning:
        text = error.message.removeprefix("Error: ").partition("<br/>")[0]
        error = PhpFatalError("mysqli_sql_exception", text, error.fault)
    return answer_error(visit, error)


_STAGES = Stages(_start, _run, close_browser_session, _answer_error)
