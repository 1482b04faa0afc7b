"""Bad days on demand: slow, broken and missing answers for the next calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connector.sandbox.exchange import HTML, ShopAnswer

NOTICE = (
    "<b>Warning</b>: Undefined array key &quot;practice&quot; in <b>/var/www/html/system/library/practice.php</b>"
    " on line <b>1</b>"
)
"""What the fault ``notice`` puts in front of an answer."""

FATAL = (
    b"<b>Fatal error</b>: Uncaught Error: practice in <b>/var/www/html/system/library/practice.php</b> on line <b>1</b>"
)
"""What PHP says, where it shows its errors, when it breaks off."""

_ERROR_PAGE = b"<html>\r\n<head><title>%d</title></head>\r\n<body><h1>%d</h1></body>\r\n</html>\r\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with some calls; any of it may be combined.

    Args:
        calls: How many matching calls it meets; 0 and less meet none.
        route: Only calls of this route, as ``cart/add``, ``api/cart/add``, ``sale/cart.add`` or, by the call of 4.1,
            ``order/confirm``; None for any.
        skip: How many matching calls to let through first.
        delay_s: Seconds to wait before the call is worked on.
        work_s: Seconds between reading the session and writing it back; two calls at once in one session then lose
            what one of them did.
        drop_before_processing: Close the connection; the call is not worked on.
        drop_after_processing: Close the connection after the call was worked on.
        truncate: Send this many bytes of the body under the full length, then close the connection.
        status: Answer with this status and a page in place of the shop's answer; the call is not worked on.
        fatal: With ``status``: PHP's own word that it broke off, in place of the page.
        headers: Headers to add, such as ``Retry-After``.
        html: Answer with a page under the shop's status; the call is worked on.
        notice: Put a PHP notice in front of the answer.
        non_utf8: Put a byte that is not UTF-8 into the answer's first text.
        huge_body: Append blanks until the body has this many bytes.
    """

    calls: int = 1
    route: str | None = None
    skip: int = 0
    delay_s: float = 0.0
    work_s: float = 0.0
    drop_before_processing: bool = False
    drop_after_processing: bool = False
    truncate: int | None = None
    status: int | None = None
    fatal: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    notice: bool = False
    non_utf8: bool = False
    huge_body: int = 0

    def meets(self, route: str) -> bool:
        """Say whether a call of this route is one it is for."""
        return self.route is None or _strip(self.route) == _strip(route)

    def spoil(self, answer: ShopAnswer) -> ShopAnswer:
        """Return what becomes of an answer the shop gave."""
        body, content_type = answer.body, answer.content_type
        if self.html:
            body, content_type = _ERROR_PAGE % (answer.status, answer.status), HTML
        if self.notice:
            body = NOTICE.encode() + body
        if self.non_utf8:
            text = body.find(b':"') + 2 if b':"' in body else 0
            body = body[:text] + b"\xff" + body[text:]
        if len(body) < self.huge_body:
            body = body + b" " * (self.huge_body - len(body))
        headers = (*answer.headers, *self.headers.items())
        return replace(answer, body=body, content_type=content_type, headers=headers)

    def refuse(self) -> ShopAnswer | None:
        """Return the answer given in place of any work, None when the shop is to work."""
        if self.status is None:
            return None
        body = FATAL if self.fatal else _ERROR_PAGE % (self.status, self.status)
        return ShopAnswer(self.status, "text/html", body, (), tuple(self.headers.items()))


class FaultPlan:
    """The faults still to come, in the order they were asked for; one call meets at most one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def take(self, route: str) -> Fault | None:
        """Return what the next call of a route meets, and count it."""
        for place, fault in enumerate(self._faults):
            if not fault.meets(route):
                continue
            if fault.skip > 0:
                self._faults[place] = replace(fault, skip=fault.skip - 1)
                continue
            left = replace(fault, calls=fault.calls - 1)
            self._faults[place : place + 1] = [left] if left.calls > 0 else []
            return fault if fault.calls > 0 else None
        return None


def _strip(route: str) -> str:
    """Return a route without what a generation may put before it, and with one mark between its parts."""
    return route.strip("/").removeprefix("api/").removeprefix("sale/").replace("|", "/").replace(".", "/")
