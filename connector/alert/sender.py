"""Messages brought to their receivers: bounded in time, tried again, never redirected."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from connector.client.http import HttpConnection, build_tls_context
from connector.errors import AlertError, UnansweredError, UnreachableError
from connector.request import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import httpx

    from connector.alert.message import Message
    from connector.alert.plan import AlertPlan
    from connector.request import Response

CONNECT_S: Final = 5.0
TOTAL_S: Final = 10.0
"""How long a connection, and then an answer, is waited for, seconds."""

WAITS_S: Final = (1.0, 4.0)
"""Between one try and the next, seconds. Together with three tries that is less than the minute for which the store
leaves an alarm to one process; what still was not told is handed out again then."""

_MOST_BYTES: Final = 64 * 1024
_TOO_MANY: Final = 429
_BROKE_OFF: Final = 500


class AlertSender:
    """Sends messages to one receiver."""

    def __init__(
        self,
        plan: AlertPlan,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        waits_s: Sequence[float] = WAITS_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing is opened before the first message.

        Args:
            plan: The receiver.
            transport: Replaces the network, for tests.
            waits_s: Between one try and the next, seconds; one try more than there are waits.
            sleep: Waits.
        """
        self._plan = plan
        self._transport = transport
        self._waits_s = tuple(waits_s)
        self._sleep = sleep

    async def send(self, message: Message) -> int:
        """Have a message taken, and return the HTTP status it was taken with.

        Raises:
            AlertError: It was not, also when tried again.
        """
        connection = HttpConnection(
            connect_s=CONNECT_S,
            total_s=TOTAL_S,
            max_bytes=_MOST_BYTES,
            tls=build_tls_context(None) if self._plan.url.lower().startswith("https:") else None,
            transport=self._transport,
        )
        try:
            for wait_s in (*self._waits_s, None):
                try:
                    return _check(self._plan, await connection.exchange(self._build(message)))
                except (UnreachableError, UnansweredError, AlertError) as error:
                    failure = _translate(self._plan, error)
                    if wait_s is None or not failure.may_pass:
                        raise failure from error
                await self._sleep(wait_s)
            raise AssertionError("the last try returns or raises")
        finally:
            await connection.aclose()

    def _build(self, message: Message) -> Request:
        return Request("POST", self._plan.url, headers=message.headers, body=message.body)


def _check(plan: AlertPlan, response: Response) -> int:
    """Return the status of an answer that says the message was taken.

    Raises:
        AlertError: It does not say so.
    """
    status = response.status
    if 200 <= status < 300:
        return status
    said = " ".join(response.body[:200].decode("utf-8", "replace").split())
    reason = f"it answered {status}" + (f": {said}" if said else "")
    if 300 <= status < 400:
        cure = "give the address it leads to: a message is not sent on to wherever an answer says"
    elif status in {401, 403, 404, 410}:
        cure = "see whether the address still holds: chats withdraw them"
    elif status in {400, 415, 422}:
        cure = "try format: text, for receivers that refuse what they do not know"
    else:
        cure = None
    may_pass = status == _TOO_MANY or status >= _BROKE_OFF
    raise AlertError(plan.name, reason, cure=cure, may_pass=may_pass)


def _translate(plan: AlertPlan, error: UnreachableError | UnansweredError | AlertError) -> AlertError:
    """Return an error in words about alerts; the words of connections speak of clients."""
    if isinstance(error, AlertError):
        return error
    return AlertError(plan.name, error.message, cure="see whether the address can be reached from here", may_pass=True)
