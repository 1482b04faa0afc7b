"""What a browser is given to keep, and what it says of where a request was made.

Two cookies. The session: who is logged in here. The device: that somebody of a name has logged in from this browser
before, so that strangers who guess at the name cannot keep its owner out (`connector.server.doors.login`).

Over TLS their names begin with `__Host-`: a browser takes such a cookie from this very host alone, so that no other
host of the domain can slip one in. Over plain HTTP on this machine that cannot be had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connector.errors import AccessError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from connector.server.doors.arrival import Arrival

SESSION: Final = "connector"
DEVICE: Final = "connector-device"
FORM: Final = "connector-form"
"""Cookie that goes with the log-in form: who posts the form has to have been shown it."""

HOST_PREFIX: Final = "__Host-"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_NEXT: Final = 2000

_PORTS: Final = {"http": 80, "https": 443}


def name_cookie(name: str, *, is_secure: bool) -> str:
    """Return what a cookie is called: `__Host-connector` over TLS, `connector` without."""
    return f"{HOST_PREFIX}{name}" if is_secure else name


def read_cookie(request: Request, name: str, *, is_secure: bool) -> str:
    """Return a cookie; empty where there is none.

    Raises:
        AccessError: There are two of the name: somebody else has slipped one in, and which one is whose cannot be told.
    """
    wanted = name_cookie(name, is_secure=is_secure)
    found = [
        value.strip().strip('"')
        for header in request.headers.getlist("cookie")
        for key, _, value in (part.partition("=") for part in header.split(";"))
        if key.strip() == wanted
    ]
    if len(found) > 1:
        raise AccessError(
            f"the browser sends two cookies called {wanted}",
            cure="delete the cookies of this address in the browser, then log in again",
            status=400,
        )
    return found[0] if found else ""


def keep_cookie(response: Response, name: str, value: str, *, is_secure: bool, age_s: int | None = None) -> None:
    """Have the browser keep a cookie that scripts cannot read.

    `SameSite=Lax` and not `Strict`: a link to a task, in a chat or an alert, comes from another site, and with `Strict`
    whoever follows it would stand before the log-in although they are logged in. What `Lax` lets through from other
    sites are GETs, which change nothing here; all else needs the token of the session besides.

    Args:
        response: What the browser gets.
        name: Without a prefix.
        value: Its value.
        is_secure: Whether TLS is spoken.
        age_s: How long it is kept; left out, until the browser is closed.
    """
    response.set_cookie(
        name_cookie(name, is_secure=is_secure),
        value,
        max_age=age_s,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, name: str, *, is_secure: bool) -> None:
    """Have the browser forget a cookie."""
    response.delete_cookie(
        name_cookie(name, is_secure=is_secure), path="/", secure=is_secure, httponly=True, samesite="lax"
    )


def check_origin(request: Request, arrival: Arrival, *, is_secure: bool) -> None:
    """Refuse what a page of another site has the browser send. What says nothing of a page is let through.

    Browsers say where a request was made by `Sec-Fetch-Site`, and by `Origin` with all that is no GET; a page can
    change neither. Other ports of this host count as another site: cookies do not tell ports apart.

    Raises:
        AccessError: It was made by another site.
    """
    for site in request.headers.getlist("sec-fetch-site"):
        if site.strip().lower() not in {"same-origin", "none"}:
            raise _foreign(site)
    origin = request.headers.get("origin", "").strip()
    if origin and not _is_own(origin, arrival, is_secure=is_secure):
        raise _foreign(origin)


def _is_own(origin: str, arrival: Arrival, *, is_secure: bool) -> bool:
    try:
        parts = urlsplit(origin.lower())
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return False
    if parts.scheme not in _PORTS or (is_secure and parts.scheme != "https"):
        return False
    own_port = arrival.host_port
    if is_secure and own_port == _PORTS["http"]:  # a proxy speaks TLS, and does not say so
        own_port = _PORTS["https"]
    return (parts.hostname or "").removesuffix(".") == arrival.host and port == own_port


def _foreign(origin: str) -> AccessError:
    shown = origin[:100].encode("ascii", "replace").decode()
    return AccessError(
        f"the request was made by a page of another site ({shown})",
        cure="open the dashboard itself and do it there; behind a proxy, set CONNECTOR_PUBLIC_URL",
        status=403,
    )


def find_next(text: str) -> str:
    """Return where to go after the log-in: a path of this service, and never anywhere else.

    What a browser might take for another host is refused: `//host`, a backslash, which browsers read as a slash, and
    control characters and blanks, which they leave out before they read.
    """
    if not 0 < len(text) <= LONGEST_NEXT or not text.startswith("/") or text.startswith("//"):
        return "/"
    if "\\" in text or not text.isascii() or any(ord(character) <= 32 or ord(character) == 127 for character in text):
        return "/"
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or parts.path in {"/login", "/logout"}:
        return "/"
    return text
