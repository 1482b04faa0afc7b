"""Which generation a shop is of, found out by one log-in that cannot succeed.

Nothing in a shop's answers names its version. A log-in at 4.0's own route (`api/account/login`), with a user and key
that no shop has, is answered by each generation in its own way:

| Answer | Generation |
| --- | --- |
| 200, JSON with an `error` | 4.0: the route is its log-in |
| 403, JSON with nothing but an `error` | 4.1: unsigned calls are turned away, whatever they ask |
| the shop's 404 page, with a cookie `OCSESSID` | 3.0 |
| the shop's 404 page, with a cookie `default` | 2.3 |
| another web page | open: 2.3 and 3.0 share `api/login`, so a log-in there decides by what it gives |

The last one is a log-in in earnest; it is made only where something in front of the shop takes its cookies away (or
where 2.0 to 2.2 set another one). What was found out is held against every log-in: one that gives another generation's
token says so and is no success.

Source: observed on 2.3.0.2, 3.0.5.1, 4.0.2.3 and 4.1.0.4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connector.client.opencart.login import login_operation, read_login
from connector.client.opencart.verdict import Signs, read_answer
from connector.client.opencart.wire import build_post, find_endpoint
from connector.client.reading import BodyKind, read_body
from connector.frozen import dataclass
from connector.interfaces import Probe
from connector.request import Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from connector.interfaces import Credential, Dialect
    from connector.request import Response

STRANGER: Final = "connector-asks-for-the-generation"
"""User and key of the log-in that cannot succeed."""

_ANY: Final = Signs(generation="2.3, 3.0, 4.0 or 4.1", hides_errors=True)
_FIRST: Final = Signs(generation="2.3 or 3.0", login_route="api/login")
_QUESTION: Final = replace(login_operation(_ANY, "api_token"), entity="session.dialect", route="api/account/login")


@dataclass(frozen=True, slots=True)
class Generations:
    """What a detection can come to.

    Attributes:
        dialects: By name, `2.3`, `3.0`, `4.0` and `4.1`.
        base_url: As in the client's options.
        credential: For the log-in in earnest.
        now: The clock, aware.
    """

    dialects: Mapping[str, Dialect]
    base_url: str
    credential: Credential
    now: Callable[[], datetime]

    def begin(self) -> Probe:
        """Return the first question: a log-in that cannot succeed."""
        form = (("username", STRANGER), ("key", STRANGER))
        request = build_post(find_endpoint(self.base_url), {"route": _QUESTION.route}, form)
        return Probe(request, self._read_stranger)

    def _read_stranger(self, response: Response) -> Dialect | Probe | Answer:
        reading = read_body(response.body, response.headers.get("content-type", ""))
        value = reading.value if isinstance(reading.value, dict) else {}
        if response.status == 403 and value.keys() == {"error"}:
            return self.dialects["4.1"]
        if response.status == 200 and ("error" in value or "api_token" in value):
            return self.dialects["4.0"]
        is_page = reading.kind is BodyKind.HTML and reading.title is not None and not reading.notices
        if not reading.has_json and (response.status == 404 or (response.status == 200 and is_page)):
            return self._read_page(response)
        answer = read_answer(_QUESTION, response, self.now, _ANY)
        if answer.verdict in {Verdict.OK, Verdict.EMPTY, Verdict.REJECTED}:
            reason = f"no OpenCart that is known answers a log-in like this (HTTP {response.status})"
            return replace(answer, verdict=Verdict.FAULT, reason=reason, cure="write the dialect of the shop")
        return answer

    def _read_page(self, response: Response) -> Dialect | Probe:
        """Return the generation that the cookies of a page tell, or the log-in that tells it.

        Shops show their page for a missing route under 404; behind some themes and caches it comes under 200.
        """
        if "OCSESSID" in response.cookies:
            return self.dialects["3.0"]
        if "default" in response.cookies:
            return self.dialects["2.3"]
        request = self.dialects["2.3"].build_login(self.base_url, self.credential)
        assert request is not None, "2.3 has a log-in, and its fields are understood by 3.0 as well"
        return Probe(request, self._read_login)

    def _read_login(self, response: Response) -> Dialect | Answer:
        answer = read_login(response, _FIRST, self.now, "api_token", "token", "cookie")
        if answer.verdict is not Verdict.OK:
            return answer
        return self.dialects["3.0" if "api_token" in answer.value else "2.3"]
