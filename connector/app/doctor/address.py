"""Whether the address is right: reached at all, sent on elsewhere, or answered by something that is no shop's API."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from connector.app.doctor.finding import Finding, Severity, find_reason
from connector.client.address import describe_address, find_base_url
from connector.client.reading import BodyKind, read_body
from connector.frozen import dataclass
from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.client.reading import Reading
    from connector.request import Answer, Exchange, Response

CHECK: Final = "address"

_GUARDS: Final = (
    (re.compile(r"cloudflare|just a moment|cf-(?:ray|mitigated)", re.IGNORECASE), "Cloudflare"),
    (re.compile(r"sucuri", re.IGNORECASE), "Sucuri"),
    (re.compile(r"incapsula|imperva", re.IGNORECASE), "Imperva"),
    (re.compile(r"wordfence", re.IGNORECASE), "Wordfence"),
    (re.compile(r"mod_security|not acceptable", re.IGNORECASE), "ModSecurity"),
    (re.compile(r"akamai", re.IGNORECASE), "Akamai"),
)
"""What stands in front of shops and how it shows: by headers and by the title of its page."""

_GUARD_STATUSES: Final = frozenset({403, 406, 409, 429, 503})
_MAINTENANCE: Final = re.compile(r"maintenance|temporarily unavailable|be right back|coming soon", re.IGNORECASE)
_SHOP_PAGE: Final = re.compile(rb"index\.php\?route=|route=common/home|catalog/view/")
_ADMIN: Final = re.compile(r"/admin[^/]*/?(?:index\.php)?$", re.IGNORECASE)
_HIDDEN_ERROR: Final = "error.html"


@dataclass(frozen=True, slots=True)
class Hop:
    """One redirect.

    Attributes:
        status: HTTP status.
        base_url: The `base_url` whose call was sent on.
        to: The `base_url` it was sent on to, absolute.
    """

    status: int
    base_url: str
    to: str


def find_hop(base_url: str, exchange: Exchange) -> Hop | None:
    """Return where a call was sent on to, or None where it was not; PHP's own error page is no other address."""
    response = exchange.response
    if response is None or not 300 <= response.status < 400:
        return None
    location = response.headers.get("location", "").strip()
    try:
        target = urljoin(exchange.request.url, location)
        path = urlsplit(target).path
    except ValueError:
        return None
    if not location or path.endswith(f"/{_HIDDEN_ERROR}"):
        return None
    route = dict(exchange.request.query).get("route", "")
    return Hop(response.status, base_url, find_base_url(target, route))


def check_reached(answer: Answer | None, exchanges: Sequence[Exchange], base_url: str) -> list[Finding]:
    """Return whether the remote system was reached, and whether others can read along.

    Args:
        answer: What the first call came to, None for a success.
        exchanges: Those of the first call; empty where not even a connection could be prepared.
        base_url: As configured.
    """
    responses = [exchange.response for exchange in exchanges if exchange.response is not None]
    if not responses:
        assert answer is not None, "a success has a response"
        is_sent = any(exchange.verdict is Verdict.UNKNOWN for exchange in exchanges)
        title = "no whole answer comes back" if is_sent else "the remote system cannot be reached"
        return [Finding(CHECK, Severity.PROBLEM, title, find_reason(answer), answer.cure)]
    parts = urlsplit(base_url)
    findings = [Finding(CHECK, Severity.OK, f"{parts.netloc} answers")]
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        findings.append(
            Finding(
                "encryption",
                Severity.NOTE,
                "key, token and customers travel unencrypted",
                "base_url begins with http://",
                "have the shop serve https://, and write that in base_url",
            )
        )
    return findings


def check_hops(hops: Sequence[Hop], *, is_arrived: bool) -> Finding:
    """Return what redirects mean for `base_url`.

    Args:
        hops: At least one, in order.
        is_arrived: Whether a shop answered where the last one leads to.
    """
    first, last = hops[0], hops[-1]
    way = ", then to ".join(hop.to for hop in hops)
    cause = f"{first.base_url} sends calls on to {way} (HTTP {first.status}): {_name_change(first.base_url, last.to)}"
    if last.to in {hop.base_url for hop in hops}:
        return Finding(
            "redirect",
            Severity.PROBLEM,
            "calls are sent in a circle",
            cause,
            "mend the rewrite rules of the web server, or the shop's addresses in its config.php",
        )
    cure = f"write base_url: {last.to}"
    if not is_arrived:
        cure += "; no shop's API answered there either, so run the doctor once more with it"
    title = "calls are sent on to another address, and a POST is not sent on"
    return Finding("redirect", Severity.PROBLEM, title, cause, cure)


def _name_change(old: str, new: str) -> str:
    """Return in words what a redirect changes of an address."""
    one, two = urlsplit(old), urlsplit(new)
    changes = []
    if one.scheme != two.scheme:
        changes.append(f"{one.scheme} became {two.scheme}")
    if one.hostname != two.hostname:
        hosts = {one.hostname, two.hostname}
        is_www = any(f"www.{host}" in hosts for host in hosts)
        changes.append("www. differs" if is_www else "another host")
    elif one.port != two.port and one.scheme == two.scheme:
        changes.append("another port")
    if one.path.rstrip("/") != two.path.rstrip("/"):
        changes.append("another folder, such as that of a language" if two.path.strip("/") else "another folder")
    return ", ".join(changes) or "the same address"


def check_page(answer: Answer, exchange: Exchange) -> Finding | None:
    """Return what an answer means that something in front of the shop gives: a guard, a password; None for others."""
    response = exchange.response
    if response is None:
        return None
    reading = read_body(response.body, response.headers.get("content-type", ""))
    if response.status == 401:
        return Finding(
            "answer",
            Severity.PROBLEM,
            "the web server asks for a password before anybody reaches the shop (HTTP 401)",
            f"the folder is protected: {response.headers.get('www-authenticate', 'it does not say how')}",
            "write what it asks for under headers of the client (Authorization), or have the API left out of it",
        )
    guard = _find_guard(response, reading)
    if guard is not None and not reading.has_json:
        return Finding(
            "answer",
            Severity.PROBLEM,
            f"{guard} answers in place of the shop (HTTP {response.status}{_quote(reading)})",
            "it takes the calls for those of a robot, which they are",
            f"have {guard} let POST requests to index.php?route=api/ pass from this machine's address",
        )
    if reading.has_json or reading.fatal or reading.notices or answer.verdict is Verdict.LOST_SESSION:
        return None
    if reading.title and _MAINTENANCE.search(reading.title):
        return Finding(
            "answer",
            Severity.PROBLEM,
            f"a page about maintenance comes in place of an answer (HTTP {response.status}{_quote(reading)})",
            "OpenCart's own maintenance mode leaves the API alone, so it comes from the web server or an extension",
            "end the maintenance, or have index.php?route=api/ left out of it",
        )
    return None


def is_nowhere(answer: Answer, exchange: Exchange) -> bool:
    """Whether a web page came, or none was found, so that there may be no API at the address at all."""
    response = exchange.response
    if response is None or answer.verdict is not Verdict.FAULT or response.status not in {200, 404}:
        return False
    reading = read_body(response.body, response.headers.get("content-type", ""))
    return response.status == 404 or (reading.kind is BodyKind.HTML and not reading.notices and not reading.fatal)


def list_folders(base_url: str) -> list[str]:
    """Return `base_url` and the folders above it, each with a slash at its end: where a shop may be.

    The administration of a shop is left out.
    """
    parts = urlsplit(base_url)
    path = parts.path.removesuffix("index.php").rstrip("/")
    folders = []
    while True:
        if not _ADMIN.search(path):  # its page has the marks of a shop's as well
            folders.append(urlunsplit((parts.scheme, parts.netloc, f"{path}/", "", "")))
        if not path:
            return folders
        path = path.rpartition("/")[0]


def is_shop_page(response: Response | None) -> bool:
    """Whether a page is one of an OpenCart, by the addresses in it."""
    return response is not None and _SHOP_PAGE.search(response.body) is not None


def check_folder(base_url: str, folder: str | None) -> Finding:
    """Return what to do about an address at which there is no API.

    Args:
        base_url: As configured.
        folder: Where a page of an OpenCart was found, of those that `list_folders` gave; None where nowhere.
    """
    title = "there is no shop's API at this address"
    if folder is None:
        cure = "write the folder of the shop's index.php in base_url: the address at which its first page opens"
        return Finding("answer", Severity.PROBLEM, title, "no page of an OpenCart was found there or above", cure)
    if folder.rstrip("/") != describe_address(base_url).removesuffix("index.php").rstrip("/"):
        is_admin = _ADMIN.search(urlsplit(base_url).path)
        cause = "base_url names the administration" if is_admin else "base_url names a folder below the shop's"
        return Finding("answer", Severity.PROBLEM, title, cause, f"write base_url: {folder}")
    return Finding(
        "answer",
        Severity.PROBLEM,
        "the shop is there, and does not know the route of the log-in",
        "it is older than OpenCart 2.0, or an extension or a rewrite rule takes api/ away",
        "see that catalog/controller/api/ is there and that no rule of the web server turns index.php?route=api/ down",
    )


def _find_guard(response: Response, reading: Reading) -> str | None:
    """Return the name of what refused a call in front of the shop, or None where it was the shop, or cannot be told."""
    if response.status not in _GUARD_STATUSES:
        return None
    shown = (reading.title or "", response.headers.get("server", ""), *(response.headers))
    return next((name for sign, name in _GUARDS if any(map(sign.search, shown))), None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _quote(reading: Reading) -> str:
    return f', "{reading.title}"' if reading.title else ""
